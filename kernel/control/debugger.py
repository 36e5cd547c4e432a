"""`Debugger`: one machine, held still or moved, seen at any position. What every front end calls.

It owns the timeline, the breakpoints and the notes taken while running; a front end sees frozen
views and plain values only. Not thread-safe: one thread owns it.
"""

from __future__ import annotations

from dataclasses import replace

from kernel.boot import boot
from kernel.control.backward import Motion
from kernel.control.looking import Looking
from kernel.control.motion import ended
from kernel.control.record import Recorder
from kernel.control.stops import StopTable
from kernel.control.types import (
    BreakpointView,
    BreakSpec,
    Goal,
    GoalKind,
    Stopped,
    StopReason,
    SyscallObserver,
)
from kernel.inspect.position import Position
from kernel.inspect.starving import starving_sentence
from kernel.machine.arch import Arch
from kernel.machine.console import ConsoleLog
from kernel.recipe import LoadError, Recipe
from kernel.timeline.timeline import Timeline

__all__ = ["Debugger", "LoadError", "Recipe"]


class Debugger(Looking):
    """A machine under control.

    Attributes:
        recipe: What it was made from.
        arch: The program's architecture.

    Raises:
        LoadError: The program cannot be loaded; one sentence with the remedy.
    """

    recipe: Recipe
    arch: Arch

    def __init__(self, recipe: Recipe, observer: SyscallObserver | None = None) -> None:
        self.recipe = recipe
        self.epoch = 0
        self._observer = observer
        self._asks_for_input = False
        self._start(None)

    def _start(self, stops: StopTable | None) -> None:
        """Boot; breakpoints of an earlier life stay."""
        self.log = ConsoleLog()
        self._selected = 0
        system = boot(self.recipe, self.log)
        self.arch = system.kernel.arch
        self._names = system.kernel.plugin.calls.names()
        self._timeline = Timeline(system)
        table = StopTable(system, self._names)
        if stops is not None:
            table.adopt(stops)
        self._stops = table
        self._recorder = Recorder(system.board, self._names)
        self._recorder.observer = self._observer
        self._recorder.stops = table
        system.observe(self._recorder)
        system.board.watcher = table
        self._motion = Motion(self._timeline, table, self._peek)
        self._stopped: Stopped | None = None

    # -- moving ---------------------------------------------------------------------------------

    def begin(self, goal: Goal) -> None:
        """Start moving; `pump` does the work. A goal still going on is given up."""
        self._give_up()
        self._stopped = None
        self._selected = 0
        if goal.reverse:
            self._replaying(True)
            self._stops.counting = goal.kind in (GoalKind.CONTINUE, GoalKind.SYSCALL)
            self._motion.begin_back(goal)
        elif self._system.board.is_off and not self._timeline.half_way:
            self._stopped = self._at_end()
        else:
            self._stops.counting = True
            self._recorder.quiet = False
            self._motion.begin(goal)

    def pump(self, max_insns: int = 200_000) -> Stopped | None:
        """Do a slice of the goal; the stop, or None when there is more to do."""
        self.epoch += 1
        if self._stopped is not None:
            stopped, self._stopped = self._stopped, None
            return stopped
        if self._motion.origin is not None:
            return self._pump_back()
        board = self._system.board
        asks = self._asks_for_input and self._timeline.position >= self._timeline.end
        board.before_skip = self._system.wants_input if asks else None
        try:
            stopped = self._motion.pump(max_insns)
        finally:
            board.before_skip = None
        if stopped is None and self._motion.goal is None:
            return Stopped(StopReason.PAUSED, "", self.position)
        return stopped

    def run(self, goal: Goal) -> Stopped:
        """Carry out a goal to its end."""
        self.begin(goal)
        while True:
            stopped = self.pump(5_000_000)
            if stopped is not None:
                return stopped

    def pause(self) -> Stopped:
        """Give the goal up and stand still; going back ends where it began."""
        was_back = self._motion.origin is not None
        self._give_up()
        self.epoch += 1
        sentence = "given up: back where the search began" if was_back else "paused"
        if not was_back and (starving := starving_sentence(self._system)):
            sentence = f"paused: {starving}"
        return Stopped(StopReason.PAUSED, sentence, self.position)

    def _give_up(self) -> None:
        self._motion.end()
        self._replaying(False)

    def goto(self, position: Position) -> Stopped:
        """Go to a position, exactly; it may lie inside a kernel operation.

        A position that does not exist (beyond the end, before the beginning) leads to the nearest
        one that does, and the stop says so.
        """
        self._give_up()
        self._selected = 0
        self.epoch += 1
        first = self._timeline.store.snapshots[0].position
        self._replaying(True)
        try:
            exact = self._timeline.go(max(position, first))
        finally:
            self._replaying(False)
        here = self.position
        if position < first:
            return Stopped(StopReason.BEGINNING, "the program begins here", here)
        if exact:
            return Stopped(StopReason.POSITION, "", here)
        if self._system.board.is_off:
            return Stopped(StopReason.END, f"{position} lies beyond the end of the run", here)
        return Stopped(StopReason.POSITION, f"no position {position}: this is the next", here)

    def restart(self) -> Stopped:
        """Begin again from the program's first instruction; breakpoints stay, input is dropped."""
        self.epoch += 1
        self._give_up()
        self._start(self._stops)
        return Stopped(StopReason.START, "started again", self.position)

    def _pump_back(self) -> Stopped | None:
        stopped = None
        try:
            stopped = self._motion.pump_back()
        finally:
            if stopped is not None or self._motion.origin is None:
                self._replaying(False)
        return stopped

    def searched(self) -> tuple[Position, Position] | None:
        """While going back: what was searched so far, first and last position; else None."""
        motion = self._motion
        if motion.origin is None or motion.searched is None:
            return None
        return motion.searched, motion.origin

    def _replaying(self, on: bool) -> None:
        """While replaying nothing stops, counts or is told to the front end."""
        self._stops.counting = not on
        self._recorder.quiet = on

    def _at_end(self) -> Stopped:
        board = self._system.board
        if board.panic:
            return Stopped(StopReason.PANIC, board.panic, self.position)
        sentence = f"{ended(board.exit_status)}; only going back is left"
        return Stopped(StopReason.EXITED, sentence, self.position)

    def feed(self, data: bytes) -> None:
        """Type on the console. Given in the past, it drops the future known so far."""
        if not data:
            return
        self.epoch += 1
        self._changes_future()
        self._motion.feed(data)

    def wants_input(self) -> bool:
        """Whether a task waits for console input, whatever else runs or waits."""
        return self._system.wants_input()

    def ask_for_input(self, *, wanted: bool) -> None:
        """Whether `pump` comes back before idle CPUs skip time while a task waits for input.

        It does so once for each time they would skip; not in the past, where the input is known.
        """
        self._asks_for_input = wanted

    def idle_seconds(self) -> float:
        """What `pump` came back for: virtual time that will be skipped next; 0.0: none."""
        return self._system.board.idle_ns / 1e9

    def feed_eof(self) -> None:
        """End the console's input."""
        self.epoch += 1
        self._changes_future()
        self._motion.feed(b"")

    def _changes_future(self) -> None:
        if self._timeline.position < self._timeline.end:
            self._recorder.forget_after(self._timeline.position)
            self.log.cut(self._system.board.console.out_bytes)

    # -- stops ----------------------------------------------------------------------------------

    def add_breakpoint(self, spec: BreakSpec) -> int:
        """Add a breakpoint, catchpoint or watchpoint; its number."""
        if spec.size_bytes and not spec.pid:
            spec = replace(spec, pid=self._pid(None))
        return self._stops.add(spec)

    def remove_breakpoint(self, number: int) -> None:
        """Remove one. Raises KeyError: there is none with that number."""
        self._stops.remove(number)

    def enable_breakpoint(self, number: int, on: bool) -> None:
        """Switch one on or off. Raises KeyError: there is none with that number."""
        self._stops.enable(number, on)

    def ignore_hits(self, number: int, count: int) -> None:
        """Let the next `count` hits of a breakpoint pass."""
        self._stops.ignore(number, count)

    def breakpoints(self) -> tuple[BreakpointView, ...]:
        """All breakpoints by number."""
        return self._stops.view()

    @property
    def follow_child(self) -> bool:
        """Whether a step over a fork goes on in the child."""
        return self._stops.follow_child

    def set_follow_child(self, on: bool) -> None:
        """Choose whether a step over a fork goes on in the child."""
        self._stops.follow_child = on
