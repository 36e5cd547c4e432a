"""FrameTable: how many page-table entries hold each frame, two bytes per frame, in RAM.

Source: oscomp/arceos modules/axmm/src/frameinfo.rs (`FrameRefTable`, one atomic per frame).
Differs: 16 bits; frames of shared memory and of files are counted too, so the number of mappings
of any frame can be shown.
"""

from __future__ import annotations

from typing import Any, Protocol

from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.page_table_tree import FrameSource
from kernel.crates.phys_memory import PhysMemory

MAX_COUNT = 0xFFFF


class Allocator(Protocol):
    """What axmm needs of axalloc's GlobalAllocator. All raise AxError NO_MEMORY."""

    def alloc_pages(self, count: int, align_bytes: int = PAGE_SIZE, usage: str = "user") -> int: ...
    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None: ...
    def alloc(self, size_bytes: int, align_bytes: int, what: str) -> int: ...
    def dealloc(self, pa: int) -> None: ...


class FrameTable:
    """Owner counts of all frames of `ram`, and the frames' way from and to the allocator.

    The count of a private frame is the number of entries that map it; shared memory itself counts
    as one more owner; a file's own hold on its page-cache frames is not counted.

    Attributes:
        spaces: `AddrSpace`s by number, in order of creation: whoever takes a page from a file
            must find all its mappings.
        table_source: Where page tables take their frames from, if the HAL wants a say in it.
    """

    __slots__ = ("_bias", "alloc_source", "ram", "spaces", "table_pa", "table_source")

    def __init__(self, ram: PhysMemory, alloc: Allocator, table_pa: int) -> None:
        self.ram = ram
        self.alloc_source = alloc
        self.table_pa = table_pa
        self.spaces: dict[int, Any] = {}
        self.table_source: FrameSource | None = None
        self._bias = table_pa - (ram.base >> 11)
        ram.zero(table_pa, self.bytes_needed(ram.size_bytes))

    @staticmethod
    def bytes_needed(ram_bytes: int) -> int:
        """Size of the table for so much RAM."""
        return ram_bytes >> 12 << 1

    def count(self, pa: int) -> int:
        """Owners of the frame at `pa`."""
        return self.ram.read_u16(self._bias + (pa >> 12 << 1))

    def alloc(self, usage: str) -> int:
        """A frame with one owner; not zeroed.

        Raises:
            AxError: NO_MEMORY.
        """
        pa = self.alloc_source.alloc_pages(1, PAGE_SIZE, usage)
        self.ram.write_u16(self._bias + (pa >> 12 << 1), 1)
        return pa

    def share(self, pa: int) -> None:
        """One more owner.

        Raises:
            AxError: NO_MEMORY: the counter is full.
        """
        slot = self._bias + (pa >> 12 << 1)
        count = self.ram.read_u16(slot)
        if count == MAX_COUNT:
            raise AxError(AxErrorKind.NO_MEMORY, "a frame has 65535 mappings")
        self.ram.write_u16(slot, count + 1)

    def unshare(self, pa: int) -> int:
        """One owner less; gives how many are left. Never frees.

        Raises:
            KernelPanic: The frame has no owner.
        """
        slot = self._bias + (pa >> 12 << 1)
        count = self.ram.read_u16(slot)
        if count == 0:
            raise KernelPanic(f"frame {pa:#x} is given up more often than taken")
        self.ram.write_u16(slot, count - 1)
        return count - 1

    def release(self, pa: int, usage: str) -> None:
        """One owner less; the last one frees the frame."""
        if self.unshare(pa) == 0:
            self.alloc_source.dealloc_pages(pa, 1, usage)
