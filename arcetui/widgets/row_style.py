"""The style names rows may use, as component classes, so that every theme can colour them.

A meaning is never carried by colour alone: the renderers put a glyph beside it.
"""

from __future__ import annotations

from arcetui.render.row import STYLES

#: Names the panes use beside those of `render.row`; styles/arcetui.tcss colours each.
PANE_STYLES: tuple[str, ...] = (
    *("edited", "mark", "symbol", "mnemonic", "operand", "source", "heading", "ok", "warning"),
    *("cause", "argument", "constant", "result", "label", "past", "half", "future", "input"),
    *("shared", "anon", "vdso", "free", "used", "selected", "search", "thumb", "lit"),
    *("pane-title", "pane-focus", "pane-note", "pane-dim"),
    *("t-bold", "t-reverse", "t-red", "t-green", "t-yellow", "t-blue", "t-magenta", "t-cyan"),
    *("t-white", "t-black"),
)

CLASSES: frozenset[str] = frozenset(f"row--{name}" for name in (*STYLES, *PANE_STYLES) if name)
