"""The run of one machine as a line one can move on: forward, and to any position, exactly.

Going to a position restores the nearest snapshot before it and runs forward; nothing else is
needed, since the same inputs give the same run. Typed input is the only thing not in the machine:
it is kept with the position it arrived at and given again at the same place.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.crates.event import HalfWay
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.inspect.position import Position
from kernel.inspect.system import System
from kernel.machine.board import Halt
from kernel.machine.cpu import Cpu
from kernel.timeline.snapshot import SnapshotStore

#: A snapshot is taken when going back to the last one would cost more than this many units; one
#: unit is an instruction's time, an event costs as much as `EVENT_UNITS` instructions.
SNAPSHOT_UNITS = 3_000_000
EVENT_UNITS = 500
#: Host memory for snapshots, besides as much as the program has written of its RAM; beyond it every
#: other one is dropped: every position can still be reached, at the cost of a longer replay.
SNAPSHOT_BYTES = 160 << 20
#: Events kept for looking (some 350 bytes each); the oldest half goes when there are more.
KEPT_EVENTS = 300_000

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Input:
    """Console input that arrived at `position`; empty data is the end of input."""

    position: Position
    data: bytes


class Timeline:
    """Moves one system in time.

    Attributes:
        half_way: The machine stands inside a kernel operation: only for looking. Any further
            movement starts from a snapshot.
        end: The furthest boundary reached.
        inputs: Console input so far, in order; `trap.inputs` of the kernel counts those used.
    """

    def __init__(self, system: System, *, recording: bool = True) -> None:
        self.system = system
        self.store = SnapshotStore(system)
        self.half_way = False
        self.inputs: list[Input] = []
        self.recording = recording
        system.board.stop_at_breath = recording
        if recording:
            system.board.events.record()
            self.store.take()
        self.end = self.position

    @property
    def position(self) -> Position:
        """Where the machine is."""
        board = self.system.board
        return Position(board.events.count, 0 if self.half_way else board.insns_since)

    # -- forward --------------------------------------------------------------------------------

    def advance(self, budget: int, until_event: int = FOREVER, *, hold: bool = False) -> Halt:
        """Run forward at most `budget` instructions and at most to event `until_event`.

        With `hold`, a trap due when the budget is used up is left pending.

        Stops at the first boundary with at least `until_event` events; or, if the event log's
        `stop_inside` is set, right after that event, half-way.

        Returns:
            The board's reason; `BUDGET` and `EVENT` when a limit given here was reached.
        """
        if self.half_way:
            self.leave_half_way()
        board = self.system.board
        events = board.events
        start = board.instructions
        while True:
            left = budget - (board.instructions - start)
            if events.count >= until_event:
                return Halt.EVENT
            limit, alarm, holds = left, until_event, hold
            expected = self._next_input()
            if expected is not None:
                at = expected.position
                if at == (events.count, board.insns_since):
                    self._deliver(expected)
                    continue
                if at.event == events.count:
                    limit, holds = min(left, at.insns - board.insns_since), True
                else:
                    alarm = min(alarm, at.event)
            events.alarm = alarm
            events.alarm_hit = False
            try:
                halt = board.run(limit, hold=holds)
            except HalfWay:
                self.half_way = True
                self._trim()
                return Halt.EVENT
            finally:
                events.alarm = FOREVER
                events.alarm_hit = False
            self._note_end()
            if halt == Halt.BREATH:
                self._maybe_snapshot()
            elif halt == Halt.BUDGET and board.instructions - start < budget:
                continue
            elif halt != Halt.EVENT:
                return halt

    def _note_end(self) -> None:
        position = self.position
        if position > self.end:
            self.end = position

    def _trim(self) -> None:
        """Forget old event records when there are too many."""
        events = self.system.board.events
        records = events.records
        if records is not None and len(records) > KEPT_EVENTS:
            del records[: KEPT_EVENTS // 2]
            events.first_record += KEPT_EVENTS // 2

    def _maybe_snapshot(self) -> None:
        """Take a snapshot if replaying from the last one has become expensive."""
        board = self.system.board
        last = self.store.nearest(self.position)
        cost = board.instructions - last.instructions
        cost += (board.events.count - last.position.event) * EVENT_UNITS
        if cost < SNAPSHOT_UNITS:
            return
        self._trim()
        self.store.take()
        most_bytes = SNAPSHOT_BYTES + len(board.ram.touched) * PAGE_SIZE
        while self.store.size_bytes > most_bytes and len(self.store.snapshots) > 4:
            self.store.thin()

    # -- input ----------------------------------------------------------------------------------

    def _next_input(self) -> Input | None:
        used = self.system.kernel.trap.inputs
        return self.inputs[used] if used < len(self.inputs) else None

    def _deliver(self, item: Input) -> None:
        board = self.system.board
        if item.data:
            board.console.deliver(item.data)
        else:
            board.console.eof = True
        cpu = self._input_cpu()
        board.interrupt(cpu, "input")
        self._note_end()

    def _input_cpu(self) -> Cpu:
        """The CPU that takes the console's interrupt: the active one."""
        board = self.system.board
        return board.cpus[board.active]

    def feed(self, data: bytes) -> None:
        """Console input arrives now; an input of the known future is forgotten with it."""
        if self.half_way:
            self.leave_half_way()
        position = self.position
        del self.inputs[self.system.kernel.trap.inputs :]
        if position < self.end:
            self.forget_future()
        self.inputs.append(Input(position, data))
        self._deliver(self.inputs[-1])
        self.end = self.position

    def forget_future(self) -> None:
        """Drop everything known beyond the present position."""
        position = self.position
        self.store.drop_after(position)
        events = self.system.board.events
        if events.records is not None:
            del events.records[max(position.event - events.first_record + 1, 0) :]
        self.end = position

    # -- to a position --------------------------------------------------------------------------

    def go(self, target: Position) -> bool:
        """Go to `target`; whether that exact position exists (else the next boundary)."""
        here = self.position
        board = self.system.board
        nearest = self.store.nearest(target)
        if self.half_way or target < here or nearest.position > here:
            if target == here and self.half_way:
                return True
            self._restore(nearest.position)
        events = board.events
        watcher, board.watcher = board.watcher, None
        board.stop_requested = False
        try:
            if events.count < target.event:
                events.stop_inside = target.insns == 0
                self.advance(FOREVER, target.event)
            if not self.half_way and self.position < target and events.count == target.event:
                self.advance(target.insns - board.insns_since, target.event + 1, hold=True)
        finally:
            events.stop_inside = False
            board.watcher = watcher
        return self.position == target

    def _restore(self, position: Position) -> None:
        """Restore the last snapshot at or before `position`."""
        self.store.restore(self.store.nearest(position))
        self.half_way = False
        events = self.system.board.events
        if events.records is not None and events.count + 1 < events.first_record:
            events.record()

    def leave_half_way(self) -> None:
        """From inside a kernel operation, go on to where it is over."""
        event = self.system.board.events.count
        self._restore(Position(event - 1, FOREVER))
        watcher, self.system.board.watcher = self.system.board.watcher, None
        try:
            self.advance(FOREVER, event)
        finally:
            self.system.board.watcher = watcher
