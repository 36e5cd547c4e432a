"""A pseudo-terminal with a program in it, for benchmarks of what a person waits for."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

#: Queries a terminal answers; an unanswered one may make a program wait.
_ANSWERS = ((b"\x1b[c", b"\x1b[?62;22c"), (b"\x1b[?2026$p", b"\x1b[?2026;2$y"))


def environment() -> dict[str, str]:
    """The environment for programs: a good terminal, and modules compiled once, as usual."""
    wanted = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | wanted


class Terminal:
    """Runs Python with `arguments` in a terminal of the given size.

    Attributes:
        seen: Everything the program has written.
        start: When it was started, on `time.perf_counter`.
    """

    def __init__(self, columns: int, rows: int, arguments: Sequence[str]) -> None:
        self.seen = bytearray()
        self.start = time.perf_counter()
        self.last = self.start
        self._pid, self._fd = pty.fork()
        if not self._pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
            os.execve(sys.executable, [sys.executable, *arguments], environment())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGTERM)
        self.drain(0.5)
        os.close(self._fd)
        os.waitpid(self._pid, 0)

    @property
    def elapsed(self) -> float:
        """Seconds from the start to the last output."""
        return self.last - self.start

    def cpu_seconds(self) -> float:
        """CPU time the program has used; Linux only."""
        fields = Path(f"/proc/{self._pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def send(self, keys: bytes) -> float:
        """Type; when that was."""
        os.write(self._fd, keys)
        return time.perf_counter()

    def read(self, timeout_s: float) -> bytes:
        """Output that comes within a time; empty if none does."""
        ready, _, _ = select.select([self._fd], [], [], timeout_s)
        if not ready:
            return b""
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # the program has ended
            return b""
        self.last = time.perf_counter()
        for query, answer in _ANSWERS:
            if query in data:
                os.write(self._fd, answer)
        self.seen += data
        return data

    def read_until(self, condition: Callable[[bytearray], bool], timeout_s: float = 20) -> None:
        """Read until what was seen fulfils a condition.

        Raises:
            TimeoutError: It did not in time.
        """
        end = time.perf_counter() + timeout_s
        while not condition(self.seen):
            if not self.read(0.2) and time.perf_counter() > end:
                raise TimeoutError(f"the program wrote only {bytes(self.seen[-300:])!r}")

    def drain(self, quiet_s: float) -> None:
        """Read until nothing has come for a while."""
        while self.read(quiet_s):
            pass
