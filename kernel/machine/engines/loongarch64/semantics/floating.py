"""Floating point: moves, sign operations, arithmetic, conversions, comparisons.

Arithmetic itself, with rounding and flags, is the back end's; `softfloat` says what it means.
Source: manual vol. 1, chapter 3.
"""

from __future__ import annotations

from typing import Final

from kernel.machine.engines.loongarch64.builder import Builder, Value
from kernel.machine.engines.loongarch64.isa import CONDITIONS
from kernel.machine.engines.loongarch64.semantics.rules import Compute, Rule, low, to_fd, to_rd

SEMANTICS: Final[dict[str, Rule]] = {}
_HIGH_WORD: Final = 0xFFFF_FFFF_0000_0000


def _arithmetic(name: str, bits: int, letters: str) -> Rule:
    return to_fd(lambda b: b.arithmetic(name, bits, *(b.fpr(x, bits) for x in letters)))


def _rare(name: str, bits: int, letters: str) -> Rule:
    return to_fd(lambda b: b.rare(name, bits, *(b.fpr(x, bits) for x in letters)))


def _to_integer(name: str, bits: int, float_bits: int) -> Rule:
    return to_fd(lambda b: b.to_integer(name, bits, b.fpr("g", float_bits)))


def _from_integer(bits: int, int_bits: int) -> Rule:
    return to_fd(lambda b: b.from_integer(bits, b.fpr("g", int_bits)))


def _compare(condition: int, bits: int) -> Rule:
    return lambda b: b.write_fcc(b.float_compare(condition, b.fpr("g", bits), b.fpr("h", bits)))


def _sign(name: str, bits: int) -> Compute:
    """fabs, fneg, fcopysign: bits only, no flags."""
    sign = 1 << bits - 1

    def compute(b: Builder) -> Value:
        j = b.fpr("g", bits)
        if name == "fneg":
            return b.op("xor", j, b.const(sign, bits))
        size = b.op("and", j, b.const(sign - 1, bits))
        if name == "fabs":
            return size
        return b.op("or", size, b.op("and", b.fpr("h", bits), b.const(sign, bits)))

    return compute


def _classify(bits: int, fraction_bits: int) -> Compute:
    """One bit: sNaN 0, qNaN 1, then -inf -normal -subnormal -0 from 2, the same positive from 6."""
    infinity = (1 << bits - 1) - (1 << fraction_bits)
    quiet = infinity | 1 << fraction_bits - 1

    def compute(b: Builder) -> Value:
        def const(value: int) -> Value:
            return b.const(value, bits)

        value = b.fpr("g", bits)
        size = b.keep(b.op("and", value, const((1 << bits - 1) - 1)))
        kind = b.select(b.compare("ult", size, const(infinity)), const(1 << 3), const(1 << 2))
        is_small = b.compare("ult", size, const(1 << fraction_bits))
        kind = b.select(is_small, const(1 << 4), kind)
        kind = b.select(b.compare("eq", size, const(0)), const(1 << 5), kind)
        is_negative = b.compare("slt", value, const(0))
        kind = b.select(is_negative, kind, b.shift("shl", b.keep(kind), const(4)))
        kind = b.select(b.compare("ugt", size, const(infinity)), const(1), kind)
        return b.select(b.compare("uge", size, const(quiet)), const(2), kind)

    return compute


for _s, _bits, _fraction in (("s", 32, 23), ("d", 64, 52)):
    SEMANTICS[f"fmov.{_s}"] = to_fd(lambda b, bits=_bits: b.fpr("g", bits))
    for _name in ("fabs", "fneg", "fcopysign"):
        SEMANTICS[f"{_name}.{_s}"] = to_fd(_sign(_name, _bits))
    SEMANTICS[f"fclass.{_s}"] = to_fd(_classify(_bits, _fraction))
    for _name in ("fadd", "fsub", "fmul", "fdiv", "fmax", "fmin"):
        SEMANTICS[f"{_name}.{_s}"] = _arithmetic(_name, _bits, "gh")
    for _name in ("fmadd", "fmsub", "fnmadd", "fnmsub"):
        SEMANTICS[f"{_name}.{_s}"] = _arithmetic(_name, _bits, "ghi")
    for _name in ("fsqrt", "frecip", "frsqrt"):
        SEMANTICS[f"{_name}.{_s}"] = _arithmetic(_name, _bits, "g")
    for _name in ("fmaxa", "fmina", "fscaleb"):
        SEMANTICS[f"{_name}.{_s}"] = _rare(_name, _bits, "gh")
    SEMANTICS[f"flogb.{_s}"] = _rare("flogb", _bits, "g")
    SEMANTICS[f"frint.{_s}"] = _to_integer("frint", _bits, _bits)
    for _i, _int_bits in (("w", 32), ("l", 64)):
        for _name in ("ftint", "ftintrm", "ftintrp", "ftintrz", "ftintrne"):
            SEMANTICS[f"{_name}.{_i}.{_s}"] = _to_integer(_name, _int_bits, _bits)
        SEMANTICS[f"ffint.{_s}.{_i}"] = _from_integer(_bits, _int_bits)
    for _number, _condition in CONDITIONS.items():
        SEMANTICS[f"fcmp.{_condition}.{_s}"] = _compare(_number, _bits)
SEMANTICS["fcvt.s.d"] = to_fd(lambda b: b.arithmetic("fcvt", 32, b.fpr("g", 64)))
SEMANTICS["fcvt.d.s"] = to_fd(lambda b: b.arithmetic("fcvt", 64, b.fpr("g", 32)))


def _select(b: Builder) -> Value:
    is_clear = b.compare("eq", b.fcc("a"), b.const(0, 8))
    return b.select(is_clear, b.fpr("g", 64), b.fpr("h", 64))


def _low_from_gpr(b: Builder) -> Value:
    kept = b.op("and", b.fpr("f", 64), b.const(_HIGH_WORD))
    return b.op("or", kept, b.zext(low(b, b.gpr("J")), 64))


def _high_from_gpr(b: Builder) -> Value:
    upper = b.shift("shl", b.gpr("J"), b.const(32))
    return b.op("or", upper, b.zext(b.fpr("f", 32), 64))


def _flag_from(b: Builder, value: Value) -> None:
    b.write_fcc(b.op("and", b.trunc(value, 8), b.const(1, 8)))


_MOVES: Final[dict[str, Rule]] = {
    "fsel": to_fd(_select),
    "movgr2fr.w": to_fd(_low_from_gpr),
    "movgr2fr.d": to_fd(lambda b: b.gpr("J")),
    "movgr2frh.w": to_fd(_high_from_gpr),
    "movfr2gr.s": to_rd(lambda b: b.fpr("g", 32)),
    "movfr2gr.d": to_rd(lambda b: b.fpr("g", 64)),
    "movfrh2gr.s": to_rd(lambda b: low(b, b.shift("lshr", b.fpr("g", 64), b.const(32)))),
    "movgr2fcsr": lambda b: b.write_fcsr(b.trunc(b.gpr("J"), 32)),
    "movfcsr2gr": to_rd(lambda b: b.rare("fcsr", 32)),
    "movfr2cf": lambda b: _flag_from(b, b.fpr("g", 64)),
    "movgr2cf": lambda b: _flag_from(b, b.gpr("J")),
    "movcf2fr": to_fd(lambda b: b.zext(b.fcc("x"), 64)),
    "movcf2gr": to_rd(lambda b: b.zext(b.fcc("x"), 64)),
}
SEMANTICS.update(_MOVES)
