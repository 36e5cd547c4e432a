"""Block devices: the interface drivers offer, and a RAM disk in the machine's own frames.

Source: arceos-org/axdriver_crates, axdriver_block (`BlockDriverOps`, `RamDisk`), 512-byte blocks.
Differs: the RAM disk takes a frame when a block of it is first written and gives it back when the
file system discards it, so an empty disk costs nothing; unwritten blocks read as zeros.
"""

from __future__ import annotations

from typing import Protocol

from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.event import EventKind, EventSink
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE
from kernel.crates.phys_memory import PhysMemory

BLOCK_BYTES = 512
BLOCKS_PER_FRAME = PAGE_SIZE // BLOCK_BYTES
USAGE = "file cache"


class FrameAllocator(Protocol):
    """What the disk needs of axalloc."""

    def alloc_pages(self, count: int, align_bytes: int = 4096, usage: str = "user") -> int: ...
    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None: ...


class BlockDriverOps(Protocol):
    """A block device. A buffer longer than one block covers consecutive blocks."""

    def num_blocks(self) -> int: ...
    def block_size(self) -> int: ...
    def read_block(self, block: int, count: int = 1) -> bytes: ...
    def write_block(self, block: int, data: bytes) -> None: ...
    def flush(self) -> None: ...


class RamDisk:
    """A block device in RAM frames; also a page source that gives frames back to itself.

    Attributes:
        frames: Frame of every eight blocks that were ever written, by index.
        owners: The index back from the frame.
        limit_frames: It never takes more.
    """

    __slots__ = ("alloc", "blocks", "events", "frames", "limit_frames", "owners", "ram")

    def __init__(
        self,
        ram: PhysMemory,
        alloc: FrameAllocator,
        events: EventSink,
        blocks: int,
        limit_frames: int,
    ) -> None:
        self.ram = ram
        self.alloc = alloc
        self.events = events
        self.blocks = blocks
        self.limit_frames = limit_frames
        self.frames: dict[int, int] = {}
        self.owners: dict[int, int] = {}

    def num_blocks(self) -> int:
        """Size in blocks."""
        return self.blocks

    def block_size(self) -> int:
        """Bytes of one block."""
        return BLOCK_BYTES

    def flush(self) -> None:
        """Nothing is held back."""

    def read_block(self, block: int, count: int = 1) -> bytes:
        """`count` consecutive blocks."""
        self._check(block, count)
        self.events.emit(EventKind.BLOCK_READ, block, count)
        return self.peek(block * BLOCK_BYTES, count * BLOCK_BYTES)

    def write_block(self, block: int, data: bytes) -> None:
        """Write consecutive blocks.

        Raises:
            AxError: STORAGE_FULL: no frame for them.
        """
        count = len(data) // BLOCK_BYTES
        self._check(block, count)
        at, done = block * BLOCK_BYTES, 0
        while done < len(data):
            start = (at + done) & PAGE_MASK
            take = min(PAGE_SIZE - start, len(data) - done)
            pa = self.frame((at + done) // PAGE_SIZE)
            self.ram.write(pa + start, data[done : done + take])
            done += take
        self.events.emit(EventKind.BLOCK_WRITE, block, count)

    def _check(self, block: int, count: int) -> None:
        if block < 0 or count < 1 or block + count > self.blocks:
            raise KernelPanic(f"blocks {block}+{count} lie outside a disk of {self.blocks}")

    def peek(self, at: int, size_bytes: int) -> bytes:
        """Bytes of the medium, whatever the block boundaries."""
        parts: list[bytes] = []
        while size_bytes > 0:
            start = at & PAGE_MASK
            take = min(PAGE_SIZE - start, size_bytes)
            pa = self.frames.get(at // PAGE_SIZE)
            parts.append(bytes(take) if pa is None else bytes(self.ram.read(pa + start, take)))
            at += take
            size_bytes -= take
        return b"".join(parts)

    def frame(self, index: int) -> int:
        """The frame behind blocks `8 * index` and on, zeroed when it is new.

        Raises:
            AxError: STORAGE_FULL.
        """
        pa = self.frames.get(index)
        if pa is not None:
            return pa
        if len(self.frames) >= self.limit_frames:
            raise AxError(AxErrorKind.STORAGE_FULL, "the disk's share of memory")
        try:
            pa = self.alloc.alloc_pages(1, PAGE_SIZE, USAGE)
        except AxError as error:
            raise AxError(AxErrorKind.STORAGE_FULL, "no free frame") from error
        self.ram.zero(pa, PAGE_SIZE)
        self.frames[index] = pa
        self.owners[pa] = index
        return pa

    # -- as a page source: files on the disk give frames back when their blocks are discarded ---

    def alloc_pages(self, count: int, align_bytes: int = 4096, usage: str = "user") -> int:
        """Never: blocks come with an index."""
        raise KernelPanic("a disk's frames are taken by block, not by count")

    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None:
        """Discard (TRIM) the blocks behind one frame."""
        del self.frames[self.owners.pop(pa)]
        self.alloc.dealloc_pages(pa, 1, USAGE)
