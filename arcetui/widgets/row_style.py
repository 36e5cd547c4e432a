"""The style names rows may use, as component classes, so that every theme can colour them.

A meaning is never carried by colour alone: the renderers put a glyph beside it.
"""

from __future__ import annotations

#: Style names used by the renderers; `STYLESHEET` in styles/arcetui.tcss colours each.
NAMES: tuple[str, ...] = tuple(
    (
        "dim addr value changed new gone edited current mark symbol mnemonic operand source heading ok "
        "error warning cause syscall argument constant comment result label key past future input "
        "stack heap code data rodata wx guard shared anon vdso "
        "free used selected search title pane-title pane-focus pane-note pane-dim thumb "
        "good bp number string arg "
        "t-bold t-reverse t-red t-green t-yellow t-blue t-magenta t-cyan t-white t-black"
    ).split()
)

CLASSES: frozenset[str] = frozenset(f"row--{name}" for name in NAMES)
