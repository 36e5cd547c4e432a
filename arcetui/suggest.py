"""The sentence for a name nobody knows, with the nearest known ones."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

#: Nobody mistypes a longer one, and comparing takes the square of the length.
_LONGEST_NAME = 100


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """The sentence for an unknown name, with the nearest known one."""
    close = get_close_matches(name, known, 2, 0.6) if len(name) <= _LONGEST_NAME else []
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no {what} {name!r}{hint}"
