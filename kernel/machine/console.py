"""The console device: bytes in from the person, bytes out from the program.

It knows no tasks and no line discipline: `rx` is what was delivered and not yet read, output goes
to a host-side sink together with its offset, so that a replay writes the same bytes at the same
place again. Models the UART behind S000 table 3.3's Console group.
"""

from __future__ import annotations

from typing import Protocol


class ConsoleSink(Protocol):
    """Host side of the output. Must tolerate the same bytes at the same offset again."""

    def write(self, fd: int, offset: int, data: bytes) -> None:
        """Take `data` written through descriptor kind `fd` (1 or 2) at byte `offset`."""
        ...


class ConsoleLog:
    """Keeps all output in host memory, as one stream; the default sink.

    Attributes:
        data: Everything ever written, possibly beyond the present position.
    """

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, fd: int, offset: int, data: bytes) -> None:
        """Store `data` at `offset`."""
        self.data[offset : offset + len(data)] = data


class Console:
    """The device's state.

    Attributes:
        kinds: What descriptors 0, 1, 2 are connected to: "tty", "pipe", "file" or "null".
        window: Columns and rows of the terminal.
        rx: Input delivered and not yet read.
        eof: Whether the input has ended.
        out_bytes: Bytes written so far.
        in_bytes: Bytes delivered so far.
    """

    __slots__ = ("eof", "in_bytes", "kinds", "out_bytes", "rx", "sink", "window")

    def __init__(
        self, sink: ConsoleSink, kinds: tuple[str, str, str], window: tuple[int, int]
    ) -> None:
        self.sink = sink
        self.kinds = kinds
        self.window = window
        self.rx = bytearray()
        self.eof = False
        self.out_bytes = 0
        self.in_bytes = 0

    def write(self, fd: int, data: bytes) -> None:
        """Send `data` out through standard output (1) or standard error (2)."""
        self.sink.write(fd, self.out_bytes, data)
        self.out_bytes += len(data)

    def deliver(self, data: bytes) -> None:
        """Put typed bytes into the receive buffer."""
        self.rx += data
        self.in_bytes += len(data)
