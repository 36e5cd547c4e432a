"""Breakpoints in corners: code to come, hits to pass, children and threads, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from arcetui.commands import Commander
from arcetui.render.row import lines
from kernel.control import Debugger, Recipe

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")


def commander(arch: str, sample: str) -> Commander:
    elf = (SAMPLES / arch / sample).read_bytes()
    return Commander(Debugger(Recipe(elf, sample)))


def do(commander: Commander, line: str, *, fails: bool = False) -> str:
    result = commander.run(line)
    text = lines(result.rows)
    assert result.error == fails, text
    return text


@pytest.mark.parametrize("arch", ARCHES)
def test_hits_pass_and_are_not_counted_on_the_way_back(arch: str) -> None:
    c = commander(arch, "prodcons")
    do(c, "b produce")
    assert "stops at its next hit" in do(c, "ignore 1 0")
    assert "next 1 hits pass" in do(c, "ignore 1 1")
    assert "breakpoint 1" in do(c, "c")
    assert "    2  " in do(c, "info b")
    first = do(c, "info position")
    assert "breakpoint 1" in do(c, "rc")  # the hit that passed
    assert "    2  " in do(c, "info b")
    assert "breakpoint 1" in do(c, "c")
    assert do(c, "info position").split()[1] == first.split()[1]


@pytest.mark.parametrize("arch", ARCHES)
def test_code_to_come(arch: str) -> None:
    c = commander(arch, "hello")
    assert "add the word pending" in do(c, "b *0x70000000", fails=True)
    assert "pending: nothing is mapped" in do(c, "b *0x70000000 pending")
    assert "cannot be executed" in do(c, "b *$sp pending", fails=True)
    assert "exited" in do(c, "c")


def test_every_kind_of_stop_is_met_backwards() -> None:
    c = commander("x86_64", "forktree")
    kinds = ("fork", "exit", "syscall wait4 return if result > 0", "signal SIGCHLD")
    for number, kind in enumerate(kinds, 1):
        do(c, f"catch {kind}")
        forward = [do(c, "c").splitlines()[0] for _ in range(3)]
        assert all(f"catchpoint {number}" in line for line in forward), forward
        back = [do(c, "rc").splitlines()[0] for _ in range(2)]
        assert back == forward[1::-1]
        do(c, "delete")
        do(c, "restart")


def test_values_of_variables_and_nothing_is_set() -> None:
    c = commander("x86_64", "prodcons")
    do(c, "c")
    assert do(c, "p most_used") == "$1 = 4"
    assert do(c, "p/x most_used") == "$2 = 0x4"
    assert "<most_used>" in do(c, "p &most_used")
    assert "must stay reproducible" in do(c, "set var most_used = 5", fails=True)
    assert "prodcons.c:26" in do(c, "info line prodcons.c:26")


@pytest.mark.parametrize("line", ["ignore", "ignore 1", "ignore 9 1", "ignore x 1", "ignore 1 -1"])
def test_mistakes(line: str) -> None:
    c = commander("x86_64", "hello")
    do(c, "b main")
    assert len(do(c, line, fails=True).splitlines()) == 1
