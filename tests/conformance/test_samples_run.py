"""Every sample on our kernel, on every architecture: Linux's output and status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.oracle import (
    Command,
    Outcome,
    against_linux,
    difference,
    linux_runner,
    run_here,
)

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
CASES: list[dict[str, Any]] = json.loads((SAMPLES / "expected" / "cases.json").read_text("utf-8"))


def command_of(case: dict[str, Any], stdio: str = "pipe") -> Command:
    return Command(case["program"], tuple(case["args"]), case["stdin"].encode(), stdio=stdio)


def by_path(case: dict[str, Any]) -> Command:
    """The case started by its path, as it was recorded: a program that runs itself finds itself."""
    args, stdin = tuple(case["args"]), case["stdin"].encode()
    return Command(case["program"], args, stdin, argv0=f"/bin/{case['program']}")


@pytest.mark.parametrize("arch", ARCHES)
def test_as_recorded(arch: str) -> None:
    """What was recorded on Linux is what our kernel gives; no Linux is needed here."""
    for case in CASES:
        elf = (SAMPLES / "bin" / arch / case["program"]).read_bytes()
        here = run_here(elf, by_path(case))
        expected = (SAMPLES / "expected" / f"{case['case']}.txt").read_bytes()
        want = Outcome(expected, here.stderr, case["status"])
        assert difference(by_path(case), want, here) == "", case["case"]


@pytest.mark.parametrize("stdio", ["pipe", "file"])
@pytest.mark.parametrize("arch", ARCHES)
def test_as_linux_now(arch: str, stdio: str) -> None:
    """As on this host's Linux, or qemu-user's, standard error included."""
    if linux_runner(arch) is None:
        pytest.skip(f"no Linux for {arch} here: neither the host nor qemu-{arch}")
    for case in CASES:
        if arch in case.get("qemu_differs", {}) and linux_runner(arch):
            continue
        path = SAMPLES / "bin" / arch / case["program"]
        assert against_linux(arch, path, command_of(case, stdio)) == "", case["case"]
