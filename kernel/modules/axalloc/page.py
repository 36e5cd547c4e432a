"""GlobalPage: a run of pages with one owner, freed when the owner lets go.

Source: oscomp/arceos modules/axalloc/src/page.rs. Differs: Rust frees in `Drop`; here the owner
calls `free`, since Python's collector has no fixed moment and the machine must be deterministic.
"""

from __future__ import annotations

from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.memory_addr import PAGE_SHIFT, PAGE_SIZE
from kernel.modules.axalloc.global_allocator import GlobalAllocator

_USAGE = "global"


class GlobalPage:
    """Contiguous pages from the global allocator. Made by `alloc`, `alloc_zero`, ...

    Attributes:
        start_paddr: Physical address of the first page.
        num_pages: How many.
    """

    __slots__ = ("_allocator", "num_pages", "start_paddr")

    def __init__(self, allocator: GlobalAllocator, start_paddr: int, num_pages: int) -> None:
        self._allocator = allocator
        self.start_paddr = start_paddr
        self.num_pages = num_pages

    @classmethod
    def alloc(cls, allocator: GlobalAllocator) -> GlobalPage:
        """One page with whatever it holds; raises AxError as `GlobalAllocator.alloc_pages`."""
        return cls.alloc_contiguous(allocator, 1, PAGE_SIZE)

    @classmethod
    def alloc_zero(cls, allocator: GlobalAllocator) -> GlobalPage:
        """One page of zeros."""
        page = cls.alloc(allocator)
        page.zero()
        return page

    @classmethod
    def alloc_contiguous(
        cls, allocator: GlobalAllocator, num_pages: int, align_bytes: int
    ) -> GlobalPage:
        """`num_pages` contiguous pages aligned to `align_bytes`."""
        return cls(allocator, allocator.alloc_pages(num_pages, align_bytes, _USAGE), num_pages)

    @property
    def size_bytes(self) -> int:
        """Length in bytes."""
        return self.num_pages << PAGE_SHIFT

    def fill(self, byte: int) -> None:
        """Set every byte to `byte`.

        Raises:
            AxError: INVALID_INPUT, not 0..255.
        """
        if not 0 <= byte <= 255:
            raise AxError(AxErrorKind.INVALID_INPUT, f"{byte} is no byte")
        self._allocator.ram.write(self._owned_pa(), bytes((byte,)) * self.size_bytes)

    def zero(self) -> None:
        """Set every byte to 0."""
        self._allocator.ram.zero(self._owned_pa(), self.size_bytes)

    def read(self) -> bytes:
        """The contents (ArceOS `as_slice`)."""
        return self._allocator.ram.read(self._owned_pa(), self.size_bytes)

    def free(self) -> None:
        """Give the pages back; the object is of no use afterwards.

        Raises:
            KernelPanic: They were given back already.
        """
        self._allocator.dealloc_pages(self._owned_pa(), self.num_pages, _USAGE)
        self.num_pages = 0

    def _owned_pa(self) -> int:
        if not self.num_pages:
            raise KernelPanic(f"the pages at {self.start_paddr:#x} are used after they were freed")
        return self.start_paddr
