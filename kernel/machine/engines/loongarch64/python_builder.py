"""Semantics as Python source: one instruction becomes a few lines, registers local variables.

Names the lines use: `r1` to `r31`; `F`, `C`, `W` for `State.f`, `fcc` and `cells`; `m8` to `m64`
for RAM; `rt` and `wt` from page number to RAM offset minus virtual address, for reading and for
writing; `a` for the address accessed; `M` for 2**64 - 1. See `python_code` for the functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kernel.machine.engine import Cause
from kernel.machine.engines.loongarch64 import rare
from kernel.machine.engines.loongarch64.builder import Builder, Value
from kernel.machine.engines.loongarch64.decode import Decoded
from kernel.machine.engines.loongarch64.formats import FIELDS
from kernel.machine.engines.loongarch64.rare import FloatOperation
from kernel.machine.engines.loongarch64.state import FCSR, LL_ADDRESS, LL_BIT, LL_VALUE, MASK64

_SYMBOLS: Final = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^"}
_RELATIONS: Final = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
}  # fmt: skip
_SHIFTS: Final = {8: 0, 16: 1, 32: 2, 64: 3}
_BREAK_CAUSES: Final = {6: Cause.OVERFLOW, 7: Cause.DIVIDE}


def _number(value: Value) -> int | None:
    return int(value.text) if value.text.isdigit() else None


def _mask(bits: int) -> str:
    return "M" if bits == 64 else hex((1 << bits) - 1)


class PythonBuilder(Builder):
    """Source of one instruction.

    Attributes:
        lines: Its statements; those of a compound statement are indented by one space each level.
        used, written: Numbers of the general registers it needs as locals, and assigns.
        branch_to: (condition or None, target), or None.
        jump_to: Expression of the target, or "".
        is_call: Whether it is a system call.
        floats: Floating-point functions it calls, by name.
    """

    def __init__(self, insn: Decoded, pc: int) -> None:
        self.insn = insn
        self.row = insn.row
        self.at = pc
        self.lines: list[str] = []
        self.used: set[int] = set()
        self.written: set[int] = set()
        self.branch_to: tuple[str | None, int] | None = None
        self.jump_to = ""
        self.is_call = False
        self.floats: dict[str, FloatOperation] = {}
        self._kept = 0

    def _slot(self, letter: str) -> int:
        return self.insn.slots[FIELDS[letter].slot]

    # -- integers -----------------------------------------------------------------------------

    def const(self, value: int, bits: int = 64) -> Value:
        return Value(str(value & (1 << bits) - 1), bits)

    def op(self, name: str, a: Value, b: Value) -> Value:
        bits, x, y = a.bits, _number(a), _number(b)
        if x is not None and y is not None:
            results = {"add": x + y, "sub": x - y, "mul": x * y, "and": x & y, "or": x | y}
            return self.const(results.get(name, x ^ y), bits)
        if name in ("add", "or", "xor"):
            if x == 0:
                return b
            if y == 0:
                return a
        text = f"({a.text}{_SYMBOLS[name]}{b.text}"
        if name == "add" and y is not None and y >> bits - 1:
            text = f"({a.text}-{(1 << bits) - y}"
        if name in ("add", "sub", "mul"):
            text += f"&{_mask(bits)}"
        return Value(text + ")", bits)

    def divide(self, name: str, a: Value, b: Value) -> Value:
        if name[0] == "s":
            return Value(f"{name}({a.text},{b.text},{a.bits})", a.bits)
        return Value(f"({a.text}{'//' if name == 'udiv' else '%'}{b.text})", a.bits)

    def shift(self, name: str, a: Value, count: Value) -> Value:
        bits, x, y = a.bits, _number(a), _number(count)
        if name == "shl":
            if x is not None and y is not None:
                return self.const(x << y, bits)
            return Value(f"({a.text}<<{count.text}&{_mask(bits)})", bits)
        if name == "lshr":
            return Value(f"({a.text}>>{count.text})", bits)
        if name == "ashr":
            sign = 1 << bits - 1
            return Value(f"((({a.text}^{sign})-{sign}>>{count.text})&{_mask(bits)})", bits)
        return Value(f"rotr({a.text},{count.text},{bits})", bits)

    def compare(self, name: str, a: Value, b: Value) -> Value:
        if name in ("eq", "ne"):
            return Value(f"({a.text}{_RELATIONS[name]}{b.text})", 1)
        relation = _RELATIONS[name[1:]]
        if name[0] == "u":
            return Value(f"({a.text}{relation}{b.text})", 1)
        sign = 1 << a.bits - 1

        def biased(value: Value) -> str:
            known = _number(value)
            return f"({value.text}^{sign})" if known is None else str(known ^ sign)

        return Value(f"({biased(a)}{relation}{biased(b)})", 1)

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        return Value(f"({a.text} if {condition.text} else {b.text})", a.bits)

    def trunc(self, a: Value, bits: int) -> Value:
        if a.bits == bits:
            return a
        if _number(a) is not None:
            return self.const(int(a.text), bits)
        return Value(f"({a.text}&{_mask(bits)})", bits)

    def zext(self, a: Value, bits: int) -> Value:
        return Value(f"({a.text}+0)" if a.bits == 1 else a.text, bits)

    def sext(self, a: Value, bits: int) -> Value:
        if a.bits == bits:
            return a
        sign = 1 << a.bits - 1
        known = _number(a)
        if known is not None:
            return self.const((known ^ sign) - sign, bits)
        upper = (1 << bits) - (1 << a.bits)
        return Value(f"(t if (t:={a.text})<{sign} else t|{upper})", bits)

    def count(self, name: str, a: Value) -> Value:
        return Value(f"{name}({a.text},{a.bits})", a.bits)

    def keep(self, a: Value) -> Value:
        name = f"k{self._kept}"
        self._kept += 1
        self.lines.append(f"{name}={a.text}")
        return Value(name, a.bits)

    def mask_field(self) -> tuple[Value, Value]:
        lowest, highest = self.insn.slots[2], self.insn.slots[3]
        # The manual leaves highest < lowest open; this is what a 64-bit shift by the difference
        # gives, as in the other back end.
        return self.const(lowest), self.const(MASK64 >> (63 - highest + lowest & 63))

    # -- operands -------------------------------------------------------------------------------

    def gpr(self, letter: str) -> Value:
        number = self._slot(letter)
        if number == 0:
            return Value("0", 64)
        self.used.add(number)
        return Value(f"r{number}", 64)

    def imm(self) -> Value:
        return self.const(self.insn.imm)

    def amount(self) -> Value:
        return self.const(self.insn.slots[3])

    def pc(self) -> Value:
        return self.const(self.at)

    def _assign(self, number: int, value: Value) -> None:
        if number == 0:
            self.lines.append(value.text)  # a load may still fault
            return
        self.used.add(number)
        self.written.add(number)
        self.lines.append(f"r{number}={value.text}")

    def write(self, value: Value) -> None:
        self._assign(self._slot("D"), value)

    def write_rj(self, value: Value) -> None:
        self._assign(self._slot("J"), value)

    def write_link(self, value: Value) -> None:
        self._assign(1, value)

    def fpr(self, letter: str, bits: int) -> Value:
        text = f"F[{self._slot(letter)}]"
        return Value(text if bits == 64 else f"({text}&{_mask(bits)})", bits)

    def write_fpr(self, value: Value) -> None:
        upper = "|0xffffffff00000000" if value.bits == 32 else ""
        self.lines.append(f"F[{self._slot('f')}]={value.text}{upper}")

    def fcc(self, letter: str) -> Value:
        return Value(f"C[{self._slot(letter)}]", 8)

    def write_fcc(self, value: Value) -> None:
        self.lines.append(f"C[{self._slot('c')}]={value.text}+0")

    # -- memory ---------------------------------------------------------------------------------

    def _address(self, address: Value, bits: int, *, aligned: bool) -> None:
        self.lines.append(f"a={address.text}")
        if aligned:
            self.lines.append(f"if a&{bits // 8 - 1}: misaligned(a)")

    def load(self, address: Value, bits: int) -> Value:
        self._address(address, bits, aligned=False)
        if bits == 8:
            return Value("m8[a+rt[a>>12]]", 8)
        size = bits // 8
        fast = f"m{bits}[a+rt[a>>12]>>{_SHIFTS[bits]}]"
        return Value(f"(load_any(a,{size}) if a&{size - 1} else {fast})", bits)

    def store(self, address: Value, value: Value) -> None:
        bits = value.bits
        self._address(address, bits, aligned=False)
        if bits == 8:
            self.lines.append(f"m8[a+wt[a>>12]]={value.text}")
            return
        size = bits // 8
        self.lines.append(f"if a&{size - 1}: store_any(a,{size},{value.text})")
        self.lines.append(f"else: m{bits}[a+wt[a>>12]>>{_SHIFTS[bits]}]={value.text}")

    def load_linked(self, address: Value, bits: int) -> None:
        self._address(address, bits, aligned=True)
        self.lines += [
            f"v=m{bits}[a+rt[a>>12]>>{_SHIFTS[bits]}]",
            f"W[{LL_BIT}]=1",
            f"W[{LL_ADDRESS}]=a",
            f"W[{LL_VALUE}]=v",
        ]
        self.write(self.sext(Value("v", bits), 64))

    def store_conditional(self, address: Value, bits: int) -> None:
        self._address(address, bits, aligned=True)
        stored = self.trunc(self.gpr("D"), bits).text
        self.lines += [
            "v=0",
            f"if W[{LL_BIT}] and W[{LL_ADDRESS}]==a:",
            f" i=a+wt[a>>12]>>{_SHIFTS[bits]}",
            f" if m{bits}[i]==W[{LL_VALUE}]:",
            f"  m{bits}[i]={stored}",
            "  v=1",
            f"W[{LL_BIT}]=0",
        ]
        self.write(Value("v", 64))

    def atomic(self, address: Value, bits: int, update: Callable[[Value], Value]) -> None:
        self._address(address, bits, aligned=True)
        self.lines += [
            f"i=a+wt[a>>12]>>{_SHIFTS[bits]}",
            f"v=m{bits}[i]",
            f"m{bits}[i]={update(Value('v', bits)).text}",
        ]
        self.write(self.sext(Value("v", bits), 64))

    def check_bound(self, condition: Value) -> None:
        self.lines.append(f"if not {condition.text}: out_of_bound({self.gpr('J').text})")

    # -- control --------------------------------------------------------------------------------

    def branch(self, condition: Value | None) -> None:
        target = self.at + self.insn.imm & MASK64
        self.branch_to = (None if condition is None else condition.text, target)

    def jump(self, target: Value) -> None:
        self.jump_to = target.text

    def system_call(self) -> None:
        self.is_call = True

    def exception(self, name: str) -> None:
        cause = Cause.ILLEGAL
        if name == "break":
            cause = _BREAK_CAUSES.get(self.insn.imm, Cause.BREAKPOINT)
        self.lines.append(f"stop({int(cause)})")

    # -- floating point ---------------------------------------------------------------------------

    def _call(self, name: str, operation: FloatOperation, bits: int, *operands: Value) -> Value:
        self.floats[name] = operation
        return Value(f"{name}({','.join(a.text for a in operands)})", bits)

    def arithmetic(self, name: str, bits: int, *operands: Value) -> Value:
        operation = rare.float_operation(name, bits)
        return self._call(f"{name}{bits}", operation, bits, *operands)

    def to_integer(self, name: str, bits: int, operand: Value) -> Value:
        operation = rare.to_integer(name, bits, operand.bits)
        return self._call(f"{name}{bits}_{operand.bits}", operation, bits, operand)

    def from_integer(self, bits: int, operand: Value) -> Value:
        operation = rare.from_integer(bits, operand.bits)
        return self._call(f"ffint{bits}_{operand.bits}", operation, bits, operand)

    def float_compare(self, condition: int, a: Value, b: Value) -> Value:
        operation = rare.compare(condition, a.bits)
        return self._call(f"fcmp{condition}_{a.bits}", operation, 1, a, b)

    def rare(self, name: str, bits: int, *operands: Value) -> Value:
        if name == "fcsr":
            return Value(f"read_fcsr(W[{FCSR}],{self._slot('z')})", bits)
        if name == "rdtime":
            return Value("rdtime(left-DONE)", bits)  # `python_code` fills in DONE
        if name in rare.INTEGER:
            return Value(f"{name}({','.join(a.text for a in operands)})", bits)
        return self.arithmetic(name, bits, *operands)

    def write_fcsr(self, value: Value) -> None:
        number = self._slot("y")
        self.lines.append(f"W[{FCSR}]=write_fcsr(W[{FCSR}],{number},{value.text})")
