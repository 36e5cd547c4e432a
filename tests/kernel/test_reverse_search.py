"""Searching backward can be paused and given up, and misses no stop, wherever a snapshot is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.control import BreakSpec, Debugger, Goal, GoalKind, Recipe, StopReason
from kernel.timeline import timeline

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
BACK = Goal(GoalKind.CONTINUE, reverse=True)


def machine_of(name: str, arch: str = "x86_64") -> Debugger:
    return Debugger(Recipe((SAMPLES / arch / name).read_bytes(), f"/{name}"))


@pytest.fixture
def dense(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots at every place where one may be."""
    monkeypatch.setattr(timeline, "SNAPSHOT_UNITS", 1)
    monkeypatch.setattr("kernel.machine.board.BREATH_TRAPS", 1)


@pytest.mark.usefixtures("dense")
def test_a_search_given_up_leaves_the_machine_where_it_was() -> None:
    machine = machine_of("systour")
    machine.run(Goal(GoalKind.SYSCALL, count=12))
    machine.run(Goal(GoalKind.EVENT, count=2))
    here, digest = machine.position, machine.digest()
    assert machine.machine().half_way
    machine.begin(BACK)
    for _ in range(5):
        assert machine.pump() is None
    searched = machine.searched()
    assert searched is not None
    assert searched[0] < here == searched[1]
    stopped = machine.pause()
    assert stopped.reason is StopReason.PAUSED
    assert (machine.position, machine.digest()) == (here, digest)
    assert machine.machine().half_way
    assert machine.searched() is None
    assert machine.run(Goal(GoalKind.SYSCALL)).reason is StopReason.SYSCALL_ENTER


@pytest.mark.usefixtures("dense")
@pytest.mark.parametrize("when", ["entry", "return"])
@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
def test_every_stop_is_met_backward_too(arch: str, when: str) -> None:
    machine = machine_of("systour", arch)
    machine.add_breakpoint(BreakSpec("syscall", when=when))
    forward = []
    while (stopped := machine.run(Goal(GoalKind.CONTINUE))).reason is not StopReason.EXITED:
        forward.append(stopped.position)
    backward = []
    while (stopped := machine.run(BACK)).reason is not StopReason.BEGINNING:
        backward.append(stopped.position)
    assert len(forward) > 20
    assert backward == forward[::-1]


@pytest.mark.usefixtures("dense")
def test_breakpoints_at_snapshots_are_met_backward() -> None:
    machine = machine_of("systour")
    machine.add_breakpoint(BreakSpec("syscall", when="return"))
    machine.run(Goal(GoalKind.CONTINUE, count=1))
    places = set()
    while machine.run(Goal(GoalKind.CONTINUE)).reason is not StopReason.EXITED:
        places.add(machine.cpu().pc)
    machine.restart()
    machine.remove_breakpoint(1)
    for place in sorted(places):
        machine.add_breakpoint(BreakSpec("address", place))
    forward = []
    while machine.run(Goal(GoalKind.CONTINUE)).reason is not StopReason.EXITED:
        forward.append(machine.position)
    backward = []
    while machine.run(BACK).reason is not StopReason.BEGINNING:
        backward.append(machine.position)
    assert backward == forward[::-1]


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
def test_a_breakpoint_at_the_end_of_a_slice_is_met(arch: str) -> None:
    machine = machine_of("hello", arch)
    machine.run(Goal(GoalKind.INSN, count=300))
    target, instructions = machine.cpu().pc, machine.machine().instructions
    machine.restart()
    machine.add_breakpoint(BreakSpec("address", target))
    first = machine.run(Goal(GoalKind.CONTINUE))
    assert first.reason is StopReason.BREAKPOINT
    met = machine.machine().instructions
    assert met <= instructions
    machine.restart()
    machine.begin(Goal(GoalKind.CONTINUE))
    stopped = None
    for slice_insns in (met, 1000, 1000):
        stopped = stopped or machine.pump(slice_insns)
    assert stopped is not None
    assert stopped.position == first.position


def test_stepping_over_a_call_stops_at_a_breakpoint_at_its_first_instruction() -> None:
    machine = machine_of("hello", "riscv64")
    link = ""
    for _ in range(400):
        pc = machine.cpu().pc
        here = machine.position
        machine.run(Goal(GoalKind.INSN))
        registers = dict(machine.cpu().registers)
        if registers["ra"] in (pc + 2, pc + 4) and machine.cpu().pc not in (pc + 2, pc + 4):
            link = f"{machine.cpu().pc:#x}"
            break
    assert link, "no call among the first instructions"
    callee = machine.cpu().pc
    machine.goto(here)
    machine.add_breakpoint(BreakSpec("address", callee))
    stopped = machine.run(Goal(GoalKind.OVER))
    assert stopped.reason is StopReason.BREAKPOINT
    assert machine.cpu().pc == callee
