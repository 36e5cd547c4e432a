"""Kernel events as text: one row each, with the cause they happened under."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arcetui.render.row import Row, row
from kernel.inspect.views import Event

_ADDRESSES = (
    "pa va start end at pte_pa old new root from_pa old_pa new_pa with_pa pc args addr "
    "old_start old_end handler"
)
_HEX = frozenset(_ADDRESSES.split())


def field(name: str, value: Any) -> str:
    """One field of an event."""
    if isinstance(value, tuple):
        return f"{name}=[{', '.join(field('', each).lstrip('=') for each in value)}]"
    if isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:#x}" if name in _HEX or value > 0xFFFF or not name else str(value)
        return f"{name}={text}" if name else text
    return f"{name}={value}"


def cause_text(event: Event, name_of: Callable[[int], str]) -> str:
    """Why: `mmap #12`, `fault #3 at 0x4010`, `tick #2`, `boot`."""
    kind, serial, detail = event.cause
    match kind.name:
        case "SYSCALL" | "CALL":
            return f"{name_of(detail)} #{serial}"
        case "FAULT":
            return f"fault #{serial} at {detail:#x}"
        case "BOOT":
            return "boot"
        case other:
            return f"{other.lower()} #{serial}" if serial else other.lower()


def event_row(event: Event, name_of: Callable[[int], str]) -> Row:
    """One event."""
    fields = "  ".join(field(name, value) for name, value in event.as_dict().items())
    return row(
        (f"{event.index:>7} ", "number"),
        (f"cpu{event.cpu} tid {event.tid:<3} ", "dim"),
        (f"{event.kind.name.lower().replace('_', ' '):<18} ", "key"),
        (fields, "value"),
        (f"  by {cause_text(event, name_of)}", "comment"),
    )
