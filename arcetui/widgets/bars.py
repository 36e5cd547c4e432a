"""One-line bars: a row of text, and the key bar whose words can be clicked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from arcetui.render.row import Row, Span
from arcetui.widgets.line_view import LineView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events


class LineBar(LineView, can_focus=False):
    """One row of text without a title."""

    TITLE_LINES = 0

    def set_row(self, row: Row) -> None:
        """Show another row."""
        if not self.rows or self.rows[0] != row:
            self.show((row,))


class KeyBar(LineBar):
    """Keys and what they do; drawn as one line because Textual's Footer remounts all its keys."""

    class Pressed(Message):
        """A key on the bar was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, **options: str) -> None:
        super().__init__(**options)
        self._entries: Sequence[tuple[str, str, str, bool]] = ()
        self._spots: list[tuple[int, int, str]] = []

    def show_keys(self, entries: Sequence[tuple[str, str, str, bool]]) -> None:
        """Show keys: (what to press, what it does, action, whether it works now)."""
        if entries != self._entries:
            self._entries = entries
            self._lay_out()

    def on_resize(self) -> None:
        """Fit as many keys as the new width allows."""
        self._lay_out()

    def _lay_out(self) -> None:
        spans: list[Span] = []
        self._spots = []
        x = 0
        for keys, words, action, works in self._entries:
            length = len(keys) + len(words) + 4
            if x + length > self.size.width:
                break
            spans += [
                Span(f" {keys} ", "key" if works else "dim"),
                Span(f"{words}  ", "value" if works else "dim"),
            ]
            self._spots.append((x, x + length, action))
            x += length
        self.set_row(tuple(spans))

    def on_click(self, event: events.Click) -> None:
        """Run the key under the mouse."""
        event.stop()
        for start, end, action in self._spots:
            if start <= event.x < end:
                self.post_message(self.Pressed(action))
