"""What front ends say and hear: goals, stops, breakpoints. Plain values."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kernel.inspect.position import Position

if TYPE_CHECKING:
    from kernel.inspect.views import SyscallView


class GoalKind(enum.Enum):
    """Where to go from here."""

    INSN = "instruction"
    OVER = "over calls"
    OUT = "out of the function"
    LINE = "source line"
    SYSCALL = "system call"
    EVENT = "event"
    CONTINUE = "continue"
    UNTIL = "until an address"


class LineTable(Protocol):
    """Source lines by address, as the front end knows them."""

    def line_of(self, pc: int) -> tuple[str, int] | None:
        """File and line of the code at `pc`, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Goal:
    """A movement; `reverse` is the same one backwards.

    Attributes:
        count: How many times.
        address: UNTIL: where to; OUT: the return address, from an unwinder (0: unknown).
        lines: LINE: the line table.
    """

    kind: GoalKind
    count: int = 1
    reverse: bool = False
    address: int = 0
    lines: LineTable | None = None


class StopReason(enum.Enum):
    """Why the machine stands still."""

    START = "start"
    STEP = "step"
    BREAKPOINT = "breakpoint"
    SYSCALL_ENTER = "system call entry"
    SYSCALL_EXIT = "system call return"
    EVENT = "event"
    FAULT = "fault"
    SIGNAL = "signal"
    EXITED = "exited"
    INPUT = "waiting for input"
    DEADLOCK = "deadlock"
    PANIC = "kernel panic"
    PAUSED = "paused"
    POSITION = "position"
    BEGINNING = "beginning"
    END = "end"
    WATCH = "watchpoint"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The machine stopped: why, in one sentence, and where.

    Attributes:
        breakpoint: Number of the breakpoint that stopped it; 0 for none.
        syscall: The call, for the system-call reasons.
        cause: WATCH: where what touched the memory begins: the instruction, or the kernel's entry.
    """

    reason: StopReason
    sentence: str
    position: Position
    breakpoint: int = 0
    syscall: SyscallView | None = None
    cause: Position | None = None


Condition = Callable[[dict[str, int]], bool]


@dataclass(frozen=True, slots=True)
class BreakSpec:
    """What to stop at.

    Attributes:
        kind: address, syscall, fault, signal, exit, fork, exec; watch, rwatch, awatch: memory.
        address: Where it is; memory: the first byte.
        text: What the user typed, for listings.
        numbers: System-call or signal numbers; empty: all.
        when: syscall: entry, return or both.
        ignore: Hits to let pass first.
        thread: Only when this task comes there; 0: any.
        condition: Gets the call's nr, arg0 to arg5 and, at the return, result; or the registers.
        pid: Memory: whose; 0: the current process's.
        size_bytes: Memory: how many bytes.
        width: Memory: bytes that the instruction with a code accesses; 0 if it is not known.
    """

    kind: str
    address: int = 0
    text: str = ""
    numbers: frozenset[int] = frozenset()
    when: str = "both"
    temporary: bool = False
    enabled: bool = True
    ignore: int = 0
    condition: Condition | None = None
    thread: int = 0
    pid: int = 0
    size_bytes: int = 0
    width: Callable[[bytes], int] | None = None


@dataclass(frozen=True, slots=True)
class BreakpointView:
    """A breakpoint as listed."""

    number: int
    spec: BreakSpec
    hits: int


@dataclass(frozen=True, slots=True)
class SignalInfoView:
    """The parts of siginfo a person reads."""

    signo: int
    code: int
    pid: int = 0
    uid: int = 0
    addr: int = 0
    value: int = 0


class MemoryReader(Protocol):
    """Reads the memory of the process concerned."""

    def __call__(self, va: int, size_bytes: int) -> bytes:
        """At most `size_bytes` from `va`: shorter where unmapped."""
        ...


class SyscallObserver(Protocol):
    """Hears of calls as they happen, in order; during a replay it hears them again."""

    def enter(self, call: SyscallView, memory: MemoryReader) -> None: ...
    def exit(self, call: SyscallView, memory: MemoryReader) -> None: ...
    def signal(self, tid: int, signo: int, info: SignalInfoView) -> None: ...
    def exited(self, pid: int, status: int) -> None: ...


@runtime_checkable
class TaskObserver(SyscallObserver, Protocol):
    """Hears of threads, too, and of those that a signal stops."""

    def stopped(self, tid: int, signo: int) -> None: ...
    def created(self, parent: int, tid: int, pid: int) -> None: ...
    def thread_exited(self, tid: int, pid: int, status: int) -> None: ...
    def replaced(self, tid: int, pid: int) -> None: ...
