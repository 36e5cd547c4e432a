"""What Linux's memory calls need beyond ArceOS's AddrSpace: mremap, madvise, mincore.

Source: Linux mm/mremap.c (`move_vma`, `move_page_tables`), mm/madvise.c, mm/mincore.c. StarryOS's
mremap copies the bytes; here the page-table entries move, as in Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import AxError, AxErrorKind, KernelError
from kernel.crates.event import EventKind
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.page_table import Leaf
from kernel.crates.page_table_entry.pte_format import EXECUTE, VALID
from kernel.modules.axmm.backend import Alloc, Linear
from kernel.modules.axmm.space_base import OneFlush

if TYPE_CHECKING:
    from kernel.modules.axmm.aspace import AddrSpace


def move_area(
    space: AddrSpace, old: int, old_size: int, new: int, new_size: int, keep_old: bool = False
) -> None:
    """Move `[old, old + old_size)`, which lies in one area, with its pages to `new`.

    The pages keep their frames. The new range must be free and not overlap the old one; it may be
    larger (its rest is filled on touch). What is left of the old area stays where it is. With
    `old_size` 0 the source stays and the new range maps the same shared memory again; with
    `keep_old` the old area stays, empty (MREMAP_DONTUNMAP).

    Raises:
        AxError: BAD_ADDRESS: no one area has the whole range; ALREADY_EXISTS; NO_MEMORY: nothing
            has moved.
    """
    area = space.areas.find(old)
    if area is None or old + old_size > area.end:
        raise AxError(AxErrorKind.BAD_ADDRESS, "the range is not one area")
    space.validate_region(new, new_size)
    if space.areas.overlaps(new, new + new_size):
        raise AxError(AxErrorKind.ALREADY_EXISTS, "the new range is in use")
    backend = space.backend_of(area).moved(new - old)
    if isinstance(backend, Alloc) and backend.source is None and not area.anon:
        backend.delta = 0  # nothing to remember: no page has been there yet
    copy = area.part(new, new + new_size)
    copy.backend, copy.grows_down = backend, False
    try:
        with OneFlush(space):
            space.areas.map(copy, space, fill=False)
            _move_pages(space, old, old_size, new)
    except KernelError:
        if backend.areas:
            backend.release(space)
        raise
    if old_size and not keep_old:
        space.unmap(old, old_size)
    if copy.flags & EXECUTE:
        backend.populate(copy.start, copy.end, copy.flags, space)
    space.areas.join_around(copy, space)


def _move_pages(space: AddrSpace, old: int, size: int, new: int) -> None:
    """Move the entries; on failure all of them go back."""
    table, ram = space.page_table, space.ram
    done: list[Leaf] = []
    try:
        for leaf in list(table.leaves(old, old + size)):
            target = leaf.va - old + new
            pte_pa = table.leaf_table(target, True) + (target >> 9 & 0xFF8)
            table.clear(leaf)
            if leaf.entry & VALID:
                space.stale(leaf.va)
            ram.write_u64(pte_pa, leaf.entry)
            space.events.emit(EventKind.PTE_SET, table.root_pa, target, pte_pa, 0, leaf.entry)
            done.append(leaf)
    except AxError:
        for leaf in done:
            here = table.find(leaf.va - old + new)
            assert here is not None
            table.clear(here)
            ram.write_u64(leaf.pte_pa, leaf.entry)
            space.events.emit(EventKind.PTE_SET, table.root_pa, leaf.va, leaf.pte_pa, 0, leaf.entry)
        space.areas.unmap(new, size, space)
        raise


def grow_area(space: AddrSpace, end: int, new_end: int) -> bool:
    """Extend the area that ends at `end` to `new_end`; False if something is in the way."""
    area = space.areas.find(end - 1)
    if area is None or area.end != end or new_end > space.end:
        return False
    if space.areas.overlaps(end, new_end):
        return False
    space.areas.resize(area, area.start, new_end)
    backend = space.backend_of(area)
    backend.map(end, new_end - end, area.flags, space)
    space.areas.join_around(area, space)
    return True


def discard(space: AddrSpace, start: int, size_bytes: int) -> None:
    """Drop the resident pages of the range.

    Executable areas are filled again at once, see backend.py.

    Raises:
        AxError: NO_MEMORY: a gap; the areas before and after it are done nevertheless.
    """
    end, covered, has_gap = start + size_bytes, start, False
    for area in space.areas.overlapping(start, end):
        has_gap = has_gap or area.start > covered
        low, high = max(area.start, start), min(area.end, end)
        covered = high
        backend = space.backend_of(area)
        if isinstance(backend, Linear):
            continue
        backend.unmap(low, high - low, space)
        if area.flags & EXECUTE:
            backend.populate(low, high, area.flags, space)
    space.flush_stale()
    if has_gap or covered < end:
        raise AxError(AxErrorKind.NO_MEMORY, "part of the range is not mapped")


def residency(space: AddrSpace, start: int, size_bytes: int) -> bytes:
    """One byte per page: 1 if it is in memory. Pages of files always are: files live in RAM.

    Raises:
        AxError: NO_MEMORY: a gap.
    """
    end, covered = start + size_bytes, start
    found = bytearray(size_bytes // PAGE_SIZE)
    for area in space.areas.overlapping(start, end):
        if area.start > covered:
            break
        low, high = max(area.start, start), min(area.end, end)
        covered = high
        backend = area.backend
        if isinstance(backend, Alloc) and backend.source is not None:
            size = backend.source.node.get_attr().size_bytes
            for va in range(low, high, PAGE_SIZE):
                found[(va - start) // PAGE_SIZE] = va + backend.delta < size
        for leaf in space.page_table.leaves(low, high):
            found[(leaf.va - start) // PAGE_SIZE] = 1
    if covered < end:
        raise AxError(AxErrorKind.NO_MEMORY, "part of the range is not mapped")
    return bytes(found)
