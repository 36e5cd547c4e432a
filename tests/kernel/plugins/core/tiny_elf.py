"""Hand-made ELF files for tests."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

BASE = 0x40_0000


@dataclass
class Phdr:
    kind: int = 1
    flags: int = 5
    offset: int = 0
    vaddr: int = BASE
    filesz: int = 0x1000
    memsz: int = 0x1000
    align: int = 0x1000


@dataclass
class Elf:
    """What the file says; `build` makes the bytes."""

    machine: int = 62
    kind: int = 2
    entry: int = BASE + 0x200
    phdrs: list[Phdr] = field(default_factory=lambda: [Phdr()])
    code: bytes = b"\x0f\x05"
    size: int = 0x1000
    ident: bytes = b"\x7fELF\x02\x01\x01"
    phentsize: int = 56
    phnum: int | None = None
    version: int = 1

    def build(self) -> bytes:
        count = len(self.phdrs) if self.phnum is None else self.phnum
        head = struct.pack(
            "<16sHHIQQQIHHHHHH",
            self.ident.ljust(16, b"\0"),
            self.kind, self.machine, self.version, self.entry, 64, 0, 0, 64, self.phentsize, count,
            0, 0, 0,
        )  # fmt: skip
        for p in self.phdrs:
            head += struct.pack(
                "<IIQQQQQQ", p.kind, p.flags, p.offset, p.vaddr, p.vaddr, p.filesz, p.memsz, p.align
            )
        return head.ljust(0x200, b"\0") + self.code.ljust(self.size - 0x200, b"\0")
