"""AArch64: stage 1, 4 KiB granule, 48-bit addresses, four levels.

Source: page_table_entry/src/arch/aarch64.rs (`A64PTE`); Arm ARM D8.3 "Translation table
descriptor formats". MAIR_EL1 = 0x44_ff_04: index 0 device, 1 normal, 2 not cached.
The access flag is preset as ArceOS does. Without FEAT_PAN3 (EPAN) executable implies readable, as
Linux's protection_map. PROT_NONE: VALID=0 and bit 58, Linux's PTE_PROT_NONE.
"""

from __future__ import annotations

from kernel.crates.page_table_entry.pte_format import (
    DEVICE,
    EXECUTE,
    READ,
    RWX,
    UNCACHED,
    USER,
    WRITE,
    BitName,
    LevelInfo,
    PteFormat,
)

VALID_, NON_BLOCK, AP_EL0, AP_RO, AF, PXN, UXN, PROT_NONE = (
    1 << bit for bit in (0, 1, 6, 7, 10, 53, 54, 58)
)
ATTR_MASK = 7 << 2
ATTR_NORMAL = 1 << 2
ATTR_UNCACHED = 2 << 2
INNER = 3 << 8  # inner shareable


class A64Format(PteFormat):
    """Descriptors of AArch64."""

    __slots__ = ()
    split_roots = True

    def __init__(self) -> None:
        self.name = "aarch64"
        self.levels = (
            LevelInfo("L0", 39, 9, 0),
            LevelInfo("L1", 30, 9, 1 << 30),
            LevelInfo("L2", 21, 9, 1 << 21),
            LevelInfo("L3", 12, 9, 1 << 12),
        )
        self.va_bits, self.pa_bits = 48, 48
        self.addr_mask, self.addr_shift = 0x0000_FFFF_FFFF_F000, 0
        self.table_bits = VALID_ | NON_BLOCK
        self.table_mask, self.table_value = VALID_ | NON_BLOCK, VALID_ | NON_BLOCK
        self.prot_none = PROT_NONE
        self.flag_mask = VALID_ | AP_EL0 | AP_RO | PXN | UXN | ATTR_MASK
        self.kept_bits = 0
        self.touch_bits = (0, AF, AF, AF, AF, AF, AF, AF)
        self.leaf_names = (
            BitName(0, "VALID", "valid", "not valid"),
            BitName(6, "AP_EL0", "user mode may use it", "kernel only"),
            BitName(7, "AP_RO", "read-only", "writable"),
            BitName(54, "UXN", "user mode may not execute it", "user mode may execute it"),
            BitName(53, "PXN", "the kernel may not execute it", "the kernel may execute it"),
            BitName(10, "AF", "access flag (preset)", "access flag clear: first use faults"),
            BitName(1, "NON_BLOCK", "page or table", "block: a large page"),
            BitName(2, "ATTR0", "normal memory", "device or uncached"),
            BitName(3, "ATTR1", "not cached", "cached or device"),
            BitName(8, "SH0", "inner shareable", "not shareable"),
            BitName(11, "nG", "of this address space only", "global"),
        )
        self.table_names = (
            BitName(0, "VALID", "valid", "not valid"),
            BitName(1, "NON_BLOCK", "points to a table", "block: a large page"),
            BitName(61, "AP_NO_EL0", "all below is kernel only", "user mode allowed below"),
            BitName(62, "AP_NO_WRITE", "all below is read-only", "writes allowed below"),
            BitName(60, "XN_TABLE", "user mode executes nothing below", "execution allowed below"),
        )
        self._build()

    def va_is_valid(self, va: int) -> bool:
        return va >> 48 in (0, 0xFFFF)

    def _grant(self, flags: int) -> int:
        return flags | READ if flags & (WRITE | EXECUTE) else flags

    def _encode(self, flags: int, huge: bool) -> int:
        bits = AF | (0 if huge else NON_BLOCK)
        if flags & USER:
            bits |= AP_EL0 | PXN | (0 if flags & EXECUTE else UXN)
        else:
            bits |= UXN | (0 if flags & EXECUTE else PXN)
        if not flags & WRITE:
            bits |= AP_RO
        if flags & UNCACHED:
            bits |= ATTR_UNCACHED | INNER
        elif not flags & DEVICE:
            bits |= ATTR_NORMAL | INNER
        return bits | (VALID_ if flags & RWX else PROT_NONE)

    def _decode(self, entry: int) -> int:
        flags = USER if entry & AP_EL0 else 0
        if entry & VALID_:
            flags |= READ | (0 if entry & AP_RO else WRITE)
            never = UXN if entry & AP_EL0 else PXN
            flags |= 0 if entry & never else EXECUTE
        elif not entry & PROT_NONE:
            return 0
        attr = entry & ATTR_MASK
        if attr == 0:
            return flags | DEVICE
        return flags | UNCACHED if attr == ATTR_UNCACHED else flags

    def _not_valid(self) -> str:
        return "VALID=0"

    def _deny(self, entry: int, access: int, leaf: bool) -> str:
        if not leaf:
            if entry >> 61 & 1:
                return "AP_NO_EL0=1: all below is kernel only"
            if access & WRITE and entry >> 62 & 1:
                return "AP_NO_WRITE=1: all below is read-only"
            return "XN_TABLE=1: not executable" if access & EXECUTE and entry >> 60 & 1 else ""
        if not entry & AF:
            return "AF=0: the access flag is clear"
        if not entry & AP_EL0:
            return "AP_EL0=0: kernel only"
        if access & WRITE and entry & AP_RO:
            return "AP_RO=1: the page is read-only"
        if access & EXECUTE and entry & UXN:
            return "UXN=1: not executable"
        return ""


AARCH64 = A64Format()
