"""Signals as data: numbers, sets, actions, default actions and pending queues.

A signal set is a plain int, bit `signo - 1` for signal `signo` (Linux's sigset_t on 64-bit
machines; axsignal's `SignalSet`).

Source: signal(7); Linux kernel/signal.c (`legacy_queue`, `next_signal`, `collect_signal`),
include/uapi/asm-generic/signal.h; Starry-OS/axsignal src/{types,action,pending}.rs.
Differs from axsignal: an unhandled real-time signal terminates; faults are taken first.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from kernel.crates.siginfo import SigInfo

NSIG = 64
SIGRTMIN = 32  # the kernel's; C libraries keep the first two or three for themselves
SIGSET_BYTES = 8
ALL_SIGNALS = (1 << NSIG) - 1
SIG_DFL = 0
SIG_IGN = 1


class Signo(enum.IntEnum):
    """The standard signals; the numbers are the same on all four architectures."""

    SIGHUP = 1
    SIGINT = 2
    SIGQUIT = 3
    SIGILL = 4
    SIGTRAP = 5
    SIGABRT = 6
    SIGBUS = 7
    SIGFPE = 8
    SIGKILL = 9
    SIGUSR1 = 10
    SIGSEGV = 11
    SIGUSR2 = 12
    SIGPIPE = 13
    SIGALRM = 14
    SIGTERM = 15
    SIGSTKFLT = 16
    SIGCHLD = 17
    SIGCONT = 18
    SIGSTOP = 19
    SIGTSTP = 20
    SIGTTIN = 21
    SIGTTOU = 22
    SIGURG = 23
    SIGXCPU = 24
    SIGXFSZ = 25
    SIGVTALRM = 26
    SIGPROF = 27
    SIGWINCH = 28
    SIGIO = 29
    SIGPWR = 30
    SIGSYS = 31


def signal_name(signo: int) -> str:
    """The name as strace prints it: SIGSEGV, SIGRT_3; the number when there is no such signal."""
    if 1 <= signo < SIGRTMIN:
        return Signo(signo).name
    if signo == SIGRTMIN:
        return "SIGRTMIN"
    if SIGRTMIN < signo <= NSIG:
        return f"SIGRT_{signo - SIGRTMIN}"
    return str(signo)


def bit(signo: int) -> int:
    """The set with only `signo` (1..64) in it."""
    return 1 << (signo - 1)


def set_of(*signals: int) -> int:
    """The set of the given signals."""
    mask = 0
    for signo in signals:
        mask |= bit(signo)
    return mask


def members(mask: int) -> tuple[int, ...]:
    """The signals in a set, lowest first."""
    return tuple(signo for signo in range(1, NSIG + 1) if mask >> (signo - 1) & 1)


#: Can be neither blocked, handled nor ignored.
UNBLOCKABLE = set_of(Signo.SIGKILL, Signo.SIGSTOP)
#: Raised by an instruction of the thread itself; taken before all others.
SYNCHRONOUS = set_of(
    Signo.SIGSEGV, Signo.SIGBUS, Signo.SIGILL, Signo.SIGTRAP, Signo.SIGFPE, Signo.SIGSYS
)
STOP_SIGNALS = set_of(Signo.SIGSTOP, Signo.SIGTSTP, Signo.SIGTTIN, Signo.SIGTTOU)


class DefaultAction(enum.Enum):
    """What the kernel does with a signal nobody handles."""

    TERMINATE = "terminate"
    CORE = "core"  # terminate; the wait status says "core dumped", nothing is written
    STOP = "stop"
    CONTINUE = "continue"
    IGNORE = "ignore"


_CORE = set_of(
    Signo.SIGQUIT,
    Signo.SIGILL,
    Signo.SIGTRAP,
    Signo.SIGABRT,
    Signo.SIGBUS,
    Signo.SIGFPE,
    Signo.SIGSEGV,
    Signo.SIGXCPU,
    Signo.SIGXFSZ,
    Signo.SIGSYS,
)
_IGNORED = set_of(Signo.SIGCHLD, Signo.SIGURG, Signo.SIGWINCH)


def default_action(signo: int) -> DefaultAction:
    """The default action of a signal, signal(7)."""
    mask = bit(signo)
    if mask & _CORE:
        return DefaultAction.CORE
    if mask & _IGNORED:
        return DefaultAction.IGNORE
    if mask & STOP_SIGNALS:
        return DefaultAction.STOP
    if signo == Signo.SIGCONT:
        return DefaultAction.CONTINUE
    return DefaultAction.TERMINATE


class SaFlags(enum.IntFlag):
    """`sa_flags` of sigaction(2), asm-generic."""

    NOCLDSTOP = 0x1
    NOCLDWAIT = 0x2
    SIGINFO = 0x4
    UNSUPPORTED = 0x400
    EXPOSE_TAGBITS = 0x800
    RESTORER = 0x0400_0000
    ONSTACK = 0x0800_0000
    RESTART = 0x1000_0000
    NODEFER = 0x4000_0000
    RESETHAND = 0x8000_0000


#: Flags Linux knows without the architecture's own; others are cleared (`UAPI_SA_FLAGS`).
KNOWN_SA_FLAGS = (
    SaFlags.NOCLDSTOP
    | SaFlags.NOCLDWAIT
    | SaFlags.SIGINFO
    | SaFlags.ONSTACK
    | SaFlags.RESTART
    | SaFlags.NODEFER
    | SaFlags.RESETHAND
    | SaFlags.EXPOSE_TAGBITS
)


@dataclass(frozen=True, slots=True)
class SigAction:
    """What a process wants done with one signal.

    Attributes:
        handler: User address, or `SIG_DFL`, `SIG_IGN`.
        flags: `SaFlags` bits.
        restorer: User address the handler returns to, with `SaFlags.RESTORER`.
        mask: Signals blocked while the handler runs.
    """

    handler: int = SIG_DFL
    flags: int = 0
    restorer: int = 0
    mask: int = 0

    @property
    def is_user(self) -> bool:
        """Whether a function of the program handles it."""
        return self.handler > SIG_IGN

    def ignores(self, signo: int) -> bool:
        """Whether a signal arriving now would have no effect."""
        if self.handler == SIG_IGN:
            return True
        return self.handler == SIG_DFL and default_action(signo) in (
            DefaultAction.IGNORE,
            DefaultAction.CONTINUE,
        )


DEFAULT_ACTION = SigAction()


class SignalActions:
    """The 64 actions of a process; shared by clone(CLONE_SIGHAND)."""

    __slots__ = ("table",)

    def __init__(self) -> None:
        self.table: list[SigAction] = [DEFAULT_ACTION] * (NSIG + 1)  # index = signo

    def __getitem__(self, signo: int) -> SigAction:
        return self.table[signo]

    def __setitem__(self, signo: int, action: SigAction) -> None:
        self.table[signo] = action

    def copy(self) -> SignalActions:
        """The actions of a forked child."""
        twin = SignalActions()
        twin.table = list(self.table)
        return twin

    def reset_handlers(self) -> None:
        """What execve does: handlers become the default, ignored stays ignored."""
        for signo in range(1, NSIG + 1):
            if self.table[signo].handler != SIG_IGN:
                self.table[signo] = DEFAULT_ACTION
            else:
                self.table[signo] = SigAction(SIG_IGN)


class PendingSignals:
    """Signals sent and not yet taken, of one thread or one process.

    A standard signal is pending at most once: what comes later is dropped. Real-time signals queue
    in order of arrival.
    """

    __slots__ = ("mask", "queues")

    def __init__(self) -> None:
        self.mask = 0
        self.queues: dict[int, list[SigInfo]] = {}

    def add(self, info: SigInfo) -> bool:
        """Queue a signal; False if a standard one was pending already and this one is dropped."""
        signo = info.signo
        if self.mask & bit(signo):
            if signo < SIGRTMIN:
                return False
            self.queues[signo].append(info)
            return True
        self.mask |= bit(signo)
        self.queues[signo] = [info]
        return True

    def next_signo(self, blocked: int) -> int:
        """The signal to take next: synchronous ones first, then the lowest number; 0 if none."""
        ready = self.mask & ~blocked
        if not ready:
            return 0
        ready = ready & SYNCHRONOUS or ready
        return (ready & -ready).bit_length()

    def take(self, blocked: int) -> SigInfo | None:
        """Remove and return the next signal outside `blocked`, or None."""
        signo = self.next_signo(blocked)
        return self.take_signo(signo) if signo else None

    def take_signo(self, signo: int) -> SigInfo:
        """Remove and return the oldest pending instance of `signo`, which must be pending."""
        queue = self.queues[signo]
        info = queue.pop(0)
        if not queue:
            del self.queues[signo]
            self.mask &= ~bit(signo)
        return info

    def flush(self, mask: int) -> None:
        """Drop all pending signals in `mask`."""
        for signo in members(self.mask & mask):
            del self.queues[signo]
        self.mask &= ~mask

    def count(self) -> int:
        """Signals queued, each instance counted."""
        return sum(len(self.queues[signo]) for signo in members(self.mask))
