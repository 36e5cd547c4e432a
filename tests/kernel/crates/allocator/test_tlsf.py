"""TLSF: after each random operation the heap equals a scan of RAM written here."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.crates.allocator.tlsf import TlsfByteAllocator, map_ceil, map_floor
from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.event import EventKind, EventLog, NullSink
from kernel.machine.ram import Ram

BASE = 0x4000_0000
CONTROL = BASE
POOL = BASE + 0x4000
POOL_BYTES = 0x8000


def make(sink: Any = None) -> tuple[Ram, TlsfByteAllocator]:
    ram = Ram(BASE, 1 << 20)
    heap = TlsfByteAllocator(ram, sink or NullSink(), CONTROL)
    heap.init(POOL, POOL_BYTES)
    return ram, heap


def u64(ram: Ram, pa: int) -> int:
    return struct.unpack_from("<Q", ram.mv, pa - BASE)[0]


def scan(ram: Ram, pools: list[tuple[int, int]]) -> tuple[dict[int, int], dict[int, int]]:
    """Free and used blocks (address -> size) by the headers; checks chain, lists and bitmaps."""
    free: dict[int, int] = {}
    used: dict[int, int] = {}
    for start, size in pools:
        at, before, before_free = start, 0, False
        while True:
            word, prev = u64(ram, at), u64(ram, at + 8)
            assert prev == before
            length = word & ~31
            assert length >= 32
            if word & 2:
                assert word == 32 | 1 | 2
                assert at + 32 == start + size
                break
            if word & 1:
                used[at] = length
            else:
                assert not before_free, "two free neighbours"
                free[at] = length
            before, before_free, at = at, not word & 1, at + length
    assert listed(ram) == free
    return free, used


def listed(ram: Ram) -> dict[int, int]:
    """All blocks in the free lists, each where its size belongs."""
    fl_bitmap, *rows = struct.unpack_from("<29I", ram.mv, CONTROL + 0x240 - BASE)
    heads = struct.unpack_from("<896Q", ram.mv, CONTROL + 0x2C0 - BASE)
    found: dict[int, int] = {}
    for number, head in enumerate(heads):
        if not head and not rows[number // 32] >> number % 32 & 1:
            continue
        assert bool(head) == bool(rows[number // 32] >> number % 32 & 1)
        lowest = 2 ** (number // 32) * (32 + number % 32)
        before = 0
        while head:
            size = u64(ram, head)
            assert lowest <= size < lowest + 2 ** (number // 32) or size == lowest
            assert u64(ram, head + 24) == before
            assert head not in found
            found[head] = size
            before, head = head, u64(ram, head + 16)
    for row, bits in enumerate(rows):
        assert bool(bits) == bool(fl_bitmap >> row & 1)
    return found


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**24 - 1), min_size=100, max_size=100))
def test_random_operations_against_a_scan(steps: list[int]) -> None:
    ram, heap = make()
    pools = [(POOL, POOL_BYTES)]
    live: dict[int, tuple[int, int]] = {}
    for step in steps:
        kind, step = step & 7, step >> 3
        if kind < 3 and live:
            pa = sorted(live)[step % len(live)]
            heap.dealloc(pa, *live.pop(pa))
        elif kind == 3 and step % 16 == 0 and len(pools) < 4:
            at = POOL + 0x10000 * len(pools) + step % 64 * 8
            heap.add_memory(at, 0x1000)
            start = (at + 31) & ~31
            pools.append((start, (at + 0x1000 - start) & ~31))
        else:
            align = 1 << (step >> 12) % 9
            size = 1 + step % (4000 if step & 64 else 200)
            try:
                pa = heap.alloc(size, align)
            except AxError as error:
                assert error.kind is AxErrorKind.NO_MEMORY
                continue
            assert pa % align == 0
            assert pa not in live
            live[pa] = (size, align)
        _, used = scan(ram, pools)
        assert len(used) == len(live)
        for (block, length), (pa, (size, _)) in zip(
            sorted(used.items()), sorted(live.items()), strict=True
        ):
            assert block + 16 <= pa and pa + size <= block + length
        assert heap.used_bytes == heap.requested_bytes == sum(size for size, _ in live.values())
    for pa, layout in live.items():
        heap.dealloc(pa, *layout)
    free, used = scan(ram, pools)
    assert not used
    assert free == {start: size - 32 for start, size in pools}


def test_maps() -> None:
    assert map_floor(32) == (0, 0)
    assert map_floor(96) == (1, 16)
    assert map_floor(65536 - 32) == (10, 31)
    for size in range(32, 70000, 32):
        fl, sl = map_floor(size)
        step = 2**fl
        assert step * (32 + sl) <= size < step * (33 + sl)
        fl, sl = map_ceil(size)
        assert 2**fl * (32 + sl) >= size
        assert map_ceil(2**fl * (32 + sl)) == (fl, sl)
    assert map_ceil(32 << 28) == (28, 0)


def test_good_fit_takes_the_newest_block_of_the_list() -> None:
    _, heap = make()
    blocks = [heap.alloc(100, 8) for _ in range(6)]
    assert [b - blocks[0] for b in blocks] == [0, 128, 256, 384, 512, 640]
    for pa in (blocks[0], blocks[2], blocks[4]):
        heap.dealloc(pa, 100, 8)
    assert heap.free_list(*map_floor(128)) == (blocks[4] - 16, blocks[2] - 16, blocks[0] - 16)
    assert heap.alloc(112, 8) == blocks[4]


def test_aligned_payload_has_a_back_pointer() -> None:
    ram, heap = make()
    heap.alloc(1, 1)
    pa = heap.alloc(1000, 4096)
    assert pa % 4096 == 0
    assert u64(ram, pa - 8) == POOL + 32  # its block follows the first one
    heap.dealloc(pa, 1000, 4096)
    scan(ram, [(POOL, POOL_BYTES)])


def test_events_report_split_and_merge() -> None:
    log = EventLog()
    log.record()
    _, heap = make(log)
    a, b, c = (heap.alloc(48, 8) for _ in range(3))
    heap.dealloc(a, 48, 8)
    heap.dealloc(c, 48, 8)
    heap.dealloc(b, 48, 8)
    got = [(e.kind, e.fields) for e in log.events(1, 100)]
    whole = POOL_BYTES - 32
    assert got == [
        (EventKind.BLOCK_SPLIT, ("TLSF", POOL, whole, 64)),
        (EventKind.BLOCK_SPLIT, ("TLSF", POOL + 64, whole - 64, 64)),
        (EventKind.BLOCK_SPLIT, ("TLSF", POOL + 128, whole - 128, 64)),
        (EventKind.BLOCK_MERGE, ("TLSF", POOL + 128, POOL + 192, whole - 128)),
        (EventKind.BLOCK_MERGE, ("TLSF", POOL + 64, POOL + 128, whole - 64)),
        (EventKind.BLOCK_MERGE, ("TLSF", POOL + 64, POOL, whole)),
    ]


def test_bad_frees_and_pools() -> None:
    _, heap = make()
    pa = heap.alloc(100, 8)
    heap.dealloc(pa, 100, 8)
    for bad in (pa, pa + 8, pa + 32, 0x10, 1 << 50):
        with pytest.raises(KernelPanic):
            heap.dealloc(bad, 100, 8)
    for start, size in ((POOL + 0x100, 4096), (BASE + 0x20000, 63), (0, 4096)):
        with pytest.raises(AxError) as failure:
            heap.add_memory(start, size)
        assert failure.value.kind is AxErrorKind.INVALID_INPUT
    for size, align in ((0, 8), (8, 3), (8, 0), (-1, 8)):
        with pytest.raises(AxError) as failure:
            heap.alloc(size, align)
        assert failure.value.kind is AxErrorKind.INVALID_INPUT
    with pytest.raises(AxError) as failure:
        heap.alloc(1 << 60, 8)
    assert failure.value.kind is AxErrorKind.NO_MEMORY
