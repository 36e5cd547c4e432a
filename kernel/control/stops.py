"""Breakpoints and catchpoints: what stops the machine, and what each stop says.

A breakpoint belongs to the debugger, not to the machine: hits made while replaying do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kernel.control.types import BreakpointView, BreakSpec, SignalInfoView, Stopped, StopReason
from kernel.control.watch import KINDS, Touch, Watch, Watched
from kernel.crates.event import CauseKind
from kernel.inspect.position import Position
from kernel.inspect.system import System
from kernel.inspect.views import SyscallView
from kernel.machine.board import Board
from kernel.machine.cpu import Cpu, Trap
from kernel.machine.engine import Stop


@dataclass(slots=True)
class Breakpoint:
    """One breakpoint and how often it was hit."""

    number: int
    spec: BreakSpec
    hits: int = 0


class StopTable:
    """All breakpoints of a debugger, and the stop that was asked for last.

    Attributes:
        next_call: Whether the goal is to stop at any system call's entry.
        found: The stop to report, set by the hook that asked the board to stop.
        counting: False while replaying: nothing stops, nothing counts.
        watch: What sees watched memory touched.
    """

    def __init__(self, system: System, names: dict[int, str]) -> None:
        self.system = system
        self.board: Board = system.board
        self.watch = Watch(system, self.touched)
        self.names = names
        self.breakpoints: dict[int, Breakpoint] = {}
        self.next_number = 1
        self.next_call = False
        self.found: Stopped | None = None
        self.counting = True
        self.searching = False  # for the last stop of a stretch: nothing is used up
        self.noted: Stopped | None = None  # searching: the last touch of watched memory
        self.followed = 0  # the task a step belongs to
        self.follow_child = False
        self.passed: Position | None = None  # kernel entry of a fault already stopped at

    # -- the list -------------------------------------------------------------------------------

    def add(self, spec: BreakSpec) -> int:
        """Add a breakpoint; its number."""
        number = self.next_number
        self.next_number += 1
        self.breakpoints[number] = Breakpoint(number, spec)
        return number

    def adopt(self, other: StopTable) -> None:
        """Take over the breakpoints of an earlier life of the machine."""
        self.breakpoints, self.next_number = other.breakpoints, other.next_number
        self.follow_child = other.follow_child

    def remove(self, number: int) -> None:
        """Remove a breakpoint.

        Raises:
            KeyError: There is none with that number.
        """
        del self.breakpoints[number]

    def used_up(self, number: int) -> None:
        """A stop was reported: a temporary breakpoint goes."""
        entry = self.breakpoints.get(number)
        if entry is not None and entry.spec.temporary:
            del self.breakpoints[number]

    def enable(self, number: int, on: bool) -> None:
        """Switch a breakpoint on or off."""
        entry = self.breakpoints[number]
        entry.spec = replace(entry.spec, enabled=on)

    def ignore(self, number: int, count: int) -> None:
        """Let the next `count` hits of a breakpoint pass."""
        entry = self.breakpoints[number]
        entry.spec = replace(entry.spec, ignore=entry.hits + count)

    def view(self) -> tuple[BreakpointView, ...]:
        """All breakpoints, by number."""
        return tuple(BreakpointView(b.number, b.spec, b.hits) for b in self.breakpoints.values())

    def addresses(self) -> frozenset[int]:
        """Addresses of enabled breakpoints."""
        return frozenset(
            b.spec.address
            for b in self.breakpoints.values()
            if b.spec.kind == "address" and b.spec.enabled
        )

    def watched(self) -> list[Watched]:
        """The enabled watchpoints."""
        return [
            Watched(n, b.spec.kind, b.spec.pid, b.spec.address, b.spec.size_bytes, b.spec.width)
            for n, b in self.breakpoints.items()
            if b.spec.kind in KINDS and b.spec.enabled
        ]

    # -- hits -----------------------------------------------------------------------------------

    def _hit(self, entry: Breakpoint, values: dict[str, int] | None, tid: int = 0) -> bool:
        """Count a hit of task `tid`; whether it stops."""
        spec = entry.spec
        if not spec.enabled or not self.counting or (spec.thread and spec.thread != tid):
            return False
        if spec.condition is not None and not spec.condition(values or {}):
            return False
        if self.searching:
            return True
        entry.hits += 1
        if entry.hits <= spec.ignore:
            return False
        self.used_up(entry.number)
        return True

    def position(self) -> Position:
        """The board's position."""
        return Position(self.board.events.count, self.board.insns_since)

    def at_address(self, cpu: Cpu) -> Stopped | None:
        """A CPU reached an exit address: the stop, or None if no breakpoint wants it."""
        values: dict[str, int] | None = None
        for entry in list(self.breakpoints.values()):
            if entry.spec.kind != "address" or entry.spec.address != cpu.pc:
                continue
            if values is None:
                values = _registers(cpu)
            if self._hit(entry, values, tid_of(cpu)):
                what = entry.spec.text or f"{entry.spec.address:#x}"
                sentence = f"breakpoint {entry.number}, {what}"
                return Stopped(StopReason.BREAKPOINT, sentence, self.position(), entry.number)
        return None

    def touched(self, cpu: Cpu, touch: Touch) -> bool:
        """Watched memory was changed or read; whether to stop."""
        entry = self.breakpoints.get(touch.number)
        if entry is None or not self._hit(entry, _registers(cpu), tid_of(cpu)):
            return False
        change = f"{_shown(touch.old)} -> {_shown(touch.new)}"
        if touch.old == touch.new:
            change = f"accessed, {_shown(touch.new)}"
        elif self.searching:
            change = f"about to change, {change}"
        by = f", by the kernel: {self._kernel_work()}" if touch.by_kernel else ""
        text = f"watchpoint {entry.number}, {entry.spec.text}: {change}{by}"
        stopped = Stopped(StopReason.WATCH, text, self.position(), entry.number, cause=touch.before)
        if self.searching:
            self.noted = replace(stopped, position=touch.before)  # where it is about to happen
            return False
        self.found = stopped
        return True

    def _kernel_work(self) -> str:
        cause = self.board.events.cause
        if cause.kind in (CauseKind.SYSCALL, CauseKind.CALL):
            return f"{self.names.get(cause.detail, 'system call')} #{cause.serial}"
        return cause.kind.name.lower()

    def wants(self, cpu: Cpu, trap: Trap) -> bool:
        """Watcher hook: whether to stop before the kernel handles a trap."""
        if not self.breakpoints and not self.next_call:
            return False
        if trap.why not in (Stop.SYSCALL, Stop.CALL) or not self.counting:
            return False
        entries = [
            b
            for b in self.breakpoints.values()
            if b.spec.kind == "syscall" and b.spec.when in ("both", "entry")
        ]
        if not entries and not self.next_call:
            return False
        nr, args = self.system.kernel.plugin.pending_call(cpu)
        if nr < 0:
            return False  # a jump to where no function begins
        call = SyscallView(
            serial=0,
            tid=cpu.current.tid,
            nr=nr,
            name=self.names.get(nr, f"syscall_{nr:#x}"),
            args=tuple(args),
            result=None,
            enter=self.position(),
            exit=None,
            time_ns=cpu.clock_ns,
        )
        for entry in entries:
            if entry.spec.numbers and nr not in entry.spec.numbers:
                continue
            if self._hit(entry, call_values(call), call.tid):
                self.found = Stopped(
                    StopReason.SYSCALL_ENTER,
                    f"catchpoint {entry.number}, call to {call.name}",
                    self.position(),
                    entry.number,
                    call,
                )
                return True
        if self.next_call:
            self.found = Stopped(
                StopReason.SYSCALL_ENTER, f"call to {call.name}", self.position(), 0, call
            )
            return True
        return False

    def wants_exit(self, call: SyscallView) -> bool:
        """A call returned: whether to stop at the next boundary."""
        if not self.counting:
            return False
        for entry in list(self.breakpoints.values()):
            spec = entry.spec
            if spec.kind != "syscall" or spec.when not in ("both", "return"):
                continue
            if spec.numbers and call.nr not in spec.numbers:
                continue
            if self._hit(entry, call_values(call), call.tid):
                self.found = Stopped(
                    StopReason.SYSCALL_EXIT,
                    f"catchpoint {entry.number}, return from {call.name}",
                    self.position(),
                    entry.number,
                    call,
                )
                return True
        return False

    def entry(self) -> Position:
        """Where the kernel was last entered."""
        return Position(self.board.trap_event, self.board.trap_insns)

    def wants_signal(self, info: SignalInfoView, tid: int) -> bool:
        """A signal reaches a thread."""
        if self.entry() == self.passed:
            return False
        return self._simple("signal", info.signo, StopReason.SIGNAL, f"signal {info.signo}", tid)

    def wants_fault(self, signal: str, why: str, tid: int) -> bool:
        """A fault becomes a signal."""
        if self.entry() == self.passed:
            return False
        return self._simple("fault", 0, StopReason.FAULT, f"{signal}: {why}", tid)

    def wants_exit_of_process(self, pid: int, status: int) -> bool:
        """A process ended."""
        return self._simple("exit", 0, StopReason.EXITED, f"process {pid} ended, {status:#x}", pid)

    def created(self, parent: int, tid: int, pid: int) -> bool:
        """A thread was made; whether to stop. A step goes on in a child that is followed."""
        if not self.counting:
            return False
        is_process = tid == pid
        if is_process and self.follow_child and parent == self.followed:
            self.followed = tid
        what = f"process {pid}" if is_process else f"thread {tid}"
        return self._simple("fork", 0, StopReason.EVENT, f"{parent} made {what}", parent)

    def executed(self, pid: int, path: str) -> bool:
        """A process runs another program from now on; whether to stop."""
        return self._simple("exec", 0, StopReason.EVENT, f"process {pid} runs {path}", pid)

    def _simple(
        self, kind: str, number: int, reason: StopReason, sentence: str, tid: int = 0
    ) -> bool:
        if not self.counting:
            return False
        for entry in list(self.breakpoints.values()):
            if entry.spec.kind != kind:
                continue
            if entry.spec.numbers and number not in entry.spec.numbers:
                continue
            if self._hit(entry, {"number": number}, tid):
                text = f"catchpoint {entry.number}, {sentence}"
                self.found = Stopped(reason, text, self.position(), entry.number)
                return True
        return False


def tid_of(cpu: Cpu) -> int:
    """The task on a CPU; 0 if there is none."""
    return cpu.current.tid if cpu.current is not None else 0


def _registers(cpu: Cpu) -> dict[str, int]:
    values = dict(zip(cpu.engine.arch.registers, cpu.engine.registers(), strict=True))
    values[cpu.engine.arch.pc] = cpu.pc
    return values


def _shown(data: bytes) -> str:
    """Watched bytes for people: a number if they are as long as one."""
    if len(data) in (1, 2, 4, 8):
        value = int.from_bytes(data, "little", signed=True)
        return str(value) if -10 < value < 10 else f"{value} ({value % (1 << 8 * len(data)):#x})"
    return data[:16].hex(" ") + ("..." if len(data) > 16 else "")


def call_values(call: SyscallView) -> dict[str, int]:
    """The names a condition may use about a call."""
    values = {"nr": call.nr}
    values.update({f"arg{i}": value for i, value in enumerate(call.args)})
    if call.result is not None:
        values["result"] = call.result
    return values
