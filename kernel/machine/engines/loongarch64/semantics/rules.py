"""Building blocks of semantics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from kernel.machine.engines.loongarch64.builder import Builder, Value

Rule: TypeAlias = "Callable[[Builder], None]"
#: Computes the value of rd or fd.
Compute: TypeAlias = "Callable[[Builder], Value]"

MASK64 = (1 << 64) - 1


def to_rd(compute: Compute) -> Rule:
    """Rd = the computed value, sign-extended if it is narrower than 64 bits."""

    def rule(b: Builder) -> None:
        value = compute(b)
        b.write(value if value.bits == 64 else b.sext(value, 64))

    return rule


def to_fd(compute: Compute) -> Rule:
    """Fd = the computed value."""
    return lambda b: b.write_fpr(compute(b))


def low(b: Builder, value: Value) -> Value:
    """The low word."""
    return b.trunc(value, 32)


def invert(b: Builder, value: Value) -> Value:
    """All bits flipped."""
    return b.op("xor", value, b.const(-1, value.bits))


def sources(b: Builder, bits: int) -> tuple[Value, Value]:
    """The low bits of rj and rk."""
    return b.trunc(b.gpr("J"), bits), b.trunc(b.gpr("K"), bits)
