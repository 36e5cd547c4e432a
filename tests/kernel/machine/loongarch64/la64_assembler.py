"""A small LoongArch64 assembler for tests, from the engine's instruction table."""

from __future__ import annotations

import struct

from kernel.machine.engines.loongarch64.formats import FIELDS, IMMEDIATES
from kernel.machine.engines.loongarch64.isa import TABLE

ZERO, RA, TP, SP = 0, 1, 2, 3
A0, A1, A2, A3, A4, A5, A6, A7 = range(4, 12)
T0, T1, T2, T3, T4 = range(12, 17)
S0, S1, S2, S3, S4, S5, S6, S7, S8 = range(23, 32)


def enc(name: str, *operands: int) -> int:
    """The word of an instruction; operands in assembly order, immediates as byte counts."""
    row = TABLE[name]
    word = row.match
    letters = row.format.signature.split()
    assert len(letters) == len(operands), (name, operands)
    for letter, value in zip(letters, operands, strict=True):
        if letter in FIELDS:
            field = FIELDS[letter]
            assert 0 <= value < 1 << field.bits, (name, letter, value)
            word |= value << field.low
            continue
        imm = IMMEDIATES[letter]
        value >>= imm.scale
        assert -(1 << imm.bits - 1) <= value < 1 << imm.bits, (name, value)
        for low, bits in reversed(imm.pieces):
            word |= (value & (1 << bits) - 1) << low
            value >>= bits
    return word


def li(register: int, value: int) -> list[int]:
    """Load a 64-bit constant."""

    def signed(bits: int, low: int) -> int:
        field = value >> low & (1 << bits) - 1
        return field - (1 << bits) if field >> bits - 1 else field

    return [
        enc("lu12i.w", register, signed(20, 12)),
        enc("ori", register, register, value & 0xFFF),
        enc("lu32i.d", register, signed(20, 32)),
        enc("lu52i.d", register, register, signed(12, 52)),
    ]


def code(*words: int | list[int]) -> bytes:
    """Instruction words, or lists of them, as bytes."""
    flat: list[int] = []
    for word in words:
        flat += word if isinstance(word, list) else [word]
    return struct.pack(f"<{len(flat)}I", *flat)
