"""Stack and memory: words with where they lead, bytes in hex, registers that point here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.changed_pane import with_cause
from arcetui.render.registers_pane import pointer_style
from arcetui.render.row import Row, Span, row
from arcetui.state import Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import FrameLine, Snapshot

_ASCII = bytes(c if 32 <= c < 127 else 46 for c in range(256))


def _pointers(snapshot: Snapshot) -> dict[int, list[str]]:
    """Registers by value, the small numbers left out."""
    found: dict[int, list[str]] = {}
    for name, value in snapshot.cpu.registers:
        if value >= 4096:
            found.setdefault(value, []).append(name)
    return found


def stack_content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """Words from the stack pointer upwards, as pwndbg's `telescope`."""
    old = {slot.address: slot.value for slot in snapshot.previous_stack}
    pointers = _pointers(snapshot)
    chosen = snapshot.interests.frame
    frames = snapshot.frames
    sp = frames[chosen].sp if chosen < len(frames) else snapshot.registers["sp"]
    borders = {frame.sp: frame for frame in frames[chosen:]}
    rows: list[Row] = []
    items: list[Item] = []
    changed = 0
    for slot in snapshot.stack:
        border = borders.get(slot.address)
        if border is not None and (len(frames) > 1 or border.where):
            rows.append(_frame_row(border))
            items.append(Item("address", border.pc, "code"))
        differs = old.get(slot.address, slot.value) != slot.value
        changed += differs
        names = " ".join(pointers.get(slot.address, ()))
        style = "changed" if differs else pointer_style(snapshot.space, slot.value)
        spans = [
            Span("*" if differs else " ", "changed"),
            Span(f"{slot.address - sp:+05x} ", "label"),
            Span(f"{slot.address:x} " if width >= 60 else "", "addr"),
            Span(f"{slot.value:016x}", style if slot.value or differs else "dim"),
            Span(f" {'→ ' if slot.comment else ''}{slot.comment}", slot.kind or "comment"),
            Span(f"  ◂{names}" if names else "", "key"),
        ]
        rows.append(tuple(span for span in spans if span.text))
        items.append(Item("address", slot.value if slot.comment else slot.address, "stack"))
    if not rows:
        rows.append(row((f" the stack at {sp:#x} is not mapped", "error")))
    note = f"{changed} word{'s' * (changed != 1)} changed" if changed else ""
    title = f"sp = {sp:#x}" if not chosen else f"frame #{chosen} (d goes back), from {sp:#x}"
    changes = with_cause(note, snapshot)
    return PaneContent(tuple(rows), tuple(items), title=title, changed=changes)


def _frame_row(frame: FrameLine) -> Row:
    """Where a call's part of the stack begins."""
    return row(
        (f"#{frame.number} ", "heading"),
        (frame.where or f"{frame.pc:#x}", "symbol"),
        (f"  {frame.how}" if frame.how else "", "dim"),
    )


def memory_content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """Sixteen bytes a row (eight in a narrow pane), text beside them."""
    window = snapshot.memory
    target = snapshot.interests.memory
    if window is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    per_row = 16 if width >= 70 else 8
    pointers = _pointers(snapshot)
    before = snapshot.previous_memory
    same_place = before is not None and before.address == window.address
    rows: list[Row] = []
    items: list[Item] = []
    changed = 0
    for start in range(0, len(window.data), per_row):
        address = window.address + start
        data = window.data[start : start + per_row]
        items.append(Item("address", address, "memory"))
        if not window.valid[start // 16]:
            rows.append(row((f" {address:>12x}  ", "addr"), ("not mapped", "dim")))
            continue
        was = before.data[start : start + per_row] if same_place and before else data
        changed += sum(one != other for one, other in zip(was, data, strict=True))
        spans = [Span("*" if was != data else " ", "changed"), Span(f"{address:>12x}  ", "addr")]
        spans += _hex(data, was)
        spans.append(Span(f" {data.translate(_ASCII).decode('ascii')}", "string"))
        here = [
            name for value in range(address, address + per_row) for name in pointers.get(value, ())
        ]
        if here:
            spans.append(Span(f" ◂{' '.join(here)}", "key"))
        rows.append(tuple(spans))
    note = f"{changed} byte{'s' * (changed != 1)} changed" if changed else ""
    changes = with_cause(note, snapshot)
    return PaneContent(tuple(rows), tuple(items), title=str(target), changed=changes)


def _hex(data: bytes, was: bytes) -> list[Span]:
    """Bytes in hex, runs of changed ones bold."""
    if was == data:
        return [Span(data.hex(" ") + " ", "value")]
    spans: list[Span] = []
    for index, byte in enumerate(data):
        style = "changed" if index < len(was) and was[index] != byte else "value"
        if spans and spans[-1].style == style:
            spans[-1] = Span(f"{spans[-1].text}{byte:02x} ", style)
        else:
            spans.append(Span(f"{byte:02x} ", style))
    return spans
