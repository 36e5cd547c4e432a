"""axhal's own platforms: static configuration, trap slices, one mapping per kernel section.

Source: ArceOS modules/axhal/src/platform/*, axplat_crates' platform crates of the QEMU boards.
Traps reach the kernel through slices: the board calls the entry of each kind directly, and
interrupts go through the table of registered handlers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kernel.crates.errno import PowerOff
from kernel.machine.board import Board
from kernel.machine.cpu import Cpu
from kernel.modules.axhal.context import new_user_context
from kernel.modules.axhal.platform import (
    CONSOLE_IRQ,
    TIMER_IRQ,
    FrameSource,
    KernelMapping,
    TrapEntries,
)

if TYPE_CHECKING:
    from kernel.modules.axconfig import AxConfig, ImageLayout


class IrqTable:
    """Registered interrupt handlers (crate `handler_table`) and which are enabled."""

    __slots__ = ("enabled", "handlers")

    def __init__(self) -> None:
        self.handlers: dict[int, Callable[[], None]] = {}
        self.enabled: dict[int, bool] = {}

    def register(self, irq: int, handler: Callable[[], None]) -> bool:
        """Register and enable; False if there is one already."""
        if irq in self.handlers:
            return False
        self.handlers[irq] = handler
        self.enabled[irq] = True
        return True

    def unregister(self, irq: int) -> Callable[[], None] | None:
        """Disable, and give the handler back."""
        self.enabled.pop(irq, None)
        return self.handlers.pop(irq, None)

    def handle(self, irq: int) -> bool:
        """Call the handler; False if nobody wants the interrupt."""
        handler = self.handlers.get(irq)
        if handler is None or not self.enabled[irq]:
            return False
        handler()
        return True


class QemuVirt:
    """The platform of QEMU's boards behind axhal."""

    hal = "axhal"

    def __init__(self, board: Board, config: AxConfig) -> None:
        self.board = board
        self.config = config
        self.name = config.platform
        self.irqs = IrqTable()
        self.cpus_up = 0

    # -- init and power -------------------------------------------------------------------------

    def platform_init(self) -> None:
        """Nothing to set up: all devices stand where the configuration says."""
        self.cpus_up = 1

    def platform_init_secondary(self, cpu: int) -> None:
        """Another CPU has come up."""
        self.cpus_up += 1

    def cpu_num(self) -> int:
        """Number of CPUs."""
        return len(self.board.cpus)

    def cpu_boot(self, cpu: int, stack_top_pa: int) -> None:
        """Start another CPU; this board's CPUs wait for work from the start."""
        self.platform_init_secondary(cpu)

    def system_off(self) -> None:
        """Switch the machine off.

        Raises:
            PowerOff: Always; the board catches it.
        """
        raise PowerOff

    # -- console --------------------------------------------------------------------------------

    def write_bytes(self, data: bytes, stream: int = 1) -> None:
        """Send bytes to the console."""
        self.board.console.write(stream, data)

    def read_bytes(self, limit: int) -> bytes:
        """Take up to `limit` received bytes."""
        rx = self.board.console.rx
        data = bytes(rx[:limit])
        del rx[:limit]
        return data

    # -- interrupts -----------------------------------------------------------------------------

    def set_enable(self, irq: int, on: bool) -> None:
        """Mask or unmask an interrupt that has a handler."""
        if irq in self.irqs.handlers:
            self.irqs.enabled[irq] = on

    def register(self, irq: int, handler: Callable[[], None]) -> bool:
        """Register a handler and enable its interrupt."""
        return self.irqs.register(irq, handler)

    def unregister(self, irq: int) -> Callable[[], None] | None:
        """Take a handler back."""
        return self.irqs.unregister(irq)

    def handle(self, irq: int) -> bool:
        """Dispatch one interrupt."""
        return self.irqs.handle(irq)

    # -- memory ---------------------------------------------------------------------------------

    def phys_ram_ranges(self) -> tuple[tuple[int, int], ...]:
        """All RAM."""
        return ((self.board.ram.base, self.board.ram.size_bytes),)

    def reserved_phys_ram_ranges(self) -> tuple[tuple[int, int], ...]:
        """RAM below the kernel image, which firmware keeps."""
        base = self.board.ram.base
        return ((base, self.config.kernel_base - base),)

    def mmio_ranges(self) -> tuple[tuple[int, int, str], ...]:
        """Device regions with their names."""
        return self.config.mmio

    def phys_to_virt(self, pa: int) -> int:
        """Kernel virtual address of a physical one (linear map)."""
        return pa + self.config.phys_virt_offset

    def virt_to_phys(self, va: int) -> int:
        """Physical address of a linear-map address."""
        return va - self.config.phys_virt_offset

    def frame_source(self, alloc: FrameSource) -> FrameSource:
        """Page tables (crate page_table_multiarch) allocate from axalloc directly."""
        return alloc

    def kernel_mappings(self, layout: ImageLayout) -> tuple[KernelMapping, ...]:
        """One mapping per section with the rights it needs ("remap")."""
        ram = self.board.ram
        found = [
            KernelMapping(name, pa, size, rights.replace("-", ""))
            for name, pa, size, rights in layout.sections
        ]
        free_bytes = ram.base + ram.size_bytes - layout.free_pa
        found.append(KernelMapping("free memory", layout.free_pa, free_bytes, "rw"))
        found += [
            KernelMapping(f"mmio {name}", pa, size, "rwd") for pa, size, name in self.mmio_ranges()
        ]
        return tuple(found)

    # -- time -----------------------------------------------------------------------------------

    def current_ticks(self) -> int:
        """The running CPU's counter; it counts nanoseconds."""
        return self.board.events.time_ns

    def ticks_to_nanos(self, ticks: int) -> int:
        """Ticks to nanoseconds."""
        return ticks

    def nanos_to_ticks(self, nanos: int) -> int:
        """Nanoseconds to ticks."""
        return nanos

    def epochoffset_nanos(self) -> int:
        """Wall time minus monotonic time."""
        return self.config.epoch_offset_ns

    def set_oneshot_timer(self, cpu: int, deadline_ns: int) -> None:
        """Program a CPU's timer to interrupt it once."""
        self.board.cpus[cpu].deadline_ns = deadline_ns

    # -- the CPU --------------------------------------------------------------------------------

    def this_cpu_id(self) -> int:
        """The CPU that runs this."""
        return self.board.events.cpu_id

    def irqs_enabled(self) -> bool:
        """Whether interrupts may come: never inside this kernel, always in user mode."""
        return False

    def read_page_table_root(self) -> int:
        """The loaded page table (CR3, satp, TTBR0, PGDL)."""
        return self.board.cpus[self.this_cpu_id()].root_pa

    def new_context(self, cpu: Cpu, registers: dict[str, int]) -> bytes:
        """A user context with some registers set (`UspaceContext::new`)."""
        return new_user_context(cpu, registers)

    # -- traps ----------------------------------------------------------------------------------

    def connect_traps(self, entries: TrapEntries) -> None:
        """The board calls each kind's entry; interrupts go through the handler table."""
        self.board.handler = AxTraps(self, entries)


class AxTraps:
    """axhal's trap slices: SYSCALL, PAGE_FAULT and exceptions directly, IRQ by number."""

    __slots__ = ("entries", "platform")

    def __init__(self, platform: QemuVirt, entries: TrapEntries) -> None:
        self.platform = platform
        self.entries = entries

    def on_syscall(self, cpu: Cpu) -> None:
        """SYSCALL slice."""
        self.entries.on_syscall(cpu)

    def on_fault(self, cpu: Cpu, va: int, access: int, *, bus: bool) -> None:
        """PAGE_FAULT slice."""
        self.entries.on_fault(cpu, va, access, bus=bus)

    def on_exception(self, cpu: Cpu, cause: int, address: int) -> None:
        """Everything else the processor reports."""
        self.entries.on_exception(cpu, cause, address)

    def on_timer(self, cpu: Cpu) -> None:
        """IRQ slice with the timer's number."""
        self.platform.handle(TIMER_IRQ)

    def on_input(self, cpu: Cpu) -> None:
        """IRQ slice with the console's number."""
        self.platform.handle(CONSOLE_IRQ)
