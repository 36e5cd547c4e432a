"""FlattenObjects against a dictionary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.crates.flatten_objects import FlattenObjects

OPS = st.lists(
    st.tuples(st.sampled_from(["add", "add_from", "put", "remove"]), st.integers(0, 20)),
    max_size=80,
)


@given(OPS)
def test_like_a_dictionary(ops: list[tuple[str, int]]) -> None:
    table: FlattenObjects[int] = FlattenObjects(16)
    model: dict[int, int] = {}
    for serial, (op, number) in enumerate(ops):
        if op in ("add", "add_from"):
            minimum = number if op == "add_from" else 0
            free = [i for i in range(minimum, 16) if i not in model]
            found = table.add(serial, minimum)
            assert found == (free[0] if free else None)
            if found is not None:
                model[found] = serial
        elif op == "put":
            if number >= 16:
                with pytest.raises(IndexError):
                    table.put(number, serial)
            else:
                assert table.put(number, serial) == model.get(number)
                model[number] = serial
        else:
            assert table.remove(number) == model.pop(number, None)
        assert dict(table.items()) == model
        assert list(table.ids()) == sorted(model)
        assert len(table) == len(model)


def test_limit_below_capacity() -> None:
    table: FlattenObjects[str] = FlattenObjects(8)
    assert table.add("a", end=1) == 0
    assert table.add("b", end=1) is None
    assert table.get(-1) is None
    assert table.get(99) is None
