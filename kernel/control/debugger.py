"""`Debugger`: one machine, held still or moved, seen at any position. What every front end calls.

It owns the timeline, the breakpoints and the notes taken while running; a front end sees frozen
views and plain values only. Not thread-safe: one thread owns it.
"""

from __future__ import annotations

from dataclasses import replace

from kernel.boot import boot
from kernel.control.backward import Motion
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
from kernel.crates.event import Event
from kernel.inspect import capture, scheduling, sharing
from kernel.inspect.change import summarize
from kernel.inspect.hal import HalView, hal_view
from kernel.inspect.house import HouseView, house_view
from kernel.inspect.peek import peek
from kernel.inspect.position import Position
from kernel.inspect.scheduling import SchedulingView
from kernel.inspect.sharing import NamespaceView, OriginView, SharingView
from kernel.inspect.views import (
    AddressSpaceView,
    AllocatorsView,
    ChangeView,
    CpuView,
    MachineView,
    ProcessView,
    RunQueueView,
    SyscallView,
    TaskView,
    WalkView,
)
from kernel.machine.arch import Arch
from kernel.machine.console import ConsoleLog
from kernel.recipe import LoadError, Recipe
from kernel.timeline.digest import digest
from kernel.timeline.timeline import Timeline

__all__ = ["Debugger", "LoadError", "Recipe"]

#: Events a `ChangeView` carries at most.
CHANGE_EVENTS = 5_000


class Debugger:
    """A machine under control.

    Attributes:
        recipe: What it was made from.
        arch: The program's architecture.
        epoch: Grows whenever the machine's state may have changed.
        log: All console output known.

    Raises:
        LoadError: The program cannot be loaded; one sentence with the remedy.
    """

    recipe: Recipe
    arch: Arch
    epoch: int

    def __init__(self, recipe: Recipe, observer: SyscallObserver | None = None) -> None:
        self.recipe = recipe
        self.epoch = 0
        self._observer = observer
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

    @property
    def _system(self):
        return self._timeline.system

    def _peek(self, va: int, size_bytes: int) -> bytes:
        return self.read_memory(va, size_bytes)

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
        stopped = self._motion.pump(max_insns)
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

    def feed_eof(self) -> None:
        """End the console's input."""
        self.epoch += 1
        self._changes_future()
        self._motion.feed(b"")

    def _changes_future(self) -> None:
        if self._timeline.position < self._timeline.end:
            self._recorder.forget_after(self._timeline.position)
            del self.log.data[self._system.board.console.out_bytes :]

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

    def breakpoints(self) -> tuple[BreakpointView, ...]:
        """All breakpoints by number."""
        return self._stops.view()

    # -- looking --------------------------------------------------------------------------------

    @property
    def position(self) -> Position:
        """Where the machine is."""
        return self._timeline.position

    @property
    def end(self) -> Position:
        """The furthest position known."""
        return self._timeline.end

    def machine(self) -> MachineView:
        """The state of everything in short."""
        return capture.machine_view(
            self._system,
            epoch=self.epoch,
            position=self.position,
            end=self.end,
            half_way=self._timeline.half_way,
        )

    def cpu(self, index: int | None = None) -> CpuView:
        """One CPU; by default that of the selected thread, else the active one."""
        board = self._system.board
        if index is None and self._selected:
            return capture.task_cpu_view(self._system, self._selected)
        return capture.cpu_view(self._system, board.active if index is None else index)

    def _pid(self, pid: int | None) -> int:
        if pid is None and self._selected:
            return capture.task_cpu_view(self._system, self._selected).pid
        return capture.current_pid(self._system) if pid is None else pid

    def select(self, tid: int) -> CpuView:
        """Show this thread's registers and memory until the machine moves; 0: the running one's.

        Raises:
            LookupError: There is no such thread.
        """
        view = capture.task_cpu_view(self._system, tid) if tid else None
        self._selected = tid
        self.epoch += 1
        return self.cpu() if view is None else view

    @property
    def follow_child(self) -> bool:
        """Whether a step over a fork goes on in the child."""
        return self._stops.follow_child

    def set_follow_child(self, on: bool) -> None:
        """Choose whether a step over a fork goes on in the child."""
        self._stops.follow_child = on

    def address_space(self, pid: int | None = None) -> AddressSpaceView:
        """The address space of a process; pid 0 is the kernel's.

        Raises:
            LookupError: There is no such process.
        """
        return capture.address_space_view(self._system, self._pid(pid))

    def walk(self, va: int, access: str = "read", pid: int | None = None) -> WalkView:
        """Walk the page table for one access: "read", "write" or "execute"."""
        return capture.walk_view(self._system, self._pid(pid), va, access)

    def allocators(self) -> AllocatorsView:
        """Both allocators, decoded from RAM."""
        return self._system.kernel.alloc.view()

    def syscall_count(self) -> int:
        """Calls begun up to the present position."""
        return self._system.kernel.plugin.syscalls

    def syscalls(self, first: int = 1, end: int | None = None) -> tuple[SyscallView, ...]:
        """Calls with `first <= serial < end` begun up to the present position."""
        limit = self.syscall_count() + 1
        here = self.position
        serials = range(max(first, 1), limit if end is None else min(end, limit))
        calls = (self._recorder.call(serial, here) for serial in serials)
        return tuple(call for call in calls if call is not None)

    def events(self, first: int, end: int) -> tuple[Event, ...]:
        """Recorded events with `first <= index < end`; the known future included."""
        return tuple(self._system.board.events.events(first, end))

    def change(self, since: Position) -> ChangeView:
        """What happened between `since` and now; nothing if `since` is later."""
        here = self.position
        first = max(since.event + 1, here.event + 1 - CHANGE_EVENTS)
        events = self.events(first, here.event + 1)
        truncated = max(here.event - since.event - len(events), 0)
        sentence = summarize(events, self._names)
        return ChangeView(since, here, events, sentence, truncated)

    def tasks(self) -> tuple[TaskView, ...]:
        """All tasks by tid."""
        return capture.task_views(self._system)

    def queues(self) -> tuple[RunQueueView, ...]:
        """Run queues by CPU."""
        return capture.queue_views(self._system)

    def scheduling(self) -> SchedulingView:
        """Tasks with all they wait for, run queues with their keys, wait queues with owners."""
        stuck = capture.machine_state(self._system) == "deadlocked"
        return scheduling.scheduling_view(self._system, stuck)

    def switches(self, first: int, end: int) -> tuple[Event, ...]:
        """Recorded task switches with `first <= index < end`; the known future included."""
        return scheduling.switches(self._system.board.events, first, end)

    def processes(self) -> tuple[ProcessView, ...]:
        """User processes by pid."""
        return capture.process_views(self._system)

    def namespaces(self) -> tuple[NamespaceView, ...]:
        """The template and all resource namespaces, decoded from RAM."""
        return sharing.namespace_views(self._system)

    def sharing(self) -> SharingView:
        """Which tasks share which objects."""
        return sharing.sharing_view(self._system)

    def house(self) -> HouseView:
        """The kernel's components, and those the last system call went through."""
        return house_view(self._system)

    def hal(self) -> HalView:
        """The hardware abstraction layer in use."""
        return hal_view(self._system)

    def sharing_origin(self, tid: int, resource: str) -> OriginView | None:
        """The event that gave a task its object of a resource; None if it is not known."""
        return sharing.origin(self._system, tid, resource)

    def read_memory(self, va: int, size: int, pid: int | None = None) -> bytes:
        """Bytes at `va`, shorter where unmapped; never faults pages in."""
        aspace = capture.address_space_of(self._system, self._pid(pid))
        return peek(aspace, va, size) if aspace is not None else b""

    def read_physical(self, pa: int, size: int) -> bytes:
        """Bytes of RAM, shorter at its end; empty outside."""
        ram = self._system.board.ram
        if not ram.contains(pa):
            return b""
        return ram.read(pa, min(size, ram.base + ram.size_bytes - pa))

    def console(self, start: int = 0) -> bytes:
        """Output up to the present position, from byte `start`."""
        return bytes(self.log.data[start : self._system.board.console.out_bytes])

    def counters(self) -> dict[str, int]:
        """Numbers for people: calls, faults, ticks, snapshots."""
        numbers: dict[str, int] = dict(self._system.kernel.plugin.view_counters())
        numbers["timer ticks"] = self._system.kernel.trap.ticks
        numbers["events"] = self._system.board.events.count
        numbers["snapshots"] = len(self._timeline.store.snapshots)
        numbers["snapshot bytes"] = self._timeline.store.size_bytes
        return numbers

    def digest(self) -> str:
        """64 hexadecimal digits over the whole machine at this position."""
        return digest(self._system)

    def program_path(self) -> str:
        """The file of the machine's program, as its areas are called."""
        plugin = self._system.kernel.plugin
        process = plugin.processes.get(plugin.main_pid)
        return process.exe_path if process is not None else ""

    def kernel_functions(self) -> tuple[tuple[str, int, int], ...]:
        """Functions of the kernel that programs may call: (name, address, size); or none."""
        return self._system.kernel.plugin.functions()

    def syscall_numbers(self) -> dict[str, int]:
        """Numbers by name: Linux's system calls here, or a Unikernel's functions."""
        return {name: nr for nr, name in self._names.items()}

    def syscall_name(self, nr: int) -> str:
        """The name of a system call number."""
        return self._names.get(nr, f"syscall_{nr:#x}")
