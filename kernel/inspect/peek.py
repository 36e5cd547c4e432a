"""Look at memory without touching it: no page comes in, no accessed bit is set."""

from __future__ import annotations

from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE
from kernel.modules.axfs.fatfs import FatFile
from kernel.modules.axfs.ramfs import RamFile
from kernel.modules.axmm.aspace import AddrSpace
from kernel.modules.axmm.backend import WHOLE_FILE, Alloc


def peek(aspace: AddrSpace, va: int, size_bytes: int) -> bytes:
    """At most `size_bytes` bytes from `va`: up to the first page that is nowhere yet.

    A page of a file that was not touched so far is read from the file. A page without rights
    (PROT_NONE) can still be looked at.
    """
    parts: list[bytes] = []
    table = aspace.page_table
    ram = aspace.ram
    while size_bytes > 0:
        leaf = table.find(va)
        count = min(PAGE_SIZE - (va & PAGE_MASK), size_bytes)
        if leaf is None:
            data = _from_file(aspace, va, count)
            if not data:
                break
            parts.append(data)
            va += count
            size_bytes -= count
            continue
        pa = table.fmt.paddr(leaf.entry) + (va & (leaf.size_bytes - 1))
        if pa < ram.base or pa + count > ram.base + ram.size_bytes:
            break
        parts.append(ram.read(pa, count))
        va += count
        size_bytes -= count
    return b"".join(parts)


def _from_file(aspace: AddrSpace, va: int, count: int) -> bytes:
    """Bytes of a private file page that nobody touched; empty where there is none."""
    area = aspace.areas.find(va)
    backend = area.backend if area is not None else None
    source = backend.source if isinstance(backend, Alloc) else None
    if source is None or not isinstance(source.node, (RamFile, FatFile)):
        return b""
    assert isinstance(backend, Alloc)
    offset = va + backend.delta
    end = source.node.pages.size_bytes
    if source.size_bytes != WHOLE_FILE:
        end = min(end, source.offset + source.size_bytes)
    elif offset >= end:
        return b""
    # Straight from the pages: reading through the node would set its access time.
    return source.node.pages.read(offset, max(min(count, end - offset), 0)).ljust(count, b"\0")
