"""Run queues: each CPU, what it runs, who is ready in the scheduler's own order, and why so."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from arcetui.render.changed_pane import sentence
from arcetui.render.queue_rows import rule_text
from arcetui.render.row import Row, Span, row
from arcetui.render.task_words import task_span, tasks_by_tid, time_text
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import Snapshot
    from kernel.inspect.scheduling import ReadyQueueView, SchedulingView, TaskStateView


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """One block a CPU."""
    view = snapshot.scheduling
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    tasks = tasks_by_tid(view)
    rows: list[Row] = []
    items: list[Item] = []
    old = snapshot.previous_scheduling
    before = {queue.cpu: queue for queue in old.queues} if old is not None else {}
    policy = view.queues[0].scheduler if view.queues else ""
    for queue in view.queues:
        was = before.get(queue.cpu, queue)
        rows.append(_cpu_row(queue, was, tasks, snapshot, width))
        items.append(Item("task", queue.current))
        if not queue.shared:
            _ready(queue, was, tasks, rows, items)
    if view.queues and view.queues[0].shared:
        rows.append(row((" one queue for all CPUs", "heading")))
        items.append(NOTHING)
        _ready(view.queues[0], before.get(0, view.queues[0]), tasks, rows, items)
    rule = rule_text(view.queues[0], view.tick_ns) if view.queues else ""
    for line in textwrap.wrap(rule, max(width - 2, 20)):
        rows.append(row((f" {line}", "comment")))
    facts = view.queues[0].facts if view.queues else ()
    title = ", ".join((policy, *(facts if len(view.queues) == 1 or _shared(view) else ())))
    return PaneContent(tuple(rows), tuple(items), title=title, changed=sentence(snapshot, "queues"))


def _shared(view: SchedulingView) -> bool:
    return bool(view.queues) and view.queues[0].shared


def _cpu_row(
    queue: ReadyQueueView,
    was: ReadyQueueView,
    tasks: dict[int, TaskStateView],
    snapshot: Snapshot,
    width: int,
) -> Row:
    active = snapshot.cpu.cpu == queue.cpu
    spans = [
        Span("*" if was.current != queue.current else " ", "changed"),
        Span("▶" if active else " ", "mark"),
        Span(f"cpu{queue.cpu} ", "heading"),
    ]
    if queue.is_idle:
        chooses = bool(queue.ready) or queue.need_resched
        spans.append(Span("idle, about to choose" if chooses else "idle", "dim"))
    else:
        spans += [Span("runs ", "dim"), task_span(queue.current, tasks)]
        if queue.key and queue.key != "running":
            spans.append(Span(f"  {queue.key}", "number"))
    if queue.need_resched and not queue.is_idle:
        spans.append(Span("  must choose anew", "warning"))
    if queue.ipi_ns:
        spans.append(Span(f"  IPI at {time_text(queue.ipi_ns)}", "warning"))
    at = f"  {time_text(queue.clock_ns)}"
    if queue.next_timer_ns and width >= 60:
        at += f", timer at {time_text(queue.next_timer_ns)}"
    spans.append(Span(at, "dim"))
    if len(queue.facts) and not queue.shared and width >= 100:
        spans.append(Span(f"  {', '.join(queue.facts)}", "dim"))
    return tuple(spans)


def _ready(
    queue: ReadyQueueView,
    was: ReadyQueueView,
    tasks: dict[int, TaskStateView],
    rows: list[Row],
    items: list[Item],
) -> None:
    old = {tid for tid, _ in was.ready}
    for place, (tid, key) in enumerate(queue.ready):
        rows.append(
            row(
                (" " if tid in old else "+", "new"),
                (f"  {place + 1:>3}. ", "label"),
                task_span(tid, tasks),
                (f"  {key}", "number"),
                (f"  ← next: {queue.first_because}" if place == 0 else "", "cause"),
            )
        )
        items.append(Item("task", tid))
    if not queue.ready:
        rows.append(row(("       nobody is ready", "dim")))
        items.append(NOTHING)
