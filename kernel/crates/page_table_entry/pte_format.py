"""What all page-table entry formats share: flags, levels, and the tables made from them.

Source: page_table_entry/src/lib.rs (`MappingFlags`, `GenericPTE`), page_table_multiarch/src/lib.rs
(`PagingMetaData`). Differs: conversions are tables built once per format, because an IntFlag
operation costs a microsecond in Python; flags therefore travel as plain `int` with
`MappingFlags` values and are wrapped only where a person reads them.

PROT_NONE is a mapping without READ, WRITE and EXECUTE. Its entry is invalid to the hardware but
carries a software bit, as in Linux, so that the frame is found again (`is_resident`).
"""

from __future__ import annotations

import enum
from typing import NamedTuple

ENTRIES = 512
ENTRY_BYTES = 8
TABLE_BYTES = ENTRIES * ENTRY_BYTES
VALID = 1  # bit 0 makes a leaf valid on all four architectures


class MappingFlags(enum.IntFlag):
    """What may be done with a mapping; the low three bits are `Access` values."""

    READ = 1
    WRITE = 2
    EXECUTE = 4
    USER = 8
    DEVICE = 16
    UNCACHED = 32


ALL_FLAGS = 64  # number of flag combinations
READ, WRITE, EXECUTE, USER = 1, 2, 4, 8
DEVICE, UNCACHED = 16, 32
RWX = READ | WRITE | EXECUTE


class LevelInfo(NamedTuple):
    """One level of a page table, root first.

    Attributes:
        name: What the architecture's manual calls the table.
        shift: The lowest address bit of the index.
        index_bits: Width of the index.
        page_size: Bytes a leaf here maps; 0 if this level has no leaves.
    """

    name: str
    shift: int
    index_bits: int
    page_size: int


class BitName(NamedTuple):
    """One named bit of an entry and what it says when set and when clear."""

    bit: int
    name: str
    when_set: str
    when_clear: str


class PteFormat:
    """One entry format. Immutable; pickles as its name.

    Attributes:
        name: Key in `FORMATS`.
        levels: Root first.
        va_bits, pa_bits: Widths of addresses.
        addr_mask, addr_shift: `pa = (entry & addr_mask) << addr_shift`.
        table_bits: Added to the address in an entry that points to a table.
        table_mask, table_value: `entry & table_mask == table_value` for such an entry (above the
            last level, and not zero).
        prot_none: Software bit that marks a resident PROT_NONE page.
        effective: By requested flags: what the architecture really grants (writable implies
            readable everywhere, executable implies readable where Linux's tables say so).
        leaf_bits, huge_bits: By flags: the bits of a 4 KiB leaf and of a larger one.
        flag_mask: Entry bits that decide the flags; excludes accessed and dirty.
        kept_bits: Accessed and dirty bits the hardware writes: a change of flags keeps them.
        touch_bits: By access: bits the hardware sets in a leaf when the access is made.
    """

    __slots__ = (
        "_decoded",
        "addr_mask",
        "addr_shift",
        "effective",
        "flag_mask",
        "huge_bits",
        "kept_bits",
        "leaf_bits",
        "leaf_names",
        "levels",
        "name",
        "pa_bits",
        "prot_none",
        "table_bits",
        "table_mask",
        "table_names",
        "table_value",
        "touch_bits",
        "va_bits",
    )

    #: Whether the kernel half has a root of its own (TTBR1, PGDH), and the lower half another.
    split_roots = False

    name: str
    levels: tuple[LevelInfo, ...]
    va_bits: int
    pa_bits: int
    addr_mask: int
    addr_shift: int
    table_bits: int
    table_mask: int
    table_value: int
    prot_none: int
    flag_mask: int
    kept_bits: int
    touch_bits: tuple[int, ...]
    leaf_names: tuple[BitName, ...]
    table_names: tuple[BitName, ...]

    def _build(self) -> None:
        """Fill the conversion tables; the last step of a format's constructor."""
        wanted = range(ALL_FLAGS)
        self.effective = tuple(self._grant(flags) for flags in wanted)
        self.leaf_bits = tuple(self._encode(self._grant(flags), False) for flags in wanted)
        self.huge_bits = tuple(self._encode(self._grant(flags), True) for flags in wanted)
        self._decoded = {
            bits & self.flag_mask: self._decode(bits) for bits in (*self.leaf_bits, *self.huge_bits)
        }

    def __reduce__(self) -> tuple[object, ...]:
        return (format_named, (self.name,))

    def __repr__(self) -> str:
        return f"PteFormat({self.name})"

    # What each architecture says.

    def _grant(self, flags: int) -> int:
        """The flags the hardware can express for what was asked."""
        raise NotImplementedError

    def _encode(self, flags: int, huge: bool) -> int:
        """Bits of a leaf without its address, for granted flags."""
        raise NotImplementedError

    def _decode(self, entry: int) -> int:
        """Flags of a leaf."""
        raise NotImplementedError

    def _deny(self, entry: int, access: int, leaf: bool) -> str:
        """Why the entry stops a user access, "" if it does not; the entry is valid."""
        raise NotImplementedError

    def _not_valid(self) -> str:
        """The name of the valid bit being clear: "P=0"."""
        raise NotImplementedError

    def va_is_valid(self, va: int) -> bool:
        """Whether `va` (unsigned 64 bits) is canonical: the bits above are copies of the top one.

        AArch64 and LoongArch check that the top 16 bits are all zeros or all ones instead.
        """
        return (va >> (self.va_bits - 1)) in (0, (1 << (65 - self.va_bits)) - 1)

    # Entries.

    def new_page(self, pa: int, flags: int, size_bytes: int = 4096) -> int:
        """A leaf for the page at `pa`."""
        bits = self.leaf_bits[flags] if size_bytes == 4096 else self.huge_bits[flags]
        return ((pa >> self.addr_shift) & self.addr_mask) | bits

    def new_table(self, pa: int) -> int:
        """An entry that points to the table at `pa`."""
        return ((pa >> self.addr_shift) & self.addr_mask) | self.table_bits

    def with_flags(self, entry: int, flags: int, size_bytes: int = 4096) -> int:
        """`entry` with other flags; address, accessed and dirty bits stay."""
        bits = self.leaf_bits[flags] if size_bytes == 4096 else self.huge_bits[flags]
        kept = self.addr_mask
        if bits & VALID:
            kept |= self.kept_bits
        return (entry & kept) | bits

    def paddr(self, entry: int) -> int:
        """The physical address in an entry."""
        return (entry & self.addr_mask) << self.addr_shift

    def flag_bits(self, entry: int) -> int:
        """Flags of a leaf as a plain `int`; 0 for an empty entry."""
        flags = self._decoded.get(entry & self.flag_mask)
        return self._decode(entry) if flags is None else flags

    def flags(self, entry: int) -> MappingFlags:
        """Flags of a leaf."""
        return MappingFlags(self.flag_bits(entry))

    def is_present(self, entry: int) -> bool:
        """Whether the hardware uses the leaf. LoongArch table entries are not "present"."""
        return bool(entry & VALID)

    def is_resident(self, entry: int) -> bool:
        """Whether the leaf holds a frame: present, or PROT_NONE."""
        return bool(entry & (VALID | self.prot_none))

    def is_table(self, entry: int, level: int) -> bool:
        """Whether the entry at `level` (0 = root) points to a table."""
        return (
            level + 1 < len(self.levels)
            and entry != 0
            and entry & self.table_mask == self.table_value
        )

    def is_leaf(self, entry: int, level: int) -> bool:
        """Whether the entry at `level` holds a page, PROT_NONE included."""
        return self.is_resident(entry) and not self.is_table(entry, level)

    def check(self, entry: int, access: int, level: int) -> str:
        """Why a user access fails at this entry, in one phrase; "" when it may go on."""
        if self.is_table(entry, level):
            return self._deny(entry, access, leaf=False)
        return self._broken(entry, level) or self._deny(entry, access, leaf=True)

    def check_kernel(self, entry: int, access: int, level: int) -> str:
        """Why an access at kernel privilege fails at this entry; "" when it may go on.

        Pages of user mode are closed to it, as SMAP and SMEP, SUM=0, or PAN have it. What table
        entries forbid is not looked at: the kernel's own forbid nothing.
        """
        if self.is_table(entry, level):
            return ""
        broken = self._broken(entry, level)
        if broken:
            return broken
        flags = self.flag_bits(entry)
        if flags & USER:
            return "a page of user mode, closed to the kernel"
        if flags & access & RWX:
            return ""
        words = {READ: "is not readable", WRITE: "is read-only", EXECUTE: "is not executable"}
        return f"the page {words[access]}"

    def _broken(self, entry: int, level: int) -> str:
        """Why an entry that points to no table is no page either; "" if it is one."""
        if not entry & VALID:
            if entry == 0:
                return f"{self._not_valid()}: nothing is mapped"
            if entry & self.prot_none:
                return f"{self._not_valid()}: PROT_NONE, the page is kept but closed"
            return f"{self._not_valid()}: not valid"
        if not self.levels[level].page_size:
            return "a leaf is not allowed at this level"
        return ""

    def describe(self, entry: int, level: int) -> tuple[tuple[str, bool, str], ...]:
        """The named bits of an entry: (name, is set, meaning), most interesting first."""
        names = self.table_names if self.is_table(entry, level) else self.leaf_names
        if not entry & VALID and entry & self.prot_none:
            names = (*names, BitName(self.prot_none.bit_length() - 1, "PROTNONE", _CLOSED, ""))
        return tuple(
            (n.name, bool(entry >> n.bit & 1), n.when_set if entry >> n.bit & 1 else n.when_clear)
            for n in names
        )


_CLOSED = "software: PROT_NONE, the frame is kept"


def format_named(name: str) -> PteFormat:
    """The format called `name`: how a pickled format comes back."""
    from kernel.crates.page_table_entry import FORMATS

    return FORMATS[name]


def access_word(access: int) -> str:
    """The word for an access: read, write or execute."""
    if access & WRITE:
        return "write"
    return "execute" if access & EXECUTE else "read"


def perms_text(flags: int) -> str:
    """Flags as `ls` and /proc/PID/maps write them: r-x."""
    letters = ((READ, "r"), (WRITE, "w"), (EXECUTE, "x"))
    return "".join(letter if flags & bit else "-" for bit, letter in letters)
