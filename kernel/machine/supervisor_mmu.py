"""Page walks at kernel privilege, for programs that run there: the Unikernel form.

Kernel pages may be used as their entries say; pages of user mode may not (SMAP and SMEP, SUM=0,
PAN). The rules of `mmu` hold: no permission that would have to change an entry when used, and an
EXECUTE walk changes nothing. One class serves all formats, by the words of
`crates.page_table_entry`: a Unikernel has one address space, so translations are rarely forgotten
and walks are rare.

Programs can reach the tables themselves here, so a table may lie anywhere: outside RAM it is a
fault, no error of ours.
"""

from __future__ import annotations

from typing import Self

from kernel.crates.page_table_entry import FORMATS
from kernel.machine.mmu import EXECUTE, FAULT, READ, WRITE, Mmu
from kernel.machine.ram import FRAME_SHIFT, Ram

_RWX = READ | WRITE | EXECUTE
_FRAME = -1 << FRAME_SHIFT
_X86_ACCESSED = 0x20


class SupervisorMmu(Mmu):
    """Walker at kernel privilege.

    Attributes:
        text_start, text_end: The kernel's text. Its functions run outside the machine, so it
            cannot be fetched from; the board takes the attempt as a call.
    """

    __slots__ = ("_fmt", "_is_split", "text_end", "text_start")

    def __new__(cls, format_name: str, ram: Ram) -> Self:
        return object.__new__(cls)

    def __init__(self, format_name: str, ram: Ram) -> None:
        super().__init__(format_name, ram)
        self._fmt = FORMATS[format_name]
        self._is_split = self._fmt.split_roots
        self.text_start = self.text_end = 0

    def translate(self, va: int, access: int) -> int:
        """See `engine.Translator.translate`; permissions are those of kernel mode."""
        if access == EXECUTE and self.text_start <= va < self.text_end:
            return FAULT
        fmt = self._fmt
        if not fmt.va_is_valid(va) or (self._is_split and not va >> 63):
            return FAULT
        upper: list[int] = []
        table = self.root
        for depth, level in enumerate(fmt.levels):
            if not self.ram.contains(table, 8 << 9):
                return FAULT
            slot = (table - self._base >> 3) + (va >> level.shift & 511)
            entry = self._q[slot]
            if fmt.is_table(entry, depth):
                upper.append(slot)
                table = fmt.paddr(entry)
                continue
            if fmt.check_kernel(entry, access, depth):
                return FAULT
            frame = fmt.paddr(entry) + (va & (level.page_size - 1)) & _FRAME
            return frame | self._grant(upper, slot, access)
        return FAULT

    def _grant(self, upper: list[int], slot: int, access: int) -> int:
        """Set accessed and dirty bits; the permissions that can be used without setting more."""
        fmt = self._fmt
        if access != EXECUTE:
            if self.format_name == "x86_64":
                for above in upper:
                    self._set(above, _X86_ACCESSED)
            self._set(slot, fmt.touch_bits[access])
        entry = self._q[slot]
        allowed = fmt.flag_bits(entry) & _RWX
        for right in (READ, WRITE):
            if entry & fmt.touch_bits[right] != fmt.touch_bits[right]:
                allowed &= ~right
        is_fresh = self.format_name == "x86_64" and access == EXECUTE
        if is_fresh and not all(self._q[above] & _X86_ACCESSED for above in upper):
            allowed = EXECUTE
        return allowed

    def _set(self, slot: int, bits: int) -> None:
        entry = self._q[slot]
        if entry & bits != bits:
            self._store(slot, entry | bits)
