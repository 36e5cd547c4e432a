"""The terminal as an open file: blocking reads by VMIN and VTIME, and its ioctls.

Source: termios(3), ioctl_tty(2); Linux drivers/tty/{n_tty,tty_io,tty_ioctl}.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.modules.axfs.devfs import TTY_DEV
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.core.file import FileLike, WouldBlock
from kernel.plugins.starry.core.job_control import (
    check_use,
    controls,
    leave_terminal,
    set_foreground,
    take_terminal,
)
from kernel.plugins.starry.core.termios import (
    TERMIOS2_BYTES,
    TERMIOS_BYTES,
    TOSTOP,
    VMIN,
    VTIME,
)
from kernel.plugins.starry.core.tty import SIGTTIN, SIGTTOU, SIGWINCH

if TYPE_CHECKING:
    from kernel.crates.vfs import VfsNode
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.thread import Thread
    from kernel.plugins.starry.core.tty import Tty

TCGETS, TCSETS, TCSETSW, TCSETSF = range(0x5401, 0x5405)
TCSBRK, TCXONC, TCFLSH = 0x5409, 0x540A, 0x540B
TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, TIOCOUTQ = range(0x540E, 0x5412)
TIOCGWINSZ, TIOCSWINSZ = 0x5413, 0x5414
FIONREAD = 0x541B
TIOCNOTTY, TIOCGETD, TCSBRKP = 0x5422, 0x5424, 0x5425
TIOCGSID = 0x5429
TCGETS2, TCSETS2, TCSETSW2, TCSETSF2 = 0x802C542A, 0x402C542B, 0x402C542C, 0x402C542D
TIOCGPTN = 0x8004_5430
_TENTH_NS = 100_000_000
_WINSIZE = struct.Struct("<4H")


class TtyFile(FileLike):
    """A descriptor on the terminal."""

    __slots__ = ("tty",)
    kind = "tty"

    def __init__(self, tty: Tty) -> None:
        self.tty = tty

    def read(self, t: Thread, size_bytes: int) -> bytes:
        tty = self.tty
        if not size_bytes:
            return b""
        check_use(t, tty, SIGTTIN)
        tty.receive()
        if tty.is_canonical:
            if not tty.ready and not tty.at_end:
                raise WouldBlock
        elif not tty.at_end:
            self._wait_raw(t, size_bytes)
        data = tty.take(size_bytes)
        t.kernel.events.emit(EventKind.CONSOLE_READ, len(data))
        return data

    def _wait_raw(self, t: Thread, size_bytes: int) -> None:
        """Non-canonical mode: whether the read has to wait, termios(3) MIN and TIME."""
        minimum, tenths = self.tty.termios.chars[VMIN], self.tty.termios.chars[VTIME]
        held = self.tty.held_bytes
        if held >= min(max(minimum, 1), size_bytes) or (not minimum and not tenths):
            return
        if t.resumed == WaitOutcome.TIMEOUT:
            return
        # With MIN the timer runs between bytes only, without from the start of the read.
        timed = tenths and (held or not minimum)
        raise WouldBlock(t.kernel.events.time_ns + tenths * _TENTH_NS if timed else None)

    def put_back(self, data: bytes) -> None:
        self.tty.ready.insert(0, data)

    def write(self, t: Thread, data: bytes) -> int:
        if self.tty.termios.lflag & TOSTOP:
            check_use(t, self.tty, SIGTTOU)
        self.tty.output(data)
        return len(data)

    def poll(self) -> int:
        return self.tty.poll()

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        return self.tty.wait_queues()

    def ioctl(self, t: Thread, cmd: int, arg: int) -> int:
        if cmd in (TCGETS, TCGETS2):
            modes = self.tty.termios
            t.mem.write(arg, modes.pack() if cmd == TCGETS else modes.pack2())
            return 0
        if cmd in (TCSETS, TCSETSW, TCSETSF, TCSETS2, TCSETSW2, TCSETSF2):
            return self._set_modes(t, cmd, arg)
        if cmd == TIOCGWINSZ:
            columns, rows = t.kernel.board.console.window
            t.mem.write(arg, _WINSIZE.pack(rows, columns, 0, 0))
            return 0
        if cmd == TIOCSWINSZ:
            return self._set_window(t, arg)
        if cmd == FIONREAD:
            self.tty.receive()
            t.mem.write_u32(arg, self.tty.held_bytes)
            return 0
        return self._control(t, cmd, arg)

    def _set_modes(self, t: Thread, cmd: int, arg: int) -> int:
        tty = self.tty
        check_use(t, tty, SIGTTOU)
        is_new = cmd in (TCSETS2, TCSETSW2, TCSETSF2)
        raw = t.mem.read(arg, TERMIOS2_BYTES if is_new else TERMIOS_BYTES)
        tty.receive()
        if cmd in (TCSETSF, TCSETSF2):
            tty.flush_input()
        was_canonical = tty.is_canonical
        tty.termios.unpack(raw)
        tty.mode_changed(was_canonical)
        t.kernel.console_wait.notify_all("terminal settings")
        return 0

    def _set_window(self, t: Thread, arg: int) -> int:
        rows, columns, _, _ = _WINSIZE.unpack(t.mem.read(arg, _WINSIZE.size))
        console = t.kernel.board.console
        if (columns, rows) != console.window:
            console.window = (columns, rows)
            self.tty.signal(SIGWINCH)
        return 0

    def _control(self, t: Thread, cmd: int, arg: int) -> int:
        """Job control and the rest."""
        tty = self.tty
        if cmd in (TIOCGPGRP, TIOCGSID):
            if not controls(t, tty):
                raise LinuxError(Errno.ENOTTY)
            is_group = cmd == TIOCGPGRP
            ident = max(tty.foreground_group(), 0) if is_group else t.process.sid
            t.mem.write_u32(arg, ident)
        elif cmd == TIOCSPGRP:
            set_foreground(t, tty, t.mem.read_u32(arg))
        elif cmd == TIOCSCTTY:
            take_terminal(t, tty, arg == 1)
        elif cmd == TIOCNOTTY:
            if not controls(t, tty):
                raise LinuxError(Errno.ENOTTY)
            leave_terminal(t.process, ends=False)
        elif cmd in (TIOCOUTQ, TIOCGETD, TIOCGPTN):
            t.mem.write_u32(arg, 0)
        elif cmd == TCFLSH:
            check_use(t, tty, SIGTTOU)
            if arg not in (0, 1, 2):
                raise LinuxError(Errno.EINVAL)
            if arg != 1:
                t.kernel.board.console.rx.clear()
                tty.flush_input()
        elif cmd == TCXONC:
            if arg > 3:
                raise LinuxError(Errno.EINVAL)
        elif cmd not in (TCSBRK, TCSBRKP):
            raise LinuxError(Errno.ENOTTY)
        return 0


def open_tty(t: Thread, node: VfsNode, keeps_away: bool) -> TtyFile:
    """A terminal; /dev/tty is the session's, and a session leader without one takes another.

    Args:
        t: The caller.
        node: The device.
        keeps_away: O_NOCTTY.

    Raises:
        LinuxError: ENXIO.
    """
    session = t.process.group.session
    tty: Tty | None = session.terminal if node.attr.rdev == TTY_DEV else node.attached
    if tty is None:
        raise LinuxError(Errno.ENXIO)
    is_leader = session.sid == t.process.pid and session.terminal is None
    if is_leader and tty.session is None and not keeps_away:
        take_terminal(t, tty)
    return TtyFile(tty)
