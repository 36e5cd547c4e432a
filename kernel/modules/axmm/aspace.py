"""AddrSpace: one virtual address space, its areas and its page table.

Source: oscomp/arceos modules/axmm/src/aspace.rs; thesis S002 figure B.1, whose method names are
kept. Differs at the boundary, where Linux decides: mprotect does not force pages in, areas join,
stacks grow, executable areas are populated at once (see backend.py). What Linux has beyond that
stands in linux.py (mremap, madvise, mincore) and clone.py (fork).
"""

from __future__ import annotations

from collections.abc import Callable

from kernel.crates.errno import AxError, AxErrorKind, Errno, KernelError, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE
from kernel.crates.memory_set import MemoryArea
from kernel.crates.page_table import PageTable
from kernel.crates.page_table_entry import perms_text
from kernel.crates.page_table_entry.pte_format import EXECUTE, RWX, USER, VALID, WRITE
from kernel.crates.views import WalkView
from kernel.modules.axmm import clone, fault, linux
from kernel.modules.axmm.backend import EAGER_EXEC_BYTES, Alloc, Backend, Linear
from kernel.modules.axmm.fault import FaultOutcome
from kernel.modules.axmm.shared import Shared, SharedPages
from kernel.modules.axmm.space_base import OneFlush, SpaceBase, TlbFlusher

__all__ = ["AddrSpace", "TlbFlusher"]


class AddrSpace(SpaceBase):
    """One address space. See `SpaceBase` for its attributes."""

    __slots__ = ()

    # Mapping.

    def map(
        self,
        start: int,
        size_bytes: int,
        flags: int,
        backend: Backend,
        name: str = "",
        may: int = RWX,
        grows_down: bool = False,
        unmap_overlap: bool = False,
        vm_flags: int = 0,
    ) -> MemoryArea:
        """Add an area; gives the area it ended up in (joined with a neighbour, perhaps).

        Args:
            start: Page boundary.
            size_bytes: Multiple of the page size.
            flags: `MappingFlags`, as asked for.
            backend: Fresh; released here if the call fails.
            name: Path or bracketed name. Heap and anonymous areas: "".
            may: Rights mprotect may give later.
            grows_down: A stack: faults below extend it.
            unmap_overlap: MAP_FIXED: what is in the way goes.
            vm_flags: Linux VM_ bits that keep areas apart (VM_NORESERVE, VM_LOCKED ...).

        Raises:
            AxError: INVALID_INPUT, ALREADY_EXISTS, NO_MEMORY, BAD_STATE.
        """
        try:
            self.validate_region(start, size_bytes)
            backend.place(start)
            end = start + size_bytes
            area = MemoryArea(start, end, flags, backend, name, may, grows_down, vm_flags)
            with OneFlush(self):
                area = self.areas.map(area, self, unmap_overlap)
        except KernelError:
            if backend.areas:
                backend.release(self)
            raise
        if isinstance(backend, Alloc) and backend.populate_first:
            self.note_private_page(area)
        return area

    def map_linear(self, start: int, pa: int, size_bytes: int, flags: int, name: str = "") -> None:
        """Map a physical range at a fixed offset.

        Raises:
            AxError: As `map`; INVALID_INPUT if `pa` is not a page boundary.
        """
        if pa & PAGE_MASK:
            raise AxError(AxErrorKind.INVALID_INPUT, "address not aligned")
        self.map(start, size_bytes, flags, Linear(start - pa), name)

    def map_alloc(
        self, start: int, size_bytes: int, flags: int, populate: bool, name: str = ""
    ) -> None:
        """Map anonymous memory, at once or on first touch.

        Raises:
            AxError: As `map`.
        """
        self.map(start, size_bytes, flags, Alloc(populate), name)

    def unmap(self, start: int, size_bytes: int) -> int:
        """Remove the range from all areas, then give back tables nobody needs.

        Returns:
            How many areas it touched; gaps are no error.

        Raises:
            AxError: INVALID_INPUT; NO_MEMORY: a split needs a block, nothing changed.
        """
        self.validate_region(start, size_bytes)
        end = start + size_bytes
        with OneFlush(self):
            touched = self.areas.unmap(start, size_bytes, self)
        if touched:
            floor, ceiling = self.areas.gap(start, end)
            self.page_table.free_tables(start, end, floor, ceiling)
        return touched

    def unmap_user_areas(self) -> None:
        """Remove all areas: execve."""
        self.areas.clear(self)
        self.flush_stale()
        self.page_table.free_tables(self.base, self.end, 0, 1 << 64)

    def clear(self) -> None:
        """Remove all areas, by ArceOS's other name."""
        self.unmap_user_areas()

    def destroy(self) -> None:
        """Give everything back: areas, frames, tables. The space must be loaded nowhere."""
        self.areas.clear(self)
        self.forget_stale()
        root = self.root_pa
        self.page_table.destroy()
        self.alloc.dealloc(self.object_pa)
        del self.frames.spaces[self.ident]
        self.events.emit(EventKind.ASPACE_DROP, self.ident, root)

    # Changing rights.

    def protect(self, start: int, size_bytes: int, flags: int) -> None:
        """Give the range other rights, as Linux's mprotect: pages are not forced in.

        Raises:
            AxError: INVALID_INPUT; NO_MEMORY: a gap, what lies before it is changed, or no block
                for a split; PERMISSION_DENIED: an area may not get these rights.
        """
        self.validate_region(start, size_bytes)
        flags, end, covered = int(flags), start + size_bytes, start
        for area in self.areas.overlapping(start, end):
            if area.start > covered:
                break
            covered = min(area.end, end)

        def update(area: MemoryArea) -> int:
            if flags & RWX & ~area.may:
                raise AxError(AxErrorKind.PERMISSION_DENIED, f"{area.name} was opened without it")
            return flags

        with OneFlush(self):
            self.areas.protect(start, covered - start, update, self)
            if flags & EXECUTE and covered - start <= EAGER_EXEC_BYTES:
                for area in self.areas.overlapping(start, covered):
                    low, high = max(area.start, start), min(area.end, covered)
                    self.backend_of(area).populate(low, high, area.flags, self)
        if covered < end:
            raise AxError(AxErrorKind.NO_MEMORY, f"nothing is mapped at {covered:#x}")

    def check_region_access(self, start: int, size_bytes: int, access: int) -> bool:
        """Whether areas cover the range without a gap and all allow `access`."""
        end, covered = start + size_bytes, start
        effective = self.page_table.fmt.effective
        for area in self.areas.overlapping(start, end):
            if area.start > covered or access & ~effective[area.flags]:
                return False
            covered = area.end
        return covered >= end

    # Pages.

    def handle_page_fault(self, va: int, access: int) -> FaultOutcome:
        """Bring in or unlock the page of `va`, or say why not. See fault.py."""
        return fault.handle(self, va, access)

    def populate_area(self, start: int, size_bytes: int, access: int) -> None:
        """Make every page of the range resident, and writable if `access` writes.

        Raises:
            AxError: NO_MEMORY: a gap, or no frame.
        """
        end, covered = start + size_bytes, start
        with OneFlush(self):
            for area in self.areas.overlapping(start, end):
                if area.start > covered:
                    break
                low, high = max(area.start, start & -PAGE_SIZE), min(area.end, end)
                backend = self.backend_of(area)
                if not backend.populate(low, (high + PAGE_MASK) & -PAGE_SIZE, area.flags, self):
                    raise AxError(AxErrorKind.NO_MEMORY, "no frame left")
                if access & WRITE and area.flags & WRITE:
                    self._unlock(area, low, high)
                self.note_private_page(area)
                covered = high
        if covered < end:
            raise AxError(AxErrorKind.NO_MEMORY, f"nothing is mapped at {covered:#x}")

    def _unlock(self, area: MemoryArea, start: int, end: int) -> None:
        """Copy the pages that are shared by copy-on-write."""
        fmt, backend = self.page_table.fmt, self.backend_of(area)
        for leaf in self.page_table.leaves(start, end):
            if not fmt.flag_bits(leaf.entry) & WRITE:
                backend.write_fault(leaf, area.flags, self)

    def process_area_data(
        self, start: int, size_bytes: int, visit: Callable[[int, int, int], None]
    ) -> None:
        """Call `visit(pa, offset, size)` for each piece of the range that lies in one page.

        Raises:
            AxError: INVALID_INPUT: out of range; BAD_ADDRESS: a page is not resident.
        """
        self.process_area_data_with_page_table(self.page_table, start, size_bytes, visit)

    def process_area_data_with_page_table(
        self, table: PageTable, start: int, size_bytes: int, visit: Callable[[int, int, int], None]
    ) -> None:
        """`process_area_data` through another space's page table."""
        if not self.contains_range(start, size_bytes):
            raise AxError(AxErrorKind.INVALID_INPUT, "address out of range")
        offset = 0
        while offset < size_bytes:
            va = start + offset
            leaf = table.find(va)
            if leaf is None:
                raise AxError(AxErrorKind.BAD_ADDRESS, f"{va:#x} is not resident")
            inside = va & PAGE_MASK
            size = min(PAGE_SIZE - inside, size_bytes - offset)
            pa = table.fmt.paddr(leaf.entry) + (va & (leaf.size_bytes - 1))
            visit(pa, offset, size)
            offset += size

    def read(self, start: int, size_bytes: int) -> bytes:
        """Bytes of resident pages, whatever their rights; changes nothing.

        Raises:
            AxError: As `process_area_data`.
        """
        parts: list[bytes] = []
        ram = self.ram
        self.process_area_data(start, size_bytes, lambda pa, _, n: parts.append(ram.read(pa, n)))
        return b"".join(parts)

    def write(self, start: int, data: bytes | bytearray | memoryview) -> None:
        """Store into resident pages, whatever their rights: loaders, debuggers.

        A page shared by copy-on-write is copied first.

        Raises:
            AxError: As `process_area_data`; NO_MEMORY.
        """
        if self.contains_range(start, len(data)):
            for area in self.areas.overlapping(start, start + len(data)):
                if isinstance(area.backend, Alloc):
                    self._break_sharing(area, start, start + len(data))
        view = memoryview(data)
        ram = self.ram
        self.process_area_data(
            start, len(data), lambda pa, offset, n: ram.write(pa, view[offset : offset + n])
        )

    def _break_sharing(self, area: MemoryArea, start: int, end: int) -> None:
        table, frames = self.page_table, self.frames
        low, high = max(area.start, start) & -PAGE_SIZE, min(area.end, end)
        for leaf in table.leaves(low, high):
            if frames.count(table.fmt.paddr(leaf.entry)) > 1:
                self.backend_of(area).write_fault(leaf, area.flags, self)
        self.flush_stale()

    def user_pa(self, va: int, access: int) -> int:
        """Physical address of `va` for a user access, bringing the page in if need be.

        Raises:
            LinuxError: EFAULT.
        """
        pa = self.page_table.user_pa(va, access)
        if pa < 0:
            outcome = fault.handle(self, va, access)
            if outcome.handled:
                pa = self.page_table.user_pa(va, access)
            if pa < 0:
                raise LinuxError(Errno.EFAULT, outcome.sentence)
        return pa

    # What Linux needs beyond ArceOS.

    def clone_or_err(self, ident: int, cow: bool = True) -> AddrSpace:
        """A copy for fork: frames shared by copy-on-write, or all copied. See clone.py.

        Raises:
            AxError: NO_MEMORY; no trace of the copy is left.
        """
        return clone.clone_space(self, ident, cow)

    def move_area(
        self, old: int, old_size: int, new: int, new_size: int, keep_old: bool = False
    ) -> None:
        """Move a range with its pages to a free place: mremap. See linux.py."""
        linux.move_area(self, old, old_size, new, new_size, keep_old)

    def grow_area(self, end: int, new_end: int) -> bool:
        """Extend the area that ends at `end` in place, if there is room: mremap."""
        return linux.grow_area(self, end, new_end)

    def discard(self, start: int, size_bytes: int) -> None:
        """Drop resident pages; the next touch finds zeros or the file: MADV_DONTNEED."""
        linux.discard(self, start, size_bytes)

    def residency(self, start: int, size_bytes: int) -> bytes:
        """One byte per page, 1 = in memory: mincore."""
        return linux.residency(self, start, size_bytes)

    def forget_frame(self, pages: SharedPages, pa: int) -> None:
        """Unmap a frame that a file gives up."""
        table = self.page_table
        for area in self.areas:
            if isinstance(area.backend, Shared) and area.backend.pages is pages:
                for leaf in table.leaves(area.start, area.end):
                    if table.fmt.paddr(leaf.entry) == pa:
                        table.clear(leaf)
                        self.frames.unshare(pa)
                        self.stale(leaf.va)
        self.flush_stale()

    def explain(self, va: int, access: int) -> WalkView:
        """The page walk for a user access, for people; changes nothing."""
        from kernel.modules.axmm.view import explain

        return explain(self, va, access)

    def fmt(self) -> str:
        """A text dump: one line per area."""
        lines = [f"AddrSpace {self.ident} {self.base:#x}-{self.end:#x} root {self.root_pa:#x}"]
        for area in self.areas:
            pages = sum(1 for _ in self.page_table.leaves(area.start, area.end))
            user = "u" if area.flags & USER else "k"
            lines.append(
                f"  {area.start:#x}-{area.end:#x} {perms_text(area.flags)}{user} "
                f"{area.backend} {pages} resident {self.area_name(area)}".rstrip()
            )
        return "\n".join(lines)

    def is_mapped(self, va: int) -> bool:
        """Whether the hardware could use the page of `va` now."""
        leaf = self.page_table.find(va)
        return leaf is not None and bool(leaf.entry & VALID)
