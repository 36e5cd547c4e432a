"""The sorted set of memory areas: what an address space holds, before any page table.

Models arceos-org/axmm_crates memory_set/src/set.rs: the same operations, the three-pass unmap and
the split rules of protect. Differs: `merge=True` joins equal neighbours as Linux does (ArceOS never
joins, so its areas only get more), areas may grow downwards (stacks), and each area owns a
modelled kernel block of `AREA_BYTES` bytes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Any

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.event import EventKind, EventSink
from kernel.crates.memory_area import (
    AREA_BYTES,
    AREA_WHAT,
    MappingBackend,
    MemoryArea,
    NodeSource,
)

__all__ = ["MappingBackend", "MemoryArea", "MemorySet", "NodeSource"]


class MemorySet:
    """Areas sorted by address, none overlapping.

    Attributes:
        ident: Number of the address space, for events.
        merge: Join equal neighbours, as Linux does.
    """

    __slots__ = ("_areas", "_starts", "ident", "merge", "nodes", "sink")

    def __init__(
        self, ident: int, sink: EventSink, nodes: NodeSource | None = None, merge: bool = False
    ) -> None:
        self.ident = ident
        self.sink = sink
        self.nodes = nodes
        self.merge = merge
        self._areas: list[MemoryArea] = []
        self._starts: list[int] = []

    def __len__(self) -> int:
        return len(self._areas)

    def __iter__(self) -> Iterator[MemoryArea]:
        return iter(self._areas)

    # Looking.

    def find(self, va: int) -> MemoryArea | None:
        """The area that contains `va`."""
        index = bisect_right(self._starts, va) - 1
        if index >= 0 and va < self._areas[index].end:
            return self._areas[index]
        return None

    def before(self, va: int) -> MemoryArea | None:
        """The last area that starts below `va`."""
        index = bisect_left(self._starts, va) - 1
        return self._areas[index] if index >= 0 else None

    def after(self, va: int) -> MemoryArea | None:
        """The first area that starts at or above `va`."""
        index = bisect_left(self._starts, va)
        return self._areas[index] if index < len(self._areas) else None

    def overlapping(self, start: int, end: int) -> list[MemoryArea]:
        """The areas that share an address with `[start, end)`, in order."""
        return self._areas[self._first_ending_after(start) : bisect_left(self._starts, end)]

    def overlaps(self, start: int, end: int) -> bool:
        """Whether any area shares an address with `[start, end)`."""
        first = self._first_ending_after(start)
        return first < len(self._areas) and self._areas[first].start < end

    def gap(self, start: int, end: int) -> tuple[int, int]:
        """The hole around `[start, end)`: end of the area below, start of the one above."""
        index = self._first_ending_after(start)
        floor = self._areas[index - 1].end if index else 0
        ceiling = self._areas[index].start if index < len(self._areas) else 1 << 64
        return min(floor, start), max(ceiling, end)

    def _first_ending_after(self, va: int) -> int:
        """Index of the first area with `end > va`."""
        index = bisect_right(self._starts, va)
        if index and self._areas[index - 1].end > va:
            return index - 1
        return index

    def find_free_area(
        self, hint: int, size_bytes: int, low: int, high: int, align_bytes: int = 4096
    ) -> int | None:
        """The first hole at or above `hint` (ArceOS): first fit, bottom-up, never below it."""
        va = -(-max(hint, low) // align_bytes) * align_bytes
        for area in self._areas[self._first_ending_after(va) :]:
            if va + size_bytes <= area.start:
                break
            va = -(-max(va, area.end) // align_bytes) * align_bytes
        return va if va + size_bytes <= high else None

    def find_free_top_down(
        self, size_bytes: int, low: int, high: int, guard_bytes: int = 0
    ) -> int | None:
        """The highest hole in `[low, high)` (Linux's default for mmap).

        `guard_bytes` stay free below an area that grows down.
        """
        top = high
        for area in reversed(self._areas):
            if area.start >= top:
                continue
            if area.end <= low:
                break
            if area.end + size_bytes <= top:
                break
            top = area.start - (guard_bytes if area.grows_down else 0)
        va = top - size_bytes
        return va if va >= low else None

    # Changing.

    def map(
        self, area: MemoryArea, space: Any, unmap_overlap: bool = False, fill: bool = True
    ) -> MemoryArea:
        """Add an area and let its backend map it; gives the area it ended up in.

        With `fill` False the caller maps the pages itself, and the area joins no neighbour.

        Raises:
            AxError: INVALID_INPUT (empty), ALREADY_EXISTS, BAD_STATE (the backend failed),
                NO_MEMORY.
        """
        if area.start >= area.end:
            raise AxError(AxErrorKind.INVALID_INPUT, "an area of no size")
        if self.overlaps(area.start, area.end):
            if not unmap_overlap:
                raise AxError(AxErrorKind.ALREADY_EXISTS, "the range is in use")
            self.unmap(area.start, area.size_bytes, space)
        index = bisect_right(self._starts, area.start)
        if self.merge and fill:
            joined = self._join_new(index, area, space)
            if joined is not None:
                return joined
        self._give_node(area)
        start, size, flags, backend = area.start, area.size_bytes, area.flags, area.backend
        self._insert(index, area)
        self.sink.emit(EventKind.VMA_ADD, self.ident, area.start, area.end, flags, str(backend))
        if fill and not backend.map(start, size, flags, space):
            self._drop(area, space)
            raise AxError(AxErrorKind.BAD_STATE, f"{backend} cannot map the range")
        return area

    def _join_new(self, index: int, area: MemoryArea, space: Any) -> MemoryArea | None:
        """Extend a neighbour by `area` instead of adding it; None if none fits."""
        areas = self._areas
        below = areas[index - 1] if index else None
        above = areas[index] if index < len(areas) else None
        start, size = area.start, area.size_bytes
        if below is not None and below.can_join(area):
            joined = below
            self._resize(joined, joined.start, area.end)
        elif above is not None and area.can_join(above):
            joined, above = above, None
            self._resize(joined, area.start, joined.end)
        else:
            return None
        joined.name = joined.name or area.name
        area.backend.map(start, size, joined.flags, space)
        area.backend.release(space)
        if above is not None and joined.can_join(above):
            self._join(joined, above, space)
        return joined

    def unmap(self, start: int, size_bytes: int, space: Any) -> int:
        """Remove `[start, start + size)` from all areas; gives how many areas it touched.

        ArceOS's three passes: areas inside go, an area that begins before is cut at its right or
        split around the hole, an area that sticks out on the right is cut at its left.

        Raises:
            AxError: NO_MEMORY: no block for the second half of a split; nothing changed then.
        """
        end = start + size_bytes
        touched = self.overlapping(start, end)
        if not touched:
            return 0
        first = touched[0]
        if first.start < start and first.end > end:
            self._split(first, end)
        for area in touched:
            if start <= area.start and area.end <= end:
                area.backend.unmap(area.start, area.size_bytes, space)
                self._drop(area, space)
        if first.start < start:
            first.backend.unmap(start, first.end - start, space)
            self._resize(first, first.start, start)
        last = touched[-1]
        if last.end > end and last.start >= start:
            last.backend.unmap(last.start, end - last.start, space)
            self._resize(last, end, last.end)
        return len(touched)

    def protect(
        self, start: int, size_bytes: int, update: Callable[[MemoryArea], int | None], space: Any
    ) -> None:
        """Give the areas in `[start, start + size)` other flags, splitting those that stick out.

        Args:
            start: Page boundary.
            size_bytes: Multiple of the page size.
            update: The new flags of an area, or None to leave it; may raise to stop.
            space: Context for the backends.

        Raises:
            AxError: NO_MEMORY: no block for a split; areas before are changed already.
        """
        end = start + size_bytes
        for area in self.overlapping(start, end):
            flags = update(area)
            if flags is None or flags == area.flags:
                continue
            if self.merge and self._move_boundary(area, start, end, int(flags), space):
                continue
            if area.start < start:
                area = self._split(area, start)
            if area.end > end:
                self._split(area, end)
            old, area.flags = area.flags, int(flags)
            area.note_rights()
            self.sink.emit(EventKind.VMA_PROTECT, self.ident, area.start, area.end, old, area.flags)
            area.backend.protect(area.start, area.size_bytes, area.flags, space)
            if self.merge:
                self._join_neighbours(area, space)

    def _move_boundary(
        self, area: MemoryArea, start: int, end: int, flags: int, space: Any
    ) -> bool:
        """Give one end of an area to the neighbour that has the new flags already, if there is one.

        So programs that change rights page after page split nothing (Linux: vma_merge).
        """
        index = self._index(area)
        if area.start < start and area.end <= end and index + 1 < len(self._areas):
            part, near = area.part(start, area.end), self._areas[index + 1]
        elif start <= area.start and end < area.end and index:
            part, near = area.part(area.start, end), self._areas[index - 1]
        else:
            return False
        part.flags = flags
        part.note_rights()
        if not (part.can_join(near) or near.can_join(part)):
            return False
        near.anon = near.anon or part.anon
        near.anon_inherited = near.anon_inherited or part.anon_inherited
        near.name = near.name or part.name
        if part.start == area.start:
            self._resize(area, part.end, area.end)
            self._resize(near, near.start, part.end)
        else:
            self._resize(area, area.start, part.start)
            self._resize(near, part.start, near.end)
        self.sink.emit(EventKind.VMA_PROTECT, self.ident, part.start, part.end, area.flags, flags)
        near.backend.protect(part.start, part.size_bytes, flags, space)
        return True

    def mark(self, start: int, end: int, bits: int, on: bool, space: Any) -> None:
        """Set or clear `vm_flags` of the areas in a range, splitting those that stick out.

        Raises:
            AxError: NO_MEMORY: no block for a split; areas before are changed already.
        """
        for area in self.overlapping(start, end):
            wanted = area.vm_flags | bits if on else area.vm_flags & ~bits
            if wanted == area.vm_flags:
                continue
            if area.start < start:
                area = self._split(area, start)
            if area.end > end:
                self._split(area, end)
            area.vm_flags = wanted
            if self.merge:
                self._join_neighbours(area, space)

    def split(self, va: int) -> None:
        """Make `va` the boundary of two areas, if it lies inside one.

        Raises:
            AxError: NO_MEMORY.
        """
        area = self.find(va)
        if area is not None and area.start < va:
            self._split(area, va)

    def resize(self, area: MemoryArea, start: int, end: int) -> None:
        """Grow an area into free space around it; its new pages are not mapped yet.

        Raises:
            AxError: ALREADY_EXISTS: another area is in the way.
        """
        if len(self.overlapping(start, end)) != 1:
            raise AxError(AxErrorKind.ALREADY_EXISTS, "another area is in the way")
        self._resize(area, start, end)

    def join_around(self, area: MemoryArea, space: Any) -> None:
        """Join an area with equal neighbours, if this set merges."""
        if self.merge:
            self._join_neighbours(area, space)

    def clear(self, space: Any) -> None:
        """Unmap and drop everything."""
        for area in list(self._areas):
            area.backend.unmap(area.start, area.size_bytes, space)
            self._drop(area, space)

    # One step each: state first, then its event.

    def _give_node(self, area: MemoryArea) -> None:
        if self.nodes is not None:
            area.node_pa = self.nodes.alloc(AREA_BYTES, 8, AREA_WHAT)

    def _insert(self, index: int, area: MemoryArea) -> None:
        self._areas.insert(index, area)
        self._starts.insert(index, area.start)

    def _index(self, area: MemoryArea) -> int:
        return bisect_right(self._starts, area.start) - 1

    def _drop(self, area: MemoryArea, space: Any) -> None:
        index = self._index(area)
        del self._areas[index]
        del self._starts[index]
        self.sink.emit(EventKind.VMA_REMOVE, self.ident, area.start, area.end)
        area.backend.release(space)
        if self.nodes is not None:
            self.nodes.dealloc(area.node_pa)

    def _resize(self, area: MemoryArea, start: int, end: int) -> None:
        old_start, old_end = area.start, area.end
        self._starts[self._index(area)] = start
        area.start, area.end = start, end
        self.sink.emit(EventKind.VMA_RESIZE, self.ident, old_start, old_end, start, end)

    def _split(self, area: MemoryArea, at: int) -> MemoryArea:
        """Cut an area in two at `at`; gives the right half."""
        right = area.part(at, area.end)
        self._give_node(right)
        area.backend.share()
        start, end = area.start, area.end
        self._insert(self._index(area) + 1, right)
        area.end = at
        self.sink.emit(EventKind.VMA_SPLIT, self.ident, start, at, end)
        return right

    def _join_neighbours(self, area: MemoryArea, space: Any) -> None:
        index = self._index(area)
        if index and self._areas[index - 1].can_join(area):
            self._join(self._areas[index - 1], area, space)
            index -= 1
            area = self._areas[index]
        if index + 1 < len(self._areas) and area.can_join(self._areas[index + 1]):
            self._join(area, self._areas[index + 1], space)

    def _join(self, left: MemoryArea, right: MemoryArea, space: Any) -> None:
        """Make one area of two neighbours; the left one stays."""
        left.anon = left.anon or right.anon
        left.anon_inherited = left.anon_inherited or right.anon_inherited
        left.name = left.name or right.name
        old_start, old_end = left.start, left.end
        left.end = right.end
        self._drop(right, space)
        self.sink.emit(EventKind.VMA_RESIZE, self.ident, old_start, old_end, left.start, left.end)
