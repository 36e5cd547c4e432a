"""The parts of an ELF file that name things: sections and symbol tables.

Source: System V ABI, "Object Files"; elf(5). 64-bit little-endian only, as the kernel loads.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
SHF_COMPRESSED = 0x800
SHT_NOBITS = 8
SHN_LORESERVE = 0xFF00  # from here on no sections: absolute values, common blocks
#: No honest program has more; a broken header may claim anything.
MAX_SECTIONS = 20_000
MAX_SYMBOLS = 2_000_000
MAX_UNPACKED_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Section:
    """One section header."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size_bytes: int
    link: int


class ElfFile:
    """Sections and symbols of a file's bytes.

    Attributes:
        machine: `e_machine`; 0 if this is no ELF file we can read.
        is_pie: Whether its addresses are relative to where it is loaded (ET_DYN).
        first_address: Lowest address of a PT_LOAD segment, rounded down to a page.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.machine = 0
        self.is_pie = False
        self.first_address = 0
        self.sections: dict[str, Section] = {}
        self._by_index: list[Section] = []
        if len(data) >= 64 and data[:6] == b"\x7fELF\x02\x01":
            self._read_header()

    def _read_header(self) -> None:
        kind, self.machine = struct.unpack_from("<HH", self._data, 16)
        phoff, shoff = struct.unpack_from("<QQ", self._data, 32)
        _, phsize, phnum, shsize, shnum, names = struct.unpack_from("<6H", self._data, 52)
        self.is_pie = kind == 3
        starts: list[int] = []
        for i in range(min(phnum, 4096) if phsize >= 56 else 0):
            at = phoff + i * phsize
            if at + 56 > len(self._data):
                break
            if self._data[at : at + 4] == b"\1\0\0\0":
                starts.append(struct.unpack_from("<Q", self._data, at + 16)[0])
        self.first_address = min(starts, default=0) & ~0xFFF
        if shsize >= 64:
            self._read_sections(shoff, shsize, min(shnum, MAX_SECTIONS), names)

    def _read_sections(self, offset: int, size: int, count: int, names: int) -> None:
        raw: list[tuple[int, ...]] = []
        for i in range(count):
            at = offset + i * size
            if at + 64 > len(self._data):
                return
            raw.append(_SECTION.unpack_from(self._data, at))
        strings = b""
        if names < len(raw):
            strings = self._data[raw[names][4] : raw[names][4] + raw[names][5]]
        for name, kind, flags, address, start, length, link, *_ in raw:
            text = _string(strings, name)
            section = Section(text, kind, flags, address, start, length, link)
            self._by_index.append(section)
            self.sections.setdefault(text, section)

    def content(self, name: str) -> bytes:
        """The bytes of a section, unpacked if it is compressed; b"" where it is missing."""
        section = self.sections.get(name)
        if section is None or section.kind == SHT_NOBITS:
            return b""
        data = self._data[section.offset : section.offset + section.size_bytes]
        if not section.flags & SHF_COMPRESSED:
            return data
        if len(data) < 24 or data[:4] != b"\1\0\0\0":  # ELFCOMPRESS_ZLIB
            return b""
        try:
            return zlib.decompressobj().decompress(data[24:], MAX_UNPACKED_BYTES)
        except zlib.error:
            return b""

    def symbols(self) -> list[tuple[str, int, int, int, int]]:
        """Defined symbols: (name, address, size in bytes, type, binding)."""
        for table in (".symtab", ".dynsym"):
            section = self.sections.get(table)
            if section is None or section.link >= len(self._by_index):
                continue
            strings = self._by_index[section.link]
            names = self._data[strings.offset : strings.offset + strings.size_bytes]
            data = self._data[section.offset : section.offset + section.size_bytes]
            data = data[: min(len(data) // 24, MAX_SYMBOLS) * 24]
            out: list[tuple[str, int, int, int, int]] = []
            for name, info, _, index, value, size in _SYMBOL.iter_unpack(data):
                kind = info & 15
                if 0 < index < SHN_LORESERVE and kind in {0, 1, 2, 10} and name:
                    out.append((_string(names, name), value, size, kind, info >> 4))
            if out:
                return out
        return []


def _string(table: bytes, offset: int) -> str:
    end = table.find(0, offset, offset + 4096)
    if offset >= len(table) or end < 0:
        return ""
    return table[offset:end].decode("utf-8", "replace")
