"""The platform interface: what a board must offer, group by group.

Source: S000 table 3.3 (Init, Console, Irq, Mem, Power, Time); arceos-org/axplat_crates, axplat/src.
Several implementations may stand behind it; `QemuVirt` drives this project's board.
"""

from __future__ import annotations

from typing import Protocol

from kernel.crates.errno import PowerOff
from kernel.machine.board import Board
from kernel.machine.clock import NS_PER_INSN
from kernel.modules.axconfig import AxConfig


class ConsoleIf(Protocol):
    """Console group."""

    def write_bytes(self, data: bytes) -> None: ...
    def read_bytes(self, limit: int) -> bytes: ...


class MemIf(Protocol):
    """Mem group; ranges are (physical start, size in bytes)."""

    def phys_ram_ranges(self) -> tuple[tuple[int, int], ...]: ...
    def mmio_ranges(self) -> tuple[tuple[int, int, str], ...]: ...
    def phys_to_virt(self, pa: int) -> int: ...
    def virt_to_phys(self, va: int) -> int: ...


class PowerIf(Protocol):
    """Power group."""

    def cpu_num(self) -> int: ...
    def system_off(self) -> None: ...


class TimeIf(Protocol):
    """Time group; a tick is one instruction's time."""

    def current_ticks(self) -> int: ...
    def ticks_to_nanos(self, ticks: int) -> int: ...
    def nanos_to_ticks(self, nanos: int) -> int: ...
    def epochoffset_nanos(self) -> int: ...


class Platform(ConsoleIf, MemIf, PowerIf, TimeIf, Protocol):
    """Everything a platform offers."""

    name: str


class QemuVirt:
    """The default platform: the layout of QEMU's boards, as ArceOS's platform crates have it."""

    def __init__(self, board: Board, config: AxConfig) -> None:
        self.board = board
        self.config = config
        self.name = config.platform

    def write_bytes(self, data: bytes) -> None:
        """Print on the console, as the kernel's own output."""
        self.board.console.write(2, data)

    def read_bytes(self, limit: int) -> bytes:
        """Take up to `limit` received bytes."""
        rx = self.board.console.rx
        data = bytes(rx[:limit])
        del rx[:limit]
        return data

    def phys_ram_ranges(self) -> tuple[tuple[int, int], ...]:
        """All RAM."""
        return ((self.board.ram.base, self.board.ram.size_bytes),)

    def mmio_ranges(self) -> tuple[tuple[int, int, str], ...]:
        """Device regions with their names."""
        return self.config.mmio

    def phys_to_virt(self, pa: int) -> int:
        """Kernel virtual address of a physical one (linear map)."""
        return pa + self.config.phys_virt_offset

    def virt_to_phys(self, va: int) -> int:
        """Physical address of a linear-map address."""
        return va - self.config.phys_virt_offset

    def cpu_num(self) -> int:
        """Number of CPUs."""
        return len(self.board.cpus)

    def system_off(self) -> None:
        """Switch the machine off.

        Raises:
            PowerOff: Always; the board catches it.
        """
        raise PowerOff

    def current_ticks(self) -> int:
        """The running CPU's clock in ticks."""
        return self.board.events.time_ns // NS_PER_INSN

    def ticks_to_nanos(self, ticks: int) -> int:
        """Ticks to nanoseconds."""
        return ticks * NS_PER_INSN

    def nanos_to_ticks(self, nanos: int) -> int:
        """Nanoseconds to ticks, rounded down."""
        return nanos // NS_PER_INSN

    def epochoffset_nanos(self) -> int:
        """Wall time minus monotonic time."""
        return self.config.epoch_offset_ns
