"""Whole programs on both back ends: the same registers at every cut, the same digest at the end."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import pytest
from la64_assembler import A0, A7, ZERO, code, enc

import kernel.boot
from kernel.boot import Recipe
from kernel.control import Debugger, Goal, GoalKind, Position, StopReason, run_headless
from kernel.machine.console import ConsoleLog
from kernel.machine.engines import make_engines
from kernel.machine.engines.loongarch64.llvm_library import Unusable, load
from kernel.timeline.timeline import Timeline
from tests.conformance.tiny_elf import tiny_elf

SAMPLES = Path(__file__).parents[4] / "samples" / "bin" / "loongarch64"


@pytest.fixture(autouse=True)
def both() -> None:
    try:
        load()
    except Unusable as why:
        pytest.skip(str(why))


@pytest.fixture
def use(monkeypatch):
    """Make the machines that follow use a back end."""

    def choose(backend: str) -> None:
        making = functools.partial(make_engines, backend=backend)
        monkeypatch.setattr(kernel.boot, "make_engines", making)

    return choose


def recipe(name: str, **options: object) -> Recipe:
    return Recipe((SAMPLES / name).read_bytes(), f"/{name}", **options)


def trail(made: Recipe, seed: int, longest: int) -> list[object]:
    """Where a run is, and all registers of all CPUs, after each of many random cuts."""
    timeline = Timeline(kernel.boot.boot(made, ConsoleLog()), recording=False)
    board = timeline.system.board
    rng = random.Random(seed)
    found: list[object] = []
    while not board.is_off:
        halt = timeline.advance(rng.randint(1, longest))
        states = tuple((cpu.pc, cpu.engine.save()) for cpu in board.cpus)
        found.append((halt, board.instructions, board.events.count, states))
        assert len(found) < 30_000
    return found


@pytest.mark.parametrize(
    ("name", "longest", "cpus"),
    [
        ("hello", 3, 1),
        ("systour", 300, 1),
        ("matrix", 8000, 1),
        ("signals", 90, 1),
        ("sort", 2000, 1),
        ("threads", 900, 2),
    ],
)
def test_lock_step(use, name, longest, cpus):
    trails = []
    for backend in ("llvm", "python"):
        use(backend)
        trails.append(trail(recipe(name, cpus=cpus), 7, longest))
    assert len(trails[0]) > 200
    assert trails[0] == trails[1]


@pytest.mark.parametrize("name", ["memlab", "systour", "forktree"])
def test_digests_agree(use, name):
    found = []
    for backend in ("llvm", "python"):
        use(backend)
        machine = Debugger(recipe(name))
        assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
        digests = [machine.digest()]
        end = machine.end.event
        for i in range(1, 8):
            machine.goto(Position(end * i // 8, 3 * i))
            digests.append(machine.digest())
        found.append(digests)
    assert found[0] == found[1]


@pytest.mark.parametrize("backend", ["llvm", "python"])
@pytest.mark.parametrize("word", [0x2C00_0080, 0x7526_8000])
def test_a_vector_instruction_says_what_to_build_with(use, backend, word):
    use(backend)
    exit_0 = [enc("addi.d", A0, ZERO, 0), enc("ori", A7, ZERO, 93), enc("syscall", 0)]
    made = Recipe(tiny_elf("loongarch64", code(word, exit_0), b"", 0), "/vector")
    machine = Debugger(made)
    stopped = machine.run(Goal(GoalKind.CONTINUE))
    assert stopped.reason is StopReason.EXITED
    fault = machine.machine().last_fault
    assert fault is not None
    assert "-mcpu=la64v1_0-lsx-lasx" in fault.sentence
    told: list[str] = []  # a run without a debugger tells it, too
    run_headless(made, bytes, lambda fd, data: None, lacking=told.append)
    assert told == [fault.sentence]
