"""How tasks are written everywhere: number and name, in a colour of their own; times; futexes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arcetui.render.row import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel.inspect.scheduling import SchedulingView, TaskStateView, WaitQueueView

#: Colours that take turns; the number stands beside them, so that nothing hangs on colour alone.
_TURNS = ("t-green", "t-yellow", "t-blue", "t-magenta", "t-cyan", "t-red")
_FUTEX = re.compile(r"(?<=\bfutex )0x[0-9a-f]+")
#: Names of tasks without a program.
KERNEL_ROLES = frozenset({"idle", "main", "gc"})


def task_style(tid: int) -> str:
    """The colour of a task."""
    return _TURNS[tid % len(_TURNS)]


def letter_style(letter: str) -> str:
    """The colour of an object known by a letter."""
    return _TURNS[sum(letter.encode()) % len(_TURNS)]


def tasks_by_tid(view: SchedulingView) -> dict[int, TaskStateView]:
    """Tasks by their number."""
    return {task.tid: task for task in view.tasks}


def task_span(tid: int, tasks: Mapping[int, TaskStateView]) -> Span:
    """Number and name; a task that is gone has only its number."""
    task = tasks.get(tid)
    return Span(f"{tid} {task.name}" if task is not None else f"{tid}", task_style(tid))


def time_text(ns: int) -> str:
    """A virtual time: 950 ns, 12.5 µs, 3.250 ms, 1.200 s."""
    if ns < 1000:
        return f"{ns} ns"
    if ns < 1_000_000:
        return f"{ns / 1e3:.1f} µs"
    if ns < 1_000_000_000:
        return f"{ns / 1e6:.3f} ms"
    return f"{ns / 1e9:.3f} s"


def name_futexes(text: str, describe: Callable[[int], str]) -> str:
    """A sentence with the futexes' symbols in place of their addresses, where they have any."""
    return _FUTEX.sub(lambda found: describe(int(found[0], 16)) or found[0], text)


def wait_name(wait: WaitQueueView, symbols: Mapping[int, str]) -> str:
    """What is waited for, in words: "futex 0x408d44 forks+0x28", "pipe:[7] readers"."""
    if wait.kind == "queue":
        parent = wait.name.removeprefix("child exit ")
        return wait.name if parent == wait.name else f"the end of a child of {parent}"
    symbol = symbols.get(wait.va, "")
    return f"{wait.kind} {wait.va:#x}" + (f" {symbol}" if symbol else "")


def names_of_waits(view: SchedulingView, symbols: Mapping[int, str]) -> dict[str, str]:
    """By a wait queue's own name what is waited for, in words; not of the kernel's plain queues."""
    return {wait.name: wait_name(wait, symbols) for wait in view.waits if wait.kind != "queue"}


def said_once(text: str) -> str:
    """What is waited for, without the call's name where it says the same twice."""
    call, colon, rest = text.partition(": ")
    return rest if colon and rest.startswith(call) else text  # "futex: futex 0x..."


def waits_for(task: TaskStateView, waits: Mapping[str, str]) -> str:
    """What a blocked task waits for, in words.

    Args:
        task: The task.
        waits: The result of `names_of_waits`.
    """
    text = said_once(task.waiting_for)
    names = dict.fromkeys(waits[name] for name in task.waiting_on if name in waits)
    if names:
        text = ", ".join(names)
    if task.deadline_ns:
        text += f" until {time_text(task.deadline_ns)}"
    return text
