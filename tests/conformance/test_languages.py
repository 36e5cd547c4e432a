"""Programs of other languages' compilers and run-times: the same on Linux and on our kernel.

`build_languages.py` builds them; what is not there is skipped. What they write to standard output
does not depend on the machine, so Linux is this host with its own build, for every architecture.
"""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.oracle import (
    Command,
    Missing,
    difference,
    linux_runner,
    programs_home,
    run_here,
    run_linux,
)
from tests.conformance.toolchain import MUSL, TARGETS

HOST = platform.machine()
#: CPUs and policies, which the programs take in turn.
MACHINES = ((1, "fifo"), (4, "cfs"), (2, "fifo"))
GO = [
    Command("go-conc"),
    Command("go-gc"),
    Command("go-exec"),
    Command("go-files", stdin=b"one\ntwo\n"),
    Command("go-sig"),
    Command("go-panics", compare_stderr=False),
    Command("go-panics", ("deadlock",), compare_stderr=False),
    Command("go-panics", ("exit",)),
]
#: Its goroutines spin, so one CPU needs a policy that preempts.
GO_SPINS = Command("go-preempt")
RUST = [
    Command("rust-tour", (), b"typed\n", compare_stderr=False),
    Command("rust-tour", ("panic",), compare_stderr=False),
    Command("rust-tour", ("overflow",), compare_stderr=False),
]
CXX = Command("cxx-tour")


def program(target: str, name: str) -> Path:
    """A built program; skips where there is none, or no Linux to compare with."""
    path = programs_home() / target / name
    if not path.exists():
        pytest.skip(f"no {target}/{name}: build it with tests/conformance/build_languages.py")
    if linux_runner(HOST) is None:
        pytest.skip("this host is no Linux")
    return path


def differs(native: Path, path: Path, command: Command, turn: int) -> str:
    """Where our outcome differs from Linux's; "" if nowhere."""
    cpus, scheduler = (1, "rr") if command == GO_SPINS else MACHINES[turn % len(MACHINES)]
    here = replace(command, cpus=cpus, scheduler=scheduler)
    found = difference(here, run_linux(HOST, native, command), run_here(path.read_bytes(), here))
    return found and f"{' '.join(here.argv)}, {cpus} CPUs, {scheduler}\n{found}"


@pytest.mark.parametrize("target", MUSL)
def test_go(target: str) -> None:
    found = [
        differs(program(HOST, command.program), program(target, command.program), command, turn)
        for turn, command in enumerate((*GO, GO_SPINS), MUSL.index(target))
    ]
    assert not any(found), "\n\n".join(found)


@pytest.mark.parametrize("target", MUSL)
def test_go_is_told_that_there_is_no_network(target: str) -> None:
    missing = Missing()
    here = run_here(program(target, "go-net").read_bytes(), Command("go-net"), missing)
    assert b"address family not supported by protocol" in here.stdout
    assert here.status == 0
    assert not missing.calls


def test_rust() -> None:
    path = program("x86_64-glibc", "rust-tour")
    found = [differs(path, path, command, turn) for turn, command in enumerate(RUST)]
    assert not any(found), "\n\n".join(found)


@pytest.mark.parametrize("target", TARGETS)
def test_cxx(target: str) -> None:
    path = program(target, CXX.program)
    native = program(f"{HOST}{'-glibc' if target.endswith('-glibc') else ''}", CXX.program)
    assert not differs(native, path, CXX, TARGETS.index(target))
