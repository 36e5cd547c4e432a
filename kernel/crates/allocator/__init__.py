"""Memory allocators whose whole state is bytes in RAM.

An allocator object holds a `PhysMemory`, an event sink, the address of its control structure and
constants; free lists, bitmaps, headers and counters are in RAM, where panes and snapshots find
them. All addresses are physical.

    PageAllocator    bitmap.py    16-ary tree of bits, one per page
    ByteAllocator    tlsf.py      two-level segregated fit (ArceOS's default)
                     slab.py      power-of-two classes in front of a buddy heap
                     buddy.py     power-of-two blocks, buddies found by XOR

Source: arceos-org/allocator v0.1.1, src/lib.rs. Differs: `alloc` and `dealloc` take the size and
alignment of Rust's `Layout` as two integers.
"""

from __future__ import annotations

from typing import Protocol

from kernel.crates.errno import AxError, AxErrorKind


class BaseAllocator(Protocol):
    """What every allocator does: take memory to give out."""

    def init(self, start_pa: int, size_bytes: int) -> None:
        """Start with the memory `start_pa .. start_pa + size_bytes`, forgetting all before."""
        ...

    def add_memory(self, start_pa: int, size_bytes: int) -> None:
        """Take more memory.

        Raises:
            AxError: INVALID_INPUT, the region is of no use; NO_MEMORY, not supported.
        """
        ...


class ByteAllocator(BaseAllocator, Protocol):
    """Gives out blocks of any size. Freeing needs the size and alignment asked for."""

    @property
    def name(self) -> str:
        """Name, "TLSF", "slab" or "buddy"; also the allocator field of its events."""
        ...

    def alloc(self, size_bytes: int, align_bytes: int) -> int:
        """Allocate `size_bytes` (at least 1) at a multiple of `align_bytes`, a power of two.

        Raises:
            AxError: NO_MEMORY, no block is large enough; INVALID_INPUT, a bad size or alignment.
        """
        ...

    def dealloc(self, pa: int, size_bytes: int, align_bytes: int) -> None:
        """Give back a block, with the size and alignment it was asked for with.

        Raises:
            KernelPanic: The block is free already, where the structure shows it.
        """
        ...

    @property
    def total_bytes(self) -> int:
        """Memory it was given, as the original counts."""
        ...

    @property
    def used_bytes(self) -> int:
        """Memory in use, as the original counts."""
        ...

    @property
    def available_bytes(self) -> int:
        """Memory free, as the original counts: an upper bound, not a promise."""
        ...

    @property
    def requested_bytes(self) -> int:
        """Sum of the sizes asked for and not given back."""
        ...


class PageAllocator(BaseAllocator, Protocol):
    """Gives out runs of 4 KiB pages."""

    def alloc_pages(self, count: int, align_bytes: int) -> int:
        """Allocate `count` contiguous pages; the address of the first.

        Raises:
            AxError: NO_MEMORY, no such run; INVALID_INPUT, a bad count or alignment.
        """
        ...

    def alloc_pages_at(self, pa: int, count: int, align_bytes: int) -> int:
        """Allocate exactly the `count` pages from `pa`; raises as `alloc_pages`."""
        ...

    def dealloc_pages(self, pa: int, count: int) -> None:
        """Give back `count` pages.

        Raises:
            KernelPanic: One of them is free already or was never part of the memory.
        """
        ...

    @property
    def total_pages(self) -> int:
        """Pages it was given."""
        ...

    @property
    def used_pages(self) -> int:
        """Pages in use."""
        ...

    @property
    def available_pages(self) -> int:
        """Pages free."""
        ...


def no_memory(why: str) -> AxError:
    """ArceOS `AllocError::NoMemory`."""
    return AxError(AxErrorKind.NO_MEMORY, why)


def invalid_input(why: str) -> AxError:
    """ArceOS `AllocError::{InvalidParam, MemoryOverlap, NotAllocated}`."""
    return AxError(AxErrorKind.INVALID_INPUT, why)


def check_layout(size_bytes: int, align_bytes: int) -> None:
    """Refuse what Rust's `Layout` could not express.

    Raises:
        AxError: INVALID_INPUT.
    """
    if size_bytes <= 0 or align_bytes <= 0 or align_bytes & (align_bytes - 1):
        raise invalid_input(
            f"cannot allocate {size_bytes} bytes aligned to {align_bytes}: the size must be "
            "positive and the alignment a power of two"
        )
