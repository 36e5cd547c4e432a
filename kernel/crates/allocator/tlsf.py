"""TlsfByteAllocator: two-level segregated fit, O(1); ArceOS's default heap.

Free lists form a 28 x 32 matrix: row `fl` holds sizes from 32 * 2**fl, column `sl` divides the row
into 32 equal steps. A u32 of rows and a u32 per row say which lists have a block, so a fitting one
is found by two count-trailing-zeros. Physical blocks are chained by size and back link:

    block +0x00  u64 size, a multiple of 32; bit 0 USED, bit 1 SENTINEL
          +0x08  u64 previous physical block (0: first of its pool)
          +0x10  free: u64 next_free;  used: the payload (aligned up; see `dealloc`)
          +0x18  free: u64 prev_free

A pool ends with a USED|SENTINEL block of 32 bytes. Neighbours coalesce at once when freed.

Control structure: the header of pools.py, then u32 fl_bitmap, 28 x u32 sl_bitmap, padding to
+0x2C0, 28 x 32 x u64 first_free.

Source: yvt/rlsf crates/rlsf/src/tlsf.rs as `Tlsf<u32, u32, 28, 32>`; arceos-org/allocator
src/tlsf.rs, whose `used_bytes` counts requested sizes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from kernel.crates.allocator import check_layout, invalid_input, no_memory
from kernel.crates.allocator.pools import HEADER_BYTES, REQUESTED, USED, PooledAllocator
from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind

GRANULARITY = 32
HEADER = 16  # of a used block
FL_LEN = 28
SL_LEN = 32
USED_BIT = 1
SENTINEL_BIT = 2
SIZE_MASK = -GRANULARITY
MAX_POOL_BYTES = GRANULARITY << FL_LEN

FL_BITMAP = HEADER_BYTES
SL_BITMAPS = FL_BITMAP + 4
FIRST_FREE = 0x2C0
TLSF_CONTROL_BYTES = FIRST_FREE + 8 * FL_LEN * SL_LEN

_HEADER = struct.Struct("<QQ")
_FREE_BLOCK = struct.Struct("<QQQQ")


def map_floor(size_bytes: int) -> tuple[int, int]:
    """The list a free block of this size (a multiple of 32) goes into: (fl, sl)."""
    fl = size_bytes.bit_length() - 6
    return fl, (size_bytes >> fl) & 31


def map_ceil(size_bytes: int) -> tuple[int, int]:
    """The first list all of whose blocks have at least this size; fl may be FL_LEN: none."""
    fl = size_bytes.bit_length() - 6
    sl = (size_bytes + (1 << fl) - 1) >> fl  # 32 .. 64
    return (fl + 1, 0) if sl == 64 else (fl, sl & 31)


class Block(NamedTuple):
    """A physical block's header as RAM has it."""

    pa: int
    size_bytes: int
    is_used: bool
    is_sentinel: bool
    prev_pa: int


class TlsfByteAllocator(PooledAllocator):
    """A TLSF heap."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Name in events and views."""
        return "TLSF"

    def init(self, start_pa: int, size_bytes: int) -> None:
        """Start over with one pool."""
        self.mem.zero(self.control_pa, TLSF_CONTROL_BYTES)
        self.add_memory(start_pa, size_bytes)

    def add_memory(self, start_pa: int, size_bytes: int) -> None:
        """Make a region a pool: one free block and a sentinel. Pools never join.

        Raises:
            AxError: INVALID_INPUT, below 64 bytes, above 8 GiB or overlapping; NO_MEMORY.
        """
        start = (start_pa + GRANULARITY - 1) & -GRANULARITY
        size = (start_pa + size_bytes - start) & -GRANULARITY
        if not 2 * GRANULARITY <= size <= MAX_POOL_BYTES:
            raise invalid_input(f"{size_bytes} bytes at {start_pa:#x} are no size for a TLSF pool")
        self._check_pool(start, size)
        free = size - GRANULARITY
        self.mem.write(start, _HEADER.pack(free, 0))
        sentinel = GRANULARITY | USED_BIT | SENTINEL_BIT
        self.mem.write(start + free, _HEADER.pack(sentinel, start))
        self._link(start, free, 0)
        self._add_pool(start, size, size_bytes)

    # -- allocation -------------------------------------------------------------------------------

    def alloc(self, size_bytes: int, align_bytes: int) -> int:
        """Allocate by good fit; what the block has too much is split off behind.

        Raises:
            AxError: NO_MEMORY, no list surely fits; INVALID_INPUT.
        """
        check_layout(size_bytes, align_bytes)
        mem = self.mem
        need = size_bytes + HEADER + (align_bytes - HEADER if align_bytes > HEADER else 0)
        need = (need + GRANULARITY - 1) & -GRANULARITY
        block, size = self._take(need)
        pa = (block + HEADER + align_bytes - 1) & -align_bytes
        kept = (pa - block + size_bytes + GRANULARITY - 1) & -GRANULARITY
        if kept != size:
            rest = block + kept
            self._link(rest, size - kept, block)
            mem.write_u64(block + size + 8, rest)
        mem.write_u64(block, kept | USED_BIT)
        if align_bytes >= GRANULARITY:
            mem.write_u64(pa - 8, block)
        control = self.control_pa
        mem.write_u64(control + USED, mem.read_u64(control + USED) + size_bytes)
        mem.write_u64(control + REQUESTED, mem.read_u64(control + REQUESTED) + size_bytes)
        if kept != size:
            self.sink.emit(EventKind.BLOCK_SPLIT, "TLSF", block, size, kept)
        return pa

    def dealloc(self, pa: int, size_bytes: int, align_bytes: int) -> None:
        """Free a block and join it with free neighbours.

        The header is 16 bytes before the payload, or where the word before a payload aligned to
        32 bytes or more points.

        Raises:
            KernelPanic: There is no used block.
        """
        mem = self.mem
        block = mem.read_u64(pa - 8) if align_bytes >= GRANULARITY else pa - HEADER
        word, prev = self._header(block, pa)
        if word & (USED_BIT | SENTINEL_BIT) != USED_BIT or size_bytes > (word & SIZE_MASK):
            raise KernelPanic(f"freeing {pa:#x}: no TLSF block of {size_bytes} bytes in use")
        freed, size = block, word & SIZE_MASK
        after = block + size
        next_size = mem.read_u64(after)
        joined = prev_size = 0
        if not next_size & USED_BIT:
            self._unlink(after, next_size)
            joined, size = after, size + next_size
            after += next_size
        if prev:
            prev_size = mem.read_u64(prev)
            if prev_size & USED_BIT:
                prev_size = 0
            else:
                self._unlink(prev, prev_size)
                block, size = prev, size + prev_size
                prev = mem.read_u64(block + 8)
        self._link(block, size, prev)
        mem.write_u64(after + 8, block)
        control = self.control_pa
        mem.write_u64(control + USED, mem.read_u64(control + USED) - size_bytes)
        mem.write_u64(control + REQUESTED, mem.read_u64(control + REQUESTED) - size_bytes)
        if joined:
            self.sink.emit(EventKind.BLOCK_MERGE, "TLSF", freed, joined, size - prev_size)
        if prev_size:
            self.sink.emit(EventKind.BLOCK_MERGE, "TLSF", freed, block, size)

    # -- what is in RAM ---------------------------------------------------------------------------

    @property
    def fl_bitmap(self) -> int:
        """Bit fl: row fl has a free block."""
        return self.mem.read_u32(self.control_pa + FL_BITMAP)

    def sl_bitmaps(self) -> tuple[int, ...]:
        """Per row, bit sl: list (fl, sl) has a free block."""
        raw = self.mem.read(self.control_pa + SL_BITMAPS, 4 * FL_LEN)
        return tuple(memoryview(raw).cast("I"))

    def free_list(self, fl: int, sl: int) -> tuple[int, ...]:
        """Addresses of the free blocks in one list, head first."""
        head_pa = self.control_pa + FIRST_FREE + 8 * (fl * SL_LEN + sl)
        return self._chain(self.mem.read_u64(head_pa), 16)

    def blocks(self) -> tuple[Block, ...]:
        """The physical chain of every pool, with its sentinel, in the order of the pools."""
        found: list[Block] = []
        for start, size in self.pools():
            at = start
            while at < start + size:
                word, prev = self._header(at, at)
                length = word & SIZE_MASK
                found.append(
                    Block(at, length, bool(word & USED_BIT), bool(word & SENTINEL_BIT), prev)
                )
                if not length:
                    raise KernelPanic(f"TLSF block {at:#x} has size 0: its header is overwritten")
                at += length
        return tuple(found)

    # -- free lists -------------------------------------------------------------------------------

    def _header(self, block: int, pa: int) -> tuple[int, int]:
        """Size word and back link of a block.

        Raises:
            KernelPanic: `block` is no address of one.
        """
        if block & (GRANULARITY - 1):
            raise KernelPanic(f"freeing {pa:#x}: no TLSF block starts at {block:#x}")
        try:
            return self.mem.read_u64(block), self.mem.read_u64(block + 8)
        except IndexError:
            raise KernelPanic(f"freeing {pa:#x}: it is not in the RAM") from None

    def _take(self, need: int) -> tuple[int, int]:
        """Unlink the first block of the first list that fits: its address and size."""
        mem = self.mem
        control = self.control_pa
        fl, sl = map_ceil(need)
        sl_bits = 0
        if fl < FL_LEN:
            sl_bits = mem.read_u32(control + SL_BITMAPS + 4 * fl) >> sl << sl
            if not sl_bits:
                fl_bits = mem.read_u32(control + FL_BITMAP) >> (fl + 1) << (fl + 1)
                if fl_bits:
                    fl = (fl_bits & -fl_bits).bit_length() - 1
                    sl_bits = mem.read_u32(control + SL_BITMAPS + 4 * fl)
        if not sl_bits:
            raise no_memory(f"the TLSF heap has no free block sure to hold {need} bytes")
        sl = (sl_bits & -sl_bits).bit_length() - 1
        head_pa = control + FIRST_FREE + 8 * (fl * SL_LEN + sl)
        block = mem.read_u64(head_pa)
        size, next_free = mem.read_u64(block), mem.read_u64(block + 16)
        mem.write_u64(head_pa, next_free)
        if next_free:
            mem.write_u64(next_free + 24, 0)
        else:
            self._clear_bits(fl, sl)
        return block, size

    def _link(self, block: int, size: int, prev_phys: int) -> None:
        """Write a free block and make it the head of its list."""
        mem = self.mem
        control = self.control_pa
        fl = size.bit_length() - 6
        sl = (size >> fl) & 31
        head_pa = control + FIRST_FREE + 8 * (fl * SL_LEN + sl)
        head = mem.read_u64(head_pa)
        mem.write(block, _FREE_BLOCK.pack(size, prev_phys, head, 0))
        mem.write_u64(head_pa, block)
        if head:
            mem.write_u64(head + 24, block)
            return
        row_pa = control + SL_BITMAPS + 4 * fl
        row = mem.read_u32(row_pa)
        mem.write_u32(row_pa, row | 1 << sl)
        if not row:
            fl_pa = control + FL_BITMAP
            mem.write_u32(fl_pa, mem.read_u32(fl_pa) | 1 << fl)

    def _unlink(self, block: int, size: int) -> None:
        """Take a free block out of its list."""
        mem = self.mem
        next_free, prev_free = _HEADER.unpack(mem.read(block + 16, 16))
        if next_free:
            mem.write_u64(next_free + 24, prev_free)
        if prev_free:
            mem.write_u64(prev_free + 16, next_free)
            return
        fl = size.bit_length() - 6
        sl = (size >> fl) & 31
        mem.write_u64(self.control_pa + FIRST_FREE + 8 * (fl * SL_LEN + sl), next_free)
        if not next_free:
            self._clear_bits(fl, sl)

    def _clear_bits(self, fl: int, sl: int) -> None:
        """List (fl, sl) became empty."""
        mem = self.mem
        row_pa = self.control_pa + SL_BITMAPS + 4 * fl
        row = mem.read_u32(row_pa) & ~(1 << sl)
        mem.write_u32(row_pa, row)
        if not row:
            fl_pa = self.control_pa + FL_BITMAP
            mem.write_u32(fl_pa, mem.read_u32(fl_pa) & ~(1 << fl))
