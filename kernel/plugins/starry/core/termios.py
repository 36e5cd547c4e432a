"""Terminal settings: struct termios as TCGETS and TCSETS carry it.

Source: Linux include/uapi/asm-generic/termbits.h (the same on all four architectures),
drivers/tty/tty_io.c `tty_std_termios`; termios(3).
"""

from __future__ import annotations

import struct
from typing import Final

# c_iflag
ISTRIP = 0o40
INLCR = 0o100
IGNCR = 0o200
ICRNL = 0o400
IXON = 0o2000
IUTF8 = 0o40000
# c_oflag
OPOST = 0o1
ONLCR = 0o4
OCRNL = 0o10
# c_lflag
ISIG = 0o1
ICANON = 0o2
ECHO = 0o10
ECHOE = 0o20
ECHOK = 0o40
ECHONL = 0o100
NOFLSH = 0o200
TOSTOP = 0o400
ECHOCTL = 0o1000
ECHOKE = 0o4000
IEXTEN = 0o100000
# Indices into c_cc
VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP = range(11)
VEOL, VREPRINT, VDISCARD, VWERASE, VLNEXT, VEOL2 = range(11, 17)
NCCS: Final = 19

B38400: Final = 0o17
_CFLAG: Final = B38400 | 0o60 | 0o200 | 0o2000  # CS8 | CREAD | HUPCL
_CHARS: Final = bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0))
_OLD: Final = struct.Struct("<4IB19s")  # struct termios, 36 bytes
_NEW: Final = struct.Struct("<4IB19s2I")  # struct termios2, 44 bytes
TERMIOS_BYTES: Final = _OLD.size
TERMIOS2_BYTES: Final = _NEW.size
_SPEED: Final = 38400


class Termios:
    """The settings of one terminal.

    Attributes:
        iflag, oflag, cflag, lflag: Mode words.
        line: Line discipline; always 0 (N_TTY).
        chars: Control characters, by index; 0 = disabled.
    """

    __slots__ = ("cflag", "chars", "iflag", "lflag", "line", "oflag")

    def __init__(self) -> None:
        self.iflag = ICRNL | IXON | IUTF8
        self.oflag = OPOST | ONLCR
        self.cflag = _CFLAG
        self.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN
        self.line = 0
        self.chars = _CHARS

    def pack(self) -> bytes:
        """The bytes of struct termios."""
        return _OLD.pack(self.iflag, self.oflag, self.cflag, self.lflag, self.line, self.chars)

    def pack2(self) -> bytes:
        """The bytes of struct termios2, with speeds."""
        return self.pack() + struct.pack("<2I", _SPEED, _SPEED)

    def unpack(self, raw: bytes) -> None:
        """Take over a struct termios or termios2."""
        self.iflag, self.oflag, self.cflag, self.lflag, _, self.chars = _OLD.unpack(
            raw[:TERMIOS_BYTES]
        )
