"""Positions: where in the run the machine stands, and going anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result
from arcetui.commands.completion import positions
from arcetui.commands.stop_rows import stop_result
from arcetui.render.numbers import duration
from arcetui.render.row import row

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "Going back"


def when(context: Context, text: str) -> Result:
    """Where in the run this is."""
    machine = context.debugger.machine()
    past = machine.position < machine.end
    rows = [
        row(
            ("position ", "key"),
            (str(machine.position), "value"),
            f" of {machine.end}" if past else " (the furthest known)",
            (", looking at the past" if past else "", "changed"),
            (", inside a kernel operation" if machine.half_way else "", "changed"),
        ),
        row(
            ("so far   ", "key"),
            f"{machine.instructions:,} instructions, {machine.syscalls:,} system calls, "
            f"{machine.position.event:,} kernel events, {duration(machine.time_ns)}",
        ),
    ]
    return Result(tuple(rows))


def goto(context: Context, text: str) -> Result:
    """Go to a position."""
    from arcetui.commands.syscalls import unknown_call
    from kernel.control import Position

    word = text.strip()
    debugger = context.debugger
    if not word:
        raise CommandError("goto needs a position, such as 120, 120+35, start, end or syscall #7")
    if word == "start":
        return stop_result(context, debugger.goto(Position(0)))
    if word == "end":
        return stop_result(context, debugger.goto(debugger.end))
    call = word.removeprefix("syscall").strip()
    if word.startswith(("syscall", "#")):
        serial = call.lstrip("#")
        if not serial.isdigit():
            raise CommandError(f"{word!r} is no system call; write syscall #7")
        found = debugger.syscalls(int(serial), int(serial) + 1)
        if not found:
            raise CommandError(unknown_call(serial, debugger.syscall_count()))
        return stop_result(context, debugger.goto(found[0].enter))
    try:
        position = Position.parse(word)
    except ValueError:
        raise CommandError(
            f"{word!r} is no position; write EVENT or EVENT+INSTRUCTIONS, such as 120+35"
        ) from None
    return stop_result(context, debugger.goto(position))


COMMANDS = (
    Command(
        "when",
        when,
        "Say where in the run the machine stands.",
        help="A position is EVENT+INSTRUCTIONS: kernel events so far, and user instructions since.",
        group=GROUP,
    ),
    Command(
        "goto",
        goto,
        "Go to a position, exactly, forward or back.",
        "POSITION | start | end | syscall #N",
        "A position with no instructions after the event may lie in the middle of a system call: "
        "it shows the kernel's state right after that event.",
        ("seek",),
        GROUP,
        positions,
    ),
)
