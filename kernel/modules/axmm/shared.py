"""Shared memory: anonymous pages that forked children see too, and files mapped MAP_SHARED.

The pages of a shared file mapping are the file's own page-cache frames, so a store through the
mapping is seen by read(2) at once and the reverse; msync has nothing to do. A file offers this
with `SharedFile`. While it is mapped, `SharedPages` stands between the file and its page source:
a frame the file gives back (truncate) first leaves all page tables.

Source: Linux mm/shmem.c, mm/filemap.c (`unmap_mapping_range`); StarryOS kernel/src/mm `Shared`,
`File` backends. ArceOS has neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.page_table_entry.pte_format import EXECUTE, VALID
from kernel.modules.axmm.backend import EAGER_EXEC_BYTES, Backend, FileNode

if TYPE_CHECKING:
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.modules.axmm.frames import FrameTable

SHARED_PAGE = "shared"


class PageSource(Protocol):
    """Where a file takes its frames from and gives them back."""

    def alloc_pages(self, count: int, align_bytes: int = PAGE_SIZE, usage: str = "user") -> int: ...
    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None: ...


class PageCache(Protocol):
    """A file's contents as frames: `axfs.file_pages.FilePages` has it."""

    alloc: PageSource

    def frame(self, index: int) -> int:
        """The frame of page `index`, filled; AxError STORAGE_FULL."""
        ...


class SharedFile(FileNode, Protocol):
    """A file that can be mapped shared.

    Attributes:
        pages: Its page cache.
        attached: While it is mapped: the `SharedPages`.
    """

    pages: PageCache
    attached: Any


class Keeper(Protocol):
    """Who keeps shared memory that has a name of its own."""

    def pages_gone(self) -> None:
        """Its last owner has let go."""
        ...


class SharedPages:
    """One piece of shared memory, whatever maps it.

    Attributes:
        pages: Anonymous memory: page index -> frame.
        node: The file, or None.
        owners: Areas (and System V segments) that use it.
        ident: For people: the inode Linux would show.
        size_bytes: Where anonymous memory ends, 0: never. Touching what lies beyond is SIGBUS.
        keeper: Who wants to know when nobody owns it any more: a System V segment, or None.
    """

    __slots__ = (
        "file_source",
        "frames",
        "ident",
        "keeper",
        "node",
        "owners",
        "pages",
        "size_bytes",
    )

    def __init__(
        self,
        frames: FrameTable,
        node: SharedFile | None = None,
        ident: int = 0,
        size_bytes: int = 0,
    ) -> None:
        self.frames = frames
        self.node = node
        self.ident = ident
        self.size_bytes = size_bytes
        self.owners = 0
        self.keeper: Keeper | None = None
        self.pages: dict[int, int] = {}
        self.file_source: PageSource | None = None
        if node is not None:
            node.open()
            self.file_source = node.pages.alloc
            node.pages.alloc = self
            node.attached = self

    @classmethod
    def of_file(cls, frames: FrameTable, node: Any) -> SharedPages:
        """The shared pages of a file, made when it is first mapped.

        Raises:
            LinuxError: ENODEV: this kind of file cannot be mapped.
        """
        if not hasattr(node, "pages") or not hasattr(node.pages, "frame"):
            raise LinuxError(Errno.ENODEV, "this kind of file cannot be mapped shared")
        found = node.attached
        return found if isinstance(found, SharedPages) else cls(frames, node)

    def frame(self, index: int) -> int | None:
        """The frame of a page, made on first use; None: beyond the end.

        Raises:
            AxError: NO_MEMORY, STORAGE_FULL.
        """
        if self.node is not None:
            if index * PAGE_SIZE >= self.node.get_attr().size_bytes:
                return None
            return self.node.pages.frame(index)
        if self.size_bytes and index * PAGE_SIZE >= self.size_bytes:
            return None
        pa = self.pages.get(index)
        if pa is None:
            pa = self.frames.alloc(SHARED_PAGE)
            self.frames.ram.zero(pa, PAGE_SIZE)
            self.pages[index] = pa
        return pa

    def hold(self) -> None:
        """One more owner."""
        self.owners += 1

    def drop(self) -> None:
        """One owner less; the last one gives everything back."""
        self.owners -= 1
        if self.owners:
            return
        for pa in self.pages.values():
            self.frames.release(pa, SHARED_PAGE)
        self.pages.clear()
        if self.node is not None and self.file_source is not None:
            self.node.pages.alloc = self.file_source
            self.node.attached = None
            self.node.release()
        if self.keeper is not None:
            self.keeper.pages_gone()

    # While mapped, the file's page source is this object.

    def alloc_pages(self, count: int, align_bytes: int = PAGE_SIZE, usage: str = "user") -> int:
        """A frame for the file."""
        assert self.file_source is not None
        return self.file_source.alloc_pages(count, align_bytes, usage)

    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None:
        """The file gives a frame back: take it out of all page tables first."""
        assert self.file_source is not None
        if self.frames.count(pa):
            for space in self.frames.spaces.values():
                space.forget_frame(self, pa)
        self.file_source.dealloc_pages(pa, count, usage)


class Shared(Backend):
    """An area over shared pages.

    Attributes:
        pages: The memory.
        offset: Byte of it at the area's start when it was mapped.
        delta: Byte of it at virtual address 0.
    """

    __slots__ = ("delta", "offset", "pages", "populate_first")

    def __init__(self, pages: SharedPages, offset: int = 0, populate: bool = False) -> None:
        super().__init__()
        self.pages = pages
        self.offset = offset
        self.delta = 0
        self.populate_first = populate
        pages.hold()

    def __str__(self) -> str:
        return "Shared" if self.pages.node is None else "File"

    def place(self, start: int) -> None:
        self.delta = self.offset - start

    def map(self, start: int, size_bytes: int, flags: int, space: AddrSpace) -> bool:
        if self.populate_first or (flags & EXECUTE and size_bytes <= EAGER_EXEC_BYTES):
            self.populate(start, start + size_bytes, flags, space)
        return True

    def unmap(self, start: int, size_bytes: int, space: AddrSpace) -> bool:
        table = space.page_table
        for leaf in table.leaves(start, start + size_bytes):
            table.clear(leaf)
            if leaf.entry & VALID:
                space.stale(leaf.va)
            space.frames.unshare(table.fmt.paddr(leaf.entry))
        return True

    def protect(self, start: int, size_bytes: int, flags: int, space: AddrSpace) -> bool:
        table, fmt = space.page_table, space.page_table.fmt
        granted = fmt.effective[flags]
        for leaf in table.leaves(start, start + size_bytes):
            if leaf.entry & VALID and fmt.flag_bits(leaf.entry) & ~granted:
                space.stale(leaf.va)
            table.set_flags(leaf, granted)
        return True

    def can_join(self, other: Any) -> bool:
        return isinstance(other, Shared) and self.pages is other.pages and self.delta == other.delta

    def release(self, space: AddrSpace) -> None:
        super().release(space)
        if self.areas == 0:
            self.pages.drop()

    def fill(self, va: int, flags: int, space: AddrSpace) -> bool:
        pa = self.pages.frame((va + self.delta) // PAGE_SIZE)
        if pa is None:
            return False
        space.frames.share(pa)
        try:
            space.page_table.map(va, pa, PAGE_SIZE, flags)
        except AxError:
            space.frames.unshare(pa)
            raise
        return True

    def moved(self, by_bytes: int) -> Backend:
        copy = Shared(self.pages, self.offset, self.populate_first)
        copy.delta = self.delta - by_bytes
        return copy

    def clone(self) -> Backend:
        return self.moved(0)
