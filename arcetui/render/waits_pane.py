"""Waits: every wait queue somebody is in, who holds what they want, and deadlocks in words."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING

from arcetui.render.changed_pane import sentence
from arcetui.render.row import Row, Span, row
from arcetui.render.task_words import (
    KERNEL_ROLES,
    task_span,
    tasks_by_tid,
    time_text,
    wait_name,
    waits_for,
)
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arcetui.state import Snapshot
    from kernel.inspect.scheduling import SchedulingView, TaskStateView, WaitQueueView


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """The deadlock if there is one, then the queues, then those who wait for a time only."""
    view = snapshot.scheduling
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    tasks = tasks_by_tid(view)
    rows: list[Row] = []
    items: list[Item] = []
    for line in deadlock_lines(view, tasks, snapshot.symbols, width):
        rows.append(row((line, "error")))
        items.append(NOTHING)
    before = {wait.name: wait for wait in _old(snapshot)}
    known = snapshot.previous_scheduling is not None
    several = len({wait.pid for wait in view.waits if wait.pid}) > 1
    for wait in view.waits:
        old = before.get(wait.name)
        rows.append(_queue_row(wait, snapshot, known and old is None, several))
        items.append(Item("address", wait.va) if wait.va and wait.pid else NOTHING)
        rows.append(_waiters_row(wait, old, known, tasks))
        items.append(Item("task", wait.owner or wait.waiters[0]))
    for task in _timed(view):
        rows.append(
            row(
                " ",
                task_span(task.tid, tasks),
                (f"  {waits_for(task, {})}", "value"),
            )
        )
        items.append(Item("task", task.tid))
    if not rows:
        rows.append(row((" no task waits", "dim")))
    title = f"{len(view.waits)} queue{'s' * (len(view.waits) != 1)} with waiters"
    return PaneContent(tuple(rows), tuple(items), title=title, changed=sentence(snapshot, "waits"))


def _old(snapshot: Snapshot) -> tuple[WaitQueueView, ...]:
    return snapshot.previous_scheduling.waits if snapshot.previous_scheduling is not None else ()


def _timed(view: SchedulingView) -> list[TaskStateView]:
    """User tasks that wait in no queue: for a time, or a signal."""
    return [
        task
        for task in view.tasks
        if task.state == "Blocked" and not task.waiting_on and task.role not in KERNEL_ROLES
    ]


def _queue_row(wait: WaitQueueView, snapshot: Snapshot, new: bool, several: bool) -> Row:
    return row(
        ("+" if new else " ", "new"),
        (wait_name(wait, snapshot.symbols), "heading"),
        (f"  process {wait.pid}" if wait.pid and several else "", "dim"),
        (f" = {wait.word:#x}" if wait.word >= 0 else "", "number"),
    )


def _waiters_row(
    wait: WaitQueueView,
    old: WaitQueueView | None,
    known: bool,
    tasks: dict[int, TaskStateView],
) -> Row:
    spans: list[Span] = []
    if wait.owner:
        spans += [Span("   held by "), task_span(wait.owner, tasks)]
        spans.append(Span(f" ({wait.owner_from})", "dim"))
    spans.append(Span(f"{';' if wait.owner else '  '} wait{'s' * (len(wait.waiters) == 1)}: "))
    for place, tid in enumerate(wait.waiters):
        new = known and (old is None or tid not in old.waiters)
        task = tasks.get(tid)
        spans.append(Span(", " if place else ""))
        spans.append(Span("+" if new else "", "new"))
        spans.append(task_span(tid, tasks))
        if task is not None and task.deadline_ns:
            spans.append(Span(f" until {time_text(task.deadline_ns)}", "dim"))
    if wait.kind != "queue" and not wait.owner:
        spans.append(Span("  (nothing names a holder)", "dim"))
    return tuple(span for span in spans if span.text)


def deadlock_lines(
    view: SchedulingView,
    tasks: Mapping[int, TaskStateView],
    symbols: Mapping[int, str],
    width: int,
) -> list[str]:
    """The deadlock in words, wrapped; nothing if there is none."""
    if not view.stuck and not view.cycle:
        return []
    waiting = [t for t in view.tasks if t.state == "Blocked" and t.role not in KERNEL_ROLES]
    if view.stuck:
        count = len(waiting)
        whom = "the only thread waits" if count == 1 else f"all {count} threads wait"
        text = f"✗ Deadlock: {whom}, nothing is ready, and no timer or input will come."
    else:
        text = "✗ A circle of waiting:"
    if view.cycle:
        circle = [*view.cycle, view.cycle[0]]
        named = len({tasks[tid].name for tid in view.cycle if tid in tasks}) > 1
        who = {tid: _thread_words(tid, tasks, named) for tid in view.cycle}
        links = ", ".join(
            f"{who[a]} waits for {_lock(a, view, symbols)} that {who[b]} holds"
            for a, b in pairwise(circle)
        )
        text += f" {links[0].upper()}{links[1:]}" if view.stuck else f" {links}"
        text += "."
    elif view.stuck and len(waiting) > 1:
        text += " Each waits for what another would have to give first."
    return [f" {line}" for line in textwrap.wrap(text, max(width - 2, 20))]


def _thread_words(tid: int, tasks: Mapping[int, TaskStateView], named: bool) -> str:
    """A thread in a sentence; its name only where that tells threads apart.

    "7 philosophers" would be many.
    """
    name = f" ({tasks[tid].name})" if named and tid in tasks else ""
    return f"thread {tid}{name}"


def _lock(tid: int, view: SchedulingView, symbols: Mapping[int, str]) -> str:
    """The futex a task of a circle waits for: its symbol if it has one, else its address."""
    wait = next(w for w in view.waits if w.owner and tid in w.waiters)
    return symbols.get(wait.va) or f"{wait.kind} {wait.va:#x}"
