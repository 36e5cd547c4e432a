"""SlabByteAllocator: seven power-of-two size classes in front of a buddy heap.

No object caches: a class is a LIFO list of free blocks, the link in the block's first word. An
empty class takes 64 blocks at once from the buddy heap and never gives them back. A request above
4096 bytes (or aligned above 4096) goes straight to the buddy heap.

Control structure: the header of pools.py (only `requested_bytes` is used; the rest is counted in
the classes and in the buddy heap), then per class

    u64 head (0 = empty), u64 free blocks, u64 total blocks

for 64, 128 ... 4096 bytes, then the buddy heap's own control structure at +0x300.

Source: arceos-org/slab_allocator, arceos-org/allocator v0.1.1 src/slab.rs. As there,
`total_bytes` and `used_bytes` count slab blocks twice, since the buddy heap below counts them too;
`own_total_bytes` and `own_used_bytes` are the corrected values.
"""

from __future__ import annotations

from typing import NamedTuple

from kernel.crates.allocator import check_layout, invalid_input
from kernel.crates.allocator.buddy import BUDDY_CONTROL_BYTES, BuddyByteAllocator
from kernel.crates.allocator.pools import HEADER_BYTES, REQUESTED, Pool, PooledAllocator
from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind, EventSink
from kernel.crates.phys_memory import PhysMemory

CLASSES = (64, 128, 256, 512, 1024, 2048, 4096)
SET_SIZE = 64
MIN_HEAP_SIZE = 0x8000
_CLASS_TABLE = HEADER_BYTES
_CLASS_BYTES = 24
_BUDDY_CONTROL = 0x300
SLAB_CONTROL_BYTES = _BUDDY_CONTROL + BUDDY_CONTROL_BYTES


class SlabClass(NamedTuple):
    """One size class as RAM has it."""

    block_bytes: int
    head_pa: int
    free_blocks: int
    total_blocks: int

    @property
    def used_blocks(self) -> int:
        """Blocks handed out."""
        return self.total_blocks - self.free_blocks


class SlabByteAllocator(PooledAllocator):
    """Size classes over a buddy heap."""

    __slots__ = ("buddy",)

    def __init__(self, mem: PhysMemory, sink: EventSink, control_pa: int) -> None:
        super().__init__(mem, sink, control_pa)
        self.buddy = BuddyByteAllocator(mem, sink, control_pa + _BUDDY_CONTROL)

    @property
    def name(self) -> str:
        """Name in events and views."""
        return "slab"

    def init(self, start_pa: int, size_bytes: int) -> None:
        """Start over with one region: all of it goes to the buddy heap.

        Raises:
            AxError: INVALID_INPUT, not 4 KiB aligned or no multiple of 32 KiB.
        """
        if start_pa & 0xFFF or size_bytes < MIN_HEAP_SIZE or size_bytes % MIN_HEAP_SIZE:
            raise invalid_input(
                f"a slab heap of {size_bytes} bytes at {start_pa:#x}: must be 4 KiB aligned and "
                "a multiple of 32 KiB"
            )
        self.mem.zero(self.control_pa, SLAB_CONTROL_BYTES)
        self.buddy.init(start_pa, size_bytes)

    def add_memory(self, start_pa: int, size_bytes: int) -> None:
        """Give a region to the buddy heap; raises as there."""
        self.buddy.add_memory(start_pa, size_bytes)

    def alloc(self, size_bytes: int, align_bytes: int) -> int:
        """Pop a block of the smallest class that fits, growing the class if it is empty.

        Raises:
            AxError: NO_MEMORY, the buddy heap cannot provide; INVALID_INPUT.
        """
        check_layout(size_bytes, align_bytes)
        index = _class_index(size_bytes, align_bytes)
        if index < 0:
            block = self.buddy.alloc(size_bytes, align_bytes)
        else:
            entry = self._entry_pa(index)
            mem = self.mem
            block = mem.read_u64(entry) or self._grow(index)
            mem.write_u64(entry, mem.read_u64(block))
            mem.write_u64(entry + 8, mem.read_u64(entry + 8) - 1)
        self._count(size_bytes)
        return block

    def dealloc(self, pa: int, size_bytes: int, align_bytes: int) -> None:
        """Push the block on its class's list, or free it in the buddy heap.

        Raises:
            KernelPanic: It is the class's newest free block, or all blocks are free already.
        """
        check_layout(size_bytes, align_bytes)
        index = _class_index(size_bytes, align_bytes)
        if index < 0:
            self.buddy.dealloc(pa, size_bytes, align_bytes)
        else:
            entry = self._entry_pa(index)
            mem = self.mem
            head, free = mem.read_u64(entry), mem.read_u64(entry + 8)
            if head == pa or free == mem.read_u64(entry + 16) or pa % CLASSES[index]:
                raise KernelPanic(
                    f"freeing {pa:#x}: no {CLASSES[index]}-byte slab block in use is there"
                )
            mem.write_u64(pa, head)
            mem.write_u64(entry, pa)
            mem.write_u64(entry + 8, free + 1)
        self._count(-size_bytes)

    # -- counters ---------------------------------------------------------------------------------

    @property
    def total_bytes(self) -> int:
        """Blocks of all classes plus the buddy heap: slab blocks are counted twice."""
        slabs = sum(c.total_blocks * c.block_bytes for c in self.classes())
        return slabs + self.buddy.total_bytes

    @property
    def used_bytes(self) -> int:
        """Used blocks of all classes plus what the buddy heap gave out: counted twice."""
        slabs = sum(c.used_blocks * c.block_bytes for c in self.classes())
        return slabs + self.buddy.used_bytes

    @property
    def own_total_bytes(self) -> int:
        """Memory it really was given."""
        return self.buddy.total_bytes

    @property
    def own_used_bytes(self) -> int:
        """Memory really in use: free slab blocks and the double count taken out."""
        free = sum(c.free_blocks * c.block_bytes for c in self.classes())
        return self.buddy.used_bytes - free

    def pools(self) -> tuple[Pool, ...]:
        """The memory it was given, in order."""
        return self.buddy.pools()

    def classes(self) -> tuple[SlabClass, ...]:
        """All seven classes."""
        read = self.mem.read_u64
        entries = ((size, self._entry_pa(index)) for index, size in enumerate(CLASSES))
        return tuple(
            SlabClass(size, read(entry), read(entry + 8), read(entry + 16))
            for size, entry in entries
        )

    def free_list(self, index: int) -> tuple[int, ...]:
        """Addresses of the free blocks of class `index`, head first."""
        return self._chain(self.mem.read_u64(self._entry_pa(index)))

    # -- inside -----------------------------------------------------------------------------------

    def _entry_pa(self, index: int) -> int:
        return self.control_pa + _CLASS_TABLE + _CLASS_BYTES * index

    def _grow(self, index: int) -> int:
        """Put 64 fresh blocks on an empty class's list, in ascending order; the new head."""
        mem = self.mem
        size = CLASSES[index]
        start = self.buddy.alloc(SET_SIZE * size, 4096)
        head = 0
        for block in range(start, start + SET_SIZE * size, size):
            mem.write_u64(block, head)
            head = block
        entry = self._entry_pa(index)
        mem.write_u64(entry, head)
        mem.write_u64(entry + 8, mem.read_u64(entry + 8) + SET_SIZE)
        mem.write_u64(entry + 16, mem.read_u64(entry + 16) + SET_SIZE)
        self.sink.emit(EventKind.SLAB_GROW, size, start, SET_SIZE)
        return head

    def _count(self, requested: int) -> None:
        at = self.control_pa + REQUESTED
        self.mem.write_u64(at, self.mem.read_u64(at) + requested)


def _class_index(size_bytes: int, align_bytes: int) -> int:
    """Smallest class for a request; -1 for the buddy heap."""
    need = max(size_bytes, align_bytes)
    if need > CLASSES[-1]:
        return -1
    return max((need - 1).bit_length() - 6, 0)
