"""What a page is used for: one byte per frame of RAM, so that a page strip is a decode of RAM.

The words are those callers pass as `usage` and events carry. Source: the kinds follow
rcore-os/tgoskits `UsageKind` (RustHeap, VirtMem, PageCache, PageTable, Dma, Global); ArceOS
itself does not keep them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator

from kernel.crates.phys_memory import PhysMemory


class PageUsage(enum.IntEnum):
    """The byte kept per frame."""

    FREE = 0
    KERNEL_IMAGE = 1
    HEAP = 2
    PAGE_TABLE = 3
    USER = 4
    KSTACK = 5
    DMA = 6
    FILE_CACHE = 7
    SHARED = 8
    GLOBAL = 9
    OTHER = 10


#: The word of each code, index = code.
NAMES: tuple[str, ...] = tuple(usage.name.lower().replace("_", " ") for usage in PageUsage)
_CODES: dict[str, int] = {name: code for code, name in enumerate(NAMES)}
_BYTES: tuple[bytes, ...] = tuple(bytes((code,)) for code in range(256))
_OTHER = int(PageUsage.OTHER)
_RUNS = re.compile(rb"([^\0])\1*", re.DOTALL)


def usage_code(usage: str) -> int:
    """The code of a usage word; a word without a code of its own becomes OTHER."""
    return _CODES.get(usage, _OTHER)


class UsageMap:
    """One usage byte per frame of RAM, at `table_pa`.

    Args:
        mem: The RAM described, which also holds the table.
        table_pa: Physical address of the table of `mem.size_bytes / 4096` bytes.
    """

    __slots__ = ("_bias", "mem", "table_pa")

    def __init__(self, mem: PhysMemory, table_pa: int) -> None:
        self.mem = mem
        self.table_pa = table_pa
        self._bias = table_pa - (mem.base >> 12)

    def clear(self) -> None:
        """All frames free."""
        self.mem.zero(self.table_pa, self.mem.size_bytes >> 12)

    def set(self, pa: int, count: int, code: int) -> None:
        """Mark `count` frames from `pa`."""
        if count == 1:
            self.mem.write_u8(self._bias + (pa >> 12), code)
        else:
            self.mem.write(self._bias + (pa >> 12), _BYTES[code] * count)

    def get(self, pa: int) -> int:
        """The code of the frame at `pa`."""
        return self.mem.read_u8(self._bias + (pa >> 12))

    def runs(self) -> Iterator[tuple[int, int, str]]:
        """Runs of equal usage, free ones left out: (pa, frames, word)."""
        base = self.mem.base
        for found in _RUNS.finditer(self.mem.read(self.table_pa, self.mem.size_bytes >> 12)):
            code = found.group()[0]
            name = NAMES[code] if code < len(NAMES) else NAMES[PageUsage.OTHER]
            yield base + (found.start() << 12), found.end() - found.start(), name
