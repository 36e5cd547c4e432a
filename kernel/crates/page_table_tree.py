"""The tree of tables under a page table: growing it, sharing its top, giving it back.

Source: page_table_multiarch/src/bits64.rs (`next_table_mut_or_create`, `copy_from`,
`clear_copy_range`, `drop`); Linux mm/memory.c `free_pgtables`. Differs: tables can be given back
before the end, so that a program which maps here and there does not collect empty tables.
"""

from __future__ import annotations

import enum
from struct import Struct
from typing import Any, Protocol

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.event import EventKind, EventSink
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.page_table_entry.pte_format import ENTRIES, TABLE_BYTES, PteFormat
from kernel.crates.phys_memory import PhysMemory

TABLE = Struct(f"<{ENTRIES}Q")
LEAF_TABLE_SHIFT = 21  # one last-level table covers 2 MiB in every format
_USAGE = "page table"


class FrameSource(Protocol):
    """Where tables take their frames from: axalloc's GlobalAllocator.

    Raises:
        AxError: NO_MEMORY.
    """

    def alloc_pages(self, count: int, align_bytes: int = PAGE_SIZE, usage: str = _USAGE) -> int: ...
    def dealloc_pages(self, pa: int, count: int, usage: str = _USAGE) -> None: ...


class PagingErrorKind(enum.Enum):
    """What is wrong; the words of page_table_multiarch's `PagingError`."""

    NOT_ALIGNED = "the address is not aligned to the page size"
    NOT_MAPPED = "nothing is mapped there"
    ALREADY_MAPPED = "something is mapped there already"
    MAPPED_TO_HUGE_PAGE = "a larger page covers the address"


class PagingError(AxError):
    """A page-table operation failed; INVALID_INPUT towards Linux."""

    def __init__(self, reason: PagingErrorKind, va: int) -> None:
        super().__init__(AxErrorKind.INVALID_INPUT, f"{va:#x}: {reason.value}")
        self.reason = reason
        self.va = va


class TableTree:
    """The tables of one page table.

    Attributes:
        fmt: Entry format.
        root_pa: Physical address of the root table.
        borrowed: Bitmap of root entries copied from another table (never freed here).
    """

    __slots__ = ("borrowed", "fmt", "frames", "leaf_tables", "ram", "root_pa", "sink")

    def __init__(
        self, fmt: PteFormat, ram: PhysMemory, frames: FrameSource, sink: EventSink
    ) -> None:
        self.fmt = fmt
        self.ram = ram
        self.frames = frames
        self.sink = sink
        self.borrowed = 0
        # Last-level tables by va >> 21: only a cache of what the walk would find, not state.
        self.leaf_tables: dict[int, int] = {}
        self.root_pa = frames.alloc_pages(1, PAGE_SIZE, _USAGE)
        ram.zero(self.root_pa, TABLE_BYTES)
        sink.emit(EventKind.TABLE_ALLOC, self.root_pa, fmt.levels[0].name, self.root_pa)

    def __getstate__(self) -> tuple[Any, ...]:
        return (self.fmt, self.ram, self.frames, self.sink, self.borrowed, self.root_pa)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.fmt, self.ram, self.frames, self.sink, self.borrowed, self.root_pa = state
        self.leaf_tables = {}

    # Finding entries.

    def descend(self, va: int, depth: int, create: bool) -> int:
        """The table at level `depth` on the way to `va`; 0 if there is none.

        Raises:
            PagingError: MAPPED_TO_HUGE_PAGE.
            AxError: NO_MEMORY while creating; tables made so far stay, empty.
        """
        fmt, ram = self.fmt, self.ram
        mask, value, shift = fmt.table_mask, fmt.table_value, fmt.addr_shift
        table = self.root_pa
        for level in fmt.levels[:depth]:
            pte_pa = table + ((va >> level.shift & 511) << 3)
            entry = ram.read_u64(pte_pa)
            if entry == 0:
                if not create:
                    return 0
                table = self._new_table(pte_pa, level.shift)
            elif entry & mask == value:
                table = (entry & fmt.addr_mask) << shift
            else:
                raise PagingError(PagingErrorKind.MAPPED_TO_HUGE_PAGE, va)
        return table

    def _new_table(self, pte_pa: int, parent_shift: int) -> int:
        """Link a fresh, empty table into the entry at `pte_pa`."""
        pa = self.frames.alloc_pages(1, PAGE_SIZE, _USAGE)
        self.ram.zero(pa, TABLE_BYTES)
        self.ram.write_u64(pte_pa, self.fmt.new_table(pa))
        name = next(lv.name for lv in self.fmt.levels if lv.shift == parent_shift - 9)
        self.sink.emit(EventKind.TABLE_ALLOC, self.root_pa, name, pa)
        return pa

    def leaf_table(self, va: int, create: bool) -> int:
        """The last-level table for `va`; 0 if there is none."""
        tag = va >> LEAF_TABLE_SHIFT
        table = self.leaf_tables.get(tag, 0)
        if not table:
            table = self.descend(va, len(self.fmt.levels) - 1, create)
            if table:
                self.leaf_tables[tag] = table
        return table

    # Sharing root entries, giving tables back.

    def _root_indexes(self, start: int, end: int) -> range:
        shift = self.fmt.levels[0].shift
        return range(start >> shift & 511, ((end - 1) >> shift & 511) + 1)

    def copy_from(self, root_pa: int, start: int, end: int) -> None:
        """Take over another table's root entries for the range: the tables below are shared."""
        indexes = self._root_indexes(start, end)
        offset, size = indexes.start << 3, len(indexes) << 3
        self.ram.write(self.root_pa + offset, self.ram.read(root_pa + offset, size))
        self.borrowed |= ((1 << len(indexes)) - 1) << indexes.start
        self.leaf_tables.clear()

    def clear_copy_range(self, start: int, end: int) -> None:
        """Undo `copy_from`."""
        for index in self._root_indexes(start, end):
            if self.borrowed >> index & 1:
                self.ram.write_u64(self.root_pa + (index << 3), 0)
                self.borrowed &= ~(1 << index)
        self.leaf_tables.clear()

    def free_tables(self, start: int, end: int, floor: int, ceiling: int) -> None:
        """Give back the tables on the way to `[start, end)` that only cover `[floor, ceiling)`.

        The caller promises that nothing is mapped in `[floor, ceiling)`: it is the gap between two
        areas. Linux: free_pgtables.
        """
        span = 1 << LEAF_TABLE_SHIFT
        if ceiling - floor < span or (floor + span - 1) & -span > (ceiling & -span) - span:
            return
        self._free_below(self.root_pa, 0, start, end, floor, ceiling)

    def _free_below(
        self, table: int, depth: int, start: int, end: int, floor: int, ceiling: int
    ) -> None:
        fmt, shift = self.fmt, self.fmt.levels[depth].shift
        span = 1 << shift
        for base in range(start & -span, end, span):
            pte_pa = table + ((base >> shift & 511) << 3)
            entry = self.ram.read_u64(pte_pa)
            if not fmt.is_table(entry, depth):
                continue
            child = fmt.paddr(entry)
            if depth + 2 < len(fmt.levels):
                low, high = max(start, base), min(end, base + span)
                self._free_below(child, depth + 1, low, high, floor, ceiling)
            # A table that reaches out of the gap may hold other areas' entries.
            if floor <= base and base + span <= ceiling:
                self._free_tree(child, depth + 1, base, pte_pa)

    def _free_tree(self, table: int, depth: int, base: int, pte_pa: int) -> None:
        """Free a table and all tables below it, then clear the entry that led here."""
        fmt = self.fmt
        if depth + 1 < len(fmt.levels):
            shift = fmt.levels[depth].shift
            for index, entry in enumerate(TABLE.unpack(self.ram.read(table, TABLE_BYTES))):
                if entry and fmt.is_table(entry, depth):
                    child = base + (index << shift)
                    self._free_tree(fmt.paddr(entry), depth + 1, child, table + (index << 3))
        else:
            self.leaf_tables.pop(base >> LEAF_TABLE_SHIFT, None)
        self.ram.write_u64(pte_pa, 0)
        self.frames.dealloc_pages(table, 1, _USAGE)
        self.sink.emit(EventKind.TABLE_FREE, self.root_pa, fmt.levels[depth].name, table)

    def destroy(self) -> None:
        """Give back all own tables and the root. Leaf frames are the caller's."""
        fmt, shift = self.fmt, self.fmt.levels[0].shift
        entries = TABLE.unpack(self.ram.read(self.root_pa, TABLE_BYTES))
        for index, entry in enumerate(entries):
            if entry and not self.borrowed >> index & 1 and fmt.is_table(entry, 0):
                base = index << shift
                self._free_tree(fmt.paddr(entry), 1, base, self.root_pa + (index << 3))
        self.leaf_tables.clear()
        self.frames.dealloc_pages(self.root_pa, 1, _USAGE)
        self.sink.emit(EventKind.TABLE_FREE, self.root_pa, fmt.levels[0].name, self.root_pa)
