"""Instruction formats: which bits of a 32-bit word are which operand.

An operand lives in one of four byte-sized slots (a, b, c, d) of a decoded instruction, or is its
immediate. Where it lives follows from its place in the word: bit 0 -> a, 5 -> b, 10 -> c, 15 and
16 -> d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple


class Field(NamedTuple):
    """One operand.

    Attributes:
        low: Lowest bit in the word.
        bits: How many.
        slot: 0 to 3 for a to d.
        kind: What it names: "dest" (a general register to write; r0 swallows the value), "gpr",
            "fpr", "fcc", "fcsr" or "uint".
    """

    low: int
    bits: int
    slot: int
    kind: str


class Immediate(NamedTuple):
    """The immediate of a format.

    Attributes:
        pieces: (lowest bit, how many), most significant piece first.
        is_signed: Whether to extend its sign.
        scale: Left shift that makes it a byte count.
        kind: "number", "branch" (a distance from the instruction), "jump" (one from a register)
            or "code".
    """

    pieces: tuple[tuple[int, int], ...]
    is_signed: bool = True
    scale: int = 0
    kind: str = "number"

    @property
    def bits(self) -> int:
        """Its width in the word."""
        return sum(bits for _, bits in self.pieces)

    def of(self, word: int) -> int:
        """Its value in `word`, scaled."""
        value = 0
        for low, bits in self.pieces:
            value = value << bits | word >> low & (1 << bits) - 1
        if self.is_signed and value >> self.bits - 1:
            value -= 1 << self.bits
        return value << self.scale


#: Operands by the letter they have in a format's signature.
FIELDS: Final[dict[str, Field]] = {
    "D": Field(0, 5, 0, "dest"),
    "S": Field(0, 5, 0, "gpr"),
    "J": Field(5, 5, 1, "gpr"),
    "K": Field(10, 5, 2, "gpr"),
    "f": Field(0, 5, 0, "fpr"),
    "g": Field(5, 5, 1, "fpr"),
    "h": Field(10, 5, 2, "fpr"),
    "i": Field(15, 5, 3, "fpr"),
    "c": Field(0, 3, 0, "fcc"),
    "x": Field(5, 3, 1, "fcc"),
    "a": Field(15, 3, 3, "fcc"),
    "y": Field(0, 2, 0, "fcsr"),
    "z": Field(5, 2, 1, "fcsr"),
    "2": Field(15, 2, 3, "uint"),
    "3": Field(15, 3, 3, "uint"),
    "l": Field(10, 5, 2, "uint"),
    "m": Field(16, 5, 3, "uint"),
    "L": Field(10, 6, 2, "uint"),
    "M": Field(16, 6, 3, "uint"),
    "h5": Field(0, 5, 0, "uint"),
}

IMMEDIATES: Final[dict[str, Immediate]] = {
    "s12": Immediate(((10, 12),)),
    "s14": Immediate(((10, 14),), scale=2),
    "s16": Immediate(((10, 16),)),
    "s20": Immediate(((5, 20),)),
    "u5": Immediate(((10, 5),), is_signed=False),
    "u6": Immediate(((10, 6),), is_signed=False),
    "u12": Immediate(((10, 12),), is_signed=False),
    "code": Immediate(((0, 15),), is_signed=False, kind="code"),
    "o16": Immediate(((10, 16),), scale=2, kind="branch"),
    "o21": Immediate(((0, 5), (10, 16)), scale=2, kind="branch"),
    "o26": Immediate(((0, 10), (10, 16)), scale=2, kind="branch"),
    "j16": Immediate(((10, 16),), scale=2, kind="jump"),
}


@dataclass(frozen=True, slots=True)
class Format:
    """One instruction format.

    Attributes:
        signature: Operands in assembly order, separated by spaces: letters of `FIELDS`, names of
            `IMMEDIATES`.
        mask: The bits that make out the instruction.
        fields: The operands among `FIELDS`, in that order.
        immediate: Or None.
    """

    signature: str
    mask: int
    fields: tuple[Field, ...]
    immediate: Immediate | None

    @property
    def is_branch(self) -> bool:
        """Whether the immediate is the distance to a branch's target."""
        return self.immediate is not None and self.immediate.kind == "branch"


def new_format(signature: str, mask: int) -> Format:
    """A format from its signature."""
    names = signature.split()
    immediates = [IMMEDIATES[name] for name in names if name in IMMEDIATES]
    return Format(
        signature,
        mask,
        tuple(FIELDS[name] for name in names if name in FIELDS),
        immediates[0] if immediates else None,
    )
