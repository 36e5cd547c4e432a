"""Backends of memory areas: Linear and Alloc (Shared stands in shared.py).

Source: oscomp/arceos modules/axmm/src/backend/{mod,linear,alloc}.rs.
Differs: Alloc may be filled from a file (Linux's private file mapping), pages of a populated area
that found no frame come by fault later, and a page shared by copy-on-write is never made writable
in place.

Executable areas are populated when they become executable (up to `EAGER_EXEC_BYTES`): engines
fetch ahead of execution, so lazily faulted code would make the positions of page faults depend on
how a run is sliced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from kernel.crates.errno import AxError
from kernel.crates.event import EventKind
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.page_table import Leaf
from kernel.crates.page_table_entry.pte_format import EXECUTE, VALID, WRITE

if TYPE_CHECKING:
    from kernel.modules.axmm.aspace import AddrSpace

EAGER_EXEC_BYTES = 16 << 20
WHOLE_FILE = -1
USER_PAGE = "user"


class FileNode(Protocol):
    """What a mapping needs of a file: `crates.vfs.VfsNodeOps` has it."""

    attr: Any
    fs: Any

    def get_attr(self) -> Any: ...
    def read_at(self, offset: int, size_bytes: int) -> bytes: ...
    def open(self) -> None: ...
    def release(self) -> None: ...


class FileSource:
    """The bytes behind a private file mapping, read page by page on first touch.

    Attributes:
        node: The file.
        offset: File offset of the area's first byte; a page boundary.
        size_bytes: So many bytes come from the file, zeros follow; WHOLE_FILE: all there are, and
            touching a page beyond the end of the file is SIGBUS.
    """

    __slots__ = ("node", "offset", "size_bytes")

    def __init__(self, node: FileNode, offset: int, size_bytes: int = WHOLE_FILE) -> None:
        self.node = node
        self.offset = offset
        self.size_bytes = size_bytes


class Backend:
    """Base of all backends; implements `crates.memory_area.MappingBackend`.

    Attributes:
        areas: How many areas use it.
    """

    __slots__ = ("areas",)

    is_private = False

    @property
    def is_anonymous(self) -> bool:
        return False

    def __init__(self) -> None:
        self.areas = 1

    def place(self, start: int) -> None:
        """Called once, before the first area at `start` is mapped."""

    def map(self, start: int, size_bytes: int, flags: int, space: AddrSpace) -> bool:
        raise NotImplementedError

    def unmap(self, start: int, size_bytes: int, space: AddrSpace) -> bool:
        raise NotImplementedError

    def protect(self, start: int, size_bytes: int, flags: int, space: AddrSpace) -> bool:
        raise NotImplementedError

    def can_join(self, other: Any) -> bool:
        raise NotImplementedError

    def share(self) -> None:
        self.areas += 1

    def release(self, space: AddrSpace) -> None:
        self.areas -= 1

    def fill(self, va: int, flags: int, space: AddrSpace) -> bool:
        """Map the page at `va`, which is not resident; False: beyond the end of the file.

        Raises:
            AxError: NO_MEMORY.
        """
        raise NotImplementedError

    def write_fault(self, leaf: Leaf, flags: int, space: AddrSpace) -> None:
        """Make a resident page writable that is not, in an area that may be written.

        Raises:
            AxError: NO_MEMORY.
        """
        space.page_table.set_flags(leaf, flags)

    def moved(self, by_bytes: int) -> Backend:
        """The backend of the same contents at addresses `by_bytes` higher (mremap)."""
        raise NotImplementedError

    def clone(self) -> Backend:
        """The backend of the same area in a copied address space."""
        raise NotImplementedError

    def populate(self, start: int, end: int, flags: int, space: AddrSpace) -> bool:
        """Fill all pages that are not resident; False when memory ran out before the end."""
        resident = {leaf.va for leaf in space.page_table.leaves(start, end)}
        try:
            for va in range(start, end, PAGE_SIZE):
                if va not in resident and not self.fill(va, flags, space):
                    break
        except AxError:
            return False
        return True


class Linear(Backend):
    """A fixed offset between virtual and physical: kernel memory, devices, the trampoline.

    Attributes:
        pa_va_offset: virtual - physical.
    """

    __slots__ = ("pa_va_offset",)

    def __init__(self, pa_va_offset: int) -> None:
        super().__init__()
        self.pa_va_offset = pa_va_offset

    def __str__(self) -> str:
        return "Linear"

    def map(self, start: int, size_bytes: int, flags: int, space: AddrSpace) -> bool:
        try:
            space.page_table.map_region(
                start, start - self.pa_va_offset, size_bytes, flags, allow_huge=True
            )
        except AxError:
            # Partial work goes again: ArceOS leaves it.
            space.page_table.unmap_region(start, size_bytes)
            return False
        return True

    def unmap(self, start: int, size_bytes: int, space: AddrSpace) -> bool:
        space.page_table.unmap_region(start, size_bytes)
        space.stale(-1)
        return True

    def protect(self, start: int, size_bytes: int, flags: int, space: AddrSpace) -> bool:
        space.page_table.protect_region(start, size_bytes, flags)
        space.stale(-1)
        return True

    def can_join(self, other: Any) -> bool:
        # Neighbours in one linear map are different memory to a reader: .text, .data, devices.
        return False

    def fill(self, va: int, flags: int, space: AddrSpace) -> bool:
        return False

    def moved(self, by_bytes: int) -> Backend:
        return Linear(self.pa_va_offset + by_bytes)

    def clone(self) -> Backend:
        return Linear(self.pa_va_offset)


class Alloc(Backend):
    """Frames of its own, at once (`populate`) or on first touch; anonymous or copied from a file.

    Attributes:
        populate: Fill everything when mapped.
        source: The file; None: zeros.
        delta: File offset of virtual address 0; for anonymous memory how far it was moved since
            its first page came (Linux's vm_pgoff), so that moved memory joins as under Linux.
    """

    __slots__ = ("delta", "populate_first", "source")

    is_private = True

    @property
    def is_anonymous(self) -> bool:
        return self.source is None

    def __init__(self, populate: bool = False, source: FileSource | None = None) -> None:
        super().__init__()
        self.populate_first = populate
        self.source = source
        self.delta = 0
        if source is not None:
            source.node.open()

    def __str__(self) -> str:
        kind = "Alloc" if self.source is None else "Alloc file"
        return f"{kind} populated" if self.populate_first else kind

    def place(self, start: int) -> None:
        if self.source is not None:
            self.delta = self.source.offset - start

    def map(self, start: int, size_bytes: int, flags: int, space: AddrSpace) -> bool:
        if self.populate_first or (flags & EXECUTE and size_bytes <= EAGER_EXEC_BYTES):
            # A page that finds no frame is skipped, as ArceOS does; a fault asks again.
            self.populate(start, start + size_bytes, flags, space)
        return True

    def unmap(self, start: int, size_bytes: int, space: AddrSpace) -> bool:
        table, frames = space.page_table, space.frames
        mask, shift = table.fmt.addr_mask, table.fmt.addr_shift
        for leaf in table.leaves(start, start + size_bytes):
            table.clear(leaf)
            if leaf.entry & VALID:
                space.stale(leaf.va)
            frames.release((leaf.entry & mask) << shift, USER_PAGE)
        return True

    def protect(self, start: int, size_bytes: int, flags: int, space: AddrSpace) -> bool:
        table, frames, fmt = space.page_table, space.frames, space.page_table.fmt
        granted = fmt.effective[flags]
        for leaf in table.leaves(start, start + size_bytes):
            wanted = granted
            if wanted & WRITE and frames.count(fmt.paddr(leaf.entry)) > 1:
                wanted &= ~WRITE
            if leaf.entry & VALID and fmt.flag_bits(leaf.entry) & ~wanted:
                space.stale(leaf.va)
            table.set_flags(leaf, wanted)
        return True

    def can_join(self, other: Any) -> bool:
        if not isinstance(other, Alloc) or self.delta != other.delta:
            return False
        if self.source is None or other.source is None:
            return self.source is other.source
        return self.source.node is other.source.node and (
            self.source.size_bytes == other.source.size_bytes == WHOLE_FILE or self is other
        )

    def release(self, space: AddrSpace) -> None:
        super().release(space)
        if self.areas == 0 and self.source is not None:
            self.source.node.release()

    def fill(self, va: int, flags: int, space: AddrSpace) -> bool:
        data = b""
        if self.source is not None:
            found = self._file_bytes(va)
            if found is None:
                return False
            data = found
        frames, ram = space.frames, space.ram
        pa = frames.alloc(USER_PAGE)
        if len(data) < PAGE_SIZE:
            ram.zero(pa, PAGE_SIZE)
        if data:
            ram.write(pa, data)
        try:
            space.page_table.map(va, pa, PAGE_SIZE, flags)
        except AxError:
            frames.release(pa, USER_PAGE)
            raise
        return True

    def _file_bytes(self, va: int) -> bytes | None:
        """What the file has for the page at `va`; None: the page lies beyond its end."""
        source = self.source
        assert source is not None
        offset = va + self.delta
        size = source.node.get_attr().size_bytes
        if source.size_bytes == WHOLE_FILE:
            if offset >= size:
                return None
            return source.node.read_at(offset, PAGE_SIZE)
        left = min(source.offset + source.size_bytes, size) - offset
        return source.node.read_at(offset, min(left, PAGE_SIZE)) if left > 0 else b""

    def write_fault(self, leaf: Leaf, flags: int, space: AddrSpace) -> None:
        """Copy on write: the last owner keeps the frame, others get a copy."""
        table, frames = space.page_table, space.frames
        old_pa = table.fmt.paddr(leaf.entry)
        if frames.count(old_pa) == 1:
            table.set_flags(leaf, flags)
            return
        new_pa = frames.alloc(USER_PAGE)
        space.ram.copy(new_pa, old_pa, PAGE_SIZE)
        table.remap(leaf.va, new_pa, flags)
        frames.release(old_pa, USER_PAGE)
        space.stale(leaf.va)
        space.events.emit(EventKind.COW_COPY, table.root_pa, leaf.va, old_pa, new_pa)

    def moved(self, by_bytes: int) -> Backend:
        copy = Alloc(self.populate_first, self.source)
        copy.delta = self.delta - by_bytes
        return copy

    def clone(self) -> Backend:
        copy = Alloc(self.populate_first, self.source)
        copy.delta = self.delta
        return copy
