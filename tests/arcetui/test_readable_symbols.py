"""C++ and Rust symbols: shown, found, completed and suggested by their readable names."""

from __future__ import annotations

import struct

from arcetui.symbols import Symbols

NAMES = {
    "_ZN1RD2Ev": 0x1000,
    "_Z3addii": 0x1100,
    "_Z3addd": 0x1200,
    "_ZN1t4deep17h0123456789abcdefE": 0x1300,
    "_RNvCs1234_1t4main": 0x1400,
    "plain": 0x1500,
}


def elf_with_symbols(names: dict[str, int]) -> bytes:
    """An x86_64 file that has nothing but functions of 256 bytes."""
    strings, table = b"\0", bytes(24)
    for name, address in names.items():
        table += struct.pack("<IBBHQQ", len(strings), 0x12, 0, 1, address, 0x100)
        strings += name.encode() + b"\0"
    words = b"\0.symtab\0.strtab\0.shstrtab\0"
    data, headers = bytearray(64), bytearray(64)
    for at, kind, content, link in ((1, 2, table, 2), (9, 3, strings, 0), (17, 3, words, 0)):
        place = len(data), len(content)
        headers += struct.pack("<IIQQQQIIQQ", at, kind, 0, 0, *place, link, 1, 8, 24)
        data += content
    head = (2, 62, 1, 0, 0, len(data), 0, 64, 56, 0, 64, 4, 3)
    data[:64] = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", *head)
    return bytes(data + headers)


def test_shown_and_found_by_readable_names():
    symbols = Symbols(elf_with_symbols(NAMES))
    assert symbols.describe(0x1004) == "R::~R+0x4"
    assert symbols.describe(0x1300) == "t::deep"
    assert symbols.function(0x1404) == ("t::main", 0x1400, 0x1500)
    for name in ("R::~R", "_ZN1RD2Ev"):
        assert symbols.address_of(name) == 0x1000
    assert symbols.address_of("t::main") == 0x1400
    assert symbols.address_of("add") == 0x1100, "of overloads the lowest"
    assert symbols.describe(0x1200) == "add"


def test_mangled_names_are_offered_only_to_who_types_them():
    symbols = Symbols(elf_with_symbols(NAMES))
    assert symbols.starting_with("") == ["R::~R", "add", "plain", "t::deep", "t::main"]
    assert symbols.starting_with("t::") == ["t::deep", "t::main"]
    assert symbols.starting_with("_Z3") == ["_Z3addd", "_Z3addii"]
    assert symbols.suggestions("t::dep") == ["t::deep"]
