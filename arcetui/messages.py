"""Messages from the session thread and between widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from arcetui.render.row import Row
    from arcetui.state import Item, Snapshot, Target


class SnapshotReady(Message, bubble=False):
    """A new picture of the machine; a later one replaces it."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture matters."""
        return isinstance(message, SnapshotReady)


class SessionFailed(Message, bubble=False):
    """The program could not be loaded (`fatal`), or the session met an error and goes on."""

    def __init__(self, sentence: str, fatal: bool) -> None:
        super().__init__()
        self.sentence = sentence
        self.fatal = fatal


class LineAnswered(Message, bubble=False):
    """The rows a prompt line printed."""

    def __init__(
        self, line: str, rows: tuple[Row, ...], failed: bool = False, leave: bool = False
    ) -> None:
        super().__init__()
        self.line = line
        self.rows = rows
        self.failed = failed
        self.leave = leave


class LineCompleted(Message, bubble=False):
    """What could stand at the prompt's cursor."""

    def __init__(self, line: str, cursor: int, choices: tuple[str, ...]) -> None:
        super().__init__()
        self.line = line
        self.cursor = cursor
        self.choices = choices


class Aimed(Message, bubble=False):
    """The address an expression stands for, or why it stands for none."""

    def __init__(self, pane: str, target: Target | None, sentence: str = "") -> None:
        super().__init__()
        self.pane = pane
        self.target = target
        self.sentence = sentence


class RowChosen(Message):
    """A row of a pane was entered (Enter, or clicked twice)."""

    def __init__(self, pane: str, item: Item) -> None:
        super().__init__()
        self.pane = pane
        self.item = item


class PaneResized(Message):
    """A pane has another size: its rows have to be made again."""

    def can_replace(self, message: Message) -> bool:
        """One is enough."""
        return isinstance(message, PaneResized)
