"""read(2), write(2), their vector and positioned forms, lseek(2).

Source: Linux fs/read_write.c; starry-next api/src/imp/fs/io.rs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import VfsNodeType
from kernel.modules.axfs.devfs import DeviceNode
from kernel.modules.axfs.procfs import ProcText
from kernel.modules.axfs.ramfs import RamFile
from kernel.plugins.starry.api.abi import Handler, as_int32, as_int64
from kernel.plugins.starry.api.iovec import import_iovec, one_buffer
from kernel.plugins.starry.api.transfer import MAX_OFFSET, read_file, write_file
from kernel.plugins.starry.core.file import O_APPEND, O_NONBLOCK
from kernel.plugins.starry.core.stdio import ConsoleFile

if TYPE_CHECKING:
    from kernel.plugins.starry.core.file import OpenFile
    from kernel.plugins.starry.core.thread import Thread

SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE = range(5)
_RWF_KNOWN: Final = 0x3F
_RWF_NOWAIT: Final = 0x8
_RWF_APPEND: Final = 0x10
_RWF_NOAPPEND: Final = 0x20


def sys_read(t: Thread, fd: int, buf: int, count: int) -> int:
    """read(2)."""
    file = t.fds.get(as_int32(fd))
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    return read_file(t, file, one_buffer(t, buf, count))


def sys_write(t: Thread, fd: int, buf: int, count: int) -> int:
    """write(2)."""
    file = t.fds.get(as_int32(fd))
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    return write_file(t, file, one_buffer(t, buf, count))


def sys_readv(t: Thread, fd: int, iov: int, count: int) -> int:
    """readv(2)."""
    file = t.fds.get(as_int32(fd))
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    return read_file(t, file, import_iovec(t, iov, count))


def sys_writev(t: Thread, fd: int, iov: int, count: int) -> int:
    """writev(2)."""
    file = t.fds.get(as_int32(fd))
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    return write_file(t, file, import_iovec(t, iov, count))


def _positioned(t: Thread, fd: int, offset: int) -> tuple[OpenFile, int]:
    """The file and the offset of a pread or pwrite, in Linux's order of checks."""
    position = as_int64(offset)
    if position < 0:
        raise LinuxError(Errno.EINVAL)
    file = t.fds.get(as_int32(fd))
    if not file.file.seekable:
        raise LinuxError(Errno.ESPIPE)
    return file, position


def sys_pread64(t: Thread, fd: int, buf: int, count: int, offset: int) -> int:
    """pread64(2)."""
    file, position = _positioned(t, fd, offset)
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    return read_file(t, file, one_buffer(t, buf, count), position)


def sys_pwrite64(t: Thread, fd: int, buf: int, count: int, offset: int) -> int:
    """pwrite64(2)."""
    file, position = _positioned(t, fd, offset)
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    return write_file(t, file, one_buffer(t, buf, count), position)


def sys_preadv(t: Thread, fd: int, iov: int, count: int, offset: int) -> int:
    """preadv(2); on 64-bit systems the offset's upper half is not used."""
    file, position = _positioned(t, fd, offset)
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    return read_file(t, file, import_iovec(t, iov, count), position)


def sys_pwritev(t: Thread, fd: int, iov: int, count: int, offset: int) -> int:
    """pwritev(2)."""
    file, position = _positioned(t, fd, offset)
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    return write_file(t, file, import_iovec(t, iov, count), position)


def _check_rwf(file: OpenFile, flags: int) -> int:
    """Per-call flags (`kiocb_set_rw_flags`); hints mean nothing here.

    Raises:
        LinuxError: EOPNOTSUPP: unknown, or NOWAIT on a file that never waits.
    """
    flags &= 0xFFFF_FFFF
    if flags & ~_RWF_KNOWN or (flags & _RWF_NOWAIT and file.file.seekable):
        raise LinuxError(Errno.EOPNOTSUPP)
    if flags & _RWF_APPEND and flags & _RWF_NOAPPEND:
        raise LinuxError(Errno.EINVAL)
    return flags


def _with_flags(t: Thread, file: OpenFile, flags: int, call: Callable[..., int], *args: int) -> int:
    """Make a call while the file has the status flags that per-call flags ask for."""
    kept = file.flags
    if flags & _RWF_NOWAIT:
        file.flags |= O_NONBLOCK
    if flags & _RWF_APPEND:
        file.flags |= O_APPEND
    if flags & _RWF_NOAPPEND:
        file.flags &= ~O_APPEND
    try:
        return call(t, *args)
    finally:
        file.flags = kept


def sys_preadv2(
    t: Thread, fd: int, iov: int, count: int, offset: int, high: int, flags: int
) -> int:
    """preadv2(2): offset -1 means the file's own."""
    if as_int64(offset) == -1:
        file = t.fds.get(as_int32(fd))
        return _with_flags(t, file, _check_rwf(file, flags), sys_readv, fd, iov, count)
    file, _ = _positioned(t, fd, offset)
    return _with_flags(t, file, _check_rwf(file, flags), sys_preadv, fd, iov, count, offset)


def sys_pwritev2(
    t: Thread, fd: int, iov: int, count: int, offset: int, high: int, flags: int
) -> int:
    """pwritev2(2)."""
    if as_int64(offset) == -1:
        file = t.fds.get(as_int32(fd))
        return _with_flags(t, file, _check_rwf(file, flags), sys_writev, fd, iov, count)
    file, _ = _positioned(t, fd, offset)
    return _with_flags(t, file, _check_rwf(file, flags), sys_pwritev, fd, iov, count, offset)


def sys_lseek(t: Thread, fd: int, offset: int, whence: int) -> int:
    """lseek(2)."""
    file = t.fds.get(as_int32(fd))
    where = as_int64(offset)
    whence &= 0xFFFF_FFFF
    if whence > SEEK_HOLE:
        raise LinuxError(Errno.EINVAL)
    what = file.file
    if isinstance(what, ConsoleFile) and not what.is_pipe:
        return _seek_console(what, where, whence)
    if what.ignores_seek:
        return file.offset
    if not what.seekable:
        raise LinuxError(Errno.ESPIPE)
    target = _target(file, where, whence)
    if not 0 <= target <= MAX_OFFSET:
        raise LinuxError(Errno.EINVAL)
    file.offset = target
    return target


def _target(file: OpenFile, where: int, whence: int) -> int:
    """The offset a seek asks for."""
    if whence == SEEK_SET:
        return where
    if whence == SEEK_CUR:
        return file.offset + where
    node = file.node
    assert node is not None
    if isinstance(node, DeviceNode):
        if whence == SEEK_END:
            return where
        raise LinuxError(Errno.EINVAL)
    size = node.get_attr().size_bytes
    if whence == SEEK_END:
        if node.attr.kind is VfsNodeType.DIR or isinstance(node, ProcText):
            raise LinuxError(Errno.EINVAL)
        return size + where
    if where < 0 or where >= size:
        raise LinuxError(Errno.ENXIO)
    if not isinstance(node, RamFile):
        return where if whence == SEEK_DATA else size
    if whence == SEEK_HOLE:
        return node.pages.next_hole(where)
    found = node.pages.next_data(where)
    if found is None:
        raise LinuxError(Errno.ENXIO)
    return found


def _seek_console(what: ConsoleFile, where: int, whence: int) -> int:
    """A redirected standard descriptor: positions count, but the host's bytes only stream by."""
    if whence > SEEK_END:
        raise LinuxError(Errno.EINVAL)
    target = where + (0 if whence == SEEK_SET else what.position)
    if target < 0:
        raise LinuxError(Errno.EINVAL)
    return target


CALLS: dict[str, Handler] = {
    "read": sys_read,
    "write": sys_write,
    "readv": sys_readv,
    "writev": sys_writev,
    "pread64": sys_pread64,
    "pwrite64": sys_pwrite64,
    "preadv": sys_preadv,
    "pwritev": sys_pwritev,
    "preadv2": sys_preadv2,
    "pwritev2": sys_pwritev2,
    "lseek": sys_lseek,
}
