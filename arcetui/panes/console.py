"""The program's console: its output through the safe terminal model, and a line to type to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label

from arcetui.messages import PaneResized
from arcetui.render.changed_pane import sentence
from arcetui.render.console_pane import TerminalModel, folded
from arcetui.render.row import Row, Span
from arcetui.state import NOTHING, ConsoleTail
from arcetui.widgets.entry import EntryInput
from arcetui.widgets.keyboard import KeyboardInput
from arcetui.widgets.line_view import LineView

if TYPE_CHECKING:
    from arcetui.layouts import PaneName
    from arcetui.state import Snapshot


class ConsoleView(LineView, can_focus=False):
    """The output; focus goes to the input line below it."""

    @property
    def has_focus_within(self) -> bool:
        """The title shows the focus of the whole pane."""
        return bool(self.parent and self.parent.has_focus_within)  # pyright: ignore


class ConsolePane(Vertical):
    """Output and input line, in the place of one pane."""

    class Typed(Message):
        """A line for the program; `end` closes its input."""

        def __init__(self, data: bytes, end: bool = False) -> None:
            super().__init__()
            self.data = data
            self.end = end

    class Left(Message):
        """Esc: back to the panes."""

    def __init__(self, about: PaneName) -> None:
        super().__init__(id=f"pane-{about.name}")
        self.pane = about.name
        self.item = NOTHING
        self._heading = f"{about.keys} {about.heading}"
        self._model = TerminalModel()
        self._tail = ConsoleTail(0, 0, b"")
        self._waiting: bool | None = None
        self._snapshot: Snapshot | None = None

    def compose(self) -> ComposeResult:
        """Output above the input line."""
        yield ConsoleView(self._heading)
        with Horizontal():
            yield Label("» ")
            yield KeyboardInput()

    @property
    def view(self) -> ConsoleView:
        """The output."""
        return self.query_one(ConsoleView)

    @property
    def entry(self) -> KeyboardInput:
        """The input line."""
        return self.query_one(KeyboardInput)

    @property
    def found(self) -> str:
        """What was searched for."""
        return self.view.found

    def focus_pane(self) -> None:
        """Take the keys, at once."""
        self.screen.set_focus(self.entry)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Print what is new; start over when output went backwards."""
        self._snapshot = snapshot
        if self.pane not in snapshot.interests.panes or not self.display or not self.is_mounted:
            return
        columns = max(self.view.outer_size.width - 1, 8)
        rows = folded(self._rows(snapshot.console), columns)
        waiting = snapshot.machine.state == "waiting for input" and not snapshot.past
        if waiting is not self._waiting:
            self._waiting = waiting
            self._say_how()
        changes = sentence(snapshot, "console")
        note = "waits for input" if waiting else ""
        view = self.view
        at_end = view.top + view.page >= len(view.rows)
        view.show(rows, note=note, changes=changes, focus=len(rows) - 1 if at_end else -1)
        if at_end:
            view.scroll_rows(len(rows))

    def _say_how(self) -> None:
        """What typing does here."""
        if self.entry.direct:
            text = "each key goes to the program, Ctrl-C too; Ctrl-T: by line again"
        elif self._waiting:
            text = "the program waits for this line: type it, then Enter"
        else:
            text = "input for the program; 0 comes here, Esc leaves, Ctrl-D ends input"
        self.entry.placeholder = text

    def toggle_direct(self) -> None:
        """Keys go to the program as they are pressed, or a line at a time again."""
        entry = self.entry
        if not entry.direct and entry.value:
            self.post_message(self.Typed(entry.value.encode()))  # what was begun comes first
            entry.value = ""
        entry.direct = not entry.direct
        self._say_how()

    def on_keyboard_input_pressed(self, event: KeyboardInput.Pressed) -> None:
        """Send the key."""
        event.stop()
        self.post_message(self.Typed(event.data))

    def _rows(self, tail: ConsoleTail) -> list[Row]:
        old = self._tail
        if tail is not old:
            if tail.generation == old.generation and old.end <= tail.end and tail.start <= old.end:
                self._model.feed(tail.data[old.end - tail.start :])
            else:
                self._model = TerminalModel()
                self._model.feed(tail.data)
            self._tail = tail
        rows = self._model.content()
        if tail.start or self._model.dropped:
            return [(Span("… earlier output is not kept on the screen", "dim"),), *rows]
        return rows

    def redraw(self) -> None:
        """Fold the lines again, for another width."""
        if self._snapshot is not None:
            self.show_snapshot(self._snapshot)

    def on_descendant_focus(self) -> None:
        """Show which pane has the keys."""
        self.view.refresh()

    def on_descendant_blur(self) -> None:
        """Show that it has them no more."""
        self.view.refresh()

    def on_click(self) -> None:
        """A click anywhere means: I want to type."""
        self.focus_pane()

    def on_resize(self) -> None:
        """Another size, another number of rows to capture."""
        self.call_after_refresh(self.redraw)
        self.post_message(PaneResized())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send the line."""
        event.stop()
        self.entry.remember(event.value)
        self.post_message(self.Typed(event.value.encode() + b"\n"))

    def on_entry_input_ended(self, event: EntryInput.Ended) -> None:
        """Ctrl-D: end of the input."""
        event.stop()
        self.post_message(self.Typed(b"", end=True))

    def on_entry_input_left(self, event: EntryInput.Left) -> None:
        """Esc."""
        event.stop()
        self.post_message(self.Left())
