"""x86_64: four levels, PML4 to PT.

Source: page_table_entry/src/arch/x86_64.rs (`X64PTE`); Intel SDM volume 3, 4.5 "4-level paging".
Differs: data pages start with accessed and dirty clear, the walker sets them; ArceOS leaves them
to the hardware too. PROT_NONE: P=0 and bit 8, Linux's _PAGE_PROTNONE.
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

P, W, U, PWT, PCD, A, D, PS, G, NX = (1 << bit for bit in (0, 1, 2, 3, 4, 5, 6, 7, 8, 63))
PROT_NONE = G  # free for software while P=0


class X64Format(PteFormat):
    """Entries of x86_64."""

    __slots__ = ()

    def __init__(self) -> None:
        self.name = "x86_64"
        self.levels = (
            LevelInfo("PML4", 39, 9, 0),
            LevelInfo("PDPT", 30, 9, 1 << 30),
            LevelInfo("PD", 21, 9, 1 << 21),
            LevelInfo("PT", 12, 9, 1 << 12),
        )
        self.va_bits, self.pa_bits = 48, 52
        self.addr_mask, self.addr_shift = 0x000F_FFFF_FFFF_F000, 0
        self.table_bits = P | W | U
        self.table_mask, self.table_value = P | PS, P
        self.prot_none = PROT_NONE
        self.flag_mask = P | W | U | PWT | PCD | NX
        self.kept_bits = A | D
        self.touch_bits = (0, A, A | D, A | D, A, A, A | D, A | D)
        self.leaf_names = (
            BitName(0, "P", "present", "not present"),
            BitName(1, "W", "writable", "read-only"),
            BitName(2, "U", "user mode may use it", "kernel only"),
            BitName(63, "NX", "not executable", "executable"),
            BitName(5, "A", "was accessed", "not accessed yet"),
            BitName(6, "D", "was written", "not written yet"),
            BitName(7, "PS", "large page", "4 KiB page"),
            BitName(4, "PCD", "not cached", "cached"),
            BitName(3, "PWT", "write-through", "write-back"),
            BitName(8, "G", "global: stays in the TLB", "not global"),
        )
        self.table_names = (
            BitName(0, "P", "present", "not present"),
            BitName(1, "W", "writes allowed below", "all below is read-only"),
            BitName(2, "U", "user mode allowed below", "all below is kernel only"),
            BitName(63, "NX", "nothing below is executable", "execution allowed below"),
            BitName(7, "PS", "large page", "points to a table"),
        )
        self._build()

    def _grant(self, flags: int) -> int:
        return flags | READ if flags & RWX else flags

    def _encode(self, flags: int, huge: bool) -> int:
        bits = (U if flags & USER else 0) | (PS if huge else 0)
        if flags & (DEVICE | UNCACHED):
            bits |= PCD | PWT
        if not flags & RWX:
            return bits | NX | PROT_NONE
        bits |= P | (W if flags & WRITE else 0)
        # Fetch runs ahead of execution, so "accessed" on code would not be deterministic: preset.
        return bits | (A if flags & EXECUTE else NX)

    def _decode(self, entry: int) -> int:
        flags = (USER if entry & U else 0) | (UNCACHED if entry & PCD else 0)
        if entry & P:
            flags |= READ | (WRITE if entry & W else 0) | (0 if entry & NX else EXECUTE)
        return flags

    def _not_valid(self) -> str:
        return "P=0"

    def _deny(self, entry: int, access: int, leaf: bool) -> str:
        if not entry & U:
            return "U=0: kernel only"
        if access & WRITE and not entry & W:
            return "W=0: the page is read-only" if leaf else "W=0: all below is read-only"
        if access & EXECUTE and entry & NX:
            return "NX=1: not executable"
        return ""


X86_64 = X64Format()
