"""The same program gives the same output whatever the kernel is assembled from.

HAL, root file system, allocator, scheduler, CPUs, the way of fork and of dropped namespaces, on all
architectures: a covering array has every pair of choices in it; `python tests/kernel/test_forms.py`
runs the whole product of HAL, root file system, allocator and scheduler, for every program.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from covering import covering, pairs

from kernel.control import ALLOCATORS, Debugger, Goal, GoalKind, Recipe, StopReason, run_headless
from kernel.crates.scheduler import policies
from kernel.recipe import FORKS, HALS, NAMESPACES, ROOT_FILE_SYSTEMS

SAMPLES = Path(__file__).parents[2] / "samples"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
CASES: dict[str, dict[str, Any]] = {
    case["case"]: case for case in json.loads((SAMPLES / "expected" / "cases.json").read_text())
}
FACTORS: dict[str, tuple[Any, ...]] = {
    "arch": ARCHES,
    "case": (
        "execs",
        "fileread",
        "filemap",
        "forktree",
        "memlab",
        "notify",
        "prodcons",
        "sharing",
        "signals",
        "threads",
    ),
    "scheduler": tuple(sorted(policies())),
    "allocator": ALLOCATORS,
    "hal": HALS,
    "rootfs": ROOT_FILE_SYSTEMS,
    "cpus": (1, 2, 4),
    "fork": FORKS,
    "namespaces": NAMESPACES,
}
ROWS: list[dict[str, Any]] = covering(FACTORS)


def ran(choice: dict[str, Any]) -> tuple[bytes, int]:
    """Output and status of a sample on a machine of these choices."""
    case = CASES[choice["case"]]
    name = case["program"]
    elf = (SAMPLES / "bin" / choice["arch"] / name).read_bytes()
    machine = {key: value for key, value in choice.items() if key not in ("arch", "case")}
    recipe = Recipe(
        elf, f"/{name}", (name, *case["args"]), stdio=("pipe", "pipe", "pipe"), **machine
    )
    out = bytearray()
    lines = [case["stdin"].encode()]
    status = run_headless(
        recipe,
        lambda: lines.pop() if lines else b"",
        lambda fd, data: out.extend(data) if fd == 1 else None,
    )
    return bytes(out), status >> 8 if not status & 0x7F else 128 + (status & 0x7F)


def test_the_rows_cover_every_pair_of_choices() -> None:
    seen = {frozenset(pair) for row in ROWS for pair in itertools.combinations(row.items(), 2)}
    assert set(pairs(FACTORS)) <= seen
    assert set(FACTORS["scheduler"]) == set(policies())


@pytest.mark.parametrize("case", FACTORS["case"])
def test_output_is_the_same_on_every_machine(case: str) -> None:
    expected = (SAMPLES / "expected" / f"{case}.txt").read_bytes()
    for row in ROWS:
        if row["case"] == case:
            assert ran(row) == (expected, CASES[case]["status"]), row


@pytest.mark.parametrize("arch", ARCHES)
def test_a_space_that_execve_drops_is_loaded_on_no_cpu(arch: str) -> None:
    """The next space may have its root in the same frame, and would meet a stale TLB."""
    choice = {"arch": arch, "case": "execs", "scheduler": "ariel-realloc", "rootfs": "fat"}
    assert ran(choice | {"cpus": 2})[0] == (SAMPLES / "expected" / "execs.txt").read_bytes()


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


def main() -> None:
    """Run the whole product for every recorded case; print what differs and how many ran."""
    axes = {
        "arch": ARCHES,
        "case": tuple(CASES),
        "scheduler": FACTORS["scheduler"],
        "allocator": ALLOCATORS,
        "hal": HALS,
        "rootfs": ROOT_FILE_SYSTEMS,
    }
    wrong = count = 0
    for values in itertools.product(*axes.values()):
        choice: dict[str, Any] = dict(zip(axes, values, strict=True))
        choice["cpus"] = 1 + count % 4
        case = CASES[choice["case"]]
        expected = (SAMPLES / "expected" / f"{case['case']}.txt").read_bytes()
        count += 1
        try:
            same = ran(choice) == (expected, case["status"])
        except Exception as error:
            same = False
            print(error)
        if not same:
            wrong += 1
            print("differs:", choice, flush=True)
    print(f"{count} runs, {wrong} differ")


if __name__ == "__main__":
    main()
