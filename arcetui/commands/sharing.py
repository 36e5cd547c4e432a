"""`info namespaces`, `info sharing`, `info house`, `info hal`: how the kernel is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result
from arcetui.commands.info import with_json
from arcetui.commands.json_rows import json_row
from arcetui.render import house as house_rows
from arcetui.render import sharing as rows
from arcetui.render.row import plain, row
from arcetui.suggest import unknown

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "Looking"


def namespaces(context: Context, text: str, *, as_json: bool = False) -> Result:
    """The template and all namespaces."""
    views = context.debugger.namespaces()
    if as_json:
        return Result(tuple(json_row(view, type="namespace") for view in views))
    return Result(tuple(rows.namespaces(views)))


def sharing(context: Context, text: str, *, as_json: bool = False) -> Result:
    """The matrix of tasks and resources, or where one task's sharing comes from."""
    if text.strip():
        return _origin(context, text, as_json=as_json)
    view = context.debugger.sharing()
    if as_json:
        return Result(tuple(json_row(task, type="sharing") for task in view.tasks))
    legend = plain("same letter in a column: same object; ×N: so many tasks use it", "dim")
    current = context.debugger.cpu().tid
    return Result((*rows.matrix(view, current), legend, *rows.graph(view)))


def _origin(context: Context, text: str, *, as_json: bool) -> Result:
    """`info sharing TID RESOURCE`: the event that made it."""
    words = text.split()
    if len(words) != 2 or not words[0].isdigit():
        raise CommandError("write a task and a resource, such as: info sharing 5 FILES")
    view = context.debugger.sharing()
    names = {rows.title(name): name for name in view.resources}
    names.update({name: name for name in view.resources})
    name = names.get(words[1].upper())
    if name is None:
        raise CommandError(unknown("resource", words[1], [rows.title(n) for n in view.resources]))
    tid = int(words[0])
    if all(task.tid != tid for task in view.tasks):
        raise CommandError(f"no task {tid} has resources; info sharing lists those that do")
    found = context.debugger.sharing_origin(tid, name)
    if found is None:
        return Result((plain("the events of that time were not recorded", "dim"),))
    if as_json:
        return Result((json_row(found, type="origin"),))
    call = context.debugger.syscalls(found.serial, found.serial + 1) if found.serial else ()
    by = f" by {call[0].name} #{found.serial}" if call else ""
    return Result(
        (
            row(
                (found.what, "value"),
                by,
                (f" [position {found.position}]", "dim"),
                (f"  goto {found.position} goes there", "comment"),
            ),
        )
    )


def house(context: Context, text: str, *, as_json: bool = False) -> Result:
    """The kernel's components."""
    view = context.debugger.house()
    if as_json:
        return Result((json_row(view, type="house"),))
    return Result(tuple(house_rows.house(view)))


def hal(context: Context, text: str, *, as_json: bool = False) -> Result:
    """The hardware abstraction layer."""
    view = context.debugger.hal()
    if as_json:
        return Result((json_row(view, type="hal"),))
    return Result(tuple(house_rows.hal(view)))


COMMANDS = (
    Command(
        "info namespaces",
        with_json(namespaces),
        "Resource namespaces: slots, Arcs with their strong counts, the blocks' bytes.",
        "",
        "Read from kernel memory. The template is the pristine axns_resource section.",
        ("info ns",),
        GROUP,
        json=True,
    ),
    Command(
        "info sharing",
        with_json(sharing),
        "Which tasks share which objects: a matrix, and the paths through namespaces.",
        "[TID RESOURCE]",
        "With a task and a resource: the call and the event that made it share that object.",
        (),
        GROUP,
        json=True,
    ),
    Command(
        "info house",
        with_json(house),
        "The kernel's components with their lines of code, and the last system call's way.",
        "",
        "Numbers before a name: the order in which the call came there. Parentheses: not used by "
        "this machine.",
        (),
        GROUP,
        json=True,
    ),
    Command(
        "info hal",
        with_json(hal),
        "The hardware abstraction layer in use, beside the other one.",
        "",
        "Chosen at start-up with --hal axhal or --hal polyhal.",
        (),
        GROUP,
        json=True,
    ),
)
