"""A multi-level page table whose entries are bytes in RAM.

Models `PageTable64` of arceos-org/page_table_multiarch (page_table_multiarch/src/bits64.rs): the
same operations, errors and rules. Physical addresses only; the caller owns the mapped frames.

Differs: no TLB handling here (the address space flushes once per operation); PROT_NONE pages stay
as invalid entries that still name their frame. Every change of an entry emits one event.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NamedTuple

from kernel.crates.event import EventKind
from kernel.crates.memory_addr import PAGE_SIZE, PAGE_SIZE_4K
from kernel.crates.page_table_entry.pte_format import TABLE_BYTES, USER, VALID
from kernel.crates.page_table_tree import (
    LEAF_TABLE_SHIFT,
    TABLE,
    FrameSource,
    PagingError,
    PagingErrorKind,
    TableTree,
)

__all__ = ["FrameSource", "Leaf", "PageTable", "PagingError", "PagingErrorKind"]


class Leaf(NamedTuple):
    """One resident page of a table: present, or PROT_NONE."""

    va: int
    pte_pa: int
    entry: int
    size_bytes: int


class PageTable(TableTree):
    """One page table. See `TableTree` for its attributes."""

    __slots__ = ()

    # Finding leaves.

    def find(self, va: int) -> Leaf | None:
        """The resident leaf that maps `va`, or None; PROT_NONE pages count."""
        fmt, ram = self.fmt, self.ram
        present = VALID | fmt.prot_none
        table = self.leaf_tables.get(va >> LEAF_TABLE_SHIFT, 0)
        if table:
            pte_pa = table + (va >> 9 & 0xFF8)
            entry = ram.read_u64(pte_pa)
            return Leaf(va & -4096, pte_pa, entry, 4096) if entry & present else None
        table = self.root_pa
        for depth, level in enumerate(fmt.levels):
            pte_pa = table + ((va >> level.shift & 511) << 3)
            entry = ram.read_u64(pte_pa)
            if fmt.is_table(entry, depth):
                table = fmt.paddr(entry)
            elif entry & present:
                size = 1 << level.shift
                return Leaf(va & -size, pte_pa, entry, size)
            else:
                return None
        return None

    def leaves(self, start: int, end: int) -> Iterator[Leaf]:
        """Resident leaves of pages that begin in `[start, end)` or cover `start`, in order.

        Costs by what is mapped, not by the size of the range. The entries of one table are read
        before the first of them is handed out: only the current leaf may be changed meanwhile.
        """
        last = len(self.fmt.levels) - 1
        va = start
        while va < end:
            stop = min((va & -(1 << LEAF_TABLE_SHIFT)) + (1 << LEAF_TABLE_SHIFT), end)
            table = self.leaf_tables.get(va >> LEAF_TABLE_SHIFT, 0)
            if table:
                yield from self._leaves_in(table, last, va, stop)
                va = stop
            else:
                table, depth, base = self._lowest(va)
                span = 1 << (self.fmt.levels[depth].shift + 9)
                stop = min(base + span, end)
                if depth == last:
                    self.leaf_tables[va >> LEAF_TABLE_SHIFT] = table
                    yield from self._leaves_in(table, depth, va, stop)
                    va = stop
                else:
                    va = yield from self._upper_leaves(table, depth, va, stop)

    def _lowest(self, va: int) -> tuple[int, int, int]:
        """The lowest existing table on the way to `va`, its level, and where it begins."""
        fmt, table = self.fmt, self.root_pa
        for depth, level in enumerate(fmt.levels):
            entry = self.ram.read_u64(table + ((va >> level.shift & 511) << 3))
            if not fmt.is_table(entry, depth):
                return table, depth, va & -(1 << (level.shift + 9))
            table = fmt.paddr(entry)
        raise AssertionError("the last level holds no tables")

    def _upper_leaves(
        self, table: int, depth: int, va: int, stop: int
    ) -> Generator[Leaf, None, int]:
        """Large leaves of an upper table from `va` on; returns where a table or `stop` follows."""
        fmt, step = self.fmt, 1 << self.fmt.levels[depth].shift
        shift = self.fmt.levels[depth].shift
        entries = TABLE.unpack(self.ram.read(table, TABLE_BYTES))
        while va < stop:
            index = va >> shift & 511
            entry = entries[index]
            if entry:
                if fmt.is_table(entry, depth):
                    return va
                if fmt.is_resident(entry):
                    yield Leaf(va & -step, table + (index << 3), entry, step)
            va = (va & -step) + step
        return min(va, stop)

    def _leaves_in(self, table: int, depth: int, va: int, stop: int) -> Iterator[Leaf]:
        """Resident 4 KiB leaves of one last-level table."""
        present = VALID | self.fmt.prot_none
        first = va >> 12 & 511
        pte_pa = table + (first << 3)
        count = (stop - (va & -4096) + 4095) >> 12
        va &= -4096
        if count == 1:
            entry = self.ram.read_u64(pte_pa)
            if entry & present:
                yield Leaf(va, pte_pa, entry, 4096)
            return
        data = memoryview(self.ram.read(pte_pa, count << 3)).cast("Q")
        for index, entry in enumerate(data):
            if entry & present:
                yield Leaf(va + (index << 12), pte_pa + (index << 3), entry, 4096)

    # Single pages.

    def query(self, va: int) -> tuple[int, int, int]:
        """`(pa of va, flags, page size in bytes)`; PROT_NONE pages have no R, W and X.

        Raises:
            PagingError: NOT_MAPPED.
        """
        leaf = self.find(va)
        if leaf is None:
            raise PagingError(PagingErrorKind.NOT_MAPPED, va)
        pa = self.fmt.paddr(leaf.entry) + (va & (leaf.size_bytes - 1))
        return pa, self.fmt.flag_bits(leaf.entry), leaf.size_bytes

    def map(self, va: int, pa: int, size_bytes: int, flags: int) -> None:
        """Map one page of 4 KiB, 2 MiB or 1 GiB; makes missing tables.

        Raises:
            PagingError: ALREADY_MAPPED, NOT_ALIGNED, MAPPED_TO_HUGE_PAGE.
            AxError: NO_MEMORY: no frame for a table.
        """
        if (va | pa) & (size_bytes - 1):
            raise PagingError(PagingErrorKind.NOT_ALIGNED, va)
        if size_bytes == PAGE_SIZE_4K:
            pte_pa = self.leaf_table(va, True) + (va >> 9 & 0xFF8)
        else:
            depth, level = self._level_of(size_bytes, va)
            pte_pa = self.descend(va, depth, True) + ((va >> level & 511) << 3)
        old = self.ram.read_u64(pte_pa)
        if old:
            raise PagingError(PagingErrorKind.ALREADY_MAPPED, va)
        new = self.fmt.new_page(pa, flags, size_bytes)
        self.ram.write_u64(pte_pa, new)
        self.sink.emit(EventKind.PTE_SET, self.root_pa, va, pte_pa, old, new)

    def _level_of(self, size_bytes: int, va: int) -> tuple[int, int]:
        for depth, level in enumerate(self.fmt.levels):
            if level.page_size == size_bytes:
                return depth, level.shift
        raise PagingError(PagingErrorKind.NOT_ALIGNED, va)

    def unmap(self, va: int) -> tuple[int, int, int]:
        """Clear the leaf of `va`; gives `(pa, flags, size)`. The frame is the caller's.

        Raises:
            PagingError: NOT_MAPPED.
        """
        leaf = self._need(va)
        self.clear(leaf)
        return self.fmt.paddr(leaf.entry), self.fmt.flag_bits(leaf.entry), leaf.size_bytes

    def protect(self, va: int, flags: int) -> int:
        """Change the flags of the leaf of `va`; gives its size.

        Raises:
            PagingError: NOT_MAPPED.
        """
        leaf = self._need(va)
        self.set_flags(leaf, flags)
        return leaf.size_bytes

    def remap(self, va: int, pa: int, flags: int) -> int:
        """Let the leaf of `va` point to another frame; gives its size.

        Raises:
            PagingError: NOT_MAPPED.
        """
        leaf = self._need(va)
        new = self.fmt.new_page(pa, flags, leaf.size_bytes)
        self.ram.write_u64(leaf.pte_pa, new)
        self.sink.emit(EventKind.PTE_SET, self.root_pa, leaf.va, leaf.pte_pa, leaf.entry, new)
        return leaf.size_bytes

    def _need(self, va: int) -> Leaf:
        leaf = self.find(va)
        if leaf is None:
            raise PagingError(PagingErrorKind.NOT_MAPPED, va)
        return leaf

    def clear(self, leaf: Leaf) -> None:
        """Empty the entry of a leaf just found."""
        self.ram.write_u64(leaf.pte_pa, 0)
        self.sink.emit(EventKind.PTE_CLEAR, self.root_pa, leaf.va, leaf.pte_pa, leaf.entry)

    def set_flags(self, leaf: Leaf, flags: int) -> bool:
        """Give a leaf just found other flags; whether that changed the entry."""
        old = leaf.entry
        new = self.fmt.with_flags(old, flags, leaf.size_bytes)
        if new == old:
            return False
        self.ram.write_u64(leaf.pte_pa, new)
        self.sink.emit(EventKind.PTE_PROTECT, self.root_pa, leaf.va, leaf.pte_pa, old, new)
        return True

    def user_pa(self, va: int, access: int) -> int:
        """Where `va` is, if user mode may make the access now; else -1.

        Sets accessed and dirty as the hardware does for the access.
        """
        fmt, ram = self.fmt, self.ram
        table = self.leaf_tables.get(va >> LEAF_TABLE_SHIFT, 0)
        if table:
            pte_pa = table + (va >> 9 & 0xFF8)
            entry, size = ram.read_u64(pte_pa), 4096
        else:
            leaf = self.find(va) if fmt.va_is_valid(va) else None
            if leaf is None:
                return -1
            _, pte_pa, entry, size = leaf
            if size == 4096:
                self.leaf_tables[va >> LEAF_TABLE_SHIFT] = pte_pa & -4096
        need = access | USER
        if not entry & VALID or fmt.flag_bits(entry) & need != need:
            return -1
        touch = fmt.touch_bits[access]
        if entry & touch != touch:
            ram.write_u64(pte_pa, entry | touch)
        return ((entry & fmt.addr_mask) << fmt.addr_shift) + (va & (size - 1))

    # Regions.

    def map_region(
        self, va: int, pa: int, size_bytes: int, flags: int, allow_huge: bool = False
    ) -> None:
        """Map a contiguous region with the largest pages that fit, if `allow_huge`.

        Raises:
            PagingError: As `map`; what was mapped before the failure stays.
            AxError: NO_MEMORY.
        """
        if (va | pa | size_bytes) & (PAGE_SIZE - 1):
            raise PagingError(PagingErrorKind.NOT_ALIGNED, va)
        sizes = [lv.page_size for lv in self.fmt.levels if lv.page_size] if allow_huge else [4096]
        end = va + size_bytes
        while va < end:
            left = end - va
            page = next(n for n in sizes if not (va | pa) & (n - 1) and n <= left)
            self.map(va, pa, page, flags)
            va += page
            pa += page

    def cut_at(self, va: int) -> None:
        """Make `va` the boundary of two leaves: break larger pages that contain it in the middle.

        Raises:
            AxError: NO_MEMORY: no frame for a table.
        """
        leaf = self.find(va)
        while leaf is not None and leaf.va != va:
            self._shatter(leaf)
            leaf = self.find(va)

    def _shatter(self, leaf: Leaf) -> None:
        """Replace a large page by a table of 512 smaller ones with the same flags."""
        fmt, step = self.fmt, leaf.size_bytes >> 9
        depth = next(i for i, level in enumerate(fmt.levels) if level.page_size == step)
        pa, flags = fmt.paddr(leaf.entry), fmt.flag_bits(leaf.entry)
        table = self.frames.alloc_pages(1, PAGE_SIZE, "page table")
        entries = (fmt.new_page(pa + n * step, flags, step) for n in range(512))
        self.ram.write(table, TABLE.pack(*entries))
        self.ram.write_u64(leaf.pte_pa, fmt.new_table(table))
        self.sink.emit(EventKind.TABLE_ALLOC, self.root_pa, fmt.levels[depth].name, table)

    def unmap_region(self, va: int, size_bytes: int) -> None:
        """Clear every resident leaf of the region; holes are skipped."""
        self.cut_at(va)
        self.cut_at(va + size_bytes)
        for leaf in self.leaves(va, va + size_bytes):
            self.clear(leaf)

    def protect_region(self, va: int, size_bytes: int, flags: int) -> None:
        """Change the flags of every resident leaf of the region; holes are skipped."""
        self.cut_at(va)
        self.cut_at(va + size_bytes)
        for leaf in self.leaves(va, va + size_bytes):
            self.set_flags(leaf, flags)
