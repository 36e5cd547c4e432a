"""Every instruction on random operands: the hashes qemu-loongarch64 gave, and both back ends."""

from __future__ import annotations

import json
import shutil

import la64_differential as diff
import pytest

from kernel.machine.engine import Stop

ANSWERS = json.loads(diff.ANSWERS.read_text("utf-8"))


def run(machine, count: int) -> dict[str, str]:
    """The program's hashes on a bare engine."""
    text, data = diff.program(count), diff.operands()
    text += diff.code(diff.enc("syscall", 0))
    for va, content, perms in (
        (diff.CODE, text, 5),
        (diff.DATA, data, 1),
        (diff.SCRATCH, bytes(0x4000), 3),
        (diff.OUT, bytes(0x1000), 3),
    ):
        for at in range(0, len(content), 4096):
            pa = machine.map(va + at, perms)
            machine.ram.write(pa, content[at : at + 4096])
    result = machine.engine.run(diff.CODE, 1 << 40)
    assert result[0] == Stop.SYSCALL, result
    return diff.hashes(machine.ram.read(machine.pa(diff.OUT), 4096))


def differences(got: dict[str, str], wanted: dict[str, str]) -> list[str]:
    return [name for name in diff.NAMES if got[name] != wanted[name]]


def test_the_answers_are_those_of_this_program():
    assert ANSWERS["program"] == diff.digest(), "record the answers anew, see la64_differential"
    assert len(diff.NAMES) >= 300


def test_few_operands(la_machine, backend):
    assert (
        differences(run(la_machine(backend, size_bytes=4 << 20), diff.SHORT), ANSWERS["short"])
        == []
    )


def test_many_operands(la_machine, backend):
    assert (
        differences(run(la_machine(backend, size_bytes=4 << 20), diff.LONG), ANSWERS["long"]) == []
    )


def test_the_oracle_still_says_so():
    qemu = shutil.which("qemu-loongarch64")
    if qemu is None:
        pytest.skip("no qemu-loongarch64 here")
    assert differences(diff.answers_of(qemu, diff.SHORT), ANSWERS["short"]) == []
