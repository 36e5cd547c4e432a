"""Memory: the kernel's own byte allocator, handed out as it is.

Source: ArceOS api/arceos_api (`ax_alloc`, `ax_dealloc`); the application's malloc is the kernel's
heap, so its blocks stand among the kernel's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import AxError, ProgramPanic

if TYPE_CHECKING:
    from kernel.plugins.unikernel.core.thread import AppThread

_MAX_ALIGN = 4096
_WHAT = "application"


def ax_alloc(t: AppThread, size: int, align: int) -> int:
    """A block of `size` bytes at a multiple of `align`; its address, or 0."""
    kernel = t.form.kernel
    if align & (align - 1) or align > _MAX_ALIGN:
        raise ProgramPanic(
            f"ax_alloc was asked for alignment {align}: give a power of two up to {_MAX_ALIGN}"
        )
    if not 0 < size <= kernel.ram.size_bytes:
        return 0
    try:
        return kernel.hal.phys_to_virt(kernel.alloc.alloc(size, max(align, 8), _WHAT))
    except AxError:
        return 0


def ax_dealloc(t: AppThread, block: int) -> int:
    """Give a block back; 0 is no block and nothing happens."""
    if not block:
        return 0
    kernel = t.form.kernel
    pa = kernel.hal.virt_to_phys(block)
    live = kernel.alloc.live.get(pa)
    if live is None:
        raise ProgramPanic(
            f"ax_dealloc was given {block:#x}, which is no block of the heap: freed twice, or "
            "never allocated"
        )
    if live[2] != _WHAT:
        raise ProgramPanic(
            f"ax_dealloc was given {block:#x}, which is the kernel's own: {live[2]}, "
            f"{live[0]} bytes"
        )
    kernel.alloc.dealloc(pa)
    return 0


CALLS = {"ax_alloc": ax_alloc, "ax_dealloc": ax_dealloc}
