"""Makes snapshots: asks the debugger for what the visible panes show, and for nothing else.

Runs on the session's thread. Keeps the snapshot at which the last movement began, so that panes
can mark what changed.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from arcetui.listing import Listing, Names
from arcetui.render.changed_pane import CALL_EFFECTS, words
from arcetui.render.task_words import name_futexes
from arcetui.state import (
    CallLine,
    ConsoleTail,
    FrameLine,
    Interests,
    MemoryWindow,
    Snapshot,
    StackSlot,
)
from kernel.inspect.views import ChangeView

if TYPE_CHECKING:
    from collections.abc import Callable

    from arcetui.backtrace import Frame
    from kernel.control import Debugger, Stopped
    from kernel.inspect.position import Position
    from kernel.inspect.scheduling import SchedulingView
    from kernel.inspect.views import AddressSpaceView, Event, MachineView, SyscallView

#: The end of the program's output that is shown, in bytes.
CONSOLE_BYTES = 64 << 10
#: Task switches shown before the present, and as many after it.
MOST_SWITCHES = 300
#: The newest of them whose futexes are given their names.
MOST_NAMED_SWITCHES = 60
#: Frames of the call stack that are shown.
MOST_FRAMES = 32
#: Panes that show tasks.
SCHEDULING_PANES = frozenset(["tasks", "queues", "gantt", "waits"])
#: Panes that show who shares what.
SHARING_PANES = frozenset(["sharing", "graph"])
#: Events kept for the sentences when a movement made more.
MOST_EVENTS = 4000


class CallWords(Protocol):
    """Writes system calls as strace does; fed by the debugger while the program runs."""

    def call(self, view: SyscallView) -> tuple[str, str, bool]:
        """Text up to the closing parenthesis, result, whether it failed."""
        ...


class PlainCalls:
    """System calls with raw arguments: for when nothing better is there."""

    def call(self, view: SyscallView) -> tuple[str, str, bool]:
        """Name and hexadecimal arguments."""
        text = f"{view.name}({', '.join(f'{a:#x}' for a in view.args)})"
        if view.result is None:
            return text, "", False
        return text, str(view.result), -4096 < view.result < 0


class SwitchLog:
    """The newest task switches, looked up in the events once each."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._known: list[Event] = []
        self._end = 0  # events before this one have been looked at
        self._generation = -1

    def upto(self, machine: MachineView, generation: int) -> tuple[Event, ...]:
        """The last switches up to the present, and those ahead that are known."""
        end = machine.end.event + 1
        if end < self._end or generation != self._generation:
            self._known, self._end = [], 0
        self._generation = generation
        self._known += self._debugger.switches(self._end, end)
        self._end = end
        here = bisect_right(self._known, machine.position.event, key=_index_of)
        return tuple(self._known[max(here - MOST_SWITCHES, 0) : here + MOST_SWITCHES])


def _index_of(event: Event) -> int:
    return event.index


class Capture:
    """One machine's snapshots."""

    def __init__(
        self,
        debugger: Debugger,
        names: Names,
        calls: CallWords,
        program: str,
        frames: Callable[[int], list[Frame]] | None = None,
    ) -> None:
        self._debugger = debugger
        self._frames = frames
        self._switches = SwitchLog(debugger)
        self._names = names
        self._calls = calls
        self._program = program
        self._listing = Listing(debugger.arch, names)
        self._numbers = {nr: name for name, nr in debugger.syscall_numbers().items()}
        self._texts: dict[tuple[int, object, object, int], CallLine] = {}
        self._base: Snapshot | None = None  # where the last movement began
        self.last: Snapshot | None = None
        self._console = ConsoleTail(0, 0, b"")
        self.console_generation = 0

    def begin_movement(self) -> None:
        """What changes from now on is the next movement's doing."""
        self._base = self.last

    def take(
        self,
        interests: Interests,
        *,
        running: bool = False,
        stopped: Stopped | None = None,
        rate: float = 0.0,
        speed: str = "full",
        error: str = "",
    ) -> Snapshot:
        """A snapshot of what `interests` asks for."""
        debugger, base, panes = self._debugger, self._base, interests.panes
        machine = debugger.machine()
        cpu = debugger.cpu()
        pid = cpu.pid or None
        parts: dict[str, Any] = {}
        if cpu.pid:
            parts["space"] = debugger.address_space(pid)
        if not running and base is not None:
            parts["change"] = self._change(base.machine.position, machine.position)
        if machine.half_way:
            here = machine.position.event
            parts["event"] = next(iter(debugger.events(here, here + 1)), None)
        if "code" in panes:
            at = cpu.pc if interests.code_at is None else interests.code_at
            parts["code"] = self._listing.lines(at, debugger.read_memory)
            parts["where"] = self._listing.where(cpu.pc)
        registers = dict(cpu.registers) | {"pc": cpu.pc}
        registers["sp"] = registers.get(debugger.arch.sp, 0)
        if "walk" in panes and pid is not None:
            va = interests.walk.resolve(registers)
            access = interests.access or ("execute" if va == cpu.pc else "read")
            parts["walk"] = debugger.walk(va, access, pid)
        if "allocators" in panes:
            parts["allocators"] = debugger.allocators()
        if "memory" in panes:
            parts["memory"] = self._window(interests.memory.resolve(registers), interests.rows)
        if "stack" in panes:
            frames = parts["frames"] = () if running else self._frame_lines()
            sp = frames[interests.frame].sp if interests.frame < len(frames) else registers["sp"]
            parts["stack"] = self._stack(sp, interests.rows, parts.get("space"))
        parts |= self._task_parts(panes, machine)
        if stopped is not None and stopped.reason.name == "DEADLOCK":
            named = name_futexes(stopped.sentence, self._names.describe)
            stopped = replace(stopped, sentence=named)
        if "syscalls" in panes:
            parts["calls"] = self._call_lines(interests.rows * 3)
        if "timeline" in panes:
            parts["events"] = self._events(machine, interests)
        if "console" in panes:
            parts["console"] = self._console_tail(machine.console_bytes)
        snapshot = Snapshot(
            epoch=debugger.epoch,
            arch=debugger.arch,
            machine=machine,
            cpu=cpu,
            previous=base.cpu if base is not None else None,
            running=running,
            interests=interests,
            program=self._program,
            stopped=stopped,
            breakpoints=debugger.breakpoints(),
            rate=rate,
            speed=speed,
            names=self._numbers,
            error=error,
            previous_space=base.space if base is not None else None,
            previous_walk=base.walk if base is not None else None,
            previous_memory=base.memory if base is not None else None,
            previous_stack=base.stack if base is not None else (),
            previous_scheduling=base.scheduling if base is not None else None,
            previous_sharing=base.sharing if base is not None else None,
            **parts,
        )
        self.last = snapshot
        return snapshot

    # -- parts ------------------------------------------------------------------------------

    def _task_parts(self, panes: frozenset[str], machine: MachineView) -> dict[str, Any]:
        """Tasks, queues, waits, switches, sharing: whatever visible panes need of them."""
        debugger = self._debugger
        parts: dict[str, Any] = {}
        if panes & SCHEDULING_PANES:
            parts["scheduling"] = view = debugger.scheduling()
            if "gantt" in panes:
                parts["switches"] = self._switches.upto(machine, self.console_generation)
            parts["symbols"] = self._symbols_of(view, parts.get("switches", ()))
        if "tasks" in panes:
            parts["processes"] = debugger.processes()
        if panes & SHARING_PANES:
            parts["sharing"] = debugger.sharing()
            parts["namespaces"] = debugger.namespaces()
        if "house" in panes:
            parts["house"] = debugger.house()
        if "hal" in panes:
            parts["hal"] = debugger.hal()
        return parts

    def _change(self, since: Position, here: Position) -> ChangeView:
        """What happened since; after going back, what was undone."""
        if since <= here:
            return self._debugger.change(since)
        from kernel.inspect.change import summarize

        first = max(here.event + 1, since.event + 1 - MOST_EVENTS)
        events = self._debugger.events(first, since.event + 1)
        text = summarize(events, self._numbers)
        dropped = first - here.event - 1
        undone = f"undone: {text}" if text and not text.startswith("no ") else ""
        return ChangeView(since, here, events, undone, dropped)

    def _window(self, address: int, rows: int) -> MemoryWindow:
        start = max(address & ~15, 0)
        data = bytearray()
        valid: list[bool] = []
        for row in range(start, start + rows * 16, 16):
            piece = self._debugger.read_memory(row, 16)
            valid.append(len(piece) == 16)
            data += piece.ljust(16, b"\0")
        return MemoryWindow(start, bytes(data), tuple(valid))

    def _stack(self, sp: int, rows: int, space: AddressSpaceView | None) -> tuple[StackSlot, ...]:
        data = self._debugger.read_memory(sp & ~7, rows * 8)
        slots: list[StackSlot] = []
        for offset in range(0, len(data) - 7, 8):
            value = int.from_bytes(data[offset : offset + 8], "little")
            kind, comment = self._leads_to(value, space)
            slots.append(StackSlot((sp & ~7) + offset, value, kind, comment))
        return tuple(slots)

    def _frame_lines(self) -> tuple[FrameLine, ...]:
        if self._frames is None:
            return ()
        lines: list[FrameLine] = []
        for number, frame in enumerate(self._frames(MOST_FRAMES)):
            at = frame.pc if number == 0 or frame.how == "signal" else frame.pc - 1
            how = "" if frame.certain else f"guess: {frame.how}"
            where = self._listing.where(at)
            lines.append(FrameLine(number, frame.pc, frame.sp, where, how))
        return tuple(lines)

    def _symbols_of(self, view: SchedulingView, switches: tuple[Event, ...]) -> dict[int, str]:
        """Names of the futex words somebody waits for, as far as the program has any."""
        places = {wait.va for wait in view.waits if wait.pid}
        for event in switches[-MOST_NAMED_SWITCHES:]:
            what, _, address = str(event["why"]).rpartition(" ")
            if what.endswith("futex") and address.startswith("0x"):
                places.add(int(address, 16))
        return {va: name for va in places if va and (name := self._names.describe(va))}

    def _leads_to(self, value: int, space: AddressSpaceView | None) -> tuple[str, str]:
        if value < 4096 or space is None:
            return "", ""
        area = next((a for a in space.areas if a.start <= value < a.end), None)
        if area is None:
            return "", ""
        if area.kind == "code":
            found = self._names.function(value)
            if found is not None:
                offset = value - found[1]
                return "symbol", found[0] + (f"+{offset:#x}" if offset else "")
            return "code", area.name
        text = self._debugger.read_memory(value, 32).split(b"\0")[0]
        if len(text) >= 4 and all(32 <= c < 127 for c in text):
            return "string", f'"{text.decode("ascii")}"'
        return "comment", area.name or area.kind

    def _call_lines(self, most: int) -> tuple[CallLine, ...]:
        count = self._debugger.syscall_count()
        views = self._debugger.syscalls(max(count - most + 1, 1), count + 1)
        lines: list[CallLine] = []
        for view in views:
            key = (view.serial, view.enter, view.exit, view.nr)
            line = self._texts.get(key)
            if line is None or line.view != view:
                text, result, failed = self._calls.call(view)
                line = CallLine(view, text, result, failed, self._effect(view))
                if len(self._texts) > 4000:
                    self._texts.clear()
                self._texts[key] = line
            lines.append(line)
        return tuple(lines)

    def _effect(self, view: SyscallView) -> str:
        if view.exit is None:
            return ""
        events = self._debugger.events(view.enter.event, view.exit.event + 1)
        return words((e for e in events[:MOST_EVENTS] if e.tid == view.tid), CALL_EFFECTS)

    def _events(self, machine: MachineView, interests: Interests) -> tuple[Event, ...]:
        here = machine.position.event
        middle = interests.timeline_at or here
        around = interests.rows * 2
        first = max(min(middle, here) - around, 1)
        return self._debugger.events(first, max(middle, here) + around)

    def _console_tail(self, end: int) -> ConsoleTail:
        tail = self._console
        generation = self.console_generation
        start = max(end - CONSOLE_BYTES, self._debugger.console_start())
        if tail.generation == generation and tail.start <= tail.end <= end and tail.end >= start:
            if tail.end == end:
                return tail
            data = tail.data + self._debugger.console(tail.end)
            begin = max(len(data) - CONSOLE_BYTES, 0)
            self._console = ConsoleTail(generation, tail.start + begin, data[begin:])
        else:
            data = self._debugger.console(start)
            self._console = ConsoleTail(generation, start, data)
        return self._console
