"""The allocators: bitmap tree, owners of frames, free lists, the last step's splits and merges.

The page allocator's tree is drawn level by level, the frames as a strip with a letter per owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.changed_pane import sentence
from arcetui.render.numbers import human_bytes
from arcetui.render.row import Row, Span, row
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import Snapshot
    from kernel.inspect.views import AllocatorsView, ByteAllocView, Event, PageAllocView

#: Letter and style for each usage; a letter, so that colour is not needed.
_OWNERS: dict[str, tuple[str, str]] = {
    "kernel image": ("K", "code"),
    "heap": ("H", "heap"),
    "page table": ("T", "guard"),
    "user": ("U", "data"),
    "kstack": ("S", "stack"),
    "dma": ("D", "rodata"),
    "file cache": ("F", "warning"),
    "shared": ("≡", "new"),
}

#: Rows from which the last step stands where it belongs, at the byte allocator's lists.
_ROOMY_ROWS = 20


def owner_mark(usage: str) -> tuple[str, str]:
    """Letter and style of a usage."""
    return _OWNERS.get(usage, (usage[:1].upper() or "?", "value"))


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """Page allocator first, then the byte allocator, then the last step."""
    view = snapshot.allocators
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    events = snapshot.change.events if snapshot.change is not None else ()
    rows: list[Row] = []
    items: list[Item] = []

    def add(*more: Row, item: Item = NOTHING) -> None:
        rows.extend(more)
        items.extend([item] * len(more))

    steps = _last_step(events, width)
    low = height < _ROOMY_ROWS
    if steps and low:  # what happened matters more than how things stand
        add(row((" last step", "heading")), *steps)
    add(*_pages(view.pages, events, width, 3 if height >= 16 else 2))
    add(*_bytes(view.bytes, width, ""))
    if view.bytes.broken:
        add(row((f"  cannot be read: {view.bytes.broken}", "error")))
    if steps and not low:
        add(row((" last step", "heading")), *steps)
    if view.bytes.free_lists:
        add(row((" free lists ", "heading"), (_about_lists(view.bytes, width), "dim")))
    for free in view.bytes.free_lists:
        blocks = "  ".join(f"{pa:x}" for pa in free.blocks[:8])
        more = f" … {len(free.blocks)} blocks" if len(free.blocks) > 8 else ""
        of = f"/{free.total_blocks}" if free.total_blocks else ""
        add(
            row(
                (f"  {free.label:<13}", "key"),
                (f"{human_bytes(free.block_bytes):>8} ", "value"),
                (f"{len(free.blocks):>3}{of} ", "number" if free.blocks else "dim"),
                (f"→ {blocks}{more}" if free.blocks else "·", "addr" if free.blocks else "dim"),
            ),
            item=Item("physical", free.blocks[0] if free.blocks else 0, free.label),
        )
    add(*_live(view))
    return PaneContent(
        tuple(rows),
        tuple(items),
        title=f"bitmap + {view.bytes.name}",
        changed=sentence(snapshot, "allocators"),
    )


def _about_lists(view: ByteAllocView, width: int) -> str:
    text = "class, size, how many → where"
    levels = ": fl and sl, the two levels of classes" if view.fl_bitmap else ""
    return text + levels if len(text + levels) + 13 <= width else text


def _pages(pages: PageAllocView, events: tuple[Event, ...], width: int, lines: int) -> list[Row]:
    share = 100 * pages.used_pages / max(pages.total_pages, 1)
    rows = [
        row(
            (" pages ", "heading"),
            (f"{pages.used_pages}/{pages.total_pages} used ({share:.1f} %)", "value"),
            (f", largest free run {pages.largest_free_run}", "dim"),
        )
    ]
    for depth, level in enumerate(pages.levels):
        rows.append(_level(depth, level.words, width))
    rows += _strip(pages, events, width, lines)
    counts: dict[str, int] = {}
    for _, count, usage in pages.owners:
        counts[usage] = counts.get(usage, 0) + count
    legend = [Span(" ")]
    for usage, count in counts.items():
        letter, style = owner_mark(usage)
        legend += [Span(letter, style), Span(f" {usage} {count}  ", "dim")]
    legend.append(Span("· free", "dim"))
    rows.append(tuple(legend))
    return rows


def _level(depth: int, words: tuple[int, ...], width: int) -> Row:
    """One level of the tree; a cell is a word (16 children), or many words when there are more."""
    room = max(width - 20, 8)
    if len(words) == 1:
        cells = "".join("░" if words[0] >> bit & 1 else "█" for bit in range(16))
        note = "1 bit a cell: ░ free █ used ▒ both"
    else:
        each = -(-len(words) // room)
        cells = ""
        for start in range(0, len(words), each):
            part = words[start : start + each]
            full = all(word == 0xFFFF for word in part)
            cells += "░" if full else "█" if not any(part) else "▒"
        note = f"{len(words)} words, one a cell" if each == 1 else ""
    return row((f" L{depth} ", "label"), (cells, "used"), (f" {note}" if depth < 2 else "", "dim"))


def _strip(pages: PageAllocView, events: tuple[Event, ...], width: int, lines: int) -> list[Row]:
    """The frames in address order, one letter per cell for the first owner in it."""
    room = max(width - 4, 16)
    each = max(-(-pages.total_pages // (room * lines)), 1)
    count = -(-pages.total_pages // each)
    cells: list[tuple[str, str]] = [("·", "free")] * count
    for first, run, usage in pages.owners:
        mark = owner_mark(usage)
        for cell in range(first // each, min((first + run - 1) // each + 1, count)):
            cells[cell] = mark
    for event in events:
        if event.kind.name in ("PAGE_ALLOC", "PAGE_FREE"):
            cell = (int(event["pa"]) - pages.base_pa >> 12) // each
            if 0 <= cell < count:
                cells[cell] = ("+", "new") if event.kind.name == "PAGE_ALLOC" else ("-", "gone")
    rows: list[Row] = []
    for start in range(0, count, room):
        spans: list[Span] = [Span("  ")]
        for letter, style in cells[start : start + room]:
            if spans[-1].style == style and len(spans) > 1:
                spans[-1] = Span(spans[-1].text + letter, style)
            else:
                spans.append(Span(letter, style))
        rows.append(tuple(spans))
    return rows


def _bytes(view: ByteAllocView, width: int, indent: str) -> list[Row]:
    waste = view.used_bytes - view.requested_bytes
    rows = [
        row(
            (f" {indent}{view.name} ", "heading"),
            (f"{human_bytes(view.used_bytes)}/{human_bytes(view.total_bytes)} used", "value"),
            (f", asked {human_bytes(view.requested_bytes)}, overhead {human_bytes(waste)}", "dim"),
        )
    ]
    if view.fl_bitmap:
        rows.append(row(("  first level ", "label"), (f"{view.fl_bitmap:032b}", "number")))
    if view.blocks:
        rows.append(_chain(view, width))
    if view.under is not None:
        rows += _bytes(view.under, width, "under it: ")
    return rows


def _chain(view: ByteAllocView, width: int) -> Row:
    """The physical blocks in address order: `█` in use, `░` free."""
    room = max(width - 22, 8)
    blocks = view.blocks[:room]
    spans: list[Span] = [Span(f"  {len(view.blocks):>4} blocks ", "label")]
    for block in blocks:
        spans.append(Span("░" if block.is_free else "█", "free" if block.is_free else "used"))
    if len(view.blocks) > room:
        spans.append(Span(" …", "dim"))
    return tuple(spans)


def _last_step(events: tuple[Event, ...], width: int) -> list[Row]:
    """Splits, merges, and what was taken and given back; the newest eight."""
    rows: list[Row] = []
    for event in events:
        name = event.kind.name
        if name == "BLOCK_SPLIT":
            kept, size = int(event["kept_bytes"]), int(event["size_bytes"])
            text = f"{size} B at {event['pa']:#x} → {kept} + {size - kept}"
            rows.append(row(("  ~ split ", "changed"), (f"{event['allocator']}: {text}", "value")))
        elif name == "BLOCK_MERGE":
            text = f"{event['pa']:#x} with {event['with_pa']:#x} = {event['size_bytes']} B"
            rows.append(row(("  ~ merge ", "changed"), (f"{event['allocator']}: {text}", "value")))
        elif name in ("BYTE_ALLOC", "BYTE_FREE"):
            new = name == "BYTE_ALLOC"
            text = f"{event['size_bytes']} B at {event['pa']:#x} for {event['what']}"
            rows.append(
                row(("  + took  " if new else "  - freed ", "new" if new else "gone"), text)
            )
        elif name in ("PAGE_ALLOC", "PAGE_FREE"):
            new = name == "PAGE_ALLOC"
            count = int(event["count"])
            text = f"{count} page{'s' * (count != 1)} at {event['pa']:#x}: {event['usage']}"
            rows.append(
                row(("  + pages " if new else "  - pages ", "new" if new else "gone"), text)
            )
    if len(rows) > 8:
        rows = [row((f"    … {len(rows) - 7} more before", "dim")), *rows[-7:]]
    return rows


def _live(view: AllocatorsView) -> list[Row]:
    """The kernel's objects by kind."""
    totals: dict[str, tuple[int, int]] = {}
    for _, size, what in view.live:
        count, total = totals.get(what, (0, 0))
        totals[what] = count + 1, total + size
    if not totals:
        return []
    rows = [row((" kernel objects", "heading"))]
    for what, (count, total) in sorted(totals.items(), key=lambda kv: -kv[1][1]):
        rows.append(row((f"  {what:<22}", "value"), (f"x{count:<4} {human_bytes(total)}", "dim")))
    return rows
