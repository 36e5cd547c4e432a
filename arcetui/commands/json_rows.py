"""Views as JSON objects, one a line; docs/json.md describes them."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any

from arcetui.render.row import Row, plain
from arcetui.strace.formatter import safe_integer

_TYPES = {
    "AreaView": "area",
    "WalkView": "walk",
    "CpuView": "cpu",
    "AllocatorsView": "allocators",
    "TaskView": "task",
    "ReadyQueueView": "queue",
    "FdView": "fd",
    "ProcessView": "process",
    "MachineView": "position",
    "BreakpointView": "breakpoint",
    "Event": "event",
    "Frame": "frame",
}


def as_json(value: Any) -> Any:
    """A value JSON can hold: views become objects, big integers strings, bytes hexadecimal."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, int):
        return safe_integer(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): as_json(each) for key, each in value.items()}
    if hasattr(value, "event") and hasattr(value, "insns"):
        return str(value)
    if isinstance(value, tuple) and (names := getattr(value, "_fields", ())):
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, (list, tuple)):
        return [as_json(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(as_json(each) for each in value)
    if type(value).__name__ == "Event":
        return _event(value)
    if dataclasses.is_dataclass(value):
        return {
            field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    return repr(value) if callable(value) else str(value)


def _event(event: Any) -> dict[str, Any]:
    return {
        "index": event.index,
        "cpu": event.cpu,
        "tid": event.tid,
        "time_ns": safe_integer(event.time_ns),
        "cause": as_json(event.cause),
        "kind": event.kind.name.lower(),
        "fields": {name: as_json(value) for name, value in event.as_dict().items()},
    }


def json_row(value: Any, **more: Any) -> Row:
    """One JSON object as a row; `type` says what it is."""
    data = as_json(value)
    kind = _TYPES.get(type(value).__name__, "")
    if kind and "type" not in data:
        data = {"type": kind, **data}
    data.update({name: as_json(each) for name, each in more.items()})
    return plain(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
