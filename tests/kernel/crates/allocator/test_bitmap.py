"""The page bitmap against a set of page numbers, and its tree against a recomputation."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.crates.allocator.bitmap import BitmapPageAllocator, bitmap_bytes, levels_for
from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.event import NullSink
from kernel.machine.ram import Ram

RAM_BASE = 0x8000_0000
START = RAM_BASE + 0x13000  # page 19: the first word is used in part
PAGES = 333


def make(pages: int = PAGES) -> tuple[Ram, BitmapPageAllocator]:
    ram = Ram(RAM_BASE, 1 << 20)
    pages_ = BitmapPageAllocator(ram, NullSink(), RAM_BASE)
    pages_.init(START, pages << 12)
    return ram, pages_


def scan(ram: Ram) -> set[int]:
    """Free pages by the leaf words; every inner bit must say whether its child is non-zero."""
    levels: list[list[int]] = []
    at = 0x40
    for level in range(4):
        raw = bytes(ram.mv[at : at + 2 * 16**level]).rstrip(b"\0")
        levels.append(list(memoryview(raw + bytes(len(raw) & 1)).cast("H")))
        at += 2 * 16**level
    for above, below in itertools.pairwise(levels):
        assert len(above) == -(-len(below) // 16)  # nothing beyond, on either side
        for index, word in enumerate(above):
            children = below[16 * index : 16 * index + 16]
            assert word == sum(1 << bit for bit, child in enumerate(children) if child)
    return {
        16 * index + bit
        for index, word in enumerate(levels[3])
        if word
        for bit in range(16)
        if word >> bit & 1
    }


def first_fit(free: set[int], count: int, align: int) -> int:
    """What the original's page-by-page search finds."""
    base = 0
    while base <= 352:
        hole = next((page for page in range(base, base + count) if page not in free), -1)
        if hole < 0:
            return base
        base = (hole // align + 1) * align
    return -1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**20 - 1), min_size=100, max_size=100))
def test_random_operations_against_a_set(steps: list[int]) -> None:
    ram, pages = make()
    free = set(range(19, 19 + PAGES))
    live: list[tuple[int, int]] = []
    for step in steps:
        kind, step = step & 3, step >> 2
        if kind == 0 and live:
            first, count = live.pop(step % len(live))
            pages.dealloc_pages(RAM_BASE + (first << 12), count)
            free |= set(range(first, first + count))
        elif kind == 1:
            first, count = step % 400, 1 + (step >> 9) % 5
            wanted = set(range(first, first + count))
            if wanted <= free:
                pages.alloc_pages_at(RAM_BASE + (first << 12), count, 4096)
                live.append((first, count))
                free -= wanted
            else:
                with pytest.raises(AxError):
                    pages.alloc_pages_at(RAM_BASE + (first << 12), count, 4096)
        else:
            count = 1 if kind == 2 else 1 + step % 60
            align = 1 << (step >> 6) % 5
            expected = min(free, default=-1) if count == 1 else first_fit(free, count, align)
            if expected < 0:
                with pytest.raises(AxError):
                    pages.alloc_pages(count, align << 12)
            else:
                assert pages.alloc_pages(count, align << 12) == RAM_BASE + (expected << 12)
                live.append((expected, count))
                free -= set(range(expected, expected + count))
        assert scan(ram) == free
        assert pages.available_pages == len(free)
    longest = max((n for n in range(PAGES + 1) if first_fit(free, n, 1) >= 0), default=0)
    assert pages.largest_free_run() == (longest if free else 0)


def test_all_pages_one_by_one_and_back() -> None:
    ram, pages = make()
    got = [pages.alloc_pages(1) for _ in range(PAGES)]
    assert got == [START + (n << 12) for n in range(PAGES)]
    assert scan(ram) == set()
    with pytest.raises(AxError) as failure:
        pages.alloc_pages(1)
    assert failure.value.kind is AxErrorKind.NO_MEMORY
    random.Random(1).shuffle(got)
    for pa in got:
        pages.dealloc_pages(pa)
    assert scan(ram) == set(range(19, 19 + PAGES))
    assert pages.used_pages == 0


def test_bad_arguments_and_double_frees() -> None:
    ram, pages = make()
    for count, align in ((0, 4096), (-1, 4096), (2, 3 << 12), (2, 2048), (2, 1 << 31), (1, 100)):
        with pytest.raises(AxError) as failure:
            pages.alloc_pages(count, align)
        assert failure.value.kind is AxErrorKind.INVALID_INPUT
    with pytest.raises(AxError):
        pages.alloc_pages_at(START, 2, 8192)  # START is odd
    with pytest.raises(AxError) as failure:
        pages.add_memory(START, 4096)
    assert failure.value.kind is AxErrorKind.NO_MEMORY
    one, run = pages.alloc_pages(1), pages.alloc_pages(4)
    pages.dealloc_pages(one)
    for pa, count in ((one, 1), (run, 5), (one, 2), (run + 8, 1), (0, 1), (1 << 40, 1), (run, 0)):
        with pytest.raises(KernelPanic):
            pages.dealloc_pages(pa, count)
    pages.dealloc_pages(run, 4)
    assert scan(ram) == set(range(19, 19 + PAGES))


def test_depth_follows_the_memory() -> None:
    gib, mib = 1 << 30, 1 << 20
    assert levels_for(2 * gib + 4 * mib, 2 * gib + 256 * mib) == 4
    assert levels_for(2 * gib + 4 * mib, 2 * gib + 257 * mib) == 5
    assert levels_for(2 * gib + 256 * mib, 2 * gib + 300 * mib) == 5  # counts from the GiB below
    assert levels_for(0, 5 * gib) == 6
    ram = Ram(0x9000_0000, 4 << 20)
    pages = BitmapPageAllocator(ram, NullSink(), ram.base)
    pages.init(ram.base + bitmap_bytes(5) + 4096, 2 << 20)
    assert pages.levels == 5
    assert pages.base_pa == 0x8000_0000
    assert pages.alloc_pages(16, 1 << 16) % (1 << 16) == 0
