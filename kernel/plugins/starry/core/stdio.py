"""Descriptors 0, 1 and 2 of the first program: terminal, pipe, file or /dev/null.

A terminal is opened once and duplicated, as a shell's children find it. Pipes and files stand for
what the host connected; their bytes go straight to and from the console device.
Source: starry-next api/src/file/stdio.rs. Differs: it knows one kind, without line discipline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.vfs import VfsNodeAttr, VfsNodeType
from kernel.plugins.starry.core.file import (
    O_LARGEFILE,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    READABLE,
    WRITABLE,
    FileLike,
    OpenFile,
    WouldBlock,
)
from kernel.plugins.starry.core.node_file import NodeFile
from kernel.plugins.starry.core.tty import Tty
from kernel.plugins.starry.core.tty_file import FIONREAD, TtyFile

if TYPE_CHECKING:
    from kernel.modules.axruntime.kernel import Kernel
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.fd_table import FdTable
    from kernel.plugins.starry.core.thread import Thread

TTY_PATH = "/dev/pts/0"


class ConsoleFile(FileLike):
    """The console seen as a pipe or a regular file.

    Attributes:
        fd: 0 reads, 1 and 2 write.
        position: Bytes that have passed.
    """

    __slots__ = ("attr", "fd", "is_pipe", "kernel", "position")

    def __init__(self, kernel: Kernel, fd: int, is_pipe: bool) -> None:
        self.kernel = kernel
        self.fd = fd
        self.is_pipe = is_pipe
        self.position = 0
        now = kernel.config.epoch_offset_ns
        self.attr = VfsNodeAttr(
            kernel.fs.new_anon_ino(),
            VfsNodeType.FIFO if is_pipe else VfsNodeType.FILE,
            0o600 if is_pipe else 0o644,
            atime_ns=now,
            mtime_ns=now,
            ctime_ns=now,
        )

    @property
    def kind(self) -> str:  # type: ignore[override]  # one of two words
        """Word for listings."""
        return "pipe" if self.is_pipe else "file"

    def read(self, t: Thread, size_bytes: int) -> bytes:
        console = self.kernel.board.console
        if not size_bytes:
            return b""
        if not console.rx:
            if console.eof:
                return b""
            raise WouldBlock
        data = self.kernel.hal.read_bytes(size_bytes)
        self.position += len(data)
        self.kernel.events.emit(EventKind.CONSOLE_READ, len(data))
        return data

    def put_back(self, data: bytes) -> None:
        self.kernel.board.console.rx[:0] = data
        self.position -= len(data)

    def write(self, t: Thread, data: bytes) -> int:
        self.kernel.hal.write_bytes(data, self.fd)
        self.position += len(data)
        self.kernel.events.emit(EventKind.CONSOLE_WRITE, len(data))
        return len(data)

    def get_attr(self) -> VfsNodeAttr:
        if not self.is_pipe:
            self.attr.size_bytes = self.position
            self.attr.blocks = (self.position + 4095) // 4096 * 8
        return self.attr

    def poll(self) -> int:
        if not self.is_pipe:
            return READABLE | WRITABLE
        if self.fd:
            return WRITABLE
        console = self.kernel.board.console
        if console.rx:
            return READABLE
        return 0x10 if console.eof else 0  # POLLHUP

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        return (self.kernel.console_wait,) if self.fd == 0 else ()

    def ioctl(self, t: Thread, cmd: int, arg: int) -> int:
        if cmd != FIONREAD or (self.fd and not self.is_pipe):
            raise LinuxError(Errno.ENOTTY)
        t.mem.write_u32(arg, len(self.kernel.board.console.rx) if self.fd == 0 else 0)
        return 0


def open_stdio(kernel: Kernel, table: FdTable) -> None:
    """Install descriptors 0, 1, 2; connect the terminal's device nodes."""
    kinds = kernel.board.console.kinds
    terminal: OpenFile | None = None
    for fd, kind in enumerate(kinds):
        if kind == "tty":
            if terminal is None:
                terminal = open_terminal(kernel)
            else:
                terminal.share()
            file = terminal
        else:
            file = _open_kind(kernel, fd, kind)
        table.add(file, cloexec=False)


def open_terminal(kernel: Kernel) -> OpenFile:
    """Make the terminal, hang it on its device nodes, and open it for reading and writing."""
    kinds = kernel.board.console.kinds
    out_fd = next((fd for fd in (1, 2) if kinds[fd] == "tty"), 0)
    tty = Tty(kernel, out_fd, is_input=kinds[0] == "tty")
    for path in ("/dev/tty", "/dev/console", TTY_PATH):
        kernel.fs.lookup(path).attached = tty
    node = kernel.fs.lookup(TTY_PATH)
    return OpenFile(kernel.alloc, TtyFile(tty), O_RDWR | O_LARGEFILE, TTY_PATH, node)


def terminal_of(kernel: Kernel) -> Tty | None:
    """The machine's terminal, if one of the standard descriptors is one."""
    found = kernel.fs.lookup("/dev/tty").attached
    return found if isinstance(found, Tty) else None


def console_input(kernel: Kernel) -> None:
    """The console received bytes: line discipline (echo, ^C) first, then its readers wake."""
    tty = terminal_of(kernel)
    if tty is not None:
        tty.receive()
    kernel.console_wait.notify_all("console input")


def _open_kind(kernel: Kernel, fd: int, kind: str) -> OpenFile:
    if kind == "null":
        node = kernel.fs.lookup("/dev/null")
        return OpenFile(
            kernel.alloc, NodeFile(node, "/dev/null"), O_RDWR | O_LARGEFILE, "/dev/null", node
        )
    is_pipe = kind == "pipe"
    flags = (O_WRONLY if fd else O_RDONLY) | (0 if is_pipe else O_LARGEFILE)
    file = ConsoleFile(kernel, fd, is_pipe)
    name = ("stdin", "stdout", "stderr")[fd]
    path = f"pipe:[{file.attr.ino}]" if is_pipe else f"/{name}"
    return OpenFile(kernel.alloc, file, flags, path)
