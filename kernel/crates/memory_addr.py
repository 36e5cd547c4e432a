"""Addresses, pages and address ranges.

`VirtAddr` and `PhysAddr` are distinct to the type checker and plain `int` at run time.
Source: arceos-org/axmm_crates, memory_addr/src/{addr,range,iter}.rs.
Differs: alignment helpers are functions, not methods, since an address is an `int` here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NewType

VirtAddr = NewType("VirtAddr", int)
PhysAddr = NewType("PhysAddr", int)

PAGE_SHIFT = 12
PAGE_SIZE = 0x1000
PAGE_MASK = PAGE_SIZE - 1
PAGE_SIZE_4K = 0x1000
PAGE_SIZE_2M = 0x20_0000
PAGE_SIZE_1G = 0x4000_0000
U64_MASK = (1 << 64) - 1


def align_down(addr: int, align: int = PAGE_SIZE) -> int:
    """Round `addr` down to a multiple of `align`, a power of two."""
    return addr & -align


def align_up(addr: int, align: int = PAGE_SIZE) -> int:
    """Round `addr` up to a multiple of `align`, a power of two."""
    return (addr + align - 1) & -align


def is_aligned(addr: int, align: int = PAGE_SIZE) -> bool:
    """Whether `addr` is a multiple of `align`, a power of two."""
    return not addr & (align - 1)


@dataclass(frozen=True, slots=True, order=True)
class AddrRange:
    """A half-open range of addresses: `start` is inside, `end` is not.

    Raises:
        ValueError: `start` is above `end`.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise ValueError(f"range {self.start:#x}..{self.end:#x} ends before it starts")

    @classmethod
    def from_start_size(cls, start: int, size_bytes: int) -> AddrRange:
        """The range of `size_bytes` bytes from `start`."""
        return cls(start, start + size_bytes)

    @property
    def size_bytes(self) -> int:
        """Length in bytes."""
        return self.end - self.start

    @property
    def is_empty(self) -> bool:
        """Whether it holds no address."""
        return self.start == self.end

    def contains(self, addr: int) -> bool:
        """Whether `addr` lies inside."""
        return self.start <= addr < self.end

    def contains_range(self, other: AddrRange) -> bool:
        """Whether all of `other` lies inside."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: AddrRange) -> bool:
        """Whether they share an address."""
        return self.start < other.end and other.start < self.end

    def pages(self) -> Iterator[int]:
        """Page addresses from `start` (a page boundary) up to `end`."""
        return iter(range(self.start, self.end, PAGE_SIZE))
