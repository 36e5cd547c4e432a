"""The terminal: line discipline over the console device.

Bytes typed go through `receive`: special characters become signals or edit the line, the rest is
echoed and collected; a finished line becomes readable. Programs' output goes through OPOST.
Source: Linux drivers/tty/n_tty.c, termios(3), ioctl_tty(2).
Differs: starry-next has none (it reads the UART and turns CR into LF). Stop and start output
(^S, ^Q) are taken and do nothing; speeds are fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from kernel.crates.event import EventKind
from kernel.plugins.starry.core.file import READABLE, WRITABLE
from kernel.plugins.starry.core.termios import (
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    ECHONL,
    ICANON,
    ICRNL,
    IEXTEN,
    IGNCR,
    INLCR,
    ISIG,
    ISTRIP,
    IUTF8,
    IXON,
    NOFLSH,
    OCRNL,
    ONLCR,
    OPOST,
    VEOF,
    VEOL,
    VEOL2,
    VERASE,
    VINTR,
    VKILL,
    VLNEXT,
    VMIN,
    VQUIT,
    VREPRINT,
    VSTART,
    VSTOP,
    VSUSP,
    VTIME,
    VWERASE,
    Termios,
)

if TYPE_CHECKING:
    from kernel.crates.process import Session
    from kernel.modules.axruntime.kernel import Kernel
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.starry import Starry

MAX_INPUT = 4096
"""Bytes held for readers (N_TTY_BUF_SIZE); more stays in the device."""
_LF, _CR, _TAB = 10, 13, 9
SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH = 2, 3, 20, 21, 22, 28
_SIGNAL_CHARS = ((VINTR, SIGINT), (VQUIT, SIGQUIT), (VSUSP, SIGTSTP))


class Tty:
    """One terminal.

    Attributes:
        termios: Its settings.
        out_fd: Console stream its output goes to; 0: nowhere.
        ready: Lines (canonical mode) or pieces that can be read; b"" is an end-of-file.
        line: The line being edited.
        foreground: Process group that gets signals; 0: that of the first process; -1: none.
        session: Whose controlling terminal it is; None: nobody's.
        is_quoting: The last character was VLNEXT: the next one is taken as it is.
        is_input: Whether the console's input is this terminal's keyboard.
    """

    __slots__ = (
        "foreground",
        "is_input",
        "is_quoting",
        "kernel",
        "line",
        "out_fd",
        "ready",
        "session",
        "termios",
    )

    def __init__(self, kernel: Kernel, out_fd: int, *, is_input: bool = True) -> None:
        self.kernel = kernel
        self.is_input = is_input
        self.termios = Termios()
        self.out_fd = out_fd
        self.ready: list[bytes] = []
        self.line = bytearray()
        self.foreground = 0
        self.session: Session | None = None
        self.is_quoting = False

    # -- input ----------------------------------------------------------------------------------

    def receive(self) -> None:
        """Take what the device has received, as far as there is room.

        To be called when input arrives and before anything looks at the input.
        """
        if not self.is_input:
            return
        console = self.kernel.board.console
        rx = console.rx
        while rx and self.held_bytes < MAX_INPUT:
            # One character adds at most one byte to what is held.
            taken = self.kernel.hal.read_bytes(MAX_INPUT - self.held_bytes)
            for char in taken:
                self._take(char)
        if console.eof and self.line and not rx:
            self._finish_line()

    @property
    def held_bytes(self) -> int:
        """Readable bytes (complete lines, or everything in raw mode)."""
        return sum(map(len, self.ready))

    @property
    def is_canonical(self) -> bool:
        """Whether input comes by lines."""
        return bool(self.termios.lflag & ICANON)

    def _take(self, char: int) -> None:
        """One received character through the line discipline."""
        modes = self.termios
        if modes.iflag & ISTRIP:
            char &= 0x7F
        if self.is_quoting:
            self.is_quoting = False
            self._put(char)
            return
        if char == _CR:
            if modes.iflag & IGNCR:
                return
            if modes.iflag & ICRNL:
                char = _LF
        elif char == _LF and modes.iflag & INLCR:
            char = _CR
        if modes.iflag & IXON and char in (modes.chars[VSTART], modes.chars[VSTOP]) and char:
            return
        if modes.lflag & ISIG and self._take_signal(char):
            return
        if modes.lflag & ICANON:
            self._take_canonical(char)
        else:
            self.ready.append(bytes((char,)))
            self._echo_char(char)

    def _take_signal(self, char: int) -> bool:
        """Send a signal if `char` is one of the signal characters."""
        modes = self.termios
        for index, signo in _SIGNAL_CHARS:
            if char and char == modes.chars[index]:
                if not modes.lflag & NOFLSH:
                    self.flush_input()
                self._echo_char(char)
                self.signal(signo)
                return True
        return False

    def _take_canonical(self, char: int) -> None:
        """Edit the line, or end it."""
        modes = self.termios
        chars = modes.chars
        extended = bool(modes.lflag & IEXTEN)
        if char == _LF:
            self.line.append(_LF)
            if modes.lflag & (ECHO | ECHONL):
                self.output(b"\n")
            self._finish_line()
        elif char == 0:
            self._put(char)
        elif char == chars[VEOF]:
            self._finish_line(force=True)
        elif char in (chars[VEOL], chars[VEOL2]):
            self._put(char)
            self._finish_line()
        elif char == chars[VERASE]:
            self._erase(1)
        elif char == chars[VKILL]:
            self._kill()
        elif char == chars[VWERASE] and extended:
            self._erase_word()
        elif char == chars[VREPRINT] and extended:
            self._echo_char(char)
            self._echo(b"\n")
            for known in self.line:
                self._echo_char(known)
        elif char == chars[VLNEXT] and extended:
            self.is_quoting = True
            if modes.lflag & ECHO and modes.lflag & ECHOCTL:
                self.output(b"^\b")
        else:
            self._put(char)

    def _put(self, char: int) -> None:
        """Add an ordinary character; a line that is too long drops it."""
        if not self.is_canonical:
            self.ready.append(bytes((char,)))
        elif len(self.line) < MAX_INPUT - 1:
            self.line.append(char)
        else:
            return
        self._echo_char(char)

    def _finish_line(self, *, force: bool = False) -> None:
        """What was typed becomes readable; an empty line by VEOF is an end-of-file."""
        if self.line or force:
            self.ready.append(bytes(self.line))
            self.line.clear()

    def _kill(self) -> None:
        modes = self.termios
        if modes.lflag & ECHO and not (modes.lflag & ECHOK and modes.lflag & ECHOKE):
            self.line.clear()
            self._echo_char(modes.chars[VKILL])
            if modes.lflag & ECHOK:
                self.output(b"\n")
            return
        while self.line:
            self._erase(1)

    def _erase_word(self) -> None:
        while self.line and not _is_word(self.line[-1]):
            self._erase(1)
        while self.line and _is_word(self.line[-1]):
            self._erase(1)

    def _erase(self, count: int) -> None:
        """Remove the last characters of the line, from the screen too."""
        modes = self.termios
        for _ in range(count):
            if not self.line:
                return
            char = self.line.pop()
            if modes.iflag & IUTF8:
                while char & 0xC0 == 0x80 and self.line:
                    char = self.line.pop()
            if not modes.lflag & ECHO:
                continue
            if not modes.lflag & ECHOE:
                self._echo_char(modes.chars[VERASE])
                continue
            width = 1
            if char == _TAB:
                width = 8 - self._column() % 8
            elif char < 32 or char == 127:
                width = 2 if modes.lflag & ECHOCTL else 0
            self.output(b"\b \b" * width)

    def _column(self) -> int:
        """Screen column after the line as echoed, if it began at column 0."""
        column = 0
        for char in self.line:
            if char == _TAB:
                column = (column | 7) + 1
            elif char < 32 or char == 127:
                column += 2
            elif char & 0xC0 != 0x80:
                column += 1
        return column

    def flush_input(self) -> None:
        """Drop everything typed and not yet read (TCIFLUSH)."""
        self.ready.clear()
        self.line.clear()
        self.is_quoting = False

    def mode_changed(self, was_canonical: bool) -> None:
        """Settings are new: a half-typed line becomes readable when leaving canonical mode."""
        if was_canonical and not self.is_canonical and self.line:
            self._finish_line()
        if not self.is_canonical:
            self.ready = [piece for piece in self.ready if piece]

    # -- reading --------------------------------------------------------------------------------

    @property
    def at_end(self) -> bool:
        """Whether the input has ended and nothing is left."""
        console = self.kernel.board.console
        return not self.ready and (not self.is_input or (console.eof and not console.rx))

    def has_input(self) -> bool:
        """Whether a read would not wait."""
        if self.is_canonical:
            return bool(self.ready) or self.at_end
        chars = self.termios.chars
        wanted = 1 if chars[VTIME] else max(1, chars[VMIN])
        return self.held_bytes >= wanted or self.at_end

    def take(self, size_bytes: int) -> bytes:
        """Remove what a read gets: at most one line, or any number of bytes in raw mode."""
        if self.is_canonical:
            if not self.ready:
                return b""
            line = self.ready[0]
            if len(line) > size_bytes:
                self.ready[0] = line[size_bytes:]
                return line[:size_bytes]
            self.ready.pop(0)
            return line
        data = b"".join(self.ready)
        self.ready = [data[size_bytes:]] if len(data) > size_bytes else []
        return data[:size_bytes]

    # -- output ---------------------------------------------------------------------------------

    def output(self, data: bytes) -> None:
        """Send bytes to the screen through output processing."""
        oflag = self.termios.oflag
        if oflag & OPOST:
            if oflag & OCRNL:
                data = data.replace(b"\r", b"\n")
            if oflag & ONLCR:
                data = data.replace(b"\n", b"\r\n")
        if self.out_fd:
            self.kernel.hal.write_bytes(data, self.out_fd)
        self.kernel.events.emit(EventKind.CONSOLE_WRITE, len(data))

    def _echo(self, data: bytes) -> None:
        if self.termios.lflag & ECHO:
            self.output(data)

    def _echo_char(self, char: int) -> None:
        """Echo one character; control characters as ^X."""
        if not self.termios.lflag & ECHO:
            return
        if self.termios.lflag & ECHOCTL and (char < 32 or char == 127) and char not in (_LF, _TAB):
            self.output(b"^" + bytes((char ^ 0x40,)))
        else:
            self.output(bytes((char,)))

    # -- control --------------------------------------------------------------------------------

    def signal(self, signo: int) -> None:
        """Send a signal to the foreground process group."""
        # Imported late: signals know processes, which know open files.
        from kernel.plugins.starry.core.job_control import send_to_group

        send_to_group(self._starry().table.groups.get(self.foreground_group()), signo)

    def foreground_group(self) -> int:
        """The process group in the foreground: the first program's until someone says else."""
        if self.foreground:
            return self.foreground
        starry = self._starry()
        process = starry.table.processes.get(starry.main_pid)
        return process.pgid if process is not None else 0

    def _starry(self) -> Starry:
        """The kernel form, which is this one."""
        return cast("Starry", self.kernel.plugin)

    def poll(self) -> int:
        """POLL* bits."""
        self.receive()
        return WRITABLE | (READABLE if self.has_input() else 0)

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        """Where arriving input is told."""
        return (self.kernel.console_wait,)


def _is_word(char: int) -> bool:
    """Whether VWERASE counts the byte as part of a word."""
    return char >= 0x80 or char == 0x5F or bytes((char,)).isalnum()
