"""Input lines: the prompt with history and completion, small questions, the program's input."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label

from arcetui.render.row import Row, Span, wrapped
from arcetui.widgets.line_view import LineView

if TYPE_CHECKING:
    from textual import events


#: Completions told at once.
_MOST_CHOICES = 60


class EntryInput(Input):
    """An input line with history; Tab asks for completion, Esc leaves.

    Attributes:
        clears: Whether a line that was entered goes away.
        history: Lines entered before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "history(-1)", show=False),
        Binding("down", "history(1)", show=False),
        Binding("tab", "complete", show=False),
        Binding("escape", "leave", show=False),
        Binding("ctrl+d", "end_of_file", show=False),
    ]

    class Left(Message):
        """Esc was pressed."""

    class Asked(Message):
        """Tab was pressed."""

        def __init__(self, line: str, cursor: int) -> None:
            super().__init__()
            self.line = line
            self.cursor = cursor

    class Ended(Message):
        """Ctrl-D was pressed on an empty line."""

    def __init__(self, **options: str) -> None:
        super().__init__(compact=True, select_on_focus=False, **options)  # pyright: ignore
        self.cursor_blink = False
        self.clears = True
        self.history: list[str] = []
        self._at = 0

    def remember(self, line: str) -> None:
        """Add a line to the history."""
        if line and (not self.history or self.history[-1] != line):
            self.history.append(line)
        self._at = len(self.history)

    async def action_submit(self) -> None:
        """Enter: hand the line over, and begin another."""
        await super().action_submit()
        if self.clears:
            self.value = ""

    def action_history(self, by: int) -> None:
        """Show an earlier or later line."""
        self._at = max(0, min(self._at + by, len(self.history)))
        self.value = self.history[self._at] if self._at < len(self.history) else ""
        self.cursor_position = len(self.value)

    def action_complete(self) -> None:
        """Ask what could stand here."""
        self.post_message(self.Asked(self.value, self.cursor_position))

    def action_leave(self) -> None:
        """Give the keys back."""
        self.post_message(self.Left())

    def action_end_of_file(self) -> None:
        """Close the input, or delete to the right as in a shell."""
        if self.value:
            self.action_delete_right()
        else:
            self.post_message(self.Ended())

    def _on_paste(self, event: events.Paste) -> None:
        """Several lines are entered one after the other; the last is left to be edited."""
        event.stop()
        event.prevent_default()
        *whole, rest = event.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in whole:
            self.insert_text_at_cursor(line)
            self.post_message(self.Submitted(self, self.value))
            self.value = ""
        self.insert_text_at_cursor(rest)


class AskBar(Horizontal):
    """A question on one line: goto, search, address."""

    class Answered(Message):
        """Enter was pressed."""

        def __init__(self, question: str, text: str) -> None:
            super().__init__()
            self.question = question
            self.text = text

    class Closed(Message):
        """The question was left."""

    def __init__(self, **options: str) -> None:
        super().__init__(**options)  # pyright: ignore[reportArgumentType]
        self.question = ""

    def compose(self) -> ComposeResult:
        """The question and the line for its answer."""
        yield Label("")
        yield EntryInput()

    def ask(self, question: str, label: str) -> None:
        """Open with a question."""
        self.question = question
        self.query_one(Label).update(label)
        entry = self.query_one(EntryInput)
        entry.value = ""
        self.add_class("-open")
        self.screen.set_focus(entry)  # at once: the next key may be here already

    def close(self) -> None:
        """Close."""
        self.remove_class("-open")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the answer over."""
        event.stop()
        self.query_one(EntryInput).remember(event.value)
        self.close()
        self.post_message(self.Answered(self.question, event.value.strip()))

    def on_entry_input_left(self, event: EntryInput.Left) -> None:
        """Close without an answer."""
        event.stop()
        self.close()
        self.post_message(self.Closed())


class PromptPanel(Vertical):
    """The debugger prompt: what was answered, and a line to type."""

    KEPT_ROWS = 2000
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(1)", show=False),
    ]

    class Typed(Message):
        """A command line was entered."""

        def __init__(self, line: str) -> None:
            super().__init__()
            self.line = line

    class Closed(Message):
        """The prompt was left."""

    def compose(self) -> ComposeResult:
        """Output above the line."""
        yield LineView("prompt")
        yield EntryInput(
            placeholder="a command; help lists them, Tab completes, PgUp scrolls, Esc leaves"
        )

    @property
    def entry(self) -> EntryInput:
        """The line typed into."""
        return self.query_one(EntryInput)

    def open(self) -> None:
        """Show it and take the keys."""
        self.add_class("-open")
        self.screen.set_focus(self.entry)

    def close(self) -> None:
        """Hide it."""
        self.remove_class("-open")

    def print_rows(self, rows: tuple[Row, ...]) -> None:
        """Add rows to the output."""
        view = self.query_one(LineView)
        columns = max(self.screen.size.width - 1, 20)
        whole = [piece for row in rows for piece in wrapped(row, columns)]
        kept = (*view.rows, *whole)[-self.KEPT_ROWS :]
        view.show(kept, focus=len(kept) - 1)
        view.scroll_rows(len(kept))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send the line; an empty one repeats the last, as in gdb."""
        event.stop()
        line = event.value.strip() or (self.entry.history[-1] if self.entry.history else "")
        if line:
            self.entry.remember(line)
            self.print_rows(((Span("> ", "key"), Span(line)),))
            self.post_message(self.Typed(line))

    def on_entry_input_left(self, event: EntryInput.Left) -> None:
        """Close."""
        event.stop()
        self.close()
        self.post_message(self.Closed())

    def completed(self, line: str, cursor: int, choices: tuple[str, ...]) -> None:
        """Take over what all choices have in common; list them if there are several."""
        entry = self.entry
        if entry.value != line or not choices:
            return
        start = line.rfind(" ", 0, cursor) + 1
        if all(choice.startswith(line[:cursor]) for choice in choices):
            start = 0  # whole lines were given, not words
        common = choices[0]
        for choice in choices[1:]:
            while not choice.startswith(common):
                common = common[:-1]
        if len(choices) == 1:
            common += " "
        if len(common) >= cursor - start:
            entry.value = line[:start] + common + line[cursor:]
            entry.cursor_position = start + len(common)
        if len(choices) > 1:
            said = line[: line.rfind(" ", 0, cursor) + 1]  # need not be told again and again
            words = [choice.removeprefix(said) for choice in choices[:_MOST_CHOICES]]
            more = f"  … {len(choices) - len(words)} more" if len(words) < len(choices) else ""
            self.print_rows(((Span("  ".join(words) + more, "dim"),),))

    def action_scroll(self, by: int) -> None:
        """Look at earlier answers."""
        view = self.query_one(LineView)
        view.scroll_rows(by * max(view.page - 1, 1))
