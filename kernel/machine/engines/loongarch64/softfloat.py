"""Floating-point arithmetic as LoongArch does it, exactly, on Python's integers.

The reference for both back ends: plain Python computes everything here, LLVM code comes here for
whatever its host's instructions do differently (NaNs above all). Operands and results are bit
patterns; every function also gives the exception flags it raises, as FCSR bits.

Source: manual vol. 1, section 3.1 (formats, NaN propagation, exceptions) and 3.2. Tininess is
detected after rounding. FCSR's Cause field is not modelled and enables never trap, as under
QEMU's user mode. Fused negated forms negate the rounded sum (the manual's formula).
"""

from __future__ import annotations

from math import isqrt
from typing import Final, NamedTuple, TypeAlias

#: FCSR flag bits.
INEXACT, UNDERFLOW, OVERFLOW, DIVIDE, INVALID = (1 << bit for bit in range(16, 21))
#: Rounding modes, FCSR bits 9:8.
NEAREST, ZERO, UP, DOWN = range(4)

Result: TypeAlias = "tuple[int, int]"
#: (bits, flags)


class Format(NamedTuple):
    """A binary interchange format."""

    bits: int
    fraction: int

    @property
    def infinity(self) -> int:
        """+inf."""
        return (1 << self.bits - 1) - (1 << self.fraction)


SINGLE: Final = Format(32, 23)
DOUBLE: Final = Format(64, 52)
FORMATS: Final = {32: SINGLE, 64: DOUBLE}


class Number(NamedTuple):
    """A finite number: (-1)**sign * size * 2**exponent."""

    sign: int
    size: int
    exponent: int


def is_nan(form: Format, a: int) -> bool:
    """Whether it is any NaN."""
    return a & (1 << form.bits - 1) - 1 > form.infinity


def is_signaling(form: Format, a: int) -> bool:
    """Whether it is a signalling NaN."""
    return is_nan(form, a) and not a >> form.fraction - 1 & 1


def is_infinite(form: Format, a: int) -> bool:
    """Whether it is an infinity."""
    return a & (1 << form.bits - 1) - 1 == form.infinity


def number(form: Format, a: int) -> Number:
    """A finite value, taken apart."""
    biased = a >> form.fraction & (1 << form.bits - 1 - form.fraction) - 1
    size = a & (1 << form.fraction) - 1
    bias = (1 << form.bits - 2 - form.fraction) - 1
    if biased:
        size |= 1 << form.fraction
    else:
        biased = 1
    return Number(a >> form.bits - 1, size, biased - bias - form.fraction)


def default_nan(form: Format) -> int:
    """The NaN of an invalid operation: positive, quiet, no payload."""
    return form.infinity | 1 << form.fraction - 1


def propagate(form: Format, *operands: int) -> Result:
    """The NaN among the operands that wins: the first signalling one, else the first."""
    signaling = [a for a in operands if is_signaling(form, a)]
    winners = signaling or [a for a in operands if is_nan(form, a)]
    flags = INVALID if signaling else 0
    return winners[0] | 1 << form.fraction - 1, flags


def _rounds_up(mode: int, sign: int, kept: int, rest: int, half: int) -> bool:
    if mode == NEAREST:
        return rest > half or (rest == half and kept & 1 == 1)
    return rest != 0 and mode == (DOWN if sign else UP)


def _shift(mode: int, sign: int, size: int, count: int) -> tuple[int, bool]:
    """`size / 2**count`, rounded; whether it was inexact."""
    if count <= 0:
        return size << -count, False
    kept, rest = size >> count, size & (1 << count) - 1
    return kept + _rounds_up(mode, sign, kept, rest, 1 << count - 1), rest != 0


def pack(form: Format, mode: int, value: Number) -> Result:
    """Round a finite value to the format."""
    sign, size, exponent = value
    sign_bit = sign << form.bits - 1
    if not size:
        return sign_bit, 0
    bias = (1 << form.bits - 2 - form.fraction) - 1
    lowest = 1 - bias
    top = exponent + size.bit_length() - 1
    unit = max(top, lowest) - form.fraction
    kept, is_inexact = _shift(mode, sign, size, unit - exponent)
    flags = INEXACT if is_inexact else 0
    if is_inexact and top < lowest:
        unbounded, _ = _shift(mode, sign, size, top - form.fraction - exponent)
        if top < lowest - 1 or unbounded >> form.fraction + 1 == 0:
            flags |= UNDERFLOW
    # The hidden bit adds 1 to the exponent field; so does a carry out of the rounding.
    bits = (unit + form.fraction - lowest << form.fraction) + kept
    if bits >= form.infinity:
        to_largest = mode == ZERO or mode == (UP if sign else DOWN)
        return sign_bit | form.infinity - to_largest, OVERFLOW | INEXACT
    return sign_bit | bits, flags


def _sum(a: Number, b: Number, mode: int) -> Number:
    exponent = min(a.exponent, b.exponent)
    first, second = a.size << a.exponent - exponent, b.size << b.exponent - exponent
    total = (-first if a.sign else first) + (-second if b.sign else second)
    if total:
        return Number(int(total < 0), abs(total), exponent)
    return Number(a.sign if a.sign == b.sign else int(mode == DOWN), 0, exponent)


def negate(form: Format, a: int) -> int:
    """The other sign."""
    return a ^ 1 << form.bits - 1


def add(form: Format, mode: int, a: int, b: int) -> Result:
    """A + b."""
    if is_nan(form, a) or is_nan(form, b):
        return propagate(form, a, b)
    if is_infinite(form, a):
        return (default_nan(form), INVALID) if b == negate(form, a) else (a, 0)
    if is_infinite(form, b):
        return b, 0
    return pack(form, mode, _sum(number(form, a), number(form, b), mode))


def subtract(form: Format, mode: int, a: int, b: int) -> Result:
    """A - b."""
    return propagate(form, a, b) if is_nan(form, b) else add(form, mode, a, negate(form, b))


def _product(a: Number, b: Number) -> Number:
    return Number(a.sign ^ b.sign, a.size * b.size, a.exponent + b.exponent)


def _is_zero(form: Format, a: int) -> bool:
    return a & (1 << form.bits - 1) - 1 == 0


def _zero_by_infinity(form: Format, a: int, b: int) -> bool:
    return (is_infinite(form, a) and _is_zero(form, b)) or (
        is_infinite(form, b) and _is_zero(form, a)
    )


def multiply(form: Format, mode: int, a: int, b: int) -> Result:
    """A * b."""
    if is_nan(form, a) or is_nan(form, b):
        return propagate(form, a, b)
    if _zero_by_infinity(form, a, b):
        return default_nan(form), INVALID
    sign = (a ^ b) >> form.bits - 1 << form.bits - 1
    if is_infinite(form, a) or is_infinite(form, b):
        return sign | form.infinity, 0
    return pack(form, mode, _product(number(form, a), number(form, b)))


def fused(form: Format, mode: int, a: int, b: int, c: int) -> Result:
    """A * b + c, rounded once."""
    is_invalid = _zero_by_infinity(form, a, b)
    if is_nan(form, a) or is_nan(form, b) or is_nan(form, c):
        bits, flags = propagate(form, c, a, b)
        return bits, flags | (INVALID if is_invalid else 0)
    if is_invalid:
        return default_nan(form), INVALID
    if is_infinite(form, a) or is_infinite(form, b):
        sign = (a ^ b) >> form.bits - 1 << form.bits - 1
        return add(form, mode, sign | form.infinity, c)
    if is_infinite(form, c):
        return c, 0
    product = _product(number(form, a), number(form, b))
    return pack(form, mode, _sum(product, number(form, c), mode))


def divide(form: Format, mode: int, a: int, b: int) -> Result:
    """A / b."""
    if is_nan(form, a) or is_nan(form, b):
        return propagate(form, a, b)
    sign = (a ^ b) >> form.bits - 1
    infinity = sign << form.bits - 1 | form.infinity
    if is_infinite(form, a):
        return (default_nan(form), INVALID) if is_infinite(form, b) else (infinity, 0)
    if is_infinite(form, b):
        return sign << form.bits - 1, 0
    x, y = number(form, a), number(form, b)
    if not y.size:
        return (infinity, DIVIDE) if x.size else (default_nan(form), INVALID)
    extra = 2 * form.fraction + 4
    quotient, rest = divmod(x.size << extra, y.size)
    size = quotient << 1 | (rest != 0)  # the last bit says: not exact
    return pack(form, mode, Number(sign, size, x.exponent - y.exponent - extra - 1))


def square_root(form: Format, mode: int, a: int) -> Result:
    """sqrt(a)."""
    if is_nan(form, a):
        return propagate(form, a)
    if _is_zero(form, a):
        return a, 0
    if a >> form.bits - 1:
        return default_nan(form), INVALID
    if is_infinite(form, a):
        return a, 0
    _, size, exponent = number(form, a)
    extra = 2 * form.fraction + 4 + (exponent & 1)
    root = isqrt(size << extra)
    size = root << 1 | (root * root != size << extra)
    return pack(form, mode, Number(0, size, (exponent - extra >> 1) - 1))


def scale(form: Format, mode: int, a: int, n: int) -> Result:
    """A * 2**n; `n` is signed."""
    if is_nan(form, a):
        return propagate(form, a)
    if is_infinite(form, a) or _is_zero(form, a):
        return a, 0
    sign, size, exponent = number(form, a)
    return pack(form, mode, Number(sign, size, exponent + max(min(n, 5000), -5000)))


def log_b(form: Format, a: int) -> Result:
    """The exponent of a, as a float."""
    if is_nan(form, a):
        return propagate(form, a)
    if _is_zero(form, a):
        return 1 << form.bits - 1 | form.infinity, DIVIDE
    if a >> form.bits - 1:
        return default_nan(form), INVALID
    if is_infinite(form, a):
        return a, 0
    _, size, exponent = number(form, a)
    return from_integer(form, NEAREST, exponent + size.bit_length() - 1)


def convert(to: Format, mode: int, a: int) -> Result:
    """From the one format to the other; a NaN keeps its sign and the top of its payload."""
    form = DOUBLE if to is SINGLE else SINGLE
    sign = a >> form.bits - 1 << to.bits - 1
    if is_nan(form, a):
        payload = a & (1 << form.fraction) - 1
        distance = to.fraction - form.fraction
        payload = payload << distance if distance > 0 else payload >> -distance
        return sign | default_nan(to) | payload, INVALID if is_signaling(form, a) else 0
    if is_infinite(form, a):
        return sign | to.infinity, 0
    return pack(to, mode, number(form, a))


def from_integer(form: Format, mode: int, value: int) -> Result:
    """A signed integer as a float."""
    return pack(form, mode, Number(int(value < 0), abs(value), 0))


def to_integer(form: Format, mode: int, bits: int, a: int) -> Result:
    """As a signed integer of `bits`; beyond its range the nearest one, NaN 0, both invalid."""
    mask = (1 << bits) - 1
    if is_nan(form, a):
        return 0, INVALID
    largest = (1 << bits - 1) - 1
    sign = a >> form.bits - 1
    if is_infinite(form, a):
        return largest + sign & mask, INVALID
    _, size, exponent = number(form, a)
    rounded, is_inexact = _shift(mode, sign, size, -exponent)
    if rounded > largest + sign:
        return largest + sign & mask, INVALID
    return (-rounded if sign else rounded) & mask, INEXACT if is_inexact else 0


def round_integral(form: Format, mode: int, a: int) -> Result:
    """The nearest integral float."""
    if is_nan(form, a):
        return propagate(form, a)
    if is_infinite(form, a):
        return a, 0
    sign, size, exponent = number(form, a)
    rounded, is_inexact = _shift(mode, sign, size, -exponent)
    return pack(form, mode, Number(sign, rounded, 0))[0], INEXACT if is_inexact else 0


def _order(form: Format, a: int, b: int) -> int:
    """-1, 0 or 1 as a < b, a == b, a > b; neither is a NaN."""
    sign = 1 << form.bits - 1
    x, y = (sign - v if v & sign else v for v in (a, b))
    return (x > y) - (x < y)


def compare(form: Format, condition: int, a: int, b: int) -> Result:
    """fcmp: 0 or 1; see `isa.CONDITIONS`."""
    is_unordered = is_nan(form, a) or is_nan(form, b)
    signals = is_signaling(form, a) or is_signaling(form, b) or (condition & 1 and is_unordered)
    flags = INVALID if signals else 0
    relation = condition >> 1
    if is_unordered:
        holds = relation in (4, 5, 6, 7, 12)
    else:
        order = _order(form, a, b)
        allowed = {8: (-1, 1), 10: (-1, 0, 1), 12: (-1, 1)}.get(relation)
        if allowed is None:
            holds = (relation & 1 and order < 0) or (relation & 2 and order == 0)
        else:
            holds = order in allowed
    return int(bool(holds)), flags


def choose(form: Format, a: int, b: int, *, largest: bool, by_size: bool = False) -> Result:
    """fmax, fmin, fmaxa, fmina: a number wins over a quiet NaN."""
    if is_signaling(form, a) or is_signaling(form, b) or (is_nan(form, a) and is_nan(form, b)):
        return propagate(form, a, b)
    if is_nan(form, a):
        return b, 0
    if is_nan(form, b):
        return a, 0
    order = _order(form, a, b)
    if by_size:
        size = (1 << form.bits - 1) - 1
        order = _order(form, a & size, b & size) or order
    if order == 0:  # +0 and -0
        return (a & b if largest else a | b), 0
    return (a if (order > 0) == largest else b), 0
