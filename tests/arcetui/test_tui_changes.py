"""Every pane marks what the last step changed and names the cause, on real programs."""

from __future__ import annotations

from pathlib import Path

from arcetui import layouts
from arcetui import state as s
from arcetui.machine import open_machine
from arcetui.panes.grid import RENDERERS
from arcetui.render.row import text
from kernel.control import BreakSpec, Goal, GoalKind

SAMPLES = Path(__file__).parents[2] / "samples" / "bin" / "x86_64"
#: The house lights the last call's way instead; the HAL does not change while it runs.
NO_STEPS = {"house", "hal", "console"}
PANES = frozenset(about.name for about in layouts.PANES)
MARKS = ("+", "*", "~", "-")


def steps(name: str, goals: list[Goal], **options: int):
    """What each pane shows after each step of a sample."""
    machine = open_machine(s.Launch(str(SAMPLES / name), options=options))
    machine.debugger.add_breakpoint(BreakSpec("signal"))
    for goal in goals:
        machine.capture.begin_movement()
        machine.debugger.run(goal)
        snapshot = machine.capture.take(
            s.Interests(panes=PANES, rows=40),
            running=False,
            stopped=None,
            rate=0.0,
            speed="full",
            error="",
        )
        for pane, renderer in RENDERERS.items():
            yield pane, renderer(snapshot, 80, 30)


def test_every_pane_tells_what_changed_and_why():
    told: set[str] = set()
    marked: set[str] = set()
    caused: set[str] = set()
    calls = [Goal(GoalKind.SYSCALL)] * 45
    for name, goals, options in (
        ("memlab", [*calls[:6], Goal(GoalKind.EVENT), Goal(GoalKind.INSN)], {}),
        ("threads", calls, {"cpus": 2}),
        ("sharing", calls, {}),
        ("signals", [Goal(GoalKind.CONTINUE)] * 4, {}),
    ):
        for pane, content in steps(name, goals, **options):
            if not content.changed:
                continue
            told.add(pane)
            if "; by " in content.changed:
                caused.add(pane)
            if any(text(row).lstrip().startswith(MARKS) for row in content.rows):
                marked.add(pane)
    wanted = set(RENDERERS) - NO_STEPS
    assert told == wanted
    # Calls and events are causes themselves; code is marked by where it stands.
    assert caused >= wanted - {"syscalls", "timeline"}
    assert marked >= wanted - {"code", "walk", "allocators"}
