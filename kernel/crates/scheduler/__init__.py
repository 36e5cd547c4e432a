"""Scheduling policies behind one interface; a new policy is one new file in this folder.

The file holds the policy and `POLICIES`, which gives it its name on the command line; `policies`
finds it there. Nothing else has to be told: what panes say about it is the policy's own words.

Source: arceos-org/scheduler, src/lib.rs (`BaseScheduler`).
Differs: the task's scheduling fields live in a `SchedEntity` that the policy makes and the task
carries, since Python needs no wrapper type around the task.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar


class SchedEntity(Protocol):
    """What a policy keeps per task; picklable. `tid` identifies the task in its queue."""

    tid: int


E = TypeVar("E", bound=SchedEntity)


class BaseScheduler(Protocol[E]):
    """One run queue's policy. Tasks in the queue are Ready; the running one is not in it.

    Attributes:
        name: For display.
        has_priorities: Whether `set_priority` changes anything.
        first_because: Why the first in the queue is next, in words.
        rule: When the running task gives way, in words.
    """

    name: str
    has_priorities: bool
    first_because: str
    rule: str

    def entity(self, tid: int) -> E:
        """Make the scheduling fields of a new task."""
        ...

    def add_task(self, entity: E) -> None:
        """Add a new or woken task."""
        ...

    def remove_task(self, entity: E) -> bool:
        """Take a task out of the queue; whether it was in it."""
        ...

    def pick_next_task(self) -> E | None:
        """Take out the task to run next."""
        ...

    def put_prev_task(self, prev: E, *, preempt: bool) -> None:
        """Put the task that ran back; `preempt` when it did not give up the CPU by itself."""
        ...

    def task_tick(self, current: E) -> bool:
        """Account one timer tick; whether another task should run."""
        ...

    def preempts(self, current: E, woken: E) -> bool:
        """Whether a task just queued should replace the running one at once."""
        ...

    def set_priority(self, entity: E, priority: int) -> bool:
        """Change a priority; False if the policy has none or the value is out of range.

        `priority` is a nice value (-20 best, 19 worst), or -20 - n for real-time priority n.
        The entity is in no queue, or running.
        """
        ...

    def queue(self) -> tuple[E, ...]:
        """The queued tasks, next first, for display."""
        ...

    def key(self, entity: E) -> str:
        """The number the policy orders by, in words, for display."""
        ...

    def facts(self) -> tuple[str, ...]:
        """What the policy keeps beside its tasks, in words, for display."""
        ...


class GlobalScheduler(Protocol[E]):
    """A policy with one queue for all CPUs. Run queues reach it through `global_queue.CpuQueue`.

    Each CPU tells what it runs, and asks which CPUs have to choose anew after a change.

    Attributes:
        name, first_because, rule: As in `BaseScheduler`.
    """

    name: str
    first_because: str
    rule: str

    def entity(self, tid: int) -> E:
        """Make the scheduling fields of a new task."""
        ...

    def add_task(self, entity: E) -> None:
        """A task is ready; a second time changes nothing."""
        ...

    def remove_task(self, entity: E) -> bool:
        """A task is ready no more; whether it was in the queue."""
        ...

    def pick_next_task(self, cpu_id: int) -> E | None:
        """The task the CPU is to run next; None: idle."""
        ...

    def put_prev_task(self, prev: E, *, preempt: bool) -> None:
        """The task a CPU ran is ready but gives up the CPU; or a task woke."""
        ...

    def note_running(self, cpu_id: int, entity: E | None) -> None:
        """The CPU runs this task now; None: it idles."""
        ...

    def to_reschedule(self) -> tuple[int, ...]:
        """CPUs whose running task should be another, as the queue stands."""
        ...

    def task_tick(self, current: E) -> bool:
        """Account one timer tick; whether another task should run."""
        ...

    def set_priority(self, entity: E, priority: int) -> bool:
        """As `BaseScheduler.set_priority`."""
        ...

    def renumber(self, entity: E, tid: int) -> None:
        """Give a task another id, queued or not, without moving it."""
        ...

    def set_affinity(self, entity: E, cpumask: int) -> None:
        """Name the CPUs a task may run on, a bit each."""
        ...

    def queue(self) -> tuple[E, ...]:
        """The queued tasks, best first, for display."""
        ...

    def key(self, entity: E) -> str:
        """What the policy orders by, in words, for display."""
        ...

    def facts(self) -> tuple[str, ...]:
        """What the policy keeps beside its tasks, in words, for display."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as it is chosen.

    Attributes:
        name: What `--scheduler` takes.
        make: From the recipe's seed and the number of CPUs: one scheduler a CPU.
    """

    name: str
    make: Callable[[int, int], list[BaseScheduler[Any]]]


def policies() -> dict[str, Policy]:
    """All policies by name: the `POLICIES` of every file of this folder."""
    files = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{file}") for file in files]
    found: tuple[Policy, ...] = sum((getattr(each, "POLICIES", ()) for each in modules), ())
    return {policy.name: policy for policy in found}
