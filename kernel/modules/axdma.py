"""axdma: memory a device may read and write behind the CPU's back.

Coherent memory must not be cached, so its pages are mapped UNCACHED in the kernel's address space.
Requests of a page or more take pages; smaller ones come from a private byte allocator, which is
given up to four uncached pages once. A bus address is the physical address plus a constant.

Source: oscomp/arceos modules/axdma/src/{lib,dma}.rs; thesis S002 section 3.4.
Differs: freed pages are made cacheable before they are given back, not after (nobody could tell
in the original either, since nothing runs in between).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from kernel.crates.allocator import check_layout
from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.interface import Slot
from kernel.crates.memory_addr import PAGE_SHIFT, PAGE_SIZE, align_up
from kernel.crates.page_table_entry import MappingFlags
from kernel.modules.axalloc.global_allocator import (
    AnyByteAllocator,
    GlobalAllocator,
    byte_allocator_kind,
)

_USAGE = "dma"
_POOL_PAGES = 4
_CACHED = MappingFlags.READ | MappingFlags.WRITE
_UNCACHED = MappingFlags.READ | MappingFlags.WRITE | MappingFlags.UNCACHED


class DMAInfo(NamedTuple):
    """Coherent memory as the CPU and as a device sees it.

    Attributes:
        cpu_addr: Kernel virtual address.
        bus_addr: Address to give to the device.
    """

    cpu_addr: int
    bus_addr: int


class KernelSpace(Protocol):
    """What axdma needs of the kernel's address space; axmm implements it."""

    def protect(self, start: int, size_bytes: int, flags: MappingFlags) -> None:
        """Change the flags of mapped pages; `start` is a kernel virtual address."""
        ...


class DmaAllocator:
    """Gives out coherent memory.

    Args:
        alloc: Where pages come from.
        phys_virt_offset: Kernel virtual = physical + this.
        phys_bus_offset: Bus = physical + this.

    Attributes:
        kernel_space: Slot for the kernel's address space, filled at boot.
    """

    __slots__ = ("_alloc", "_pool", "_pool_is_filled", "bus_offset", "kernel_space", "virt_offset")

    def __init__(
        self, alloc: GlobalAllocator, phys_virt_offset: int, phys_bus_offset: int = 0
    ) -> None:
        self._alloc = alloc
        self.virt_offset = phys_virt_offset
        self.bus_offset = phys_bus_offset
        self.kernel_space: Slot[KernelSpace] = Slot("kernel address space of axdma")
        self._pool: AnyByteAllocator | None = None
        self._pool_is_filled = False

    def alloc_coherent(self, size_bytes: int, align_bytes: int = 8) -> DMAInfo:
        """Allocate coherent memory, not zeroed.

        Raises:
            AxError: NO_MEMORY, also when the pool for small requests is used up; INVALID_INPUT.
        """
        check_layout(size_bytes, align_bytes)
        if size_bytes >= PAGE_SIZE:
            return self._info(self._alloc_pages(size_bytes, align_bytes))
        pool = self._small_pool()
        try:
            return self._info(pool.alloc(size_bytes, align_bytes))
        except AxError as error:
            if error.kind is not AxErrorKind.NO_MEMORY or self._pool_is_filled:
                raise
        self._fill_pool(pool)
        return self._info(pool.alloc(size_bytes, align_bytes))

    def dealloc_coherent(self, dma: DMAInfo, size_bytes: int, align_bytes: int = 8) -> None:
        """Give back memory with the size and alignment it was asked for with.

        Raises:
            KernelPanic: It is not in use.
        """
        check_layout(size_bytes, align_bytes)
        pa = dma.bus_addr - self.bus_offset
        if size_bytes >= PAGE_SIZE:
            count = align_up(size_bytes) >> PAGE_SHIFT
            self.kernel_space.get().protect(dma.cpu_addr, count << PAGE_SHIFT, _CACHED)
            self._alloc.dealloc_pages(pa, count, _USAGE)
        elif self._pool is None:
            raise KernelPanic(f"freeing DMA memory at {pa:#x}: none was given out")
        else:
            self._pool.dealloc(pa, size_bytes, align_bytes)

    def _alloc_pages(self, size_bytes: int, align_bytes: int) -> int:
        """Uncached pages; the physical address of the first."""
        count = align_up(size_bytes) >> PAGE_SHIFT
        pa = self._alloc.alloc_pages(count, max(align_bytes, PAGE_SIZE), _USAGE)
        self.kernel_space.get().protect(pa + self.virt_offset, count << PAGE_SHIFT, _UNCACHED)
        return pa

    def _small_pool(self) -> AnyByteAllocator:
        """The private byte allocator, empty at first; its control structure is a heap block."""
        if self._pool is None:
            make, control_size = byte_allocator_kind(self._alloc.kind)
            ram = self._alloc.ram
            control_pa = self._alloc.alloc(control_size, 64, "dma pool")
            ram.zero(control_pa, control_size)
            self._pool = make(ram, self._alloc.events, control_pa)
        return self._pool

    def _fill_pool(self, pool: AnyByteAllocator) -> None:
        """Give the private allocator its pages, once."""
        count = min(_POOL_PAGES, self._alloc.available_pages)
        pa = self._alloc_pages(count << PAGE_SHIFT, PAGE_SIZE)
        pool.add_memory(pa, count << PAGE_SHIFT)
        self._pool_is_filled = True

    def _info(self, pa: int) -> DMAInfo:
        return DMAInfo(pa + self.virt_offset, pa + self.bus_offset)
