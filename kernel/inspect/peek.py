"""Look at memory without touching it: no page comes in, no accessed bit is set."""

from __future__ import annotations

from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE
from kernel.modules.axmm.aspace import AddrSpace


def peek(aspace: AddrSpace, va: int, size_bytes: int) -> bytes:
    """At most `size_bytes` bytes from `va`: up to the first page that is not resident.

    A page without rights (PROT_NONE) can still be looked at.
    """
    parts: list[bytes] = []
    table = aspace.page_table
    ram = aspace.ram
    while size_bytes > 0:
        leaf = table.find(va)
        if leaf is None:
            break
        pa = table.fmt.paddr(leaf.entry) + (va & (leaf.size_bytes - 1))
        count = min(PAGE_SIZE - (va & PAGE_MASK), size_bytes)
        if pa < ram.base or pa + count > ram.base + ram.size_bytes:
            break
        parts.append(ram.read(pa, count))
        va += count
        size_bytes -= count
    return b"".join(parts)
