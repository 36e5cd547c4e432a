"""Names: mkdir(2), rmdir(2), unlink(2), rename(2), link(2), symlink(2), mknod(2).

Source: Linux fs/namei.c, whose order of checks these follow; starry-next api/src/imp/fs/ctl.rs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.vfs import Credentials, VfsDir, VfsNode, VfsNodeType, permits
from kernel.modules.axfs.ramfs import RamFile
from kernel.modules.axfs.walk import Place
from kernel.plugins.starry.api.abi import Handler, as_uint32
from kernel.plugins.starry.api.paths import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_REMOVEDIR,
    AT_SYMLINK_FOLLOW,
    AT_SYMLINK_NOFOLLOW,
    credentials,
    node_at,
    place_at,
    read_path,
    require_writable_dir,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

RENAME_NOREPLACE: Final = 1
RENAME_EXCHANGE: Final = 2
_SPECIAL_NAMES: Final = ("", ".", "..")
_MAX_LINKS: Final = 65000
_MAKEABLE: Final = tuple(int(k) for k in VfsNodeType if k is not VfsNodeType.SYMLINK)


def _changed(t: Thread, what: str, place: Place) -> None:
    """Tell what happened to a name."""
    above = t.kernel.fs.path_of(place.dir)
    t.kernel.events.emit(EventKind.FS_CHANGE, what, f"{above.rstrip('/')}/{place.name}")


def _free_place(t: Thread, dirfd: int, path: str, *, is_dir: bool) -> Place:
    """A place for a new name.

    Raises:
        LinuxError: EEXIST; ENOENT for a trailing slash where no directory is made.
    """
    place = place_at(t, dirfd, path)
    if place.name in _SPECIAL_NAMES or t.kernel.fs.entry(place) is not None:
        raise LinuxError(Errno.EEXIST)
    if place.trailing and not is_dir:
        raise LinuxError(Errno.ENOENT)
    require_writable_dir(place.dir, credentials(t))
    return place


def _may_delete(directory: VfsDir, node: VfsNode, who: Credentials) -> None:
    """Permission to take a name away; a sticky directory protects others' files."""
    require_writable_dir(directory, who)
    attr = directory.attr
    if attr.perm & 0o1000 and who.uid not in (0, node.attr.uid, attr.uid):
        raise LinuxError(Errno.EPERM)


# -- making --------------------------------------------------------------------------------------


def sys_mkdirat(t: Thread, dirfd: int, path: int, mode: int) -> int:
    """mkdirat(2)."""
    place = _free_place(t, dirfd, read_path(t, path), is_dir=True)
    perm = mode & 0o1777 & ~t.fs.umask
    place.dir.create(place.name, VfsNodeType.DIR, perm, credentials(t))
    _changed(t, "mkdir", place)
    return 0


def sys_mkdir(t: Thread, path: int, mode: int) -> int:
    """mkdir(2)."""
    return sys_mkdirat(t, AT_FDCWD, path, mode)


def sys_mknodat(t: Thread, dirfd: int, path: int, mode: int, dev: int) -> int:
    """mknodat(2)."""
    mode = as_uint32(mode)
    number = mode >> 12 & 0o17
    if number == VfsNodeType.DIR:
        raise LinuxError(Errno.EPERM)
    kind = VfsNodeType.FILE
    if number:
        if number not in _MAKEABLE:
            raise LinuxError(Errno.EINVAL)
        kind = VfsNodeType(number)
    who = credentials(t)
    place = _free_place(t, dirfd, read_path(t, path), is_dir=False)
    is_device = kind in (VfsNodeType.CHAR_DEVICE, VfsNodeType.BLOCK_DEVICE)
    if is_device and who.uid:
        raise LinuxError(Errno.EPERM)
    node = place.dir.create(place.name, kind, mode & 0o7777 & ~t.fs.umask, who)
    if is_device:
        node.attr.rdev = as_uint32(dev)
    _changed(t, "mknod", place)
    return 0


def sys_mknod(t: Thread, path: int, mode: int, dev: int) -> int:
    """mknod(2)."""
    return sys_mknodat(t, AT_FDCWD, path, mode, dev)


def sys_symlinkat(t: Thread, target: int, dirfd: int, path: int) -> int:
    """symlinkat(2)."""
    text = read_path(t, target)
    place = _free_place(t, dirfd, read_path(t, path), is_dir=False)
    place.dir.symlink(place.name, text, credentials(t))
    _changed(t, "symlink", place)
    return 0


def sys_symlink(t: Thread, target: int, path: int) -> int:
    """symlink(2)."""
    return sys_symlinkat(t, target, AT_FDCWD, path)


def _may_link(node: VfsNode, who: Credentials) -> None:
    """Others' files may be linked only by who may read and write them (protected_hardlinks = 1).

    Raises:
        LinuxError: EPERM.
    """
    attr = node.get_attr()
    if who.uid in (0, attr.uid):
        return
    is_safe = attr.kind is VfsNodeType.FILE and not attr.perm & 0o4000
    if not is_safe or attr.perm & 0o2010 == 0o2010 or not permits(attr, 6, who):
        raise LinuxError(Errno.EPERM)


def sys_linkat(
    t: Thread, old_dirfd: int, old_path: int, new_dirfd: int, new_path: int, flags: int
) -> int:
    """linkat(2)."""
    flags = as_uint32(flags)
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    how = flags & AT_EMPTY_PATH
    if not flags & AT_SYMLINK_FOLLOW:
        how |= AT_SYMLINK_NOFOLLOW
    node = node_at(t, old_dirfd, old_path, how)
    place = _free_place(t, new_dirfd, read_path(t, new_path), is_dir=False)
    if node.fs is not place.dir.fs:
        raise LinuxError(Errno.EXDEV)
    if node.is_dir:
        raise LinuxError(Errno.EPERM)
    if node.attr.nlink == 0:
        if not isinstance(node, RamFile) or not node.is_linkable:
            raise LinuxError(Errno.ENOENT)
        node.is_linkable = False
    if node.attr.nlink >= _MAX_LINKS:
        raise LinuxError(Errno.EMLINK)
    _may_link(node, credentials(t))
    place.dir.link(place.name, node)
    _changed(t, "link", place)
    return 0


def sys_link(t: Thread, old_path: int, new_path: int) -> int:
    """link(2)."""
    return sys_linkat(t, AT_FDCWD, old_path, AT_FDCWD, new_path, 0)


# -- removing ------------------------------------------------------------------------------------


def _unlink(t: Thread, dirfd: int, path: str) -> int:
    place = place_at(t, dirfd, path)
    if place.name in _SPECIAL_NAMES:
        raise LinuxError(Errno.EISDIR)
    node = t.kernel.fs.entry(place)
    if node is None:
        raise LinuxError(Errno.ENOENT)
    if place.trailing:
        raise LinuxError(Errno.EISDIR if node.is_dir else Errno.ENOTDIR)
    _may_delete(place.dir, node, credentials(t))
    if node.is_dir:
        raise LinuxError(Errno.EISDIR)
    place.dir.remove(place.name)
    _changed(t, "unlink", place)
    return 0


def _rmdir(t: Thread, dirfd: int, path: str) -> int:
    place = place_at(t, dirfd, path)
    if place.name in _SPECIAL_NAMES:
        raise LinuxError({"": Errno.EBUSY, ".": Errno.EINVAL, "..": Errno.ENOTEMPTY}[place.name])
    node = t.kernel.fs.entry(place)
    if node is None:
        raise LinuxError(Errno.ENOENT)
    _may_delete(place.dir, node, credentials(t))
    if not isinstance(node, VfsDir):
        raise LinuxError(Errno.ENOTDIR)
    if t.kernel.fs.is_mount_point(node):
        raise LinuxError(Errno.EBUSY)
    if not node.is_empty():
        raise LinuxError(Errno.ENOTEMPTY)
    place.dir.remove(place.name)
    _changed(t, "rmdir", place)
    return 0


def sys_unlinkat(t: Thread, dirfd: int, path: int, flags: int) -> int:
    """unlinkat(2)."""
    flags = as_uint32(flags)
    if flags & ~AT_REMOVEDIR:
        raise LinuxError(Errno.EINVAL)
    name = read_path(t, path)
    return _rmdir(t, dirfd, name) if flags else _unlink(t, dirfd, name)


def sys_unlink(t: Thread, path: int) -> int:
    """unlink(2)."""
    return _unlink(t, AT_FDCWD, read_path(t, path))


def sys_rmdir(t: Thread, path: int) -> int:
    """rmdir(2)."""
    return _rmdir(t, AT_FDCWD, read_path(t, path))


# -- renaming ------------------------------------------------------------------------------------


def _is_above(node: VfsNode, directory: VfsNode) -> bool:
    """Whether `node` is `directory` or a directory above it in the same file system."""
    cursor: VfsNode | None = directory
    while cursor is not None:
        if cursor is node:
            return True
        cursor = cursor.parent()
    return False


def _check_slashes(
    old: Place, new: Place, node: VfsNode, target: VfsNode | None, flags: int
) -> None:
    """A trailing slash asks for a directory."""
    if flags & RENAME_EXCHANGE and new.trailing and target is not None and not target.is_dir:
        raise LinuxError(Errno.ENOTDIR)
    if node.is_dir:
        return
    if old.trailing or (new.trailing and not flags & RENAME_EXCHANGE):
        raise LinuxError(Errno.ENOTDIR)


def _check_replaced(node: VfsNode, target: VfsNode) -> None:
    """A directory replaces only an empty directory, and only a directory does."""
    if not node.is_dir:
        if target.is_dir:
            raise LinuxError(Errno.EISDIR)
        return
    if not isinstance(target, VfsDir):
        raise LinuxError(Errno.ENOTDIR)
    if not target.is_empty():
        raise LinuxError(Errno.ENOTEMPTY)


def _find_ends(t: Thread, old: Place, new: Place, flags: int) -> tuple[VfsNode, VfsNode | None]:
    """The node to rename and what has the new name, after the checks of names."""
    if old.dir.fs is not new.dir.fs:
        raise LinuxError(Errno.EXDEV)
    if old.name in _SPECIAL_NAMES:
        raise LinuxError(Errno.EBUSY)
    if new.name in _SPECIAL_NAMES:
        raise LinuxError(Errno.EEXIST if flags & RENAME_NOREPLACE else Errno.EBUSY)
    fs = t.kernel.fs
    node = fs.entry(old)
    if node is None:
        raise LinuxError(Errno.ENOENT)
    target = fs.entry(new)
    if target is not None and flags & RENAME_NOREPLACE:
        raise LinuxError(Errno.EEXIST)
    if target is None and flags & RENAME_EXCHANGE:
        raise LinuxError(Errno.ENOENT)
    if fs.is_mount_point(node) or (target is not None and fs.is_mount_point(target)):
        raise LinuxError(Errno.EBUSY)
    return node, target


def _rename(t: Thread, old: Place, new: Place, flags: int) -> int:
    node, target = _find_ends(t, old, new, flags)
    _check_slashes(old, new, node, target, flags)
    if node.is_dir and _is_above(node, new.dir):
        raise LinuxError(Errno.EINVAL)
    if target is not None and _is_above(target, old.dir):
        raise LinuxError(Errno.EINVAL if flags & RENAME_EXCHANGE else Errno.ENOTEMPTY)
    if node is target:
        return 0
    who = credentials(t)
    _may_delete(old.dir, node, who)
    if target is None:
        require_writable_dir(new.dir, who)
    else:
        _may_delete(new.dir, target, who)
    if flags & RENAME_EXCHANGE:
        old.dir.exchange(old.name, new.dir, new.name)
    else:
        if target is not None:
            _check_replaced(node, target)
        if new.dir.attr.nlink <= 0:
            raise LinuxError(Errno.ENOENT)
        old.dir.rename(old.name, new.dir, new.name)
    _changed(t, "rename to", new)
    return 0


def sys_renameat2(
    t: Thread, old_dirfd: int, old_path: int, new_dirfd: int, new_path: int, flags: int
) -> int:
    """renameat2(2): RENAME_WHITEOUT is refused."""
    flags = as_uint32(flags)
    if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) or flags == 3:
        raise LinuxError(Errno.EINVAL)
    old = place_at(t, old_dirfd, read_path(t, old_path))
    new = place_at(t, new_dirfd, read_path(t, new_path))
    return _rename(t, old, new, flags)


def sys_renameat(t: Thread, old_dirfd: int, old_path: int, new_dirfd: int, new_path: int) -> int:
    """renameat(2)."""
    return sys_renameat2(t, old_dirfd, old_path, new_dirfd, new_path, 0)


def sys_rename(t: Thread, old_path: int, new_path: int) -> int:
    """rename(2)."""
    return sys_renameat2(t, AT_FDCWD, old_path, AT_FDCWD, new_path, 0)


CALLS: dict[str, Handler] = {
    "mkdir": sys_mkdir,
    "mkdirat": sys_mkdirat,
    "mknod": sys_mknod,
    "mknodat": sys_mknodat,
    "symlink": sys_symlink,
    "symlinkat": sys_symlinkat,
    "link": sys_link,
    "linkat": sys_linkat,
    "unlink": sys_unlink,
    "unlinkat": sys_unlinkat,
    "rmdir": sys_rmdir,
    "rename": sys_rename,
    "renameat": sys_renameat,
    "renameat2": sys_renameat2,
}
