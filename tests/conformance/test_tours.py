"""Tours through the calls of processes, signals, threads, timers and IPC (src/tours).

What each prints was recorded on Linux (x86_64) by build_calls.py; it must be the same here on every
architecture and on several CPUs. The tour `job` is one for a terminal: run it in a shell on Linux
and with `arcetui run --scheduler rr`, and compare.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.oracle import Command, run_here

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "expected" / "tours"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
TOURS = sorted(path.stem for path in EXPECTED.glob("*.txt"))
CPUS = {"x86_64": 1, "riscv64": 2, "aarch64": 4, "loongarch64": 2}


@pytest.mark.parametrize("tour", TOURS)
@pytest.mark.parametrize("arch", ARCHES)
def test_as_recorded(arch: str, tour: str) -> None:
    elf = (HERE / "bin" / arch / "tours").read_bytes()
    command = Command("tours", (tour,), cpus=CPUS[arch], scheduler="rr")  # Linux preempts, too
    outcome = run_here(elf, command)
    assert outcome.stdout == (EXPECTED / f"{tour}.txt").read_bytes()
    assert outcome.status == 0
