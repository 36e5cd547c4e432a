"""The same program gives the same output under both HALs, on three architectures."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from kernel.control import Debugger, Goal, GoalKind, Recipe, StopReason

SAMPLES = Path(__file__).parents[2] / "samples"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
PROGRAMS = ("hello", "memlab", "protect", "sharing", "sort")


def ran(arch: str, name: str, **options: str) -> tuple[bytes, int | None]:
    """Output and status of a sample."""
    elf = (SAMPLES / "bin" / arch / name).read_bytes()
    machine = Debugger(Recipe(elf, f"/{name}", **options))  # type: ignore[arg-type]
    assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
    return machine.console(), machine.machine().exit_status


@pytest.mark.parametrize(("arch", "name"), list(itertools.product(ARCHES, PROGRAMS)))
def test_both_hals_run_programs_alike(arch: str, name: str) -> None:
    assert ran(arch, name, hal="polyhal") == ran(arch, name, hal="axhal")


@pytest.mark.parametrize("arch", ARCHES)
def test_they_map_the_kernel_differently(arch: str) -> None:
    elf = (SAMPLES / "bin" / arch / "hello").read_bytes()
    names: dict[str, set[str]] = {}
    for hal in ("axhal", "polyhal"):
        machine = Debugger(Recipe(elf, "/hello", hal=hal))
        names[hal] = {area.name for area in machine.address_space(0).areas}
    assert ".text" in names["axhal"]
    assert "boot mapping" in names["polyhal"]
    assert ".text" not in names["polyhal"]


@pytest.mark.parametrize("arch", ARCHES)
def test_polyhal_goes_back_in_time_too(arch: str) -> None:
    elf = (SAMPLES / "bin" / arch / "hello").read_bytes()
    machine = Debugger(Recipe(elf, "/hello", hal="polyhal"))
    machine.run(Goal(GoalKind.SYSCALL))
    here, digest = machine.position, machine.digest()
    machine.run(Goal(GoalKind.CONTINUE))
    machine.goto(here)
    assert machine.digest() == digest
    assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED


def test_a_leaked_arc_is_seen() -> None:
    elf = (SAMPLES / "bin/x86_64/sharing").read_bytes()
    machine = Debugger(Recipe(elf, "/sharing", namespaces="leak"))
    machine.run(Goal(GoalKind.CONTINUE))
    leaked = machine.sharing().leaked
    assert leaked
    for _, pa, _ in leaked:
        assert int.from_bytes(machine.read_physical(pa, 8), "little") > 0
