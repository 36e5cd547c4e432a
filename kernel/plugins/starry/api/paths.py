"""Path arguments: from user memory, relative to a descriptor, on behalf of the caller.

Source: Linux fs/namei.c (getname, path_init), openat(2) on AT_FDCWD and AT_EMPTY_PATH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import (
    PATH_MAX,
    ROOT_USER,
    Access,
    Credentials,
    VfsDir,
    VfsNode,
    VfsNodeAttr,
    decode_name,
    permits,
)
from kernel.plugins.starry.api.abi import as_int32
from kernel.plugins.starry.core.identity import identity_of

if TYPE_CHECKING:
    from kernel.modules.axfs.walk import Place
    from kernel.plugins.starry.core.thread import Thread

AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_REMOVEDIR: Final = 0x200
AT_EACCESS: Final = 0x200
AT_SYMLINK_FOLLOW: Final = 0x400
AT_NO_AUTOMOUNT: Final = 0x800
AT_EMPTY_PATH: Final = 0x1000


def credentials(t: Thread) -> Credentials:
    """As whom the thread accesses files: fsuid, fsgid, groups."""
    who = identity_of(t.process)
    if not who.fsuid and not who.fsgid:
        return ROOT_USER
    return Credentials(who.fsuid, who.fsgid, who.groups)


def read_path(t: Thread, va: int, *, may_be_empty: bool = False) -> str:
    """A path argument.

    Raises:
        LinuxError: EFAULT; ENAMETOOLONG; ENOENT where an empty one is not allowed.
    """
    raw = t.mem.read_cstr(va, PATH_MAX)
    if len(raw) >= PATH_MAX:
        raise LinuxError(Errno.ENAMETOOLONG)
    if not raw and not may_be_empty:
        raise LinuxError(Errno.ENOENT)
    return decode_name(raw)


def base_of(t: Thread, dirfd: int, path: str) -> VfsNode | None:
    """Where a relative path starts; None for an absolute one.

    Raises:
        LinuxError: EBADF, ENOTDIR.
    """
    if path.startswith("/"):
        return None
    fd = as_int32(dirfd)
    if fd == AT_FDCWD:
        return t.fs.cwd
    node = t.fds.get_any(fd).node
    if node is None or not node.is_dir:
        raise LinuxError(Errno.ENOTDIR)
    return node


def lookup_at(t: Thread, dirfd: int, path: str, *, follow: bool = True) -> VfsNode:
    """The node a `*at` call means; `path` is not empty."""
    return t.kernel.fs.lookup(path, base_of(t, dirfd, path), follow=follow, who=credentials(t))


def place_at(t: Thread, dirfd: int, path: str) -> Place:
    """Directory and last component of a path that may not exist yet."""
    return t.kernel.fs.parent_of(path, base_of(t, dirfd, path), who=credentials(t))


def node_at(t: Thread, dirfd: int, path_va: int, flags: int) -> VfsNode:
    """The node of a call with AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH.

    Raises:
        LinuxError: EBADF where the descriptor has no node (a pipe).
    """
    path = read_path(t, path_va, may_be_empty=bool(flags & AT_EMPTY_PATH))
    if not path:
        fd = as_int32(dirfd)
        if fd == AT_FDCWD:
            return t.fs.cwd
        node = t.fds.get_any(fd).node
        if node is None:
            raise LinuxError(Errno.EBADF)
        return node
    return lookup_at(t, dirfd, path, follow=not flags & AT_SYMLINK_NOFOLLOW)


def require(attr: VfsNodeAttr, wanted: int, who: Credentials) -> None:
    """Check permissions.

    Raises:
        LinuxError: EACCES.
    """
    if not permits(attr, wanted, who):
        raise LinuxError(Errno.EACCES)


def require_writable_dir(directory: VfsDir, who: Credentials) -> None:
    """Whether names may be made and removed in a directory.

    Raises:
        LinuxError: EACCES.
    """
    require(directory.get_attr(), Access.WRITE | Access.EXECUTE, who)


def require_owner(attr: VfsNodeAttr, who: Credentials) -> None:
    """Only the owner and root may change a node's metadata.

    Raises:
        LinuxError: EPERM.
    """
    if who.uid not in (0, attr.uid):
        raise LinuxError(Errno.EPERM)


def wall_clock_ns(t: Thread) -> int:
    """CLOCK_REALTIME, for time stamps."""
    return t.kernel.config.epoch_offset_ns + t.kernel.events.time_ns
