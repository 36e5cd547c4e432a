"""Going anywhere in a run, exactly: the digest at a position does not depend on the way there."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from kernel.control import Debugger, Goal, GoalKind, Position, Recipe, StopReason

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")


def debugger(arch: str, name: str, **options: object) -> Debugger:
    elf = (SAMPLES / arch / name).read_bytes()
    return Debugger(Recipe(elf, f"/{name}", **options))  # type: ignore[arg-type]


def first_position(machine: Debugger) -> Position:
    machine.goto(Position(0))
    return machine.position


@pytest.mark.parametrize("arch", ARCHES)
def test_the_digest_at_a_position_is_the_same_however_it_was_reached(arch: str) -> None:
    machine = debugger(arch, "memlab")
    start = machine.position
    assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
    end = machine.end
    rng = random.Random(arch)
    targets = [Position(rng.randint(start.event, end.event)) for _ in range(70)]
    targets += [Position(target.event, rng.randint(0, 40)) for target in targets[:30]]
    digests: dict[Position, str] = {}
    for target in targets:  # back and forth, from snapshots
        machine.goto(target)
        digests.setdefault(machine.position, machine.digest())
        assert digests[machine.position] == machine.digest()
    for position in sorted(digests, reverse=True):  # always backwards
        machine.goto(position)
        assert (machine.position, machine.digest()) == (position, digests[position])
    fresh = debugger(arch, "memlab")
    for position in sorted(digests):  # always forwards, in a machine that never went back
        fresh.goto(position)
        assert (fresh.position, fresh.digest()) == (position, digests[position])


@pytest.mark.parametrize("arch", ARCHES)
def test_single_steps_and_one_run_agree(arch: str) -> None:
    stepped, ran = debugger(arch, "hello"), debugger(arch, "hello")
    for _ in range(300):
        stepped.run(Goal(GoalKind.INSN))
    ran.goto(stepped.position)
    assert ran.position == stepped.position
    assert ran.digest() == stepped.digest()


@pytest.mark.parametrize("arch", ARCHES)
def test_stepping_back_undoes_stepping(arch: str) -> None:
    machine = debugger(arch, "memlab")
    machine.run(Goal(GoalKind.SYSCALL, count=1))
    trail = [(machine.position, machine.cpu())]
    for _ in range(60):
        machine.run(Goal(GoalKind.INSN))
        trail.append((machine.position, machine.cpu()))
    for position, cpu in reversed(trail[1:-1]):
        machine.run(Goal(GoalKind.INSN, reverse=True))
        assert machine.cpu().pc == cpu.pc
        assert machine.position <= position


@pytest.mark.parametrize("arch", ARCHES)
def test_every_event_of_a_call_can_be_stood_on(arch: str) -> None:
    machine = debugger(arch, "memlab")
    numbers = machine.syscall_numbers()
    while True:
        stopped = machine.run(Goal(GoalKind.SYSCALL))
        assert stopped.syscall is not None
        if stopped.syscall.nr == numbers["munmap"]:
            break
    before = machine.address_space()
    seen = 0
    kinds: list[str] = []
    while True:
        machine.run(Goal(GoalKind.EVENT))
        (event,) = machine.events(machine.position.event, machine.position.event + 1)
        kinds.append(event.kind.name)
        seen += 1
        if event.kind.name == "TRAP_EXIT":
            break
        assert machine.machine().half_way
    assert kinds[0] == "SYSCALL_ENTER"
    assert "VMA_SPLIT" in kinds or "VMA_REMOVE" in kinds or "VMA_RESIZE" in kinds
    assert machine.address_space() != before
    for _ in range(seen):
        machine.run(Goal(GoalKind.EVENT, reverse=True))
    assert machine.address_space() == before


SCRIPT = """
import sys
from kernel.control import Debugger, Goal, GoalKind, Recipe
d = Debugger(Recipe(open(sys.argv[1], "rb").read(), "/prog", seed=int(sys.argv[2])))
d.run(Goal(GoalKind.CONTINUE))
print(d.digest())
for e in d.events(1, 1 << 60):
    print(e.index, e.time_ns, e.kind.name, e.fields, tuple(e.cause))
"""


@pytest.mark.parametrize("arch", ARCHES)
def test_two_processes_with_other_hash_seeds_run_the_same(arch: str) -> None:
    outputs = []
    for seed in ("1", "4242"):
        result = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(SAMPLES / arch / "systour"), "7"],
            env={"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        )
        outputs.append(result.stdout)
    assert len(outputs[0].splitlines()) > 100
    assert outputs[0] == outputs[1]


def test_two_machines_in_one_process_do_not_influence_each_other() -> None:
    alone = debugger("riscv64", "sort")
    alone.run(Goal(GoalKind.CONTINUE))
    one, two = debugger("riscv64", "sort"), debugger("x86_64", "sort")
    for machine in (one, two):
        machine.begin(Goal(GoalKind.CONTINUE))
    running = [one, two]
    while running:
        running = [machine for machine in running if machine.pump(50_000) is None]
    assert one.digest() == alone.digest()


def test_input_given_in_the_past_makes_another_future() -> None:
    machine = debugger("x86_64", "guess")
    assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.INPUT
    asked = machine.position
    machine.feed(b"50\n")
    machine.run(Goal(GoalKind.CONTINUE))
    first = machine.console()
    machine.goto(asked)
    machine.feed(b"1\n")
    machine.run(Goal(GoalKind.CONTINUE))
    assert machine.console() != first
    end = machine.position
    digest = machine.digest()
    machine.goto(asked)
    machine.goto(end)
    assert machine.digest() == digest


@pytest.mark.parametrize("arch", ARCHES)
def test_a_constant_and_its_copy_in_a_snapshot_are_the_same(arch: str) -> None:
    """Execve fills the table of signal actions with a constant of the module."""
    options: dict[str, object] = {"cpus": 4, "scheduler": "random", "seed": 3}
    restored = debugger(arch, "execs", **options)
    restored.run(Goal(GoalKind.CONTINUE))
    end = restored.end
    first = first_position(restored)
    rng = random.Random(arch)
    targets = sorted(Position(rng.randint(first.event, end.event)) for _ in range(12))
    fresh = debugger(arch, "execs", **options)
    for target in targets:
        fresh.goto(target)  # never back
        restored.goto(first)
        restored.goto(target)
        assert (fresh.position, fresh.digest()) == (restored.position, restored.digest())
