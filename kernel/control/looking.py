"""Looking at a machine: frozen views of everything at the position where it stands."""

from __future__ import annotations

from kernel.control.record import Recorder
from kernel.crates.event import Event
from kernel.inspect import capture, scheduling, sharing, sharing_origin
from kernel.inspect.change import summarize
from kernel.inspect.hal import HalView, hal_view
from kernel.inspect.house import HouseView, house_view
from kernel.inspect.peek import peek
from kernel.inspect.position import Position
from kernel.inspect.scheduling import SchedulingView
from kernel.inspect.sharing import NamespaceView, SharingView
from kernel.inspect.sharing_origin import OriginView
from kernel.inspect.system import System
from kernel.inspect.views import (
    AddressSpaceView,
    AllocatorsView,
    ChangeView,
    CpuView,
    MachineView,
    ProcessView,
    SyscallView,
    TaskView,
    WalkView,
)
from kernel.machine.console import ConsoleLog
from kernel.timeline.digest import digest
from kernel.timeline.timeline import Timeline

#: Events a `ChangeView` carries at most.
CHANGE_EVENTS = 5_000


class Looking:
    """What can be asked of a machine that stands still; nothing here moves it.

    Attributes:
        epoch: Grows whenever the machine's state may have changed.
        log: All console output known.
    """

    epoch: int
    log: ConsoleLog
    _timeline: Timeline
    _recorder: Recorder
    _names: dict[int, str]
    _selected: int

    @property
    def _system(self) -> System:
        return self._timeline.system

    def _peek(self, va: int, size_bytes: int) -> bytes:
        return self.read_memory(va, size_bytes)

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
        return sharing_origin.origin(self._system, tid, resource)

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
        """Output up to the present position, from byte `start` or the first that is kept."""
        return self.log.read(start, self._system.board.console.out_bytes)

    def console_start(self) -> int:
        """The first byte of the output that is kept; of a long one only the end is."""
        return min(self.log.first, self._system.board.console.out_bytes)

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
