"""Small screens over the others: help and a yes-or-no question."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label

from arcetui import keymap, layouts
from arcetui.pane_help import READING
from arcetui.render.maps_pane import LEGEND
from arcetui.render.row import Row, row
from arcetui.widgets.line_view import LineView
from arcetui.widgets.row_screen import RowScreen

if TYPE_CHECKING:
    from textual import events

#: Width of the help box; as in the style sheet.
_MOST_COLUMNS = 110

_MARKS = (
    "* changed by the last step   ▶ here   ● breakpoint   Δ what the last step changed",
    "Top line: at 120+5 is the position, 120 events of the kernel and 5 instructions later; sys "
    "counts system calls, insns instructions; mem is frames in use; the time is virtual.",
    "Mouse: click selects and focuses, twice enters, the wheel scrolls, the left edge of a code "
    "line sets a breakpoint, words of the key bar are keys.",
)


def _hanging(head: str, text: str, width: int, style: str = "key") -> list[Row]:
    """A heading and its text, wrapped beside it."""
    lines = textwrap.wrap(text, max(width - len(head), 20)) or [""]
    return [
        row((head if not number else " " * len(head), style), line)
        for number, line in enumerate(lines)
    ]


def help_rows(pane: str, width: int = 110) -> list[Row]:
    """The `?` page: the focused pane first, then all keys by group, panes, legend.

    Args:
        pane: The focused pane's name.
        width: Columns there are.
    """
    about = layouts.BY_NAME.get(pane)
    rows: list[Row] = []
    if about is not None:
        rows += _hanging(f" This pane, {about.heading}: ", about.about + ".", width, "heading")
        for text in READING[about.name]:
            rows += _hanging("  ", text, width)
        rows.append(row(" "))
    rows.append(row((" A capital letter does the same backwards.", "value")))
    for group, keys in keymap.groups():
        rows += [row(" "), row((f" {group}", "heading"))]
        for key in keys:
            names = " ".join(keymap.shown(name) for name in key.keys)
            rows += _hanging(f"  {names:<22} ", key.help, width)
    rows += [row(" "), row((" Panes", "heading"))]
    for each in layouts.PANES:
        rows += _hanging(f"  {each.keys:<2} {each.heading:<14} ", each.about + ".", width)
    rows += [row(" "), row((" Marks", "heading")), LEGEND]
    for text in _MARKS:
        rows += _hanging("  ", text, width)
    return rows


class HelpScreen(ModalScreen[None]):
    """All keys, built from the key table."""

    COMPONENT_CLASSES = RowScreen.COMPONENT_CLASSES

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "close", "close"),
        Binding("up,k", "rows(-1)"),
        Binding("down,j", "rows(1)"),
        Binding("pageup", "rows(-20)"),
        Binding("pagedown,space", "rows(20)"),
        Binding("home", "rows(-9999)"),
        Binding("end", "rows(9999)"),
    ]

    def __init__(self, pane: str) -> None:
        super().__init__()
        self._pane = pane

    def compose(self) -> ComposeResult:
        """One list."""
        with Vertical(id="help-box"):
            yield LineView("keys (↑ ↓ scroll, Esc closes)")

    def on_resize(self, event: events.Resize) -> None:
        """As wide as there is room."""
        width = min(event.size.width, _MOST_COLUMNS) - 4
        view = self.query_one(LineView)
        view.rows = help_rows(self._pane, width)
        view.scroll_rows(0)
        view.refresh()

    def action_rows(self, by: int) -> None:
        """Scroll."""
        self.query_one(LineView).scroll_rows(by)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)


class PanesScreen(ModalScreen[str]):
    """All panes; the key of one shows it."""

    COMPONENT_CLASSES = RowScreen.COMPONENT_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(pane.key, f"choose('{pane.name}')") for pane in layouts.PANES),
        Binding("escape,v,space", "choose('')"),
        Binding("up,k", "move(-1)"),
        Binding("down,j", "move(1)"),
        Binding("enter", "enter"),
    ]

    def __init__(self, visible: frozenset[str]) -> None:
        super().__init__()
        self._visible = visible

    def compose(self) -> ComposeResult:
        """One list."""
        with Vertical(id="panes-box"):
            view = LineView("panes (press a key; · is on the screen already)")
            view.rows = [
                row(
                    (f" {'·' if pane.name in self._visible else ' '} ", "dim"),
                    (f"{pane.key}  ", "key"),
                    (f"{pane.heading:<14} ", "value"),
                    (f"{pane.about}", "dim"),
                )
                for pane in layouts.PANES
            ]
            yield view

    def on_mount(self) -> None:
        """As high as the list."""
        self.query_one("#panes-box").styles.height = len(layouts.PANES) + 3
        self.query_one(LineView).focus()

    def action_move(self, by: int) -> None:
        """Up or down."""
        view = self.query_one(LineView)
        view.move_cursor(view.cursor + by)

    def action_enter(self) -> None:
        """Take the selected one."""
        view = self.query_one(LineView)
        self.action_choose(layouts.PANES[view.cursor].name if view.cursor >= 0 else "")

    def action_choose(self, name: str) -> None:
        """Done."""
        self.dismiss(name)


class ConfirmScreen(ModalScreen[bool]):
    """A question answered with y or n."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and how to answer."""
        with Vertical():
            yield Label(self._question, markup=False)
            yield Label("")
            yield Label("y or Enter: yes      n or Esc: no", markup=False)

    def action_answer(self, yes: bool) -> None:
        """Done."""
        self.dismiss(yes)
