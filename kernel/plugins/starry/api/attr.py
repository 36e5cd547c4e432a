"""Changing metadata: chmod(2), chown(2), utimensat(2) and their kin; extended attributes.

Source: Linux fs/open.c, fs/attr.c `setattr_prepare`, fs/utimes.c, fs/xattr.c.
Differs from Linux: no file system here keeps extended attributes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import Access, VfsNode, VfsNodeAttr, VfsNodeType, permits
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.api.paths import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_NOFOLLOW,
    base_of,
    credentials,
    lookup_at,
    node_at,
    read_path,
    require_owner,
    wall_clock_ns,
)
from kernel.plugins.starry.core.anon_node import AnonNode

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_FLAGS: Final = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH
_KEEP: Final = 0xFFFF_FFFF
_UTIME_NOW: Final = 0x3FFF_FFFF
_UTIME_OMIT: Final = 0x3FFF_FFFE
_NS: Final = 1_000_000_000
_MAX_NS: Final = (1 << 63) - 1
_XATTR_PREFIXES: Final = ("user.", "trusted.", "security.", "system.")


# -- permissions and owners ----------------------------------------------------------------------


def _chmod(t: Thread, node: VfsNode, mode: int) -> int:
    who = credentials(t)
    if node.attr.kind is VfsNodeType.SYMLINK:
        raise LinuxError(Errno.EOPNOTSUPP)
    require_owner(node.get_attr(), who)
    perm = mode & 0o7777
    if who.uid and node.attr.gid != who.gid and node.attr.gid not in who.groups:
        perm &= ~0o2000
    node.set_attr(wall_clock_ns(t), perm=perm)
    return 0


def sys_fchmodat(t: Thread, dirfd: int, path: int, mode: int) -> int:
    """fchmodat(2): the system call has no flags."""
    return _chmod(t, lookup_at(t, dirfd, read_path(t, path)), mode)


def sys_fchmodat2(t: Thread, dirfd: int, path: int, mode: int, flags: int) -> int:
    """fchmodat2(2)."""
    flags = as_uint32(flags)
    if flags & ~_FLAGS:
        raise LinuxError(Errno.EINVAL)
    return _chmod(t, node_at(t, dirfd, path, flags), mode)


def sys_chmod(t: Thread, path: int, mode: int) -> int:
    """chmod(2)."""
    return sys_fchmodat(t, AT_FDCWD, path, mode)


def sys_fchmod(t: Thread, fd: int, mode: int) -> int:
    """fchmod(2)."""
    file = t.fds.get(as_uint32(fd))
    if file.node is None:
        file.get_attr()[0].perm = mode & 0o7777
        return 0
    return _chmod(t, file.node, mode)


def _new_owner(t: Thread, attr: VfsNodeAttr, uid: int, gid: int) -> tuple[int, int, int]:
    """Checked new user, group and permission bits (`chown_common`).

    Raises:
        LinuxError: EPERM.
    """
    who = credentials(t)
    new_uid = attr.uid if uid == _KEEP else uid
    new_gid = attr.gid if gid == _KEEP else gid
    if who.uid:
        is_mine = who.uid == attr.uid
        if new_uid != attr.uid or not is_mine:
            raise LinuxError(Errno.EPERM)
        if new_gid not in (attr.gid, who.gid) and new_gid not in who.groups:
            raise LinuxError(Errno.EPERM)
    perm = attr.perm
    if attr.kind is not VfsNodeType.DIR:
        perm &= ~0o4000
        if perm & 0o10:
            perm &= ~0o2000
    return new_uid, new_gid, perm


def _chown(t: Thread, node: VfsNode, uid: int, gid: int) -> int:
    attr = node.get_attr()
    new_uid, new_gid, perm = _new_owner(t, attr, as_uint32(uid), as_uint32(gid))
    node.set_attr(wall_clock_ns(t), uid=new_uid, gid=new_gid, perm=perm)
    return 0


def sys_fchownat(t: Thread, dirfd: int, path: int, uid: int, gid: int, flags: int) -> int:
    """fchownat(2)."""
    flags = as_uint32(flags)
    if flags & ~_FLAGS:
        raise LinuxError(Errno.EINVAL)
    return _chown(t, node_at(t, dirfd, path, flags), uid, gid)


def sys_chown(t: Thread, path: int, uid: int, gid: int) -> int:
    """chown(2)."""
    return sys_fchownat(t, AT_FDCWD, path, uid, gid, 0)


def sys_lchown(t: Thread, path: int, uid: int, gid: int) -> int:
    """lchown(2)."""
    return sys_fchownat(t, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW)


def sys_fchown(t: Thread, fd: int, uid: int, gid: int) -> int:
    """fchown(2)."""
    file = t.fds.get(as_uint32(fd))
    if file.node is not None:
        return _chown(t, file.node, uid, gid)
    attr = file.get_attr()[0]
    attr.uid, attr.gid, _ = _new_owner(t, attr, as_uint32(uid), as_uint32(gid))
    return 0


# -- times ---------------------------------------------------------------------------------------


def _set_times(t: Thread, node: VfsNode, atime: int | None, mtime: int | None, now: bool) -> None:
    """Set times; None leaves one. `now`: both are the present, which writers may set, too."""
    who = credentials(t)
    attr = node.get_attr()
    if not (now and permits(attr, Access.WRITE, who)):
        if now and who.uid not in (0, attr.uid):
            raise LinuxError(Errno.EACCES)
        require_owner(attr, who)
    node.set_attr(wall_clock_ns(t), atime_ns=atime, mtime_ns=mtime)


def _node_for_times(t: Thread, dirfd: int, path: int, flags: int) -> VfsNode:
    """The node; a null path means the descriptor itself."""
    if path or as_int32(dirfd) == AT_FDCWD:
        if flags & ~_FLAGS:
            raise LinuxError(Errno.EINVAL)
        return node_at(t, dirfd, path, flags)
    if flags:
        raise LinuxError(Errno.EINVAL)
    file = t.fds.get(as_uint32(dirfd))
    return file.node if file.node is not None else AnonNode(file.file, file.path)


def _time_of(seconds: int, nanos: int, present: int) -> int | None:
    """One timespec of utimensat.

    Raises:
        LinuxError: EINVAL.
    """
    if nanos == _UTIME_OMIT:
        return None
    if nanos == _UTIME_NOW:
        return present
    if not 0 <= nanos < _NS:
        raise LinuxError(Errno.EINVAL)
    return max(-_MAX_NS, min(seconds * _NS + nanos, _MAX_NS))


def sys_utimensat(t: Thread, dirfd: int, path: int, times: int, flags: int) -> int:
    """utimensat(2)."""
    flags = as_uint32(flags)
    present = wall_clock_ns(t)
    atime: int | None = present
    mtime: int | None = present
    both_now = True
    if times:
        a_s, a_ns, m_s, m_ns = struct.unpack("<4q", t.mem.read(times, 32))
        atime, mtime = _time_of(a_s, a_ns, present), _time_of(m_s, m_ns, present)
        if atime is None and mtime is None:
            return 0
        both_now = a_ns == m_ns == _UTIME_NOW
    _set_times(t, _node_for_times(t, dirfd, path, flags), atime, mtime, both_now)
    return 0


def sys_futimesat(t: Thread, dirfd: int, path: int, times: int) -> int:
    """futimesat(2)."""
    present = wall_clock_ns(t)
    atime = mtime = present
    if times:
        a_s, a_us, m_s, m_us = struct.unpack("<4q", t.mem.read(times, 32))
        if not (0 <= a_us < 1_000_000 and 0 <= m_us < 1_000_000):
            raise LinuxError(Errno.EINVAL)
        found = _time_of(a_s, a_us * 1000, present), _time_of(m_s, m_us * 1000, present)
        atime, mtime = found[0] or 0, found[1] or 0
    _set_times(t, _node_for_times(t, dirfd, path, 0), atime, mtime, not times)
    return 0


def sys_utimes(t: Thread, path: int, times: int) -> int:
    """utimes(2)."""
    return sys_futimesat(t, AT_FDCWD, path, times)


def sys_utime(t: Thread, path: int, times: int) -> int:
    """utime(2)."""
    present = wall_clock_ns(t)
    atime = mtime = present
    if times:
        a_s, m_s = struct.unpack("<2q", t.mem.read(times, 16))
        found = _time_of(a_s, 0, present), _time_of(m_s, 0, present)
        atime, mtime = found[0] or 0, found[1] or 0
    _set_times(t, _node_for_times(t, AT_FDCWD, path, 0), atime, mtime, not times)
    return 0


# -- extended attributes -------------------------------------------------------------------------


def _xattr_node(t: Thread, path: int, *, follow: bool) -> VfsNode:
    name = read_path(t, path)
    return t.kernel.fs.lookup(name, base_of(t, AT_FDCWD, name), follow=follow, who=credentials(t))


def _xattr_name(t: Thread, name: int) -> str:
    """The attribute's name.

    Raises:
        LinuxError: ERANGE for an empty or too long one, EOPNOTSUPP for an unknown class.
    """
    raw = t.mem.read_cstr(name, 256, Errno.ERANGE)
    if not raw:
        raise LinuxError(Errno.ERANGE)
    text = raw.decode("latin-1")
    if not text.startswith(_XATTR_PREFIXES):
        raise LinuxError(Errno.EOPNOTSUPP)
    return text


def sys_getxattr(t: Thread, path: int, name: int, value: int, size: int) -> int:
    """getxattr(2)."""
    _xattr_node(t, path, follow=True)
    _xattr_name(t, name)
    raise LinuxError(Errno.ENODATA)


def sys_lgetxattr(t: Thread, path: int, name: int, value: int, size: int) -> int:
    """lgetxattr(2)."""
    _xattr_node(t, path, follow=False)
    _xattr_name(t, name)
    raise LinuxError(Errno.ENODATA)


def sys_fgetxattr(t: Thread, fd: int, name: int, value: int, size: int) -> int:
    """fgetxattr(2)."""
    t.fds.get(as_uint32(fd))
    _xattr_name(t, name)
    raise LinuxError(Errno.ENODATA)


def sys_setxattr(t: Thread, path: int, name: int, value: int, size: int, flags: int) -> int:
    """setxattr(2), lsetxattr(2)."""
    _xattr_name(t, name)
    _xattr_node(t, path, follow=False)
    raise LinuxError(Errno.EOPNOTSUPP)


def sys_fsetxattr(t: Thread, fd: int, name: int, value: int, size: int, flags: int) -> int:
    """fsetxattr(2)."""
    t.fds.get(as_uint32(fd))
    _xattr_name(t, name)
    raise LinuxError(Errno.EOPNOTSUPP)


def sys_listxattr(t: Thread, path: int, names: int, size: int) -> int:
    """listxattr(2): none."""
    _xattr_node(t, path, follow=True)
    return 0


def sys_llistxattr(t: Thread, path: int, names: int, size: int) -> int:
    """llistxattr(2): none."""
    _xattr_node(t, path, follow=False)
    return 0


def sys_flistxattr(t: Thread, fd: int, names: int, size: int) -> int:
    """flistxattr(2): none."""
    t.fds.get(as_uint32(fd))
    return 0


def sys_removexattr(t: Thread, path: int, name: int) -> int:
    """removexattr(2), lremovexattr(2)."""
    _xattr_node(t, path, follow=False)
    _xattr_name(t, name)
    raise LinuxError(Errno.ENODATA)


def sys_fremovexattr(t: Thread, fd: int, name: int) -> int:
    """fremovexattr(2)."""
    t.fds.get(as_uint32(fd))
    _xattr_name(t, name)
    raise LinuxError(Errno.ENODATA)


CALLS: dict[str, Handler] = {
    "chmod": sys_chmod,
    "fchmod": sys_fchmod,
    "fchmodat": sys_fchmodat,
    "fchmodat2": sys_fchmodat2,
    "chown": sys_chown,
    "lchown": sys_lchown,
    "fchown": sys_fchown,
    "fchownat": sys_fchownat,
    "utimensat": sys_utimensat,
    "futimesat": sys_futimesat,
    "utimes": sys_utimes,
    "utime": sys_utime,
    "getxattr": sys_getxattr,
    "lgetxattr": sys_lgetxattr,
    "fgetxattr": sys_fgetxattr,
    "setxattr": sys_setxattr,
    "lsetxattr": sys_setxattr,
    "fsetxattr": sys_fsetxattr,
    "listxattr": sys_listxattr,
    "llistxattr": sys_llistxattr,
    "flistxattr": sys_flistxattr,
    "removexattr": sys_removexattr,
    "lremovexattr": sys_removexattr,
    "fremovexattr": sys_fremovexattr,
}
