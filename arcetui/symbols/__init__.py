"""What a program's file says about its addresses: symbols, source lines, unwind tables.

Everything is read on demand and checked against the file's size: a broken file gives fewer names,
never an error. `Symbols` is the one face the rest uses.
"""

from __future__ import annotations

from arcetui.symbols.symbols import Symbol, Symbols

__all__ = ["Symbol", "Symbols"]
