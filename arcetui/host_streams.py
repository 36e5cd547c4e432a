"""This process's standard streams and signals, as a program under `arcetui run` sees them.

The terminal is put into character mode only while the program reads from it: the emulated
terminal does the echo and the line editing itself. Every way out puts it back.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

READ_BYTES = 65536


class HostStreams:
    """stdin, stdout and stderr.

    As a context manager it takes SIGINT, SIGTERM and SIGHUP: they end the process at once, since
    nothing is left to do for an emulated program but to stop it; in batch mode see `pausing`.

    Attributes:
        interrupted: Whether one of these signals came.
    """

    def __init__(self) -> None:
        self._saved: list[Any] | None = None
        self._closers: list[Callable[[], object]] = []
        self._handlers: dict[int, Any] = {}
        self.interrupted = False
        self._pauses = False

    def __enter__(self) -> HostStreams:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self.restore()

    def before_leaving(self, closer: Callable[[], object]) -> None:
        """Call `closer` before the process ends early."""
        self._closers.append(closer)

    def leave(self, status: int) -> None:
        """End the process now, with the terminal whole."""
        self.restore()
        closers, self._closers = self._closers, []  # one of them may come here itself
        for closer in closers:
            with contextlib.suppress(OSError, ValueError):
                closer()
        os._exit(status)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        waits = self._pauses and number == signal.SIGINT and not self.interrupted
        self.interrupted = True
        if not waits:
            self.leave(128 + number)

    @contextlib.contextmanager
    def pausing(self) -> Iterator[None]:
        """Meanwhile the first SIGINT ends nothing: who runs the program looks at `interrupted`."""
        self._pauses, self.interrupted = True, False
        try:
            yield
        finally:
            self._pauses = False

    # -- terminal -------------------------------------------------------------------------------

    def _character_mode(self) -> None:
        """No echo and no line editing on the host's terminal; signals stay."""
        if self._saved is not None or not os.isatty(0):
            return
        import termios

        try:
            if os.tcgetpgrp(0) != os.getpgrp():
                return
            modes = termios.tcgetattr(0)
            self._saved = list(modes)
            modes[3] &= ~(termios.ECHO | termios.ICANON)
            modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(0, termios.TCSADRAIN, modes)
        except (OSError, termios.error):
            self._saved = None

    def restore(self) -> None:
        """Put the terminal back as it was."""
        if self._saved is None:
            return
        import termios

        modes, self._saved = self._saved, None
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(0, termios.TCSANOW, modes)

    # -- data -----------------------------------------------------------------------------------

    def read(self) -> bytes:
        """Wait for input; b"" at its end."""
        self._character_mode()
        try:
            return os.read(0, READ_BYTES)
        except BlockingIOError:
            select.select([0], [], [])
            return self.read()
        except OSError:
            return b""

    def comes(self, seconds: float) -> bool:
        """Whether input, or its end, is there within so many seconds."""
        self._character_mode()
        try:
            return bool(select.select([0], [], [], seconds)[0])
        except (OSError, ValueError):
            return True  # reading tells that it is the end

    def write(self, fd: int, data: bytes) -> None:
        """Write to stdout or stderr, all of it; a closed pipe ends the process as SIGPIPE does."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(fd if fd in {1, 2} else 1, view) :]
            except BlockingIOError:
                select.select([], [fd], [])
            except BrokenPipeError:
                self.leave(128 + signal.SIGPIPE)
            except OSError as error:
                self.restore()
                sys.stderr.write(f"arcetui: cannot write to descriptor {fd}: {error.strerror}\n")
                self.leave(1)


def shell_status(status: int) -> int:
    """A raw wait status as a shell reports it: the exit code, or 128 plus the signal."""
    return 128 + (status & 0x7F) if status & 0x7F else status >> 8 & 0xFF
