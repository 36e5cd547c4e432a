"""GlobalAllocator: a byte allocator that takes its memory from the page allocator.

The heap starts with 32 KiB. A request it cannot serve makes it grow by
`max(total_bytes, size)` rounded up to a power of two, so it at least doubles, and never shrinks.
Alloc calls for pages go straight to the bitmap.

Control memory, from `control_pa` up: the bitmap, one usage byte per frame of RAM, the byte
allocator's control structure, one u64 counting pages freed with another usage than allocated with.

Source: oscomp/arceos modules/axalloc/src/lib.rs; thesis S002 section 3.2.
Differs: sizes and alignments of live blocks are remembered here (`live`), since Python callers
have no `Layout`; frames are not zeroed, as there.
"""

from __future__ import annotations

from kernel.crates.allocator.bitmap import BitmapPageAllocator, bitmap_bytes, levels_for
from kernel.crates.allocator.buddy import BUDDY_CONTROL_BYTES, BuddyByteAllocator
from kernel.crates.allocator.slab import SLAB_CONTROL_BYTES, SlabByteAllocator
from kernel.crates.allocator.tlsf import TLSF_CONTROL_BYTES, TlsfByteAllocator
from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.event import EventKind, EventSink
from kernel.crates.memory_addr import PAGE_SHIFT, PAGE_SIZE, align_up
from kernel.crates.phys_memory import PhysMemory
from kernel.crates.views import AllocatorsView
from kernel.modules.axalloc.usage import PageUsage, UsageMap, usage_code
from kernel.modules.axalloc.view import allocators_view

MIN_HEAP_SIZE = 0x8000

AnyByteAllocator = TlsfByteAllocator | SlabByteAllocator | BuddyByteAllocator

_KINDS: dict[str, tuple[type[AnyByteAllocator], int]] = {
    "tlsf": (TlsfByteAllocator, TLSF_CONTROL_BYTES),
    "slab": (SlabByteAllocator, SLAB_CONTROL_BYTES),
    "buddy": (BuddyByteAllocator, BUDDY_CONTROL_BYTES),
}


def byte_allocator_kind(kind: str) -> tuple[type[AnyByteAllocator], int]:
    """The class behind an allocator's name and the size of its control structure in bytes.

    Raises:
        AxError: INVALID_INPUT, no such allocator.
    """
    found = _KINDS.get(kind)
    if found is None:
        raise AxError(
            AxErrorKind.INVALID_INPUT,
            f"there is no allocator {kind!r}: choose one of {', '.join(_KINDS)}",
        )
    return found


class GlobalAllocator:
    """Pages and bytes for the whole kernel. RAM below `base_pa` counts as the kernel image.

    Args:
        ram: Holds everything.
        events: Gets PAGE_ALLOC, PAGE_FREE, BYTE_ALLOC, BYTE_FREE, HEAP_GROW, ALLOC_FAIL.
        base_pa: First byte of the memory to give out.
        size_bytes: Its size; must exceed 32 KiB.
        kind: "tlsf", "slab" or "buddy".
        control_pa: Page-aligned memory of `control_bytes(...)` bytes outside that region.

    Raises:
        AxError: INVALID_INPUT, an unknown kind or too little memory.
    """

    __slots__ = ("_mismatch_pa", "balloc", "events", "kind", "live", "palloc", "ram", "usage")

    def __init__(
        self,
        ram: PhysMemory,
        events: EventSink,
        base_pa: int,
        size_bytes: int,
        kind: str = "tlsf",
        control_pa: int = 0,
    ) -> None:
        allocator, control_size = byte_allocator_kind(kind)
        if size_bytes <= MIN_HEAP_SIZE:
            raise AxError(
                AxErrorKind.INVALID_INPUT,
                f"{size_bytes} bytes of memory are not enough: the heap alone starts with 32 KiB",
            )
        self.ram = ram
        self.events = events
        self.kind = kind
        #: Live byte blocks: address -> (size, alignment, what it is).
        self.live: dict[int, tuple[int, int, str]] = {}
        self.palloc = BitmapPageAllocator(ram, events, control_pa)
        at = control_pa + bitmap_bytes(levels_for(base_pa, base_pa + size_bytes))
        self.usage = UsageMap(ram, at)
        at = align_up(at + (ram.size_bytes >> PAGE_SHIFT), 64)
        self.balloc: AnyByteAllocator = allocator(ram, events, at)
        self._mismatch_pa = at + control_size
        if control_pa < base_pa + size_bytes and base_pa < self._mismatch_pa + 8:
            raise AxError(
                AxErrorKind.INVALID_INPUT,
                f"the control memory at {control_pa:#x} needs {self._mismatch_pa + 8 - control_pa} "
                f"bytes and reaches into the memory to give out at {base_pa:#x}: take the size "
                "from control_bytes() with the RAM's frames and start",
            )
        self._init(base_pa, size_bytes)

    def _init(self, base_pa: int, size_bytes: int) -> None:
        """Fill the page allocator and give the heap its first 32 KiB."""
        self.usage.clear()
        self.ram.write_u64(self._mismatch_pa, 0)
        self.palloc.init(base_pa, size_bytes)
        before = (base_pa - self.ram.base) >> PAGE_SHIFT
        if before:
            self.usage.set(self.ram.base, before, PageUsage.KERNEL_IMAGE)
        heap = self.alloc_pages(MIN_HEAP_SIZE >> PAGE_SHIFT, PAGE_SIZE, "heap")
        self.balloc.init(heap, MIN_HEAP_SIZE)
        self.events.emit(EventKind.HEAP_GROW, heap, MIN_HEAP_SIZE)

    @staticmethod
    def control_bytes(kind: str, total_pages: int, ram_base: int = 0) -> int:
        """Size of the control memory, a multiple of 4096.

        Args:
            kind: As for the constructor.
            total_pages: Frames of the whole RAM.
            ram_base: Where RAM starts. Counts because the bitmap starts at the GiB boundary below.
        """
        _, control_size = byte_allocator_kind(kind)
        levels = levels_for(ram_base, ram_base + (total_pages << PAGE_SHIFT))
        size = align_up(bitmap_bytes(levels) + total_pages, 64) + control_size + 8
        return align_up(size, PAGE_SIZE)

    @property
    def name(self) -> str:
        """The byte allocator's name: "TLSF", "slab" or "buddy"."""
        return self.balloc.name

    # -- pages ------------------------------------------------------------------------------------

    def alloc_pages(self, count: int, align_bytes: int = PAGE_SIZE, usage: str = "user") -> int:
        """Allocate `count` contiguous pages, not zeroed; the physical address of the first.

        Raises:
            AxError: NO_MEMORY, no such run of free pages; INVALID_INPUT, bad arguments.
        """
        try:
            pa = self.palloc.alloc_pages(count, align_bytes)
        except AxError:
            self._failed(usage, count << PAGE_SHIFT)
            raise
        self.usage.set(pa, count, usage_code(usage))
        self.events.emit(EventKind.PAGE_ALLOC, pa, count, usage)
        return pa

    def alloc_pages_at(
        self, pa: int, count: int, align_bytes: int = PAGE_SIZE, usage: str = "user"
    ) -> int:
        """Allocate exactly the `count` pages from `pa`; raises as `alloc_pages`."""
        try:
            self.palloc.alloc_pages_at(pa, count, align_bytes)
        except AxError:
            self._failed(usage, count << PAGE_SHIFT)
            raise
        self.usage.set(pa, count, usage_code(usage))
        self.events.emit(EventKind.PAGE_ALLOC, pa, count, usage)
        return pa

    def dealloc_pages(self, pa: int, count: int = 1, usage: str = "user") -> None:
        """Give back `count` pages. Another `usage` than they have is counted, not refused.

        Raises:
            KernelPanic: A page is free already or not part of the memory.
        """
        self.palloc.dealloc_pages(pa, count)
        if self.usage.get(pa) != usage_code(usage):
            mismatches = self.ram.read_u64(self._mismatch_pa)
            self.ram.write_u64(self._mismatch_pa, mismatches + 1)
        self.usage.set(pa, count, PageUsage.FREE)
        self.events.emit(EventKind.PAGE_FREE, pa, count, usage)

    def mark_pages(self, pa: int, count: int, usage: str) -> None:
        """Change what pages in use are shown as, e.g. a user frame that became shared."""
        self.usage.set(pa, count, usage_code(usage))

    @property
    def mismatched_frees(self) -> int:
        """How many `dealloc_pages` named another usage than the pages had."""
        return self.ram.read_u64(self._mismatch_pa)

    # -- bytes ------------------------------------------------------------------------------------

    def alloc(self, size_bytes: int, align_bytes: int = 8, what: str = "bytes") -> int:
        """Allocate a block for a kernel object, growing the heap as needed.

        Raises:
            AxError: NO_MEMORY, the pages to grow by are not there (there is no smaller retry);
                INVALID_INPUT, bad arguments.
        """
        while True:
            try:
                pa = self.balloc.alloc(size_bytes, align_bytes)
                break
            except AxError as error:
                self._failed_unless_growing(error, what, size_bytes)
            try:
                self._grow(size_bytes)
            except AxError:
                self._failed(what, size_bytes)
                raise
        self.live[pa] = (size_bytes, align_bytes, what)
        self.events.emit(EventKind.BYTE_ALLOC, pa, size_bytes, what)
        return pa

    def dealloc(self, pa: int) -> None:
        """Give back a block; its size and alignment are known.

        Raises:
            KernelPanic: No block in use starts there.
        """
        found = self.live.pop(pa, None)
        if found is None:
            raise KernelPanic(f"the block at {pa:#x} is freed twice or was never allocated")
        size_bytes, align_bytes, what = found
        self.balloc.dealloc(pa, size_bytes, align_bytes)
        self.events.emit(EventKind.BYTE_FREE, pa, size_bytes, what)

    def add_memory(self, start_pa: int, size_bytes: int) -> None:
        """Give a further region of RAM to the heap; the page allocator never sees it.

        Raises:
            AxError: The byte allocator refuses it.
        """
        self.balloc.add_memory(start_pa, size_bytes)
        self.usage.set(start_pa, size_bytes >> PAGE_SHIFT, PageUsage.HEAP)
        self.events.emit(EventKind.HEAP_GROW, start_pa, size_bytes)

    def _grow(self, size_bytes: int) -> None:
        """Double the heap, or more if one request needs more."""
        expand = max(self.balloc.total_bytes, size_bytes, PAGE_SIZE)
        expand = 1 << (expand - 1).bit_length()
        pa = self.alloc_pages(expand >> PAGE_SHIFT, PAGE_SIZE, "heap")
        self.balloc.add_memory(pa, expand)
        self.events.emit(EventKind.HEAP_GROW, pa, expand)

    def _failed_unless_growing(self, error: AxError, what: str, size_bytes: int) -> None:
        """Raise a failure that more memory would not cure."""
        if error.kind is not AxErrorKind.NO_MEMORY:
            self._failed(what, size_bytes)
            raise error

    def _failed(self, what: str, size_bytes: int) -> None:
        self.events.emit(EventKind.ALLOC_FAIL, what, size_bytes)

    # -- totals -----------------------------------------------------------------------------------

    @property
    def total_pages(self) -> int:
        """Pages of the whole region."""
        return self.palloc.total_pages

    @property
    def used_pages(self) -> int:
        """Pages in use, the heap's included."""
        return self.palloc.used_pages

    @property
    def available_pages(self) -> int:
        """Pages free."""
        return self.palloc.available_pages

    @property
    def total_bytes(self) -> int:
        """Size of the heap as the byte allocator counts."""
        return self.balloc.total_bytes

    @property
    def used_bytes(self) -> int:
        """Bytes in use as the byte allocator counts."""
        return self.balloc.used_bytes

    @property
    def available_bytes(self) -> int:
        """Bytes free as the byte allocator counts."""
        return self.balloc.available_bytes

    def view(self) -> AllocatorsView:
        """Both allocators decoded from RAM."""
        return allocators_view(self.palloc, self.usage, self.balloc, self.live)
