"""Snapshots of a whole machine: kernel objects as a pickle, RAM as the frames that changed.

Host objects (RAM, engines, the event log, the board) are named in the pickle, not copied, so a
snapshot restores into the machine it came from. Frames are kept once per change: snapshot k's RAM
is, for every frame, the newest copy at or before k; a frame without a copy is all zero.
"""

from __future__ import annotations

import bisect
import io
import pickle
import zlib
from dataclasses import dataclass, field
from typing import Any

from kernel.crates.memory_addr import PAGE_SIZE
from kernel.inspect.position import Position
from kernel.inspect.system import System
from kernel.machine.board import Board
from kernel.machine.cpu import Cpu

#: Level the pickles are compressed with: they shrink to a fifth at the least cost in time.
_ZLIB_LEVEL = 1
_EVENT_STATE = ("count", "time_ns", "cpu_id", "tid", "cause")
#: Zero tails that are not kept: (bytes that stay, the tail).
_TAILS = tuple((kept, bytes(PAGE_SIZE - kept)) for kept in (0, 256, 2048))


def host_object(name: str) -> Any:
    """Stands in pickles for the host object `name`; `_Unpickler` puts the real one in."""
    raise LookupError(name)


class _Unpickler(pickle.Unpickler):
    """Resolves host objects of one machine."""

    def __init__(self, data: bytes, hosts: dict[str, Any]) -> None:
        super().__init__(io.BytesIO(data))
        self.hosts = hosts

    def find_class(self, module_name: str, global_name: str) -> Any:
        if global_name == "host_object" and module_name == __name__:
            return self.hosts.__getitem__
        return super().find_class(module_name, global_name)


@dataclass(slots=True)
class Snapshot:
    """One snapshot.

    Attributes:
        position: Where it was taken; a boundary.
        instructions: User instructions executed before it, for cost estimates.
        state: The pickle, compressed.
        frames: Numbers of the frames copied for it.
    """

    position: Position
    instructions: int
    state: bytes
    frames: set[int] = field(default_factory=set[int])


class SnapshotStore:
    """All snapshots of one machine, in order of position.

    Attributes:
        size_bytes: Host memory the copies take.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.snapshots: list[Snapshot] = []
        self.size_bytes = 0
        self._versions: dict[int, list[tuple[Position, bytes]]] = {}
        self._base: Snapshot | None = None  # RAM.dirty counts from here
        self._hosts, self._table = _host_objects(system)

    # -- taking ---------------------------------------------------------------------------------

    def take(self) -> Snapshot:
        """Keep the machine as it is now; it must be at a boundary where it may be resumed."""
        board = self.system.board
        position = Position(board.events.count, board.insns_since)
        place = bisect.bisect_left(self.snapshots, position, key=_position)
        if place < len(self.snapshots) and self.snapshots[place].position == position:
            return self.snapshots[place]
        ram = board.ram
        board.freeze()
        snapshot = Snapshot(position, board.instructions, self._pickle())
        for number in sorted(ram.dirty):
            data = _trimmed(ram.frame(number << 12))
            versions = self._versions.get(number)
            if versions is None:
                versions = self._versions[number] = []
            at = len(versions)
            if at and versions[-1][0] >= position:
                at = bisect.bisect_left(versions, position, key=_version_position)
            before = versions[at - 1][1] if at else b""
            if data != before:
                versions.insert(at, (position, data))
                snapshot.frames.add(number)
                self.size_bytes += len(data)
        ram.dirty.clear()
        self.size_bytes += len(snapshot.state)
        self.snapshots.insert(place, snapshot)
        self._repair(place)
        self._base = snapshot
        return snapshot

    def _repair(self, place: int) -> None:
        """A snapshot put before another: keep the later one's unchanged frames right.

        A frame copied at the new place and changed back by the next one has no copy there.
        """
        if place + 1 >= len(self.snapshots):
            return
        new, later = self.snapshots[place], self.snapshots[place + 1]
        for number in new.frames:
            versions = self._versions[number]
            at = bisect.bisect_left(versions, new.position, key=_version_position)
            is_last = at + 1 >= len(versions)
            if is_last or versions[at + 1][0] > later.position:
                before = versions[at - 1][1] if at else b""
                versions.insert(at + 1, (later.position, before))
                later.frames.add(number)
                self.size_bytes += len(before)

    def _pickle(self) -> bytes:
        out = io.BytesIO()
        pickler = pickle.Pickler(out, protocol=5)
        pickler.dispatch_table = self._table
        board = self.system.board
        events = board.events
        pickler.dump(
            (
                self.system.kernel,
                (board.console.rx, board.console.eof, board.console.out_bytes),
                (board.console.in_bytes, board.console.window),
                [getattr(board, name) for name in Board.STATE],
                [[getattr(cpu, name) for name in Cpu.STATE] for cpu in board.cpus],
                [getattr(events, name) for name in _EVENT_STATE],
            )
        )
        return zlib.compress(out.getvalue(), _ZLIB_LEVEL)

    # -- restoring ------------------------------------------------------------------------------

    def nearest(self, position: Position) -> Snapshot:
        """The last snapshot at or before `position`.

        Raises:
            LookupError: There is none.
        """
        place = bisect.bisect_right(self.snapshots, position, key=_position)
        if not place:
            raise LookupError(f"no snapshot at or before position {position}")
        return self.snapshots[place - 1]

    def before(self, snapshot: Snapshot) -> Snapshot | None:
        """The snapshot before `snapshot`, if any."""
        place = self.snapshots.index(snapshot)
        return self.snapshots[place - 1] if place else None

    def after(self, snapshot: Snapshot) -> Snapshot | None:
        """The snapshot after `snapshot`, if any."""
        place = self.snapshots.index(snapshot) + 1
        return self.snapshots[place] if place < len(self.snapshots) else None

    def restore(self, snapshot: Snapshot) -> None:
        """Make the machine what it was at `snapshot`."""
        board = self.system.board
        ram = board.ram
        changed = set(ram.dirty)
        for cpu in board.cpus:
            changed |= cpu.engine.dirty_frames()
        base = self._base or self.snapshots[0]
        low = min(base.position, snapshot.position)
        high = max(base.position, snapshot.position)
        for other in self.snapshots:
            if low < other.position <= high:
                changed |= other.frames
        for number in sorted(changed):
            ram.load_frame(number, self._frame_at(number, snapshot.position))
        ram.dirty.clear()
        self._unpickle(snapshot.state)
        self._base = snapshot

    def _frame_at(self, number: int, position: Position) -> bytes:
        versions = self._versions.get(number, [])
        at = bisect.bisect_right(versions, position, key=_version_position)
        return (versions[at - 1][1] if at else b"").ljust(PAGE_SIZE, b"\0")

    def _unpickle(self, state: bytes) -> None:
        board = self.system.board
        kernel, rx, counts, board_state, cpu_states, event_state = _Unpickler(
            zlib.decompress(state), self._hosts
        ).load()
        console = board.console
        console.rx, console.eof, console.out_bytes = rx
        console.in_bytes, console.window = counts
        for name, value in zip(Board.STATE, board_state, strict=True):
            setattr(board, name, value)
        for cpu, values in zip(board.cpus, cpu_states, strict=True):
            for name, value in zip(Cpu.STATE, values, strict=True):
                setattr(cpu, name, value)
        for name, value in zip(_EVENT_STATE, event_state, strict=True):
            setattr(board.events, name, value)
        board.events.alarm_hit = False
        board.stop_requested = False
        self.system.adopt(kernel)
        board.thaw()

    # -- forgetting -----------------------------------------------------------------------------

    def drop_after(self, position: Position) -> None:
        """Forget snapshots beyond `position`: another future begins there."""
        while self.snapshots and self.snapshots[-1].position > position:
            self._remove(self.snapshots[-1])

    def thin(self) -> None:
        """Drop every other snapshot, keeping the first and the last."""
        for snapshot in self.snapshots[1:-1:2]:
            if snapshot is not self._base:
                self._remove(snapshot)

    def _remove(self, snapshot: Snapshot) -> None:
        """Forget one snapshot; what later ones need of its frames moves to the next."""
        place = self.snapshots.index(snapshot)
        following = self.snapshots[place + 1] if place + 1 < len(self.snapshots) else None
        for number in snapshot.frames:
            versions = self._versions[number]
            at = bisect.bisect_left(versions, snapshot.position, key=_version_position)
            data = versions.pop(at)[1]
            if following is not None and number not in following.frames:
                versions.insert(at, (following.position, data))
                following.frames.add(number)
            else:
                self.size_bytes -= len(data)
        self.size_bytes -= len(snapshot.state)
        del self.snapshots[place]


def _trimmed(frame: bytes) -> bytes:
    """The frame without its zero tail, roughly: many frames of a program are all but empty."""
    for kept, tail in _TAILS:
        if frame.endswith(tail):
            return frame[:kept]
    return frame


def _position(snapshot: Snapshot) -> Position:
    return snapshot.position


def _version_position(version: tuple[Position, bytes]) -> Position:
    return version[0]


class _Reducer:
    """Pickles objects of one type as references to host objects."""

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names

    def __call__(self, host: Any) -> tuple[Any, tuple[str]]:
        name = self.names.get(id(host))
        if name is None:
            raise pickle.PicklingError(f"{type(host).__name__} is not part of this machine")
        return host_object, (name,)


def _host_objects(system: System) -> tuple[dict[str, Any], dict[type, Any]]:
    """Names of the machine's host objects, and the reducers that pickle them by name."""
    hosts = system.host_objects()
    reducer = _Reducer({id(host): name for name, host in hosts.items()})
    return hosts, {type(host): reducer for host in hosts.values()}
