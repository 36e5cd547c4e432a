"""`.debug_info`: the tree of entries that describes variables, functions and types.

Source: DWARF Debugging Information Format, version 5, chapter 7 (and version 4's forms). Units are
read when somebody asks for one; broken data ends the reading of its unit, nothing is raised.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.line_program import Broken, Reader

#: Entries read of one program, and their deepest nesting; a broken one may claim anything.
MAX_ENTRIES = 400_000
MAX_DEPTH = 64
MAX_UNITS = 20_000

# Tags and attributes that are asked for.
TAG_COMPILE_UNIT = 0x11
NAME, BYTE_SIZE, LOW_PC, HIGH_PC, CONST_VALUE = 0x03, 0x0B, 0x11, 0x12, 0x1C
LOCATION, UPPER_BOUND, ORIGIN, COUNT, MEMBER_AT = 0x02, 0x2F, 0x31, 0x37, 0x38
DECLARATION, ENCODING, FRAME_BASE, SPECIFICATION, TYPE = 0x3C, 0x3E, 0x40, 0x47, 0x49
RANGES, STR_OFFSETS_BASE, ADDR_BASE, RNGLISTS_BASE = 0x55, 0x72, 0x73, 0x74
LOCLISTS_BASE, BIT_SIZE, BIT_OFFSET, OLD_BIT_OFFSET = 0x8C, 0x0D, 0x6B, 0x0C

#: An attribute: a number, text, bytes (a block), or a place in a list (its form class, number).
Value: TypeAlias = "int | str | bytes | ListAt"


@dataclass(frozen=True, slots=True)
class ListAt:
    """A place in `.debug_loc*` or `.debug_r*`: an offset, or an index into a table of them."""

    offset: int
    is_index: bool


@dataclass(slots=True)
class Entry:
    """One entry.

    Attributes:
        at: Its offset in `.debug_info`; references name it.
        values: Attributes by number.
    """

    at: int
    tag: int
    unit: Unit
    values: dict[int, Value] = field(default_factory=dict[int, Value])
    children: list[Entry] = field(default_factory=list["Entry"])

    def number(self, attribute: int, missing: int = 0) -> int:
        """A numeric attribute."""
        value = self.values.get(attribute)
        return value if isinstance(value, int) else missing

    @property
    def name(self) -> str:
        """Its name, or ""."""
        value = self.values.get(NAME)
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class Unit:
    """One compilation unit.

    Attributes:
        body: Where its entries begin; `end` is behind the last.
        wide: Whether offsets have eight bytes.
        bases: DW_AT_*_base of its first entry, by attribute.
    """

    at: int
    body: int
    end: int
    version: int
    wide: bool
    abbreviations: int
    bases: dict[int, int] = field(default_factory=dict[int, int])
    root: Entry | None = None
    entries: dict[int, Entry] = field(default_factory=dict[int, Entry])


Abbreviation: TypeAlias = tuple[int, bool, list[tuple[int, int, int]]]
#: tag, whether it has children, [(attribute, form, implicit constant)]


class DebugInfo:
    """All units of a program."""

    def __init__(self, elf: ElfFile) -> None:
        self.info = elf.content(".debug_info")
        self._abbrev = elf.content(".debug_abbrev")
        self._strings = elf.content(".debug_str")
        self._line_strings = elf.content(".debug_line_str")
        self._offsets = elf.content(".debug_str_offsets")
        self._addresses = elf.content(".debug_addr")
        self._tables: dict[int, dict[int, Abbreviation]] = {}
        self._left = MAX_ENTRIES
        self.units: list[Unit] = []
        with suppress(Broken):
            self._headers()

    def _headers(self) -> None:
        at = 0
        for _ in range(MAX_UNITS):
            if at + 11 >= len(self.info):
                break
            reader = Reader(self.info, at)
            length, wide = reader.uint(4), False
            if length == 0xFFFFFFFF:
                length, wide = reader.uint(8), True
            end = min(reader.at + length, len(self.info))
            version = reader.uint(2)
            size = 8 if wide else 4
            kind = 1
            if version >= 5:
                kind = reader.uint(1)
                reader.skip(1)
                table = reader.uint(size)
            else:
                table = reader.uint(size)
                reader.skip(1)
            if 2 <= version <= 5 and kind in {1, 3}:
                self.units.append(Unit(at, reader.at, end, version, wide, table))
            if end <= at:
                break
            at = end

    # -- entries --------------------------------------------------------------------------------

    def root(self, unit: Unit) -> Entry | None:
        """The unit's first entry, without its children."""
        if unit.root is None:
            reader = Reader(self.info, unit.body, unit.end)
            with suppress(Broken):
                unit.root = self._entry(unit, reader)
        return unit.root

    def tree(self, unit: Unit) -> Entry | None:
        """The unit's first entry with everything below it."""
        root = self.root(unit)
        if root is not None and not unit.entries:
            unit.entries[root.at] = root
            with suppress(Broken):
                self._children(unit, root)
        return root

    def _children(self, unit: Unit, root: Entry) -> None:
        reader = Reader(self.info, unit.body, unit.end)
        parents: list[Entry] = []
        while reader.at < reader.end and self._left > 0:
            here = reader.at
            code = reader.uleb()
            if not code:
                if parents:
                    parents.pop()
                if not parents:
                    return
                continue
            reader.at = here
            entry = self._entry(unit, reader)
            if entry is None:
                return
            self._left -= 1
            has_children = self._table(unit.abbreviations)[code][1]
            if here == unit.body:
                entry = root
            elif parents:
                parents[-1].children.append(entry)
                unit.entries[here] = entry
            if has_children:
                if len(parents) >= MAX_DEPTH:
                    return
                parents.append(entry)

    def at(self, unit: Unit, offset: int) -> Entry | None:
        """The entry at an offset of the section; the unit's own first."""
        if not unit.at <= offset < unit.end:
            unit = next((u for u in self.units if u.at <= offset < u.end), unit)
        self.tree(unit)
        return unit.entries.get(offset)

    def _entry(self, unit: Unit, reader: Reader) -> Entry | None:
        at = reader.at
        found = self._table(unit.abbreviations).get(reader.uleb())
        if found is None:
            return None
        tag, _, attributes = found
        entry = Entry(at, tag, unit)
        raw: list[tuple[int, int, int]] = []
        for attribute, form, constant in attributes:
            if tag == TAG_COMPILE_UNIT and form in {0x1A, 0x1B, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A,
                                                    0x2B, 0x2C}:  # fmt: skip
                raw.append((attribute, form, reader.at))  # needs a base that may come later
                self._form(unit, reader, form, constant)
                continue
            value = self._form(unit, reader, form, constant)
            if value is not None:
                entry.values[attribute] = value
        if tag == TAG_COMPILE_UNIT:
            for base in (STR_OFFSETS_BASE, ADDR_BASE, RNGLISTS_BASE, LOCLISTS_BASE):
                unit.bases[base] = entry.number(base)
            for attribute, form, where in raw:
                value = self._form(unit, Reader(self.info, where, unit.end), form, 0)
                if value is not None:
                    entry.values[attribute] = value
        return entry

    # -- forms ----------------------------------------------------------------------------------

    def _form(self, unit: Unit, reader: Reader, form: int, constant: int) -> Value | None:  # noqa: C901 - a case a form
        size = 8 if unit.wide else 4
        match form:
            case 0x01:
                return reader.uint(8)
            case 0x0B | 0x0C:
                return reader.uint(1)
            case 0x05:
                return reader.uint(2)
            case 0x06:
                return reader.uint(4)
            case 0x07:
                return reader.uint(8)
            case 0x0D:
                return reader.sleb()
            case 0x0F:
                return reader.uleb()
            case 0x19:
                return 1
            case 0x21:
                return constant
            case 0x08:
                return reader.string().decode("utf-8", "replace")
            case 0x0E:
                return _string(self._strings, reader.uint(size))
            case 0x1F:
                return _string(self._line_strings, reader.uint(size))
            case 0x1A | 0x25 | 0x26 | 0x27 | 0x28:
                return self._indexed_string(unit, _index(reader, form, 0x1A, 0x25))
            case 0x1B | 0x29 | 0x2A | 0x2B | 0x2C:
                return self.address(unit, _index(reader, form, 0x1B, 0x29))
            case 0x17:
                return ListAt(reader.uint(size), False)
            case 0x22 | 0x23:
                return ListAt(reader.uleb(), True)
            case 0x11 | 0x12 | 0x13 | 0x14:
                return unit.at + reader.uint(1 << form - 0x11)
            case 0x15:
                return unit.at + reader.uleb()
            case 0x10:
                return reader.uint(size if unit.version > 2 else 8)
            case 0x18 | 0x09:
                return _block(reader, reader.uleb())
            case 0x0A | 0x03 | 0x04:
                return _block(reader, reader.uint({0x0A: 1, 0x03: 2, 0x04: 4}[form]))
            case 0x1E:
                return _block(reader, 16)
            case 0x20:
                reader.skip(8)
                return None
            case 0x16:
                return self._form(unit, reader, reader.uleb(), constant)
            case _:
                raise Broken

    def _indexed_string(self, unit: Unit, index: int) -> str:
        size = 8 if unit.wide else 4
        at = (unit.bases.get(STR_OFFSETS_BASE, 0) or 2 * size) + index * size
        return _string(self._strings, int.from_bytes(self._offsets[at : at + size], "little"))

    def address(self, unit: Unit, index: int) -> int:
        """An address of the unit's table."""
        at = (unit.bases.get(ADDR_BASE, 0) or 8) + index * 8
        return int.from_bytes(self._addresses[at : at + 8], "little")

    def _table(self, offset: int) -> dict[int, Abbreviation]:
        known = self._tables.get(offset)
        if known is not None:
            return known
        table: dict[int, Abbreviation] = {}
        self._tables[offset] = table
        reader = Reader(self._abbrev, offset)
        with suppress(Broken):
            while code := reader.uleb():
                tag, children = reader.uleb(), bool(reader.uint(1))
                attributes: list[tuple[int, int, int]] = []
                while True:
                    attribute, form = reader.uleb(), reader.uleb()
                    constant = reader.sleb() if form == 0x21 else 0
                    if not attribute and not form:
                        break
                    attributes.append((attribute, form, constant))
                table[code] = (tag, children, attributes)
        return table


def _index(reader: Reader, form: int, leb: int, first: int) -> int:
    """The index of an address or string: LEB128, or one to four bytes."""
    return reader.uleb() if form == leb else reader.uint(form - first + 1)


def _block(reader: Reader, size: int) -> bytes:
    start = reader.at
    reader.skip(size)
    return reader.data[start : start + size]


def _string(table: bytes, offset: int) -> str:
    end = table.find(0, offset, offset + 4096) if offset < len(table) else -1
    return table[offset:end].decode("utf-8", "replace") if end >= 0 else ""
