"""Machines with the LoongArch64 engine, each back end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kernel.machine.arch import ARCHES
from kernel.machine.engines import make_engines
from kernel.machine.engines.loongarch64.llvm_library import Unusable, load

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=["python", "llvm"])
def backend(request: pytest.FixtureRequest) -> str:
    """Every test runs on both back ends."""
    if request.param == "llvm":
        try:
            load()
        except Unusable as why:
            pytest.skip(str(why))
    return request.param


@pytest.fixture
def la_machine(make):
    """New machine on a back end: `la_machine("python", cpus=2)`."""

    def build(backend: str, cpus: int = 1, size_bytes: int = 1 << 20):
        machine = make("riscv64", size_bytes=size_bytes)  # its engines are replaced
        machine.arch = ARCHES["loongarch64"]
        machine.engines = make_engines(machine.arch, machine.ram, [machine.table] * cpus, backend)
        return machine

    return build
