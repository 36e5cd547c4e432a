"""The register pane: values, `*` where the last step changed one, and where a value points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.changed_pane import with_cause
from arcetui.render.row import KIND_STYLES, Row, Span
from arcetui.state import Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import Snapshot
    from kernel.inspect.views import AddressSpaceView, AreaView

_LONGEST_NAME = 7
#: Bits of the flags registers worth naming: (bit, letter).
_FLAG_BITS: dict[str, tuple[tuple[int, str], ...]] = {
    "eflags": ((0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (10, "DF"), (11, "OF")),
    "nzcv": ((31, "N"), (30, "Z"), (29, "C"), (28, "V")),
}


def area_at(space: AddressSpaceView | None, address: int) -> AreaView | None:
    """The area an address lies in."""
    if space is None:
        return None
    for area in space.areas:
        if area.start <= address < area.end:
            return area
    return None


def pointer_style(space: AddressSpaceView | None, value: int) -> str:
    """The colour of what a value points to; plain for numbers."""
    area = area_at(space, value)
    if area is None:
        return "value"
    return "wx" if "w" in area.perms and "x" in area.perms else KIND_STYLES.get(area.kind, "value")


def flag_spans(name: str, value: int) -> list[Span]:
    """A flags register by its bits: set ones bold, clear ones in brackets of dim."""
    spans: list[Span] = []
    for bit, letters in _FLAG_BITS.get(name, ()):
        on = value >> bit & 1
        spans.append(Span(f" {letters if on else letters.lower()}", "ok" if on else "dim"))
    return spans


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """Registers in as few columns as the height allows."""
    registers = snapshot.cpu.registers
    before = dict(snapshot.previous.registers) if snapshot.previous else {}
    longest = max(len(name) for name, _ in registers)
    label = longest if longest <= _LONGEST_NAME else 5
    cell = label + 20
    most = max((width + 1) // cell, 1)
    columns = min(max(-(-len(registers) // max(height, 1)), 1), most)
    lines = -(-len(registers) // columns)
    rows: list[Row] = []
    items: list[Item] = []
    changed = 0
    for line in range(lines):
        spans: list[Span] = []
        names: list[str] = []
        for column in range(columns):
            index = column * lines + line
            if index >= len(registers):
                break
            name, value = registers[index]
            differs = before.get(name, value) != value
            changed += differs
            names.append(name)
            spans += _cell(snapshot, name[:label].rjust(label), value, differs)
            if columns == 1:
                spans += _where(snapshot, name, value)
        rows.append(tuple(spans))
        items.append(Item("registers", cell, " ".join(names), columns))
    note = f"{changed} changed" if changed else ""
    title = f"cpu{snapshot.cpu.cpu} {snapshot.cpu.task_name}".rstrip()
    changes = with_cause(note, snapshot)
    return PaneContent(tuple(rows), tuple(items), title=title, changed=changes)


def _cell(snapshot: Snapshot, name: str, value: int, differs: bool) -> list[Span]:
    label = Span(f"{'*' if differs else ' '}{name} ", "changed" if differs else "label")
    style = "changed" if differs else pointer_style(snapshot.space, value)
    if not value and not differs:
        style = "dim"
    return [label, Span(f"{value:016x}", style), Span("  ")]


def _where(snapshot: Snapshot, name: str, value: int) -> list[Span]:
    if name in _FLAG_BITS:
        return flag_spans(name, value)
    area = area_at(snapshot.space, value)
    if area is not None:
        return [Span(f"→ {area.name or area.kind}", "comment")]
    if 0 < value < 1 << 31:
        return [Span(f"{value}", "comment")]
    signed = value - (1 << 64)
    return [Span(f"{signed}", "comment")] if -(1 << 31) < signed < 0 else []
