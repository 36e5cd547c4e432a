"""What expressions compute, as C does over whole numbers: operators, memory, registers, names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from arcetui.suggest import unknown


class ExprError(Exception):
    """The expression cannot be read or has no value; the text is one sentence."""


class Scope(Protocol):
    """Where an expression finds its names and memory."""

    def register(self, name: str) -> int | None:
        """The value of `$name`."""
        ...

    def name(self, name: str) -> int | None:
        """The value of a plain name."""
        ...

    def read(self, address: int, size: int) -> bytes:
        """Memory; shorter where unmapped."""
        ...

    def known_names(self) -> list[str]:
        """Names to suggest."""
        ...


Node: TypeAlias = Callable[[Scope], int]


def binary(op: str, left: Node, right: Node) -> Node:  # noqa: C901 - a case an operator
    """An operator between two operands; `&&` and `||` look at the right one only if need be."""
    match op:
        case "||":
            return lambda s: int(bool(left(s)) or bool(right(s)))
        case "&&":
            return lambda s: int(bool(left(s)) and bool(right(s)))
        case "|":
            return lambda s: left(s) | right(s)
        case "^":
            return lambda s: left(s) ^ right(s)
        case "&":
            return lambda s: left(s) & right(s)
        case "==":
            return lambda s: int(left(s) == right(s))
        case "!=":
            return lambda s: int(left(s) != right(s))
        case "<":
            return lambda s: int(left(s) < right(s))
        case "<=":
            return lambda s: int(left(s) <= right(s))
        case ">":
            return lambda s: int(left(s) > right(s))
        case ">=":
            return lambda s: int(left(s) >= right(s))
        case "+":
            return lambda s: left(s) + right(s)
        case "-":
            return lambda s: left(s) - right(s)
        case "*":
            return lambda s: left(s) * right(s)
        case _:
            return lambda s: _careful(op, left(s), right(s))


def _careful(op: str, a: int, b: int) -> int:
    """Operators that can fail: division as in C, shifts of at most 63."""
    if op in {"<<", ">>"}:
        if not 0 <= b < 64:
            raise ExprError(f"cannot shift by {b}: use 0 to 63")
        return a << b if op == "<<" else a >> b
    if b == 0:
        raise ExprError("division by zero")
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient if op == "/" else a - quotient * b


def loaded(address: Node, size: int, signed: bool) -> Node:
    """The number in memory at an address."""

    def value(scope: Scope) -> int:
        at = address(scope) & ((1 << 64) - 1)
        data = scope.read(at, size)
        if len(data) < size:
            raise ExprError(f"cannot read {size} bytes at {at:#x}: not mapped")
        return int.from_bytes(data, "little", signed=signed)

    return value


def cut_down(operand: Node, size: int, signed: bool) -> Node:
    """The operand cut down to a type's size."""
    mask = (1 << size * 8) - 1

    def value(scope: Scope) -> int:
        bits = operand(scope) & mask
        return bits - mask - 1 if signed and bits >> (size * 8 - 1) else bits

    return value


def indexed(base: Node, index: Node) -> Node:
    """`base[index]`: the 64-bit number at that place."""
    return loaded(lambda scope: base(scope) + 8 * index(scope), 8, False)


def register_value(scope: Scope, name: str) -> int:
    """The value of `$name`."""
    value = scope.register(name[1:])
    if value is None:
        raise ExprError(f"no register or value {name}")
    return value


def named_value(scope: Scope, name: str) -> int:
    """The value of a plain name."""
    value = scope.name(name)
    if value is None:
        raise ExprError(unknown("symbol or name", name, scope.known_names()))
    return value
