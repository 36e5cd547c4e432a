"""A process's place in the tree, and listings: chdir(2), getcwd(2), getdents(2), umask(2).

Source: Linux fs/open.c, fs/d_path.c, fs/readdir.c; starry-next api/src/imp/fs/ctl.rs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import Access, VfsDirEntry, VfsNode, encode_name
from kernel.plugins.starry.api.abi import Handler, as_uint32
from kernel.plugins.starry.api.paths import (
    AT_FDCWD,
    credentials,
    lookup_at,
    read_path,
    require,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_DIRENT64: Final = struct.Struct("<QqHB")  # ino, off, reclen, type; the name follows
_DIRENT: Final = struct.Struct("<QQH")  # ino, off, reclen; the type is the record's last byte
_LISTING_BYTES: Final = 1 << 20


def sys_getcwd(t: Thread, buf: int, size: int) -> int:
    """getcwd(2): the length with its NUL."""
    path = encode_name(t.fs.cwd_path) + b"\0"
    if len(path) > size:
        raise LinuxError(Errno.ERANGE)
    t.mem.write(buf, path)
    return len(path)


def _go(t: Thread, node: VfsNode) -> int:
    if not node.is_dir:
        raise LinuxError(Errno.ENOTDIR)
    require(node.get_attr(), Access.EXECUTE, credentials(t))
    t.fs.set_cwd(node)
    return 0


def sys_chdir(t: Thread, path: int) -> int:
    """chdir(2)."""
    return _go(t, lookup_at(t, AT_FDCWD, read_path(t, path)))


def sys_fchdir(t: Thread, fd: int) -> int:
    """fchdir(2)."""
    node = t.fds.get_any(as_uint32(fd)).node
    if node is None:
        raise LinuxError(Errno.ENOTDIR)
    return _go(t, node)


def sys_umask(t: Thread, mask: int) -> int:
    """umask(2): the old mask."""
    old = t.fs.umask
    t.fs.umask = mask & 0o777
    return old


def _record64(entry: VfsDirEntry) -> bytes:
    """One struct linux_dirent64."""
    name = encode_name(entry.name)
    size = (19 + len(name) + 1 + 7) & ~7
    head = _DIRENT64.pack(entry.ino, entry.cookie, size, entry.kind)
    return (head + name).ljust(size, b"\0")


def _record(entry: VfsDirEntry) -> bytes:
    """One struct linux_dirent, x86's old form."""
    name = encode_name(entry.name)
    size = (18 + len(name) + 2 + 7) & ~7
    head = _DIRENT.pack(entry.ino, entry.cookie, size)
    return (head + name).ljust(size - 1, b"\0") + bytes((entry.kind,))


def _list(t: Thread, fd: int, buf: int, count: int, record: Callable[[VfsDirEntry], bytes]) -> int:
    file = t.fds.get(as_uint32(fd))
    node = file.node
    if node is None or not node.is_dir:
        raise LinuxError(Errno.ENOTDIR)
    if node.attr.nlink <= 0:
        raise LinuxError(Errno.ENOENT)
    room = min(as_uint32(count), _LISTING_BYTES)
    parts: list[bytes] = []
    used = 0
    cookie = file.offset
    for entry in node.read_dir(cookie):
        data = record(entry)
        if used + len(data) > room:
            if not used:
                raise LinuxError(Errno.EINVAL)
            break
        parts.append(data)
        used += len(data)
        cookie = entry.cookie
    t.mem.write(buf, b"".join(parts))
    file.offset = cookie
    return used


def sys_getdents64(t: Thread, fd: int, buf: int, count: int) -> int:
    """getdents64(2)."""
    return _list(t, fd, buf, count, _record64)


def sys_getdents(t: Thread, fd: int, buf: int, count: int) -> int:
    """getdents(2)."""
    return _list(t, fd, buf, count, _record)


CALLS: dict[str, Handler] = {
    "getcwd": sys_getcwd,
    "chdir": sys_chdir,
    "fchdir": sys_fchdir,
    "umask": sys_umask,
    "getdents64": sys_getdents64,
    "getdents": sys_getdents,
}
