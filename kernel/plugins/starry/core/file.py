"""Open files: what a descriptor stands for.

    FdTable --fd--> OpenFile (flags, offset; shared by dup and fork) --> FileLike (what it does)

Source: starry-next api/src/file/{mod,fs}.rs (`trait FileLike`); open(2), poll(2).
Differs: one `OpenFile` between descriptor and object carries flags and offset, as POSIX's open
file description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import VfsNode, VfsNodeAttr, VfsNodeType

if TYPE_CHECKING:
    from kernel.modules.axfs.ramfs import FsAllocator
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.thread import Thread

OPEN_FILE_BYTES = 96
"""Modelled size of an open file with its Arc and Mutex."""

# open(2) flags as asm-generic has them; api.open translates the architecture's.
O_ACCMODE = 0o3
O_RDONLY = 0o0
O_WRONLY = 0o1
O_RDWR = 0o2
O_CREAT = 0o100
O_EXCL = 0o200
O_NOCTTY = 0o400
O_TRUNC = 0o1000
O_APPEND = 0o2000
O_NONBLOCK = 0o4000
O_DSYNC = 0o10000
O_ASYNC = 0o20000
O_DIRECT = 0o40000
O_LARGEFILE = 0o100000
O_DIRECTORY = 0o200000
O_NOFOLLOW = 0o400000
O_NOATIME = 0o1000000
O_CLOEXEC = 0o2000000
O_SYNC = 0o4010000
O_PATH = 0o10000000
O_TMPFILE = 0o20200000

F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP = 0, 1, 2

POLLIN = 0x1
POLLPRI = 0x2
POLLOUT = 0x4
POLLERR = 0x8
POLLHUP = 0x10
POLLNVAL = 0x20
POLLRDNORM = 0x40
POLLWRNORM = 0x100
READABLE = POLLIN | POLLRDNORM
WRITABLE = POLLOUT | POLLWRNORM


class WouldBlock(LinuxError):
    """The operation has to wait; becomes EAGAIN where O_NONBLOCK is set.

    Attributes:
        deadline_ns: The wait ends by itself then (a terminal's VTIME); None: never.
    """

    def __init__(self, deadline_ns: int | None = None) -> None:
        super().__init__(Errno.EAGAIN)
        self.deadline_ns = deadline_ns


class FileLike:
    """What a descriptor can refer to. Every operation has a default that fails as Linux's does.

    Attributes:
        seekable: Whether it has positions: then `pread`, `pwrite` are used, else `read`, `write`.
        ignores_seek: lseek succeeds and does nothing.
    """

    __slots__ = ()
    seekable = False
    ignores_seek = False
    sends_messages = False
    """Whether each write is a message by itself, an empty one too."""
    kind = "file"
    """Word for listings: file, directory, pipe, tty, null ..."""

    def read(self, t: Thread, size_bytes: int) -> bytes:
        """Take up to `size_bytes` bytes; b"" at the end.

        Raises:
            WouldBlock: There is nothing yet.
        """
        raise LinuxError(Errno.EINVAL)

    def write(self, t: Thread, data: bytes) -> int:
        """Hand over bytes; how many were taken, at least one.

        Raises:
            WouldBlock: There is no room yet.
        """
        raise LinuxError(Errno.EINVAL)

    def pread(self, t: Thread, size_bytes: int, offset: int) -> bytes:
        """Bytes at an offset; the position does not matter."""
        raise LinuxError(Errno.ESPIPE)

    def pwrite(self, t: Thread, data: bytes, offset: int) -> int:
        """Write at an offset; how many bytes found room, at least one."""
        raise LinuxError(Errno.ESPIPE)

    def put_back(self, data: bytes) -> None:
        """Bytes taken by `read` that did not reach the reader (its buffer faulted)."""

    def get_attr(self) -> VfsNodeAttr:
        """What fstat tells when there is no node."""
        return VfsNodeAttr(1, VfsNodeType.FILE, 0o600)

    def poll(self) -> int:
        """POLL* bits that hold now."""
        return READABLE | WRITABLE

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        """Where a change of `poll` is told."""
        return ()

    def ioctl(self, t: Thread, cmd: int, arg: int) -> int:
        """A control request."""
        raise LinuxError(Errno.ENOTTY)

    def close(self) -> None:
        """The last descriptor is gone."""


class OpenFile:
    """An open file description.

    Attributes:
        file: What it does.
        flags: Access mode and status flags, asm-generic bits.
        offset: Position of the next read or write; for directories the cookie.
        path: What it was opened as, for listings and /proc/PID/fd.
        node: The VFS node, where there is one; held open.
        refs: Descriptors (of all tables) and operations in flight that refer to it.
        readable, writable: The access mode, taken apart; both false for O_PATH.
        object_pa: Its modelled kernel memory.
        owner: (kind of id, id, signal) of F_SETOWN_EX and F_SETSIG.
    """

    __slots__ = (
        "alloc",
        "file",
        "flags",
        "node",
        "object_pa",
        "offset",
        "owner",
        "path",
        "readable",
        "refs",
        "writable",
    )

    def __init__(
        self, alloc: FsAllocator, file: FileLike, flags: int, path: str, node: VfsNode | None = None
    ) -> None:
        self.alloc = alloc
        self.object_pa = alloc.alloc(OPEN_FILE_BYTES, 8, "OpenFile")
        self.file = file
        self.flags = flags
        self.offset = 0
        self.path = path
        self.node = node
        self.owner: tuple[int, int, int] = (F_OWNER_TID, 0, 0)
        self.refs = 1
        mode = flags & O_ACCMODE
        is_io = not flags & O_PATH
        self.readable = is_io and mode != O_WRONLY
        self.writable = is_io and mode in (O_WRONLY, O_RDWR)
        if node is not None:
            node.open()

    @property
    def is_path(self) -> bool:
        """Whether it was opened with O_PATH: a place, not a stream."""
        return bool(self.flags & O_PATH)

    @property
    def is_nonblocking(self) -> bool:
        """Whether O_NONBLOCK is set."""
        return bool(self.flags & O_NONBLOCK)

    def get_attr(self) -> tuple[VfsNodeAttr, int]:
        """Metadata and device number, as fstat shows them."""
        if self.node is not None:
            return self.node.get_attr(), self.node.fs.dev
        return self.file.get_attr(), ANON_DEV

    def share(self) -> OpenFile:
        """One more reference."""
        self.refs += 1
        return self

    def drop(self) -> None:
        """One reference less; the last one closes."""
        self.refs -= 1
        if self.refs:
            return
        self.file.close()
        if self.node is not None:
            if self.node.locks is not None:
                self.node.locks.closed(self)
            self.node.release()
        self.alloc.dealloc(self.object_pa)


ANON_DEV = 14
"""`st_dev` of what has no node: pipes, eventfds (Linux's pipefs and anon_inodefs)."""


def describe_flags(flags: int) -> str:
    """Status flags in words, "O_RDWR|O_APPEND", for listings."""
    words = [("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")[flags & O_ACCMODE]]
    if flags & O_PATH:
        words = ["O_PATH"]
    words += [name for bit, name in _FLAG_NAMES if flags & bit == bit]
    return "|".join(words)


_FLAG_NAMES: tuple[tuple[int, str], ...] = (
    (O_APPEND, "O_APPEND"),
    (O_NONBLOCK, "O_NONBLOCK"),
    (O_SYNC, "O_SYNC"),
    (O_DIRECT, "O_DIRECT"),
    (O_DIRECTORY, "O_DIRECTORY"),
    (O_NOATIME, "O_NOATIME"),
)


def queues_of(files: list[FileLike]) -> tuple[WaitQueue, ...]:
    """The wait queues of several files, each once, in order."""
    found: dict[str, WaitQueue] = {}
    for file in files:
        for queue in file.wait_queues():
            found[queue.name] = queue
    return tuple(found.values())
