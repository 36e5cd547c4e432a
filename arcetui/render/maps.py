"""Address spaces as text: /proc/PID/maps to the byte, and pwndbg's vmmap."""

from __future__ import annotations

from collections.abc import Iterable

from arcetui.render.numbers import count, size
from arcetui.render.row import KIND_STYLES, Row, Span, plain, row
from kernel.inspect.views import AddressSpaceView, AreaView

#: The kernel pads up to this column before a name (fs/proc/task_mmu.c: 25 + 6 * sizeof(void *)).
NAME_COLUMN = 73


def area_style(area: AreaView) -> str:
    """The style of an area: its kind, or `wx` if it is both writable and executable."""
    if "w" in area.perms and "x" in area.perms:
        return "wx"
    return KIND_STYLES.get(area.kind, "data")


def proc_line(area: AreaView) -> str:
    """One line of /proc/PID/maps."""
    major, minor = area.dev
    head = (
        f"{area.start:08x}-{area.end:08x} {area.perms} {area.offset:08x} "
        f"{major:02x}:{minor:02x} {area.inode} "
    )
    return f"{head:<{NAME_COLUMN}}{area.name}" if area.name else head


def maps(space: AddressSpaceView) -> list[Row]:
    """/proc/PID/maps."""
    return [plain(proc_line(area), area_style(area)) for area in space.areas]


LEGEND: Row = row(
    ("LEGEND: ", "dim"),
    ("STACK", "stack"),
    " | ",
    ("HEAP", "heap"),
    " | ",
    ("CODE", "code"),
    " | ",
    ("DATA", "data"),
    " | ",
    ("WX", "wx"),
    " | ",
    ("RODATA", "rodata"),
)


def vmmap(areas: Iterable[AreaView], space: AddressSpaceView) -> list[Row]:
    """Areas with kind, back end and resident pages."""
    heading = f"{'Start':>18} {'End':>18} Perm {'Size':>9} {'Resident':>9} {'Back end':<16} Name"
    out: list[Row] = [LEGEND, plain(heading, "title")]
    for area in areas:
        out.append(
            row(
                (f"{area.start:#18x} {area.end:#18x} {area.perms} ", area_style(area)),
                (f"{area.size_bytes:#9x} ", "number"),
                f"{size(area.resident_pages * 4096):>9} {area.backend:<16} ",
                Span(area.name or f"[{area.kind}]", area_style(area)),
            )
        )
    total = sum(area.size_bytes for area in space.areas)
    resident = sum(area.resident_pages for area in space.areas)
    out.append(
        row(
            (
                f"{count(len(space.areas), 'area')}, {size(total)} mapped, "
                f"{size(resident * 4096)} resident; page table {space.format} "
                f"at {space.root_pa:#x}",
                "dim",
            )
        )
    )
    return out
