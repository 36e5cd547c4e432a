"""The timeline: the kernel's events in order, the position among them, the known future grey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.changed_pane import cause_words
from arcetui.render.event_words import THEIR_OWN_CAUSE, event_text
from arcetui.render.row import Row, row
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arcetui.state import Snapshot
    from kernel.inspect.views import Event

_SUBJECT: dict[str, str] = {
    "SYSCALL": "syscall",
    "CALL": "syscall",
    "FAULT": "warning",
    "EXCEPTION": "error",
    "SIGNAL": "error",
    "TRAP": "dim",
    "VMA": "heap",
    "BRK": "heap",
    "PTE": "guard",
    "TABLE": "guard",
    "PAGE": "data",
    "BYTE": "data",
    "BLOCK": "data",
    "CONSOLE": "input",
    "PROC": "heading",
    "TASK": "heading",
}


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """Events around the position; what lies ahead is grey and in italics, marked `·`."""
    here = snapshot.machine.position
    rows: list[Row] = []
    items: list[Item] = []
    current = -1
    since = snapshot.change.since.event if snapshot.change is not None else here.event
    for event in snapshot.events:
        is_new = since < event.index <= here.event
        rows.append(_line(event, here.event, snapshot.names, width, is_new))
        items.append(Item("event", event.index))
        if event.index == here.event:
            current = len(rows) - 1
            if here.insns:
                current += 1
                rows.append(row((f"▶ {here.insns} instructions later", "mark")))
                items.append(NOTHING)
    if not rows:
        lost = "of this moment no events are kept" if here.event else "no events yet"
        rows.append(row((f" {lost}; e runs to the next", "dim")))
    end = snapshot.machine.end
    title = f"{here}" + (f", known up to {end}" if here < end else "")
    count = here.event - since
    changes = f"{count} event{'s' * (count != 1)}" if count > 0 else ""
    if count < 0:
        changes = f"undone: {-count} event{'s' * (count != -1)}"
    return PaneContent(tuple(rows), tuple(items), current, current, title, changes)


def _line(event: Event, here: int, names: Mapping[int, str], width: int, is_new: bool) -> Row:
    future = event.index > here
    mark = "·" if future else "▶" if event.index == here else "+" if is_new else " "
    kind = event.kind.name
    words = kind.lower().replace("_", " ")
    subject = kind.split("_")[0]
    style = "future" if future else _SUBJECT.get(subject, "value")
    with_cause = width >= 100 and subject not in THEIR_OWN_CAUSE
    return row(
        (mark, "future" if future else "new" if mark == "+" else "mark"),
        (f"{event.index:>6} ", "future" if future else "dim"),
        (f"{words:<14} ", style),
        (event_text(event, names), "future" if future else "value"),
        (f"  ; {cause_words(event, names)}" if with_cause else "", "comment"),
    )
