"""Tasks and signals as people see them: what a task that waits shows, and who blocks a signal."""

from __future__ import annotations

from pathlib import Path

from arcetui.render.processes import tasks as task_rows
from kernel.control import BreakSpec, Debugger, Goal, GoalKind, Recipe, StopReason

FUTEX, KILL, TKILL = 202, 62, 200  # x86_64
SAMPLES = Path(__file__).parents[3] / "samples"


def stopped(name: str, spec: BreakSpec, times: int = 1) -> Debugger:
    machine = Debugger(
        Recipe((SAMPLES / "bin" / "x86_64" / name).read_bytes(), f"/bin/{name}", scheduler="rr")
    )
    machine.add_breakpoint(spec)
    for _ in range(times):
        machine.run(Goal(GoalKind.CONTINUE))
    return machine


def test_who_waits_has_no_place_in_a_queue_and_says_once_what_for() -> None:
    machine = stopped(
        "prodcons", BreakSpec("syscall", numbers=frozenset({FUTEX}), when="return"), 3
    )
    views = machine.tasks()
    waiting = [view for view in views if view.state == "Blocked" and not view.is_kernel]
    assert waiting
    assert all(not view.key for view in waiting)
    shown = ["".join(str(span[0]) for span in line) for line in task_rows(views, 0)]
    assert not [line for line in shown if "futex: futex" in line]
    running = [view for view in views if view.state == "Running"]
    assert len(running) == 1, "one CPU"


def test_a_signal_is_one_row_with_action_masks_and_what_is_pending() -> None:
    spec = BreakSpec("syscall", numbers=frozenset({KILL, TKILL}), when="return")
    machine = stopped("signals", spec)
    told: dict[str, str] = {}
    while True:
        (process,) = machine.processes()
        names = [name for name, _ in process.signals]
        assert len(names) == len(set(names))
        told = dict(process.signals)
        words = ("handler 0x", "blocked in", "pending for")
        if any(all(word in what for word in words) for what in told.values()):
            return
        if machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED:
            break
    raise AssertionError(told)
