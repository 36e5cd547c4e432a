"""The field the panes stand in: one layout table, presets by topic, sizes by the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.geometry import Region, Size

from arcetui import layouts
from arcetui._textual import PlacesContainer
from arcetui.panes.console import ConsolePane
from arcetui.panes.pane import Pane
from arcetui.render import (
    allocators_pane,
    code_pane,
    gantt_pane,
    house_pane,
    maps_pane,
    memory_pane,
    queues_pane,
    registers_pane,
    sharing_pane,
    syscalls_pane,
    tasks_pane,
    timeline_pane,
    waits_pane,
    walk_pane,
)

if TYPE_CHECKING:
    from textual.widget import Widget

    from arcetui.panes.pane import Renderer

RENDERERS: dict[str, Renderer] = {
    "code": code_pane.content,
    "registers": registers_pane.content,
    "maps": maps_pane.content,
    "walk": walk_pane.content,
    "allocators": allocators_pane.content,
    "syscalls": syscalls_pane.content,
    "stack": memory_pane.stack_content,
    "memory": memory_pane.memory_content,
    "timeline": timeline_pane.content,
    "tasks": tasks_pane.content,
    "queues": queues_pane.content,
    "gantt": gantt_pane.content,
    "waits": waits_pane.content,
    "sharing": sharing_pane.matrix_content,
    "graph": sharing_pane.graph_content,
    "house": house_pane.content,
    "hal": house_pane.hal_content,
}


class PaneGrid(PlacesContainer):
    """All panes; those the layout has no place for are not displayed and cost nothing."""

    def __init__(self, preset: str = "cpu", **options: str) -> None:
        super().__init__(**options)
        self.preset = preset
        self.band = "wide"
        self.study = ""
        self.zoomed = ""
        self._places: dict[str, Region] = {}
        self._panes: dict[str, Pane | ConsolePane] = {}
        self._key: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Every pane, once."""
        for about in layouts.PANES:
            if about.name == "console":
                pane = ConsolePane(about)
            else:
                pane = Pane(about, RENDERERS[about.name])
            self._panes[about.name] = pane
            yield pane

    def on_mount(self) -> None:
        """Place the panes by the table."""
        self.arrange_panes()

    @property
    def names(self) -> tuple[str, ...]:
        """Visible panes in reading order."""
        if self.zoomed:
            return (self.zoomed,)
        return layouts.names(self.preset, self.band, self.study)

    def pane(self, name: str) -> Pane | ConsolePane:
        """A pane by name."""
        return self._panes[name]

    def panes(self) -> list[Pane | ConsolePane]:
        """The visible panes."""
        return [self.pane(name) for name in self.names]

    def hidden_words(self, short: bool) -> str:
        """What the layout has no room for, with the keys that show it."""
        if self.zoomed:
            return "zoomed: z shows all"
        missing = [p for p in layouts.PANES if p.key.isdigit() and p.name not in self.names]
        if short:
            parts = " ".join(p.key for p in missing)
            return f"[{self.preset}] hidden: {parts} v" if parts else f"[{self.preset}] v: more"
        words = ", ".join([*(f"{p.key} {p.heading}" for p in missing), "v more"])
        return f"[{self.preset}] hidden: {words}"

    def reveal(self, name: str) -> None:
        """Make a pane visible: in `study` if it has no place of its own."""
        if name in self.names:
            return
        if self.zoomed:
            self.zoomed = name
        else:
            self.study = name
            if name not in layouts.names(self.preset, self.band, name):
                self.zoomed = name
        self.arrange_panes()

    def set_preset(self, preset: str) -> None:
        """Another topic."""
        self.preset, self.study, self.zoomed = preset, "", ""
        self.arrange_panes()

    def arrange_panes(self) -> None:
        """Show and place the panes again."""
        visible = self.names
        for about in layouts.PANES:
            self.pane(about.name).display = about.name in visible
        self._key = ()
        self.refresh(layout=True)

    def place_of(self, child: Widget, size: Size) -> Region | None:
        """Where a pane stands (asked by the layout)."""
        key = (self.preset, self.band, self.study, self.zoomed, size)
        if key != self._key:
            self._key = key
            width, height = size
            if self.zoomed:
                self._places = {self.zoomed: Region(0, 0, width, height)}
            else:
                table = layouts.places(self.preset, self.band, self.study, width, height)
                self._places = {p.pane: Region(p.x, p.y, p.width, p.height) for p in table}
        return self._places.get(child.pane)  # pyright: ignore[reportAttributeAccessIssue]
