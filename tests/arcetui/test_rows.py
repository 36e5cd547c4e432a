"""Rows: made when somebody looks, and broken where they are too long."""

from __future__ import annotations

import pytest

from arcetui.render.row import LazyRows, plain, row, text, wrapped


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


def test_a_long_row_is_broken_after_blanks_and_loses_nothing():
    long = row(("one two three ", "key"), "four", (" fivesixseveneight", "dim"), " nine")
    pieces = wrapped(long, 9)
    assert [text(piece) for piece in pieces] == [
        "one two ",
        "three ",
        "four ",
        "fivesixse",
        "veneight ",
        "nine",
    ]
    assert wrapped(plain("short"), 9) == [plain("short")]
    assert wrapped((), 9) == [()]
    assert all(piece[0].style == "key" for piece in pieces[:2])
