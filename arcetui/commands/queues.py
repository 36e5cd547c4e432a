"""`info queues`: what every CPU runs, who is ready by which key, and why the next one is next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.commands.command import Command, Result
from arcetui.commands.info import with_json
from arcetui.commands.json_rows import json_row
from arcetui.render.queue_rows import queue_rows

if TYPE_CHECKING:
    from arcetui.commands.context import Context


def queues(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Run queues, next task first."""
    view = context.debugger.scheduling()
    if as_json:
        return Result(tuple(json_row(queue) for queue in view.queues))
    return Result(tuple(queue_rows(view)))


COMMANDS = (
    Command(
        "info queues",
        with_json(queues),
        "The run queue of every CPU: what runs, who is next and why.",
        "",
        "Behind each task stands what the scheduler orders by; the last line is its rule. "
        "docs/schedulers.md explains each.",
        ("info runq",),
        "Looking",
        json=True,
    ),
)
