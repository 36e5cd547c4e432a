"""Walking a page table for people: every step of one translation, without side effects.

Source: the translation processes of the architecture manuals named in `page_table_entry`.
"""

from __future__ import annotations

from typing import NamedTuple

from kernel.crates.page_table import PageTable
from kernel.crates.page_table_tree import LEAF_TABLE_SHIFT


class Step(NamedTuple):
    """One level of a walk; the fields of `views.WalkStep`, plus what stops the access there.

    Attributes:
        depth: 0 = root.
        slot: Index of the entry in its table.
        denied: Why a user access ends here, "" if it does not.
    """

    depth: int
    level: str
    table_pa: int
    slot: int
    va_hi: int
    va_lo: int
    entry_pa: int
    entry: int
    role: str
    target_pa: int
    denied: str


_SIZES = {1 << 12: "4K", 1 << 21: "2M", 1 << 30: "1G"}


def walk_steps(table: PageTable, va: int, access: int, *, kernel: bool = False) -> tuple[Step, ...]:
    """The steps of translating `va`, ending at a leaf or at what is missing.

    The access is user mode's, or with `kernel` one at kernel privilege.
    """
    fmt = table.fmt
    check = fmt.check_kernel if kernel else fmt.check
    if kernel and fmt.split_roots and not va >> 63:
        return ()
    steps: list[Step] = []
    table_pa = table.root_pa
    for depth, level in enumerate(fmt.levels):
        index = va >> level.shift & 511
        entry_pa = table_pa + (index << 3)
        entry = table.ram.read_u64(entry_pa)
        is_table = fmt.is_table(entry, depth)
        if is_table:
            role = "table"
        elif fmt.is_present(entry):
            role = f"page {_SIZES[level.page_size]}" if level.page_size else "invalid"
        else:
            role = "not present"
        target = fmt.paddr(entry) if is_table or fmt.is_resident(entry) else 0
        hi, lo = level.shift + level.index_bits - 1, level.shift
        denied = check(entry, access, depth)
        steps.append(
            Step(
                depth,
                level.name,
                table_pa,
                index,
                hi,
                lo,
                entry_pa,
                entry,
                role,
                target,
                denied,
            )
        )
        if not is_table:
            break
        table_pa = target
    return tuple(steps)


def first_failure(table: PageTable, va: int, access: int, *, kernel: bool = False) -> str:
    """Which check stops an access, at which level: "PT[3]: W=0: ..."; "" if none does.

    The access is user mode's, or with `kernel` one at kernel privilege.
    """
    fmt, ram = table.fmt, table.ram
    check = fmt.check_kernel if kernel else fmt.check
    if kernel and fmt.split_roots and not va >> 63:
        return "the lower half of the addresses has a table of its own, which is empty here"
    last = len(fmt.levels) - 1
    leaf_table = table.leaf_tables.get(va >> LEAF_TABLE_SHIFT)
    if leaf_table is not None:  # known, and the entries above a table of ours refuse nothing
        index = va >> fmt.levels[last].shift & 511
        denied = check(ram.read_u64(leaf_table + (index << 3)), access, last)
        return f"{fmt.levels[last].name}[{index}] {denied}" if denied else ""
    if not fmt.va_is_valid(va):
        return f"the address is not canonical ({fmt.va_bits} bits)"
    table_pa = table.root_pa
    for depth, level in enumerate(fmt.levels):
        index = va >> level.shift & 511
        entry = ram.read_u64(table_pa + (index << 3))
        denied = check(entry, access, depth)
        if denied:
            return f"{level.name}[{index}] {denied}"
        if not fmt.is_table(entry, depth):
            return ""
        table_pa = fmt.paddr(entry)
    return ""
