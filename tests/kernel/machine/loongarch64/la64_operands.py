"""Random operands for the differential test, the same on every Python: own generator, no floats
from the host's library.
"""

from __future__ import annotations

import struct

MASK = (1 << 64) - 1


class Random:
    """xorshift64*, seeded by a text."""

    def __init__(self, seed: str) -> None:
        self.state = 0x9E37_79B9_7F4A_7C15
        for byte in seed.encode():
            self.state = (self.state ^ byte) * 0x100_0000_01B3 & MASK or 1
        for _ in range(8):
            self.bits(1)

    def bits(self, count: int) -> int:
        x = self.state
        x ^= x >> 12
        x ^= x << 25 & MASK
        x ^= x >> 27
        self.state = x
        return (x * 0x2545_F491_4F6C_DD1D & MASK) >> 64 - count

    def below(self, limit: int) -> int:
        return self.bits(40) * limit >> 40

    def pick(self, values):
        return values[self.below(len(values))]

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent


INTEGERS = [
    0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
    1 << 32, (1 << 63) - 1, 1 << 63, MASK, MASK - 1, 0xFFFF_FFFF_8000_0000, 0xFFFF_FFFF_7FFF_FFFF,
    0x5555_5555_5555_5555, 0xAAAA_AAAA_AAAA_AAAA, 0x0123_4567_89AB_CDEF,
]  # fmt: skip
DOUBLES = [
    struct.unpack("<Q", struct.pack("<d", x))[0]
    for x in (
        0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.5, 0.1, -0.7, 2147483647.0, 2147483648.0,
        -2147483648.0, -2147483649.0, 2147483647.5, 9.223372036854775e18, 9.223372036854775807e18,
        -9.223372036854775808e18, 1e300, -1e300, 1e-300, 2.2250738585072014e-308, 5e-324,
        1.7976931348623157e308, 3.4028234663852886e38, 3.5e38, 1e-40, 1e-46, float("inf"),
        -float("inf"),
    )
] + [
    0x7FF8_0000_0000_0000, 0xFFF8_0000_0000_0000, 0x7FF0_0000_0000_0001, 0xFFF4_0000_0000_0123,
    0x7FF8_0000_0000_1234, 0x000F_FFFF_FFFF_FFFF, 0x3FF0_0000_0000_0001, 0x47EF_FFFF_E000_0001,
]  # fmt: skip
SINGLES = [
    struct.unpack("<I", struct.pack("<f", x))[0]
    for x in (
        0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.5, 0.1, -0.7, 2147483648.0,
        -2147483648.0, 2147483520.0, 9.2233720e18, -9.2233720e18, 1e38, -1e38, 1e-38,
        1.17549435e-38, 1e-45, 3.4028235e38, 16777216.0, float("inf"), -float("inf"),
    )
] + [
    0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFFA0_0123, 0x7FC0_1234, 0x007F_FFFF, 0x3F80_0001,
]  # fmt: skip


def integer(r: Random) -> int:
    if r.chance(45):
        return r.pick(INTEGERS)
    kind = r.below(3)
    if kind == 0:
        return r.bits(64)
    return r.bits(32) | r.bits(1) * 0xFFFF_FFFF_0000_0000 if kind == 1 else r.bits(8)


def double(r: Random) -> int:
    if r.chance(35):
        return r.pick(DOUBLES)
    exponent = r.pick((r.below(2047), 1000 + r.below(50), 963 + r.below(124)))
    fraction = r.bits(52) if r.chance(70) else r.bits(20) << 32
    return r.bits(1) << 63 | exponent << 52 | fraction


def single(r: Random) -> int:
    if r.chance(35):
        return r.pick(SINGLES) | 0xFFFF_FFFF_0000_0000
    exponent = r.pick((r.below(255), 110 + r.below(35)))
    return r.bits(1) << 31 | exponent << 23 | r.bits(23) | 0xFFFF_FFFF_0000_0000


def small(r: Random) -> int:
    """An exponent for fscaleb."""
    return r.below(4400) - 2200 & MASK if r.chance(60) else r.below(600) - 300 & MASK


#: Four operands for each kind of instruction.
KINDS = {
    "integer": (integer, integer, integer, integer),
    "double": (double, double, double, integer),
    "single": (single, single, single, integer),
    "double scale": (double, small, double, integer),
    "single scale": (single, small, single, integer),
}


def vectors(kind: str, count: int) -> bytes:
    """`count` operand vectors of 32 bytes."""
    r = Random(kind)
    makers = KINDS[kind]
    out = []
    for _ in range(count):
        vector = [make(r) for make in makers]
        if r.chance(10):
            vector[1] = vector[0]
        out.append(struct.pack("<4Q", *vector))
    return b"".join(out)
