"""The console device: bytes in from the person, bytes out from the program.

It knows no tasks and no line discipline: `rx` is what was delivered and not yet read, output goes
to a host-side sink together with its offset, so that a replay writes the same bytes at the same
place again. Models the UART behind S000 table 3.3's Console group.
"""

from __future__ import annotations

from typing import Protocol

#: Output kept for looking; with more, the beginning is forgotten.
KEPT_BYTES = 32 << 20


class ConsoleSink(Protocol):
    """Host side of the output. Must tolerate the same bytes at the same offset again."""

    def write(self, fd: int, offset: int, data: bytes) -> None:
        """Take `data` written through descriptor kind `fd` (1 or 2) at byte `offset`."""
        ...


class ConsoleLog:
    """Keeps the end of the output in host memory, as one stream; the default sink.

    Attributes:
        data: What was written from byte `first` on, possibly beyond the present position.
        first: Offset of `data` in all output.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self.data = bytearray()
        self.first = 0
        self._kept_bytes = kept_bytes

    def write(self, fd: int, offset: int, data: bytes) -> None:
        """Store `data` at `offset`; a replay may write what is no longer kept."""
        start = offset - self.first
        if start < 0:
            data, start = data[-start:], 0
        self.data[start : start + len(data)] = data
        surplus = len(self.data) - self._kept_bytes
        if surplus > self._kept_bytes // 4:  # not at every byte
            del self.data[:surplus]
            self.first += surplus

    def read(self, start: int, end: int) -> bytes:
        """Bytes `start` to `end` of the output, as far as they are kept."""
        return bytes(self.data[max(start - self.first, 0) : max(end - self.first, 0)])

    def cut(self, end: int) -> None:
        """Forget what lies beyond byte `end`."""
        del self.data[max(end - self.first, 0) :]
        self.first = min(self.first, end)


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
