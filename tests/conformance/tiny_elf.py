"""ELF files made here, byte by byte: a code segment and a data segment at fixed addresses."""

from __future__ import annotations

import struct

CODE_VA = 0x400000
DATA_VA = 0x500000
MACHINES = {"x86_64": 62, "riscv64": 243, "aarch64": 183, "loongarch64": 258}


def tiny_elf(arch: str, code: bytes, data: bytes, bss_bytes: int = 0) -> bytes:
    """A static program: `code` at CODE_VA + 0x1000, entered at its start, `data` at DATA_VA."""
    entry = CODE_VA + 0x1000
    data_at = 0x1000 + (len(code) + 0xFFF & ~0xFFF)
    head = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\2\1\1",
        2,
        MACHINES[arch],
        1,
        entry,
        64,
        0,
        0,
        64,
        56,
        2,
        64,
        0,
        0,
    )
    size = len(data)
    head += struct.pack("<IIQQQQQQ", 1, 5, 0x1000, entry, entry, len(code), len(code), 0x1000)
    head += struct.pack(
        "<IIQQQQQQ", 1, 6, data_at, DATA_VA, DATA_VA, size, size + bss_bytes, 0x1000
    )
    return head.ljust(0x1000, b"\0") + code.ljust(data_at - 0x1000, b"\0") + data
