"""POSIX threads (src/pthreads.c) as on Linux: musl's on every architecture, at 1, 2 and 4 CPUs.

src/pthreads.out is what Linux gave for the x86_64 program; where this host can run that, it still
has to give the same.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.oracle import Command, Outcome, difference, linux_runner, run_here, run_linux

HERE = Path(__file__).resolve().parent
EXPECTED = Outcome((HERE / "src" / "pthreads.out").read_bytes(), b"", 3)
CASES = [
    ("x86_64", 1, "cfs"), ("x86_64", 2, "rr"), ("x86_64", 4, "fifo"), ("riscv64", 1, "rr"),
    ("riscv64", 4, "cfs"), ("aarch64", 2, "cfs"), ("loongarch64", 2, "rr"),
]  # fmt: skip


@pytest.mark.parametrize(("arch", "cpus", "scheduler"), CASES)
def test_as_recorded(arch: str, cpus: int, scheduler: str) -> None:
    command = Command("pthreads", cpus=cpus, scheduler=scheduler)
    here = run_here((HERE / "bin" / arch / "pthreads").read_bytes(), command)
    assert difference(command, EXPECTED, here) == ""


def test_linux_gives_what_was_recorded() -> None:
    if linux_runner("x86_64") != []:
        pytest.skip("this host runs no x86_64 programs")
    command = Command("pthreads")
    path = HERE / "bin" / "x86_64" / "pthreads"
    # The program gives its threads 10 ms to get where it wants them; a busy host may need a retry.
    differing = [difference(command, run_linux("x86_64", path, command), EXPECTED)]
    while differing[-1] and len(differing) < 3:
        differing.append(difference(command, run_linux("x86_64", path, command), EXPECTED))
    assert differing[-1] == ""
