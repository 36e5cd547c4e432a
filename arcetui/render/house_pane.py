"""The house: the kernel's components, those the last system call went through lit in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render import house
from arcetui.render.row import row
from arcetui.state import PaneContent

if TYPE_CHECKING:
    from arcetui.state import Snapshot


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """The last call's way, then one block a layer, the plugin on top."""
    view = snapshot.house
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    lines = sum(count for _, count in view.totals)
    title = f"{lines} lines of code"
    if view.way:
        title += f"; {view.call} #{view.serial} went through {len(view.way)} components"
    return PaneContent(tuple(house.house(view, width)), title=title)


def hal_content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """Both hardware abstraction layers side by side."""
    view = snapshot.hal
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    return PaneContent(tuple(house.hal(view, width)), title=f"{view.hal} is in use")
