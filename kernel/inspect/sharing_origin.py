"""Where a sharing comes from: the call and the event that made two tasks use one object.

Source: the recorded events of axns (`ARC_NEW`, `ARC_SHARE`, `ARC_COPY`) and of axtask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kernel.crates.event import CauseKind, EventKind
from kernel.inspect.position import Position
from kernel.inspect.sharing import sharing_view
from kernel.inspect.system import System

if TYPE_CHECKING:
    from kernel.crates.event import EventLog, RawEvent


@dataclass(frozen=True, slots=True)
class OriginView:
    """What made a sharing.

    Attributes:
        position: Right after the event that made it.
        serial: The system call that did it; 0 if none (boot).
        what: The event, in words.
    """

    position: Position
    serial: int
    what: str


def origin(system: System, tid: int, resource: str) -> OriginView | None:
    """What made task `tid` share (or own) its present object of `resource`.

    Only recorded events are looked at: None if the run was not recorded from there on, or there is
    no such task.
    """
    events = system.board.events
    view = sharing_view(system)
    row = next((row for row in view.tasks if row.tid == tid), None)
    if row is None:
        return None
    cell = next((cell for cell in row.cells if cell.resource == resource), None)
    made = _newest(events, EventKind.TASK_NEW, tid)
    if cell is None or made is None:
        return None
    if made[4].kind not in (CauseKind.SYSCALL, CauseKind.CALL):
        return OriginView(Position(made[0]), 0, f"task {tid} was made at boot")
    serial = made[4].serial
    if resource not in system.kernel.ns.resources:
        return OriginView(Position(made[0]), serial, f"made with task {tid}")
    later = _last_arc_event(events, cell.pa, made[4])
    if later is None:
        return OriginView(Position(made[0]), serial, f"made with task {tid}")
    verb = {
        EventKind.ARC_SHARE: f"shared, strong count {later[6][2]}",
        EventKind.ARC_NEW: "made",
        EventKind.ARC_COPY: "copied",
    }[later[5]]
    return OriginView(Position(later[0]), later[4].serial, f"{resource} {verb}")


def _records(events: EventLog) -> list[RawEvent]:
    """Recorded events up to the present one."""
    records = events.records or []
    return records[: max(events.count + 1 - events.first_record, 0)]


def _newest(events: EventLog, kind: EventKind, ident: int) -> RawEvent | None:
    """The last event of a kind whose first field is `ident`."""
    for record in reversed(_records(events)):
        if record[5] is kind and record[6][0] == ident:
            return record
    return None


def _last_arc_event(events: EventLog, pa: int, cause: Any) -> RawEvent | None:
    """How the Arc at `pa` came to the task made by `cause`: shared there, or made later."""
    newest: RawEvent | None = None
    for record in reversed(_records(events)):
        kind = record[5]
        if kind is EventKind.ARC_SHARE and record[6][1] == pa and record[4] == cause:
            return record
        if kind is EventKind.ARC_NEW and record[6][1] == pa:
            newest = record
            break
    return newest
