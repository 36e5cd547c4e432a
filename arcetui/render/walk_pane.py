"""The page walk: the address cut into its indices, then each level's table, entry and flags."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from arcetui.render.changed_pane import sentence
from arcetui.render.numbers import human_bytes
from arcetui.render.row import Row, Span, row
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import Snapshot
    from kernel.inspect.views import WalkStep, WalkView

_GOOD_ROLES = ("table", "page")


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """The walk of the address the pane follows."""
    walk = snapshot.walk
    target = snapshot.interests.walk
    if walk is None:
        return PaneContent(rows=(row((" no walk yet", "dim")),))
    rows: list[Row] = [*_header(walk, str(target), width)]
    items: list[Item] = [NOTHING] * len(rows)
    before = snapshot.previous_walk
    old = (
        {step.entry_pa: step.entry for step in before.steps}
        if before is not None and before.va == walk.va
        else {}
    )
    short = height < len(rows) + 2 * len(walk.steps) + 2
    for depth, step in enumerate(walk.steps):
        changed = old.get(step.entry_pa, step.entry) != step.entry
        rows += _step(step, depth, changed, width, short)
        items += [Item("physical", step.entry_pa, step.level)] * (len(rows) - len(items))
    rows += _verdict(walk, len(walk.steps), width)
    items += [Item("physical", max(walk.pa, 0), "frame")] * (len(rows) - len(items))
    rows += _meanings(walk, width, height - len(rows))
    fixed = str(target).startswith("0x")  # then the first row says it already
    title = f"for {walk.access}" if fixed else f"{target} for {walk.access}"
    return PaneContent(tuple(rows), tuple(items), title=title, changed=sentence(snapshot, "walk"))


def index_fields(walk: WalkView) -> list[tuple[str, int, int, int]]:
    """The address cut up: (name, value, highest bit, lowest bit), the page offset last.

    Also of a walk that stopped early: the address has the same parts, whatever is mapped.
    """
    fields = [(step.level, step.index, step.va_hi, step.va_lo) for step in walk.steps]
    for name, high, low in walk.rest:
        fields.append((name, walk.va >> low & (1 << high - low + 1) - 1, high, low))
    low = fields[-1][3] if fields else 12
    fields.append(("offset", walk.va & (1 << low) - 1, low - 1, 0))
    return fields


def _header(walk: WalkView, target: str, width: int) -> list[Row]:
    name = "" if target.startswith("0x") else f"{target} = "
    rows = [row((f" {name}", "label"), (f"{walk.va:#x}", "heading"), (f"  {walk.format}", "dim"))]
    fields = index_fields(walk)
    binary = [f"{value:0{high - low + 1}b}" for _, value, high, low in fields]
    if sum(len(b) + 1 for b in binary) + 2 <= width:
        texts = binary
    else:
        texts = [f"{value:#x}" for _, value, _, _ in fields]
    labels = [f"{name} {value}" for name, value, _, _ in fields]
    widths = [max(len(t), len(n)) for t, n in zip(texts, labels, strict=True)]
    if sum(widths) + len(widths) + 1 > width:
        labels = [f"{value}" for _, value, _, _ in fields]
        widths = [max(len(t), len(n)) for t, n in zip(texts, labels, strict=True)]
    names = [Span(" ")]
    bits = [Span(" ")]
    reached = range(len(walk.steps)) if walk.rest else range(len(texts))
    for place, (text, label, cell) in enumerate(zip(texts, labels, widths, strict=True)):
        names.append(Span(f"{label:<{cell}} ", "label"))
        bits.append(Span(f"{text:<{cell}} ", "number" if place in reached else "dim"))
    return [*rows, tuple(names), tuple(bits)]


def _step(step: WalkStep, depth: int, changed: bool, width: int, short: bool) -> list[Row]:
    """A level: the entry, and below it (in a low pane beside it) its flags."""
    good = step.role.startswith(_GOOD_ROLES)
    line = [
        Span(f"{'*' if changed else ' '}", "changed"),
        Span(f"{'  ' * depth}{'└ ' if depth else ''}", "dim"),
        Span(f"{step.level:<5}", "heading"),
        Span(f"{step.table_pa:#x}", "addr"),
        Span(f"[{step.index}]", "number"),
        Span(" = ", "dim"),
        Span(f"{step.entry:016x} ", "changed" if changed else "value"),
        Span(f"{'→ ' if good else '✗ '}{step.role}", "ok" if good else "error"),
    ]
    if short:
        on = " ".join(name for name, is_set, _ in step.bits if is_set)
        return [row(*line, (f"  {on}", "key"))]
    used = 8 + 2 * depth
    if not step.entry:
        return [tuple(line), row((f"{' ' * used}every bit is 0", "dim"))]
    flags = [Span(" " * used)]
    for name, on, _meaning in step.bits:
        text = f"{name if on else '-' + name} "
        if used + len(text) > width:
            break
        flags.append(Span(text, "key" if on else "dim"))
        used += len(text)
    return [tuple(line), tuple(flags)] if step.bits else [tuple(line)]


def _meanings(walk: WalkView, width: int, lines: int) -> list[Row]:
    """What the bits of the last entry say, for those who do not know them by heart."""
    bits = walk.steps[-1].bits if walk.steps else ()
    said = [f"{name if on else '-' + name} {meaning}" for name, on, meaning in bits]
    for count in range(len(said), 0, -1):
        text = ", ".join(said[:count]) + (" …" if count < len(said) else "")
        wrapped = textwrap.wrap(text, max(width - 2, 20), break_on_hyphens=False)
        if len(wrapped) <= lines:
            return [row((f" {line}", "dim")) for line in wrapped]
    return []


def _verdict(walk: WalkView, depth: int, width: int) -> list[Row]:
    indent = " " + "  " * depth
    rows: list[Row] = []
    if walk.pa >= 0:
        page = human_bytes(walk.page_size_bytes)
        rows.append(
            row(
                (f"{indent}= frame ", "label"),
                (f"{walk.pa >> 12 << 12:#x}", "addr"),
                (f" + {walk.pa & 4095:#x}", "number"),
                (f"  {page} page, {walk.perms}", "value"),
            )
        )
    glyph, style = ("✓", "ok") if walk.ok else ("✗", "error")
    for number, line in enumerate(textwrap.wrap(walk.sentence, max(width - 3, 20))):
        rows.append(row((f" {' ' if number else glyph} {line}", style)))
    return rows
