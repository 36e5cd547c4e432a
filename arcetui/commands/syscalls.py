"""System calls so far, in strace's format or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import calls
from arcetui.commands.info import with_json
from arcetui.commands.json_rows import json_row
from arcetui.render.calls import call_row
from arcetui.render.row import Row, plain
from arcetui.strace.formatter import Formatter
from arcetui.strace.selection import select_calls

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "System calls"
DEFAULT = 20


def info_syscalls(context: Context, text: str, *, as_json: bool = False) -> Result:
    """The last calls; a number for more, names or classes to choose."""
    most, chosen = DEFAULT, frozenset[int]()
    for word in text.split():
        if word.isdigit():
            most = int(word)
        elif word == "all":
            most = 1 << 40
        else:
            try:
                chosen |= select_calls(word, context.debugger.syscall_numbers())
            except LookupError as error:
                raise CommandError(str(error.args[0])) from None
    total = context.debugger.syscall_count()
    first = 1 if chosen else max(total - most + 1, 1)
    views = context.debugger.syscalls(first)
    lost = total - first + 1 - len(views)
    views = tuple(view for view in views if not chosen or view.nr in chosen)[-most:]
    formatter = Formatter(context.debugger.arch.name)
    if as_json:
        return Result(tuple(json_row(formatter.as_json(view, context.read)) for view in views))
    if not views:
        return say("no such system call yet" if chosen else "no system call yet")
    rows: list[Row] = [call_row(view, formatter, context.read) for view in views]
    if lost:
        rows.insert(0, plain(f"of all {total:,} calls {lost:,} are no longer kept", "dim"))
    if first > 1 and not chosen:
        rows.insert(0, plain(f"the last {len(views)} of {total}; info syscalls all", "dim"))
    return Result(tuple(rows))


def counters(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Numbers the machine keeps."""
    numbers = context.debugger.counters()
    if as_json:
        return Result((json_row({"type": "counters", **numbers}),))
    return Result(tuple(plain(f"{name:<24} {value:,}") for name, value in numbers.items()))


def explain(context: Context, text: str, *, as_json: bool = False) -> Result:
    """What one call changed in the kernel: its events."""
    from arcetui.render.events import event_row

    word = text.strip().lstrip("#")
    total = context.debugger.syscall_count()
    serial = int(word) if word.isdigit() else total if not word else 0
    found = context.debugger.syscalls(serial, serial + 1) if serial else ()
    if not found:
        raise CommandError(unknown_call(word or str(serial), total))
    call = found[0]
    last = call.exit.event if call.exit is not None else context.debugger.position.event
    events = [
        event
        for event in context.debugger.events(call.enter.event, last + 1)
        if event.cause.kind.name in {"SYSCALL", "CALL"} and event.cause.serial == serial
    ]
    if as_json:
        return Result(tuple(json_row(event, type="event") for event in events))
    formatter = Formatter(context.debugger.arch.name)
    rows = [call_row(call, formatter, context.read)]
    rows += [event_row(event, context.debugger.syscall_name) for event in events]
    return Result(tuple(rows))


def unknown_call(word: str, total: int) -> str:
    """Why there is nothing to say of call `word`, `total` having begun."""
    if word.isdigit() and 0 < int(word) <= total:
        return f"system call #{word} is no longer kept; goto POSITION reaches any moment of the run"
    return f"no system call #{word}; {total} have begun"


COMMANDS = (
    Command(
        "info syscalls",
        with_json(info_syscalls),
        "System calls so far, in strace's format.",
        "[N | all] [NAME|%CLASS|GLOB ...]",
        "Strings are read from memory as it is now; `arcetui trace` shows them as they were.",
        ("info sys",),
        GROUP,
        calls,
        json=True,
    ),
    Command(
        "explain",
        with_json(explain),
        "What one system call did inside the kernel, event by event.",
        "[#N]",
        "Without a number: the last call.",
        (),
        GROUP,
        json=True,
    ),
    Command(
        "info counters",
        with_json(counters),
        "Numbers the machine keeps: calls, faults, ticks, events.",
        group=GROUP,
        json=True,
    ),
)
