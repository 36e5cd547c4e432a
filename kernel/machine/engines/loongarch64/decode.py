"""From instruction words to rows of the table and operands."""

from __future__ import annotations

from typing import Final, NamedTuple

from kernel.machine.engines.loongarch64.isa import TABLE, Instruction


class Decoded(NamedTuple):
    """An instruction with its operands.

    Attributes:
        slots: Operands by slot (a, b, c, d); 0 where the format has none.
        imm: The scaled immediate, or 0.
    """

    row: Instruction
    word: int
    slots: tuple[int, int, int, int]
    imm: int


def _by_mask() -> list[tuple[int, dict[int, Instruction]]]:
    found: dict[int, dict[int, Instruction]] = {}
    for row in TABLE.values():
        found.setdefault(row.format.mask, {})[row.match] = row
    # Formats that many instructions of a program have come first.
    return sorted(found.items(), key=lambda item: -len(item[1]))


_BY_MASK: Final = _by_mask()


def find(word: int) -> Instruction | None:
    """The row of the table for `word`; None for an undefined instruction."""
    for mask, rows in _BY_MASK:
        row = rows.get(word & mask)
        if row is not None:
            return row
    return None


def decode(word: int) -> Decoded | None:
    """The instruction in `word` with its operands; None if there is none."""
    row = find(word)
    if row is None:
        return None
    slots = [0, 0, 0, 0]
    for field in row.format.fields:
        slots[field.slot] = word >> field.low & (1 << field.bits) - 1
    immediate = row.format.immediate
    a, b, c, d = slots
    return Decoded(row, word, (a, b, c, d), immediate.of(word) if immediate else 0)
