"""Page-table entry formats: what 64 bits mean on each architecture.

Models the crate page_table_entry of arceos-org/page_table_multiarch (`GenericPTE`, one file per
architecture). `FORMATS` has all of them by the names `Arch.page_table` uses.
"""

from __future__ import annotations

from kernel.crates.page_table_entry.aarch64 import AARCH64
from kernel.crates.page_table_entry.loongarch64 import LOONGARCH64
from kernel.crates.page_table_entry.pte_format import (
    BitName,
    LevelInfo,
    MappingFlags,
    PteFormat,
    access_word,
    perms_text,
)
from kernel.crates.page_table_entry.riscv import SV39, SV48
from kernel.crates.page_table_entry.x86_64 import X86_64

FORMATS: dict[str, PteFormat] = {f.name: f for f in (X86_64, SV39, SV48, AARCH64, LOONGARCH64)}

__all__ = [
    "FORMATS",
    "BitName",
    "LevelInfo",
    "MappingFlags",
    "PteFormat",
    "access_word",
    "perms_text",
]
