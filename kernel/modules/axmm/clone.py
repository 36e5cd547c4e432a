"""Copying an address space for fork.

Source: oscomp/arceos modules/axmm/src/aspace.rs `clone_or_err` (@99c579b6, deep copy) and
`try_clone` with the feature `cow`. Differs: both ways in one kernel, chosen by the caller; shared
memory stays shared; equal neighbours stay two areas, as in Linux; a failure leaves nothing behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import KernelError
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.memory_area import DONTCOPY, LOCKED, LOCKONFAULT, WIPEONFORK, MemoryArea
from kernel.crates.page_table_entry.pte_format import WRITE
from kernel.modules.axmm.backend import USER_PAGE, Alloc
from kernel.modules.axmm.space_base import OneFlush

if TYPE_CHECKING:
    from kernel.modules.axmm.aspace import AddrSpace


def clone_space(parent: AddrSpace, ident: int, cow: bool) -> AddrSpace:
    """See `AddrSpace.clone_or_err`."""
    child = parent.new_empty(ident)
    try:
        with OneFlush(parent):
            for area in parent.areas:
                if not area.vm_flags & DONTCOPY:
                    _clone_area(parent, child, area, cow)
    except KernelError:
        child.destroy()
        raise
    return child


def _clone_area(parent: AddrSpace, child: AddrSpace, area: MemoryArea, cow: bool) -> None:
    backend = parent.backend_of(area).clone()
    copy = area.part(area.start, area.end)
    copy.backend = backend
    copy.vm_flags &= ~(LOCKED | LOCKONFAULT)  # mlock is not inherited
    copy.anon = 0
    if area.anon:
        # Every area gets an anon_vma of its own in the child (anon_vma_fork).
        copy.anon, copy.anon_inherited = child.next_anon, True
        child.next_anon += 1
    # Linux leaves pages of shared memory to faults (vma_needs_copy); linear ones have no frames.
    is_private = isinstance(backend, Alloc)
    try:
        child.areas.map(copy, child, fill=not is_private)
    except KernelError:
        if backend.areas:
            backend.release(child)
        raise
    if is_private and not area.vm_flags & WIPEONFORK:
        (_share_pages if cow else _copy_pages)(parent, child, copy)


def _share_pages(parent: AddrSpace, child: AddrSpace, area: MemoryArea) -> None:
    """Let both tables point to the same frames, without WRITE."""
    table, frames, fmt = parent.page_table, parent.frames, parent.page_table.fmt
    for leaf in table.leaves(area.start, area.end):
        flags = fmt.flag_bits(leaf.entry)
        pa = fmt.paddr(leaf.entry)
        if flags & WRITE:
            flags &= ~WRITE
            table.set_flags(leaf, flags)
            parent.stale(leaf.va)
        frames.share(pa)
        try:
            child.page_table.map(leaf.va, pa, PAGE_SIZE, flags)
        except KernelError:
            frames.release(pa, USER_PAGE)
            raise


def _copy_pages(parent: AddrSpace, child: AddrSpace, area: MemoryArea) -> None:
    """Give the child a copy of every resident page."""
    frames, fmt = parent.frames, parent.page_table.fmt
    for leaf in parent.page_table.leaves(area.start, area.end):
        pa = frames.alloc(USER_PAGE)
        parent.ram.copy(pa, fmt.paddr(leaf.entry), PAGE_SIZE)
        try:
            child.page_table.map(leaf.va, pa, PAGE_SIZE, fmt.effective[area.flags])
        except KernelError:
            frames.release(pa, USER_PAGE)
            raise
