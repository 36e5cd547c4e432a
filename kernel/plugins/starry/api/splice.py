"""Moving bytes between pipes and files without user memory: splice(2), tee(2), vmsplice(2).

Source: Linux fs/splice.c (do_splice, do_tee, vmsplice_to_pipe), whose order of checks these follow.
Differs from Linux: the bytes are copied; no page changes hands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_int64, as_uint32
from kernel.plugins.starry.api.iovec import CHUNK_BYTES, fetch, import_iovec, store, total_bytes
from kernel.plugins.starry.api.transfer import SIGPIPE, signal_self
from kernel.plugins.starry.core.file import O_APPEND, OpenFile, WouldBlock
from kernel.plugins.starry.core.pipe import Pipe, PipeEnd

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_NONBLOCK: Final = 2
_ALL_FLAGS: Final = 0xF


def _pipe(file: OpenFile) -> Pipe | None:
    end = file.file
    return end.pipe if isinstance(end, PipeEnd) else None


def _room(pipe: Pipe) -> int:
    """Bytes that find room in free buffers."""
    return max(0, pipe.limit - len(pipe.buffers)) * PAGE_SIZE


def _wait(t: Thread, file: OpenFile, other: OpenFile, flags: int, why: str) -> int:
    """Wait for a pipe, or give up.

    Raises:
        LinuxError: EAGAIN, ERESTARTSYS.
    """
    if flags & _NONBLOCK or file.is_nonblocking or (_pipe(other) and other.is_nonblocking):
        raise LinuxError(Errno.EAGAIN)
    if t.resumed is WaitOutcome.SIGNAL:
        raise LinuxError(Errno.ERESTARTSYS)
    return t.block(f"{why} {file.path}", file.file.wait_queues())


def _broken(t: Thread) -> LinuxError:
    """Nobody reads the pipe any more: SIGPIPE, and the error."""
    signal_self(t, SIGPIPE)
    return LinuxError(Errno.EPIPE)


def _open_ends(t: Thread, fd_in: int, fd_out: int) -> tuple[OpenFile, OpenFile]:
    """Both files, readable and writable.

    Raises:
        LinuxError: EBADF.
    """
    source, target = t.fds.get(as_int32(fd_in)), t.fds.get(as_int32(fd_out))
    if not source.readable or not target.writable:
        raise LinuxError(Errno.EBADF)
    return source, target


# -- splice --------------------------------------------------------------------------------------


def _offset(t: Thread, va: int, file: OpenFile) -> int:
    """The offset argument, or the file's own.

    Raises:
        LinuxError: ESPIPE, EINVAL, EFAULT.
    """
    if not va:
        return file.offset
    if _pipe(file) is not None:
        raise LinuxError(Errno.ESPIPE)
    if not file.file.seekable:
        raise LinuxError(Errno.EINVAL)
    offset = as_int64(t.mem.read_u64(va))
    if offset < 0:
        raise LinuxError(Errno.EINVAL)
    return offset


def _moved(t: Thread, va: int, file: OpenFile, offset: int) -> None:
    if va:
        t.mem.write_u64(va, offset)
    elif file.file.seekable:
        file.offset = offset


def sys_splice(
    t: Thread, fd_in: int, in_va: int, fd_out: int, out_va: int, count: int, flags: int
) -> int:
    """splice(2)."""
    flags = as_uint32(flags)
    if not count:
        return 0
    if flags & ~_ALL_FLAGS:
        raise LinuxError(Errno.EINVAL)
    source, target = _open_ends(t, fd_in, fd_out)
    first, second = _pipe(source), _pipe(target)
    if first is None and second is None:
        raise LinuxError(Errno.EINVAL)
    for va, pipe in ((in_va, first), (out_va, second)):
        if va and pipe is not None:
            raise LinuxError(Errno.ESPIPE)
    if first is not None and first is second:
        raise LinuxError(Errno.EINVAL)
    if second is None and target.flags & O_APPEND:
        raise LinuxError(Errno.EINVAL)
    in_offset, out_offset = _offset(t, in_va, source), _offset(t, out_va, target)
    if second is not None:
        if not second.readers:
            raise _broken(t)
        if not _room(second):
            return _wait(t, target, source, flags, "room in")
        count = min(count, _room(second))
    if first is not None:
        if not first.buffers:
            return _wait(t, source, target, flags, "input from") if first.writers else 0
        return _from_pipe(t, first, target, out_va, out_offset, count)
    assert second is not None
    try:
        size = min(count, CHUNK_BYTES)
        what = source.file
        data = what.pread(t, size, in_offset) if what.seekable else what.read(t, size)
    except WouldBlock:
        return _wait(t, source, target, flags, "input from")
    second.put(data)
    _moved(t, in_va, source, in_offset + len(data))
    return len(data)


def _from_pipe(
    t: Thread, pipe: Pipe, target: OpenFile, out_va: int, offset: int, count: int
) -> int:
    """Take bytes out of a pipe and give them to the target."""
    data = pipe.take(min(count, CHUNK_BYTES))
    second = _pipe(target)
    if second is not None:
        return second.put(data)
    is_seekable = target.file.seekable
    try:
        if is_seekable:
            done = target.file.pwrite(t, data, offset)
        else:
            done = target.file.write(t, data)
    except (LinuxError, AxError):
        pipe.put_front(data)
        raise
    if done < len(data):
        pipe.put_front(data[done:])
    if is_seekable:
        _moved(t, out_va, target, offset + done)
    return done


# -- tee, vmsplice -------------------------------------------------------------------------------


def sys_tee(t: Thread, fd_in: int, fd_out: int, count: int, flags: int) -> int:
    """tee(2): the bytes stay in the first pipe, too."""
    flags = as_uint32(flags)
    if flags & ~_ALL_FLAGS:
        raise LinuxError(Errno.EINVAL)
    if not count:
        return 0
    source, target = _open_ends(t, fd_in, fd_out)
    first, second = _pipe(source), _pipe(target)
    if first is None or second is None or first is second:
        raise LinuxError(Errno.EINVAL)
    if not first.buffers:
        return _wait(t, source, target, flags, "input from") if first.writers else 0
    if not second.readers:
        raise _broken(t)
    if not _room(second):
        return _wait(t, target, source, flags, "room in")
    return second.put(first.peek(min(count, _room(second))))


def sys_vmsplice(t: Thread, fd: int, iov: int, count: int, flags: int) -> int:
    """vmsplice(2): into a pipe, or out of it."""
    flags = as_uint32(flags)
    if flags & ~_ALL_FLAGS:
        raise LinuxError(Errno.EINVAL)
    file = t.fds.get(as_int32(fd))
    pipe = _pipe(file)
    if pipe is None:
        raise LinuxError(Errno.EBADF)
    pieces = import_iovec(t, iov, count)
    total = total_bytes(pieces)
    if not total:
        return 0
    if not file.writable:
        if not pipe.buffers:
            return _wait(t, file, file, flags, "input from") if pipe.writers else 0
        data = pipe.peek(min(total, CHUNK_BYTES))
        done = store(t, pieces, 0, data)
        pipe.take(done)
        return done
    if not pipe.readers:
        raise _broken(t)
    if not _room(pipe):
        return _wait(t, file, file, flags, "room in")
    return pipe.put(fetch(t, pieces, 0, min(total, _room(pipe), CHUNK_BYTES)))


CALLS: dict[str, Handler] = {"splice": sys_splice, "tee": sys_tee, "vmsplice": sys_vmsplice}
