"""The formats of print, x and display: gdb's letters for how a number is shown and how wide."""

from __future__ import annotations

import re

from arcetui.commands.command import CommandError

_SIZES = {"b": 1, "h": 2, "w": 4, "g": 8}
_FORMAT = re.compile(r"^/(\d*)([a-z]*)\s*")
_LETTERS = "xduotacsizf"
MOST_ITEMS = 65_536


def read_format(text: str) -> tuple[int, str, int, str]:
    """Take a gdb format off: `/8gx $sp` -> (8, "x", 8, "$sp"); 0 and "" where left out.

    Raises:
        CommandError: A letter is no format or size.
    """
    match = _FORMAT.match(text)
    if match is None:
        return 0, "", 0, text.strip()
    count = int(match[1] or 0)
    if count > MOST_ITEMS:
        raise CommandError(f"at most {MOST_ITEMS} items at once, not {count}")
    letter, size = "", 0
    for each in match[2]:
        if each in _SIZES:
            size = _SIZES[each]
        elif each in _LETTERS:
            letter = each
        else:
            raise CommandError(
                f"{each!r} is no format: use {' '.join(_LETTERS)} and sizes {' '.join(_SIZES)}"
            )
    return count, letter, size, text[match.end() :].strip()
