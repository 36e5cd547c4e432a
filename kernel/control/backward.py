"""Moving backward: a search through the past, on top of moving forward.

Run the stretch before the present again, note the last place that fits, go there; if none does, try
the stretch before. The search is a generator of pauses, so that a front end can show how far it
came and give it up; then the machine goes back to where the search began.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

from kernel.control.calls import call_before
from kernel.control.motion import NONE, Forward
from kernel.control.types import Goal, GoalKind, Stopped, StopReason
from kernel.inspect.position import Position
from kernel.machine.board import Halt
from kernel.timeline.timeline import FOREVER

#: Instructions run again between two pauses of a search.
SLICE_INSNS = 500_000

#: A search: yields now and then, returns what it found.
Search = Generator[None, None, Stopped]
Finding = Generator[None, None, Stopped | None]


class Motion(Forward):
    """Carries out goals in both directions.

    Attributes:
        searched: While going back: everything from here to where it began was searched.
        origin: Where the search began; None while none goes on.
    """

    origin: Position | None = None
    searched: Position | None = None
    _work: Search | None = None

    def begin_back(self, goal: Goal) -> None:
        """Start a reverse goal."""
        self.disarm()
        self.goal = None
        self.origin = self.searched = self.timeline.position
        self._work = self._back(goal)

    def pump_back(self) -> Stopped | None:
        """Do a piece of the reverse goal; the stop, or None if there is more to do."""
        assert self._work is not None
        try:
            next(self._work)
        except StopIteration as end:
            self._work = self.origin = None
            return end.value
        return None

    def end(self) -> None:
        """Give the goal up; a search backward leaves the machine where it began."""
        work, origin = self._work, self.origin
        self._work = self.origin = None
        if work is not None:
            work.close()
        super().end()
        if origin is not None:
            self.go(origin)

    def _back(self, goal: Goal) -> Search:
        if goal.kind is GoalKind.INSN:
            return (yield from self._back_insns(goal.count))
        stopped = self._done()
        for number in range(goal.count):
            if number:
                yield
            stopped = yield from self._back_once(goal)
            if stopped.reason is StopReason.BEGINNING:
                break
        self.disarm()
        return stopped

    def _back_once(self, goal: Goal) -> Search:
        match goal.kind:
            case GoalKind.EVENT:
                here = self.timeline.position
                first = self.timeline.store.snapshots[0].position.event
                event = here.event if here.insns else here.event - 1
                return self._go_back(Position(event) if event >= first else None, StopReason.EVENT)
            case GoalKind.OVER:
                return (yield from self._back_over())
            case GoalKind.LINE:
                return (yield from self._back_line(goal))
            case GoalKind.SYSCALL:
                return (yield from self._back_to_stop(next_call=True))
            case GoalKind.OUT:
                return (yield from self._back_to_call(goal.address))
            case GoalKind.UNTIL:
                place = yield from self._last(frozenset({goal.address}), lambda: True)
                return self._go_back(place, StopReason.STEP)
            case _:
                return (yield from self._back_to_stop(next_call=False))

    def _back_insns(self, count: int) -> Search:
        """Back `count` user instructions, in one go where no kernel entry lies between."""
        while True:
            here = self.timeline.position
            stretch = min(max(here.insns, 1), count)
            target = self.previous_insn()
            if target is not None and here.insns:
                target = Position(here.event, here.insns - stretch)
            stopped = self._go_back(target, StopReason.STEP)
            count -= stretch
            if target is None or not count:
                return stopped
            yield

    def _go_back(self, target: Position | None, reason: StopReason) -> Stopped:
        if target is None:
            first = self.timeline.store.snapshots[0].position
            self.go(first)
            return self._done(StopReason.BEGINNING, "the beginning: nothing ran before this")
        self.go(target)
        return self._done(reason)

    def previous_insn(self) -> Position | None:
        """The boundary before the last user instruction; None at the beginning."""
        first = self.timeline.store.snapshots[0].position
        here = self.timeline.position
        board = self.board
        while here > first:
            if here.insns:
                return Position(here.event, here.insns - 1)
            entry = Position(board.trap_event, board.trap_insns)
            if entry < first:
                return first
            if entry.insns:
                return Position(entry.event, entry.insns - 1)
            self.go(entry)
            here = entry
        return None

    def _back_over(self) -> Search:
        """One instruction back; out of a call that just returned, to before the call."""
        pc, sp = self.cpu.pc, self.sp()
        target = self.previous_insn()
        if target is None:
            return self._go_back(None, StopReason.STEP)
        here = self.timeline.position
        self.go(target)
        came_from = self.cpu.pc
        arch = self.cpu.engine.arch
        if came_from < pc <= came_from + arch.max_insn_bytes:
            return self._done()
        calls = call_before(arch, pc, self.memory)
        if not calls or came_from in calls:
            return self._done()
        self.go(here)
        place = yield from self._last(frozenset(calls), lambda: self.sp() == sp)
        return self._go_back(place or target, StopReason.STEP)

    def _back_line(self, goal: Goal) -> Search:
        """Back to the first instruction of the line before this one."""
        lines = goal.lines
        if lines is None:
            return (yield from self._back_over())
        start = lines.line_of(self.cpu.pc)
        found: tuple[str, int] | None = None
        stopped = self._done()
        for _ in range(100_000):
            here = self.timeline.position
            yield
            stopped = yield from self._back_over()
            if stopped.reason is StopReason.BEGINNING:
                return stopped
            line = lines.line_of(self.cpu.pc)
            if found is None:
                if line is not None and line != start:
                    found = line
            elif line != found:
                self.go(here)
                return self._done()
        return stopped

    def _back_to_call(self, return_address: int) -> Search:
        """Back to the call that entered the present function."""
        calls = call_before(self.cpu.engine.arch, return_address, self.memory)
        sp = self.sp()
        place = None
        if calls:
            place = yield from self._last(frozenset(calls), lambda: self.sp() >= sp)
        if place is None:
            return self._done(StopReason.STEP, "the call that led here is not known")
        return self._go_back(place, StopReason.STEP)

    def _back_to_stop(self, *, next_call: bool) -> Search:
        """Back to the last breakpoint or catchpoint (or system call) before here."""
        stops = self.stops
        saved = {n: replace(b) for n, b in stops.breakpoints.items()}
        stops.next_call = next_call
        stops.searching = True
        try:
            found = yield from self._search(self._next_stop)
        finally:
            stops.next_call = stops.searching = False
            stops.breakpoints = saved
        if found is None:
            return self._go_back(None, StopReason.STEP)
        self.go(found.position)
        stops.used_up(found.breakpoint)
        return found

    def _next_stop(self, upper: Position) -> Finding:
        """Run forward to the next stop before `upper`."""
        while self.timeline.position < upper:
            _, stopped = self._run_below(upper, NONE)
            if stopped is not None and stopped.breakpoint + self.stops.next_call:
                self.stops.noted = None  # that was earlier
                return stopped
            if stopped is not None:
                break  # ended, or waits for ever
            yield
        else:
            stopped = self._stop_of(Halt.REQUEST)  # asked for at `upper` itself
            if stopped is not None:
                return stopped
        noted, self.stops.noted = self.stops.noted, None
        return noted

    def _run_below(self, upper: Position, extra: frozenset[int]) -> tuple[Halt, Stopped | None]:
        """A slice of `_run`, but not beyond `upper`."""
        exits = self.stops.addresses() | extra
        here = self.timeline.position
        if here == self.standing and self.cpu.pc in exits and self.cpu.pending is None:
            self.disarm()
            halt = self.advance(1)
            if halt != Halt.BUDGET or self.timeline.position >= upper:
                return halt, self._stop_of(halt)
            here = self.timeline.position
        self.arm(exits)
        if here.event < upper.event:
            halt = self.advance(SLICE_INSNS, upper.event)
        else:
            budget = max(upper.insns - here.insns, 0)
            halt = self.advance(budget, upper.event + 1, hold=True)
        if halt == Halt.BREAKPOINT:
            self.standing = self.timeline.position
            return halt, self.stops.at_address(self.cpu)
        return halt, self._stop_of(halt)

    def _last(
        self, addresses: frozenset[int], fits: Callable[[], bool]
    ) -> Generator[None, None, Position | None]:
        """The last time before here that one of `addresses` was about to run and `fits`."""
        watcher, self.board.watcher = self.board.watcher, None
        counting, self.stops.counting = self.stops.counting, False

        def following(upper: Position) -> Finding:
            while self.timeline.position < upper:
                halt, stopped = self._run_below(upper, addresses)
                if halt == Halt.BREAKPOINT and self.cpu.pc in addresses and fits():
                    return self._done()
                if stopped is not None:
                    return None
                yield
            return None

        try:
            found = yield from self._search(following)
        finally:
            self.board.watcher = watcher
            self.stops.counting = counting
        return found.position if found is not None else None

    def _search(self, following: Callable[[Position], Finding]) -> Finding:
        """Search backward, stretch by stretch, for the last stop `following` finds."""
        store = self.timeline.store
        upper = origin = self.timeline.position
        if self.timeline.half_way:
            upper = Position(upper.event - 1, FOREVER)
        snapshot = store.nearest(upper)
        if snapshot.position == upper:
            snapshot = store.before(snapshot)
        while snapshot is not None:
            self.disarm()
            self.go(snapshot.position)
            self.standing = self.stops.found = None  # what is at the snapshot itself counts
            self.board.stop_requested = False
            last: Stopped | None = None
            while True:
                stopped = yield from following(upper)
                if stopped is None or stopped.position > upper or stopped.position == origin:
                    break
                last = stopped
                yield
            self.disarm()
            if last is not None:
                return last
            upper = self.searched = snapshot.position
            snapshot = store.before(snapshot)
        return None
