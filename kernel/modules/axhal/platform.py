"""The platform interface: what a hardware abstraction layer must offer, group by group.

Source: S000 3.3.2 and table 3.3 (Init, Console, Irq, Mem, Power, Time) plus the CPU interface it
names beside the platform's; arceos-org/axplat_crates, axplat/src. The kernel is written against
this file; two implementations stand behind it: `qemu_virt` (ArceOS's axhal) and `poly_platform`
(PolyHAL, through glue that translates between the two styles).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from kernel.machine.cpu import Cpu

TIMER_IRQ = 0
"""Interrupt number of every CPU's own timer; boards have their own numbers for it."""
CONSOLE_IRQ = 1
"""Interrupt number of the console's receiver."""


class KernelMapping(NamedTuple):
    """One piece of the kernel's own address space.

    Attributes:
        rights: Letters of "rwx"; "d" marks device memory.
    """

    name: str
    pa: int
    size_bytes: int
    rights: str


class FrameSource(Protocol):
    """Where page tables take their frames from."""

    def alloc_pages(self, count: int, align_bytes: int = 4096, usage: str = "user") -> int: ...
    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None: ...


class InitIf(Protocol):
    """Platform Init group."""

    def platform_init(self) -> None:
        """Set devices up for the primary CPU."""
        ...

    def platform_init_secondary(self, cpu: int) -> None:
        """Set devices up for another CPU."""
        ...


class ConsoleIf(Protocol):
    """Console group."""

    def write_bytes(self, data: bytes, stream: int = 1) -> None:
        """Send bytes; `stream` 2 where the console tells error output apart."""
        ...

    def read_bytes(self, limit: int) -> bytes:
        """Take up to `limit` received bytes."""
        ...


class IrqIf(Protocol):
    """Irq group. Handlers take nothing: they run on the CPU that was interrupted."""

    def set_enable(self, irq: int, on: bool) -> None: ...
    def register(self, irq: int, handler: Callable[[], None]) -> bool: ...
    def unregister(self, irq: int) -> Callable[[], None] | None: ...
    def handle(self, irq: int) -> bool: ...


class MemIf(Protocol):
    """Mem group; ranges are (physical start, size in bytes)."""

    def phys_ram_ranges(self) -> tuple[tuple[int, int], ...]: ...
    def reserved_phys_ram_ranges(self) -> tuple[tuple[int, int], ...]: ...
    def mmio_ranges(self) -> tuple[tuple[int, int, str], ...]: ...
    def phys_to_virt(self, pa: int) -> int: ...
    def virt_to_phys(self, va: int) -> int: ...


class PowerIf(Protocol):
    """Power group."""

    def cpu_num(self) -> int: ...
    def cpu_boot(self, cpu: int, stack_top_pa: int) -> None: ...
    def system_off(self) -> None: ...


class TimeIf(Protocol):
    """Time group."""

    def current_ticks(self) -> int: ...
    def ticks_to_nanos(self, ticks: int) -> int: ...
    def nanos_to_ticks(self, nanos: int) -> int: ...
    def epochoffset_nanos(self) -> int: ...
    def set_oneshot_timer(self, cpu: int, deadline_ns: int) -> None: ...


class CpuIf(Protocol):
    """The CPU interface: what the kernel does with the CPU it runs on."""

    def this_cpu_id(self) -> int: ...
    def irqs_enabled(self) -> bool: ...
    def read_page_table_root(self) -> int: ...
    def new_context(self, cpu: Cpu, registers: dict[str, int]) -> bytes: ...


class PagingIf(Protocol):
    """How a HAL maps memory: the part where axhal and PolyHAL differ most."""

    def frame_source(self, alloc: FrameSource) -> FrameSource:
        """What page tables allocate through."""
        ...

    def kernel_mappings(self, layout: Any) -> tuple[KernelMapping, ...]:
        """The kernel's address space, given the image's layout."""
        ...


class TrapEntries(Protocol):
    """The kernel's trap handlers, as both HALs find them (`axhal.trap.TrapEntry`)."""

    def on_syscall(self, cpu: Cpu) -> None: ...
    def on_fault(self, cpu: Cpu, va: int, access: int, *, bus: bool) -> None: ...
    def on_exception(self, cpu: Cpu, cause: int, address: int) -> None: ...
    def on_timer(self, cpu: Cpu) -> None: ...
    def on_input(self, cpu: Cpu) -> None: ...


class Platform(InitIf, ConsoleIf, IrqIf, MemIf, PowerIf, TimeIf, CpuIf, PagingIf, Protocol):
    """Everything a HAL offers the kernel.

    Attributes:
        name: The board, as ArceOS names platforms.
        hal: "axhal" or "polyhal".
    """

    name: str
    hal: str

    def connect_traps(self, entries: TrapEntries) -> None:
        """Make the board's traps reach the kernel's handlers, in the HAL's own way."""
        ...
