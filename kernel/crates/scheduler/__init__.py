"""Scheduling policies behind one interface; a new policy is one new file.

Source: arceos-org/scheduler, src/lib.rs (`BaseScheduler`).
Differs: the task's scheduling fields live in a `SchedEntity` that the policy makes and the task
carries, since Python needs no wrapper type around the task.
"""

from __future__ import annotations

from typing import Protocol, TypeVar


class SchedEntity(Protocol):
    """What a policy keeps per task; picklable. `tid` identifies the task in its queue."""

    tid: int


E = TypeVar("E", bound=SchedEntity)


class BaseScheduler(Protocol[E]):
    """One run queue's policy. Tasks in the queue are Ready; the running one is not in it."""

    name: str

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

    def set_priority(self, entity: E, priority: int) -> bool:
        """Change a priority; False if the policy has none or the value is out of range."""
        ...

    def queue(self) -> tuple[E, ...]:
        """The queued tasks, next first, for display."""
        ...

    def key(self, entity: E) -> str:
        """The number the policy orders by, in words, for display."""
        ...
