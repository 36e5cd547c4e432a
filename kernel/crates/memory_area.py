"""One memory area, and what it asks of its backend.

Models arceos-org/axmm_crates memory_set/src/{area,backend}.rs. Differs: an area knows what Linux
needs to decide whether two areas are one (mm/vma.c `can_vma_merge_after`, `anon_vma`).
"""

from __future__ import annotations

from typing import Any, Protocol

AREA_BYTES = 96  # size_of::<MemoryArea>() plus its BTreeMap slot, as in ArceOS
AREA_WHAT = "MemoryArea"
HEAP = "[heap]"
WRITE = 2
# Linux's VM_ bits that keep areas apart.
LOCKED = 0x2000
SEQ_READ = 0x8000
RAND_READ = 0x1_0000
DONTCOPY = 0x2_0000
LOCKONFAULT = 0x8_0000
ACCOUNT = 0x10_0000
NORESERVE = 0x20_0000
WIPEONFORK = 0x200_0000
DONTDUMP = 0x400_0000


class NodeSource(Protocol):
    """Where areas take their kernel block from: axalloc's byte side. Raises AxError NO_MEMORY."""

    def alloc(self, size_bytes: int, align_bytes: int, what: str) -> int: ...
    def dealloc(self, pa: int) -> None: ...


class MappingBackend(Protocol):
    """How an area gets, loses and changes its pages. `space` is the owner's context.

    `map` is told the whole area, `unmap` and `protect` any part of it.

    Attributes:
        is_private: Its pages are charged to the process once they may be written (Linux
            VM_ACCOUNT), which keeps areas apart that once could be written from those never.
        is_anonymous: Private, and there is no file behind it.
    """

    is_private: bool

    @property
    def is_anonymous(self) -> bool: ...

    def map(self, start: int, size_bytes: int, flags: int, space: Any) -> bool: ...
    def unmap(self, start: int, size_bytes: int, space: Any) -> bool: ...
    def protect(self, start: int, size_bytes: int, flags: int, space: Any) -> bool: ...
    def can_join(self, other: Any) -> bool:
        """Whether an area of `other` right after one of this continues it."""
        ...

    def share(self) -> None:
        """One more area uses the backend: it was split or cloned."""
        ...

    def release(self, space: Any) -> None:
        """One area less uses the backend."""
        ...


class MemoryArea:
    """One range of pages with equal rights and one backend. Only `MemorySet` changes it.

    Attributes:
        start, end: Page boundaries.
        flags: `MappingFlags` as asked for.
        backend: What fills it.
        name: Path or bracketed name; "" for anonymous memory.
        may: Rights mprotect may give (Linux VM_MAYREAD...).
        grows_down: A fault below extends it: stacks.
        anon: Linux's anon_vma, as a number: areas with different ones never join; 0 before the
            first private page.
        anon_inherited: It came through fork, so new memory does not join it.
        vm_flags: Linux VM_ bits that must agree for two areas to join: ACCOUNT, kept here, and
            whatever the owner adds (VM_LOCKED, VM_NORESERVE ...).
        node_pa: Its kernel block; 0 without an allocator.
    """

    __slots__ = (
        "anon",
        "anon_inherited",
        "backend",
        "end",
        "flags",
        "grows_down",
        "may",
        "name",
        "node_pa",
        "start",
        "vm_flags",
    )

    def __init__(
        self,
        start: int,
        end: int,
        flags: int,
        backend: MappingBackend,
        name: str = "",
        may: int = 7,
        grows_down: bool = False,
        vm_flags: int = 0,
    ) -> None:
        self.start = start
        self.end = end
        self.flags = int(flags)
        self.backend = backend
        self.name = name
        self.may = may
        self.grows_down = grows_down
        self.vm_flags = vm_flags
        self.anon = 0
        self.anon_inherited = False
        self.node_pa = 0
        self.note_rights()

    @property
    def size_bytes(self) -> int:
        """Length in bytes."""
        return self.end - self.start

    def __repr__(self) -> str:
        return f"MemoryArea({self.start:#x}..{self.end:#x} flags={self.flags} {self.backend})"

    def note_rights(self) -> None:
        """The flags are new: decide whether the area is charged (Linux mprotect_fixup)."""
        if self.flags & WRITE and self.backend.is_private:
            if not self.vm_flags & NORESERVE:
                self.vm_flags |= ACCOUNT
        elif self.backend.is_anonymous and not self.anon:
            self.vm_flags &= ~ACCOUNT

    def part(self, start: int, end: int) -> MemoryArea:
        """A new area like this one for a part of it."""
        area = MemoryArea(
            start,
            end,
            self.flags,
            self.backend,
            self.name,
            self.may,
            self.grows_down,
            self.vm_flags,
        )
        area.anon, area.anon_inherited = self.anon, self.anon_inherited
        area.vm_flags = self.vm_flags
        return area

    def is_alike(self, after: MemoryArea) -> bool:
        """Whether `after` continues this area in all but its rights."""
        return (
            self.end == after.start
            # Linux knows no heap area: what touches the heap joins it. "" and "[heap]" are alike.
            and (self.name or HEAP) == (after.name or HEAP)
            and self.may == after.may
            and self.vm_flags == after.vm_flags
            and self.grows_down == after.grows_down
            and self.backend.can_join(after.backend)
        )

    def can_join(self, after: MemoryArea) -> bool:
        """Whether Linux would make one area of this and `after` (mm/vma.c)."""
        if self.flags != after.flags or not self.is_alike(after):
            return False
        if self.anon == after.anon:
            return True
        if self.anon and after.anon:
            return False
        return not (self.anon_inherited or after.anon_inherited)
