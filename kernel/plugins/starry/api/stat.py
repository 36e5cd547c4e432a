"""What is known about files: stat(2), statx(2), access(2), readlink(2), statfs(2).

Source: Linux fs/stat.c, fs/open.c (do_faccessat), fs/statfs.c, include/uapi/asm-generic/stat.h,
arch/x86/include/uapi/asm/stat.h; starry-next api/src/imp/fs/stat.rs.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import (
    Credentials,
    VfsNode,
    VfsNodeAttr,
    VfsNodeType,
    encode_name,
    split_dev,
)
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.api.paths import (
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_NO_AUTOMOUNT,
    AT_SYMLINK_NOFOLLOW,
    base_of,
    credentials,
    lookup_at,
    node_at,
    read_path,
    require,
)
from kernel.plugins.starry.core.identity import identity_of

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_STAT_X86: Final = struct.Struct("<3Q3I4xQ3q" + "qQ" * 3 + "24x")  # 144 bytes
_STAT_GENERIC: Final = struct.Struct("<2Q4IQ8xqi4xq" + "qQ" * 3 + "8x")  # 128 bytes
_STATX: Final = struct.Struct("<2IQ3IH2x4Q" + "qI4x" * 4 + "4IQ2I96x")  # 256 bytes
_STATFS: Final = struct.Struct("<7q2i3q32x")  # 120 bytes
_STATX_BASIC: Final = 0x7FF
_STATX_BTIME: Final = 0x800
_STATX_RESERVED: Final = 0x8000_0000
_AT_STATX_SYNC: Final = 0x6000
_STAT_FLAGS: Final = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | _AT_STATX_SYNC
_ST_VALID_RELATIME: Final = 0x1020
_NS: Final = 1_000_000_000


def pack_stat(arch: str, attr: VfsNodeAttr, dev: int) -> bytes:
    """Make struct stat as an architecture has it."""
    times = (
        *divmod(attr.atime_ns, _NS),
        *divmod(attr.mtime_ns, _NS),
        *divmod(attr.ctime_ns, _NS),
    )
    if arch == "x86_64":
        return _STAT_X86.pack(
            dev,
            attr.ino,
            attr.nlink,
            attr.mode,
            attr.uid,
            attr.gid,
            attr.rdev,
            attr.size_bytes,
            attr.block_bytes,
            attr.blocks,
            *times,
        )
    return _STAT_GENERIC.pack(
        dev,
        attr.ino,
        attr.mode,
        attr.nlink,
        attr.uid,
        attr.gid,
        attr.rdev,
        attr.size_bytes,
        attr.block_bytes,
        attr.blocks,
        *times,
    )


def pack_statx(attr: VfsNodeAttr, dev: int, mask: int = _STATX_BTIME) -> bytes:
    """Make struct statx; the same on all architectures. The time of birth only where asked for."""
    return _STATX.pack(
        _STATX_BASIC | mask & _STATX_BTIME,
        attr.block_bytes,
        0,
        attr.nlink,
        attr.uid,
        attr.gid,
        attr.mode,
        attr.ino,
        attr.size_bytes,
        attr.blocks,
        0,
        *divmod(attr.atime_ns, _NS),
        *divmod(attr.btime_ns, _NS),
        *divmod(attr.ctime_ns, _NS),
        *divmod(attr.mtime_ns, _NS),
        *split_dev(attr.rdev),
        *split_dev(dev),
        dev,  # stx_mnt_id: each file system is mounted once
        0,
        0,
    )


def _attr_at(t: Thread, dirfd: int, path_va: int, flags: int) -> tuple[VfsNodeAttr, int]:
    """Attributes and device of what a `*at` call means; also of things without a node."""
    path = read_path(t, path_va, may_be_empty=bool(flags & AT_EMPTY_PATH))
    if not path:
        fd = as_int32(dirfd)
        if fd != AT_FDCWD:
            return t.fds.get_any(fd).get_attr()
        node: VfsNode = t.fs.cwd
    else:
        node = lookup_at(t, dirfd, path, follow=not flags & AT_SYMLINK_NOFOLLOW)
    return node.get_attr(), node.fs.dev


def sys_newfstatat(t: Thread, dirfd: int, path: int, buf: int, flags: int) -> int:
    """newfstatat(2)."""
    flags = as_uint32(flags)
    if flags & ~_STAT_FLAGS:
        raise LinuxError(Errno.EINVAL)
    t.mem.write(buf, pack_stat(t.arch.name, *_attr_at(t, dirfd, path, flags)))
    return 0


def sys_stat(t: Thread, path: int, buf: int) -> int:
    """stat(2)."""
    return sys_newfstatat(t, AT_FDCWD, path, buf, 0)


def sys_lstat(t: Thread, path: int, buf: int) -> int:
    """lstat(2)."""
    return sys_newfstatat(t, AT_FDCWD, path, buf, AT_SYMLINK_NOFOLLOW)


def sys_fstat(t: Thread, fd: int, buf: int) -> int:
    """fstat(2)."""
    t.mem.write(buf, pack_stat(t.arch.name, *t.fds.get_any(as_uint32(fd)).get_attr()))
    return 0


def sys_statx(t: Thread, dirfd: int, path: int, flags: int, mask: int, buf: int) -> int:
    """statx(2): what stat(2) tells is answered, whatever the mask."""
    flags = as_uint32(flags)
    if as_uint32(mask) & _STATX_RESERVED or flags & _AT_STATX_SYNC == _AT_STATX_SYNC:
        raise LinuxError(Errno.EINVAL)
    if flags & ~_STAT_FLAGS:
        raise LinuxError(Errno.EINVAL)
    t.mem.write(buf, pack_statx(*_attr_at(t, dirfd, path, flags), mask))
    return 0


# -- access --------------------------------------------------------------------------------------


def _access(t: Thread, dirfd: int, path_va: int, mode: int, flags: int) -> int:
    mode, flags = as_uint32(mode), as_uint32(flags)
    if mode & ~7 or flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    ids = identity_of(t.process)
    who = credentials(t)
    if not flags & AT_EACCESS:
        who = Credentials(ids.ruid, ids.rgid, ids.groups)
    path = read_path(t, path_va, may_be_empty=bool(flags & AT_EMPTY_PATH))
    if path:
        follow = not flags & AT_SYMLINK_NOFOLLOW
        node = t.kernel.fs.lookup(path, base_of(t, dirfd, path), follow=follow, who=who)
    else:
        node = node_at(t, dirfd, path_va, flags)
    if mode:
        require(node.get_attr(), mode, who)
    return 0


def sys_faccessat(t: Thread, dirfd: int, path: int, mode: int) -> int:
    """faccessat(2): with real ids; the system call has no flags."""
    return _access(t, dirfd, path, mode, 0)


def sys_faccessat2(t: Thread, dirfd: int, path: int, mode: int, flags: int) -> int:
    """faccessat2(2)."""
    return _access(t, dirfd, path, mode, flags)


def sys_access(t: Thread, path: int, mode: int) -> int:
    """access(2)."""
    return _access(t, AT_FDCWD, path, mode, 0)


# -- links ---------------------------------------------------------------------------------------


def sys_readlinkat(t: Thread, dirfd: int, path: int, buf: int, size: int) -> int:
    """readlinkat(2): the target without a NUL, cut to the buffer."""
    room = as_int32(size)
    if room <= 0:
        raise LinuxError(Errno.EINVAL)
    name = read_path(t, path, may_be_empty=True)
    if name:
        node = lookup_at(t, dirfd, name, follow=False)
    elif as_int32(dirfd) == AT_FDCWD:
        raise LinuxError(Errno.ENOENT)
    else:
        node = node_at(t, dirfd, path, AT_EMPTY_PATH)
    if node.attr.kind is not VfsNodeType.SYMLINK:
        raise LinuxError(Errno.EINVAL if name else Errno.ENOENT)
    target = encode_name(node.read_link())[:room]
    t.mem.write(buf, target)
    return len(target)


def sys_readlink(t: Thread, path: int, buf: int, size: int) -> int:
    """readlink(2)."""
    return sys_readlinkat(t, AT_FDCWD, path, buf, size)


# -- file systems --------------------------------------------------------------------------------


def _pack_statfs(node: VfsNode | None) -> bytes:
    """Make struct statfs; a pipe's file system has no sizes."""
    if node is None:
        return _STATFS.pack(0x5049_5045, 4096, 0, 0, 0, 0, 0, 0, 0, 255, 4096, _ST_VALID_RELATIME)
    s = node.fs.statfs()
    return _STATFS.pack(
        s.magic,
        s.block_bytes,
        s.blocks,
        s.free_blocks,
        s.free_blocks,
        s.files,
        s.free_files,
        node.fs.dev,
        0,
        255,
        s.block_bytes,
        _ST_VALID_RELATIME,
    )


def sys_statfs(t: Thread, path: int, buf: int) -> int:
    """statfs(2)."""
    node = lookup_at(t, AT_FDCWD, read_path(t, path))
    t.mem.write(buf, _pack_statfs(node))
    return 0


def sys_fstatfs(t: Thread, fd: int, buf: int) -> int:
    """fstatfs(2)."""
    t.mem.write(buf, _pack_statfs(t.fds.get_any(as_uint32(fd)).node))
    return 0


CALLS: dict[str, Handler] = {
    "stat": sys_stat,
    "lstat": sys_lstat,
    "fstat": sys_fstat,
    "newfstatat": sys_newfstatat,
    "statx": sys_statx,
    "access": sys_access,
    "faccessat": sys_faccessat,
    "faccessat2": sys_faccessat2,
    "readlink": sys_readlink,
    "readlinkat": sys_readlinkat,
    "statfs": sys_statfs,
    "fstatfs": sys_fstatfs,
}
