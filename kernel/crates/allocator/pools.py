"""The header every byte allocator's control structure starts with: counters and pools.

    +0x00  u64 total_bytes        memory given, as the original counts
    +0x08  u64 used_bytes         as the original counts
    +0x10  u64 requested_bytes    sum of live request sizes
    +0x18  u64 pool count
    +0x20  32 x (u64 pa, u64 size_bytes), the memory given, in order

Source: the counters are fields of the wrappers in arceos-org/allocator; the pool table is ours,
so that a pane can walk the blocks of a pool without asking anyone. A heap at least doubles when
it grows, so 32 pools are more than any memory can hold.
"""

from __future__ import annotations

from typing import NamedTuple

from kernel.crates.allocator import invalid_input, no_memory
from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventSink
from kernel.crates.phys_memory import PhysMemory

TOTAL = 0x00
USED = 0x08
REQUESTED = 0x10
POOL_COUNT = 0x18
POOLS = 0x20
MAX_POOLS = 32
HEADER_BYTES = 0x240


class Pool(NamedTuple):
    """One region of memory an allocator was given."""

    pa: int
    size_bytes: int


class PooledAllocator:
    """State and counters common to TLSF, slab and buddy.

    Args:
        mem: Where the control structure and all blocks are.
        sink: Gets BLOCK_SPLIT, BLOCK_MERGE and SLAB_GROW.
        control_pa: Physical address of the control structure, 64-byte aligned.
    """

    __slots__ = ("control_pa", "mem", "sink")

    def __init__(self, mem: PhysMemory, sink: EventSink, control_pa: int) -> None:
        self.mem = mem
        self.sink = sink
        self.control_pa = control_pa

    @property
    def name(self) -> str:
        """The algorithm: "TLSF", "slab" or "buddy"."""
        raise NotImplementedError

    @property
    def total_bytes(self) -> int:
        """Memory given, including what headers and rounding eat."""
        return self.mem.read_u64(self.control_pa + TOTAL)

    @property
    def used_bytes(self) -> int:
        """Memory in use as the original counts it."""
        return self.mem.read_u64(self.control_pa + USED)

    @property
    def available_bytes(self) -> int:
        """Total minus used."""
        return self.total_bytes - self.used_bytes

    @property
    def requested_bytes(self) -> int:
        """Sum of the sizes asked for and not given back."""
        return self.mem.read_u64(self.control_pa + REQUESTED)

    def pools(self) -> tuple[Pool, ...]:
        """The memory it was given, in order.

        Raises:
            KernelPanic: The control structure is overwritten.
        """
        mem, control = self.mem, self.control_pa
        count = mem.read_u64(control + POOL_COUNT)
        if count > MAX_POOLS:
            raise KernelPanic(f"the heap claims to have {count} pools: its control is overwritten")
        return tuple(
            Pool(mem.read_u64(at), mem.read_u64(at + 8))
            for at in range(control + POOLS, control + POOLS + 16 * count, 16)
        )

    def _chain(self, block: int, link_offset: int = 0) -> tuple[int, ...]:
        """A free list from `block` on; each block has the next one's address at `link_offset`.

        Raises:
            KernelPanic: Its links are overwritten: it is a circle, or leaves the memory.
        """
        mem = self.mem
        end = mem.base + mem.size_bytes - link_offset - 8
        found: dict[int, None] = {}
        while block:
            if block in found or block & 7 or not mem.base <= block <= end:
                raise KernelPanic(f"a free list leads to {block:#x}: its links are overwritten")
            found[block] = None
            block = mem.read_u64(block + link_offset)
        return tuple(found)

    def _add_pool(self, start_pa: int, size_bytes: int, counted_bytes: int) -> None:
        """Note a pool; `counted_bytes` of it go to the total."""
        mem, control = self.mem, self.control_pa
        count = mem.read_u64(control + POOL_COUNT)
        mem.write_u64(control + POOLS + 16 * count, start_pa)
        mem.write_u64(control + POOLS + 16 * count + 8, size_bytes)
        mem.write_u64(control + POOL_COUNT, count + 1)
        mem.write_u64(control + TOTAL, mem.read_u64(control + TOTAL) + counted_bytes)

    def _check_pool(self, start_pa: int, size_bytes: int) -> None:
        """Refuse a pool that cannot be noted or that overlaps one already given.

        Raises:
            AxError: INVALID_INPUT, overlap or address 0 (the null link); NO_MEMORY, table full.
        """
        pools = self.pools()
        if not start_pa or size_bytes <= 0:
            raise invalid_input(f"no pool can be at {start_pa:#x} with {size_bytes} bytes")
        if any(start_pa < p.pa + p.size_bytes and p.pa < start_pa + size_bytes for p in pools):
            raise invalid_input(f"memory at {start_pa:#x} is part of the heap already")
        if len(pools) == MAX_POOLS:
            raise no_memory(f"the heap has {MAX_POOLS} pools, the most it can have")
