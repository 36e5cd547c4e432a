"""Floating point as LLVM IR on an x86-64 host, where LoongArch and SSE agree.

Rounding mode and flags are those of MXCSR while native code runs. NaN results, and conversions
that do not fit, are left to `softfloat`: the handler leaves before it writes a register. The
flags it has raised by then are among those the exact computation raises.
"""

from __future__ import annotations

from typing import Final

from kernel.machine.engines.loongarch64.builder import Value
from kernel.machine.engines.loongarch64.llvm_text import FLOAT_TYPES, Text, literal

_BINARY: Final = ("fadd", "fsub", "fmul", "fdiv")
_FUSED: Final = ("fmadd", "fmsub", "fnmadd", "fnmsub")
#: LLVM's predicate by the relation of an fcmp; see `isa.CONDITIONS`, whose odd ones signal.
_PREDICATES: Final = {
    0: "uno", 1: "olt", 2: "oeq", 3: "ole", 4: "uno", 5: "ult", 6: "ueq", 7: "ule", 8: "one",
    10: "ord", 12: "une",
}  # fmt: skip
_VECTORS: Final = {32: ("<4 x float>", "sse", "ss"), 64: ("<2 x double>", "sse2", "sd")}
#: Largest magnitude frint handles here: far below where conversion to 64 bits would fail.
_INTEGRAL_LIMIT: Final = "4503599627370496.0"  # 2**52


class FloatText(Text):
    """The floating-point part of a handler.

    Attributes:
        is_strict: Whether it uses constrained operations.
    """

    is_strict = False

    def guard(self, unusual: Value, function: str = "@slow") -> None:
        """Leave if the condition holds."""
        raise NotImplementedError

    def _float(self, bits: Value) -> str:
        return self.name(f"bitcast i{bits.bits} {bits.text} to {FLOAT_TYPES[bits.bits]}")

    def _bits(self, value: str, bits: int) -> Value:
        return self.value(f"bitcast {FLOAT_TYPES[bits]} {value} to i{bits}", bits)

    def _relation(self, predicate: str, a: str, b: str, bits: int) -> Value:
        return self.value(f"fcmp {predicate} {FLOAT_TYPES[bits]} {a}, {b}", 1)

    def _intrinsic(self, name: str, bits: int, *operands: str) -> str:
        form = FLOAT_TYPES[bits]
        arguments = ", ".join(f"{form} {a}" for a in operands)
        return self.name(f"call {form} @llvm.{name}.f{bits}({arguments})")

    def _fused(self, name: str, bits: int, a: str, b: str, c: str) -> str:
        form = FLOAT_TYPES[bits]
        if name.endswith("sub"):
            c = self.name(f"fneg {form} {c}")
        total = self._intrinsic("fma", bits, a, b, c)
        return self.name(f"fneg {form} {total}") if name.startswith("fn") else total

    def _convert(self, bits: int, a: str) -> str:
        if bits == 32:
            return self.name(f"fptrunc double {a} to float")
        return self.name(f"fpext float {a} to double")

    def arithmetic(self, name: str, bits: int, *operands: Value) -> Value:
        """See `Builder.arithmetic`."""
        form = FLOAT_TYPES[bits]
        values = [self._float(a) for a in operands]
        if name in ("fmax", "fmin"):
            return self._choose(name, operands[0], operands[1], *values)
        if name in _BINARY:
            result = self.name(f"{name} {form} {values[0]}, {values[1]}")
        elif name in _FUSED:
            result = self._fused(name, bits, *values)
        elif name == "fcvt":
            result = self._convert(bits, values[0])
        else:
            result = values[0]
            if name in ("fsqrt", "frsqrt"):
                result = self._intrinsic("sqrt", bits, result)
            if name in ("frecip", "frsqrt"):
                result = self.name(f"fdiv {form} 1.0, {result}")
        self.guard(self._relation("uno", result, result, bits))
        return self._bits(result, bits)

    def _choose(self, name: str, a: Value, b: Value, x: str, y: str) -> Value:
        bits = a.bits
        self.guard(self._relation("uno", x, y, bits))
        predicate, both = ("ogt", "and") if name == "fmax" else ("olt", "or")
        first = self._relation(predicate, x, y, bits)
        second = self._relation(predicate, y, x, bits)
        equal = self.name(f"{both} i{bits} {a.text}, {b.text}")  # +0 and -0
        rest = self.name(f"select i1 {second.text}, i{bits} {b.text}, i{bits} {equal}")
        return self.value(f"select i1 {first.text}, i{bits} {a.text}, i{bits} {rest}", bits)

    def _to_int64(self, name: str, a: str, bits: int) -> Value:
        """Convert by the host's instruction, which rounds and raises flags as ftint does."""
        vector, level, suffix = _VECTORS[bits]
        filled = self.name(
            f"insertelement {vector} zeroinitializer, {FLOAT_TYPES[bits]} {a}, i32 0"
        )
        how = "cvtt" if name == "ftintrz" else "cvt"
        return self.value(f"call i64 @llvm.x86.{level}.{how}{suffix}2si64({vector} {filled})", 64)

    def in_range(self, name: str, bits: int, operand: Value) -> Value:
        """An ftint or ftintrz, 64 bits; leaves if it may not fit in `bits`."""
        a = self._float(operand)
        lowest, beyond, relation = "-2147483648.0", "2147483647.0", "ole"
        if operand.bits == 32:  # floats near 2**31 are whole
            beyond, relation = "2147483648.0", "olt"
        if bits == 64:
            lowest, beyond, relation = "-9223372036854775808.0", "9223372036854775808.0", "olt"
        above = self._relation("oge", a, lowest, operand.bits)
        below = self._relation(relation, a, beyond, operand.bits)
        fits = self.name(f"and i1 {above.text}, {below.text}")
        self.guard(self.value(f"xor i1 {fits}, true", 1))
        return self._to_int64(name, a, operand.bits)

    def round_integral(self, operand: Value) -> Value:
        """An frint; leaves for large numbers, infinities and NaNs."""
        bits = operand.bits
        a = self._float(operand)
        size = self._intrinsic("fabs", bits, a)
        small = self._relation("olt", size, _INTEGRAL_LIMIT, bits)
        self.guard(self.value(f"xor i1 {small.text}, true", 1))
        whole = self._to_int64("ftint", a, bits)
        result = self.from_integer(bits, whole)
        sign = literal(1 << bits - 1, bits)
        kept = self.name(f"and i{bits} {operand.text}, {sign.text}")
        return self.value(f"or i{bits} {result.text}, {kept}", bits)  # -0.2 becomes -0

    def from_integer(self, bits: int, operand: Value) -> Value:
        """See `Builder.from_integer`."""
        form = FLOAT_TYPES[bits]
        return self._bits(self.name(f"sitofp i{operand.bits} {operand.text} to {form}"), bits)

    def float_compare(self, condition: int, a: Value, b: Value) -> Value:
        """See `Builder.float_compare`."""
        bits, form = a.bits, FLOAT_TYPES[a.bits]
        x, y = self._float(a), self._float(b)
        predicate = _PREDICATES[condition >> 1]
        if not (condition & 1 or condition == 0):
            return self._relation(predicate, x, y, bits)
        # Always computed, for the flag: the signalling ones, and caf, which is never true.
        self.is_strict = True
        kind = "fcmps" if condition & 1 else "fcmp"
        result = self.value(
            f"call i1 @llvm.experimental.constrained.{kind}.f{bits}({form} {x}, {form} {y}, "
            f'metadata !"{predicate}", metadata !"fpexcept.strict") strictfp',
            1,
        )
        if condition >> 1 == 0:
            return self.value(f"and i1 {result.text}, false", 1)
        return result
