"""What semantics are written in: operations on values, which each back end turns into its code.

A value carries its width in bits; binary operations take equal widths. Integers are unsigned; the
operation says where a sign counts. Writes to registers come last in an instruction, after
everything that may fault: then a fault leaves nothing half done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from kernel.machine.engines.loongarch64.isa import Instruction


class Value(NamedTuple):
    """A value in a back end's code: an expression or a name, and its width in bits."""

    text: str
    bits: int


class Builder(ABC):
    """Code for one instruction."""

    row: Instruction

    # -- integers -----------------------------------------------------------------------------

    @abstractmethod
    def const(self, value: int, bits: int = 64) -> Value:
        """`value` modulo 2**bits."""

    @abstractmethod
    def op(self, name: str, a: Value, b: Value) -> Value:
        """One of add, sub, mul, and, or, xor."""

    @abstractmethod
    def divide(self, name: str, a: Value, b: Value) -> Value:
        """One of sdiv, srem, udiv, urem; `b` is not 0 and the result fits."""

    @abstractmethod
    def shift(self, name: str, a: Value, count: Value) -> Value:
        """One of shl, lshr, ashr, rotr; `count` is less than the width of `a`."""

    @abstractmethod
    def compare(self, name: str, a: Value, b: Value) -> Value:
        """One of eq, ne, slt, sge, ult, ule, ugt, uge, sle, sgt; 1 bit."""

    @abstractmethod
    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """`a` if the condition holds, else `b`."""

    @abstractmethod
    def trunc(self, a: Value, bits: int) -> Value: ...
    @abstractmethod
    def zext(self, a: Value, bits: int) -> Value: ...
    @abstractmethod
    def sext(self, a: Value, bits: int) -> Value: ...

    @abstractmethod
    def count(self, name: str, a: Value) -> Value:
        """One of clz, ctz, bswap, bitrev."""

    @abstractmethod
    def keep(self, a: Value) -> Value:
        """Evaluate now: later writes to registers do not change it."""

    @abstractmethod
    def mask_field(self) -> tuple[Value, Value]:
        """(lowest bit, right-aligned mask) of bstrins and bstrpick."""

    # -- operands -------------------------------------------------------------------------------

    @abstractmethod
    def gpr(self, letter: str) -> Value:
        """The general register named by an operand: D or S, J, K."""

    @abstractmethod
    def imm(self) -> Value:
        """The immediate, sign-extended to 64 bits and scaled."""

    @abstractmethod
    def amount(self) -> Value:
        """The small unsigned operand in slot d."""

    @abstractmethod
    def pc(self) -> Value: ...

    @abstractmethod
    def write(self, value: Value) -> None:
        """Write 64 bits to rd."""

    @abstractmethod
    def write_rj(self, value: Value) -> None:
        """Write 64 bits to rj: rdtime only."""

    @abstractmethod
    def write_link(self, value: Value) -> None:
        """Write 64 bits to r1."""

    @abstractmethod
    def fpr(self, letter: str, bits: int) -> Value:
        """The low bits of the FP register named by f, g, h or i."""

    @abstractmethod
    def write_fpr(self, value: Value) -> None:
        """Write fd; a 32-bit value leaves ones above, as the hardware at hand does."""

    @abstractmethod
    def fcc(self, letter: str) -> Value:
        """8 bits, 0 or 1: the condition flag named by x or a."""

    @abstractmethod
    def write_fcc(self, value: Value) -> None:
        """Write the condition flag cd; 8 bits or 1 bit."""

    # -- memory ---------------------------------------------------------------------------------

    @abstractmethod
    def load(self, address: Value, bits: int) -> Value: ...
    @abstractmethod
    def store(self, address: Value, value: Value) -> None: ...

    @abstractmethod
    def load_linked(self, address: Value, bits: int) -> None:
        """Load to rd and set the reservation; the address must be aligned."""

    @abstractmethod
    def store_conditional(self, address: Value, bits: int) -> None:
        """Store rd if the reservation holds; rd says whether.

        It holds while address and value are those of the load: another CPU that wrote back the
        same value goes unnoticed.
        """

    @abstractmethod
    def atomic(self, address: Value, bits: int, update: Callable[[Value], Value]) -> None:
        """Replace memory by `update(old)`, old to rd; the address must be aligned."""

    @abstractmethod
    def check_bound(self, condition: Value) -> None:
        """Raise a bound-check exception at the address in rj unless the condition holds."""

    # -- control --------------------------------------------------------------------------------

    @abstractmethod
    def branch(self, condition: Value | None) -> None:
        """Go to pc + immediate if the condition holds, or always."""

    @abstractmethod
    def jump(self, target: Value) -> None: ...

    @abstractmethod
    def system_call(self) -> None: ...

    @abstractmethod
    def exception(self, name: str) -> None:
        """Stop before this instruction: "break" or "privileged"."""

    # -- floating point ---------------------------------------------------------------------------

    @abstractmethod
    def arithmetic(self, name: str, bits: int, *operands: Value) -> Value:
        """Compute under FCSR's rounding mode, with its flags.

        One of fadd fsub fmul fdiv fmadd fmsub fnmadd fnmsub fsqrt frecip frsqrt fmax fmin, and
        fcvt to `bits`.
        """

    @abstractmethod
    def to_integer(self, name: str, bits: int, operand: Value) -> Value:
        """The ftint family and frint (to an integral float of the same width)."""

    @abstractmethod
    def from_integer(self, bits: int, operand: Value) -> Value:
        """ffint: a float of `bits` from a signed integer."""

    @abstractmethod
    def float_compare(self, condition: int, a: Value, b: Value) -> Value:
        """Fcmp with the condition of that number; 1 bit."""

    @abstractmethod
    def rare(self, name: str, bits: int, *operands: Value) -> Value:
        """What only `rare` and `softfloat` do; back ends leave it to plain Python."""

    @abstractmethod
    def write_fcsr(self, value: Value) -> None:
        """movgr2fcsr: write the part of FCSR named by the operand."""
