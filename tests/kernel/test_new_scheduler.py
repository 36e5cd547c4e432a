"""A new scheduler is one new file: put into the folder, it is chosen, runs, is shown, goes back."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from arcetui.render.queue_rows import queue_rows
from kernel.control import Debugger, Goal, GoalKind, LoadError, Position, Recipe, StopReason
from kernel.control.headless import run_headless
from kernel.crates import scheduler
from kernel.crates.scheduler import policies

SAMPLES = Path(__file__).parents[2] / "samples"
NEWEST_FIRST = '''
"""Last in, first out; a tick preempts whenever somebody is ready."""

from dataclasses import dataclass

from kernel.crates.scheduler import Policy


@dataclass(slots=True)
class StackTask:
    tid: int
    since: int = 0


class StackScheduler:
    name = "stack"
    first_because = "it came last"
    rule = "every tick preempts"
    has_priorities = False

    def __init__(self):
        self.ready = []
        self.count = 0

    def entity(self, tid):
        return StackTask(tid)

    def add_task(self, entity):
        self.count += 1
        entity.since = self.count
        self.ready.append(entity)

    def remove_task(self, entity):
        found = entity in self.ready
        if found:
            self.ready.remove(entity)
        return found

    def pick_next_task(self):
        return self.ready.pop() if self.ready else None

    def put_prev_task(self, prev, *, preempt):
        self.count += 1
        prev.since = self.count
        self.ready.insert(0, prev) if preempt else self.ready.append(prev)

    def task_tick(self, current):
        return bool(self.ready)

    def preempts(self, current, woken):
        return False

    def set_priority(self, entity, priority):
        return False

    def queue(self):
        return tuple(reversed(self.ready))

    def key(self, entity):
        return f"since {entity.since}"

    def facts(self):
        return (f"{self.count} pushes",)


POLICIES = (Policy("stack", lambda seed, cpus: [StackScheduler() for _ in range(cpus)]),)
'''


@pytest.fixture
def new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stack.py").write_text(NEWEST_FIRST)
    monkeypatch.setattr(scheduler, "__path__", [*scheduler.__path__, str(tmp_path)])
    monkeypatch.setitem(sys.modules, "kernel.crates.scheduler.stack", None)
    del sys.modules["kernel.crates.scheduler.stack"]


def recipe(name: str, cpus: int) -> Recipe:
    elf = (SAMPLES / "bin" / "riscv64" / name).read_bytes()
    pipes = ("pipe", "pipe", "pipe")
    return Recipe(elf, f"/bin/{name}", cpus=cpus, scheduler="stack", stdio=pipes)


@pytest.mark.usefixtures("new_file")
@pytest.mark.parametrize(("name", "cpus"), [("threads", 1), ("threads", 2), ("forktree", 2)])
def test_one_file_is_a_scheduler(name: str, cpus: int) -> None:
    out: list[bytes] = []
    status = run_headless(recipe(name, cpus), bytes, lambda fd, data: out.append(data))
    assert status == 0
    assert b"".join(out) == (SAMPLES / "expected" / f"{name}.txt").read_bytes()


@pytest.mark.usefixtures("new_file")
def test_it_is_seen_and_goes_back() -> None:
    machine = Debugger(recipe("threads", 1))
    assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
    places = (Position(machine.end.event * part // 20) for part in range(1, 20))
    middle = next(at for at in places if machine.goto(at) and machine.scheduling().queues[0].ready)
    first = machine.digest()
    text = "\n".join("".join(span.text for span in row) for row in queue_rows(machine.scheduling()))
    assert "stack: every tick preempts" in text
    assert "pushes" in text
    assert "next: it came last" in text
    machine.run(Goal(GoalKind.CONTINUE))
    machine.goto(middle)
    assert machine.digest() == first


def test_without_the_file_there_is_none() -> None:
    assert "stack" not in policies()
    assert {"fifo", "rr", "cfs", "cfs-stale", "ariel", "ariel-realloc", "random"} <= set(policies())
    with pytest.raises(LoadError, match="--scheduler must be one of ariel, ariel-realloc, cfs"):
        Debugger(recipe("hello", 1))
