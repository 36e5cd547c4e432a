"""Covering arrays: few combinations of choices in which every pair of choices occurs.

A greedy construction after AETG (Cohen et al., "The AETG System", 1997): each row starts with a
pair not covered yet and takes, factor by factor, the choice that covers most new pairs.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

Choice = tuple[str, object]


def pairs(factors: Mapping[str, Sequence[object]]) -> dict[frozenset[Choice], None]:
    """Every pair of choices of different factors, in a fixed order."""
    found: dict[frozenset[Choice], None] = {}
    for (one, values), (other, others) in itertools.combinations(factors.items(), 2):
        for value, second in itertools.product(values, others):
            found[frozenset({(one, value), (other, second)})] = None
    return found


def covering(factors: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    """Rows, one choice for each factor, in which every pair of choices occurs."""
    left = pairs(factors)
    order = sorted(factors, key=lambda name: -len(factors[name]))
    rows: list[dict[str, object]] = []
    while left:
        row = dict(next(iter(left)))
        for name in order:
            if name not in row:
                row[name] = max(factors[name], key=lambda value: _new(row, (name, value), left))
        for pair in itertools.combinations(row.items(), 2):
            left.pop(frozenset(pair), None)
        rows.append(row)
    return rows


def _new(row: dict[str, object], choice: Choice, left: dict[frozenset[Choice], None]) -> int:
    """How many uncovered pairs a choice would cover."""
    return sum(frozenset({choice, other}) in left for other in row.items())
