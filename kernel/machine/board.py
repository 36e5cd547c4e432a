"""The board: runs the CPUs in virtual time and hands traps to the kernel.

CPUs are interleaved on one host thread, always the one furthest behind in virtual time, in slices
whose ends depend on the machine's state only. So the run is parallel in virtual time and the
same however often a debugger stops it.
"""

from __future__ import annotations

import enum
import traceback
from collections.abc import Callable
from typing import Protocol

from kernel.crates.errno import KernelPanic, PowerOff, ProgramPanic
from kernel.crates.event import EventKind, EventLog, HalfWay
from kernel.machine.clock import NS_PER_INSN
from kernel.machine.console import Console
from kernel.machine.cpu import NEVER_NS, Cpu, Trap
from kernel.machine.engine import Access, RunResult, Stop
from kernel.machine.ram import Ram

#: A CPU runs at most this long before the others get their turn.
SLICE_NS = 50_000
#: Every so many traps (and at every tick) the CPU's load reservation is cleared, as exception
#: returns may do at any time; only there can a snapshot be taken without a visible effect.
BREATH_TRAPS = 256

# Looked up once: a member of an enum costs as much as two function calls before Python 3.12.
_BUDGET, _EXIT, _SYSCALL, _EXCEPTION, _BUS, _FAULT, _CALL = (
    Stop.BUDGET,
    Stop.EXIT,
    Stop.SYSCALL,
    Stop.EXCEPTION,
    Stop.BUS,
    Stop.FAULT,
    Stop.CALL,
)
_TRAP_EXIT = EventKind.TRAP_EXIT
_EXECUTE = int(Access.EXECUTE)


class Halt(enum.IntEnum):
    """Why `Board.run` returned."""

    BUDGET = 0  # executed the budget
    BREAKPOINT = 1  # a CPU is about to execute an exit address
    EVENT = 2  # the event alarm was reached, at a boundary
    TRAP = 3  # the watcher wants to stop before the pending trap is handled
    REQUEST = 4  # somebody set `stop_requested`
    BREATH = 5  # a snapshot may be taken here
    IDLE = 6  # all CPUs idle, no timer set: waits for input, or deadlock
    OFF = 7  # the kernel switched the machine off
    PANIC = 8  # `panic` says why
    SKIP = 9  # the CPUs idle until a timer, and `before_skip` wants to be asked first


class TrapHandler(Protocol):
    """The kernel's entry points; axhal fills this. They run with events set up for the CPU."""

    def on_syscall(self, cpu: Cpu) -> None: ...
    def on_fault(self, cpu: Cpu, va: int, access: int, *, bus: bool) -> None: ...
    def on_exception(self, cpu: Cpu, cause: int, address: int) -> None: ...
    def on_timer(self, cpu: Cpu) -> None: ...
    def on_input(self, cpu: Cpu) -> None: ...


class KernelText(Protocol):
    """The kernel's functions, where programs may call them (Unikernel); not machine state.

    Their bodies run outside the machine. The CPU cannot fetch from `start` to `end`, and what
    makes it try is a call; the one instruction it counts for is the function's return.
    """

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...

    def on_call(self, cpu: Cpu) -> None:
        """The CPU has arrived at `cpu.pc`: carry the function out and return from it."""
        ...


class Watcher(Protocol):
    """A debugger's look at every trap before the kernel handles it."""

    def wants(self, cpu: Cpu, trap: Trap) -> bool:
        """Whether to stop before the trap is handled."""
        ...


class MemoryWatch(Protocol):
    """A debugger's look at memory: runs the CPUs so that it sees what is written."""

    def run(self, cpu: Cpu, budget: int) -> RunResult:
        """As `cpu.engine.run` from the CPU's pc; may return BUDGET early."""
        ...

    def kernel_done(self, cpu: Cpu) -> None:
        """The kernel has handled a trap or interrupt of `cpu`."""
        ...


class Board:
    """All hardware of one machine, and the loop that drives it.

    Machine state: the CPUs, the console, and the attributes named in `STATE`. The rest belongs to
    whoever drives the machine.
    """

    STATE = (
        "active",
        "slice_end_ns",
        "insns_since",
        "instructions",
        "is_off",
        "exit_status",
        "panic",
        "trap_event",
        "trap_insns",
        "trap_skips",
    )

    def __init__(self, ram: Ram, events: EventLog, cpus: list[Cpu], console: Console) -> None:
        self.ram = ram
        self.events = events
        self.cpus = cpus
        self.console = console
        self.active = 0
        self.slice_end_ns = 0
        self.insns_since = 0  # user instructions since the last event
        self.instructions = 0
        self.is_off = False
        self.exit_status = 0
        self.panic = ""
        self.trap_event = 0  # where the last kernel entry began: event count,
        self.trap_insns = 0  # instructions since it (a system-call instruction included),
        self.trap_skips = 0  # and how many of those are the trapping instruction itself
        self.handler: TrapHandler | None = None
        self.text: KernelText | None = None
        # the driver's, not machine state:
        self.watcher: Watcher | None = None
        self.before_skip: Callable[[], bool] | None = None
        self.watch: MemoryWatch | None = None
        self.stop_requested = False
        self.stop_at_breath = False
        self.exits: frozenset[int] = frozenset()  # the engines', for addresses they cannot fetch

    # -- choosing a CPU -------------------------------------------------------------------------

    def choose(self) -> None:
        """Make `active` the CPU to go on with.

        Called whenever clocks or work have changed, so that `active` depends on the machine's
        state only, not on where a debugger stopped. A second call changes nothing.
        """
        cpu = self.cpus[self.active]
        if (cpu.is_user or cpu.pending) and cpu.clock_ns < self.slice_end_ns:
            return
        best = None
        best_ns = NEVER_NS
        others_ns = NEVER_NS
        for cpu in self.cpus:
            due = cpu.clock_ns if cpu.is_user or cpu.pending else cpu.deadline_ns
            if due < best_ns:
                best, others_ns, best_ns = cpu, best_ns, due
            elif due < others_ns:
                others_ns = due
        if best is None:
            return
        self.active = best.index
        if others_ns == NEVER_NS:
            self.slice_end_ns = NEVER_NS  # alone: nothing to interleave with
        else:
            self.slice_end_ns = max(best_ns, others_ns) + SLICE_NS

    def interleave(self) -> None:
        """A CPU got work: end the present slice, so that it takes its turn."""
        self.slice_end_ns = 0

    # -- running --------------------------------------------------------------------------------

    def run(self, budget: int, *, hold: bool = False) -> Halt:
        """Go on until something stops it, executing at most `budget` (0 or more) instructions.

        A trap or timer due when the budget is used up is still handled; with `hold` it is not,
        and the machine stands right before it.
        """
        events = self.events
        while True:
            if self.is_off:
                return Halt.PANIC if self.panic else Halt.OFF
            if events.alarm_hit:
                return Halt.EVENT
            if self.stop_requested:
                self.stop_requested = False
                return Halt.REQUEST
            cpu = self.cpus[self.active]
            trap = cpu.pending
            if budget <= 0 and hold:
                return Halt.BUDGET
            if trap is not None:
                self._handle(cpu, trap)
                if cpu.traps % BREATH_TRAPS == 0 and self._breathe(cpu):
                    return Halt.BREATH
            elif not cpu.is_user or cpu.clock_ns >= cpu.deadline_ns:
                halted = self._to_timer(cpu)
                if halted is not None:
                    return halted
            elif budget <= 0:
                return Halt.BUDGET
            else:
                why = self._execute(cpu, budget)
                budget -= self._ran
                if why == _EXIT:
                    return Halt.BREAKPOINT
                trap = cpu.pending
                if trap is not None and self.watcher is not None and self.watcher.wants(cpu, trap):
                    return Halt.TRAP

    _ran = 0
    _skipped = False
    _asked = False

    def _to_timer(self, cpu: Cpu) -> Halt | None:
        """A timer is due on `cpu`, or it idles until one."""
        if cpu.deadline_ns == NEVER_NS:
            return Halt.IDLE
        ask, idles = self.before_skip, cpu.clock_ns < cpu.deadline_ns
        # once for each time it would skip
        self._asked = ask is not None and idles and not self._asked and ask()
        if self._asked:
            return Halt.SKIP
        self._timer(cpu)
        return Halt.BREATH if self._breathe(cpu) else None

    @property
    def idle_ns(self) -> int:
        """After `Halt.SKIP`: virtual time until the timer that all CPUs idle for; else 0."""
        if not self._asked or any(cpu.is_user for cpu in self.cpus):
            return 0
        cpu = self.cpus[self.active]
        return cpu.deadline_ns - cpu.clock_ns

    def _execute(self, cpu: Cpu, budget: int) -> Stop:
        """Let the engine run; account for what it did; latch a trap."""
        until_ns = cpu.deadline_ns
        if self.slice_end_ns < until_ns and len(self.cpus) > 1:
            until_ns = self.slice_end_ns
        limit = (until_ns - cpu.clock_ns + NS_PER_INSN - 1) // NS_PER_INSN
        engine = cpu.engine
        engine.time_base_ns = cpu.clock_ns
        if self.watch is None:
            why, detail, ran, cpu.pc = engine.run(cpu.pc, budget if budget < limit else limit)
        else:
            why, detail, ran, cpu.pc = self.watch.run(cpu, budget if budget < limit else limit)
        if why == _FAULT and self.text is not None:
            va, access = detail or (0, 0)
            if access == _EXECUTE and self.text.start <= va < self.text.end:
                why, ran = (_EXIT, ran) if va in self.exits else (_CALL, ran + 1)
        self._ran = ran
        cpu.clock_ns += ran * NS_PER_INSN
        cpu.instructions += ran
        self.instructions += ran
        self.insns_since += ran
        if why != _BUDGET and why != _EXIT:
            cpu.pending = Trap(why, detail)
            self._entry(1 if why in (_SYSCALL, _CALL) else 0)
        elif cpu.clock_ns >= self.slice_end_ns:
            self.choose()
        return why

    def _entry(self, skips: int) -> None:
        """Note where a kernel entry begins, for stepping back over it."""
        self.trap_event = self.events.count
        self.trap_insns = self.insns_since
        self.trap_skips = skips

    def _enter(self, cpu: Cpu) -> EventLog:
        """Point the event log at the CPU that enters the kernel."""
        events = self.events
        events.cpu_id = cpu.index
        events.time_ns = cpu.clock_ns
        return events

    def _handle(self, cpu: Cpu, trap: Trap) -> None:
        """Let the kernel handle a trap, to the end."""
        events = self._enter(cpu)
        cpu.pending = None
        cpu.traps += 1
        handler = self.handler
        assert handler is not None
        try:
            why, detail = trap
            leave = _TRAP_EXIT
            if why == _SYSCALL:
                handler.on_syscall(cpu)
            elif why == _CALL:
                assert self.text is not None
                self.text.on_call(cpu)
                leave = EventKind.CALL_RETURN
            elif detail is None:
                raise KernelPanic(f"trap {why!r} without detail")
            elif why == _EXCEPTION:
                handler.on_exception(cpu, detail[0], detail[1])
            else:
                handler.on_fault(cpu, detail[0], detail[1], bus=why == _BUS)
            events.emit(leave)
        except HalfWay:
            raise
        except PowerOff:
            self._off()
        except Exception as error:  # the kernel's own bug must not take the session down
            self._panic(error)
        cpu.clock_ns = events.time_ns
        self.insns_since = 0
        self.choose()
        if self.watch is not None:
            self.watch.kernel_done(cpu)

    def _timer(self, cpu: Cpu) -> None:
        """Deliver the timer interrupt; an idle CPU skips ahead to it."""
        if cpu.clock_ns < cpu.deadline_ns:
            self._entry(0)
            self._skipped = True
            start = cpu.clock_ns
            cpu.clock_ns = cpu.deadline_ns
            self._enter(cpu).emit(EventKind.IDLE_SKIP, start, cpu.clock_ns)
        self.interrupt(cpu, "timer")

    def interrupt(self, cpu: Cpu, what: str) -> None:
        """Let the kernel handle an interrupt on `cpu`: "timer" or "input"."""
        if what != "timer":
            self._asked = False  # who waits for more is to be asked again
        if what != "timer" or not self._skipped:
            self._entry(0)
        self._skipped = False
        events = self._enter(cpu)
        handler = self.handler
        assert handler is not None
        try:
            if what == "timer":
                handler.on_timer(cpu)
            else:
                handler.on_input(cpu)
            events.emit(EventKind.TRAP_EXIT)
        except HalfWay:
            raise
        except PowerOff:
            self._off()
        except Exception as error:  # as in _handle
            self._panic(error)
        cpu.clock_ns = events.time_ns
        self.insns_since = 0
        self.choose()
        if self.watch is not None:
            self.watch.kernel_done(cpu)

    def _breathe(self, cpu: Cpu) -> bool:
        """Clear the CPU's reservation; whether the driver wants to stop for a snapshot."""
        engine = cpu.engine
        engine.restore(engine.save())
        if self.is_off or self.events.alarm_hit:
            return False
        return self.stop_at_breath

    def _off(self) -> None:
        self.is_off = True
        self.events.emit(EventKind.POWER_OFF, self.exit_status)

    def _panic(self, error: Exception) -> None:
        """Stop the machine and keep a sentence that says where the kernel failed."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename.rpartition('kernel/')[2]}:{frame.lineno} in {frame.name}"
        kind = "" if isinstance(error, KernelPanic) else f"{type(error).__name__}: "
        message = error.args[0] if error.args else ""
        self.panic = f"kernel panic: {kind}{message}"
        if not isinstance(error, ProgramPanic):
            self.panic += f" (kernel/{where})"
        self.is_off = True
        self.events.emit(EventKind.PANIC, self.panic)

    # -- snapshots ------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Bring all engine state into the CPUs' `context`; forget write grants."""
        for cpu in self.cpus:
            cpu.freeze()
            cpu.engine.flush_tlb()

    def thaw(self) -> None:
        """Load all CPUs' contexts into their engines."""
        for cpu in self.cpus:
            cpu.thaw()
