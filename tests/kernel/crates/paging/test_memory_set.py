"""MemorySet against a dict of pages; what its backends were told; joining; finding room."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.event import EventKind, EventLog, NullSink
from kernel.crates.memory_set import MemoryArea, MemorySet

PAGE = 4096


class Pages:
    """A backend that writes what it is told into the space, a dict of pages."""

    is_private = is_anonymous = True

    def __init__(self, tag: int) -> None:
        self.tag, self.areas = tag, 1

    def map(self, start: int, size_bytes: int, flags: int, space: Any) -> bool:
        for va in range(start, start + size_bytes, PAGE):
            assert va not in space
            space[va] = (self.tag, flags)
        return True

    def unmap(self, start: int, size_bytes: int, space: Any) -> bool:
        for va in range(start, start + size_bytes, PAGE):
            assert space.pop(va)[0] == self.tag
        return True

    def protect(self, start: int, size_bytes: int, flags: int, space: Any) -> bool:
        for va in range(start, start + size_bytes, PAGE):
            space[va] = (space[va][0], flags)
        return True

    def can_join(self, other: Any) -> bool:
        return self.tag == other.tag

    def share(self) -> None:
        self.areas += 1

    def release(self, space: Any) -> None:
        self.areas -= 1
        assert self.areas >= 0


class Nodes:
    def __init__(self, limit: int = 1 << 30) -> None:
        self.live: set[int] = set()
        self.next, self.limit = 0, limit

    def alloc(self, size_bytes: int, align_bytes: int, what: str) -> int:
        assert (size_bytes, align_bytes, what) == (96, 8, "MemoryArea")
        if len(self.live) >= self.limit:
            raise AxError(AxErrorKind.NO_MEMORY)
        self.next += 96
        self.live.add(self.next)
        return self.next

    def dealloc(self, pa: int) -> None:
        self.live.remove(pa)


SPOT = st.tuples(st.integers(1, 24), st.integers(1, 8))
OPS = st.lists(
    st.tuples(
        st.sampled_from(["map", "fixed", "unmap", "protect"]),
        SPOT,
        st.integers(0, 2),
        st.integers(0, 1),
    ),
    max_size=30,
)


@pytest.mark.parametrize("merge", [False, True])
@settings(max_examples=150, deadline=None)
@given(ops=OPS)
def test_equals_a_dict_of_pages(merge: bool, ops: Any) -> None:
    nodes = Nodes()
    areas = MemorySet(1, NullSink(), nodes, merge)
    space: dict[int, tuple[int, int]] = {}
    model: dict[int, tuple[int, int]] = {}
    for op, (first, count), flags, tag in ops:
        start, size = first * PAGE, count * PAGE
        covered = range(start, start + size, PAGE)
        if op in ("map", "fixed"):
            area = MemoryArea(start, start + size, flags, Pages(tag))
            if op == "map" and any(va in model for va in covered):
                with pytest.raises(AxError) as caught:
                    areas.map(area, space)
                assert caught.value.kind is AxErrorKind.ALREADY_EXISTS
            else:
                areas.map(area, space, unmap_overlap=op == "fixed")
                model.update(dict.fromkeys(covered, (tag, flags)))
        elif op == "unmap":
            touched = areas.unmap(start, size, space)
            assert bool(touched) == any(va in model for va in covered)
            for va in covered:
                model.pop(va, None)
        else:
            areas.protect(start, size, lambda _area, f=flags: f, space)
            for va in covered:
                if va in model:
                    model[va] = (model[va][0], flags)
        assert space == model
        listed = list(areas)
        assert len(nodes.live) == len(listed) == len(areas)
        for left, right in itertools.pairwise(listed):
            assert left.end <= right.start
            if merge:
                assert not left.can_join(right)
        flat = {
            va: (area.backend.tag, area.flags)  # type: ignore[attr-defined]
            for area in listed
            for va in range(area.start, area.end, PAGE)
        }
        assert flat == model
        for area in listed:
            assert area.backend.areas == sum(a.backend is area.backend for a in listed)  # type: ignore[attr-defined]
        for va in range(0, 40 * PAGE, PAGE):
            found = areas.find(va + 5)
            assert (found is not None) == (va in model)
    areas.clear(space)
    assert not space and not nodes.live


@settings(max_examples=200, deadline=None)
@given(spots=st.lists(SPOT, max_size=8), size=st.integers(1, 6), hint=st.integers(0, 30))
def test_finding_room_equals_a_search(spots: Any, size: int, hint: int) -> None:
    areas, space = MemorySet(1, NullSink()), dict[int, Any]()
    for first, count in spots:
        areas.map(MemoryArea(first * PAGE, (first + count) * PAGE, 0, Pages(0)), space, True)
    low, high = 2 * PAGE, 36 * PAGE
    fits = [
        va
        for va in range(low, high - size * PAGE + 1, PAGE)
        if not any(page in space for page in range(va, va + size * PAGE, PAGE))
    ]
    up = [va for va in fits if va >= hint * PAGE]
    assert areas.find_free_area(hint * PAGE, size * PAGE, low, high) == (up[0] if up else None)
    assert areas.find_free_top_down(size * PAGE, low, high) == (fits[-1] if fits else None)


def test_a_guard_stays_below_a_stack() -> None:
    areas, space = MemorySet(1, NullSink()), dict[int, Any]()
    areas.map(MemoryArea(0x80000, 0x90000, 3, Pages(0), grows_down=True), space)
    assert areas.find_free_top_down(0x1000, 0x1000, 0x90000, guard_bytes=0x10000) == 0x6F000


def test_no_block_for_a_split_changes_nothing() -> None:
    nodes, space = Nodes(1), dict[int, Any]()
    areas = MemorySet(1, NullSink(), nodes)
    areas.map(MemoryArea(0x1000, 0x9000, 3, Pages(0)), space)
    before = dict(space)
    with pytest.raises(AxError) as caught:
        areas.unmap(0x3000, 0x1000, space)
    assert caught.value.kind is AxErrorKind.NO_MEMORY
    assert space == before
    assert [(a.start, a.end) for a in areas] == [(0x1000, 0x9000)]
    assert areas.unmap(0x1000, 0x4000, space) == 1


def test_a_hole_splits_and_shrinks() -> None:
    log = EventLog()
    log.record()
    areas, space = MemorySet(7, log), dict[int, Any]()
    areas.map(MemoryArea(0x1000, 0x9000, 3, Pages(0)), space)
    areas.unmap(0x3000, 0x1000, space)
    events = [(e.kind, e.fields) for e in log.events(2, 10)]
    assert events == [
        (EventKind.VMA_SPLIT, (7, 0x1000, 0x4000, 0x9000)),
        (EventKind.VMA_RESIZE, (7, 0x1000, 0x4000, 0x1000, 0x3000)),
    ]


def test_anon_numbers_keep_areas_apart() -> None:
    areas, space = MemorySet(1, NullSink(), None, merge=True), dict[int, Any]()
    areas.map(MemoryArea(0x1000, 0x2000, 3, Pages(0)), space)
    areas.map(MemoryArea(0x3000, 0x4000, 3, Pages(0)), space)
    for number, area in enumerate(areas, 1):
        area.anon = number
    areas.map(MemoryArea(0x2000, 0x3000, 3, Pages(0)), space)
    assert [(a.start, a.end, a.anon) for a in areas] == [(0x1000, 0x3000, 1), (0x3000, 0x4000, 2)]
