"""PolyHAL behind the platform interface: the glue that S000 3.3 is about.

Every method translates between the kernel's interface (table 3.3) and PolyHAL's own functions
(tables 3.1, 3.2). The kernel's main loop is here too, since PolyHAL returns to its caller after a
trap: `run_user_task` comes back with an EscapeReason, and the loop handles the system call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kernel.crates.errno import KernelPanic
from kernel.machine.board import Board
from kernel.machine.cpu import Cpu
from kernel.machine.engine import Access
from kernel.modules.axhal.platform import (
    CONSOLE_IRQ,
    TIMER_IRQ,
    FrameSource,
    KernelMapping,
    TrapEntries,
)
from kernel.modules.axhal.polyhal import (
    PAGE_BYTES,
    EscapeReason,
    PolyHal,
    TrapFrame,
    TrapType,
    exception_type,
    fault_type,
)

if TYPE_CHECKING:
    from kernel.modules.axconfig import AxConfig, ImageLayout

_ACCESS = {
    TrapType.LOAD_PAGE_FAULT: Access.READ,
    TrapType.STORE_PAGE_FAULT: Access.WRITE,
    TrapType.INSTRUCTION_PAGE_FAULT: Access.EXECUTE,
}


class KernelPages:
    """The kernel's PageAlloc: what it lends PolyHAL, and a frame source for page tables."""

    __slots__ = ("source",)

    def __init__(self, source: FrameSource) -> None:
        self.source = source

    def alloc(self) -> int:
        """One frame. AxError: NO_MEMORY."""
        return self.source.alloc_pages(1, PAGE_BYTES, "page table")

    def dealloc(self, pa: int) -> None:
        """Give one frame back."""
        self.source.dealloc_pages(pa, 1, "page table")

    def alloc_pages(self, count: int, align_bytes: int = PAGE_BYTES, usage: str = "user") -> int:
        """For page tables, which take single frames.

        Raises:
            KernelPanic: More than PolyHAL can ask for.
        """
        if count != 1 or align_bytes > PAGE_BYTES:
            raise KernelPanic(f"PolyHAL's PageAlloc gives single frames, not {count}")
        return self.alloc()

    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None:
        """For page tables."""
        self.dealloc(pa)


class PolyPlatform:
    """The platform interface over PolyHAL."""

    hal = "polyhal"

    def __init__(self, board: Board, config: AxConfig) -> None:
        self.poly = PolyHal(board)
        self.config = config
        self.name = config.platform
        self.handlers: dict[int, Callable[[], None]] = {}
        self.cpus_up = 0

    def platform_init(self) -> None:
        """The primary CPU; devices are found in the device tree."""
        self.cpus_up = 1

    def platform_init_secondary(self, cpu: int) -> None:
        """Another CPU has come up."""
        self.cpus_up += 1

    def cpu_num(self) -> int:
        """Number of CPUs."""
        return self.poly.hart_count()

    def cpu_boot(self, cpu: int, stack_top_pa: int) -> None:
        """Start another CPU."""
        self.platform_init_secondary(cpu)

    def system_off(self) -> None:
        """Switch the machine off (PowerOff)."""
        self.poly.shutdown()

    def write_bytes(self, data: bytes, stream: int = 1) -> None:
        """Character by character, as the DebugConsole takes them."""
        for char in data:
            self.poly.putchar(char)
        self.poly.flush(stream)

    def read_bytes(self, limit: int) -> bytes:
        """Characters one by one until there is none."""
        out = bytearray()
        while len(out) < limit and (char := self.poly.getchar()) is not None:
            out.append(char)
        return bytes(out)

    def set_enable(self, irq: int, on: bool) -> None:
        """Two functions there."""
        if on:
            self.poly.irq_enable(irq)
        else:
            self.poly.irq_disable(irq)

    def register(self, irq: int, handler: Callable[[], None]) -> bool:
        """PolyHAL has no table of handlers: it stands here, behind the one callback."""
        if irq in self.handlers:
            return False
        self.handlers[irq] = handler
        self.poly.irq_enable(irq)
        return True

    def unregister(self, irq: int) -> Callable[[], None] | None:
        """Take a handler back."""
        self.poly.irq_disable(irq)
        return self.handlers.pop(irq, None)

    def handle(self, irq: int) -> bool:
        """Dispatch one interrupt."""
        handler = self.handlers.get(irq)
        if handler is None or not self.poly.irqs_on.get(irq):
            return False
        handler()
        return True

    def phys_ram_ranges(self) -> tuple[tuple[int, int], ...]:
        """All RAM."""
        return self.poly.get_mem_areas()

    def reserved_phys_ram_ranges(self) -> tuple[tuple[int, int], ...]:
        """RAM below the kernel image."""
        base = self.poly.get_mem_areas()[0][0]
        return ((base, self.config.kernel_base - base),)

    def mmio_ranges(self) -> tuple[tuple[int, int, str], ...]:
        """Device regions with their names."""
        return self.config.mmio

    def phys_to_virt(self, pa: int) -> int:
        """Kernel virtual address of a physical one."""
        return pa + self.config.phys_virt_offset

    def virt_to_phys(self, va: int) -> int:
        """Physical address of a linear-map address."""
        return va - self.config.phys_virt_offset

    def frame_source(self, alloc: FrameSource) -> FrameSource:
        """Page tables allocate through the PageAlloc that PolyHAL was given."""
        pages = self.poly.page_alloc
        if not isinstance(pages, KernelPages):
            pages = KernelPages(alloc)
            self.poly.init(pages)
        return pages

    def kernel_mappings(self, layout: ImageLayout) -> tuple[KernelMapping, ...]:
        """The boot table's blocks stay: no rights per section, devices inside them."""
        start, size = self.poly.get_mem_areas()[0]
        ends = [pa + length for pa, length, _ in self.config.mmio]
        end = max(start + size, *ends) if start == 0 else start + size
        blocks = [
            KernelMapping("boot mapping", pa, length, "rwx")
            for pa, length in self.poly.kernel_blocks(end)
        ]
        covered = [(pa, pa + length) for _, pa, length, _ in blocks]
        for pa, length, name in self.config.mmio:
            if not any(low <= pa < high for low, high in covered):
                blocks.append(KernelMapping(f"mmio {name}", pa, length, "rwd"))
        return tuple(blocks)

    def current_ticks(self) -> int:
        """The running CPU's counter."""
        return self.poly.current_time() * self.poly.get_freq() // 1_000_000_000

    def ticks_to_nanos(self, ticks: int) -> int:
        """Ticks to nanoseconds."""
        return ticks * 1_000_000_000 // self.poly.get_freq()

    def nanos_to_ticks(self, nanos: int) -> int:
        """Nanoseconds to ticks."""
        return nanos * self.poly.get_freq() // 1_000_000_000

    def epochoffset_nanos(self) -> int:
        """Wall time minus monotonic time."""
        return self.config.epoch_offset_ns

    def set_oneshot_timer(self, cpu: int, deadline_ns: int) -> None:
        """Program a CPU's timer."""
        self.poly.set_next_timer(cpu, deadline_ns)

    def this_cpu_id(self) -> int:
        """`hart_id` there."""
        return self.poly.hart_id()

    def irqs_enabled(self) -> bool:
        """`IRQ::int_enabled` there."""
        return self.poly.int_enabled()

    def read_page_table_root(self) -> int:
        """`PageTable::current()` there."""
        return self.poly.current_table()

    def new_context(self, cpu: Cpu, registers: dict[str, int]) -> bytes:
        """A TrapFrame there."""
        return self.poly.new_trap_frame(cpu, registers)

    def connect_traps(self, entries: TrapEntries) -> None:
        """The kernel's loop around `run_user_task`, and its one callback."""
        traps = PolyTraps(self, entries)
        self.poly.callback = traps
        self.poly.board.handler = traps


class PolyTraps:
    """The loop `while let reason = run_user_task(frame)`, one turn a trap, and the callback."""

    __slots__ = ("entries", "platform")

    def __init__(self, platform: PolyPlatform, entries: TrapEntries) -> None:
        self.platform = platform
        self.entries = entries

    def _turn(self, frame: TrapFrame, trap: TrapType) -> None:
        """One turn of the loop: the trap, and what the kernel does when it is back."""
        reason = self.platform.poly.run_user_task(frame, trap)
        if reason is EscapeReason.SYS_CALL:
            self.entries.on_syscall(frame.cpu)

    def arch_interrupt(self, frame: TrapFrame, trap: TrapType) -> None:
        """`#[arch_interrupt]`: every trap but the system call."""
        if trap in _ACCESS:
            access = int(_ACCESS[trap])
            self.entries.on_fault(frame.cpu, frame.value, access, bus=frame.bus)
        elif trap is TrapType.TIMER:
            self.platform.handle(TIMER_IRQ)
        elif trap is TrapType.IRQ:
            self.platform.handle(frame.detail)
        else:
            self.entries.on_exception(frame.cpu, frame.detail, frame.value)

    # -- what the board calls -------------------------------------------------------------------

    def on_syscall(self, cpu: Cpu) -> None:
        """A system call instruction ran."""
        self._turn(TrapFrame(cpu), TrapType.SYS_CALL)

    def on_fault(self, cpu: Cpu, va: int, access: int, *, bus: bool) -> None:
        """A page-table walk failed."""
        self._turn(TrapFrame(cpu, va, access, bus), fault_type(access))

    def on_exception(self, cpu: Cpu, cause: int, address: int) -> None:
        """User code caused an exception."""
        self._turn(TrapFrame(cpu, address, cause), exception_type(cause))

    def on_timer(self, cpu: Cpu) -> None:
        """The timer."""
        self._turn(TrapFrame(cpu), TrapType.TIMER)

    def on_input(self, cpu: Cpu) -> None:
        """The console's receiver."""
        self._turn(TrapFrame(cpu, detail=CONSOLE_IRQ), TrapType.IRQ)
