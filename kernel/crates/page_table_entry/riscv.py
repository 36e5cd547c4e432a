"""RISC-V: Sv39 (three levels) and Sv48 (four).

Source: page_table_entry/src/arch/riscv.rs (`Rv64PTE`); The RISC-V Instruction Set Manual
volume II, "Sv39" and "Sv48". A and D are preset as ArceOS does, so the walker never updates them.
Write without read is a reserved encoding: made readable, as Linux's protection_map does.
PROT_NONE: V=0 and bit 5, as Linux (_PAGE_PROT_NONE = _PAGE_GLOBAL).
"""

from __future__ import annotations

from kernel.crates.page_table_entry.pte_format import (
    EXECUTE,
    READ,
    RWX,
    USER,
    WRITE,
    BitName,
    LevelInfo,
    PteFormat,
)

V, R, W, X, U, G, A, D = (1 << bit for bit in range(8))
PROT_NONE = G  # free for software while V=0


class Rv64Format(PteFormat):
    """Entries of Sv39 and Sv48."""

    __slots__ = ()

    def __init__(self, name: str, levels: int) -> None:
        self.name = name
        self.levels = tuple(
            LevelInfo(f"L{n}", 12 + 9 * n, 9, 1 << (12 + 9 * n) if n < 3 else 0)
            for n in reversed(range(levels))
        )
        self.va_bits, self.pa_bits = 12 + 9 * levels, 56
        self.addr_mask, self.addr_shift = 0x003F_FFFF_FFFF_FC00, 2
        self.table_bits = V
        self.table_mask, self.table_value = V | R | W | X, V
        self.prot_none = PROT_NONE
        self.flag_mask = V | R | W | X | U
        self.kept_bits = 0
        self.touch_bits = (0, A, A | D, A | D, A, A, A | D, A | D)
        self.leaf_names = (
            BitName(0, "V", "valid", "not valid"),
            BitName(1, "R", "readable", "not readable"),
            BitName(2, "W", "writable", "read-only"),
            BitName(3, "X", "executable", "not executable"),
            BitName(4, "U", "user mode may use it", "kernel only"),
            BitName(6, "A", "was accessed (preset)", "not accessed yet"),
            BitName(7, "D", "was written (preset)", "not written yet"),
            BitName(5, "G", "global: in all address spaces", "not global"),
        )
        self.table_names = (
            BitName(0, "V", "valid", "not valid"),
            BitName(1, "R", "readable", "R=W=X=0: points to a table"),
            BitName(2, "W", "writable", "R=W=X=0: points to a table"),
            BitName(3, "X", "executable", "R=W=X=0: points to a table"),
        )
        self._build()

    def _grant(self, flags: int) -> int:
        return flags | READ if flags & WRITE else flags

    def _encode(self, flags: int, huge: bool) -> int:
        bits = A | D | (U if flags & USER else 0)
        if not flags & RWX:
            return bits | PROT_NONE
        if flags & READ:
            bits |= R
        if flags & WRITE:
            bits |= W
        if flags & EXECUTE:
            bits |= X
        return bits | V

    def _decode(self, entry: int) -> int:
        flags = USER if entry & U else 0
        if entry & V:
            flags |= (READ if entry & R else 0) | (WRITE if entry & W else 0)
            flags |= EXECUTE if entry & X else 0
        return flags

    def _not_valid(self) -> str:
        return "V=0"

    def _deny(self, entry: int, access: int, leaf: bool) -> str:
        if not leaf:
            return ""
        if entry & (R | W | X) in (0, W, W | X):
            return "a reserved combination of R, W and X"
        if not entry & U:
            return "U=0: kernel only"
        if access & WRITE and not entry & W:
            return "W=0: the page is read-only"
        if access & EXECUTE and not entry & X:
            return "X=0: not executable"
        if access & READ and not entry & R:
            return "R=0: not readable"
        return ""


SV39 = Rv64Format("sv39", 3)
SV48 = Rv64Format("sv48", 4)
