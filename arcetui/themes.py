"""Two themes in Okabe and Ito's colours, which colour-blind people can tell apart.

Kinds of memory have pwndbg's colours: stack yellow, heap blue, code red, data purple.

Source: M. Okabe, K. Ito, Color Universal Design (2008); pwndbg `color/memory.py`.
"""

from __future__ import annotations

from textual.theme import Theme

#: Colours the style sheet uses beside Textual's own. Names are `$mem-...` and `$arce-...`.
_DARK = {
    "arce-head": "#56B4E9",
    "arce-on-head": "#101418",
    "mem-stack": "#F0E442",
    "mem-heap": "#6FB7F2",
    "mem-code": "#FF8A5C",
    "mem-data": "#D7A3F0",
    "mem-rodata": "#D8DEE4",
    "mem-guard": "#5FD7D7",
    "arce-dim": "#8A949E",
    "arce-addr": "#8FB8DE",
    "arce-new": "#3FD0A0",
    "arce-gone": "#FF8A5C",
    "arce-edited": "#F0C33C",
    "arce-bar": "#27415A",
    "arce-select": "#3A4E62",
    "arce-search": "#5A4A10",
    "arce-title": "#1E2830",
    "arce-past": "#E69F00",
    "arce-on-past": "#101418",
    "arce-call": "#F0E442",
    "arce-constant": "#6FB7F2",
}
_LIGHT = {
    "arce-head": "#0072B2",
    "arce-on-head": "#FCFCFA",
    "mem-stack": "#6E5A00",
    "mem-heap": "#0050A0",
    "mem-code": "#A83200",
    "mem-data": "#7A2E8F",
    "mem-rodata": "#30363C",
    "mem-guard": "#00646E",
    "arce-dim": "#5C6670",
    "arce-addr": "#2F5D87",
    "arce-new": "#00694C",
    "arce-gone": "#A83200",
    "arce-edited": "#7A5200",
    "arce-bar": "#BFD9F2",
    "arce-select": "#D3DDE8",
    "arce-search": "#F5E6A0",
    "arce-title": "#E3E8EC",
    "arce-past": "#9A5B00",
    "arce-on-past": "#FFFFFF",
    "arce-call": "#6E5A00",
    "arce-constant": "#0050A0",
}
#: The terminal's own colours. Plain blue on black, and yellow on white, cannot be read on many
#: terminals: a dark one gets the bright colours, a light one the plain ones without yellow.
_ANSI_DARK = {
    "arce-head": "ansi_bright_cyan",
    "arce-on-head": "ansi_black",
    "mem-stack": "ansi_bright_yellow",
    "mem-heap": "ansi_bright_blue",
    "mem-code": "ansi_bright_red",
    "mem-data": "ansi_bright_magenta",
    "mem-rodata": "ansi_default",
    "mem-guard": "ansi_bright_cyan",
    "arce-dim": "ansi_white",
    "arce-addr": "ansi_cyan",
    "arce-new": "ansi_bright_green",
    "arce-gone": "ansi_bright_red",
    "arce-edited": "ansi_yellow",
    "arce-bar": "ansi_blue",
    "arce-select": "ansi_bright_black",
    "arce-search": "ansi_magenta",
    "arce-title": "ansi_default",
    "arce-past": "ansi_yellow",
    "arce-on-past": "ansi_black",
    "arce-call": "ansi_bright_yellow",
    "arce-constant": "ansi_bright_blue",
}
_ANSI_LIGHT = {
    "arce-head": "ansi_blue",
    "arce-on-head": "ansi_bright_white",
    "mem-stack": "ansi_green",
    "mem-heap": "ansi_blue",
    "mem-code": "ansi_red",
    "mem-data": "ansi_magenta",
    "mem-rodata": "ansi_default",
    "mem-guard": "ansi_blue",
    "arce-dim": "ansi_bright_black",
    "arce-addr": "ansi_blue",
    "arce-new": "ansi_green",
    "arce-gone": "ansi_red",
    "arce-edited": "ansi_magenta",
    "arce-bar": "ansi_bright_cyan",
    "arce-select": "ansi_white",
    "arce-search": "ansi_bright_yellow",
    "arce-title": "ansi_default",
    "arce-past": "ansi_yellow",
    "arce-on-past": "ansi_black",
    "arce-call": "ansi_magenta",
    "arce-constant": "ansi_blue",
}

ARCE_DARK = Theme(
    name="arce-dark",
    primary="#56B4E9",
    secondary="#8FB8DE",
    accent="#E69F00",
    warning="#F0E442",
    error="#FF8A5C",
    success="#3FD0A0",
    foreground="#E8E8E8",
    background="#101418",
    surface="#151A20",
    panel="#20262D",
    dark=True,
    variables=_DARK,
)
ARCE_LIGHT = Theme(
    name="arce-light",
    primary="#0072B2",
    secondary="#2F5D87",
    accent="#9A5B00",
    warning="#7A5200",
    error="#A83200",
    success="#00694C",
    foreground="#15191D",
    background="#FCFCFA",
    surface="#F4F5F3",
    panel="#E3E8EC",
    dark=False,
    variables=_LIGHT,
)
THEMES: tuple[Theme, ...] = (ARCE_DARK, ARCE_LIGHT)
CYCLE: tuple[str, ...] = ("arce-dark", "arce-light", "ansi-dark", "ansi-light")


def fallback(theme: str) -> dict[str, str]:
    """Our colour names for a theme that does not define them."""
    is_light = "light" in theme or "latte" in theme
    if "ansi" in theme:
        return _ANSI_LIGHT if is_light else _ANSI_DARK
    return _LIGHT if is_light else _DARK
