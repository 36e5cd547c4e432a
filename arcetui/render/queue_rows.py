"""Run queues as rows of text, for the command `info queues`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.row import Row, plain, row
from arcetui.render.task_words import task_span, tasks_by_tid, time_text

if TYPE_CHECKING:
    from kernel.inspect.scheduling import ReadyQueueView, SchedulingView, TaskStateView


def queue_rows(view: SchedulingView) -> list[Row]:
    """What each CPU runs and who is ready, next first; then the rule."""
    tasks = tasks_by_tid(view)
    out: list[Row] = []
    for queue in view.queues:
        out.append(_cpu_row(queue, tasks))
        if not queue.shared:
            out += _ready_rows(queue, tasks)
    if view.queues and view.queues[0].shared:
        out.append(plain("one queue for all CPUs", "key"))
        out += _ready_rows(view.queues[0], tasks)
    if view.queues:
        first = view.queues[0]
        out.append(plain(rule_text(first, view.tick_ns), "comment"))
    return out


def rule_text(queue: ReadyQueueView, tick_ns: int) -> str:
    """When a running task gives way, and how long a tick is."""
    return f"{queue.scheduler}: {queue.rule}; tick {time_text(tick_ns)}"


def _cpu_row(queue: ReadyQueueView, tasks: dict[int, TaskStateView]) -> Row:
    runs = [("idle", "dim")] if queue.is_idle else ["runs ", task_span(queue.current, tasks)]
    if queue.key and queue.key != "running":
        runs.append((f"  {queue.key}", "number"))
    more = ["  must choose anew"] if queue.need_resched else []
    if queue.ipi_ns:
        more.append(f"  IPI at {time_text(queue.ipi_ns)}")
    facts = f"  {', '.join(queue.facts)}" if queue.facts else ""
    return row((f"cpu{queue.cpu} ", "key"), *runs, ("".join(more), "changed"), (facts, "dim"))


def _ready_rows(queue: ReadyQueueView, tasks: dict[int, TaskStateView]) -> list[Row]:
    if not queue.ready:
        return [plain("     nobody is ready", "dim")]
    return [
        row(
            (f"  {place + 1:>3}. ", "dim"),
            task_span(tid, tasks),
            (f"  {key}", "number"),
            (f"  next: {queue.first_because}" if place == 0 else "", "comment"),
        )
        for place, (tid, key) in enumerate(queue.ready)
    ]
