"""Unwind tables made here, byte by byte: both sections of one file count."""

from __future__ import annotations

import struct

from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.frames import FrameTable

SP, RA = 2, 1


def entry(body: bytes) -> bytes:
    """A table's entry: its length, then what it holds, filled up with no-operations."""
    body += bytes(-(len(body) + 4) % 8)
    return struct.pack("<I", len(body)) + body


def table(ident: int, offsets: dict[tuple[int, int], int], *, is_eh: bool) -> bytes:
    """One common entry, then for each (start, size) a frame of so many bytes."""
    common = struct.pack("<IB", ident, 1) + b"\0" + bytes((1, 0x78, RA, 0x0C, SP, 0))
    data = entry(common)
    for (start, size), offset in offsets.items():
        pointer = len(data) + 4 if is_eh else 0
        data += entry(struct.pack("<IQQBB", pointer, start, size, 0x0E, offset))
    return data


def elf_with(sections: dict[str, bytes]) -> bytes:
    """A riscv64 file that has nothing but sections."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in (*sections, ".shstrtab"))
    contents = {**sections, ".shstrtab": names}
    data, headers = bytearray(64), bytearray(64)
    for name, content in contents.items():
        at = names.index(name.encode())
        headers += struct.pack("<IIQQQQIIQQ", at, 1, 0, 0, len(data), len(content), 0, 0, 8, 0)
        data += content
    data[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\2\1\1",
        2,
        243,
        1,
        0,
        0,
        len(data),
        0,
        64,
        56,
        0,
        64,
        len(contents) + 1,
        len(contents),
    )
    return bytes(data + headers)


def test_both_sections_count_and_eh_frame_wins():
    eh_frame = table(0, {(0x1000, 0x100): 16}, is_eh=True)
    debug_frame = table(
        0xFFFFFFFF, {(0x1000, 0x100): 32, (0x2000, 0x100): 48, (0x800, 8): 64}, is_eh=False
    )
    frames = FrameTable(ElfFile(elf_with({".eh_frame": eh_frame, ".debug_frame": debug_frame})))
    found = [frames.rules(at) for at in (0x1010, 0x2010, 0x800, 0x900)]
    assert [rules and (rules.cfa_register, rules.cfa_offset) for rules in found] == [
        (SP, 16),
        (SP, 48),
        (SP, 64),
        None,
    ]
