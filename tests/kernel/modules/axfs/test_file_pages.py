"""File contents in frames against a bytearray."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.crates.errno import AxError, Errno
from kernel.modules.axfs.file_pages import FileImage, FilePages, PageBudget

OFFSET = st.one_of(st.integers(0, 20_000), st.sampled_from([0, 4095, 4096, 4097, 8192, 12288]))
OPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "truncate", "punch", "read"]), OFFSET, st.integers(0, 9000)
    ),
    max_size=30,
)


@given(OPS, st.integers(0, 9000))
@settings(deadline=None, max_examples=150)
def test_like_a_bytearray(host_class: Any, ops: list[tuple[str, int, int]], image: int) -> None:
    host = host_class()
    pages = FilePages(host.ram, host.alloc, PageBudget(100))
    model = bytearray(i % 251 for i in range(image))
    pages.set_image(FileImage(bytes(model)))
    for serial, (op, offset, size) in enumerate(ops):
        if op == "write":
            data = bytes([serial % 255 + 1]) * size
            assert pages.write(offset, data) == size
            if size:
                model.extend(bytes(max(0, offset + size - len(model))))
                model[offset : offset + size] = data
        elif op == "truncate":
            pages.truncate(offset)
            model = model[:offset] + bytes(max(0, offset - len(model)))
        elif op == "punch":
            pages.punch(offset, offset + size)
            end = min(offset + size, len(model))
            model[offset:end] = bytes(max(0, end - offset))
        else:
            assert pages.read(offset, size) == model[offset : offset + size]
        assert pages.size_bytes == len(model)
    assert pages.read(0, len(model) + 1) == model
    assert len(host.alloc.pages) == pages.budget.used_pages == len(pages.frames)
    _check_holes(pages, model)
    pages.clear()
    assert not host.alloc.pages
    assert pages.budget.used_pages == 0


def _check_holes(pages: FilePages, model: bytearray) -> None:
    """Outside of what SEEK_DATA finds there are only zeros."""
    at = 0
    while at < len(model):
        data = pages.next_data(at)
        if data is None:
            assert not any(model[at:])
            break
        assert not any(model[at:data])
        hole = pages.next_hole(data)
        assert hole > data
        at = hole


def test_budget_and_memory_run_out(host_class: Any) -> None:
    host = host_class(16 << 12)
    pages = FilePages(host.ram, host.alloc, PageBudget(3))
    assert pages.write(0, b"x" * 20_000) == 3 * 4096
    with pytest.raises(AxError) as caught:
        pages.write(3 * 4096, b"x")
    assert caught.value.to_errno() == Errno.ENOSPC
    big = FilePages(host.ram, host.alloc, PageBudget(1000))
    assert big.write(0, bytes(1 << 20)) == 13 * 4096
    with pytest.raises(AxError):
        big.write(1 << 20, b"x")


def test_huge_holes_cost_nothing(host: Any) -> None:
    pages = FilePages(host.ram, host.alloc, PageBudget(10))
    pages.write(1 << 60, b"end")
    assert len(pages.frames) == 1
    assert pages.next_data(0) == 1 << 60
    assert pages.next_hole(0) == 0
    pages.punch(0, 1 << 59)
    assert pages.read((1 << 60) - 2, 100) == b"\0\0end"
    pages.truncate(1 << 40)
    assert not pages.frames


def test_pickles() -> None:
    pages = FilePages(None, None, PageBudget(1))  # type: ignore[arg-type]
    pages.frames[3] = 4096
    assert pickle.loads(pickle.dumps(pages)).frames == {3: 4096}
