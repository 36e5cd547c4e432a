"""Moving forward: the goals of the debugger, in slices, so that a front end can pause them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kernel.control.calls import call_before
from kernel.control.stops import StopTable, tid_of
from kernel.control.types import Goal, GoalKind, MemoryReader, Stopped, StopReason
from kernel.crates.signal import signal_name
from kernel.inspect.deadlock import deadlock_sentence
from kernel.inspect.position import Position
from kernel.machine.board import Board, Halt
from kernel.machine.cpu import Cpu
from kernel.modules.axtask.task import TaskState
from kernel.timeline.timeline import FOREVER, Timeline

NONE: frozenset[int] = frozenset()
_STEPS = (GoalKind.INSN, GoalKind.OVER, GoalKind.LINE)


@dataclass(slots=True)
class Frame:
    """Where a step began: enough to know when it is over."""

    pc: int
    sp: int
    line: tuple[str, int] | None


class Forward:
    """Carries out one goal at a time.

    Attributes:
        goal: What is being done; None when standing still.
        left: Repetitions left.
        standing: Where the machine stood when the goal began, or stopped last: an address to stop
            at that is about to run here does not stop it again.
    """

    def __init__(self, timeline: Timeline, stops: StopTable, memory: MemoryReader) -> None:
        self.timeline = timeline
        self.stops = stops
        self.memory = memory
        self.goal: Goal | None = None
        self.left = 0
        self.exits = NONE
        self.frame: Frame | None = None
        self.return_to = 0  # a call being stepped over ends here
        self.until_event = FOREVER
        self.standing: Position | None = None

    @property
    def board(self) -> Board:
        """The machine's board."""
        return self.timeline.system.board

    @property
    def cpu(self) -> Cpu:
        """The CPU whose turn it is."""
        return self.board.cpus[self.board.active]

    def sp(self) -> int:
        """The active CPU's stack pointer."""
        engine = self.cpu.engine
        return engine.get(engine.arch.sp)

    def arm(self, exits: frozenset[int]) -> None:
        """Stop at these addresses."""
        if exits != self.exits:
            self.exits = self.board.exits = exits
            for cpu in self.board.cpus:
                cpu.engine.set_exits(exits)

    def disarm(self) -> None:
        """Nothing stops the CPUs: for replays."""
        self.arm(NONE)

    def advance(self, budget: int, until_event: int = FOREVER, *, hold: bool = False) -> Halt:
        """`timeline.advance` with the watchpoints armed."""
        if not self._watch():
            return self.timeline.advance(budget, until_event, hold=hold)
        try:
            halt = self.timeline.advance(budget, until_event, hold=hold)
        finally:
            self.stops.watch.disarm()
        if self.board.stop_requested and halt in (Halt.EVENT, Halt.BUDGET):
            self.board.stop_requested = False  # it came with the last event asked for
            return Halt.REQUEST
        return halt

    def _watch(self) -> bool:
        """Arm the watchpoints; False if there are none to arm."""
        stops = self.stops
        watched = stops.watched() if stops.breakpoints and stops.counting else None
        if not watched:
            return False
        if self.timeline.half_way:
            self.leave_half_way()
        stops.watch.arm(watched)
        return True

    def feed(self, data: bytes) -> None:
        """Console input; a stop for what the kernel does with it waits for the next goal."""
        is_armed = self._watch()
        try:
            self.timeline.feed(data)
        finally:
            if is_armed:
                self.stops.watch.disarm()

    def go(self, target: Position) -> bool:
        """`timeline.go`: nothing stops it, and nothing counts, on the way."""
        counting, self.stops.counting = self.stops.counting, False
        try:
            return self.timeline.go(target)
        finally:
            self.stops.counting = counting

    def leave_half_way(self) -> None:
        """From inside a kernel operation to where it is over; nothing stops it on the way."""
        counting, self.stops.counting = self.stops.counting, False
        try:
            self.timeline.leave_half_way()
        finally:
            self.stops.counting = counting

    # -- forward --------------------------------------------------------------------------------

    def begin(self, goal: Goal) -> None:
        """Start a forward goal."""
        self.goal = goal
        self.left = goal.count
        self.return_to = 0
        self.until_event = self.board.events.count + goal.count
        self.stops.next_call = goal.kind is GoalKind.SYSCALL
        if not self.board.stop_requested:
            self.stops.found = None
        self.stops.followed = tid_of(self.cpu)
        self.standing = self.timeline.position
        if self.timeline.half_way and goal.kind is not GoalKind.EVENT:
            self.leave_half_way()
            self.standing = None
            if goal.kind in _STEPS:
                self.left -= 1  # finishing the kernel's operation is a step
        self._mark()

    def _mark(self) -> None:
        goal = self.goal
        lines = goal.lines if goal is not None else None
        pc = self.cpu.pc
        self.frame = Frame(pc, self.sp(), lines.line_of(pc) if lines is not None else None)

    def end(self) -> None:
        """Give the goal up."""
        self.goal = None
        self.stops.next_call = False
        self.disarm()

    def pump(self, max_insns: int) -> Stopped | None:
        """Do a slice of the goal; the stop, or None if there is more to do."""
        goal = self.goal
        if goal is None:
            return None
        if self.left <= 0 and goal.kind in _STEPS:
            stopped: Stopped | None = self._done()
        else:
            stopped = self._pump(goal, max_insns)
        if stopped is not None and self.left > 1 and self._counts(goal, stopped):
            self.left -= 1
            self.standing = self.timeline.position
            return None
        if stopped is not None:
            self.end()
        return stopped

    def _counts(self, goal: Goal, stopped: Stopped) -> bool:
        """Whether a stop is one of the `count` that the goal asked for."""
        if goal.kind is GoalKind.SYSCALL:
            return stopped.reason is StopReason.SYSCALL_ENTER and not stopped.breakpoint
        return goal.kind is GoalKind.CONTINUE and stopped.breakpoint != 0

    def _pump(self, goal: Goal, max_insns: int) -> Stopped | None:
        match goal.kind:
            case GoalKind.INSN:
                return self._step_insns(max_insns)
            case GoalKind.EVENT:
                return self._to_event(max_insns)
            case GoalKind.OVER | GoalKind.LINE:
                return self._over(goal, max_insns)
            case GoalKind.OUT | GoalKind.UNTIL:
                return self._until(goal, max_insns)
            case _:
                return self._run(max_insns, NONE)[1]

    def _run(self, budget: int, extra: frozenset[int]) -> tuple[Halt, Stopped | None]:
        """Run forward a slice with breakpoints armed.

        Returns:
            The halt, and the stop to report; BREAKPOINT with no stop is an address of `extra`.
        """
        exits = self.stops.addresses() | extra
        end = self.board.instructions + budget
        while True:
            here = self.timeline.position
            if here == self.standing and self.cpu.pc in exits and self.cpu.pending is None:
                self.disarm()
                halt = self.advance(1)
                if halt != Halt.BUDGET:
                    return halt, self._stop_of(halt)
                if self.board.instructions >= end:
                    return Halt.BUDGET, None
            self.arm(exits)
            halt = self.advance(max(end - self.board.instructions, 1))
            if halt == Halt.BREAKPOINT:
                self.standing = self.timeline.position
                stopped = self.stops.at_address(self.cpu)
                if stopped is not None or self.cpu.pc in extra:
                    return halt, stopped
                continue  # a condition said no
            return halt, self._stop_of(halt)

    def _stop_of(self, halt: Halt) -> Stopped | None:
        """What to report for a halt of the board."""
        position = self.timeline.position
        board = self.board
        match halt:
            case Halt.TRAP | Halt.REQUEST:
                found, self.stops.found = self.stops.found, None
                if found is None:
                    return None
                return replace(found, position=position)
            case Halt.OFF:
                fatal = self._before_the_end()
                if fatal is not None:
                    return fatal
                return Stopped(StopReason.EXITED, ended(board.exit_status), position)
            case Halt.PANIC:
                return Stopped(StopReason.PANIC, board.panic, position)
            case Halt.IDLE:
                if self.timeline.system.wants_input():
                    return Stopped(
                        StopReason.INPUT, "the program waits for console input", position
                    )
                sentence = deadlock_sentence(self.timeline.system)
                return Stopped(StopReason.DEADLOCK, sentence, position)
            case _:
                return None

    def _before_the_end(self) -> Stopped | None:
        """A caught fault or signal that ended the program: stand where the kernel sends it."""
        found, self.stops.found = self.stops.found, None
        if found is None or found.reason not in (StopReason.FAULT, StopReason.SIGNAL):
            return None
        self.stops.passed = self.stops.entry()
        self.disarm()
        self.go(Position(found.position.event + 1))
        return Stopped(found.reason, found.sentence, self.timeline.position, found.breakpoint)

    def _done(self, reason: StopReason = StopReason.STEP, sentence: str = "") -> Stopped:
        return Stopped(reason, sentence, self.timeline.position)

    def _step_insns(self, max_insns: int) -> Stopped | None:
        before = self.board.instructions
        if self.left == 1:
            self.disarm()
            halt = self.advance(1)
            stopped = self.stops.at_address(self.cpu) if halt == Halt.BREAKPOINT else None
            stopped = stopped or self._stop_of(halt)
        else:
            _, stopped = self._run(min(self.left, max_insns), NONE)
        self.left -= self.board.instructions - before
        if stopped is not None:
            return stopped
        return self._done() if self.left <= 0 else None

    def _to_event(self, max_insns: int) -> Stopped | None:
        """To the n-th next event, inside the kernel if it is there."""
        if self.timeline.half_way:
            self.disarm()
            self.go(Position(self.until_event))
            return self._done(StopReason.EVENT)
        self.disarm()
        events = self.board.events
        watcher, self.board.watcher = self.board.watcher, None
        events.stop_inside = True
        try:
            halt = self.timeline.advance(max_insns, self.until_event)
        finally:
            events.stop_inside = False
            self.board.watcher = watcher
        if halt == Halt.EVENT:
            return self._done(StopReason.EVENT)
        return self._stop_of(halt)

    def _until(self, goal: Goal, max_insns: int) -> Stopped | None:
        if not goal.address:
            return self._done(StopReason.STEP, "the return address is not known here")
        halt, stopped = self._run(max_insns, frozenset({goal.address}))
        if stopped is not None or halt != Halt.BREAKPOINT:
            return stopped
        frame = self.frame
        if goal.kind is GoalKind.OUT and tid_of(self.cpu) != self.stops.followed:
            return None  # another thread in the same code
        if goal.kind is GoalKind.OUT and frame is not None and self.sp() < frame.sp:
            return None  # a deeper activation of the same function
        return self._done()

    def _over(self, goal: Goal, max_insns: int) -> Stopped | None:
        """Step over calls, by instruction or by source line."""
        spent = 0
        frame = self.frame
        assert frame is not None
        while spent < max_insns:
            before = self.board.instructions
            stopped, finished = self._over_once(max_insns - spent)
            spent += max(self.board.instructions - before, 1)
            if stopped is not None:
                return stopped
            if not finished:
                return None
            if goal.kind is GoalKind.LINE and not self._new_line(goal, frame):
                continue
            self.left -= 1
            if self.left <= 0:
                return self._done()
            self._mark()
            frame = self.frame
            assert frame is not None
        return None

    def _new_line(self, goal: Goal, frame: Frame) -> bool:
        if goal.lines is None:
            return True
        line = goal.lines.line_of(self.cpu.pc)
        return line is not None and line != frame.line

    def _over_once(self, budget: int) -> tuple[Stopped | None, bool]:
        """One instruction, calls whole. Returns the stop and whether the step is finished."""
        if not self.return_to:
            pc, sp = self.cpu.pc, self.sp()
            self.disarm()
            halt = self.advance(1)
            stopped = self.stops.at_address(self.cpu) if halt == Halt.BREAKPOINT else None
            stopped = stopped or self._stop_of(halt)
            if stopped is not None:
                return stopped, True
            if tid_of(self.cpu) == self.stops.followed:
                self.return_to = self._called_from(pc, sp)
                self.call_sp = sp
            else:  # others run: the step is over when its own thread does again
                self.return_to = self._resumes_at(self.stops.followed)
                self.call_sp = 0
            if not self.return_to:
                return None, True
        halt, stopped = self._run(budget, frozenset({self.return_to}))
        if stopped is not None:
            return stopped, True
        own = tid_of(self.cpu) == self.stops.followed
        if halt == Halt.BREAKPOINT and own and self.sp() >= self.call_sp:
            self.return_to = 0
            return None, True
        return None, False

    call_sp = 0

    def _resumes_at(self, tid: int) -> int:
        """Where a thread that does not run goes on; 0 if it is gone."""
        task = self.timeline.system.kernel.tasks.tasks.get(tid)
        return task.pc if task is not None and task.state != TaskState.EXITED else 0

    def _called_from(self, pc: int, sp: int) -> int:
        """If the instruction at `pc` was a call: where it returns to; else 0."""
        engine = self.cpu.engine
        arch = engine.arch
        if arch.link:
            size = engine.get(arch.link) - pc
            is_jump = self.cpu.pc not in (pc + 2, pc + 4)
            if is_jump and size in (2, 4) and self._is_call_at(pc, size):
                return pc + size
            return 0
        if self.sp() != sp - 8:
            return 0
        target = int.from_bytes(self.memory(sp - 8, 8), "little")
        size = target - pc
        if 0 < size <= arch.max_insn_bytes and self._is_call_at(pc, size):
            return target
        return 0

    def _is_call_at(self, pc: int, size: int) -> bool:
        return pc in call_before(self.cpu.engine.arch, pc + size, self.memory)


def ended(status: int) -> str:
    """A raw wait status in words."""
    if status & 0x7F:
        core = " (core dumped)" if status & 0x80 else ""
        return f"the program was killed by {signal_name(status & 0x7F)}{core}"
    return f"the program exited with {status >> 8 & 0xFF}"
