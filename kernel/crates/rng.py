"""The machine's only source of randomness: SplitMix64, one 64-bit word of state.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1


class SplitMix64:
    """A seeded generator whose whole state is one picklable integer."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def next_u64(self) -> int:
        """The next 64 random bits."""
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """A number in `0 <= n < bound`; the bias is below 2**-32 for any bound in use."""
        return self.next_u64() % bound

    def random_bytes(self, size_bytes: int) -> bytes:
        """`size_bytes` random bytes."""
        words = (size_bytes + 7) // 8
        return b"".join(self.next_u64().to_bytes(8, "little") for _ in range(words))[:size_bytes]
