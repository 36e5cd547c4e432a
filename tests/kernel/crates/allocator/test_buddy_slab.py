"""Buddy and slab: after each random operation the lists equal a scan of RAM written here."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.crates.allocator.buddy import BuddyByteAllocator
from kernel.crates.allocator.slab import CLASSES, SlabByteAllocator
from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.event import EventKind, EventLog, NullSink
from kernel.machine.ram import Ram

BASE = 0x4000_0000
POOL = BASE + 0x7000
Live = dict[int, tuple[int, int]]


def u64(ram: Ram, pa: int) -> int:
    return struct.unpack_from("<Q", ram.mv, pa - BASE)[0]


def chain(ram: Ram, head_pa: int) -> list[int]:
    blocks: list[int] = []
    block = u64(ram, head_pa)
    while block:
        blocks.append(block)
        assert len(blocks) < 100_000
        block = u64(ram, block)
    return blocks


def buddy_free(ram: Ram, control: int) -> set[tuple[int, int]]:
    """Free blocks in the lists: (address, order)."""
    found: list[tuple[int, int]] = []
    for order in range(32):
        found += [(pa, order) for pa in chain(ram, control + 0x240 + 8 * order)]
    assert len(found) == len(set(found))
    return set(found)


def rounded(size: int, align: int) -> int:
    return max(1 << (size - 1).bit_length(), align, 8)


def canonical(start: int, end: int, used: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """The only fully merged cover of what `used` (address, size) leaves of the region."""
    holes: list[tuple[int, int]] = []
    at = start
    for pa, size in sorted(used):
        assert pa >= at, "overlap"
        holes.append((at, pa))
        at = pa + size
    assert at <= end
    holes.append((at, end))
    found: set[tuple[int, int]] = set()
    for at, stop in holes:
        while at < stop:
            order = min((at & -at).bit_length(), (stop - at).bit_length()) - 1
            found.add((at, order))
            at += 1 << order
    return found


def step_heap(heap: Any, live: Live, step: int, largest: int) -> bool:
    """One random operation; False if it failed for lack of memory."""
    if step % 5 < 2 and live:
        pa = sorted(live)[step // 5 % len(live)]
        heap.dealloc(pa, *live.pop(pa))
        return True
    step //= 5
    align = 1 << step % 9
    size = 1 + (step >> 4) % (largest if step & 8 else 200)
    try:
        pa = heap.alloc(size, align)
    except AxError as error:
        assert error.kind is AxErrorKind.NO_MEMORY
        return False
    assert pa % align == 0
    assert pa not in live
    live[pa] = (size, align)
    return True


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**24 - 1), min_size=100, max_size=100))
def test_buddy_random_operations_against_a_scan(steps: list[int]) -> None:
    ram = Ram(BASE, 1 << 18)
    heap = BuddyByteAllocator(ram, NullSink(), BASE)
    heap.init(POOL, 0x8000)
    fresh = buddy_free(ram, BASE)
    assert fresh == {(POOL, 12), (POOL + 0x1000, 14), (POOL + 0x5000, 13), (POOL + 0x7000, 12)}
    live: Live = {}
    for step in steps:
        step_heap(heap, live, step, 5000)
        used = [(pa, rounded(*layout)) for pa, layout in live.items()]
        assert buddy_free(ram, BASE) == canonical(POOL, POOL + 0x8000, used)
        assert heap.used_bytes == sum(size for _, size in used)
        assert heap.requested_bytes == sum(size for size, _ in live.values())
        assert heap.total_bytes == 0x8000
    for pa, layout in live.items():
        heap.dealloc(pa, *layout)
    assert buddy_free(ram, BASE) == fresh


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**24 - 1), min_size=100, max_size=100))
def test_slab_random_operations_against_a_scan(steps: list[int]) -> None:
    ram = Ram(BASE, 1 << 20)
    heap = SlabByteAllocator(ram, NullSink(), BASE)
    size_bytes = 0x50000
    heap.init(POOL, size_bytes)
    live: Live = {}
    sets: dict[int, set[int]] = {size: set() for size in CLASSES}  # all blocks ever seen, by class
    for step in steps:
        step_heap(heap, live, step, 9000)
        raw_used = own_used = 0
        under: list[tuple[int, int]] = []
        for index, size in enumerate(CLASSES):
            entry = BASE + 0x240 + 24 * index
            free = chain(ram, entry)
            used = {pa for pa, layout in live.items() if class_of(*layout) == size}
            assert len(free) == u64(ram, entry + 8)
            assert not used & set(free)
            assert len(free) + len(used) == u64(ram, entry + 16)
            assert sets[size] <= used | set(free)
            sets[size] = used | set(free)
            raw_used += size * len(used)
            own_used += size * len(used)
            starts = sorted(sets[size])[::64]  # a set of 64 may follow another directly
            assert all(set(range(s, s + 64 * size, size)) <= sets[size] for s in starts)
            under += [(s, 64 * size) for s in starts]
        large = [(pa, rounded(*v)) for pa, v in live.items() if class_of(*v) == 0]
        own_used += sum(size for _, size in large)
        assert buddy_free(ram, BASE + 0x300) == canonical(POOL, POOL + size_bytes, under + large)
        below = sum(size for _, size in under + large)
        assert heap.used_bytes == raw_used + below
        assert heap.own_used_bytes == own_used
        assert heap.total_bytes == size_bytes + sum(size for _, size in under)
        assert heap.own_total_bytes == size_bytes
        assert heap.requested_bytes == sum(size for size, _ in live.values())


def class_of(size: int, align: int) -> int:
    return next((c for c in CLASSES if size <= c and align <= c), 0)


def test_buddy_splits_to_the_lower_half_and_merges_back() -> None:
    log = EventLog()
    log.record()
    ram = Ram(BASE, 1 << 18)
    heap = BuddyByteAllocator(ram, log, BASE)
    at = BASE + 0x10000
    heap.init(at, 0x1000)
    a = heap.alloc(1000, 8)
    b = heap.alloc(1000, 8)
    assert (a, b) == (at, at + 1024)
    assert heap.free_list(11) == (at + 2048,)
    heap.dealloc(a, 1000, 8)
    heap.dealloc(b, 1000, 8)
    assert heap.free_list(12) == (at,)
    assert [(e.kind, e.fields) for e in log.events(1, 10)] == [
        (EventKind.BLOCK_SPLIT, ("buddy", at, 4096, 2048)),
        (EventKind.BLOCK_SPLIT, ("buddy", at, 2048, 1024)),
        (EventKind.BLOCK_MERGE, ("buddy", at + 1024, at, 2048)),
        (EventKind.BLOCK_MERGE, ("buddy", at, at + 2048, 4096)),
    ]


def test_slab_growth_is_lifo_and_kept() -> None:
    log = EventLog()
    log.record()
    heap = SlabByteAllocator(Ram(BASE, 1 << 20), log, BASE)
    heap.init(BASE + 0x8000, 0x8000)
    first = heap.alloc(100, 8)
    assert first % 128 == 0
    assert [e.fields for e in log.events(1, 99) if e.kind == EventKind.SLAB_GROW] == [
        (128, first - 63 * 128, 64)
    ]
    assert heap.alloc(128, 128) == first - 128
    heap.dealloc(first, 100, 8)
    assert heap.alloc(65, 1) == first
    assert heap.total_bytes == 0x8000 + 64 * 128
    assert heap.alloc(4097, 8) % 8192 == 0  # straight from the buddy heap
    with pytest.raises(AxError):
        heap.alloc(4096, 8)  # a set of 256 KiB is not there


def test_bad_frees_and_regions() -> None:
    ram = Ram(BASE, 1 << 20)
    buddy = BuddyByteAllocator(ram, NullSink(), BASE)
    buddy.init(POOL, 0x8000)
    keep = buddy.alloc(64, 8)
    pa = buddy.alloc(64, 8)
    buddy.dealloc(pa, 64, 8)
    for bad, size in ((pa, 64), (pa + 8, 64), (0, 64)):
        with pytest.raises(KernelPanic):
            buddy.dealloc(bad, size, 8)
    assert keep != pa
    with pytest.raises(AxError):
        buddy.add_memory(POOL + 0x7000, 0x8000)
    with pytest.raises(AxError):
        buddy.alloc(1 << 32, 8)
    slab = SlabByteAllocator(ram, NullSink(), BASE)
    for start, size in ((POOL + 8, 0x8000), (POOL, 0x7000), (POOL, 0x9000)):
        with pytest.raises(AxError):
            slab.init(start, size)
    slab.init(POOL, 0x8000)
    pa = slab.alloc(64, 8)
    slab.dealloc(pa, 64, 8)
    for bad in (pa, pa - 64, pa + 1):
        with pytest.raises(KernelPanic):
            slab.dealloc(bad, 64, 8)
