"""Everything that leans on parts of Textual that are not its public interface (8.2).

- `PlacesLayout`: a layout whose parent says where each child stands. Textual's own layouts place
  children in order, so one grid could not show presets without moving widgets in the tree.
- `draw_on_stdout`: Textual draws on stderr, which is not where a user who redirects it looks.
- `screen_cells`: the screen as rows of (text, style), for drawing PNGs without a browser.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

if TYPE_CHECKING:
    from rich.segment import Segment
    from textual.app import App


class PlacesLayout(Layout):
    """Puts each child where its parent says."""

    name = "places"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        """The children's places."""
        placer = cast("PlacesContainer", parent)
        placements: list[WidgetPlacement] = []
        for child in children:
            region = placer.place_of(child, size)
            if region is not None:
                placements.append(WidgetPlacement(region, NULL_OFFSET, NULL_SPACING, child))
        return placements


class PlacesContainer(Widget):
    """A container that knows where its children stand."""

    def __init__(self, **options: str) -> None:
        super().__init__(**options)  # pyright: ignore[reportArgumentType]
        self._places_layout = PlacesLayout()

    @property
    def layout(self) -> Layout:
        """Our layout, whatever the style sheet says (it can only name Textual's own)."""
        return self._places_layout

    def place_of(self, child: Widget, size: Size) -> Region | None:
        """The child's region in a container of `size`; None hides it."""
        raise NotImplementedError


def draw_on_stdout() -> None:
    """Draw on the terminal that stdout is; before an app is made."""
    sys.__stderr__ = sys.__stdout__  # what the driver opens


def screen_cells(app: App[object]) -> list[list[Segment]]:
    """The screen as it would be sent to the terminal, one list of segments a line."""
    compositor = app.screen._compositor  # noqa: SLF001
    return [list(strip) for strip in compositor.render_strips()]
