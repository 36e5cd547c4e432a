"""Advice about memory and its state: madvise(2), mincore(2), msync(2), mlock(2) and friends.

Source: Linux mm/madvise.c, mm/mincore.c, mm/msync.c, mm/mlock.c; man pages.
Differs: nothing is ever swapped out or written back, so locking only brings pages in, msync has
nothing to write, and MADV_FREE leaves the pages (as Linux does while memory lasts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE, align_down, align_up
from kernel.crates.memory_area import (
    DONTCOPY,
    DONTDUMP,
    LOCKED,
    LOCKONFAULT,
    RAND_READ,
    SEQ_READ,
    WIPEONFORK,
)
from kernel.crates.page_table_entry import MappingFlags
from kernel.modules.axmm.backend import Alloc
from kernel.modules.axmm.shared import Shared
from kernel.plugins.starry.api.abi import U64, Handler, as_int32, as_uint32

if TYPE_CHECKING:
    from kernel.crates.memory_area import MemoryArea
    from kernel.plugins.starry.core.thread import Thread

MADV_WILLNEED: Final = 3
MADV_DONTNEED: Final = 4
MADV_FREE: Final = 8
MADV_REMOVE: Final = 9
MADV_WIPEONFORK: Final = 18
MADV_KEEPONFORK: Final = 19
MADV_POPULATE_READ: Final = 22
MADV_POPULATE_WRITE: Final = 23
MADV_DONTNEED_LOCKED: Final = 24
#: NORMAL .. DONTNEED, FREE .. DONTNEED_LOCKED; COLLAPSE needs huge pages, the rest privileges.
_KNOWN: Final = frozenset((*range(5), *range(8, 25)))

_MINCORE_STEP: Final = PAGE_SIZE * PAGE_SIZE

MS_ASYNC: Final = 1
MS_INVALIDATE: Final = 2
MS_SYNC: Final = 4
MLOCK_ONFAULT: Final = 1
MCL_CURRENT: Final = 1
MCL_FUTURE: Final = 2
MCL_ONFAULT: Final = 4

_NOT_LOCKED: Final = (MADV_DONTNEED, MADV_FREE, 20, 21)  # and COLD, PAGEOUT
#: VM_ bits that advice sets and clears: (set, cleared).
_MARKS: Final[dict[int, tuple[int, int]]] = {
    0: (0, RAND_READ | SEQ_READ),  # NORMAL
    1: (RAND_READ, SEQ_READ),  # RANDOM
    2: (SEQ_READ, RAND_READ),  # SEQUENTIAL
    10: (DONTCOPY, 0),  # DONTFORK
    11: (0, DONTCOPY),  # DOFORK
    16: (DONTDUMP, 0),
    17: (0, DONTDUMP),  # DODUMP
    MADV_WIPEONFORK: (WIPEONFORK, 0),
    MADV_KEEPONFORK: (0, WIPEONFORK),
}

_READ: Final = int(MappingFlags.READ)
_WRITE: Final = int(MappingFlags.WRITE)


def _areas(t: Thread, start: int, end: int) -> tuple[list[MemoryArea], bool]:
    """The areas in a range, and whether they leave a gap."""
    areas = t.process.aspace.areas.overlapping(start, end)
    covered = start
    for area in areas:
        if area.start > covered:
            return areas, True
        covered = area.end
    return areas, covered < end


# -- madvise -------------------------------------------------------------------------------------


def sys_madvise(t: Thread, addr: int, length: int, advice: int) -> int:
    """Give advice about a range of memory."""
    advice = as_int32(advice)
    if advice not in _KNOWN or addr & PAGE_MASK:
        raise LinuxError(Errno.EINVAL)
    size = align_up(length)
    end = addr + size
    if size > U64 or end > U64:
        raise LinuxError(Errno.EINVAL)
    if not size:
        return 0
    if advice in (MADV_POPULATE_READ, MADV_POPULATE_WRITE):
        _populate(t, addr, size, advice)
        return 0
    areas, gap = _areas(t, addr, end)
    for area in areas:
        _advise(t, area, max(area.start, addr), min(area.end, end), advice)
    if gap:
        raise LinuxError(Errno.ENOMEM)
    return 0


def _advise(t: Thread, area: MemoryArea, start: int, end: int, advice: int) -> None:
    """Apply advice to a part of one area.

    Raises:
        LinuxError: EINVAL: not for this kind of area.
    """
    backend = area.backend
    is_private_anon = isinstance(backend, Alloc) and backend.source is None
    if advice in _NOT_LOCKED and area.vm_flags & LOCKED:
        raise LinuxError(Errno.EINVAL, "it is locked")
    if advice in (MADV_DONTNEED, MADV_DONTNEED_LOCKED):
        t.process.aspace.discard(start, end - start)
    elif advice in (MADV_FREE, MADV_WIPEONFORK):
        if not is_private_anon:
            raise LinuxError(Errno.EINVAL)
    elif advice == MADV_REMOVE:
        _remove(area, start, end)
    if advice in _MARKS:
        areas, space = t.process.aspace.areas, t.process.aspace
        on, off = _MARKS[advice]
        areas.mark(start, end, off, False, space)
        areas.mark(start, end, on, True, space)


def _remove(area: MemoryArea, start: int, end: int) -> None:
    """MADV_REMOVE: punch a hole into the shared file behind an area.

    Raises:
        LinuxError: EINVAL: not shared; EACCES: not writable; EOPNOTSUPP: no such file system.
    """
    backend = area.backend
    if not isinstance(backend, Shared):
        raise LinuxError(Errno.EINVAL)
    if not area.may & _WRITE:
        raise LinuxError(Errno.EACCES)
    punch = getattr(getattr(backend.pages.node, "pages", None), "punch", None)
    if punch is None:
        raise LinuxError(Errno.EOPNOTSUPP)
    punch(start + backend.delta, end + backend.delta)


def _populate(t: Thread, addr: int, size: int, advice: int) -> None:
    """Bring the pages in, as if read or written.

    Raises:
        LinuxError: ENOMEM: a gap, or no memory; EINVAL: a page may not be touched so.
    """
    access = _WRITE if advice == MADV_POPULATE_WRITE else _READ
    aspace = t.process.aspace
    covered, end = addr, addr + size
    for area in aspace.areas.overlapping(addr, end):
        if area.start > covered:
            break
        if not area.flags & access:
            raise LinuxError(Errno.EINVAL, "its rights forbid it")
        stop = min(area.end, end)
        if not _touch(t, area, covered, stop, access):
            raise LinuxError(Errno.EFAULT, "beyond the end of the file")
        covered = stop
    if covered < end:
        raise LinuxError(Errno.ENOMEM)


def _touch(t: Thread, area: MemoryArea, start: int, end: int, access: int) -> bool:
    """Bring in a part of one area; False if the file behind it ends before."""
    inside = min(end, _file_end(area))
    if inside > start:
        t.process.aspace.populate_area(start, inside - start, access)
    return inside == end


def _file_end(area: MemoryArea) -> int:
    """Where the file behind an area ends, as an address; touching more of it is SIGBUS."""
    backend = area.backend
    if isinstance(backend, Alloc) and backend.source is not None:
        size = backend.source.node.get_attr().size_bytes
    elif isinstance(backend, Shared) and backend.pages.node is not None:
        size = backend.pages.node.get_attr().size_bytes
    elif isinstance(backend, Shared) and backend.pages.size_bytes:
        size = backend.pages.size_bytes
    else:
        return area.end
    return align_up(size) - backend.delta


# -- mincore, msync ------------------------------------------------------------------------------


def sys_mincore(t: Thread, addr: int, length: int, vec: int) -> int:
    """Which pages of a range are in memory: one byte each."""
    aspace = t.process.aspace
    if addr & PAGE_MASK:
        raise LinuxError(Errno.EINVAL)
    if addr > aspace.end or length > aspace.end - addr:
        raise LinuxError(Errno.ENOMEM)
    size = align_up(length)
    for done in range(0, size, _MINCORE_STEP):  # in steps, as Linux: the range may be enormous
        step = min(_MINCORE_STEP, size - done)
        try:
            found = aspace.residency(addr + done, step)
        except AxError as error:
            if error.kind is AxErrorKind.INVALID_INPUT:
                raise LinuxError(Errno.ENOMEM) from error
            raise
        t.mem.write(vec + done // PAGE_SIZE, found)
    return 0


def sys_msync(t: Thread, addr: int, length: int, flags: int) -> int:
    """Write a shared mapping back; its pages are the file's own, so only checks are left."""
    flags = as_int32(flags)
    if flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) or addr & PAGE_MASK:
        raise LinuxError(Errno.EINVAL)
    if flags & MS_ASYNC and flags & MS_SYNC:
        raise LinuxError(Errno.EINVAL)
    end = addr + (align_up(length) & U64)
    if end > U64:
        raise LinuxError(Errno.ENOMEM)
    if end > addr:
        areas, gap = _areas(t, addr, end)
        if flags & MS_INVALIDATE and any(area.vm_flags & LOCKED for area in areas):
            raise LinuxError(Errno.EBUSY)
        if gap:
            raise LinuxError(Errno.ENOMEM)
    return 0


# -- mlock ---------------------------------------------------------------------------------------


def _lock(t: Thread, addr: int, length: int, bits: int, *, bring_in: bool) -> int:
    """Give the areas of a range these VM_LOCK bits, and perhaps bring its pages in.

    Raises:
        LinuxError: EINVAL: it wraps around; ENOMEM: a gap, no memory, or PROT_NONE.
    """
    start = align_down(addr)
    size = align_up(length + (addr & PAGE_MASK)) & U64
    end = start + size
    if end > U64:
        raise LinuxError(Errno.EINVAL)
    if not size:
        return 0
    if t.process.aspace.areas.find(start) is None:
        raise LinuxError(Errno.ENOMEM)
    areas, gap = _areas(t, start, end)
    _mark_locked(t, start, _first_gap(areas, start, end), bits)
    if gap:
        raise LinuxError(Errno.ENOMEM)
    if bring_in:
        for area in t.process.aspace.areas.overlapping(start, end):
            _bring_in(t, area, max(area.start, start), min(area.end, end))
    return 0


def _first_gap(areas: list[MemoryArea], start: int, end: int) -> int:
    """Where the first gap begins, or `end`."""
    for area in areas:
        if area.start > start:
            break
        start = area.end
    return min(start, end)


def _mark_locked(t: Thread, start: int, end: int, bits: int) -> None:
    """Make the VM_LOCK bits of a range exactly `bits`."""
    space = t.process.aspace
    space.areas.mark(start, end, (LOCKED | LOCKONFAULT) & ~bits, False, space)
    space.areas.mark(start, end, bits, True, space)


def _bring_in(t: Thread, area: MemoryArea, start: int, end: int) -> None:
    """Populate a part of one area.

    Raises:
        LinuxError: ENOMEM: it cannot be touched, or there is no memory.
    """
    if not area.flags & 7:
        raise LinuxError(Errno.ENOMEM)
    if not _touch(t, area, start, end, _WRITE if area.flags & _WRITE else _READ):
        raise LinuxError(Errno.ENOMEM, "beyond the end of the file")


def sys_mlock(t: Thread, addr: int, length: int) -> int:
    """Lock a range into memory."""
    return _lock(t, addr, length, LOCKED, bring_in=True)


def sys_mlock2(t: Thread, addr: int, length: int, flags: int) -> int:
    """Lock a range into memory, perhaps only as its pages come in."""
    flags = as_int32(flags)
    if flags & ~MLOCK_ONFAULT:
        raise LinuxError(Errno.EINVAL)
    return _lock(t, addr, length, LOCKED | LOCKONFAULT if flags else LOCKED, bring_in=not flags)


def sys_munlock(t: Thread, addr: int, length: int) -> int:
    """Unlock a range."""
    return _lock(t, addr, length, 0, bring_in=False)


def sys_mlockall(t: Thread, flags: int) -> int:
    """Lock everything mapped now, or from now on."""
    flags = as_int32(flags)
    if not flags or flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) or flags == MCL_ONFAULT:
        raise LinuxError(Errno.EINVAL)
    t.process.lock_all = flags & (MCL_FUTURE | MCL_ONFAULT) if flags & MCL_FUTURE else 0
    if flags & MCL_CURRENT:
        space = t.process.aspace
        bits = LOCKED | LOCKONFAULT if flags & MCL_ONFAULT else LOCKED
        _mark_locked(t, space.base, space.end, bits)
    if flags & MCL_CURRENT and not flags & MCL_ONFAULT:
        for area in list(t.process.aspace.areas):
            if area.flags & 7:
                try:
                    _bring_in(t, area, area.start, area.end)
                except (AxError, LinuxError):
                    continue  # mlockall ignores what cannot be populated
    return 0


def sys_munlockall(t: Thread) -> int:
    """Unlock everything."""
    space = t.process.aspace
    t.process.lock_all = 0
    _mark_locked(t, space.base, space.end, 0)
    return 0


def _need_pkeys(t: Thread) -> None:
    if t.arch.name != "x86_64":
        raise LinuxError(Errno.ENOSYS)


def sys_pkey_alloc(t: Thread, flags: int, rights: int) -> int:
    """Get a protection key; the processor has none left, having none at all."""
    _need_pkeys(t)
    if flags or rights & ~3:
        raise LinuxError(Errno.EINVAL)
    raise LinuxError(Errno.ENOSPC)


def sys_pkey_free(t: Thread, pkey: int) -> int:
    """Give a protection key back; nobody can have one."""
    _need_pkeys(t)
    as_uint32(pkey)
    raise LinuxError(Errno.EINVAL)


CALLS: dict[str, Handler] = {
    "madvise": sys_madvise,
    "mincore": sys_mincore,
    "mlock": sys_mlock,
    "mlock2": sys_mlock2,
    "mlockall": sys_mlockall,
    "msync": sys_msync,
    "munlock": sys_munlock,
    "munlockall": sys_munlockall,
    "pkey_alloc": sys_pkey_alloc,
    "pkey_free": sys_pkey_free,
}
