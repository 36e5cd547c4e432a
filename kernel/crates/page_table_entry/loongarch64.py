"""LoongArch64: four levels dir3, dir2, dir1, pt as set in PWCL and PWCH.

Source: page_table_entry/src/arch/loongarch64.rs (`LA64PTE`); LoongArch Reference Manual volume 1,
5.4.5 "Page table entry"; arch/loongarch/include/asm/pgtable-bits.h. An entry that points to a
table is its bare address, without any bit. V stands for "accessed" and D for "written" in Linux;
here both are preset, as ArceOS does. PROT_NONE: V=P=0 and bit 10, Linux's _PAGE_PROTNONE.
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

V, D, MATL, MATH, GH, P, W, PROT_NONE, NR, NX = (
    1 << bit for bit in (0, 1, 4, 5, 6, 7, 8, 10, 61, 62)
)
PLV = 3 << 2
MAT = MATL | MATH


class LA64Format(PteFormat):
    """Entries of LoongArch64."""

    __slots__ = ()
    split_roots = True

    def __init__(self) -> None:
        self.name = "loongarch64"
        self.levels = (
            LevelInfo("dir3", 39, 9, 0),
            LevelInfo("dir2", 30, 9, 1 << 30),
            LevelInfo("dir1", 21, 9, 1 << 21),
            LevelInfo("pt", 12, 9, 1 << 12),
        )
        self.va_bits, self.pa_bits = 48, 48
        self.addr_mask, self.addr_shift = 0x0000_FFFF_FFFF_F000, 0
        self.table_bits = 0
        self.table_mask, self.table_value = V | GH | P | PROT_NONE, 0
        self.prot_none = PROT_NONE
        self.flag_mask = V | D | W | PLV | MAT | NR | NX
        self.kept_bits = 0
        self.touch_bits = (0,) * 8
        self.leaf_names = (
            BitName(0, "V", "valid", "not valid"),
            BitName(1, "D", "dirty: stores allowed", "clean: a store faults (PME)"),
            BitName(2, "PLV0", "privilege level, low bit", "privilege level, low bit"),
            BitName(3, "PLV1", "level 3: user mode may use it", "kernel only"),
            BitName(62, "NX", "not executable", "executable"),
            BitName(61, "NR", "not readable", "readable"),
            BitName(8, "W", "software: writable", "software: read-only"),
            BitName(7, "P", "software: present", "software: not present"),
            BitName(4, "MATL", "coherent cached", "not coherent cached"),
            BitName(5, "MATH", "weakly ordered, not cached", "not of this type"),
            BitName(6, "GH", "large page (above the last level)", "not large, not global"),
        )
        self.table_names = (
            BitName(0, "V", "valid leaf", "bare address: points to a table"),
            BitName(6, "GH", "large page", "points to a table"),
        )
        self._build()

    def va_is_valid(self, va: int) -> bool:
        # ArceOS puts the kernel at 0xffff_0000_0000_0000, so bit 47 is no copy of the bits above.
        return va >> 48 in (0, 0xFFFF)

    def _grant(self, flags: int) -> int:
        return flags | READ if flags & (WRITE | EXECUTE) else flags

    def _encode(self, flags: int, huge: bool) -> int:
        bits = (PLV if flags & USER else 0) | (GH if huge else 0)
        if flags & UNCACHED:
            bits |= MATH
        elif not flags & DEVICE:
            bits |= MATL
        if not flags & RWX:
            return bits | PROT_NONE | NR | NX
        if not flags & READ:
            bits |= NR
        if flags & WRITE:
            bits |= W | D
        if not flags & EXECUTE:
            bits |= NX
        return bits | V | P

    def _decode(self, entry: int) -> int:
        flags = USER if entry & PLV == PLV else 0
        if entry & V:
            flags |= (0 if entry & NR else READ) | (WRITE if entry & W else 0)
            flags |= 0 if entry & NX else EXECUTE
        elif not entry & PROT_NONE:
            return 0
        if entry & MAT == 0:
            return flags | DEVICE
        return flags | UNCACHED if entry & MAT == MATH else flags

    def _not_valid(self) -> str:
        return "V=0"

    def _deny(self, entry: int, access: int, leaf: bool) -> str:
        if not leaf:
            return ""
        if entry & PLV != PLV:
            return "PLV=0: kernel only"
        if access & WRITE and not entry & D:
            return "D=0: the page is read-only" if not entry & W else "D=0: not written yet"
        if access & EXECUTE and entry & NX:
            return "NX=1: not executable"
        if access & READ and entry & NR:
            return "NR=1: not readable"
        return ""


LOONGARCH64 = LA64Format()
