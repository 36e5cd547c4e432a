"""Threads one by one: which one is looked at, what each waits for, futexes, forks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import threads
from arcetui.commands.info import with_json
from arcetui.commands.json_rows import json_row
from arcetui.render.row import Row, plain, row
from arcetui.render.task_words import (
    KERNEL_ROLES,
    name_futexes,
    names_of_waits,
    task_span,
    tasks_by_tid,
    wait_name,
    waits_for,
)

if TYPE_CHECKING:
    from arcetui.commands.context import Context
    from kernel.inspect.scheduling import SchedulingView, WaitQueueView

GROUP = "Looking"


def thread(context: Context, text: str) -> Result:
    """Choose the thread that registers, memory and backtraces are of."""
    word = text.strip()
    if word and not word.isdigit():
        raise CommandError(f"thread {word}: write a number; info threads lists them")
    try:
        cpu = context.debugger.select(int(word)) if word else context.debugger.cpu()
    except LookupError as error:
        raise CommandError(f"{error.args[0]}; info threads lists them") from None
    context.settings.frame = 0
    where = context.where(cpu.pc) or f"{cpu.pc:#x}"
    doing = f", {cpu.in_kernel}" if cpu.in_kernel else ""
    return Result(
        (
            row(
                ("thread ", "key"),
                (f"{cpu.tid} ", "number"),
                f"{cpu.task_name} of process {cpu.pid} on cpu {cpu.cpu}{doing}",
            ),
            row((where, "code")),
        )
    )


def _symbols(context: Context, view: SchedulingView) -> dict[int, str]:
    named = {wait.va: context.symbols.describe(wait.va) for wait in view.waits if wait.va}
    return {va: name for va, name in named.items() if name}


def waits(context: Context, text: str, *, as_json: bool = False) -> Result:
    """What every task waits for; the deadlock in words."""
    view = context.debugger.scheduling()
    waiting = [t for t in view.tasks if t.state == "Blocked" and t.role not in KERNEL_ROLES]
    owners = {tid: wait for wait in view.waits for tid in wait.waiters if wait.owner}
    if as_json:
        return Result(
            tuple(
                json_row(
                    {
                        "type": "wait",
                        "tid": task.tid,
                        "pid": task.pid,
                        "waiting_for": task.waiting_for,
                        "queues": task.waiting_on,
                        "deadline_ns": task.deadline_ns,
                        "owner": owners[task.tid].owner if task.tid in owners else 0,
                    }
                )
                for task in waiting
            )
        )
    if not waiting:
        return say("no task waits")
    tasks = tasks_by_tid(view)
    names = names_of_waits(view, _symbols(context, view))
    rows: list[Row] = []
    for task in waiting:
        held = owners.get(task.tid)
        spans = [task_span(task.tid, tasks), f"  {waits_for(task, names)}"]
        if held is not None:
            spans += ["  held by ", task_span(held.owner, tasks), (f" ({held.owner_from})", "dim")]
        rows.append(row(*spans))
    if view.stuck or view.cycle:
        sentence = name_futexes(_stuck(view), context.symbols.describe)
        rows.append(row((sentence, "error")))
    return Result(tuple(rows))


def _stuck(view: SchedulingView) -> str:
    from kernel.inspect.deadlock import stuck_sentence

    return stuck_sentence(view)


def futexes(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Futexes somebody waits for."""
    view = context.debugger.scheduling()
    found = [wait for wait in view.waits if wait.kind != "queue"]
    if as_json:
        return Result(tuple(json_row(wait, type="futex") for wait in found))
    if not found:
        return say("nobody waits for a futex")
    symbols = _symbols(context, view)
    return Result(tuple(_futex_row(wait, view, symbols) for wait in found))


def _futex_row(wait: WaitQueueView, view: SchedulingView, symbols: dict[int, str]) -> Row:
    tasks = tasks_by_tid(view)
    spans = [(wait_name(wait, symbols), "key")]
    spans.append((f" = {wait.word:#x}" if wait.word >= 0 else "", "number"))
    holder = []
    if wait.owner:
        holder = ["  held by ", task_span(wait.owner, tasks), (f" ({wait.owner_from})", "dim")]
    waiters = []
    for tid in wait.waiters:
        waiters += [", " if waiters else "  waited for by ", task_span(tid, tasks)]
    return row(*spans, *holder, *waiters)


def thread_signals(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Masks and pending signals, thread by thread."""
    view = context.debugger.scheduling()
    found = [task for task in view.tasks if task.role not in KERNEL_ROLES]
    if as_json:
        return Result(
            tuple(
                json_row(
                    {
                        "type": "thread_signals",
                        "tid": task.tid,
                        "pid": task.pid,
                        "blocked": task.blocked,
                        "pending": task.pending,
                    }
                )
                for task in found
            )
        )
    tasks = tasks_by_tid(view)
    rows: list[Row] = []
    for task in found:
        rows.append(
            row(
                task_span(task.tid, tasks),
                ("  blocked ", "key"),
                " ".join(task.blocked) or "none",
                ("  pending ", "key"),
                " ".join(task.pending) or "none",
            )
        )
    return Result(tuple(rows)) if rows else say("no thread is left")


def follow_fork(context: Context, text: str) -> Result:
    """Where a step over a fork goes on."""
    word = text.strip()
    if word not in {"", "parent", "child"}:
        raise CommandError(f"set follow-fork-mode {word}: write parent or child")
    if word:
        context.debugger.set_follow_child(word == "child")
    mode = "child" if context.debugger.follow_child else "parent"
    return Result((plain(f"a step over a fork goes on in the {mode}"),))


COMMANDS = (
    Command(
        "thread",
        thread,
        "Look at one thread: its registers, memory and backtrace.",
        "[N]",
        "Until the machine moves, registers and expressions are those the thread goes on with. "
        "`thread 0` goes back to the running one. Moving moves the whole machine.",
        ("t",),
        GROUP,
        threads,
    ),
    Command(
        "info waits",
        with_json(waits),
        "What every task waits for, who holds it, and the deadlock in words.",
        "",
        "",
        (),
        GROUP,
        json=True,
    ),
    Command(
        "info futexes",
        with_json(futexes),
        "Futexes somebody waits for: value, holder, waiters.",
        "",
        "A holder is shown where something names it: the kernel (priority inheritance), the word, "
        "or a glibc mutex.",
        ("info futex",),
        GROUP,
        json=True,
    ),
    Command(
        "info masks",
        with_json(thread_signals),
        "Blocked and pending signals of every thread.",
        "",
        "For handlers use info signals.",
        (),
        GROUP,
        json=True,
    ),
    Command(
        "set follow-fork-mode",
        follow_fork,
        "Choose where a step over a fork goes on: in the parent or in the child.",
        "[parent|child]",
        "Both run in any case, and breakpoints stop both; this is about next, nexti and finish.",
        (),
        "Running",
    ),
)
