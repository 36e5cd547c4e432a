"""Processes, tasks, queues, descriptors and signals as text."""

from __future__ import annotations

from arcetui.render.row import Row, plain, row
from arcetui.render.task_words import said_once
from arcetui.strace.tables.signals import signal
from kernel.inspect.views import FdView, ProcessView, TaskView

_INFINITE = (1 << 64) - 1


def wait_status(status: int) -> str:
    """A raw wait status in words."""
    if status & 0x7F:
        core = ", core dumped" if status & 0x80 else ""
        return f"killed by {signal(status & 0x7F)}{core}"
    return f"exited with {status >> 8 & 0xFF}"


def process(view: ProcessView) -> list[Row]:
    """One process."""
    fields = [
        ("process", str(view.pid)),
        ("parent", str(view.ppid)),
        ("name", view.name),
        ("exe", view.exe),
        ("cwd", view.cwd),
        ("umask", f"{view.umask:04o}"),
        ("threads", " ".join(map(str, view.threads))),
        ("address space", str(view.aspace)),
    ]
    if view.exit_status is not None:
        fields.append(("status", wait_status(view.exit_status)))
    out = [row((f"{name:<14} ", "key"), (value, "value")) for name, value in fields]
    for name, soft, hard in view.limits:
        text = " ".join("unlimited" if n == _INFINITE else str(n) for n in (soft, hard))
        out.append(row(("limit          ", "key"), f"{name:<12} ", (text, "value")))
    return out


def descriptors(fds: tuple[FdView, ...]) -> list[Row]:
    """Open files."""
    out: list[Row] = [plain(f"{'fd':>4} {'kind':<10} {'offset':>9} {'refs':>4}  what", "title")]
    for fd in fds:
        out.append(
            row(
                (f"{fd.fd:>4} ", "number"),
                f"{fd.kind:<10} {fd.offset:>9} {fd.refs:>4}  ",
                (fd.what, "string"),
                (f"  {fd.flags}", "comment"),
            )
        )
    return out


def tasks(views: tuple[TaskView, ...], current: int) -> list[Row]:
    """All tasks, the current one marked."""
    out: list[Row] = [
        plain(f"   {'tid':>4} {'pid':>4} {'cpu':>3} {'state':<9} {'name':<16} waits for", "title")
    ]
    for task in views:
        here = task.tid == current
        out.append(
            row(
                ("*  " if here else "   ", "current"),
                (f"{task.tid:>4} ", "number"),
                f"{task.pid:>4} {task.cpu:>3} {task.state:<9} {task.name:<16} ",
                (said_once(task.waiting_for), "comment"),
                (f"  {task.key}" if task.key else "", "dim"),
            )
        )
    return out


def signals(view: ProcessView) -> list[Row]:
    """What a process does with its signals."""
    if not view.signals:
        return [plain("every signal has its default action, none is blocked or pending", "dim")]
    return [row((f"{name:<10} ", "key"), (what, "value")) for name, what in view.signals]
