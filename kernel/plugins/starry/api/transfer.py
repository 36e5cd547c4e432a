"""Moving bytes between open files and user buffers: what all read and write calls share.

Waiting follows the re-entry rule: progress of a blocked write stands in `wait_state`, and the
call is entered again with the same arguments.
Source: Linux fs/read_write.c (vfs_read, vfs_write), mm/filemap.c `generic_write_checks_count`,
fs/pipe.c; signal(7) on interrupted transfers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.siginfo import SI_USER, SigInfo
from kernel.crates.vfs import VfsNode, VfsNodeType
from kernel.modules.axfs.devfs import NullDev
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.iovec import CHUNK_BYTES, IoVec, fetch, store, total_bytes
from kernel.plugins.starry.core.file import O_APPEND, OpenFile, WouldBlock
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.limits import INFINITY, Resource
from kernel.plugins.starry.core.signal import send_to_thread

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

MAX_OFFSET: Final = (1 << 63) - 1
SIGPIPE: Final = 13
SIGXFSZ: Final = 25


def signal_self(t: Thread, signo: int) -> None:
    """Send the calling thread a signal its own call caused (Linux `send_sig`)."""
    send_to_thread(t, SigInfo(signo, SI_USER, pid=t.process.pid))


def wait_for(t: Thread, file: OpenFile, done: int, stop: WouldBlock, why: str) -> int:
    """Block until the file changes; or give up where O_NONBLOCK says so.

    Args:
        t: The calling thread.
        file: What it waits for.
        done: Bytes moved so far: the result if it must not wait, the state if it does.
        stop: What the file raised.
        why: In words for people.

    Raises:
        LinuxError: EAGAIN.
    """
    if file.is_nonblocking:
        if done:
            return done
        raise LinuxError(Errno.EAGAIN)
    return t.block(
        f"{why} {file.path}",
        queues=file.file.wait_queues(),
        deadline_ns=stop.deadline_ns,
        state=done,
    )


def resumed_with(t: Thread) -> int:
    """Bytes moved before the wait that this entry follows; 0 on a first entry.

    Raises:
        LinuxError: ERESTARTSYS: a signal came and nothing had been moved.
    """
    if not t.resumed:
        return 0
    done = t.wait_state or 0
    if t.resumed == WaitOutcome.SIGNAL and not done:
        raise LinuxError(Errno.ERESTARTSYS)
    return done


# -- reading -------------------------------------------------------------------------------------


def read_file(t: Thread, file: OpenFile, pieces: IoVec, position: int | None = None) -> int:
    """Read into user memory.

    Args:
        t: The calling thread.
        file: What to read from.
        pieces: Where to.
        position: Where from (pread); None: at the file's offset, which moves.

    Raises:
        LinuxError: What the file raises when nothing was read; EFAULT.
    """
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    what = file.file
    if not what.seekable:
        if position is not None:
            raise LinuxError(Errno.ESPIPE)
        return _read_stream(t, file, pieces)
    total = total_bytes(pieces)
    offset = file.offset if position is None else position
    if offset + total > MAX_OFFSET:
        raise LinuxError(Errno.EINVAL)
    done = 0
    try:
        while done < total:
            size = min(total - done, CHUNK_BYTES)
            data = what.pread(t, size, offset + done)
            if not data:
                break
            done += store(t, pieces, done, data)
            if len(data) < size:
                break
    except (LinuxError, AxError):
        if not done:
            raise
    if position is None:
        file.offset = offset + done
    return done


def _read_stream(t: Thread, file: OpenFile, pieces: IoVec) -> int:
    """Take what a stream has; waits only while it has nothing."""
    resumed_with(t)
    size = total_bytes(pieces)
    try:
        data = file.file.read(t, size)
    except WouldBlock as stop:
        return wait_for(t, file, 0, stop, "input from")
    if not data:
        return 0
    try:
        done = store(t, pieces, 0, data)
    except LinuxError:
        file.file.put_back(data)
        raise
    if done < len(data):
        file.file.put_back(data[done:])
    return done


# -- writing -------------------------------------------------------------------------------------


def write_file(t: Thread, file: OpenFile, pieces: IoVec, position: int | None = None) -> int:
    """Write user memory to a file; `position` as in `read_file`.

    Raises:
        LinuxError: What the file raises when nothing was written; EFAULT, EFBIG.
    """
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    if not file.file.seekable:
        if position is not None:
            raise LinuxError(Errno.ESPIPE)
        return _write_stream(t, file, pieces)
    node = file.node
    total = total_bytes(pieces)
    if isinstance(node, NullDev):
        return total  # it does not even look at the buffer
    offset = file.offset if position is None else position
    if offset + total > MAX_OFFSET:
        raise LinuxError(Errno.EINVAL)
    if node is not None and node.attr.kind is VfsNodeType.FILE and total:
        if file.flags & O_APPEND:
            offset = node.get_attr().size_bytes
        total = writable_bytes(t, offset, total)
    done = 0
    try:
        while done < total:
            data = fetch(t, pieces, done, min(total - done, CHUNK_BYTES))
            wrote = file.file.pwrite(t, data, offset + done)
            done += wrote
            if wrote < min(total - done + wrote, CHUNK_BYTES):
                break
    except (LinuxError, AxError):
        if not done:
            raise
    if position is None:
        file.offset = offset + done
    if done:
        drop_privilege_bits(t, node)
    return done


def drop_privilege_bits(t: Thread, node: VfsNode | None) -> None:
    """A write by others than root takes set-user-ID and set-group-ID away (`file_remove_privs`)."""
    if node is None or not node.attr.perm & 0o6000 or node.attr.kind is not VfsNodeType.FILE:
        return
    if identity_of(t.process).fsuid == 0:
        return
    perm = node.attr.perm & ~0o4000
    node.attr.perm = perm & ~0o2000 if perm & 0o10 else perm


def writable_bytes(t: Thread, offset: int, count: int) -> int:
    """How many of `count` bytes may be written at `offset`: RLIMIT_FSIZE, the largest file.

    Raises:
        LinuxError: EFBIG (after SIGXFSZ where the limit is the process's).
    """
    limit = t.process.limits.soft(Resource.FSIZE)
    if limit != INFINITY:
        if offset >= limit:
            signal_self(t, SIGXFSZ)
            raise LinuxError(Errno.EFBIG)
        count = min(count, limit - offset)
    if offset >= MAX_OFFSET:
        raise LinuxError(Errno.EFBIG)
    return min(count, MAX_OFFSET - offset)


def _write_stream(t: Thread, file: OpenFile, pieces: IoVec) -> int:
    """Hand bytes to a stream until all are taken; waits while it has no room."""
    done = resumed_with(t)
    if t.resumed == WaitOutcome.SIGNAL:
        return done
    total = total_bytes(pieces)
    try:
        if not total and file.file.sends_messages:
            return file.file.write(t, b"")
        while done < total:
            data = fetch(t, pieces, done, min(total - done, CHUNK_BYTES))
            done += file.file.write(t, data)
    except WouldBlock as stop:
        return wait_for(t, file, done, stop, "room in")
    except LinuxError as error:
        if error.errno == Errno.EPIPE:
            signal_self(t, SIGPIPE)
        if not done:
            raise
    except AxError:
        if not done:
            raise
    return done
