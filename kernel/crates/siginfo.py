"""siginfo_t: why a signal was sent, and its 128 bytes in user memory.

The layout is the same on all 64-bit architectures: signo, errno, code as 32-bit words, 4 bytes
of padding, then a union chosen by signal and code.

Source: include/uapi/asm-generic/siginfo.h; kernel/signal.c `siginfo_layout`.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

SIGINFO_BYTES = 128

# si_code of any signal
SI_USER = 0
SI_KERNEL = 0x80
SI_QUEUE = -1
SI_TIMER = -2
SI_MESGQ = -3
SI_ASYNCIO = -4
SI_SIGIO = -5
SI_TKILL = -6

ILL_ILLOPC, ILL_ILLOPN, ILL_PRVOPC = 1, 2, 5
FPE_INTDIV, FPE_INTOVF, FPE_FLTINV = 1, 2, 7
SEGV_MAPERR, SEGV_ACCERR, SEGV_BNDERR = 1, 2, 3
BUS_ADRALN, BUS_ADRERR, BUS_OBJERR = 1, 2, 3
TRAP_BRKPT, TRAP_TRACE = 1, 2
CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED = 1, 2, 3, 4, 5, 6
POLL_IN = 1
SYS_SECCOMP = 1

_SIGILL, _SIGTRAP, _SIGBUS, _SIGFPE, _SIGSEGV = 4, 5, 7, 8, 11
_SIGCHLD, _SIGSYS = 17, 31


class SigInfoLayout(enum.Enum):
    """Which member of siginfo_t's union is meant."""

    KILL = "pid uid"
    RT = "pid uid value"
    TIMER = "timerid overrun value"
    POLL = "band fd"
    FAULT = "addr"
    CHLD = "pid uid status utime stime"
    SYS = "call_addr syscall arch"


@dataclass(frozen=True, slots=True)
class SigInfo:
    """One signal with its reason.

    Attributes:
        signo: 1..64.
        code: `si_code`: above 0 from the kernel, else from a process.
        errno: `si_errno`, normally 0.
        pid, uid: Sender (or child, for SIGCHLD).
        addr: Faulting address.
        value: `si_value`, 64 bits.
        status, utime, stime: SIGCHLD; times in clock ticks of 10 ms.
        band, fd: SIGIO.
        timerid, overrun: POSIX timers.
        raw: The sender's own bytes (rt_sigqueueinfo), which then replace all of the union.
    """

    signo: int
    code: int = SI_USER
    errno: int = 0
    pid: int = 0
    uid: int = 0
    addr: int = 0
    value: int = 0
    status: int = 0
    utime: int = 0
    stime: int = 0
    band: int = 0
    fd: int = 0
    timerid: int = 0
    overrun: int = 0
    raw: bytes = b""

    @property
    def from_user(self) -> bool:
        """Whether a process, not the kernel, sent it (`SI_FROMUSER`)."""
        return self.code <= 0

    def layout(self) -> SigInfoLayout:
        """The union member in use."""
        return siginfo_layout(self.signo, self.code)

    def pack(self) -> bytes:
        """The 128 bytes as user memory gets them."""
        head = struct.pack("<3iI", self.signo, self.errno, self.code, 0)
        body = self.raw[16:] if self.raw else self._pack_union()
        return (head + body).ljust(SIGINFO_BYTES, b"\0")

    def _pack_union(self) -> bytes:
        layout = self.layout()
        if layout is SigInfoLayout.FAULT:
            return struct.pack("<Q", self.addr)
        if layout is SigInfoLayout.CHLD:
            words = (self.pid, self.uid, self.status, 0, self.utime, self.stime)
            return struct.pack("<iIiIqq", *words)
        if layout is SigInfoLayout.TIMER:
            return struct.pack("<iiQ", self.timerid, self.overrun, self.value)
        if layout is SigInfoLayout.POLL:
            return struct.pack("<qi", self.band, self.fd)
        if layout is SigInfoLayout.SYS:
            return struct.pack("<QiI", self.addr, self.value & 0x7FFF_FFFF, self.status)
        if layout is SigInfoLayout.RT:
            return struct.pack("<iIQ", self.pid, self.uid, self.value)
        return struct.pack("<iI", self.pid, self.uid)

    @classmethod
    def unpack(cls, data: bytes, signo: int) -> SigInfo:
        """Read the siginfo_t a process passes to rt_sigqueueinfo; `signo` overrides its own."""
        _, errno, code, _ = struct.unpack_from("<3iI", data)
        pid, uid, value = struct.unpack_from("<iIQ", data, 16)
        raw = bytes(data[:SIGINFO_BYTES])
        return cls(signo, code, errno, pid=pid, uid=uid, value=value, raw=raw)


_FAULT_CODES = {_SIGILL: 11, _SIGFPE: 15, _SIGSEGV: 10, _SIGBUS: 5, _SIGTRAP: 6}
_POLL_CODES = 6


def siginfo_layout(signo: int, code: int) -> SigInfoLayout:
    """The union member Linux uses for this signal and code."""
    if SI_USER < code < SI_KERNEL:
        if code <= _FAULT_CODES.get(signo, 0):
            return SigInfoLayout.FAULT
        if signo == _SIGCHLD and code <= CLD_CONTINUED:
            return SigInfoLayout.CHLD
        if signo == _SIGSYS and code <= SYS_SECCOMP + 1:
            return SigInfoLayout.SYS
        return SigInfoLayout.POLL if code <= _POLL_CODES else SigInfoLayout.KILL
    if code == SI_TIMER:
        return SigInfoLayout.TIMER
    if code == SI_SIGIO:
        return SigInfoLayout.POLL
    return SigInfoLayout.RT if code < 0 else SigInfoLayout.KILL
