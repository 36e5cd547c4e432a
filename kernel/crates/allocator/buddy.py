"""BuddyByteAllocator: blocks of 2**k bytes; a freed block merges with its XOR buddy.

List k (0..31) holds the free blocks of 2**k bytes, newest first; the link is the first word of the
free block. Buddies are found by absolute address (`pa ^ size`), so blocks of two regions that
happen to be adjacent merge as well.

Control structure: the header of pools.py, then 32 x u64 list heads (0 = empty).

Source: rcore-os/buddy_system_allocator src/lib.rs (`Heap<32>`), arceos-org/allocator src/buddy.rs.
`used_bytes` counts rounded sizes. Differs: a block found in its own free list when freed panics.
"""

from __future__ import annotations

from kernel.crates.allocator import check_layout, invalid_input, no_memory
from kernel.crates.allocator.pools import HEADER_BYTES, REQUESTED, USED, PooledAllocator
from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind

ORDERS = 32
MIN_BLOCK_BYTES = 8
HEADS = HEADER_BYTES
BUDDY_CONTROL_BYTES = HEADS + 8 * ORDERS


class BuddyByteAllocator(PooledAllocator):
    """A buddy heap."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Name in events and views."""
        return "buddy"

    def init(self, start_pa: int, size_bytes: int) -> None:
        """Start over with one region."""
        self.mem.zero(self.control_pa, BUDDY_CONTROL_BYTES)
        self.add_memory(start_pa, size_bytes)

    def add_memory(self, start_pa: int, size_bytes: int) -> None:
        """Cut a region greedily into naturally aligned power-of-two blocks.

        Raises:
            AxError: INVALID_INPUT, no word fits or it overlaps; NO_MEMORY, too many pools.
        """
        start = (start_pa + MIN_BLOCK_BYTES - 1) & -MIN_BLOCK_BYTES
        end = (start_pa + size_bytes) & -MIN_BLOCK_BYTES
        self._check_pool(start, end - start)
        at = start
        while at < end:
            order = min(
                (at & -at).bit_length() - 1,
                (end - at).bit_length() - 1,
                ORDERS - 1,
            )
            self._push(order, at)
            at += 1 << order
        self._add_pool(start, end - start, end - start)

    def alloc(self, size_bytes: int, align_bytes: int) -> int:
        """Allocate a block of the next power of two, splitting the first larger block found.

        Raises:
            AxError: NO_MEMORY, no list has a large enough block; INVALID_INPUT.
        """
        check_layout(size_bytes, align_bytes)
        mem = self.mem
        order = _order(size_bytes, align_bytes)
        heads = self.control_pa + HEADS
        found = order
        while found < ORDERS and not mem.read_u64(heads + 8 * found):
            found += 1
        if found >= ORDERS:
            raise no_memory(f"the buddy heap has no free block of {1 << order} bytes")
        for split in range(found, order, -1):
            block = self._pop(split)
            half = 1 << (split - 1)
            self._push(split - 1, block + half)
            self._push(split - 1, block)
            self.sink.emit(EventKind.BLOCK_SPLIT, "buddy", block, 2 * half, half)
        block = self._pop(order)
        self._count(size_bytes, 1 << order)
        return block

    def dealloc(self, pa: int, size_bytes: int, align_bytes: int) -> None:
        """Push the block, then merge with its buddy as long as the buddy is free.

        Raises:
            KernelPanic: The block is found among the free ones of its size.
        """
        check_layout(size_bytes, align_bytes)
        order = _order(size_bytes, align_bytes)
        if pa & ((1 << order) - 1) or not pa:
            raise KernelPanic(f"freeing {pa:#x}: no address of a {1 << order}-byte buddy block")
        self._push(order, pa)
        self._count(-size_bytes, -(1 << order))
        while order < ORDERS - 1:
            buddy = pa ^ (1 << order)
            if not self._remove_buddy(order, pa, buddy):
                break
            self._pop(order)
            self._push(order + 1, min(pa, buddy))
            self.sink.emit(EventKind.BLOCK_MERGE, "buddy", pa, buddy, 2 << order)
            pa = min(pa, buddy)
            order += 1

    def free_list(self, order: int) -> tuple[int, ...]:
        """Addresses of the free blocks of 2**order bytes, head first."""
        return self._chain(self.mem.read_u64(self.control_pa + HEADS + 8 * order))

    def _push(self, order: int, block: int) -> None:
        mem = self.mem
        head_pa = self.control_pa + HEADS + 8 * order
        mem.write_u64(block, mem.read_u64(head_pa))
        mem.write_u64(head_pa, block)

    def _pop(self, order: int) -> int:
        mem = self.mem
        head_pa = self.control_pa + HEADS + 8 * order
        block = mem.read_u64(head_pa)
        mem.write_u64(head_pa, mem.read_u64(block))
        return block

    def _remove_buddy(self, order: int, pa: int, buddy: int) -> bool:
        """Unlink `buddy` behind the just pushed `pa` by a scan of the list; False if not there."""
        mem = self.mem
        read = mem.read_u64
        link = pa  # the list head is `pa`
        block = read(link)
        left = mem.size_bytes >> order
        while block:
            left -= 1
            if left < 0:
                raise KernelPanic(f"the list of {1 << order}-byte blocks is a circle: overwritten")
            if block == buddy:
                mem.write_u64(link, read(block))
                return True
            if block == pa:
                # Not an endless loop only by luck: `pa` was in the list before it was freed.
                raise KernelPanic(f"the {1 << order}-byte buddy block at {pa:#x} is freed twice")
            link = block
            block = read(link)
        return False

    def _count(self, requested: int, rounded: int) -> None:
        mem, control = self.mem, self.control_pa
        mem.write_u64(control + REQUESTED, mem.read_u64(control + REQUESTED) + requested)
        mem.write_u64(control + USED, mem.read_u64(control + USED) + rounded)


def _order(size_bytes: int, align_bytes: int) -> int:
    """Log2 of the block size for a request.

    Raises:
        AxError: INVALID_INPUT, above 2**31 bytes.
    """
    order = max((size_bytes - 1).bit_length(), align_bytes.bit_length() - 1, 3)
    if order >= ORDERS:
        raise invalid_input(f"{size_bytes} bytes are above the buddy heap's largest block, 2 GiB")
    return order
