"""Copying between descriptors inside the kernel: sendfile(2), copy_file_range(2).

Source: Linux fs/read_write.c (do_sendfile, vfs_copy_file_range).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.vfs import VfsNodeType
from kernel.plugins.starry.api.abi import Handler, as_int32, as_int64
from kernel.plugins.starry.api.iovec import CHUNK_BYTES, MAX_RW_COUNT
from kernel.plugins.starry.api.transfer import (
    MAX_OFFSET,
    SIGPIPE,
    resumed_with,
    signal_self,
    wait_for,
    writable_bytes,
)
from kernel.plugins.starry.core.file import O_APPEND, OpenFile, WouldBlock

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread


def _offset_at(t: Thread, va: int, file: OpenFile) -> int:
    """The offset argument, or the file's own where it is null.

    Raises:
        LinuxError: EINVAL for a negative one, EFAULT.
    """
    if not va:
        return file.offset
    offset = as_int64(t.mem.read_u64(va))
    if offset < 0:
        raise LinuxError(Errno.EINVAL)
    return offset


def _advance(t: Thread, va: int, file: OpenFile, offset: int) -> None:
    """Put the moved offset back to where it came from."""
    if va:
        t.mem.write_u64(va, offset)
    else:
        file.offset = offset


def sys_sendfile(t: Thread, out_fd: int, in_fd: int, offset_va: int, count: int) -> int:
    """sendfile(2)."""
    resumed_with(t)
    source = t.fds.get(as_int32(in_fd))
    if not source.readable:
        raise LinuxError(Errno.EBADF)
    offset = _offset_at(t, offset_va, source)
    if not source.file.seekable:
        raise LinuxError(Errno.ESPIPE if offset_va else Errno.EINVAL)
    target = t.fds.get(as_int32(out_fd))
    if not target.writable:
        raise LinuxError(Errno.EBADF)
    if target.flags & O_APPEND:
        raise LinuxError(Errno.EINVAL)
    if as_int64(count) < 0:
        raise LinuxError(Errno.EINVAL)
    count = min(count, MAX_RW_COUNT)
    done = 0
    try:
        while done < count:
            size = min(count - done, CHUNK_BYTES)
            data = source.file.pread(t, size, offset + done)
            if not data:
                break
            wrote = _put(t, target, data)
            done += wrote
            if wrote < len(data):
                break
    except WouldBlock as stop:
        if not done:
            return wait_for(t, target, 0, stop, "room in")
    except (LinuxError, AxError) as error:
        if isinstance(error, LinuxError) and error.errno == Errno.EPIPE:
            signal_self(t, SIGPIPE)
        if not done:
            raise
    _advance(t, offset_va, source, offset + done)
    return done


def _put(t: Thread, target: OpenFile, data: bytes) -> int:
    """Write at the target's own position."""
    if not target.file.seekable:
        return target.file.write(t, data)
    node = target.node
    if node is not None and node.attr.kind is VfsNodeType.FILE:
        data = data[: writable_bytes(t, target.offset, len(data))]
    wrote = target.file.pwrite(t, data, target.offset)
    target.offset += wrote
    return wrote


def _regular(file: OpenFile) -> None:
    """copy_file_range works on regular files only."""
    node = file.node
    if node is not None and node.is_dir:
        raise LinuxError(Errno.EISDIR)
    if node is None or node.attr.kind is not VfsNodeType.FILE:
        raise LinuxError(Errno.EINVAL)


def sys_copy_file_range(
    t: Thread, in_fd: int, in_va: int, out_fd: int, out_va: int, count: int, flags: int
) -> int:
    """copy_file_range(2)."""
    source, target = t.fds.get(as_int32(in_fd)), t.fds.get(as_int32(out_fd))
    in_offset, out_offset = _offset_at(t, in_va, source), _offset_at(t, out_va, target)
    if flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    _regular(source)
    _regular(target)
    if not source.readable or not target.writable or target.flags & O_APPEND:
        raise LinuxError(Errno.EBADF)
    assert source.node is not None and target.node is not None
    if source.node.fs.name != target.node.fs.name:
        raise LinuxError(Errno.EXDEV)
    if in_offset + count > MAX_OFFSET or out_offset + count > MAX_OFFSET:
        raise LinuxError(Errno.EOVERFLOW)
    count = min(count, MAX_RW_COUNT, max(source.node.get_attr().size_bytes - in_offset, 0))
    if not count:
        return 0
    count = writable_bytes(t, out_offset, count)
    if source.node is target.node and abs(in_offset - out_offset) < count:
        raise LinuxError(Errno.EINVAL)
    done = 0
    try:
        while done < count:
            data = source.file.pread(t, min(count - done, CHUNK_BYTES), in_offset + done)
            if not data:
                break
            wrote = target.file.pwrite(t, data, out_offset + done)
            done += wrote
            if wrote < len(data):
                break
    except (LinuxError, AxError):
        if not done:
            raise
    _advance(t, in_va, source, in_offset + done)
    _advance(t, out_va, target, out_offset + done)
    return done


CALLS: dict[str, Handler] = {
    "sendfile": sys_sendfile,
    "copy_file_range": sys_copy_file_range,
}
