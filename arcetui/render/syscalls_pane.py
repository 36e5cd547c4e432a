"""The system-call log: strace's words, the result, and what the call changed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from arcetui.render.row import Row, row
from arcetui.state import Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import CallLine, Snapshot

#: Where in a narrow pane the effects of a call begin, below it.
_EFFECT_COLUMN = 8


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """One row for each call, the newest last; a narrow pane gets the effects on a row below."""
    rows: list[Row] = []
    items: list[Item] = []
    wide = width >= 90
    since = snapshot.change.since if snapshot.change is not None else None
    fresh = 0
    for call in snapshot.calls:
        item = Item("call", call.view.serial, call.view.name)
        mark = ""
        if since is not None and call.view.enter > since:
            mark, fresh = "+", fresh + 1
        elif since is not None and call.view.exit is not None and call.view.exit > since:
            mark = "~"  # it was going on, and returned
        rows.append(_line(call, wide, width, state_of(call, snapshot), mark))
        items.append(item)
        if call.changed and not wide:
            lines = textwrap.wrap(call.changed, max(width - _EFFECT_COLUMN - 1, 20))
            for number, line in enumerate(lines):
                lead = f"{'' if number else '└ ':>{_EFFECT_COLUMN}}"
                rows.append(row((lead, "dim"), (line, "cause")))
                items.append(item)
    count = snapshot.machine.syscalls
    title = f"{count} call{'s' * (count != 1)}"
    if not rows:
        rows.append(row((" none yet; y runs to the first", "dim")))
    current = -1
    if snapshot.calls and snapshot.calls[-1].view.exit is None:
        current = len(rows) - 1
        while items[current].value == items[current - 1].value and current:
            current -= 1
    changes = f"{fresh} new" if fresh else ""
    heading = "" if snapshot.machine.form == "monolithic" else "calls of the kernel"
    return PaneContent(tuple(rows), tuple(items), len(rows) - 1, current, title, changes, heading)


def state_of(call: CallLine, snapshot: Snapshot) -> str:
    """What is said in place of a result that is not there yet; "" if it is."""
    if call.result or call.view.exit is not None:
        return ""
    if call.view.name in ("exit", "exit_group", "ax_exit", "ax_terminate"):
        return ") = ?"
    return " ▶ in the kernel" if call.view.tid == snapshot.cpu.tid else " … waits"


def _line(call: CallLine, wide: bool, width: int, state: str, mark: str) -> Row:
    name, bracket, rest = call.text.partition("(")
    # The result matters more than the last argument: cut the arguments to keep it in sight.
    shown = call.result.partition(" (")[0] if len(call.result) > 24 else call.result
    shown = shown or state
    room = max(width - len(name) - len(shown) - 11, 12)
    if not wide and len(rest) > room:
        rest = rest[: room - 2] + "…)"
    result = (f" = {call.result}", "error" if call.failed else "result")
    if state:
        result = (state, "current" if "▶" in state else "result" if "?" in state else "warning")
    return row(
        (mark or " ", "new" if mark == "+" else "changed"),
        (f"{call.view.serial:>4} ", "dim"),
        (name, "syscall"),
        (bracket + rest, "argument"),
        result,
        (f"  ; {call.changed}" if call.changed and wide else "", "cause"),
    )
