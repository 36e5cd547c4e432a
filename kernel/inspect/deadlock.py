"""What every waiting task waits for, in words, and the circle that keeps them all waiting."""

from __future__ import annotations

from itertools import pairwise

from kernel.inspect.scheduling import SchedulingView, TaskStateView, WaitQueueView, scheduling_view
from kernel.inspect.system import System

_KERNEL_ROLES = frozenset({"idle", "main", "gc"})
_MOST_TASKS = 8


def waiting_tasks(view: SchedulingView) -> list[TaskStateView]:
    """Tasks of programs that wait, by tid."""
    return [t for t in view.tasks if t.state == "Blocked" and t.role not in _KERNEL_ROLES]


def futex_of(view: SchedulingView, tid: int) -> WaitQueueView | None:
    """The futex a task waits for, if it does."""
    for wait in view.waits:
        if wait.kind != "queue" and tid in wait.waiters:
            return wait
    return None


def deadlock_sentence(system: System) -> str:
    """Why nothing can go on: the circle if one is known, else what each task waits for."""
    return stuck_sentence(scheduling_view(system, True))


def stuck_sentence(view: SchedulingView) -> str:
    """As `deadlock_sentence`, from a view."""
    if view.cycle:
        circle = [*view.cycle, view.cycle[0]]
        links = [f"{a} waits for {_lock(view, a)} that {b} holds" for a, b in pairwise(circle)]
        return f"deadlock: {', '.join(links)}; nothing can wake them"
    waiting = waiting_tasks(view)
    each = [f"{task.tid} ({task.waiting_for or 'unknown'})" for task in waiting[:_MOST_TASKS]]
    if len(waiting) > _MOST_TASKS:
        each.append(f"{len(waiting) - _MOST_TASKS} more")
    return f"deadlock: every task waits and nothing can wake one: {', '.join(each)}"


def _lock(view: SchedulingView, tid: int) -> str:
    wait = futex_of(view, tid)
    if wait is not None:
        return f"futex {wait.va:#x}"
    owned = next((w for w in view.waits if w.owner and tid in w.waiters), None)
    return owned.name if owned is not None else "something"
