"""The command palette (Ctrl-P): every key of the table by its help sentence, presets, themes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from arcetui import keymap, layouts
from arcetui.screens.actions import DebuggerActions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.screen import Screen


def commands_of(screen: Screen[object]) -> Iterable[SystemCommand]:
    """Commands for the palette on a screen."""
    if not isinstance(screen, DebuggerActions):
        return
    for key in keymap.KEYS:
        if key.group == keymap.MOVE:
            continue
        title = f"{key.ident.replace('-', ' ')} ({keymap.shown(key.keys[0])})"
        yield SystemCommand(title, key.help, partial(screen.run_action, key.action))
    for preset in layouts.PRESETS:
        yield SystemCommand(
            f"layout {preset}",
            f"Panes for the topic {preset}.",
            partial(screen.choose_preset, preset),
        )
