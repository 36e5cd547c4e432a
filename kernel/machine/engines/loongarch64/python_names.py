"""The functions and tables that compiled guest code uses, for one CPU."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, Protocol

from kernel.machine.engine import Cause
from kernel.machine.engines.loongarch64 import rare
from kernel.machine.engines.loongarch64.guest_stop import GuestStop, Offsets
from kernel.machine.engines.loongarch64.rare import FloatOperation
from kernel.machine.engines.loongarch64.state import FCSR, MASK64, State, read_fcsr, write_fcsr
from kernel.machine.ram import FRAME_BYTES, Ram

_OFFSET: Final = FRAME_BYTES - 1

if sys.byteorder != "little":  # the views below are in the host's order
    raise RuntimeError("the loongarch64 engine needs a little-endian host")


class Clock(Protocol):
    """Where guest code reads the time."""

    def ticks(self, left: int) -> int:
        """The time counter with `left` instructions left in the budget."""
        ...

    def failed(self, left: int, address: int) -> None:
        """Guest code raised; `left` when the pass began, and the last address it accessed."""
        ...


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def sdiv(a: int, b: int, bits: int) -> int:
    """Signed quotient, rounded towards zero; as `bits` unsigned."""
    x, y = _signed(a, bits), _signed(b, bits)
    quotient = abs(x) // abs(y)
    return (quotient if (x < 0) == (y < 0) else -quotient) & (1 << bits) - 1


def srem(a: int, b: int, bits: int) -> int:
    """Its remainder, with the sign of the dividend."""
    x, y = _signed(a, bits), _signed(b, bits)
    rest = abs(x) % abs(y)
    return (-rest if x < 0 else rest) & (1 << bits) - 1


def rotr(a: int, count: int, bits: int) -> int:
    """Rotate right."""
    return (a >> count | a << bits - count) & (1 << bits) - 1


def clz(a: int, bits: int) -> int:
    """Leading zeros."""
    return bits - a.bit_length()


def ctz(a: int, bits: int) -> int:
    """Trailing zeros."""
    return (a & -a).bit_length() - 1 if a else bits


def bswap(a: int, bits: int) -> int:
    """Bytes reversed."""
    return int.from_bytes(a.to_bytes(bits // 8, "little"), "big")


def bitrev(a: int, bits: int) -> int:
    """Bits reversed."""
    return int(f"{a:0{bits}b}"[::-1], 2)


def stop(cause: int) -> None:
    """An exception without an address."""
    raise GuestStop(cause)


def misaligned(address: int) -> None:
    """An access that must be aligned is not."""
    raise GuestStop(Cause.MISALIGNED, address)


def out_of_bound(address: int) -> None:
    """A bound check failed."""
    raise GuestStop(Cause.BOUND, address)


_FIXED: Final[dict[str, Any]] = {
    "M": MASK64,
    "sdiv": sdiv,
    "srem": srem,
    "rotr": rotr,
    "clz": clz,
    "ctz": ctz,
    "bswap": bswap,
    "bitrev": bitrev,
    "stop": stop,
    "misaligned": misaligned,
    "out_of_bound": out_of_bound,
    "read_fcsr": read_fcsr,
    "write_fcsr": write_fcsr,
    **rare.INTEGER,
}


def names_for(state: State, ram: Ram, clock: Clock, rt: Offsets, wt: Offsets) -> dict[str, Any]:
    """The globals of one CPU's compiled code."""
    m8 = ram.mv

    def load_any(address: int, size: int) -> int:
        start = address + rt[address >> 12]
        first = FRAME_BYTES - (address & _OFFSET)
        if first >= size:
            return int.from_bytes(m8[start : start + size], "little")
        after = (address & ~_OFFSET) + FRAME_BYTES & MASK64
        rest = after + rt[after >> 12]
        data = bytes(m8[start : start + first]) + bytes(m8[rest : rest + size - first])
        return int.from_bytes(data, "little")

    def store_any(address: int, size: int, value: int) -> None:
        data = value.to_bytes(size, "little")
        start = address + wt[address >> 12]
        first = FRAME_BYTES - (address & _OFFSET)
        if first < size:  # both pages must be writable before anything is written
            after = (address & ~_OFFSET) + FRAME_BYTES & MASK64
            rest = after + wt[after >> 12]
            m8[rest : rest + size - first] = data[first:]
            data = data[:first]
        m8[start : start + len(data)] = data

    names = dict(_FIXED)
    names |= {
        "R": state.r,
        "F": state.f,
        "C": state.fcc,
        "W": state.cells,
        "rt": rt,
        "wt": wt,
        "m8": m8,
        "load_any": load_any,
        "store_any": store_any,
        "rdtime": clock.ticks,
        "failed": clock.failed,
    }
    return names | {"m16": m8.cast("H"), "m32": m8.cast("I"), "m64": m8.cast("Q")}


def bind_floats(names: dict[str, Any], floats: dict[str, FloatOperation]) -> None:
    """Add floating-point functions, which take the mode from FCSR and leave their flags there."""
    cells = names["W"]
    for name, operation in floats.items():
        if name not in names:
            names[name] = _bound(operation, cells)


def _bound(operation: FloatOperation, cells: Any) -> Callable[..., int]:
    def call(*operands: int) -> int:
        fcsr = cells[FCSR]
        bits, flags = operation(fcsr >> 8 & 3, *operands)
        if flags & ~fcsr:
            cells[FCSR] = fcsr | flags
        return bits

    return call
