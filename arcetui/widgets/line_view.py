"""A list of rows that repaints only what changed (Textual's Line API).

It keeps its own top row instead of a virtual size, because a growing virtual size would make
Textual lay the whole screen out again. The first line is the title, drawn like a row. The last
column shows a thumb when not everything fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from arcetui.render.row import Row, row, shorten
from arcetui.widgets.row_style import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style
    from textual import events


def plain(text: str) -> str:
    """`text` with everything a terminal might obey replaced by visible marks."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def row_text(row: Row) -> str:
    """The characters of a row."""
    return "".join(span[0] for span in row)


class LineView(Widget, can_focus=True):
    """Rows under a title line. It has no border and no padding: its outer size is its size.

    Attributes:
        rows: What is shown.
        top: First row in sight.
        cursor: Selected row, or -1.
        current: Row that is "here" (drawn as a bar), or -1.
    """

    TITLE_LINES = 1

    def __init__(self, title: str = "", **options: str) -> None:
        super().__init__(**options)  # pyright: ignore[reportArgumentType]
        self.heading = title
        self.note = ""
        self.changes = ""
        self.rows: Sequence[Row] = ()
        self.top = 0
        self.left = 0
        self.cursor = -1
        self.current = -1
        self.found: str = ""
        self._styles_of: dict[str, Style] = {}

    # -- what is shown ----------------------------------------------------------------------

    @property
    def page(self) -> int:
        """Rows that fit."""
        return max(self.outer_size.height - self.TITLE_LINES, 1)

    def show(
        self,
        rows: Sequence[Row],
        *,
        current: int = -1,
        focus: int = -1,
        note: str | None = None,
        changes: str = "",
    ) -> None:
        """Show other rows, repainting only the lines that differ.

        Args:
            rows: The new rows.
            current: Row drawn as "here".
            focus: Row to bring into sight, or -1.
            note: Addition to the title; None leaves it.
            changes: What the last step changed here, for the title.
        """
        before = self.rows, self.current, self.top
        self.rows, self.current = rows, current
        self.cursor = min(self.cursor, len(rows) - 1)
        if note is not None and (note, changes) != (self.note, self.changes):
            self.note, self.changes = note, changes
            self._line_dirty(-self.TITLE_LINES)
        self._keep_in_sight(focus)
        old_rows, old_current, old_top = before
        page = self.page
        if self.top != old_top or (len(rows) > page) != (len(old_rows) > page):
            self.refresh()
            return
        dirty: list[int] = []
        for y in range(page):
            i = self.top + y
            old = old_rows[i] if i < len(old_rows) else ()
            new = rows[i] if i < len(rows) else ()
            if (old is not new and old != new) or (i == old_current) != (i == current):
                dirty.append(y)
        if dirty:
            self._line_dirty(*dirty)
        if len(rows) != len(old_rows) and len(rows) > page:
            width, height = self.outer_size
            self.refresh(Region(width - 1, 0, 1, height))

    def _keep_in_sight(self, row: int) -> None:
        last_top = max(len(self.rows) - self.page, 0)
        margin = min(2, self.page // 4)
        first, last = self.top + margin * (self.top > 0), self.top + self.page - 1 - margin
        if row >= 0 and not first <= row <= (last if row < len(self.rows) - 1 else last + margin):
            self.top = row - self.page // 3
        self.top = max(min(self.top, last_top), 0)

    def _line_dirty(self, *lines: int) -> None:
        width = self.outer_size.width
        self.refresh(*[Region(0, y + self.TITLE_LINES, width, 1) for y in lines])

    # -- moving in it -----------------------------------------------------------------------

    def scroll_rows(self, by: int) -> None:
        """Move the window; negative is up."""
        top = max(min(self.top + by, len(self.rows) - self.page), 0)
        if top != self.top:
            self.top = top
            self.refresh()

    def scroll_columns(self, by: int) -> None:
        """Move sideways, for rows wider than the pane."""
        self.left = max(self.left + by, 0)
        self.refresh()

    def move_cursor(self, to: int) -> None:
        """Select a row and bring it into sight."""
        if not self.rows:
            return
        old, old_top = self.cursor, self.top
        self.cursor = max(min(to, len(self.rows) - 1), 0)
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.cursor >= self.top + self.page:
            self.top = self.cursor - self.page + 1
        if self.top != old_top:
            self.refresh()
        else:
            for row in {old, self.cursor}:
                self._line_dirty(row - self.top)
        self.cursor_moved()

    def cursor_moved(self) -> None:
        """Called when the user selected another row."""

    def find(self, text: str, step: int = 1) -> bool:
        """Select the next row (previous if `step` is -1) that contains `text`."""
        self.found = text
        needle = text.casefold()
        count = len(self.rows)
        start = self.cursor if self.cursor >= 0 else (-1 if step > 0 else count)
        for n in range(1, count + 1):
            i = (start + step * n) % count
            if needle in row_text(self.rows[i]).casefold():
                self.refresh()
                self.move_cursor(i)
                return True
        return False

    # -- drawing ----------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Forget colours: the theme or a class changed."""
        super().notify_style_update()
        self._styles_of.clear()

    def style_named(self, name: str) -> Style:
        """The screen's style of a name over the widget's own; only that for an unknown name."""
        style = self._styles_of.get(name)
        if style is None:
            style = self.rich_style
            if f"row--{name}" in CLASSES:
                style += self.screen.get_component_rich_style(f"row--{name}", partial=True)
            self._styles_of[name] = style
        return style

    def title_row(self) -> Row:
        """The title line."""
        head = "pane-focus" if self.has_focus_within else "pane-title"
        note = f" {self.note} " if self.note else ""
        room = self.outer_size.width - len(self.heading) - 2 - len(note) - 4
        changes = f" Δ {shorten(self.changes, room)} " if self.changes and room > 3 else ""
        return row((f" {self.heading} ", head), (note, "pane-dim"), (changes, "pane-note"))

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width = self.outer_size.width
        if y < self.TITLE_LINES:
            return self._strip(self.title_row(), width, self.style_named("pane-note"), 0)
        index = self.top + y - self.TITLE_LINES
        thumb = len(self.rows) > self.page
        inner = width - thumb
        base = plain_style = self.style_named("")
        row: Row = self.rows[index] if 0 <= index < len(self.rows) else ()
        if index == self.current and row:
            base = self.style_named("current")
        if index == self.cursor and row and self.has_focus:
            base = self.style_named("selected")
        elif self.found and row and self.found.casefold() in row_text(row).casefold():
            base = self.style_named("search")
        strip = self._strip(row, inner, base, self.left, over=base is not plain_style)
        if thumb:
            strip = Strip([*strip, self._thumb(y - self.TITLE_LINES)], width)
        return strip

    def _strip(self, row: Row, width: int, base: Style, left: int, over: bool = False) -> Strip:
        """A strip of exactly `width` cells. With `over`, the base's background covers the row."""
        segments: list[Segment] = []
        for text, name in row:
            if not text.isprintable():
                text = plain(text)
            style = self.style_named(name) if name else base
            if over and name:
                style = style + base.background_style if base.bgcolor else style + base
            segments.append(Segment(text, style))
        return Strip(segments).crop_extend(left, left + width, base)

    def _thumb(self, y: int) -> Segment:
        page, count = self.page, len(self.rows)
        size = max(page * page // count, 1)
        start = self.top * (page - size) // max(count - page, 1)
        return Segment("┃" if start <= y < start + size else "│", self.style_named("thumb"))

    # -- events -----------------------------------------------------------------------------

    def on_focus(self) -> None:
        """Show which pane has the keys."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that it has them no more."""
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll three rows."""
        event.stop()
        self.scroll_rows(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll three rows back."""
        event.stop()
        self.scroll_rows(-3)

    def on_click(self, event: events.Click) -> None:
        """Select the row under the mouse; twice enters it."""
        row = self.top + event.y - self.TITLE_LINES
        if event.y >= self.TITLE_LINES and row < len(self.rows):
            self.move_cursor(row)
            if event.chain == 2:
                self.enter_row()

    def enter_row(self) -> None:
        """Called when the selected row is entered."""


def cells(row: Row) -> int:
    """Width of a row in terminal cells."""
    return sum(cell_len(span[0]) for span in row)
