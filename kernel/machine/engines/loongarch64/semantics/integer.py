"""Integer arithmetic, shifts, bit fields and constants. Source: manual vol. 1, section 2.2.1-2.2.3.

Results the manual leaves open (division by zero) are what QEMU gives: the dividend, remainder 0.
"""

from __future__ import annotations

from typing import Final

from kernel.machine.engines.loongarch64.builder import Builder, Value
from kernel.machine.engines.loongarch64.semantics.rules import (
    MASK64,
    Compute,
    Rule,
    invert,
    low,
    sources,
    to_rd,
)

SEMANTICS: Final[dict[str, Rule]] = {}
_WIDTHS: Final = (("w", 32), ("d", 64))


def _to_rd(name: str, compute: Compute) -> None:
    SEMANTICS[name] = to_rd(compute)


# -- arithmetic and logic -------------------------------------------------------------------------


def _binary(op: str, bits: int) -> Compute:
    return lambda b: b.op(op, *sources(b, bits))


def _logic(op: str, *, flip_k: bool = False, flip: bool = False) -> Compute:
    def compute(b: Builder) -> Value:
        j, k = sources(b, 64)
        value = b.op(op, j, invert(b, k) if flip_k else k)
        return invert(b, value) if flip else value

    return compute


def _with_imm(op: str, bits: int = 64) -> Compute:
    return lambda b: b.op(op, b.trunc(b.gpr("J"), bits), b.trunc(b.imm(), bits))


def _set_if(predicate: str, *, imm: bool = False) -> Compute:
    return lambda b: b.zext(b.compare(predicate, b.gpr("J"), b.imm() if imm else b.gpr("K")), 64)


def _mask_if(predicate: str) -> Compute:
    def compute(b: Builder) -> Value:
        j, k = sources(b, 64)
        return b.select(b.compare(predicate, k, b.const(0)), b.const(0), j)

    return compute


for _name, _bits in _WIDTHS:
    for _op in ("add", "sub", "mul"):
        _to_rd(f"{_op}.{_name}", _binary(_op, _bits))
    _to_rd(f"addi.{_name}", _with_imm("add", _bits))
for _op in ("and", "or", "xor"):
    _to_rd(_op, _logic(_op))
    _to_rd(f"{_op}i", _with_imm(_op))
_to_rd("nor", _logic("or", flip=True))
_to_rd("orn", _logic("or", flip_k=True))
_to_rd("andn", _logic("and", flip_k=True))
_to_rd("slt", _set_if("slt"))
_to_rd("sltu", _set_if("ult"))
_to_rd("slti", _set_if("slt", imm=True))
_to_rd("sltui", _set_if("ult", imm=True))
_to_rd("maskeqz", _mask_if("eq"))
_to_rd("masknez", _mask_if("ne"))


def _high_product(bits: int, *, signed: bool) -> Compute:
    def compute(b: Builder) -> Value:
        extend = b.sext if signed else b.zext
        j, k = (extend(value, 2 * bits) for value in sources(b, bits))
        product = b.op("mul", j, k)
        return b.trunc(b.shift("lshr", product, b.const(bits, 2 * bits)), bits)

    return compute


def _wide_product(*, signed: bool) -> Compute:
    def compute(b: Builder) -> Value:
        extend = b.sext if signed else b.zext
        j, k = (extend(value, 64) for value in sources(b, 32))
        return b.op("mul", j, k)

    return compute


def _divide(op: str, bits: int) -> Compute:
    def compute(b: Builder) -> Value:
        j, k = (b.keep(value) for value in sources(b, bits))
        one = b.const(1, bits)
        divisor = b.select(b.compare("eq", k, b.const(0, bits)), one, k)
        if op[0] == "s":  # the most negative number by -1: the same by 1, remainder 0
            lowest = b.compare("eq", j, b.const(1 << bits - 1, bits))
            minus_one = b.compare("eq", k, b.const(-1, bits))
            divisor = b.select(b.op("and", lowest, minus_one), one, divisor)
        return b.divide(op, j, b.keep(divisor))

    return compute


for _name, _bits in _WIDTHS:
    _to_rd(f"mulh.{_name}", _high_product(_bits, signed=True))
    _to_rd(f"mulh.{_name}u", _high_product(_bits, signed=False))
    _to_rd(f"div.{_name}", _divide("sdiv", _bits))
    _to_rd(f"mod.{_name}", _divide("srem", _bits))
    _to_rd(f"div.{_name}u", _divide("udiv", _bits))
    _to_rd(f"mod.{_name}u", _divide("urem", _bits))
_to_rd("mulw.d.w", _wide_product(signed=True))
_to_rd("mulw.d.wu", _wide_product(signed=False))

# -- shifts ---------------------------------------------------------------------------------------


def _shift(op: str, bits: int, *, imm: bool) -> Compute:
    def compute(b: Builder) -> Value:
        j = b.trunc(b.gpr("J"), bits)
        count = b.trunc(b.imm() if imm else b.gpr("K"), bits)
        return b.shift(op, j, count if imm else b.op("and", count, b.const(bits - 1, bits)))

    return compute


def _shift_add(bits: int, *, zero_extend: bool = False) -> Compute:
    def compute(b: Builder) -> Value:
        j, k = sources(b, bits)
        count = b.trunc(b.op("add", b.amount(), b.const(1)), bits)
        value = b.op("add", b.shift("shl", j, count), k)
        return b.zext(value, 64) if zero_extend else value

    return compute


def _byte_pick(bits: int) -> Compute:
    """The upper half of rk:rj shifted left by whole bytes."""

    def compute(b: Builder) -> Value:
        j, k = (b.zext(value, 2 * bits) for value in sources(b, bits))
        both = b.op("or", b.shift("shl", k, b.const(bits, 2 * bits)), j)
        count = b.op("sub", b.const(bits), b.shift("shl", b.amount(), b.const(3)))
        wide = b.trunc(count, 2 * bits) if bits == 32 else b.zext(count, 2 * bits)
        return b.trunc(b.shift("lshr", both, wide), bits)

    return compute


for _name, _op in (("sll", "shl"), ("srl", "lshr"), ("sra", "ashr"), ("rotr", "rotr")):
    for _size, _bits in _WIDTHS:
        _to_rd(f"{_name}.{_size}", _shift(_op, _bits, imm=False))
        _to_rd(f"{_name}i.{_size}", _shift(_op, _bits, imm=True))
_to_rd("alsl.w", _shift_add(32))
_to_rd("alsl.wu", _shift_add(32, zero_extend=True))
_to_rd("alsl.d", _shift_add(64))
_to_rd("bytepick.w", _byte_pick(32))
_to_rd("bytepick.d", _byte_pick(64))

# -- bits and bytes -------------------------------------------------------------------------------


def _counted(op: str, bits: int, *, flip: bool) -> Compute:
    def compute(b: Builder) -> Value:
        j = b.trunc(b.gpr("J"), bits)
        return b.zext(b.count(op, invert(b, j) if flip else j), 64)

    return compute


def _swapped(distance: int, mask: int, bits: int) -> Compute:
    """Neighbouring fields of `distance` bits swapped; the mask has the lower ones."""

    def compute(b: Builder) -> Value:
        j = b.trunc(b.gpr("J"), bits)
        fields, count = b.const(mask, bits), b.const(distance, bits)
        up = b.shift("shl", b.op("and", j, fields), count)
        return b.op("or", up, b.op("and", b.shift("lshr", j, count), fields))

    return compute


def _turned(compute: Compute) -> Compute:
    """The two words of a value exchanged."""
    return lambda b: b.shift("rotr", compute(b), b.const(32))


def _reversed(*ops: str, bits: int) -> Compute:
    def compute(b: Builder) -> Value:
        value = b.trunc(b.gpr("J"), bits)
        for op in ops:
            value = b.count(op, value)
        return value

    return compute


for _name, _bits in _WIDTHS:
    for _end, _op in (("z", "clz"), ("o", "clz")):
        _to_rd(f"cl{_end}.{_name}", _counted(_op, _bits, flip=_end == "o"))
    for _end, _op in (("z", "ctz"), ("o", "ctz")):
        _to_rd(f"ct{_end}.{_name}", _counted(_op, _bits, flip=_end == "o"))
    _to_rd(f"bitrev.{_name}", _reversed("bitrev", bits=_bits))
_to_rd("revb.2h", _swapped(8, 0x00FF_00FF, 32))
_to_rd("revb.4h", _swapped(8, 0x00FF_00FF_00FF_00FF, 64))
_to_rd("revb.2w", _turned(_reversed("bswap", bits=64)))
_to_rd("revb.d", _reversed("bswap", bits=64))
_to_rd("revh.2w", _swapped(16, 0xFFFF_0000_FFFF, 64))
_to_rd("revh.d", _turned(_swapped(16, 0xFFFF_0000_FFFF, 64)))
_to_rd("bitrev.4b", _reversed("bitrev", "bswap", bits=32))
_to_rd("bitrev.8b", _reversed("bitrev", "bswap", bits=64))
_to_rd("ext.w.h", lambda b: b.trunc(b.gpr("J"), 16))
_to_rd("ext.w.b", lambda b: b.trunc(b.gpr("J"), 8))


def _pick_bits(bits: int) -> Compute:
    def compute(b: Builder) -> Value:
        lowest, mask = b.mask_field()
        j = b.zext(b.trunc(b.gpr("J"), bits), 64)
        return b.trunc(b.op("and", b.shift("lshr", j, lowest), mask), bits)

    return compute


def _insert_bits(bits: int) -> Compute:
    def compute(b: Builder) -> Value:
        lowest, mask = b.mask_field()
        place = b.shift("shl", mask, lowest)
        kept = b.op("and", b.gpr("D"), invert(b, place))
        field = b.shift("shl", b.op("and", b.gpr("J"), mask), lowest)
        return b.trunc(b.op("or", kept, field), bits)

    return compute


for _name, _bits in _WIDTHS:
    _to_rd(f"bstrpick.{_name}", _pick_bits(_bits))
    _to_rd(f"bstrins.{_name}", _insert_bits(_bits))

# -- constants ------------------------------------------------------------------------------------


def _shifted_imm(b: Builder, count: int) -> Value:
    return b.shift("shl", b.imm(), b.const(count))


def _pc_plus(count: int, *, page: bool = False) -> Compute:
    def compute(b: Builder) -> Value:
        value = b.op("add", b.pc(), _shifted_imm(b, count))
        return b.op("and", value, b.const(MASK64 & ~0xFFF)) if page else value

    return compute


_to_rd("lu12i.w", lambda b: _shifted_imm(b, 12))
_to_rd("lu32i.d", lambda b: b.op("or", _shifted_imm(b, 32), b.zext(low(b, b.gpr("D")), 64)))
_to_rd(
    "lu52i.d",
    lambda b: b.op("or", _shifted_imm(b, 52), b.op("and", b.gpr("J"), b.const((1 << 52) - 1))),
)
_to_rd("addu16i.d", lambda b: b.op("add", b.gpr("J"), _shifted_imm(b, 16)))
_to_rd("pcaddi", _pc_plus(2))
_to_rd("pcaddu12i", _pc_plus(12))
_to_rd("pcaddu18i", _pc_plus(18))
_to_rd("pcalau12i", _pc_plus(12, page=True))

# -- what is rarely used: plain Python does it ----------------------------------------------------


def _crc(name: str, size_bytes: int) -> Compute:
    return lambda b: b.rare(name, 32, low(b, b.gpr("K")), b.gpr("J"), b.const(size_bytes))


for _i, _size in enumerate("bhwd"):
    _to_rd(f"crc.w.{_size}.w", _crc("crc32", 1 << _i))
    _to_rd(f"crcc.w.{_size}.w", _crc("crc32c", 1 << _i))
_to_rd("cpucfg", lambda b: b.rare("cpucfg", 64, b.trunc(b.gpr("J"), 32)))


def _read_time(compute: Compute) -> Rule:
    """Rd = part of the counter, rj = the counter's number, which is 0."""
    to_first = to_rd(compute)

    def rule(b: Builder) -> None:
        b.write_rj(b.const(0))
        to_first(b)

    return rule


def _counter(b: Builder) -> Value:
    return b.rare("rdtime", 64)


SEMANTICS["rdtime.d"] = _read_time(_counter)
SEMANTICS["rdtimel.w"] = _read_time(lambda b: low(b, _counter(b)))
SEMANTICS["rdtimeh.w"] = _read_time(lambda b: low(b, b.shift("lshr", _counter(b), b.const(32))))
