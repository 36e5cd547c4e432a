"""The kernel's allocators as text."""

from __future__ import annotations

from arcetui.render.numbers import count, size
from arcetui.render.row import Row, plain, row
from kernel.inspect.views import AllocatorsView, ByteAllocView, PageAllocView

MOST_BLOCKS = 8


def page_allocator(pages: PageAllocView) -> list[Row]:
    """The bitmap page allocator: how full, and by whom."""
    free = pages.total_pages - pages.used_pages
    out: list[Row] = [
        row(
            ("pages  ", "title"),
            f"{pages.used_pages} of {pages.total_pages} used, {free} free "
            f"({size(free * 4096)}), longest free run {count(pages.largest_free_run, 'page')}",
        )
    ]
    totals: dict[str, int] = {}
    for _, number, usage in pages.owners:
        totals[usage] = totals.get(usage, 0) + number
    for usage, number in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
        out.append(row(f"  {usage:<14}", (f"{number:>7}", "number"), f"  {size(number * 4096)}"))
    return out


def byte_allocator(heap: ByteAllocView) -> list[Row]:
    """A byte allocator: counters, and its free lists."""
    out: list[Row] = [
        row(
            (f"{heap.name}  ", "title"),
            f"{heap.used_bytes} of {heap.total_bytes} bytes used, {heap.requested_bytes} asked for",
        )
    ]
    if heap.broken:
        out.append(plain(f"  cannot be read: {heap.broken}", "error"))
    for pa, length in heap.pools:
        out.append(row("  pool ", (f"{pa:#x}", "addr"), f"  {size(length)}"))
    if heap.fl_bitmap:
        out.append(row("  first-level bitmap ", (f"{heap.fl_bitmap:#x}", "value")))
    for free in heap.free_lists:
        if not free.blocks:
            continue
        shown = " ".join(f"{pa:#x}" for pa in free.blocks[:MOST_BLOCKS])
        more = len(free.blocks) - MOST_BLOCKS
        out.append(
            row(
                f"  {free.label:<12} ",
                (f"{free.block_bytes:>9} bytes ", "number"),
                f"x{len(free.blocks):<5} ",
                (shown, "addr"),
                (f" and {more} more" if more > 0 else "", "dim"),
            )
        )
    if heap.under is not None:
        out.append(plain("  below it:", "dim"))
        out.extend(byte_allocator(heap.under))
    return out


def heap(view: AllocatorsView, most: int = 20) -> list[Row]:
    """Both allocators and the largest kernel objects."""
    out = [*byte_allocator(view.bytes), *page_allocator(view.pages)]
    totals: dict[str, tuple[int, int]] = {}
    for _, length, what in view.live:
        number, total = totals.get(what, (0, 0))
        totals[what] = number + 1, total + length
    if totals:
        out.append(plain("kernel objects", "title"))
    ranked = sorted(totals.items(), key=lambda item: (-item[1][1], item[0]))
    for what, (number, total) in ranked[:most]:
        out.append(row(f"  {what:<22}", (f"{number:>6}", "number"), f"  {total} bytes"))
    return out


def frames(pages: PageAllocView, most: int = 200) -> list[Row]:
    """Runs of physical pages by owner."""
    out: list[Row] = [plain(f"{'Physical':>14} {'Pages':>7} {'Size':>7}  Owner", "title")]
    for first, number, usage in pages.owners[:most]:
        out.append(
            row(
                (f"{pages.base_pa + first * 4096:#14x} ", "addr"),
                (f"{number:>7} ", "number"),
                f"{size(number * 4096):>7}  {usage}",
            )
        )
    if len(pages.owners) > most:
        out.append(plain(f"and {len(pages.owners) - most} more runs", "dim"))
    return out
