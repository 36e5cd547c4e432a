"""mremap(2): resize or move a mapping.

Source: Linux mm/mremap.c (6.1: `sys_mremap`, `mremap_to`, `vma_to_resize`).
Differs from StarryOS: pages move by their page-table entries; nothing is copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.memory_addr import PAGE_MASK, align_up
from kernel.crates.memory_area import LOCKED, LOCKONFAULT
from kernel.modules.axmm.shared import Shared
from kernel.plugins.starry.api.abi import U64, Handler
from kernel.plugins.starry.api.mm import check_commit, check_room, find_area, is_data

if TYPE_CHECKING:
    from kernel.crates.memory_area import MemoryArea
    from kernel.plugins.starry.core.thread import Thread

MREMAP_MAYMOVE: Final = 1
MREMAP_FIXED: Final = 2
MREMAP_DONTUNMAP: Final = 4


def sys_mremap(
    t: Thread, addr: int, old_length: int, new_length: int, flags: int, new_addr: int
) -> int:
    """Resize or move a mapping; its address afterwards."""
    _check_arguments(addr, old_length, new_length, flags)
    old_size, new_size = align_up(old_length) & U64, align_up(new_length) & U64
    if not new_size:
        raise LinuxError(Errno.EINVAL)
    aspace = t.process.aspace
    if aspace.areas.find(addr) is None:
        raise LinuxError(Errno.EFAULT)
    if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP):
        return _remap_to(t, addr, old_size, new_size, flags, new_addr)
    if old_size >= new_size:
        if old_size > new_size:
            _unmap_tail(t, addr, old_size, new_size)
        return addr
    area = _resizable(t, addr, old_size, new_size)
    if old_size == area.end - addr and aspace.grow_area(area.end, addr + new_size):
        return addr
    if not flags & MREMAP_MAYMOVE:
        raise LinuxError(Errno.ENOMEM)
    target = find_area(t, 0, new_size)
    aspace.move_area(addr, old_size, target, new_size)
    return target


def _check_arguments(addr: int, old_length: int, new_length: int, flags: int) -> None:
    """What is wrong without looking at any area.

    Raises:
        LinuxError: EINVAL.
    """
    known = MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP
    if flags & ~known or (flags & MREMAP_FIXED and not flags & MREMAP_MAYMOVE):
        raise LinuxError(Errno.EINVAL)
    if flags & MREMAP_DONTUNMAP and (not flags & MREMAP_MAYMOVE or old_length != new_length):
        raise LinuxError(Errno.EINVAL)
    if addr & PAGE_MASK:
        raise LinuxError(Errno.EINVAL)


def _unmap_tail(t: Thread, addr: int, old_size: int, new_size: int) -> None:
    """Cut a mapping to `new_size`.

    Raises:
        LinuxError: EINVAL: the old range leaves user space.
    """
    aspace = t.process.aspace
    if addr + old_size > aspace.end:
        raise LinuxError(Errno.EINVAL)
    aspace.unmap(addr + new_size, old_size - new_size)


def _resizable(t: Thread, addr: int, old_size: int, new_size: int) -> MemoryArea:
    """The area at `addr`, if it may change its size (`vma_to_resize`).

    Raises:
        LinuxError: EFAULT, EINVAL, ENOMEM.
    """
    area = t.process.aspace.areas.find(addr)
    if area is None:
        raise LinuxError(Errno.EFAULT)
    if not old_size and not isinstance(area.backend, Shared):
        raise LinuxError(Errno.EINVAL)
    if old_size > area.end - addr:
        raise LinuxError(Errno.EFAULT)
    if new_size > old_size:
        check_room(t, new_size - old_size, data=is_data(area))
        if is_data(area):
            check_commit(t, new_size - old_size)
    return area


def _remap_to(t: Thread, addr: int, old_size: int, new_size: int, flags: int, new_addr: int) -> int:
    """MREMAP_FIXED and MREMAP_DONTUNMAP (`mremap_to`)."""
    aspace = t.process.aspace
    end = aspace.end
    if new_addr & PAGE_MASK or new_size > end or new_addr > end - new_size:
        raise LinuxError(Errno.EINVAL)
    if addr + old_size > new_addr and new_addr + new_size > addr:
        raise LinuxError(Errno.EINVAL)
    if flags & MREMAP_FIXED:
        if new_addr < aspace.base:
            raise LinuxError(Errno.EPERM, "mmap_min_addr")
        aspace.unmap(new_addr, new_size)
    if old_size > new_size:
        _unmap_tail(t, addr, old_size, new_size)
        old_size = new_size
    area = _resizable(t, addr, old_size, new_size)
    target = new_addr if flags & MREMAP_FIXED else find_area(t, new_addr, new_size)
    if not flags & MREMAP_DONTUNMAP:
        aspace.move_area(addr, old_size, target, new_size)
        return target
    check_room(t, old_size, data=is_data(area))
    # The old area stays as a mapping of the same thing without pages.
    aspace.move_area(addr, old_size, target, new_size, keep_old=True)
    area.vm_flags &= ~(LOCKED | LOCKONFAULT)
    if (area.start, area.end) == (addr, addr + old_size):
        area.anon = 0
    return target


CALLS: dict[str, Handler] = {"mremap": sys_mremap}
