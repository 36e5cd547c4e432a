"""Pipes and FIFOs: bytes on their way through frames of RAM.

A pipe is a queue of page buffers, at most 16, that take a frame when data comes and give it back
when it is read, as Linux's does (fs/pipe.c `pipe_buffer`); pipe(7) has the rules for readers.
Source: starry-next api/src/file/pipe.rs. Differs: it has a 256-byte ring and polls by yielding;
here ends wait in queues, O_NONBLOCK, PIPE_BUF and EPIPE are Linux's.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.vfs import VfsNodeAttr, VfsNodeType
from kernel.plugins.starry.core.file import (
    POLLERR,
    POLLHUP,
    READABLE,
    WRITABLE,
    FileLike,
    WouldBlock,
)

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.thread import Thread

PIPE_BUFFERS = 16
PIPE_BYTES = PIPE_BUFFERS * PAGE_SIZE
PIPE_BUF = 4096
"""Writes up to this size are never torn."""
MAX_PIPE_BUFFERS = 256
"""Limit for F_SETPIPE_SZ, /proc/sys/fs/pipe-max-size."""
USAGE = "pipe"


class Pipe:
    """The pipe itself.

    Attributes:
        name: "pipe:[INO]" or a FIFO's path.
        attr: What fstat shows of an unnamed pipe.
        buffers: `[frame, first byte, length, 1 for a packet]` in order.
        limit: How many buffers it may have.
        readers, writers: Open ends.
        opened_w, opened_r: Counts of openings so far: a FIFO's reader waits until one comes.
    """

    __slots__ = (
        "attr",
        "buffers",
        "kernel",
        "limit",
        "name",
        "opened_r",
        "opened_w",
        "read_wait",
        "readers",
        "size_bytes",
        "write_wait",
        "writers",
    )

    def __init__(self, kernel: Any, attr: VfsNodeAttr, name: str = "") -> None:
        self.kernel = kernel
        self.attr = attr
        self.name = name or f"pipe:[{attr.ino}]"
        self.buffers: deque[list[int]] = deque()
        self.limit = PIPE_BUFFERS
        self.size_bytes = 0
        self.readers = self.writers = 0
        self.opened_r = self.opened_w = 0
        self.read_wait: WaitQueue = kernel.tasks.wait_queue(f"{self.name} readers")
        self.write_wait: WaitQueue = kernel.tasks.wait_queue(f"{self.name} writers")

    @property
    def is_full(self) -> bool:
        """Whether all buffers are in use (they may hold less than a page each)."""
        return len(self.buffers) >= self.limit

    def take(self, size_bytes: int) -> bytes:
        """Remove up to `size_bytes` bytes from the front."""
        ram = self.kernel.ram
        parts: list[bytes] = []
        was_full = self.is_full
        while size_bytes > 0 and self.buffers:
            buffer = self.buffers[0]
            pa, start, length, is_packet = buffer
            n = min(length, size_bytes)
            parts.append(ram.read(pa + start, n))
            size_bytes = 0 if is_packet else size_bytes - n
            if is_packet:
                n = length  # what does not fit is lost
            self.size_bytes -= n
            if n == length:
                self.buffers.popleft()
                self.kernel.alloc.dealloc_pages(pa, 1, USAGE)
            else:
                buffer[1] += n
                buffer[2] -= n
        if was_full and not self.is_full:
            self.write_wait.notify_all()
        return b"".join(parts)

    def peek(self, size_bytes: int) -> bytes:
        """Up to `size_bytes` bytes from the front, which stay."""
        parts: list[bytes] = []
        for pa, start, length, _ in self.buffers:
            if not size_bytes:
                break
            parts.append(self.kernel.ram.read(pa + start, min(length, size_bytes)))
            size_bytes -= len(parts[-1])
        return b"".join(parts)

    def put_front(self, data: bytes) -> None:
        """Give back bytes that were taken and not used; each page of them gets a buffer.

        Raises:
            AxError: NO_MEMORY.
        """
        pieces = [data[at : at + PAGE_SIZE] for at in range(0, len(data), PAGE_SIZE)]
        for piece in reversed(pieces):
            pa = self.kernel.alloc.alloc_pages(1, PAGE_SIZE, USAGE)
            self.kernel.ram.write(pa, piece)
            self.buffers.appendleft([pa, 0, len(piece), 0])
            self.size_bytes += len(piece)
        self.read_wait.notify_all()

    def put(self, data: bytes, is_packet: bool = False) -> int:
        """Append as much as there is room for; packets (O_DIRECT) stay apart.

        The part of a write that fills no page joins the last buffer if it fits there whole; that
        and one buffer per page make writes up to PIPE_BUF atomic (`pipe_write`).
        """
        size = len(data)
        done = 0
        odd = size & (PAGE_SIZE - 1)
        if odd and self.buffers and not is_packet and not self.buffers[-1][3]:
            last = self.buffers[-1]
            if last[1] + last[2] + odd <= PAGE_SIZE:
                self.kernel.ram.write(last[0] + last[1] + last[2], data[:odd])
                last[2] += odd
                done = odd
        while done < size and not self.is_full:
            try:
                pa = self.kernel.alloc.alloc_pages(1, PAGE_SIZE, USAGE)
            except AxError:
                if not done:
                    raise
                break
            part = data[done : done + PAGE_SIZE]
            self.kernel.ram.write(pa, part)
            self.buffers.append([pa, 0, len(part), int(is_packet)])
            done += len(part)
        self.size_bytes += done
        if done:
            self.read_wait.notify_all()
        return done

    def open_end(self, is_reader: bool) -> None:
        """Count one more end and tell those who wait for it."""
        if is_reader:
            self.readers += 1
            self.opened_r += 1
            self.write_wait.notify_all()
        else:
            self.writers += 1
            self.opened_w += 1
            self.read_wait.notify_all()

    def close_end(self, is_reader: bool) -> None:
        """Count one end less; the other side sees EOF or EPIPE, the last end frees all."""
        if is_reader:
            self.readers -= 1
            if not self.readers:
                self.write_wait.notify_all()
        else:
            self.writers -= 1
            if not self.writers:
                self.read_wait.notify_all()
        if not self.readers and not self.writers:
            self.free()

    def free(self) -> None:
        """Give back frames and wait queues."""
        while self.buffers:
            self.kernel.alloc.dealloc_pages(self.buffers.popleft()[0], 1, USAGE)
        self.size_bytes = 0
        self.kernel.tasks.drop_wait_queue(self.read_wait)
        self.kernel.tasks.drop_wait_queue(self.write_wait)

    def resize(self, size_bytes: int) -> int:
        """F_SETPIPE_SZ: room for at least `size_bytes`, a power of two of pages.

        Raises:
            LinuxError: EPERM above the system's limit, EBUSY below what is in it.
        """
        pages = max(1, (size_bytes + PAGE_SIZE - 1) // PAGE_SIZE)
        pages = 1 << (pages - 1).bit_length()
        if pages > 1 << 19:
            raise LinuxError(Errno.EINVAL)
        if pages > MAX_PIPE_BUFFERS:
            raise LinuxError(Errno.EPERM)
        if pages < len(self.buffers):
            raise LinuxError(Errno.EBUSY)
        self.limit = pages
        self.write_wait.notify_all()
        return pages * PAGE_SIZE


class PipeEnd(FileLike):
    """One end of a pipe (or both: a FIFO opened O_RDWR)."""

    __slots__ = ("is_reader", "is_writer", "packets", "pipe")
    kind = "pipe"

    def __init__(self, pipe: Pipe, is_reader: bool, is_writer: bool) -> None:
        self.pipe = pipe
        self.is_reader = is_reader
        self.is_writer = is_writer
        self.packets = False
        if is_reader:
            pipe.open_end(is_reader=True)
        if is_writer:
            pipe.open_end(is_reader=False)

    def read(self, t: Thread, size_bytes: int) -> bytes:
        pipe = self.pipe
        if not size_bytes:
            return b""
        if not pipe.buffers:
            if not pipe.writers:
                return b""
            raise WouldBlock
        data = pipe.take(size_bytes)
        t.kernel.events.emit(EventKind.FILE_READ, pipe.name, 0, len(data))
        return data

    def write(self, t: Thread, data: bytes) -> int:
        pipe = self.pipe
        if not data:
            return 0
        if not pipe.readers:
            raise LinuxError(Errno.EPIPE)
        done = pipe.put(data, self.packets)
        if not done:
            raise WouldBlock
        t.kernel.events.emit(EventKind.FILE_WRITE, pipe.name, 0, done)
        return done

    def get_attr(self) -> VfsNodeAttr:
        return self.pipe.attr

    def poll(self) -> int:
        pipe = self.pipe
        mask = 0
        if self.is_reader:
            if pipe.buffers:
                mask |= READABLE
            if not pipe.writers and pipe.opened_w:
                mask |= POLLHUP
        if self.is_writer:
            if not pipe.is_full:
                mask |= WRITABLE
            if not pipe.readers:
                mask |= POLLERR
        return mask

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        pipe = self.pipe
        if self.is_reader and self.is_writer:
            return (pipe.read_wait, pipe.write_wait)
        return (pipe.read_wait,) if self.is_reader else (pipe.write_wait,)

    def close(self) -> None:
        # Both counts fall before the pipe is freed.
        if self.is_reader and self.is_writer:
            self.pipe.readers -= 1
            self.pipe.close_end(is_reader=False)
            return
        self.pipe.close_end(self.is_reader)


def new_pipe(kernel: Any, ino: int, now_ns: int) -> tuple[PipeEnd, PipeEnd]:
    """An unnamed pipe: its reading and its writing end."""
    attr = VfsNodeAttr(
        ino, VfsNodeType.FIFO, 0o600, atime_ns=now_ns, mtime_ns=now_ns, ctime_ns=now_ns
    )
    pipe = Pipe(kernel, attr)
    return PipeEnd(pipe, True, False), PipeEnd(pipe, False, True)
