"""A pane: rows made from a snapshot by a pure renderer, and the row the user selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from arcetui.messages import PaneResized, RowChosen
from arcetui.render.sharing import title
from arcetui.state import NOTHING, Item, PaneContent
from arcetui.widgets.line_view import LineView

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from arcetui.layouts import PaneName
    from arcetui.state import Snapshot

    Renderer = Callable[[Snapshot, int, int], PaneContent]


class Pane(LineView):
    """One pane of the debugger screen."""

    class MarkClicked(Message):
        """The left edge of a row was clicked: breakpoints stand there."""

        def __init__(self, item: Item) -> None:
            super().__init__()
            self.item = item

    def __init__(self, about: PaneName, renderer: Renderer) -> None:
        super().__init__(f"{about.keys} {about.heading}", id=f"pane-{about.name}")
        self.pane = about.name
        self._about = about
        self._renderer = renderer
        self._content = PaneContent()
        self._snapshot: Snapshot | None = None
        self._placed = (-1, -1, -1)  # position and focus row the window was moved for
        self.cell = 0

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw what changed since the snapshot before."""
        self._snapshot = snapshot
        if self.pane not in snapshot.interests.panes or not self.display or not self.size.height:
            return
        content = self._renderer(snapshot, max(self.size.width - 1, 1), self.page)
        self._content = content
        self.heading = f"{self._about.keys} {content.heading or self._about.heading}"
        place = (*snapshot.machine.position, content.focus)
        focus = content.focus if place != self._placed else -1
        self._placed = place
        self.show(
            content.rows,
            current=content.current,
            focus=focus,
            note=content.title,
            changes=content.changed,
        )

    def redraw(self) -> None:
        """Make the rows again, for another size."""
        if self._snapshot is not None:
            self._placed = (-1, -1, -1)
            self.show_snapshot(self._snapshot)

    def on_resize(self) -> None:
        """Other widths, other rows."""
        self.redraw()
        self.post_message(PaneResized())

    @property
    def item(self) -> Item:
        """What the selected row stands for; of several registers, the selected one."""
        if not 0 <= self.cursor < len(self._content.items):
            return NOTHING
        item = self._content.items[self.cursor]
        if item.kind == "registers":
            names = item.text.split()
            return Item("register", 0, names[min(self.cell, len(names) - 1)])
        if item.kind == "cells" and item.size:
            names = item.text.split()
            return Item("shared", item.value, names[min(self.cell, len(names) - 1)])
        return item

    def move_cell(self, by: int) -> bool:
        """Select another register in the row; False where rows have no cells."""
        items = self._content.items
        if not items or items[0].kind not in ("registers", "cells") or not items[0].size:
            return False
        self.cell = max(0, min(self.cell + by, items[0].size - 1))
        self.move_cursor(max(self.cursor, 0))
        return True

    def cursor_moved(self) -> None:
        """Name the selected register: a row holds several."""
        item = self.item
        if item.kind == "register":
            self.note = f"selected: {item.text} (w walks, m shows memory)"
            self._line_dirty(-self.TITLE_LINES)
        elif item.kind == "shared" and item.value:
            self.note = f"selected: {title(item.text)} of {item.value}"
            self._line_dirty(-self.TITLE_LINES)

    def enter_row(self) -> None:
        """Tell the screen that the row was entered."""
        if self.item.kind:
            self.post_message(RowChosen(self.pane, self.item))

    def on_click(self, event: events.Click) -> None:
        """Select the cell too; the left edge toggles breakpoints."""
        items = self._content.items
        if items and items[0].kind == "registers":
            self.cell = min(event.x // max(items[0].value, 1), items[0].size - 1)
        super().on_click(event)
        event.prevent_default()
        if self.pane == "code" and event.x < 2 and event.y and event.chain == 1 and self.item.kind:
            self.post_message(self.MarkClicked(self.item))
