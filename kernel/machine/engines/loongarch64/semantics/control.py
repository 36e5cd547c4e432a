"""Branches, system calls, breaks and what only the kernel may do. Source: manual, section 2.2.4."""

from __future__ import annotations

from typing import Final

from kernel.machine.engines.loongarch64.builder import Builder
from kernel.machine.engines.loongarch64.isa import PRIVILEGED
from kernel.machine.engines.loongarch64.semantics.rules import Rule


def _compared(predicate: str) -> Rule:
    return lambda b: b.branch(b.compare(predicate, b.gpr("J"), b.gpr("S")))


def _with_zero(predicate: str) -> Rule:
    return lambda b: b.branch(b.compare(predicate, b.gpr("J"), b.const(0)))


def _on_flag(predicate: str) -> Rule:
    return lambda b: b.branch(b.compare(predicate, b.fcc("x"), b.const(0, 8)))


def _call(b: Builder) -> None:
    b.write_link(b.op("add", b.pc(), b.const(4)))
    b.branch(None)


def _jump_and_link(b: Builder) -> None:
    # rd may be rj: the target is taken first.
    target = b.keep(b.op("add", b.gpr("J"), b.imm()))
    b.write(b.op("add", b.pc(), b.const(4)))
    b.jump(target)


def _exception(name: str) -> Rule:
    return lambda b: b.exception(name)


def _always(b: Builder) -> None:
    b.branch(None)


def _system_call(b: Builder) -> None:
    b.system_call()


SEMANTICS: Final[dict[str, Rule]] = {
    "beq": _compared("eq"),
    "bne": _compared("ne"),
    "blt": _compared("slt"),
    "bge": _compared("sge"),
    "bltu": _compared("ult"),
    "bgeu": _compared("uge"),
    "beqz": _with_zero("eq"),
    "bnez": _with_zero("ne"),
    "bceqz": _on_flag("eq"),
    "bcnez": _on_flag("ne"),
    "b": _always,
    "bl": _call,
    "jirl": _jump_and_link,
    "syscall": _system_call,
    "break": _exception("break"),
    "dbcl": _exception("break"),
    **{name: _exception("privileged") for name in sorted(PRIVILEGED)},
}
