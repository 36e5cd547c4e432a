"""Hand-made x86_64 programs of the Unikernel form."""

from __future__ import annotations

import struct

CODE, TABLE, STRINGS, SYMBOLS, RELOCATIONS, DYNAMIC = 0x200, 0x800, 0x900, 0xA00, 0xC00, 0xE00
SIZE = 0x1000
GLOB_DAT = 6


def call(imports: tuple[str, ...], name: str, at: int) -> bytes:
    """`call [rip + ...]` at offset `at` of the code, through the function's table slot."""
    slot = TABLE + 8 * imports.index(name)
    return b"\xff\x15" + struct.pack("<i", slot - (CODE + at + 6))


def app(
    code: bytes,
    imports: tuple[str, ...] = (),
    needed: str = "libarceos.so",
    kind: int = GLOB_DAT,
    where: int = TABLE,
) -> bytes:
    """One segment that may be read, written and executed, loaded at offset 0 of the file."""
    strings = b"\0" + needed.encode() + b"\0"
    symbols = bytes(24)
    relocations = b""
    for number, name in enumerate(imports, 1):
        symbols += struct.pack("<IBBHQQ", len(strings), 0x12, 0, 0, 0, 0)
        strings += name.encode() + b"\0"
        relocations += struct.pack("<QQq", where + 8 * (number - 1), number << 32 | kind, 0)
    tags = ((1, 1), (5, STRINGS), (6, SYMBOLS), (7, RELOCATIONS), (8, len(relocations)), (0, 0))
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    head = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, CODE, 64, 0, 0, 64, 56, 2, 0, 0, 0
    )
    head += struct.pack("<IIQQQQQQ", 1, 7, 0, 0, 0, SIZE, SIZE, 0x1000)
    head += struct.pack("<IIQQQQQQ", 2, 6, DYNAMIC, DYNAMIC, DYNAMIC, len(dynamic), len(dynamic), 8)
    out = bytearray(SIZE)
    for start, part in (
        (0, head),
        (CODE, code),
        (STRINGS, strings),
        (SYMBOLS, symbols),
        (RELOCATIONS, relocations),
        (DYNAMIC, dynamic),
    ):
        out[start : start + len(part)] = part
    return bytes(out)


def reader() -> bytes:
    """Reads at most 32 bytes from descriptor 0, writes them to 1, and returns how many."""
    imports = ("ax_read", "ax_write")
    code = bytes.fromhex("534883ec2031ff4889e6ba20000000")  # push rbx; room; 0, rsp, 32
    code += call(imports, "ax_read", len(code))
    code += bytes.fromhex("89c3bf010000004889e689da")  # ebx = result; 1, rsp, ebx
    code += call(imports, "ax_write", len(code))
    return app(code + bytes.fromhex("89d84883c4205bc3"), imports)  # return ebx
