"""The code pane: a listing with symbols and source, `▶` at the program counter, `●` breakpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.changed_pane import sentence
from arcetui.render.row import Row, row
from arcetui.state import Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import CodeLine, Snapshot

#: Width from which the bytes of an instruction stand beside it: a comment tells more.
_WITH_BYTES = 88


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """The listing, with the row of the program counter to keep in sight."""
    pc = snapshot.cpu.pc
    marks = {
        b.spec.address: b.spec.enabled for b in snapshot.breakpoints if b.spec.kind == "address"
    }
    with_bytes = width >= _WITH_BYTES
    rows: list[Row] = []
    items: list[Item] = []
    current = focus = -1
    wanted = pc if snapshot.interests.code_at is None else snapshot.interests.code_at
    for line in snapshot.code:
        if line.kind == "insn":
            if line.address == pc:
                current = len(rows)
            if line.address == wanted:
                focus = len(rows)
        rows.append(_line(line, pc, marks, with_bytes))
        items.append(Item("address", line.address, line.text))
    if not snapshot.code:
        rows = [row((f"  no code is mapped at {wanted:#x}", "error"))]
    title = snapshot.where or f"{pc:#x} (the file names no function here)"
    if snapshot.cpu.in_kernel:
        title = f"{title} · in the kernel: {snapshot.cpu.in_kernel}".lstrip(" ·")
    return PaneContent(tuple(rows), tuple(items), focus, current, title, sentence(snapshot, "code"))


def _line(line: CodeLine, pc: int, marks: dict[int, bool], with_bytes: bool) -> Row:
    if line.kind == "label":
        return row(("   ", ""), (f"{line.text}:", "symbol"))
    if line.kind == "source":
        return row(("   ", ""), (line.text, "source"))
    enabled = marks.get(line.address)
    dot = (" ", "") if enabled is None else ("●" if enabled else "○", "bp")
    here = ("▶", "mark") if line.address == pc else (" ", "")
    return row(
        dot,
        here,
        (f"{line.address:>9x}  ", "addr"),
        (f"{line.raw.hex(' ') if len(line.raw) <= 8 else line.raw[:7].hex(' ') + '…':<24} ", "dim")
        if with_bytes
        else "",
        (f"{line.text:<7} ", "mnemonic"),
        (line.operands, "operand"),
        (f"  ; {line.comment}" if line.comment else "", "comment"),
    )
