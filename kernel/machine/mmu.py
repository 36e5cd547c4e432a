"""The emulated MMU's page walks: from a user virtual address to a frame, over table bytes in RAM.

Written for speed, one class per table format; `crates.page_table_entry` has the same formats in
words. Sources: Intel SDM vol. 3 ch. 4, RISC-V privileged spec ch. 10 (Sv39, Sv48), Arm ARM D8 and
LoongArch reference manual vol. 1 ch. 5.

Two rules hold for all formats, because engines cache answers and fetch ahead of execution:

- permissions are granted only as far as using them would not have to change an entry: a page not
  yet dirty is not granted WRITE to a reader, so the first write comes back and sets D;
- an EXECUTE walk changes nothing (the kernel maps executable pages with A preset).
"""

from __future__ import annotations

from kernel.machine.engine import Access
from kernel.machine.ram import FRAME_SHIFT, Ram

FAULT = -1
READ = int(Access.READ)
WRITE = int(Access.WRITE)
EXECUTE = int(Access.EXECUTE)
_RWX = READ | WRITE | EXECUTE


class Mmu:
    """Walker of one page-table format; `Mmu(name, ram)` gives the class for that format.

    Names are those of `crates.page_table_entry.FORMATS`. Implements `engine.Translator`.

    Attributes:
        format_name: x86_64, sv39, sv48, aarch64 or loongarch64.
        root: Physical address of the root table.
    """

    __slots__ = ("_base", "_q", "format_name", "ram", "root")

    def __new__(cls, format_name: str, ram: Ram) -> Mmu:
        walker = _WALKERS.get(format_name)
        if walker is None:
            raise ValueError(
                f"no page-table format {format_name!r}; there are {', '.join(_WALKERS)}"
            )
        return object.__new__(walker)

    def __init__(self, format_name: str, ram: Ram) -> None:
        self.format_name = format_name
        self.ram = ram
        self.root = 0
        self._q = ram.q
        self._base = ram.base

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.format_name, self.ram, self.root))

    def translate(self, va: int, access: int) -> int:
        """See `engine.Translator.translate`.

        Raises:
            IndexError: A table lies outside RAM: a kernel bug.
        """
        raise NotImplementedError

    def _store(self, slot: int, entry: int) -> None:
        """Write back an entry whose A or D bit the walk has set."""
        self._q[slot] = entry
        self.ram.dirty.add((self._base >> FRAME_SHIFT) + (slot >> 9))


class _X86Mmu(Mmu):
    """4 levels; 4 KiB, 2 MiB and 1 GiB pages; CR0.WP and EFER.NXE on, no protection keys.

    P 0, W 1, U 2, A 5, D 6, PS 7, NX 63. W, U and NX count at every level. A is set at every
    level of a successful data access, D in the leaf by a write.
    """

    __slots__ = ()

    def translate(self, va: int, access: int) -> int:
        if 0x7FFF_FFFF_FFFF < va < 0xFFFF_8000_0000_0000:
            return FAULT
        q = self._q
        base = self._base
        slot4 = (self.root - base >> 3) + (va >> 39 & 511)
        e4 = q[slot4]
        if e4 & 0x81 != 1:  # absent, or PS, which is reserved here
            return FAULT
        slot3 = ((e4 & 0xF_FFFF_FFFF_F000) - base >> 3) + (va >> 30 & 511)
        e3 = q[slot3]
        if e3 & 0x81 != 1:
            if not e3 & 1:
                return FAULT
            frame = e3 & 0xF_FFFF_C000_0000 | va & 0x3FFF_F000
            return self._grant(access, frame, e4 & e3, e4 | e3, (slot4,), slot3)
        slot2 = ((e3 & 0xF_FFFF_FFFF_F000) - base >> 3) + (va >> 21 & 511)
        e2 = q[slot2]
        if e2 & 0x81 != 1:
            if not e2 & 1:
                return FAULT
            frame = e2 & 0xF_FFFF_FFE0_0000 | va & 0x1F_F000
            return self._grant(access, frame, e4 & e3 & e2, e4 | e3 | e2, (slot4, slot3), slot2)
        slot1 = ((e2 & 0xF_FFFF_FFFF_F000) - base >> 3) + (va >> 12 & 511)
        e1 = q[slot1]
        if not e1 & 1:
            return FAULT
        every = e4 & e3 & e2 & e1
        some = e4 | e3 | e2 | e1
        # Fast path: data, and nothing to set but in the leaf.
        if access != EXECUTE and every & 4 and e4 & e3 & e2 & 0x20:
            perms = READ if some >> 63 else READ | EXECUTE
            if every & 2:
                perms |= WRITE
            if not perms & access:
                return FAULT
            wanted = e1 | (0x60 if access == WRITE else 0x20)
            if wanted != e1:
                self._store(slot1, wanted)
            return e1 & 0xF_FFFF_FFFF_F000 | (perms if wanted & 0x40 else perms & ~WRITE)
        return self._grant(
            access, e1 & 0xF_FFFF_FFFF_F000, every, some, (slot4, slot3, slot2), slot1
        )

    def _grant(
        self, access: int, frame: int, every: int, some: int, upper: tuple[int, ...], leaf: int
    ) -> int:
        """Check and set bits, given the AND and the OR of the entries walked."""
        if not every & 4:
            return FAULT
        allowed = READ if some >> 63 else READ | EXECUTE
        if every & 2:
            allowed |= WRITE
        if not allowed & access:
            return FAULT
        q = self._q
        if access == EXECUTE:
            granted = allowed if every & 0x20 else EXECUTE
            return frame | (granted if q[leaf] & 0x40 else granted & ~WRITE)
        for slot in upper:
            if not q[slot] & 0x20:
                self._store(slot, q[slot] | 0x20)
        entry = q[leaf]
        wanted = entry | (0x60 if access == WRITE else 0x20)
        if wanted != entry:
            self._store(leaf, wanted)
        return frame | (allowed if wanted & 0x40 else allowed & ~WRITE)


class _RiscvMmu(Mmu):
    """Sv39: 3 levels, 4 KiB, 2 MiB and 1 GiB pages; hardware sets A and D (Svadu).

    V 0, R 1, W 2, X 3, U 4, A 6, D 7, PPN 53:10. SUM and MXR off: user needs U; X is not R.
    """

    __slots__ = ()

    def translate(self, va: int, access: int) -> int:
        if 0x3F_FFFF_FFFF < va < 0xFFFF_FFC0_0000_0000:
            return FAULT
        return self._below(self.root, va, access)

    def _below(self, table: int, va: int, access: int) -> int:
        """The last three levels, from the table at `table`."""
        q = self._q
        base = self._base
        slot = (table - base >> 3) + (va >> 30 & 511)
        entry = q[slot]
        low = 0x3FFF_F000
        if entry & 0xF == 1:
            slot = ((entry & 0x3F_FFFF_FFFF_FC00) << 2) - base >> 3
            slot += va >> 21 & 511
            entry = q[slot]
            low = 0x1F_F000
            if entry & 0xF == 1:
                slot = ((entry & 0x3F_FFFF_FFFF_FC00) << 2) - base >> 3
                slot += va >> 12 & 511
                entry = q[slot]
                low = 0
        return self._leaf(slot, entry, low, va, access)

    def _leaf(self, slot: int, entry: int, low: int, va: int, access: int) -> int:
        """Check a leaf whose page spans the address bits `low` above the 4 KiB offset."""
        # V and U, and not W without R (reserved); a table in the last place has no R, W, X
        if entry & 0x11 != 0x11 or entry & 6 == 4:
            return FAULT
        perms = entry >> 1 & _RWX
        if not perms & access:
            return FAULT
        frame = (entry & 0x3F_FFFF_FFFF_FC00) << 2
        if low:
            if frame & low:
                return FAULT  # misaligned superpage
            frame |= va & low
        if access == EXECUTE:
            if not entry & 0x40:
                return frame | EXECUTE
        else:
            wanted = entry | (0xC0 if access == WRITE else 0x40)
            if wanted != entry:
                self._store(slot, wanted)
                entry = wanted
        return frame | (perms if entry & 0x80 else perms & ~WRITE)


class _Sv48Mmu(_RiscvMmu):
    """Sv48: Sv39 with one level above, which may map 512 GiB pages."""

    __slots__ = ()

    def translate(self, va: int, access: int) -> int:
        if 0x7FFF_FFFF_FFFF < va < 0xFFFF_8000_0000_0000:
            return FAULT
        slot = (self.root - self._base >> 3) + (va >> 39 & 511)
        entry = self._q[slot]
        if entry & 0xF == 1:
            return self._below((entry & 0x3F_FFFF_FFFF_FC00) << 2, va, access)
        return self._leaf(slot, entry, 0x7F_FFFF_F000, va, access)


class _Aarch64Mmu(Mmu):
    """Stage 1 of EL0 through TTBR0: 4 KiB granule, 48 bits, 4 levels, no hardware A/D.

    Valid 0, table-or-page 1, AP[1] (EL0) 6, AP[2] (read-only) 7, AF 10, UXN 54. Table entries
    limit what lies below: XNTable 60, no EL0 61, read-only 62. A clear AF faults.
    """

    __slots__ = ()

    def translate(self, va: int, access: int) -> int:
        if va >> 48:
            return FAULT  # TTBR1 or no region at all
        q = self._q
        base = self._base
        limits = q[(self.root - base >> 3) + (va >> 39 & 511)]
        if limits & 3 != 3:
            return FAULT
        entry = q[((limits & 0xFFFF_FFFF_F000) - base >> 3) + (va >> 30 & 511)]
        if entry & 3 == 3:
            limits |= entry
            entry = q[((entry & 0xFFFF_FFFF_F000) - base >> 3) + (va >> 21 & 511)]
            if entry & 3 == 3:
                limits |= entry
                entry = q[((entry & 0xFFFF_FFFF_F000) - base >> 3) + (va >> 12 & 511)]
                if entry & 3 != 3:
                    return FAULT
                frame = entry & 0xFFFF_FFFF_F000
            else:
                frame = entry & 0xFFFF_FFE0_0000 | va & 0x1F_F000
        else:
            frame = entry & 0xFFFF_C000_0000 | va & 0x3FFF_F000
        if entry & 0x401 != 0x401:
            return FAULT
        perms = 0
        if entry & 0x40 and not limits >> 61 & 1:
            perms = READ if entry & 0x80 or limits >> 62 & 1 else READ | WRITE
        if not (entry >> 54 & 1 or limits >> 60 & 1):
            perms |= EXECUTE
        return frame | perms if perms & access else FAULT


class _LoongArchMmu(Mmu):
    """PLV 3 through PGDL: 4 levels of 512 entries, software-managed V and D.

    V 0, D 1, PLV 3:2, huge 6 (upper levels), NR 61, NX 62. A table entry is a bare address.
    """

    __slots__ = ()

    def translate(self, va: int, access: int) -> int:
        if va >> 47:
            return FAULT  # upper half: PGDH, the kernel's
        q = self._q
        base = self._base
        table = q[(self.root - base >> 3) + (va >> 39 & 511)]
        if not table:
            return FAULT
        entry = q[((table & 0xFFFF_FFFF_F000) - base >> 3) + (va >> 30 & 511)]
        if entry & 0x40:
            frame = entry & 0xFFFF_C000_0000 | va & 0x3FFF_F000
        elif not entry:
            return FAULT
        else:
            entry = q[((entry & 0xFFFF_FFFF_F000) - base >> 3) + (va >> 21 & 511)]
            if entry & 0x40:
                frame = entry & 0xFFFF_FFE0_0000 | va & 0x1F_F000
            elif not entry:
                return FAULT
            else:
                entry = q[((entry & 0xFFFF_FFFF_F000) - base >> 3) + (va >> 12 & 511)]
                frame = entry & 0xFFFF_FFFF_F000
        if entry & 0xD != 0xD:  # V, and PLV 3
            return FAULT
        perms = entry & WRITE  # D is the same bit
        if not entry >> 61 & 1:
            perms |= READ
        if not entry >> 62 & 1:
            perms |= EXECUTE
        return frame | perms if perms & access else FAULT


_WALKERS: dict[str, type[Mmu]] = {
    "x86_64": _X86Mmu,
    "sv39": _RiscvMmu,
    "sv48": _Sv48Mmu,
    "aarch64": _Aarch64Mmu,
    "loongarch64": _LoongArchMmu,
}


def _rebuild(format_name: str, ram: Ram, root: int) -> Mmu:
    mmu = Mmu(format_name, ram)
    mmu.root = root
    return mmu
