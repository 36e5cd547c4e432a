"""The allocators as frozen views, decoded from the bytes in RAM.

Only `live` (what each block is) comes from the Python side: ArceOS keeps it nowhere.
"""

from __future__ import annotations

from kernel.crates.allocator.bitmap import BitmapPageAllocator
from kernel.crates.allocator.buddy import ORDERS, BuddyByteAllocator
from kernel.crates.allocator.pools import PooledAllocator
from kernel.crates.allocator.slab import SlabByteAllocator
from kernel.crates.allocator.tlsf import GRANULARITY, SL_LEN, TlsfByteAllocator
from kernel.crates.errno import KernelPanic
from kernel.crates.views import (
    AllocatorsView,
    BitmapLevelView,
    BlockView,
    ByteAllocView,
    FreeListView,
    PageAllocView,
)
from kernel.modules.axalloc.usage import UsageMap


def allocators_view(
    pages: BitmapPageAllocator,
    usage: UsageMap,
    heap: PooledAllocator,
    live: dict[int, tuple[int, int, str]],
) -> AllocatorsView:
    """Everything the allocator panes show."""
    return AllocatorsView(
        pages=page_view(pages, usage),
        bytes=byte_view(heap),
        live=tuple((pa, size, what) for pa, (size, _, what) in sorted(live.items())),
    )


def page_view(pages: BitmapPageAllocator, usage: UsageMap) -> PageAllocView:
    """The bitmap tree and the owners of the pages."""
    base = pages.base_pa
    return PageAllocView(
        base_pa=base,
        total_pages=pages.total_pages,
        used_pages=pages.used_pages,
        levels=tuple(BitmapLevelView(pages.words(level)) for level in range(pages.levels)),
        owners=tuple(((pa - base) >> 12, count, name) for pa, count, name in usage.runs()),
        largest_free_run=pages.largest_free_run(),
    )


def byte_view(heap: PooledAllocator) -> ByteAllocView:
    """Any of the three byte allocators; only its counters if its structures are overwritten.

    Raises:
        TypeError: None of the three.
    """
    try:
        return _whole_view(heap)
    except (KernelPanic, IndexError) as error:
        total, used, asked = heap.total_bytes, heap.used_bytes, heap.requested_bytes
        why = str(error.args[0]) if error.args else "its structures are overwritten"
        return ByteAllocView(heap.name, total, used, asked, (), (), broken=why)


def _whole_view(heap: PooledAllocator) -> ByteAllocView:
    if isinstance(heap, TlsfByteAllocator):
        return _tlsf_view(heap)
    if isinstance(heap, SlabByteAllocator):
        return _slab_view(heap)
    if isinstance(heap, BuddyByteAllocator):
        return _buddy_view(heap)
    raise TypeError(f"no view of a {type(heap).__name__}")


def _tlsf_view(heap: TlsfByteAllocator) -> ByteAllocView:
    fl_bitmap, sl_bitmaps = heap.fl_bitmap, heap.sl_bitmaps()
    lists: list[FreeListView] = []
    for fl, row in enumerate(sl_bitmaps):
        for sl in range(SL_LEN):
            if row >> sl & 1:
                lowest = (GRANULARITY << fl) + (sl << fl)
                lists.append(FreeListView(f"fl {fl} sl {sl}", lowest, heap.free_list(fl, sl)))
    return ByteAllocView(
        name=heap.name,
        total_bytes=heap.total_bytes,
        used_bytes=heap.used_bytes,
        requested_bytes=heap.requested_bytes,
        free_lists=tuple(lists),
        pools=tuple((pool.pa, pool.size_bytes) for pool in heap.pools()),
        fl_bitmap=fl_bitmap,
        sl_bitmaps=sl_bitmaps,
        blocks=tuple(
            BlockView(block.pa, block.size_bytes, not block.is_used, block.prev_pa)
            for block in sorted(heap.blocks())
        ),
    )


def _buddy_view(heap: BuddyByteAllocator) -> ByteAllocView:
    return ByteAllocView(
        name=heap.name,
        total_bytes=heap.total_bytes,
        used_bytes=heap.used_bytes,
        requested_bytes=heap.requested_bytes,
        free_lists=tuple(
            FreeListView(f"order {order}", 1 << order, heap.free_list(order))
            for order in range(ORDERS)
        ),
        pools=tuple((pool.pa, pool.size_bytes) for pool in heap.pools()),
    )


def _slab_view(heap: SlabByteAllocator) -> ByteAllocView:
    return ByteAllocView(
        name=heap.name,
        total_bytes=heap.total_bytes,
        used_bytes=heap.used_bytes,
        requested_bytes=heap.requested_bytes,
        free_lists=tuple(
            FreeListView(
                f"class {entry.block_bytes}",
                entry.block_bytes,
                heap.free_list(index),
                entry.total_blocks,
            )
            for index, entry in enumerate(heap.classes())
        ),
        pools=tuple((pool.pa, pool.size_bytes) for pool in heap.pools()),
        under=_buddy_view(heap.buddy),
    )
