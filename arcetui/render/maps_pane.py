"""The memory map: the areas of the address space, coloured by kind, with what the step changed.

`+` new, `-` gone, `~` changed. Colours as pwndbg's `vmmap`, with a legend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.changed_pane import sentence
from arcetui.render.numbers import human_bytes
from arcetui.render.row import KIND_STYLES, Row, Span, row
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import Snapshot
    from kernel.inspect.views import AreaView

_MARK = {"+": "new", "-": "gone", "~": "changed", " ": ""}
LEGEND: Row = row(
    *(" ", ("STACK", "stack"), " ", ("HEAP", "heap"), " ", ("CODE", "code"), " "),
    *(("DATA", "data"), " ", ("WX", "wx"), " ", ("RODATA", "rodata"), " ", ("GUARD", "guard")),
    ("  +new -gone ~changed", "dim"),
)


#: Width from which pages with a frame, of all the area's pages, stand beside its size.
_WITH_RESIDENT = 56
_ROOMY = 70
#: Width from which the back end stands behind the name.
_WITH_BACKEND = 84


def marked(snapshot: Snapshot) -> list[tuple[str, AreaView]]:
    """All areas, now and gone, by address, each with its mark."""
    if snapshot.space is None:
        return []
    now = snapshot.space.areas
    before = snapshot.previous_space.areas if snapshot.previous_space is not None else now
    if before is now:
        return [(" ", area) for area in now]
    known = {(a.start, a.end, a.perms, a.name) for a in before}
    result: list[tuple[str, AreaView]] = []
    for area in now:
        same = (area.start, area.end, area.perms, area.name) in known
        touched = any(old.start < area.end and area.start < old.end for old in before)
        result.append((" " if same else "~" if touched else "+", area))
    for old in before:
        if not any(a.start < old.end and old.start < a.end for a in now):
            result.append(("-", old))
    return sorted(result, key=lambda pair: (pair[1].start, pair[0] != "-"))


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """One row for each area."""
    rows: list[Row] = []
    items: list[Item] = []
    focus = -1
    areas = marked(snapshot)
    digits = max((len(f"{area.end:x}") for _, area in areas), default=8)
    longest = max((len(area.name or f"({area.kind})") for _, area in areas), default=0)
    most = max((len(f"{area.size_bytes >> 12}") for _, area in areas), default=1)
    before = snapshot.previous_space.areas if snapshot.previous_space is not None else ()
    pages_before = {(area.start, area.end): area.resident_pages for area in before}
    for mark, area in areas:
        if mark != " " and focus < 0:
            focus = len(rows)
        had = pages_before.get((area.start, area.end), area.resident_pages)
        rows.append(_line(mark, area, digits, width, had, longest, most))
        items.append(Item("area", area.start, area.name or area.kind, area.size_bytes))
    space = snapshot.space
    if space is not None and space.brk:
        grown = human_bytes(space.brk - space.brk_start)
        rows.append(row((f" brk {space.brk:#x}", "label"), (f"  {grown} above its start", "dim")))
        items.append(Item("address", space.brk, "brk"))
    if width >= _WITH_RESIDENT and any(area.resident_pages for _, area in areas):
        rows.append(row((" 1/8: of eight pages one has a frame", "dim")))
    rows.append(LEGEND)
    items += [NOTHING] * (len(rows) - len(items))
    title = f"pid {space.pid}, {len(space.areas)} areas" if space is not None else ""
    return PaneContent(
        tuple(rows), tuple(items), focus, title=title, changed=sentence(snapshot, "maps")
    )


def _line(
    mark: str, area: AreaView, digits: int, width: int, had: int, longest: int, most: int
) -> Row:
    """A row.

    Args:
        mark: What the step did to the area.
        area: The area.
        digits: Of an address.
        width: Columns there are.
        had: How many of the area's pages had a frame before the step.
        longest: Columns that the longest name takes.
        most: Digits of the largest number of pages.
    """
    writable_code = "w" in area.perms and "x" in area.perms
    style = "wx" if writable_code else KIND_STYLES.get(area.kind, "value")
    name = area.name or f"({area.kind})"
    pages = area.size_bytes >> 12
    resident = ""
    if width >= _WITH_RESIDENT:
        star = "*" if had != area.resident_pages and mark != "-" else ""
        count = f"{star}{area.resident_pages}"
        wide = width >= _ROOMY
        first = max(most + 1, 4 if wide else 3)
        resident = f"{count:>{first}}/{pages:<{max(most, 4)}} "
    room = width - 2 * digits - 18 - len(resident)
    if len(name) > room >= 7:
        name = "…" + name[1 - room :]  # the end of a path tells more than its beginning
    spans = [
        Span(mark, _MARK[mark]),
        Span(f"{area.start:0{digits}x}-{area.end:0{digits}x} ", "gone" if mark == "-" else style),
        Span(f"{area.perms} ", "changed" if mark == "~" else "value"),
        Span(f"{human_bytes(area.size_bytes):>9} ", "value"),
        Span(resident, "changed" if "*" in resident else "dim"),
        Span(f"{name}", style),
    ]
    if width >= _WITH_BACKEND:
        spans[-1] = Span(f"{name:<{longest}}", style)
        spans.append(Span(f"  {area.backend}", "dim"))
    return tuple(span for span in spans if span.text)
