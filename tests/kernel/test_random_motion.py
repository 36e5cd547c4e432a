"""Random movements, forward and backward, never lead to two machines at one position."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kernel.control import Debugger, Goal, GoalKind, Position, Recipe, StopReason

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
KINDS = (GoalKind.INSN, GoalKind.OVER, GoalKind.EVENT, GoalKind.SYSCALL)
CASES = [
    ("signals", {}),
    ("fileread", {"allocator": "slab"}),
    ("lazy", {"allocator": "buddy"}),
    ("systour", {"scheduler": "rr", "cpus": 2}),
    ("brkmalloc", {"scheduler": "cfs", "memory_bytes": 64 << 20}),
    ("threads", {"scheduler": "rr", "cpus": 4}),
    ("forktree", {"cpus": 2}),
    ("prodcons", {"scheduler": "cfs", "cpus": 2}),
    ("prioinv", {"scheduler": "ariel", "cpus": 2}),
]


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=[name for name, _ in CASES])
def test_one_position_is_one_machine(arch: str, name: str, options: dict[str, object]) -> None:
    elf = (SAMPLES / arch / name).read_bytes()
    recipe = Recipe(elf, f"/{name}", **options)  # type: ignore[arg-type]
    machine = Debugger(recipe)
    first = machine.position
    assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
    end = machine.position
    rng = random.Random(arch + name)
    digests: dict[Position, str] = {}
    for _ in range(30):
        if rng.random() < 0.4:
            insns = rng.choice((0, 0, rng.randint(0, 5000)))
            machine.goto(Position(rng.randint(first.event, end.event), insns))
        else:
            count = rng.randint(1, 4)
            machine.run(Goal(rng.choice(KINDS), count=count, reverse=rng.random() < 0.5))
        digest = machine.digest()
        assert digests.setdefault(machine.position, digest) == digest
    fresh = Debugger(recipe)
    for position in sorted(digests):
        fresh.goto(position)
        assert (fresh.position, fresh.digest()) == (position, digests[position])
