"""Operations that both back ends leave to plain Python, by name.

`FLOAT` gives (bits, flags); the others give the value. All take the operands of `Builder.rare` or
`Builder.arithmetic` as unsigned integers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from kernel.machine.engines.loongarch64 import softfloat as sf
from kernel.machine.engines.loongarch64.softfloat import FORMATS, Format, Result

#: Called with (rounding mode, operands...).
FloatOperation = Callable[..., Result]

#: Counter frequency the guest is told, in words 4 and 5 of CPUCFG: hz = word4 * word5 ratio.
_COUNTER_HZ: Final = 100_000_000
_CPUCFG: Final = {
    # 64-bit architecture, paging, 48-bit physical and virtual addresses, unaligned accesses,
    # no-read, no-execute and restricted-privilege page bits, CRC instructions.
    1: 2 | 1 << 2 | 47 << 4 | 47 << 12 | 1 << 20 | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 25,
    # FP with both formats, version 1; constant-frequency counter, version 1; AM atomics.
    2: 7 | 1 << 3 | 1 << 14 | 1 << 15 | 1 << 22,
    4: _COUNTER_HZ,
    5: 1 | 1 << 16,
}


def cpucfg(number: int) -> int:
    """A CPU configuration word; undefined ones are 0. Source: manual vol. 1, section 2.2.10.5."""
    return _CPUCFG.get(number, 0)


def _crc(polynomial: int, crc: int, data: int, size_bytes: int) -> int:
    """One reflected CRC step over the low bytes of `data`."""
    crc ^= data & (1 << 8 * size_bytes) - 1
    for _ in range(8 * size_bytes):
        crc = crc >> 1 ^ (polynomial if crc & 1 else 0)
    return crc


INTEGER: Final[dict[str, Callable[..., int]]] = {
    "cpucfg": cpucfg,
    "crc32": partial(_crc, 0xEDB8_8320),
    "crc32c": partial(_crc, 0x82F6_3B78),
}


def _fused(form: Format, name: str, mode: int, a: int, b: int, c: int) -> Result:
    if name.endswith("sub") and not sf.is_nan(form, c):
        c = sf.negate(form, c)
    bits, flags = sf.fused(form, mode, a, b, c)
    if name.startswith("fn") and not sf.is_nan(form, bits):
        bits = sf.negate(form, bits)
    return bits, flags


def _reciprocal(form: Format, mode: int, a: int) -> Result:
    one = sf.from_integer(form, sf.NEAREST, 1)[0]
    return sf.divide(form, mode, one, a)


def _reciprocal_root(form: Format, mode: int, a: int) -> Result:
    root, flags = sf.square_root(form, mode, a)
    bits, more = _reciprocal(form, mode, root)
    return bits, flags | more


def _scale(form: Format, mode: int, a: int, n: int) -> Result:
    return sf.scale(form, mode, a, n - (1 << form.bits) if n >> form.bits - 1 else n)


def _choose(form: Format, name: str, _mode: int, a: int, b: int) -> Result:
    return sf.choose(form, a, b, largest=name[1:4] == "max", by_size=name.endswith("a"))


def _log_b(form: Format, _mode: int, a: int) -> Result:
    return sf.log_b(form, a)


_MODES: Final = {
    "ftintrm": sf.DOWN,
    "ftintrp": sf.UP,
    "ftintrz": sf.ZERO,
    "ftintrne": sf.NEAREST,
}


def float_operation(name: str, bits: int) -> FloatOperation:
    """An `arithmetic` or `rare` floating-point operation on a format of `bits`."""
    form = FORMATS[bits]
    if name in ("fmadd", "fmsub", "fnmadd", "fnmsub"):
        return partial(_fused, form, name)
    if name in ("fmax", "fmin", "fmaxa", "fmina"):
        return partial(_choose, form, name)
    plain: dict[str, FloatOperation] = {
        "fadd": sf.add,
        "fsub": sf.subtract,
        "fmul": sf.multiply,
        "fdiv": sf.divide,
        "fsqrt": sf.square_root,
        "frecip": _reciprocal,
        "frsqrt": _reciprocal_root,
        "fcvt": sf.convert,
        "fscaleb": _scale,
        "flogb": _log_b,
    }
    return partial(plain[name], form)


def to_integer(name: str, bits: int, float_bits: int) -> FloatOperation:
    """An ftint or frint."""
    form = FORMATS[float_bits]
    if name == "frint":
        return partial(sf.round_integral, form)
    fixed = _MODES.get(name)

    def operation(mode: int, a: int) -> Result:
        return sf.to_integer(form, mode if fixed is None else fixed, bits, a)

    return operation


def from_integer(bits: int, int_bits: int) -> FloatOperation:
    """An ffint."""
    form = FORMATS[bits]

    def operation(mode: int, a: int) -> Result:
        return sf.from_integer(form, mode, a - (1 << int_bits) if a >> int_bits - 1 else a)

    return operation


def compare(condition: int, bits: int) -> FloatOperation:
    """An fcmp."""
    form = FORMATS[bits]

    def operation(_mode: int, a: int, b: int) -> Result:
        return sf.compare(form, condition, a, b)

    return operation
