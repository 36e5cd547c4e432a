"""Trap entry: from the board's raw traps to the plugin's handlers, and back to user mode.

Source: ArceOS axhal::trap with its slices IRQ, PAGE_FAULT, SYSCALL and POST_TRAP. A kernel without
a user mode (Unikernel) leaves the slot empty and takes no traps but the timer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kernel.crates.errno import KernelPanic
from kernel.crates.event import Cause, CauseKind, EventKind
from kernel.crates.interface import Slot
from kernel.machine.cpu import Cpu

if TYPE_CHECKING:
    from kernel.crates.event import EventLog
    from kernel.modules.axtask.api import AxTask


class TrapPlugin(Protocol):
    """What a kernel form built on the backbone handles itself."""

    def handle_syscall(self, cpu: Cpu, nr: int, args: list[int]) -> None:
        """SYSCALL slice: the call of the CPU's current task, result included."""
        ...

    def handle_page_fault(self, cpu: Cpu, va: int, access: int, *, bus: bool) -> None:
        """PAGE_FAULT slice: `access` is an `Access`; `bus`: the page table points outside RAM."""
        ...

    def handle_exception(self, cpu: Cpu, cause: int, address: int) -> None:
        """A processor exception (`machine.engine.Cause`) of user code."""
        ...

    def handle_timer(self, kind: str, ident: int) -> None:
        """A timer the plugin set has expired."""
        ...

    def handle_input(self) -> None:
        """Bytes have arrived in the console's receive buffer."""
        ...

    def post_trap(self, cpu: Cpu) -> None:
        """POST_TRAP slice: before user code goes on after an interrupt."""
        ...


class TrapEntry:
    """The kernel's side of every trap; the HAL in use calls it (`Platform.connect_traps`)."""

    def __init__(self, events: EventLog, tasks: AxTask) -> None:
        self.events = events
        self.tasks = tasks
        self.plugin: Slot[TrapPlugin] = Slot("TrapPlugin")
        self.ticks = 0
        self.inputs = 0

    def on_syscall(self, cpu: Cpu) -> None:
        """A system call instruction ran."""
        args = cpu.engine.syscall_args()
        self._current(cpu)
        self.plugin.get().handle_syscall(cpu, args[0], args[1:])
        self.tasks.leave_kernel(cpu)

    def on_fault(self, cpu: Cpu, va: int, access: int, *, bus: bool) -> None:
        """A page-table walk failed."""
        self._current(cpu)
        self.plugin.get().handle_page_fault(cpu, va, access, bus=bus)
        self.tasks.leave_kernel(cpu)

    def on_exception(self, cpu: Cpu, cause: int, address: int) -> None:
        """User code caused a processor exception."""
        self._current(cpu)
        self.plugin.get().handle_exception(cpu, cause, address)
        self.tasks.leave_kernel(cpu)

    def timer_irq(self) -> None:
        """The timer's registered handler, on the CPU that was interrupted."""
        self.on_timer(self.tasks.board.cpus[self.events.cpu_id])

    def console_irq(self) -> None:
        """The console's registered handler."""
        self.on_input(self.tasks.board.cpus[self.events.cpu_id])

    def on_timer(self, cpu: Cpu) -> None:
        """The timer interrupt (IRQ slice)."""
        events = self.events
        events.tid = cpu.current.tid
        self.ticks += 1
        events.cause = Cause(CauseKind.TICK, self.ticks)
        events.emit(EventKind.TICK_ENTER, self.ticks)
        expired = self.tasks.on_timer(cpu)
        plugin = self.plugin.get() if self.plugin.is_filled else None
        if plugin is not None:
            for kind, ident in expired:
                plugin.handle_timer(kind, ident)
            if cpu.is_user:
                plugin.post_trap(cpu)
        events.emit(EventKind.TICK_EXIT, self.ticks)
        self.tasks.leave_kernel(cpu)

    def on_input(self, cpu: Cpu) -> None:
        """The console received bytes."""
        events = self.events
        events.tid = cpu.current.tid
        self.inputs += 1
        events.cause = Cause(CauseKind.INPUT, self.inputs)
        events.emit(EventKind.CONSOLE_INPUT, len(self.tasks.board.console.rx))
        if self.plugin.is_filled:
            self.plugin.get().handle_input()
            if cpu.is_user:
                self.plugin.get().post_trap(cpu)
        self.tasks.leave_kernel(cpu)

    def _current(self, cpu: Cpu) -> None:
        current = cpu.current
        if current is None or not cpu.is_user:
            raise KernelPanic(f"CPU {cpu.index} trapped from user mode without a user task")
        self.events.tid = current.tid
