"""Tasks: processes as a tree with their threads, what each does or waits for, and its signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.changed_pane import sentence
from arcetui.render.row import Row, row
from arcetui.render.status_pane import exit_words
from arcetui.render.task_words import (
    KERNEL_ROLES,
    names_of_waits,
    task_style,
    time_text,
    waits_for,
)
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import Snapshot
    from kernel.inspect.scheduling import SchedulingView, TaskStateView
    from kernel.inspect.views import ProcessView

_STATES = {"Running": "ok", "Ready": "value", "Blocked": "warning", "Exited": "dim"}
_MARKS = {"Running": "▶", "Ready": "○", "Blocked": "‖", "Exited": "■"}
_ALL_SIGNALS = 28  # as many blocked: only KILL and STOP are left, and naming them says nothing


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """The tree, then the kernel's own tasks in one line each."""
    view = snapshot.scheduling
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    maker = _Tree(snapshot, view, width)
    known = {process.pid for process in snapshot.processes}
    for process in snapshot.processes:
        if process.ppid not in known:
            maker.process(process, 0)
    maker.kernel_tasks()
    users = [task for task in view.tasks if task.role not in KERNEL_ROLES]
    living = [task for task in users if task.state != "Exited"]
    blocked = sum(task.state == "Blocked" for task in living)
    title = f"{len(living)} thread{'s' * (len(living) != 1)}, {blocked} wait{'s' * (blocked == 1)}"
    return PaneContent(
        tuple(maker.rows), tuple(maker.items), title=title, changed=sentence(snapshot, "tasks")
    )


class _Tree:
    """Collects the rows."""

    def __init__(self, snapshot: Snapshot, view: SchedulingView, width: int) -> None:
        self.snapshot = snapshot
        self.view = view
        self.width = width
        self.waits = names_of_waits(view, snapshot.symbols)
        self.rows: list[Row] = []
        self.items: list[Item] = []
        old = snapshot.previous_scheduling
        self.before = {task.tid: task for task in old.tasks} if old is not None else None

    def process(self, process: ProcessView, depth: int) -> None:
        """A process, its threads, its children."""
        indent = "  " * depth
        threads = [task for task in self.view.tasks if task.pid == process.pid]
        if process.exit_status is not None:
            what = (f"zombie: {exit_words(process.exit_status)}", "dim")
        else:
            count = len([t for t in threads if t.state != "Exited"])
            what = (f"{count} threads" if count > 1 else "", "dim")
        self._add(
            row(
                f" {indent}",
                (f"process {process.pid} ", "heading"),
                (f"{process.name}  ", "value"),
                what,
            ),
            Item("process", process.pid),
        )
        for task in threads:
            self._thread(task, indent)
        for child in self.snapshot.processes:
            if child.ppid == process.pid and child.pid != process.pid:
                self.process(child, depth + 1)

    def _thread(self, task: TaskStateView, indent: str) -> None:
        was = self.before.get(task.tid) if self.before is not None else task
        changed = was is None or (was.state, was.cpu) != (task.state, task.cpu)
        waits = waits_for(task, self.waits)
        if task.state in ("Running", "Ready"):
            waits = task.key if task.state == "Ready" or task.key != "running" else ""
        name = f"{task.name:<15} " if self.width >= 70 else ""
        cpu_time = time_text(task.cpu_time_ns) if self.width >= 90 else ""
        self._add(
            row(
                ("*" if changed else " ", "changed"),
                f"{indent} ",
                (_MARKS.get(task.state, " "), _STATES.get(task.state, "value")),
                (f" {task.tid:<4}", task_style(task.tid)),
                (name, "value"),
                (f"{task.state.lower():<8}", _STATES.get(task.state, "value")),
                (f"cpu{task.cpu} ", "dim"),
                (f"{cpu_time:>11} ", "dim") if cpu_time else "",
                (waits, "value"),
            ),
            Item("task", task.tid),
        )
        for text in self._notes(task):
            self._add(row(f"  {indent}       ", (text, "comment")), Item("task", task.tid))

    def _notes(self, task: TaskStateView) -> list[str]:
        """Signals, priority, affinity: only what is out of the ordinary."""
        notes: list[str] = []
        if task.pending:
            notes.append(f"pending: {' '.join(task.pending)}")
        if task.state != "Exited" and task.blocked:
            every = len(task.blocked) >= _ALL_SIGNALS
            notes.append(f"blocked: {'all signals' if every else ' '.join(task.blocked)}")
        if task.priority or task.boost is not None:
            lent = f", lent {priority_text(task.boost)}" if task.boost is not None else ""
            notes.append(f"priority: {priority_text(task.priority)}{lent}")
        cpus = len(self.view.queues)
        if task.cpumask & ((1 << cpus) - 1) != (1 << cpus) - 1:
            allowed = [str(cpu) for cpu in range(cpus) if task.cpumask >> cpu & 1]
            notes.append(f"may run on cpu {' '.join(allowed)} only")
        return ["; ".join(notes)] if notes else []

    def kernel_tasks(self) -> None:
        """Idle, main and gc tasks."""
        tasks = [task for task in self.view.tasks if task.role in KERNEL_ROLES]
        if tasks:
            self._add(row((" kernel tasks", "heading")), NOTHING)
        current = {queue.current for queue in self.view.queues}
        for task in tasks:
            waits = "" if task.state != "Blocked" else f"waits for {task.waiting_for}"
            mark, state = _MARKS.get(task.state, " "), task.state.lower()
            if task.role == "idle" and task.tid not in current:
                # The kernel calls it running for ever; it is on no queue and takes over last.
                mark, state, waits = "○", "standby", "runs when nobody else is ready"
            self._add(
                row(
                    (f"  {mark} {task.tid:<4}", "dim"),
                    (f"{task.name:<6}{state:<8}cpu{task.cpu}  {waits}", "dim"),
                ),
                Item("task", task.tid),
            )

    def _add(self, line: Row, item: Item) -> None:
        self.rows.append(line)
        self.items.append(item)


def priority_text(priority: int) -> str:
    """A priority as Linux names it."""
    return f"real-time {-20 - priority}" if priority < -20 else f"nice {priority}"
