"""How strace writes values: strings, addresses, flag sets, enumerations.

The output follows strace 6.1 (abbreviated style, the default) and is compared with it in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

#: (value, name) in the order strace tries them.
Table: TypeAlias = tuple[tuple[int, str], ...]

U64 = (1 << 64) - 1
_ESCAPES = {0x22: '\\"', 0x5C: "\\\\", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


def table(source: str, base: Table = ()) -> Table:
    """Read `NAME=VALUE NAME=VALUE ...` (a value counts on from the last when left out)."""
    out: list[tuple[int, str]] = list(base)
    value = -1
    for word in source.split():
        name, _, number = word.partition("=")
        value = int(number, 0) if number else value + 1
        out.append((value, name))
    return tuple(out)


def as_int32(value: int) -> int:
    """The low 32 bits, signed."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def as_int64(value: int) -> int:
    """The low 64 bits, signed."""
    value &= U64
    return value - (1 << 64) if value >> 63 else value


def addr(value: int) -> str:
    """An address: `NULL` or `0x...`."""
    return f"{value:#x}" if value else "NULL"


def hexa(value: int) -> str:
    """C's `%#x`: zero has no prefix."""
    return f"{value:#x}" if value else "0"


def octal(value: int) -> str:
    """C's `%#03o`."""
    return f"0{value:o}" if value >= 8 else f"{value:03o}"


def quote(data: bytes, *, force_hex: bool = False) -> str:
    """The bytes between quotes with strace's escapes."""
    if force_hex:
        return '"' + "".join([f"\\x{byte:02x}" for byte in data]) + '"'
    out: list[str] = []
    last = len(data) - 1
    for i, byte in enumerate(data):
        if byte in _ESCAPES:
            out.append(_ESCAPES[byte])
        elif 0x20 <= byte < 0x7F:
            out.append(chr(byte))
        elif i < last and 0x30 <= data[i + 1] <= 0x37:
            out.append(f"\\{byte:03o}")
        else:
            out.append(f"\\{byte:o}")
    return '"' + "".join(out) + '"'


def flags(value: int, names: Table, unknown: str) -> str:
    """A set of flags: `A|B|0x40`; `0x40 /* X_??? */` when none is known."""
    if not value:
        return next((name for bit, name in names if bit == 0), "0")
    out: list[str] = []
    for bit, name in names:
        if bit and value & bit == bit:
            out.append(name)
            value &= ~bit
    if value:
        if not out:
            return f"{value:#x} /* {unknown} */" if unknown else f"{value:#x}"
        out.append(f"{value:#x}")
    return "|".join(out)


def lookup(value: int, names: Table) -> str:
    """The name of a value, or "" where it has none."""
    return next((name for number, name in names if number == value), "")


def choice(value: int, names: Table, unknown: str) -> str:
    """One of several named values: `NAME` or `0x7 /* X_??? */`."""
    return lookup(value, names) or (f"{hexa(value)} /* {unknown} */" if unknown else hexa(value))


def struct(*fields: str) -> str:
    """`{a=1, b=2}` from its fields."""
    return "{" + ", ".join(fields) + "}"


def array(items: Iterable[str]) -> str:
    """`[a, b]`."""
    return "[" + ", ".join(items) + "]"
