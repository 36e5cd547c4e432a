"""What every operation of an address space stands on: its range, areas, table and TLB.

Source: oscomp/arceos modules/axmm/src/aspace.rs (`new_empty`, `copy_mappings_from`,
`validate_region`, `find_free_area`); Linux mm/mmap.c for where mmap goes, mm/rmap.c for anon_vma.
"""

from __future__ import annotations

from typing import Protocol, Self, cast

from kernel.crates.errno import AxError, AxErrorKind, KernelError
from kernel.crates.event import EventKind, EventSink
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE
from kernel.crates.memory_set import MemoryArea, MemorySet
from kernel.crates.page_table import PageTable
from kernel.crates.page_table_entry import FORMATS
from kernel.crates.page_table_entry.pte_format import WRITE
from kernel.crates.phys_memory import PhysMemory
from kernel.modules.axmm.backend import Alloc, Backend
from kernel.modules.axmm.fault import STACK_GUARD_BYTES
from kernel.modules.axmm.frames import Allocator, FrameTable

ASPACE_BYTES = 128  # size_of::<AddrSpace>() in its Arc<Mutex<..>>
_NOTHING, _ALL = -2, -1


class TlbFlusher(Protocol):
    """Makes CPUs forget translations; axhal has it. It emits TLB_FLUSH."""

    def flush(self, root_pa: int, va: int = -1) -> None: ...


class SpaceBase:
    """An address space without its operations; see `AddrSpace`.

    Attributes:
        ident: Its number; 0 is the kernel's.
        base, end: The addresses it may use.
        areas: What is mapped.
        page_table: The table; its frames and the areas' blocks come from `alloc`.
        is_privileged: Programs in it run at kernel privilege (the Unikernel form).
        stack_limit_bytes: RLIMIT_STACK, for areas that grow down.
        brk_start, brk, stack_start: For names only: which area is [heap] and which [stack].
    """

    __slots__ = (
        "_stale",
        "alloc",
        "areas",
        "base",
        "brk",
        "brk_start",
        "end",
        "events",
        "frames",
        "ident",
        "is_privileged",
        "next_anon",
        "object_pa",
        "page_table",
        "ram",
        "stack_limit_bytes",
        "stack_start",
        "tlb",
    )

    def __init__(
        self,
        ident: int,
        base: int,
        size_bytes: int,
        fmt_name: str,
        ram: PhysMemory,
        events: EventSink,
        alloc: Allocator,
        tlb: TlbFlusher,
        frames: FrameTable,
        merge: bool = True,
    ) -> None:
        self.ident = ident
        self.base = base
        self.end = base + size_bytes
        self.ram = ram
        self.events = events
        self.alloc = alloc
        self.tlb = tlb
        self.frames = frames
        self.stack_limit_bytes = 8 << 20
        self.brk_start = self.brk = self.stack_start = 0
        self.next_anon = 1
        self.is_privileged = False
        self._stale = _NOTHING
        self.page_table = PageTable(FORMATS[fmt_name], ram, frames.table_source or alloc, events)
        try:
            self.object_pa = alloc.alloc(ASPACE_BYTES, 8, "AddrSpace")
        except AxError:
            self.page_table.destroy()
            raise
        self.areas = MemorySet(ident, events, alloc, merge)
        frames.spaces[ident] = self
        events.emit(EventKind.ASPACE_NEW, ident, self.page_table.root_pa)

    def new_empty(self, ident: int) -> Self:
        """An empty space like this one: same range, format and machine.

        Raises:
            AxError: NO_MEMORY.
        """
        space = type(self)(
            ident,
            self.base,
            self.size_bytes,
            self.page_table.fmt.name,
            self.ram,
            self.events,
            self.alloc,
            self.tlb,
            self.frames,
            self.areas.merge,
        )
        space.stack_limit_bytes = self.stack_limit_bytes
        space.brk_start, space.brk = self.brk_start, self.brk
        space.stack_start = self.stack_start
        return space

    @property
    def size_bytes(self) -> int:
        """Length of the usable range."""
        return self.end - self.base

    @property
    def root_pa(self) -> int:
        """Physical address of the root table."""
        return self.page_table.root_pa

    @property
    def page_table_root(self) -> int:
        """Physical address of the root table, by ArceOS's name."""
        return self.page_table.root_pa

    def contains_range(self, start: int, size_bytes: int) -> bool:
        """Whether the range lies in the space."""
        return self.base <= start and start + size_bytes <= self.end

    def copy_mappings_from(self, other: SpaceBase) -> None:
        """Share the root entries of another space's whole range: the kernel half.

        Raises:
            AxError: INVALID_INPUT: the ranges overlap.
        """
        if self.base < other.end and other.base < self.end:
            raise AxError(AxErrorKind.INVALID_INPUT, "the address spaces overlap")
        self.page_table.copy_from(other.root_pa, other.base, other.end)

    def clear_mappings(self, start: int, end: int) -> None:
        """Undo `copy_mappings_from`."""
        self.page_table.clear_copy_range(start, end)

    def validate_region(self, start: int, size_bytes: int) -> None:
        """Check range and page alignment.

        Raises:
            AxError: INVALID_INPUT.
        """
        if size_bytes < 0 or not self.contains_range(start, size_bytes):
            raise AxError(AxErrorKind.INVALID_INPUT, "address out of range")
        if (start | size_bytes) & PAGE_MASK:
            raise AxError(AxErrorKind.INVALID_INPUT, "address not aligned")

    # Finding room.

    def find_free_area(
        self, hint: int, size_bytes: int, low: int, high: int, align_bytes: int = PAGE_SIZE
    ) -> int | None:
        """First fit at or above `hint`, bottom-up (ArceOS)."""
        return self.areas.find_free_area(hint, size_bytes, low, high, align_bytes)

    def find_mmap_area(self, hint: int, size_bytes: int, low: int, high: int) -> int | None:
        """Where Linux's mmap without MAP_FIXED goes: the hint if free, else as high as possible.

        Below an area that grows down a guard gap stays free. If nothing fits below `high`, the
        search goes bottom-up through the whole space (arch_get_unmapped_area_topdown).
        """
        if hint:
            va = (hint + PAGE_MASK) & -PAGE_SIZE
            above = self.areas.after(va)
            guard = STACK_GUARD_BYTES if above is not None and above.grows_down else 0
            end = va + size_bytes
            if va >= low and end <= self.end and not self.areas.overlaps(va, end + guard):
                return va
        found = self.areas.find_free_top_down(size_bytes, low, high, STACK_GUARD_BYTES)
        if found is None:
            found = self.areas.find_free_area(low, size_bytes, low, self.end)
        return found

    # Shared with the other files of axmm.

    def backend_of(self, area: MemoryArea) -> Backend:
        """The backend of an area of this space."""
        return cast(Backend, area.backend)

    def note_private_page(self, area: MemoryArea) -> None:
        """The area has a private page now: give it an anon_vma number, as Linux does.

        A neighbour that differs in rights only lends its number, so that both can join later.
        """
        if area.anon or not area.flags & WRITE or not isinstance(area.backend, Alloc):
            return
        below, above = self.areas.before(area.start), self.areas.after(area.end)
        for near, first, second in ((above, area, above), (below, below, area)):
            if near is None or near.anon_inherited or not near.anon:
                continue
            if first is not None and second is not None and first.is_alike(second):
                area.anon = near.anon
                return
        area.anon = self.next_anon
        self.next_anon += 1

    def stale(self, va: int) -> None:
        """Translations of `va` (-1: many pages) must be forgotten before the operation ends."""
        self._stale = va if self._stale == _NOTHING else _ALL

    def forget_stale(self) -> None:
        """No flush is due: the table goes away."""
        self._stale = _NOTHING

    def flush_stale(self) -> None:
        """One TLB flush for the whole operation, if any is due."""
        if self._stale != _NOTHING:
            va, self._stale = self._stale, _NOTHING
            self.tlb.flush(self.page_table.root_pa, va)

    def area_name(self, area: MemoryArea) -> str:
        """The name /proc/PID/maps shows (fs/proc/task_mmu.c)."""
        if area.name:
            return area.name
        if self.brk_start and area.start <= self.brk and area.end >= self.brk_start:
            return "[heap]" if isinstance(area.backend, Alloc) else ""
        return "[stack]" if area.start <= self.stack_start < area.end else ""


class OneFlush:
    """One TLB flush at the end of an operation, also if it fails with a kernel error.

    Not if a debugger's stop passes through: a half-way state is left exactly as it is.
    """

    __slots__ = ("_space",)

    def __init__(self, space: SpaceBase) -> None:
        self._space = space

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, KernelError):
            self._space.flush_stale()
