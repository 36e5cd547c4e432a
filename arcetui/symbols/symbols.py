"""Names of addresses: the one face of this package.

Satisfies what its users ask for: `kernel.control.LineTable` (line_of) and the code pane's names
(function, line, text).
"""

from __future__ import annotations

from bisect import bisect_right
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from arcetui.symbols.demangle import is_mangled, shown
from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.frames import FrameTable
from arcetui.symbols.lines import LineMap
from arcetui.symbols.variables import Variables

#: A symbol without a size reaches at most this far.
UNSIZED_REACH_BYTES = 1 << 16
#: More mangled names than this are not made readable all at once (a second's work).
MOST_READABLE = 30_000


class Symbol(NamedTuple):
    """One named range of addresses; `is_code` for functions."""

    name: str
    address: int
    size_bytes: int
    is_code: bool


class Symbols:
    """Symbols, lines and unwind tables of one program.

    Args:
        elf: The file's bytes.
        bias_bytes: What was added to its addresses when it was loaded (position-independent
            programs); 0 for others.
        kernel: Functions of the kernel that the program calls: (name, address, size).

    Attributes:
        program: The program's file on this host, if that is known: its sources may be near it.
    """

    def __init__(
        self, elf: bytes, bias_bytes: int = 0, kernel: tuple[tuple[str, int, int], ...] = ()
    ) -> None:
        self.file = ElfFile(elf)
        self.program: Path | None = None
        self.bias = bias_bytes if self.file.is_pie else 0
        self._labels: dict[str, str] = {}
        self._kernel = [Symbol(name, address, size, True) for name, address, size in kernel]

    @cached_property
    def _sorted(self) -> list[Symbol]:
        best: dict[int, tuple[tuple[int, ...], Symbol]] = {}
        for name, address, size, kind, binding in self.file.symbols():
            if name.startswith("$") or (kind == 0 and not size and name.startswith(".L")):
                continue  # mapping symbols ($x, $d) and local labels
            address += self.bias
            symbol = Symbol(name, address, size, kind in {2, 10})
            # Of several names for one address: functions, sized, global, without underscores.
            rank = (kind in {1, 2, 10}, size > 0, binding == 1, -_underscores(name), -len(name))
            if address not in best or best[address][0] < rank:
                best[address] = (rank, symbol)
        found = [best[address][1] for address in sorted(best)] + self._kernel
        return sorted(found, key=lambda symbol: symbol.address)

    @cached_property
    def _starts(self) -> list[int]:
        return [symbol.address for symbol in self._sorted]

    @cached_property
    def by_name(self) -> dict[str, Symbol]:
        """Every symbol by its name; a global one before a local one of the same name.

        C++ and Rust symbols are here by their readable names too; of overloads the lowest one.
        """
        out: dict[str, Symbol] = {symbol.name: symbol for symbol in self._kernel}
        weights: dict[str, int] = {}
        for name, address, size, kind, binding in self.file.symbols():
            if name.startswith("$") or weights.get(name, -1) >= binding:
                continue
            weights[name] = binding
            out[name] = Symbol(name, address + self.bias, size, kind in {2, 10})
        mangled = [symbol for name, symbol in out.items() if is_mangled(name)][:MOST_READABLE]
        for symbol in sorted(mangled, key=lambda symbol: symbol.address):
            out.setdefault(self.label(symbol.name), symbol)
        return out

    @cached_property
    def names(self) -> list[str]:
        """What people type: every name but the mangled ones."""
        return [name for name in self.by_name if not is_mangled(name)]

    def label(self, name: str) -> str:
        """How a symbol is shown."""
        if not is_mangled(name):
            return name
        if name not in self._labels:
            self._labels[name] = shown(name)
        return self._labels[name]

    @cached_property
    def lines(self) -> LineMap:
        """The line table."""
        return LineMap(self.file, self.program)

    @cached_property
    def frames(self) -> FrameTable:
        """The unwind table."""
        return FrameTable(self.file, self.bias)

    @cached_property
    def variables(self) -> Variables:
        """Variables and types."""
        return Variables(self.file, self.bias)

    def symbol_at(self, address: int) -> Symbol | None:
        """The symbol an address lies in."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        symbol = self._sorted[index]
        reach = symbol.size_bytes or self._room(index)
        return symbol if address < symbol.address + reach else None

    def _room(self, index: int) -> int:
        here = self._starts[index]
        following = self._starts[index + 1] if index + 1 < len(self._starts) else here + (1 << 63)
        return min(following - here, UNSIZED_REACH_BYTES)

    def function(self, address: int) -> tuple[str, int, int] | None:
        """Name, start and end of the function an address is in."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or not (symbol := self.symbol_at(address)):
            return None
        if not symbol.is_code and symbol.size_bytes:
            return None
        return (
            self.label(symbol.name),
            symbol.address,
            symbol.address + (symbol.size_bytes or self._room(index)),
        )

    def describe(self, address: int) -> str:
        """`main+0x10`, `main`, or ""."""
        symbol = self.symbol_at(address)
        if symbol is None:
            return ""
        offset = address - symbol.address
        return self.label(symbol.name) + (f"+{offset:#x}" if offset else "")

    def address_of(self, name: str) -> int | None:
        """The address of a symbol."""
        symbol = self.by_name.get(name)
        return None if symbol is None else symbol.address

    def suggestions(self, name: str, most: int = 3) -> list[str]:
        """Symbols spelled like `name`."""
        return get_close_matches(name, self.names, most, 0.7)

    def starting_with(self, prefix: str, most: int = 200) -> list[str]:
        """Symbols that start with a prefix, sorted: for completion.

        Mangled names are offered only to who begins to type one.
        """
        names = self.by_name if prefix.startswith("_") else self.names
        found = sorted(name for name in names if name.startswith(prefix))
        return found[:most]

    def line(self, address: int) -> tuple[str, int] | None:
        """Source file and line of an address."""
        return self.lines.line(address - self.bias)

    def line_of(self, pc: int) -> tuple[str, int] | None:
        """Source file and line: the name `kernel.control.LineTable` asks for."""
        return self.line(pc)

    def line_addresses(self, file: str, line: int) -> tuple[list[int], int]:
        """Where the code of a source line starts, and the line really used."""
        found, used = self.lines.addresses(file, line)
        return [address + self.bias for address in found], used

    def text(self, file: str, line: int) -> str:
        """A line of a source file; "" if it cannot be found."""
        return self.lines.text(file, line)

    @property
    def has_lines(self) -> bool:
        """Whether the program has a line table."""
        return len(self.lines) > 0

    def after_prologue(self, address: int) -> int:
        """Where a function's body starts, as gdb chooses it: its second line-table row.

        The function's own address if there is no line table for it.
        """
        found = self.function(address)
        first = self.line(address)
        if found is None or first is None:
            return address
        rows = self.lines.starts_between(address - self.bias, found[2] - self.bias)
        return rows[1] + self.bias if len(rows) > 1 else address


def _underscores(name: str) -> int:
    return len(name) - len(name.lstrip("_"))
