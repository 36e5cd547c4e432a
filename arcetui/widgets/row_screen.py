"""A screen that knows the styles of rows, so that each list of rows need not.

Textual applies every component class of every widget at each change of classes or layout. Seventy
style names on a dozen panes were half of the start-up time; one screen holding them is enough.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.screen import Screen

from arcetui.widgets.row_style import CLASSES

Result = TypeVar("Result")


class RowScreen(Screen[Result], Generic[Result]):
    """A screen with lists of rows on it."""

    COMPONENT_CLASSES = set(CLASSES)
