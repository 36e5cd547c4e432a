"""PageTable against a dict, and its walk against an independent one over the raw bytes."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.crates.errno import AxError
from kernel.crates.event import EventKind, EventLog, NullSink
from kernel.crates.page_table import PageTable, PagingError, PagingErrorKind
from kernel.crates.page_table_entry import FORMATS
from kernel.crates.page_walk import first_failure, walk_steps

NAMES = list(FORMATS)
R, W, X, U = 1, 2, 4, 8


def make(
    flat_memory: Any, frame_source: Any, name: str, sink: Any = None
) -> tuple[Any, Any, PageTable]:
    memory = flat_memory()
    frames = frame_source(memory)
    return memory, frames, PageTable(FORMATS[name], memory, frames, sink or NullSink())


# An independent walker: masks typed in from the manuals, bytes read directly.


def raw(memory: Any, pa: int) -> int:
    at = pa - memory.base
    return int.from_bytes(memory.data[at : at + 8], "little")


def walk(memory: Any, name: str, root: int, va: int) -> tuple[int, int, str] | None:
    """(pa, page size, user rights) or None when the hardware finds no valid leaf."""
    shifts = (30, 21, 12) if name == "sv39" else (39, 30, 21, 12)
    table = root
    for shift in shifts:
        e = raw(memory, table + (va >> shift) % 512 * 8)
        last = shift == 12
        if name == "x86_64":
            if not e & 1:
                return None
            down = not last and not e & 0x80
            pa = e & 0x000FFFFFFFFFF000
            rights = (
                ("r" if e & 4 else "")
                + ("w" if e & 4 and e & 2 else "")
                + ("x" if e & 4 and not e >> 63 else "")
            )
        elif name in ("sv39", "sv48"):
            if not e & 1:
                return None
            down = not e & 0xE
            pa = (e >> 10 & (1 << 44) - 1) << 12
            rights = "".join(c for c, bit in (("r", 2), ("w", 4), ("x", 8)) if e & bit and e & 16)
        elif name == "aarch64":
            if not e & 1:
                return None
            down = not last and bool(e & 2)
            pa = e & 0x0000FFFFFFFFF000
            rights = ""
            if e & 1 << 6:
                rights = "r" + ("" if e & 1 << 7 else "w") + ("" if e >> 54 & 1 else "x")
        else:
            pa = e & 0x0000FFFFFFFFF000
            down = not last and e != 0 and not e & 0x40
            if down:
                table = pa
                continue
            if not e & 1:
                return None
            rights = ""
            if e >> 2 & 3 == 3:
                rights = (
                    ("" if e >> 61 & 1 else "r")
                    + ("w" if e & 2 else "")
                    + ("" if e >> 62 & 1 else "x")
                )
        if down:
            table = pa
            continue
        return pa + va % (1 << shift), 1 << shift, rights
    return None


@pytest.mark.parametrize("name", NAMES)
def test_walk_equals_an_independent_walk(name: str, flat_memory: Any, frame_source: Any) -> None:
    rng = random.Random(name)
    memory, _, table = make(flat_memory, frame_source, name)
    fmt = table.fmt
    half = 1 << (fmt.va_bits - 1)
    regions = [rng.randrange(0, half >> 30) << 30 for _ in range(6)]
    known: list[int] = []
    for _ in range(1500):
        size = rng.choices((4096, 1 << 21, 1 << 30), (80, 18, 2))[0]
        va = (rng.choice(regions) + rng.randrange(0, 64 << 21)) & -size
        pa = rng.randrange(0, 1 << 38) & -size
        try:
            table.map(va, pa, size, rng.randrange(64))
        except PagingError:
            continue
        known.append(va)
    assert len(known) > 500
    tried = 0
    while tried < 10_000:
        if rng.random() < 0.7:
            va = rng.choice(known) + rng.randrange(0, 1 << 22)
        else:
            va = rng.randrange(0, half)
        va %= half
        tried += 1
        found = walk(memory, name, table.root_pa, va)
        steps = walk_steps(table, va, R)
        leaf = table.find(va)
        if found is None:
            assert leaf is None or not fmt.is_present(leaf.entry)
            assert first_failure(table, va, R)
            assert steps[-1].role == "not present"
            continue
        pa, size, rights = found
        assert leaf is not None
        assert table.query(va)[0::2] == (pa, size)
        assert steps[-1].target_pa == pa & -size
        assert steps[-1].role.startswith("page ")
        for access, letter in ((R, "r"), (W, "w"), (X, "x")):
            allowed = letter in rights
            assert (first_failure(table, va, access) == "") == allowed
            assert table.user_pa(va, access) == (pa if allowed else -1)
        for step in steps:
            assert raw(memory, step.entry_pa) | fmt.kept_bits == step.entry | fmt.kept_bits
            assert step.slot == va >> step.va_lo & 511


PAGES = st.integers(0, 40).map(lambda n: (n % 8) * 4096 + (n // 8) * (1 << 21) + 0x4000_0000)
OPS = st.lists(
    st.one_of(
        st.tuples(st.just("map"), PAGES, st.integers(0, 63)),
        st.tuples(st.just("unmap"), PAGES, st.just(0)),
        st.tuples(st.just("protect"), PAGES, st.integers(0, 63)),
        st.tuples(st.just("region"), PAGES, st.integers(1, 600)),
        st.tuples(st.just("pickle"), PAGES, st.just(0)),
    ),
    max_size=40,
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(ops=OPS)
def test_equals_a_dict(name: str, flat_memory: Any, frame_source: Any, ops: Any) -> None:
    _, frames, table = make(flat_memory, frame_source, name)
    fmt, model = table.fmt, dict[int, tuple[int, int]]()
    for op, va, value in ops:
        if op == "map":
            pa = 0x1000_0000 + va
            if va in model:
                with pytest.raises(PagingError) as caught:
                    table.map(va, pa, 4096, value)
                assert caught.value.reason is PagingErrorKind.ALREADY_MAPPED
            else:
                table.map(va, pa, 4096, value)
                model[va] = (pa, fmt.effective[value] & 15)
        elif op == "unmap":
            if va in model:
                assert table.unmap(va)[0] == model.pop(va)[0]
            else:
                with pytest.raises(PagingError):
                    table.unmap(va)
        elif op == "protect":
            if va in model:
                assert table.protect(va, value) == 4096
                model[va] = (model[va][0], fmt.effective[value] & 15)
            else:
                with pytest.raises(PagingError):
                    table.protect(va, value)
        elif op == "region":
            table.unmap_region(va, value * 4096)
            for key in [k for k in model if va <= k < va + value * 4096]:
                del model[key]
        else:
            state = table.__getstate__()
            table = PageTable.__new__(PageTable)
            table.__setstate__(state)
        found = {
            leaf.va: (fmt.paddr(leaf.entry), fmt.flag_bits(leaf.entry) & 15)
            for leaf in table.leaves(0x4000_0000 - (1 << 30), 0x4000_0000 + (1 << 31))
        }
        assert found == model
        assert list(found) == sorted(found)
    table.destroy()
    assert not frames.live


@pytest.mark.parametrize("name", NAMES)
def test_large_pages_break_where_rights_change(
    name: str, flat_memory: Any, frame_source: Any
) -> None:
    _, frames, table = make(flat_memory, frame_source, name)
    base = 0x4000_0000
    table.map_region(base, 0x8000_0000, (1 << 30) + (1 << 21) + 4096, R | W, allow_huge=True)
    sizes = [leaf.size_bytes for leaf in table.leaves(base, base + (1 << 31))]
    assert sizes == [1 << 30, 1 << 21, 4096]
    table.protect_region(base + 4096, 4096, R)
    assert table.query(base)[1:] == (R | W, 4096)
    assert table.query(base + 4096)[1:] == (R, 4096)
    assert table.query(base + (5 << 21) + 5)[0::2] == (0x8000_0000 + (5 << 21) + 5, 1 << 21)
    total = sum(leaf.size_bytes for leaf in table.leaves(base, base + (1 << 31)))
    assert total == (1 << 30) + (1 << 21) + 4096
    with pytest.raises(PagingError) as caught:
        table.map(base + (5 << 21) + 4096, 0, 4096, R)
    assert caught.value.reason is PagingErrorKind.MAPPED_TO_HUGE_PAGE
    table.unmap_region(base, 1 << 30)
    assert [leaf.va for leaf in table.leaves(base, base + (1 << 31))] == [
        base + (1 << 30),
        base + (1 << 30) + (1 << 21),
    ]
    table.destroy()
    assert not frames.live


@pytest.mark.parametrize("name", NAMES)
def test_tables_of_a_gap_go_back(name: str, flat_memory: Any, frame_source: Any) -> None:
    _, frames, table = make(flat_memory, frame_source, name)
    one, two = 0x10_0000_0000, 0x10_0020_0000
    table.map(one, 0, 4096, R)
    before = len(frames.live)
    table.map(two, 0, 4096, R)
    assert len(frames.live) == before + 1
    table.unmap(two)
    table.free_tables(two, two + 4096, one + 4096, two + 0x1F_F000)  # a neighbour in the same table
    assert len(frames.live) == before + 1
    table.free_tables(two, two + 4096, one + 4096, 1 << 37)
    assert len(frames.live) == before
    assert table.query(one)[0] == 0
    table.map(two, 4096, 4096, R)  # nothing stale is remembered
    assert table.query(two)[0] == 4096
    table.unmap(one)
    table.unmap(two)
    table.free_tables(one, two + 4096, 0, 1 << 40)
    assert list(frames.live) == [table.root_pa]


def test_shared_root_entries(flat_memory: Any, frame_source: Any) -> None:
    memory = flat_memory()
    frames = frame_source(memory)
    kernel = PageTable(FORMATS["sv39"], memory, frames, NullSink())
    user = PageTable(FORMATS["sv39"], memory, frames, NullSink())
    high = 0xFFFF_FFC0_8000_0000
    kernel.map(high, 0x8000_0000, 1 << 21, R | W)
    user.copy_from(kernel.root_pa, 0xFFFF_FFC0_0000_0000, 0xFFFF_FFFF_FFFF_F000)
    assert user.query(high)[0] == 0x8000_0000
    kernel.map(high + (1 << 21), 0x8020_0000, 4096, R)
    assert user.query(high + (1 << 21))[0] == 0x8020_0000  # one table for both
    user.destroy()
    assert kernel.query(high)[0] == 0x8000_0000
    other = PageTable(FORMATS["sv39"], memory, frames, NullSink())
    other.copy_from(kernel.root_pa, 0xFFFF_FFC0_0000_0000, 0xFFFF_FFFF_FFFF_F000)
    other.clear_copy_range(0xFFFF_FFC0_0000_0000, 0xFFFF_FFFF_FFFF_F000)
    assert other.find(high) is None
    other.destroy()
    kernel.destroy()
    assert not frames.live


def test_no_memory_leaves_a_table_that_works(flat_memory: Any, frame_source: Any) -> None:
    memory = flat_memory()
    for limit in range(1, 4):
        frames = frame_source(memory, limit)
        table = PageTable(FORMATS["x86_64"], memory, frames, NullSink())
        with pytest.raises(AxError):
            table.map(0x1000, 0, 4096, R)
        assert table.find(0x1000) is None
        frames.limit = 10
        table.map(0x1000, 0x7000, 4096, R)
        assert table.query(0x1008)[0] == 0x7008
        table.destroy()
        assert not frames.live


def test_events_tell_every_change(flat_memory: Any, frame_source: Any) -> None:
    log = EventLog()
    log.record()
    memory, _, table = make(flat_memory, frame_source, "sv39", log)
    table.map(0x1000, 0x8000_0000, 4096, R | W | U)
    table.protect(0x1000, R | U)
    table.protect(0x1000, R | U)  # no change, no event
    table.unmap(0x1000)
    kinds = [event.kind for event in log.events(1, 100)]
    assert kinds == [EventKind.TABLE_ALLOC] * 3 + [
        EventKind.PTE_SET,
        EventKind.PTE_PROTECT,
        EventKind.PTE_CLEAR,
    ]
    last = log.events(1, 100)[-1]
    assert last["pte_pa"] and raw(memory, last["pte_pa"]) == 0
    assert [e["level"] for e in log.events(1, 4)] == ["L2", "L1", "L0"]


def test_the_walk_cache_is_no_state(flat_memory: Any, frame_source: Any) -> None:
    _, _, table = make(flat_memory, frame_source, "sv39")
    table.map(0x1000, 0, 4096, R)
    fresh = pickle.dumps((table.root_pa, table.borrowed))
    assert table.leaf_tables
    copy = PageTable.__new__(PageTable)
    copy.__setstate__(table.__getstate__())
    assert not copy.leaf_tables
    assert pickle.dumps((copy.root_pa, copy.borrowed)) == fresh
