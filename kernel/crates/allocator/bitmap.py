"""BitmapPageAllocator: one bit per 4 KiB page in a 16-ary tree of u16 words; bit 1 = free.

A word of an inner level has one bit per child, set iff the child has any free page, so the lowest
free page is found by one count-trailing-zeros per level. The tree's size is fixed: 16**4 pages
(256 MiB from the base) or, for larger memories, 16**5, 16**6 ... The base is the start rounded
down to 1 GiB, which makes every alignment up to 1 GiB an alignment of page numbers.

Control structure at `control_pa`:

    +0x00  u64 base_pa          address of page 0
    +0x08  u64 total_pages      pages given
    +0x10  u64 used_pages
    +0x18  u64 levels
    +0x40  u16 words, root first, then 16, 256, 4096 ... words; leaves last

Source: arceos-org/allocator v0.1.1 src/bitmap.rs; rcore-os/bitmap-allocator src/lib.rs.
Differs: freeing a free page panics (the original only forgets to count it).
"""

from __future__ import annotations

from kernel.crates.allocator import invalid_input, no_memory
from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventSink
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, PAGE_SIZE_1G
from kernel.crates.phys_memory import PhysMemory

BASE = 0x00
TOTAL_PAGES = 0x08
USED_PAGES = 0x10
LEVELS = 0x18
WORDS = 0x40
MIN_LEVELS = 4


def levels_for(start_pa: int, end_pa: int) -> int:
    """Tree depth that covers memory up to `end_pa` from the GiB `start_pa` lies in; at least 4."""
    pages = (end_pa - (start_pa & -PAGE_SIZE_1G) + PAGE_MASK) >> PAGE_SHIFT
    levels = MIN_LEVELS
    while 16**levels < pages:
        levels += 1
    return levels


def bitmap_bytes(levels: int) -> int:
    """Size of the control structure, a multiple of 64."""
    words = sum(16**level for level in range(levels))
    return (WORDS + 2 * words + 63) & -64


class BitmapPageAllocator:
    """Page allocator over a 16-ary bitmap tree.

    Args:
        mem: Where the bitmap is. The pages themselves are never touched.
        sink: Unused so far; all allocators are made alike.
        control_pa: Address of the control structure, 64-byte aligned, of `bitmap_bytes` bytes.
    """

    __slots__ = ("_base_pa", "_leaf_pa", "_level_pas", "_levels", "control_pa", "mem", "sink")

    def __init__(self, mem: PhysMemory, sink: EventSink, control_pa: int) -> None:
        self.mem = mem
        self.sink = sink
        self.control_pa = control_pa
        self._base_pa = 0
        self._levels = 0
        self._level_pas: tuple[int, ...] = ()  # where each level's words start, root first
        self._leaf_pa = 0

    def init(self, start_pa: int, size_bytes: int) -> None:
        """Give out the pages of `start_pa .. start_pa + size_bytes`, rounded inwards.

        Raises:
            AxError: INVALID_INPUT, there is no whole page in it.
        """
        start = (start_pa + PAGE_MASK) & ~PAGE_MASK
        end = (start_pa + size_bytes) & ~PAGE_MASK
        if start >= end:
            raise invalid_input(f"{size_bytes} bytes at {start_pa:#x} hold no whole page")
        self._base_pa = start & -PAGE_SIZE_1G
        self._levels = levels_for(start, end)
        starts: list[int] = []
        at = self.control_pa + WORDS
        for level in range(self._levels):
            starts.append(at)
            at += 2 * 16**level
        self._level_pas = tuple(starts)
        self._leaf_pa = starts[-1]
        total = (end - start) >> PAGE_SHIFT
        self.mem.zero(self.control_pa, bitmap_bytes(self._levels))
        for offset, value in (
            (BASE, self._base_pa),
            (TOTAL_PAGES, total),
            (USED_PAGES, 0),
            (LEVELS, self._levels),
        ):
            self.mem.write_u64(self.control_pa + offset, value)
        self._set_range((start - self._base_pa) >> PAGE_SHIFT, total, True)

    def add_memory(self, start_pa: int, size_bytes: int) -> None:
        """Not supported, as in the original; raises AxError(NO_MEMORY)."""
        raise no_memory("the bitmap page allocator takes no further memory")

    # -- allocation -------------------------------------------------------------------------------

    def alloc_pages(self, count: int, align_bytes: int = PAGE_SIZE) -> int:
        """Allocate `count` contiguous pages, first fit; the address of the first.

        A single page is the lowest free one whatever the alignment, as in the original.

        Raises:
            AxError: NO_MEMORY, no such run; INVALID_INPUT, `count` below 1, or an alignment that
                is no power of two, no multiple of 4096 or above 1 GiB.
        """
        if count == 1 and align_bytes == PAGE_SIZE:
            return self._alloc_one()
        self._check(count, align_bytes)
        if count == 1:
            return self._alloc_one()
        first = self._find_run(count, align_bytes >> PAGE_SHIFT)
        if first < 0:
            raise no_memory(f"no {count} contiguous free pages aligned to {align_bytes:#x}")
        self._set_range(first, count, False)
        self._count_used(count)
        return self._base_pa + (first << PAGE_SHIFT)

    def alloc_pages_at(self, pa: int, count: int, align_bytes: int = PAGE_SIZE) -> int:
        """Allocate exactly the `count` pages from `pa`.

        Raises:
            AxError: NO_MEMORY, one of them is not free; INVALID_INPUT as in `alloc_pages`, or
                `pa` is not aligned.
        """
        self._check(count, align_bytes)
        if pa & (align_bytes - 1):
            raise invalid_input(f"page address {pa:#x} is not aligned to {align_bytes:#x}")
        first = (pa - self._base_pa) >> PAGE_SHIFT
        if not self._is_all(first, count, True):
            raise no_memory(f"not all of the {count} pages at {pa:#x} are free")
        self._set_range(first, count, False)
        self._count_used(count)
        return pa

    def dealloc_pages(self, pa: int, count: int = 1) -> None:
        """Give back `count` pages from `pa`.

        Raises:
            KernelPanic: `pa` is no page address, or a page is free already or not part of the
                memory.
        """
        first = (pa - self._base_pa) >> PAGE_SHIFT
        if pa & PAGE_MASK or count < 1 or not 0 <= first <= 16**self._levels - count:
            raise KernelPanic(f"freeing {count} pages at {pa:#x}: no pages of this memory")
        mem = self.mem
        if count > 1:
            if not self._is_all(first, count, False):
                raise KernelPanic(f"freeing {count} pages at {pa:#x}: one of them is free already")
            self._set_range(first, count, True)
        else:
            leaf_pa = self._leaf_pa + (first >> 4) * 2
            word = mem.read_u16(leaf_pa)
            bit = 1 << (first & 15)
            if word & bit:
                raise KernelPanic(f"the page at {pa:#x} is freed twice")
            mem.write_u16(leaf_pa, word | bit)
            if not word:
                self._mark_free_above(first >> 4)
        used_pa = self.control_pa + USED_PAGES
        used = mem.read_u64(used_pa)
        if used < count:
            raise KernelPanic(f"freeing {count} pages at {pa:#x}: more than are in use")
        mem.write_u64(used_pa, used - count)

    # -- what is in RAM ---------------------------------------------------------------------------

    @property
    def base_pa(self) -> int:
        """Address of page 0 of the bitmap."""
        return self.mem.read_u64(self.control_pa + BASE)

    @property
    def total_pages(self) -> int:
        """Pages it was given."""
        return self.mem.read_u64(self.control_pa + TOTAL_PAGES)

    @property
    def used_pages(self) -> int:
        """Pages in use."""
        return self.mem.read_u64(self.control_pa + USED_PAGES)

    @property
    def available_pages(self) -> int:
        """Pages free."""
        return self.total_pages - self.used_pages

    def words(self, level: int) -> tuple[int, ...]:
        """The u16 words of one level, 0 = root."""
        size = 2 * 16**level
        raw = self.mem.read(self._level_pas[level], size)
        return tuple(memoryview(raw).cast("H"))

    @property
    def levels(self) -> int:
        """Depth of the tree."""
        return self.mem.read_u64(self.control_pa + LEVELS)

    def largest_free_run(self) -> int:
        """Length in pages of the longest run of free pages; O(pages x log pages) bit operations."""
        runs = self._bits()
        if not runs:
            return 0
        # steps[k] marks the first pages of free runs of at least 2**k pages.
        steps = [runs]
        while longer := steps[-1] & (steps[-1] >> (1 << (len(steps) - 1))):
            steps.append(longer)
        length = 1 << (len(steps) - 1)
        here = steps.pop()
        for power in range(len(steps) - 1, -1, -1):
            if longer := here & (steps[power] >> length):
                here = longer
                length += 1 << power
        return length

    # -- the tree ---------------------------------------------------------------------------------

    def _alloc_one(self) -> int:
        """The lowest free page."""
        mem = self.mem
        read = mem.read_u16
        index = word = 0
        for level_pa in self._level_pas:
            word = read(level_pa + 2 * index)
            if not word:
                raise no_memory("no free page is left")
            index = (index << 4) + (word & -word).bit_length() - 1
        word &= word - 1
        mem.write_u16(self._leaf_pa + (index >> 4) * 2, word)
        if not word:
            self._mark_full_above(index >> 4)
        used_pa = self.control_pa + USED_PAGES
        mem.write_u64(used_pa, mem.read_u64(used_pa) + 1)
        return self._base_pa + (index << PAGE_SHIFT)

    def _mark_full_above(self, index: int) -> None:
        """Word `index` of the leaf level became 0: clear its bit above, and so on up."""
        mem = self.mem
        for level_pa in self._level_pas[-2::-1]:
            word_pa = level_pa + (index >> 4) * 2
            word = mem.read_u16(word_pa) & ~(1 << (index & 15))
            mem.write_u16(word_pa, word)
            if word:
                return
            index >>= 4

    def _mark_free_above(self, index: int) -> None:
        """Word `index` of the leaf level was 0 and is not any more."""
        mem = self.mem
        for level_pa in self._level_pas[-2::-1]:
            word_pa = level_pa + (index >> 4) * 2
            word = mem.read_u16(word_pa)
            mem.write_u16(word_pa, word | 1 << (index & 15))
            if word:
                return
            index >>= 4

    def _bits(self) -> int:
        """The leaf level as one number: bit n = page n is free."""
        return int.from_bytes(self.mem.read(self._leaf_pa, 2 * 16 ** (self._levels - 1)), "little")

    def _find_run(self, count: int, align: int) -> int:
        """First page of the lowest aligned run of `count` free pages; -1 if there is none.

        The original walks page by page from the lowest aligned free page and skips to the next
        aligned page behind each hole, which finds the same run.
        """
        capacity = 16**self._levels
        if count > capacity or align > capacity:
            return -1
        runs = self._bits()
        have = 1
        while have < count and runs:  # runs: bit n = pages n .. n + have - 1 are free
            step = min(have, count - have)
            runs &= runs >> step
            have += step
        if align > 1:
            runs &= _every(align, capacity)
        return (runs & -runs).bit_length() - 1

    def _is_all(self, first: int, count: int, free: bool) -> bool:
        """Whether pages `first .. first + count` lie in the tree and all have this state."""
        if first < 0 or first + count > 16**self._levels:
            return False
        low, high = first >> 4, (first + count + 15) >> 4
        raw = self.mem.read(self._leaf_pa + 2 * low, 2 * (high - low))
        mask = (1 << count) - 1
        bits = int.from_bytes(raw, "little") >> (first & 15) & mask
        return bits == (mask if free else 0)

    def _set_range(self, first: int, count: int, free: bool) -> None:
        """Mark pages `first .. first + count` and bring the levels above up to date."""
        low, high = first >> 4, (first + count + 15) >> 4
        at, size = self._leaf_pa + 2 * low, 2 * (high - low)
        bits = int.from_bytes(self.mem.read(at, size), "little")
        mask = ((1 << count) - 1) << (first & 15)
        bits = bits | mask if free else bits & ~mask
        self.mem.write(at, bits.to_bytes(size, "little"))
        for level in range(self._levels - 2, -1, -1):
            low, high = low >> 4, (high + 15) >> 4
            self._refresh(level, low, high)

    def _refresh(self, level: int, low: int, high: int) -> None:
        """Recompute words `low .. high` of an inner level from the level below."""
        mem = self.mem
        raw = mem.read(self._level_pas[level + 1] + 32 * low, 32 * (high - low))
        below = memoryview(raw).cast("H")
        for index in range(high - low):
            word = 0
            for child in range(16):
                if below[16 * index + child]:
                    word |= 1 << child
            mem.write_u16(self._level_pas[level] + 2 * (low + index), word)

    def _count_used(self, count: int) -> None:
        used_pa = self.control_pa + USED_PAGES
        self.mem.write_u64(used_pa, self.mem.read_u64(used_pa) + count)

    @staticmethod
    def _check(count: int, align_bytes: int) -> None:
        if count < 1:
            raise invalid_input(f"cannot allocate {count} pages")
        if align_bytes > PAGE_SIZE_1G or align_bytes < PAGE_SIZE or align_bytes & (align_bytes - 1):
            raise invalid_input(
                f"page alignment {align_bytes:#x} is not a power of two from 4 KiB to 1 GiB"
            )


def _every(align: int, capacity: int) -> int:
    """A number of `capacity` bits with every `align`-th bit set, from bit 0."""
    if align < 8:
        unit = bytes([sum(1 << bit for bit in range(0, 8, align))])
    else:
        unit = b"\x01" + bytes(align // 8 - 1)
    return int.from_bytes(unit * (capacity // 8 // len(unit)), "little")
