"""Rows that are made when somebody looks."""

from __future__ import annotations

import pytest

from arcetui.render.row import LazyRows, plain, text


def test_rows_are_made_once_and_only_when_looked_at():
    made: list[int] = []

    def make(number: int):
        made.append(number)
        return plain(f"row {number}")

    rows = LazyRows([plain("head")], 500, make)
    assert len(rows) == 501
    assert not made
    assert [text(row) for row in rows[:3]] == ["head", "row 0", "row 1"]
    assert rows[-1] is rows[500]
    assert made == [0, 1, 499]
    assert sum(1 for _ in rows) == 501
    assert len(made) == 500
    with pytest.raises(IndexError):
        rows[501]
