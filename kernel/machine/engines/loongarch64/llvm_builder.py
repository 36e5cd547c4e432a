"""Semantics as LLVM IR: one instruction becomes a handler that ends by jumping to the next one's.

A handler does the usual case. Before anything is changed, whatever else may turn up (a TLB miss, a
page crossing, a NaN, an exception) makes it leave to the driver, which has plain Python carry the
instruction out. `RareInstruction` says: there is no handler, always leave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kernel.machine.engines.loongarch64 import llvm_layout as at
from kernel.machine.engines.loongarch64.builder import Builder, Value
from kernel.machine.engines.loongarch64.formats import FIELDS
from kernel.machine.engines.loongarch64.isa import Instruction
from kernel.machine.engines.loongarch64.llvm_float import FloatText
from kernel.machine.engines.loongarch64.llvm_text import literal

_COUNTS: Final = {"clz": "ctlz", "ctz": "cttz", "bswap": "bswap", "bitrev": "bitreverse"}
#: Offset of an operand byte in its record, by slot; and where rd stays when a is redirected.
_RAW_RD: Final = 2
_PAGE: Final = ~0xFFF


class RareInstruction(Exception):
    """Native code leaves this instruction to plain Python."""


class LlvmBuilder(FloatText, Builder):
    """A handler.

    Attributes:
        is_far: Whether a branch goes to another page.
        is_done: Whether the handler has gone on to the next one.
    """

    def __init__(self, row: Instruction, *, is_far: bool = False) -> None:
        super().__init__()
        self.row = row
        self.is_far = is_far
        self.is_done = False
        self._known: dict[str, Value] = {}

    # -- integers -----------------------------------------------------------------------------

    def const(self, value: int, bits: int = 64) -> Value:
        return literal(value, bits)

    def op(self, name: str, a: Value, b: Value) -> Value:
        return self.value(f"{name} i{a.bits} {a.text}, {b.text}", a.bits)

    def divide(self, name: str, a: Value, b: Value) -> Value:
        return self.op(name, a, b)

    def shift(self, name: str, a: Value, count: Value) -> Value:
        bits = a.bits
        count = self.trunc(count, bits) if count.bits > bits else self.zext(count, bits)
        if name == "rotr":
            pair = f"i{bits} {a.text}, i{bits} {a.text}, i{bits} {count.text}"
            return self.value(f"call i{bits} @llvm.fshr.i{bits}({pair})", bits)
        return self.op(name, a, count)

    def compare(self, name: str, a: Value, b: Value) -> Value:
        return self.value(f"icmp {name} i{a.bits} {a.text}, {b.text}", 1)

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        choice = f"i{a.bits} {a.text}, i{a.bits} {b.text}"
        return self.value(f"select i1 {condition.text}, {choice}", a.bits)

    def _resize(self, how: str, a: Value, bits: int) -> Value:
        if a.bits == bits:
            return a
        return self.value(f"{how} i{a.bits} {a.text} to i{bits}", bits)

    def trunc(self, a: Value, bits: int) -> Value:
        return self._resize("trunc", a, bits)

    def zext(self, a: Value, bits: int) -> Value:
        return self._resize("zext", a, bits)

    def sext(self, a: Value, bits: int) -> Value:
        return self._resize("sext", a, bits)

    def count(self, name: str, a: Value) -> Value:
        bits = a.bits
        more = ", i1 false" if name in ("clz", "ctz") else ""
        function = f"@llvm.{_COUNTS[name]}.i{bits}"
        return self.value(f"call i{bits} {function}(i{bits} {a.text}{more})", bits)

    def keep(self, a: Value) -> Value:
        return a

    def mask_field(self) -> tuple[Value, Value]:
        lowest, highest = self._byte(2), self._byte(3)
        unused = self.op("sub", literal(63), self.op("sub", highest, lowest))
        unused = self.op("and", unused, literal(63))
        return lowest, self.shift("lshr", literal(-1), unused)

    # -- operands -------------------------------------------------------------------------------

    def _byte(self, slot: int) -> Value:
        return self.zext(self.read(self.at("%ip", at.SLOTS + slot), 8), 64)

    def _register(self, slot: int, base: int, scale: int = 3) -> str:
        index = self.shift("shl", self._byte(slot), literal(scale)) if scale else self._byte(slot)
        return self.at(self.at("%cpu", base), index.text)

    def gpr(self, letter: str) -> Value:
        if letter not in self._known:
            pointer = self._register(FIELDS[letter].slot, at.GPR)
            self._known[letter] = self.read(pointer, 64)
        return self._known[letter]

    def imm(self) -> Value:
        return self.sext(self.read(self.at("%ip", at.IMMEDIATE), 32), 64)

    def amount(self) -> Value:
        return self._byte(3)

    def pc(self) -> Value:
        record = self.value("ptrtoint ptr %ip to i64", 64)
        return self.op("add", self.shift("lshr", record, literal(2)), Value("%bias", 64))

    def write(self, value: Value) -> None:
        self.write_to(self._register(0, at.GPR), value)

    def write_rj(self, value: Value) -> None:
        raise RareInstruction

    def write_link(self, value: Value) -> None:
        self.write_cpu(at.GPR + 8, value)

    def fpr(self, letter: str, bits: int) -> Value:
        return self.read(self._register(FIELDS[letter].slot, at.FPR), bits, 8)

    def write_fpr(self, value: Value) -> None:
        if value.bits == 32:
            value = self.op("or", self.zext(value, 64), literal(-1 << 32))
        self.write_to(self._register(0, at.FPR), value)

    def fcc(self, letter: str) -> Value:
        return self.read(self._register(FIELDS[letter].slot, at.FCC, 0), 8)

    def write_fcc(self, value: Value) -> None:
        self.write_to(self._register(0, at.FCC, 0), self.zext(value, 8))

    # -- leaving ----------------------------------------------------------------------------------

    def guard(self, unusual: Value, function: str = "@slow") -> None:
        """Leave if the condition holds."""
        leave, stay = self.label(), self.label()
        self.fork(unusual, leave, stay, "!0")
        self.place(leave)
        self.tail(function)
        self.place(stay)

    def _host(self, address: Value, bits: int, access: int) -> str:
        """Host address of a guest address; leaves on a TLB miss or across a page."""
        page = self.shift("lshr", address, literal(12))
        spread = self.op("add", page, self.shift("lshr", address, literal(12 + at.DATA_TLB_BITS)))
        index = self.op("and", spread, literal(at.DATA_TLB_ENTRIES - 1))
        offset = self.shift("shl", index, literal(5))
        entry = self.at(self.at("%cpu", at.DATA_TLB), offset.text)
        tag = self.read(self.at(entry, 8 * access), 64)
        distance = self.read(self.at(entry, 16), 64)
        last = address if bits == 8 else self.op("add", address, literal(bits // 8 - 1))
        miss = self.compare("ne", self.op("and", last, literal(_PAGE)), tag)
        leave, stay = self.label(), self.label()
        self.fork(miss, leave, stay, "!0")
        self.place(leave)
        self.write_cpu(at.ADDRESS, address)
        self.write_cpu(at.ACCESS, literal(access))
        self.tail("@missed")
        self.place(stay)
        return self.name(f"inttoptr i64 {self.op('add', address, distance).text} to ptr")

    def _aligned(self, address: Value, bits: int) -> None:
        rest = self.op("and", address, literal(bits // 8 - 1))
        self.guard(self.compare("ne", rest, literal(0)))

    # -- memory ---------------------------------------------------------------------------------

    def load(self, address: Value, bits: int) -> Value:
        return self.read(self._host(address, bits, at.READING), bits, 1)

    def store(self, address: Value, value: Value) -> None:
        self.write_to(self._host(address, value.bits, at.WRITING), value, 1)

    def load_linked(self, address: Value, bits: int) -> None:
        self._aligned(address, bits)
        value = self.load(address, bits)
        self.write_cpu(at.LL_BIT_AT, literal(1))
        self.write_cpu(at.LL_ADDRESS_AT, address)
        self.write_cpu(at.LL_VALUE_AT, self.zext(value, 64))
        self.write(self.sext(value, 64))

    def store_conditional(self, address: Value, bits: int) -> None:
        self._aligned(address, bits)
        is_held = self.compare("ne", self.read_cpu(at.LL_BIT_AT), literal(0))
        is_there = self.compare("eq", self.read_cpu(at.LL_ADDRESS_AT), address)
        access, store, fail, end = (self.label() for _ in range(4))
        stored = self.read(self._register(_RAW_RD, at.GPR), bits, 8)
        self.fork(self.op("and", is_held, is_there), access, fail)
        self.place(access)
        pointer = self._host(address, bits, at.WRITING)
        present = self.zext(self.read(pointer, bits, 1), 64)
        self.fork(self.compare("eq", present, self.read_cpu(at.LL_VALUE_AT)), store, fail)
        self.place(store)
        self.write_to(pointer, stored, 1)
        self.write(literal(1))
        self.go(end)
        self.place(fail)
        self.write(literal(0))
        self.go(end)
        self.place(end)
        self.write_cpu(at.LL_BIT_AT, literal(0))

    def atomic(self, address: Value, bits: int, update: Callable[[Value], Value]) -> None:
        self._aligned(address, bits)
        pointer = self._host(address, bits, at.WRITING)
        old = self.read(pointer, bits, 1)
        self.write_to(pointer, update(old), 1)
        self.write(self.sext(old, 64))

    def check_bound(self, condition: Value) -> None:
        self.guard(self.op("xor", condition, literal(1, 1)))

    # -- control --------------------------------------------------------------------------------

    def _counted(self) -> Value:
        return self.op("sub", Value("%left", 64), literal(1))

    def _dispatch(self, record: str) -> None:
        left = self._counted()
        end, go = self.label(), self.label()
        self.fork(self.compare("eq", left, literal(0)), end, go, "!0")
        self.place(end)
        self.tail("@budget", record, left.text)
        self.place(go)
        handler = self.name(f"load ptr, ptr {record}, align 8")
        self.tail(handler, record, left.text)

    def next(self) -> None:
        """Go on with the instruction behind."""
        self._dispatch(self.at("%ip", at.RECORD_BYTES))
        self.is_done = True

    def branch(self, condition: Value | None) -> None:
        taken, through = self.label(), self.label()
        if condition is not None:
            self.fork(condition, taken, through)
            self.place(taken)
        distance = self.imm()
        if self.is_far:
            self.jump(self.op("add", self.pc(), distance))
        else:
            self._dispatch(self.at("%ip", distance.text))
        if condition is not None:
            self.place(through)
            self.next()
        self.is_done = True

    def jump(self, target: Value) -> None:
        self.tail("@goto", left=self._counted().text, bias=target.text)
        self.is_done = True

    def system_call(self) -> None:
        self.tail("@system_call", left=self._counted().text)
        self.is_done = True

    def exception(self, name: str) -> None:
        raise RareInstruction

    def rare(self, name: str, bits: int, *operands: Value) -> Value:
        raise RareInstruction

    def write_fcsr(self, value: Value) -> None:
        raise RareInstruction

    def to_integer(self, name: str, bits: int, operand: Value) -> Value:
        if name not in ("ftint", "ftintrz", "frint"):
            raise RareInstruction
        if name == "frint":
            return self.round_integral(operand)
        return self.trunc(self.in_range(name, bits, operand), bits)
