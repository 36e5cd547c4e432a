"""Loads, stores, atomics and bound checks. Source: manual vol. 1, sections 2.2.5 to 2.2.8, 3.2.6.

Ordinary accesses may be misaligned (CPUCFG.UAL); LL, SC and AM must be aligned. The bound-checked
accesses follow the manual where QEMU 10 does not: they compare signed numbers. They need not be
aligned here either. Barriers do nothing: CPUs take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kernel.machine.engines.loongarch64.builder import Builder, Value
from kernel.machine.engines.loongarch64.semantics.rules import Rule, to_fd, to_rd

SEMANTICS: Final[dict[str, Rule]] = {}
_WIDTHS: Final = (("b", 8), ("h", 16), ("w", 32), ("d", 64))
_Address = Callable[[Builder], Value]


def _offset(b: Builder) -> Value:
    return b.op("add", b.gpr("J"), b.imm())


def _indexed(b: Builder) -> Value:
    return b.op("add", b.gpr("J"), b.gpr("K"))


def _load(address: _Address, bits: int, *, zero_extend: bool = False) -> Rule:
    def compute(b: Builder) -> Value:
        value = b.load(address(b), bits)
        return b.zext(value, 64) if zero_extend and bits < 64 else value

    return to_rd(compute)


def _store(address: _Address, bits: int) -> Rule:
    return lambda b: b.store(address(b), b.trunc(b.gpr("S"), bits))


def _load_fpr(address: _Address, bits: int) -> Rule:
    return to_fd(lambda b: b.load(address(b), bits))


def _store_fpr(address: _Address, bits: int) -> Rule:
    return lambda b: b.store(address(b), b.fpr("f", bits))


def _bounded(predicate: str) -> _Address:
    def address(b: Builder) -> Value:
        j = b.gpr("J")
        b.check_bound(b.compare(predicate, j, b.gpr("K")))
        return j

    return address


def _bound_check(predicate: str) -> Rule:
    return lambda b: b.check_bound(b.compare(predicate, b.gpr("J"), b.gpr("K")))


_BOUNDS: Final = (("gt", "sgt"), ("le", "sle"))

for _name, _bits in _WIDTHS:
    SEMANTICS[f"ld.{_name}"] = _load(_offset, _bits)
    SEMANTICS[f"ldx.{_name}"] = _load(_indexed, _bits)
    SEMANTICS[f"st.{_name}"] = _store(_offset, _bits)
    SEMANTICS[f"stx.{_name}"] = _store(_indexed, _bits)
    if _bits < 64:
        SEMANTICS[f"ld.{_name}u"] = _load(_offset, _bits, zero_extend=True)
        SEMANTICS[f"ldx.{_name}u"] = _load(_indexed, _bits, zero_extend=True)
    for _bound, _predicate in _BOUNDS:
        SEMANTICS[f"ld{_bound}.{_name}"] = _load(_bounded(_predicate), _bits)
        SEMANTICS[f"st{_bound}.{_name}"] = _store(_bounded(_predicate), _bits)
for _name, _bits in (("s", 32), ("d", 64)):
    SEMANTICS[f"fld.{_name}"] = _load_fpr(_offset, _bits)
    SEMANTICS[f"fldx.{_name}"] = _load_fpr(_indexed, _bits)
    SEMANTICS[f"fst.{_name}"] = _store_fpr(_offset, _bits)
    SEMANTICS[f"fstx.{_name}"] = _store_fpr(_indexed, _bits)
    for _bound, _predicate in _BOUNDS:
        SEMANTICS[f"fld{_bound}.{_name}"] = _load_fpr(_bounded(_predicate), _bits)
        SEMANTICS[f"fst{_bound}.{_name}"] = _store_fpr(_bounded(_predicate), _bits)
for _bound, _predicate in _BOUNDS:
    SEMANTICS[f"asrt{_bound}.d"] = _bound_check(_predicate)


def _linked(bits: int) -> Rule:
    return lambda b: b.load_linked(_offset(b), bits)


def _conditional(bits: int) -> Rule:
    return lambda b: b.store_conditional(_offset(b), bits)


def _atomic(operation: str, bits: int) -> Rule:
    """Rd = old memory, memory = old combined with rk."""
    chosen = {"max": "sgt", "min": "slt", "maxu": "ugt", "minu": "ult"}

    def rule(b: Builder) -> None:
        k = b.trunc(b.gpr("K"), bits)

        def update(old: Value) -> Value:
            if operation == "swap":
                return k
            if operation in chosen:
                return b.select(b.compare(chosen[operation], old, k), old, k)
            return b.op(operation, old, k)

        b.atomic(b.gpr("J"), bits, update)

    return rule


for _name, _bits in (("w", 32), ("d", 64)):
    SEMANTICS[f"ldptr.{_name}"] = SEMANTICS[f"ld.{_name}"]
    SEMANTICS[f"stptr.{_name}"] = SEMANTICS[f"st.{_name}"]
    SEMANTICS[f"ll.{_name}"] = _linked(_bits)
    SEMANTICS[f"sc.{_name}"] = _conditional(_bits)
    for _barrier in ("", "_db"):
        for _op in ("swap", "add", "and", "or", "xor", "max", "min"):
            SEMANTICS[f"am{_op}{_barrier}.{_name}"] = _atomic(_op, _bits)
        for _op in ("max", "min"):
            SEMANTICS[f"am{_op}{_barrier}.{_name}u"] = _atomic(_op + "u", _bits)


def _nothing(_b: Builder) -> None:
    """Hints and barriers."""


SEMANTICS.update(dict.fromkeys(("preld", "preldx", "dbar", "ibar"), _nothing))
