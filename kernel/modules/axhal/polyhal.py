"""PolyHAL: another hardware abstraction layer, with its own names and its own style.

    common::init(page_alloc)     the kernel lends it a PageAlloc: one frame at a time
    PageTable                    its own implementation: map_page takes 4 KiB pages only; the kernel
                                 half stays the boot table's 1 GiB blocks
    run_user_task -> EscapeReason  returns to the caller after each trap, where axhal's
                                 enter_uspace never returns and traps arrive through slices
    #[arch_interrupt]            one callback for every trap but the system call
    irq, timer, mem, DebugConsole, instruction, hart_id

Source: Byte-OS/polyhal crates polyhal, polyhal-trap, polyhal-boot; S000 tables 3.1 and 3.2.
It knows nothing of the kernel; `poly_platform` puts it behind the platform interface.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, Protocol

from kernel.crates.errno import PowerOff
from kernel.machine.board import Board
from kernel.machine.cpu import Cpu
from kernel.machine.engine import Access, Cause
from kernel.modules.axhal.context import new_user_context

PAGE_BYTES = 4096
GIB = 1 << 30


class TrapType(enum.IntEnum):
    """What the interrupt callback is told."""

    BREAKPOINT = 0
    SYS_CALL = 1
    TIMER = 2
    UNKNOWN = 3
    SUPERVISOR_EXTERNAL = 4
    STORE_PAGE_FAULT = 5
    LOAD_PAGE_FAULT = 6
    INSTRUCTION_PAGE_FAULT = 7
    ILLEGAL_INSTRUCTION = 8
    IRQ = 9


class EscapeReason(enum.IntEnum):
    """Why `run_user_task` came back."""

    NO_REASON = 0
    IRQ = 1
    TIMER = 2
    SYS_CALL = 3


class TrapFrame(NamedTuple):
    """A trap as it lies on the CPU.

    Attributes:
        value: The faulting address, or what the processor says of an exception.
        detail: Access, exception cause or vector, as the processor names it.
        bus: The access got past the page table and found no memory.
    """

    cpu: Cpu
    value: int = 0
    detail: int = 0
    bus: bool = False


class Interrupt(Protocol):
    """The kernel's one callback (`#[arch_interrupt]`)."""

    def arch_interrupt(self, frame: TrapFrame, trap: TrapType) -> None: ...


class PageAlloc(Protocol):
    """The kernel's frames, lent to the HAL."""

    def alloc(self) -> int: ...
    def dealloc(self, pa: int) -> None: ...


_FAULTS = {
    Access.READ: TrapType.LOAD_PAGE_FAULT,
    Access.WRITE: TrapType.STORE_PAGE_FAULT,
    Access.EXECUTE: TrapType.INSTRUCTION_PAGE_FAULT,
}
_EXCEPTIONS = {
    int(Cause.BREAKPOINT): TrapType.BREAKPOINT,
    int(Cause.ILLEGAL): TrapType.ILLEGAL_INSTRUCTION,
}


class PolyHal:
    """The HAL's functions on this board."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.callback: Interrupt | None = None
        self.page_alloc: PageAlloc | None = None
        self.uart: bytearray = bytearray()
        self.irqs_on: dict[int, bool] = {}

    # -- common, hart_id, instruction -----------------------------------------------------------

    def init(self, page_alloc: PageAlloc) -> None:
        """`common::init`: from now on page tables may be made."""
        self.page_alloc = page_alloc

    def hart_id(self) -> int:
        """The CPU that runs this."""
        return self.board.events.cpu_id

    def hart_count(self) -> int:
        """CPUs the device tree lists."""
        return len(self.board.cpus)

    def shutdown(self) -> None:
        """`instruction::shutdown`.

        Raises:
            PowerOff: Always.
        """
        raise PowerOff

    # -- irq::IRQ -------------------------------------------------------------------------------

    def irq_enable(self, irq: int) -> None:
        """Let an interrupt through."""
        self.irqs_on[irq] = True

    def irq_disable(self, irq: int) -> None:
        """Hold an interrupt back."""
        self.irqs_on[irq] = False

    def int_enabled(self) -> bool:
        """Whether the CPU takes interrupts now."""
        return False

    # -- timer ----------------------------------------------------------------------------------

    def current_time(self) -> int:
        """`timer::current_time`, a Duration: nanoseconds since boot."""
        return self.board.events.time_ns

    def get_freq(self) -> int:
        """Counts of the timer a second."""
        return 1_000_000_000

    def set_next_timer(self, hart: int, at_ns: int) -> None:
        """`timer::set_next_timer`."""
        self.board.cpus[hart].deadline_ns = at_ns

    # -- mem, debug_console ---------------------------------------------------------------------

    def get_mem_areas(self) -> tuple[tuple[int, int], ...]:
        """Memory as the device tree describes it: (start, size)."""
        return ((self.board.ram.base, self.board.ram.size_bytes),)

    def putchar(self, char: int) -> None:
        """`DebugConsole::putchar`."""
        self.uart.append(char)

    def flush(self, stream: int) -> None:
        """The characters leave the UART's buffer."""
        self.board.console.write(stream, bytes(self.uart))
        self.uart.clear()

    def getchar(self) -> int | None:
        """`DebugConsole::getchar`."""
        rx = self.board.console.rx
        return rx.pop(0) if rx else None

    # -- page tables ----------------------------------------------------------------------------

    def current_table(self) -> int:
        """`PageTable::current()`."""
        return self.board.cpus[self.hart_id()].root_pa

    def kernel_blocks(self, end: int) -> tuple[tuple[int, int], ...]:
        """The boot table's blocks over physical memory up to `end`: (start, size), 1 GiB each."""
        base = self.board.ram.base & -GIB
        return tuple((start, GIB) for start in range(base, end, GIB))

    # -- contexts and traps ---------------------------------------------------------------------

    def new_trap_frame(self, cpu: Cpu, registers: dict[str, int]) -> bytes:
        """A TrapFrame with registers set by index (SEPC, SP, TLS, ARG0 ...)."""
        return new_user_context(cpu, registers)

    def run_user_task(self, frame: TrapFrame, trap: TrapType) -> EscapeReason:
        """What happens from a trap until `run_user_task` returns to the kernel's loop.

        The system call is left to the caller; everything else goes to the callback first.
        """
        if trap is TrapType.SYS_CALL:
            return EscapeReason.SYS_CALL
        assert self.callback is not None
        self.callback.arch_interrupt(frame, trap)
        if trap is TrapType.TIMER:
            return EscapeReason.TIMER
        return EscapeReason.IRQ if trap is TrapType.IRQ else EscapeReason.NO_REASON


def fault_type(access: int) -> TrapType:
    """The trap of a failed access."""
    return _FAULTS[Access(access)]


def exception_type(cause: int) -> TrapType:
    """The trap of a processor exception."""
    return _EXCEPTIONS.get(cause, TrapType.UNKNOWN)
