"""Page faults: what they can end in, and how a person is told.

Source: oscomp/arceos modules/axmm/src/aspace.rs `handle_page_fault`; Linux arch/*/mm/fault.c for
which signal follows. Differs: the outcome says why, in one sentence.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.event import EventKind
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.memory_area import MemoryArea
from kernel.crates.page_table_entry import access_word, perms_text
from kernel.crates.page_table_entry.pte_format import RWX, USER
from kernel.crates.page_walk import first_failure

if TYPE_CHECKING:
    from kernel.modules.axmm.aspace import AddrSpace

STACK_GUARD_BYTES = 256 * PAGE_SIZE  # Linux stack_guard_gap


class FaultKind(enum.Enum):
    """What a page fault ends in."""

    HANDLED = "handled"
    SEGV_MAPERR = "SEGV_MAPERR"  # no VMA: SIGSEGV, si_code 1
    SEGV_ACCERR = "SEGV_ACCERR"  # the VMA forbids it: SIGSEGV, si_code 2
    BUS_ADRERR = "BUS_ADRERR"  # beyond the end of a mapped file: SIGBUS, si_code 2
    OOM = "out of memory"  # no frame left


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """The end of a page fault and one sentence about it."""

    kind: FaultKind
    sentence: str

    @property
    def handled(self) -> bool:
        """Whether the access can be tried again."""
        return self.kind is FaultKind.HANDLED


_MAPPED = FaultOutcome(FaultKind.HANDLED, "a page was mapped on first touch")
_COPIED = FaultOutcome(FaultKind.HANDLED, "the page was made writable: copy on write")
_SPURIOUS = FaultOutcome(FaultKind.HANDLED, "the page table allows it already")


def handle(space: AddrSpace, va: int, access: int) -> FaultOutcome:
    """Handle a page fault of user mode, or of the kernel on its behalf.

    Args:
        space: Where it happened.
        va: Faulting address.
        access: READ, WRITE or EXECUTE.
    """
    access = int(access)
    table = space.page_table
    failure = first_failure(table, va, access)
    space.events.emit(EventKind.PAGE_WALK, table.root_pa, va, access, failure or "allowed")
    area = space.areas.find(va)
    if area is None and space.base <= va < space.end:
        area, why = _grow_stack(space, va)
        if area is None:
            return _outcome(FaultKind.SEGV_MAPERR, space, va, access, failure, why)
    if area is None:
        return _outcome(FaultKind.SEGV_MAPERR, space, va, access, failure, "")
    need = access | USER
    if table.fmt.effective[area.flags] & need != need:
        return _outcome(FaultKind.SEGV_ACCERR, space, va, access, failure, "")
    try:
        outcome = _resolve(space, area, va & -PAGE_SIZE, access)
    except AxError as error:
        # A full file system is SIGBUS (shmem_fault), no free frame is the kernel's own trouble.
        is_full = error.kind is AxErrorKind.STORAGE_FULL
        what = f"{access_word(access)} of {va:#x}: {error.why or 'no memory left'}"
        return FaultOutcome(FaultKind.BUS_ADRERR if is_full else FaultKind.OOM, what)
    space.flush_stale()
    if outcome is None:
        return _outcome(FaultKind.BUS_ADRERR, space, va, access, failure, "")
    return outcome


def _resolve(space: AddrSpace, area: MemoryArea, page: int, access: int) -> FaultOutcome | None:
    """Map or unlock the page; None: it lies beyond the end of the file."""
    table = space.page_table
    leaf = table.find(page)
    backend = space.backend_of(area)
    if leaf is None:
        if not backend.fill(page, area.flags, space):
            return None
        space.note_private_page(area)
        return _MAPPED
    flags = table.fmt.flag_bits(leaf.entry)
    if flags & access:
        space.stale(page)  # a stale translation somewhere
        return _SPURIOUS
    if access & 2:
        backend.write_fault(leaf, area.flags, space)
        space.note_private_page(area)
        return _COPIED
    table.set_flags(leaf, table.fmt.effective[area.flags])
    return _SPURIOUS


def _grow_stack(space: AddrSpace, va: int) -> tuple[MemoryArea | None, str]:
    """Extend the stack above `va` down to it (Linux expand_stack), or say why not."""
    area = space.areas.after(va)
    if area is None or not area.grows_down:
        return None, ""
    start = va & -PAGE_SIZE
    if area.end - start > space.stack_limit_bytes:
        return None, f"the stack would exceed its limit of {space.stack_limit_bytes >> 10} KiB"
    below = space.areas.before(va)
    is_guarded = below is not None and below.flags & RWX and not below.grows_down
    if below is not None and is_guarded and start - below.end < STACK_GUARD_BYTES:
        return None, "the stack would come too close to the area below it"
    space.areas.resize(area, start, area.end)
    return area, ""


def _outcome(
    kind: FaultKind, space: AddrSpace, va: int, access: int, failure: str, why: str
) -> FaultOutcome:
    sentence = f"{access_word(access)} of {va:#x} failed: {failure or 'the page table allows it'}"
    sentence += f"; {place(space, va)}"
    if kind is FaultKind.BUS_ADRERR:
        sentence += " beyond the end of its file"
    return FaultOutcome(kind, f"{sentence}; {why}" if why else sentence)


def area_text(space: AddrSpace, area: MemoryArea) -> str:
    """An area in words: VMA 0x1000-0x3000 r-x /bin/true."""
    name = space.area_name(area)
    text = f"VMA {area.start:#x}-{area.end:#x} {perms_text(area.flags)}"
    return f"{text} {name}" if name else text


def place(space: AddrSpace, va: int) -> str:
    """Where an address is, in or beside which VMA."""
    area = space.areas.find(va)
    if area is not None:
        return f"in {area_text(space, area)}"
    if not space.base <= va < space.end:
        return f"outside the address space {space.base:#x}-{space.end:#x}"
    below, above = space.areas.before(va), space.areas.after(va)
    near = below
    if below is None or (above is not None and above.start - va < va - below.end):
        near = above
    if near is None:
        return "in no VMA: the address space is empty"
    if near is below:
        return f"in no VMA, {va - near.end + 1:#x} bytes past the end of {area_text(space, near)}"
    return f"in no VMA, {near.start - va:#x} bytes before {area_text(space, near)}"
