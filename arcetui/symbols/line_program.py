"""Source lines from `.debug_line`: the line-number program of DWARF 2 to 5.

Source: DWARF Debugging Information Format, version 5, section 6.2. Only what maps an address to
a file and a line is kept. Broken data ends the reading of its unit; nothing is raised.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

#: (address, line, file index; line 0 with `end` True closes a sequence)
Row = tuple[int, int, int, bool]
MAX_ROWS = 4_000_000
#: Units read of one program; a broken one may have as many as it has bytes.
MAX_UNITS = 50_000


class Broken(Exception):
    """The data ends too early or makes no sense."""


class Reader:
    """Reads little-endian values and LEB128 numbers from bytes."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else min(end, len(data))

    def uint(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        at = self.at
        if at + size > self.end:
            raise Broken
        self.at = at + size
        return int.from_bytes(self.data[at : at + size], "little")

    def uleb(self) -> int:
        """An unsigned LEB128 number."""
        value = shift = 0
        while True:
            byte = self.uint(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 70:
                raise Broken

    def sleb(self) -> int:
        """A signed LEB128 number."""
        value = shift = 0
        while True:
            byte = self.uint(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if byte & 0x40 else value
            if shift > 70:
                raise Broken

    def string(self) -> bytes:
        """A NUL-terminated string."""
        end = self.data.find(0, self.at, self.end)
        if end < 0:
            raise Broken
        out = self.data[self.at : end]
        self.at = end + 1
        return out

    def skip(self, size: int) -> None:
        """Go on `size` bytes further."""
        if size < 0 or self.at + size > self.end:
            raise Broken
        self.at += size


@dataclass(slots=True)
class Unit:
    """One line-number program: its files and its rows."""

    files: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class _Header:
    version: int
    wide: bool
    address_bytes: int
    min_insn: int
    line_base: int
    line_range: int
    opcode_base: int
    lengths: list[int]


class LineSections:
    """The sections a line program needs."""

    def __init__(self, line: bytes, line_str: bytes = b"", string: bytes = b"") -> None:
        self.line = line
        self.line_str = line_str
        self.string = string

    def units(self) -> list[Unit]:
        """Every unit that can be read."""
        out: list[Unit] = []
        at = 0
        rows = 0
        while at + 4 <= len(self.line) and rows < MAX_ROWS and len(out) < MAX_UNITS:
            reader = Reader(self.line, at)
            try:
                length, wide = reader.uint(4), False
                if length == 0xFFFFFFFF:
                    length, wide = reader.uint(8), True
            except Broken:
                break
            end = reader.at + length
            unit = Unit()
            with suppress(Broken, IndexError, ZeroDivisionError):  # keep what was read of it
                self._unit(Reader(self.line, reader.at, end), wide, unit)
            out.append(unit)
            rows += len(unit.rows)
            if end <= at:
                break
            at = end
        return out

    def _unit(self, reader: Reader, wide: bool, unit: Unit) -> None:
        version = reader.uint(2)
        if not 2 <= version <= 5:
            raise Broken
        address_bytes = 8
        if version >= 5:
            address_bytes = reader.uint(1)
            reader.skip(1)  # segment selector size
        header_bytes = reader.uint(8 if wide else 4)
        program = reader.at + header_bytes
        min_insn = reader.uint(1)
        if version >= 4:
            reader.skip(1)  # operations per instruction: 1 on our machines
        reader.skip(1)  # default is_stmt
        line_base = reader.uint(1)
        line_base -= 256 if line_base > 127 else 0
        line_range = reader.uint(1)
        opcode_base = reader.uint(1)
        lengths = [0] + [reader.uint(1) for _ in range(opcode_base - 1)]
        head = _Header(
            version, wide, address_bytes, min_insn, line_base, line_range, opcode_base, lengths
        )
        unit.files = self._files5(reader, head) if version >= 5 else _files4(reader)
        if program > reader.end:
            raise Broken
        reader.at = program
        _run(reader, head, unit)

    def _files5(self, reader: Reader, head: _Header) -> list[str]:
        directories = [name for name, _ in self._entries(reader, head)]
        out: list[str] = []
        for name, directory in self._entries(reader, head):
            place = directories[directory] if directory < len(directories) else ""
            out.append(_join(place, name, directories[0] if directories else ""))
        return out

    def _entries(self, reader: Reader, head: _Header) -> list[tuple[str, int]]:
        """A version-5 table of directories or files: (name, directory index)."""
        formats = [(reader.uleb(), reader.uleb()) for _ in range(reader.uint(1))]
        out: list[tuple[str, int]] = []
        for _ in range(reader.uleb()):
            name, directory = "", 0
            for content, form in formats:
                value = self._form(reader, form, head)
                if content == 1 and isinstance(value, bytes):
                    name = value.decode("utf-8", "replace")
                elif content == 2 and isinstance(value, int):
                    directory = value
            out.append((name, directory))
            if len(out) > 1_000_000 or not formats:
                raise Broken
        return out

    def _form(self, reader: Reader, form: int, head: _Header) -> int | bytes:
        offset_bytes = 8 if head.wide else 4
        match form:
            case 0x08:
                return reader.string()
            case 0x1F:
                return Reader(self.line_str, reader.uint(offset_bytes)).string()
            case 0x0E:
                return Reader(self.string, reader.uint(offset_bytes)).string()
            case 0x0B | 0x05 | 0x06 | 0x07:
                return reader.uint({0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8}[form])
            case 0x0F:
                return reader.uleb()
            case 0x1E:
                return reader.uint(16)
            case 0x09:
                reader.skip(reader.uleb())
                return 0
            case _:
                raise Broken


def _files4(reader: Reader) -> list[str]:
    """Directories and files before version 5; files count from 1."""
    directories = [""]
    while name := reader.string():
        directories.append(name.decode("utf-8", "replace"))
    out = [""]
    while name := reader.string():
        directory = reader.uleb()
        reader.uleb()
        reader.uleb()
        place = directories[directory] if directory < len(directories) else ""
        out.append(_join(place, name.decode("utf-8", "replace"), ""))
    return out


def _join(directory: str, name: str, base: str) -> str:
    if name.startswith("/"):
        return name
    if directory and base and directory != base and not directory.startswith("/"):
        directory = f"{base}/{directory}"
    return f"{directory}/{name}" if directory else name


def _run(reader: Reader, head: _Header, unit: Unit) -> None:  # noqa: C901 - a branch an opcode
    """Execute the program; rows go to `unit.rows`."""
    rows = unit.rows
    address, file, line = 0, 1, 1
    data, end = reader.data, reader.end
    const_pc = (255 - head.opcode_base) // head.line_range * head.min_insn
    base, span, first = head.line_base, head.line_range, head.opcode_base
    while reader.at < end:
        opcode = data[reader.at]
        reader.at += 1
        if opcode >= first:
            step = opcode - first
            address += step // span * head.min_insn
            line += base + step % span
            rows.append((address, line, file, False))
        elif opcode == 0:
            size = reader.uleb()
            after = reader.at + size
            code = reader.uint(1) if size else 0
            if code == 1:
                rows.append((address, 0, file, True))
                address, file, line = 0, 1, 1
            elif code == 2:
                address = reader.uint(size - 1)
            if after > end:
                raise Broken
            reader.at = after
        elif opcode == 1:
            rows.append((address, line, file, False))
        elif opcode == 2:
            address += reader.uleb() * head.min_insn
        elif opcode == 3:
            line += reader.sleb()
        elif opcode == 4:
            file = reader.uleb()
        elif opcode == 8:
            address += const_pc
        elif opcode == 9:
            address += reader.uint(2)
        else:
            for _ in range(head.lengths[opcode]):
                reader.uleb()
        if len(rows) > MAX_ROWS:
            raise Broken
