"""Mapping memory: mmap(2), munmap(2), mprotect(2), brk(2).

The checks stand in Linux's order, so that several mistakes at once give the same errno.
Source: Linux mm/mmap.c (`do_mmap`, `get_unmapped_area`, `brk`), mm/mprotect.c, mm/util.c
(`__vm_enough_memory`); man pages; S002 chapter on memory calls.
Differs from starry-next: file mappings are lazy and shared ones are shared, results and errors are
Linux's. Huge pages do not exist: MAP_HUGETLB finds an empty pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE, align_down, align_up
from kernel.crates.memory_area import LOCKED, NORESERVE
from kernel.crates.page_table_entry import MappingFlags
from kernel.crates.vfs import VfsNodeType, make_dev
from kernel.modules.axmm.backend import Alloc, Backend, FileSource
from kernel.modules.axmm.shared import Shared, SharedPages
from kernel.plugins.starry.api.abi import U64, Handler, as_int32
from kernel.plugins.starry.api.seals import may_protect
from kernel.plugins.starry.core.layout import MMAP_MIN_ADDR
from kernel.plugins.starry.core.limits import INFINITY, Resource

if TYPE_CHECKING:
    from kernel.crates.memory_area import MemoryArea
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.plugins.starry.core.file import OpenFile
    from kernel.plugins.starry.core.thread import Thread

PROT_READ: Final = 1
PROT_WRITE: Final = 2
PROT_EXEC: Final = 4
PROT_SEM: Final = 8
PROT_GROWSDOWN: Final = 0x0100_0000
PROT_GROWSUP: Final = 0x0200_0000

MAP_SHARED: Final = 1
MAP_PRIVATE: Final = 2
MAP_SHARED_VALIDATE: Final = 3
MAP_TYPE: Final = 0xF
MAP_FIXED: Final = 0x10
MAP_ANONYMOUS: Final = 0x20
MAP_32BIT: Final = 0x40
MAP_GROWSDOWN: Final = 0x100
MAP_LOCKED: Final = 0x2000
MAP_NORESERVE: Final = 0x4000
MAP_POPULATE: Final = 0x8000
MAP_NONBLOCK: Final = 0x1_0000
MAP_HUGETLB: Final = 0x4_0000
MAP_FIXED_NOREPLACE: Final = 0x10_0000
#: What MAP_SHARED ignores silently and MAP_SHARED_VALIDATE still accepts (LEGACY_MAP_MASK).
_LEGACY_MASK: Final = 0x0407_F97F
_HUGE_SHIFT: Final = 26
_HUGE_SIZES: Final = (0, 21, 30)

MAX_MAP_COUNT: Final = 65_530
_MAX_FILE_BYTES: Final = (1 << 63) - 1
_LOW_4G: Final = (0x4000_0000, 0x8000_0000)  # where x86's MAP_32BIT goes
_DEV_ZERO: Final = make_dev(1, 5)
_WRITE: Final = int(MappingFlags.WRITE)
_USER: Final = int(MappingFlags.USER)


# -- what the whole family uses ------------------------------------------------------------------


def check_room(t: Thread, added: int, *, replaced: tuple[int, int] = (0, 0), data: bool) -> None:
    """RLIMIT_AS, RLIMIT_DATA and the count of areas (`may_expand_vm`).

    Args:
        t: The caller.
        added: Bytes of new mapping.
        replaced: (start, end) that MAP_FIXED unmaps first.
        data: Whether they are private and writable.

    Raises:
        LinuxError: ENOMEM.
    """
    aspace = t.process.aspace
    if len(aspace.areas) > MAX_MAP_COUNT:
        raise LinuxError(Errno.ENOMEM, "too many areas")
    limits = t.process.limits
    limit = limits.soft(Resource.AS)
    if limit != INFINITY:
        used = sum(area.size_bytes for area in aspace.areas) - _covered(aspace, *replaced)
        if used + added > limit:
            raise LinuxError(Errno.ENOMEM, "RLIMIT_AS")
    limit = limits.soft(Resource.DATA)
    if data and limit != INFINITY:
        used = sum(area.size_bytes for area in aspace.areas if is_data(area))
        if used + added > limit:
            raise LinuxError(Errno.ENOMEM, "RLIMIT_DATA")


def check_commit(t: Thread, size: int) -> None:
    """Heuristic overcommit: one piece larger than all RAM is refused (`__vm_enough_memory`).

    Raises:
        LinuxError: ENOMEM.
    """
    if size > t.kernel.ram.size_bytes:
        raise LinuxError(Errno.ENOMEM, "more than all memory")


def is_data(area: MemoryArea) -> bool:
    """Whether an area counts for RLIMIT_DATA: private, writable, no stack."""
    return bool(area.flags & _WRITE) and isinstance(area.backend, Alloc) and not area.grows_down


def _covered(aspace: AddrSpace, start: int, end: int) -> int:
    """Mapped bytes in a range."""
    return sum(
        min(area.end, end) - max(area.start, start) for area in aspace.areas.overlapping(start, end)
    )


def find_area(t: Thread, hint: int, size: int) -> int:
    """Where a new mapping goes: the hint if it is free, else top-down below the stack's room.

    Raises:
        LinuxError: ENOMEM.
    """
    layout = t.starry.layout
    found = t.process.aspace.find_mmap_area(hint, size, MMAP_MIN_ADDR, layout.mmap_top)
    if found is None:
        raise LinuxError(Errno.ENOMEM, "no hole is large enough")
    return found


# -- mmap ----------------------------------------------------------------------------------------


def sys_mmap(t: Thread, addr: int, length: int, prot: int, flags: int, fd: int, offset: int) -> int:
    """Map memory or a file; the address of the new mapping."""
    if offset & PAGE_MASK:
        raise LinuxError(Errno.EINVAL, "the offset is not a page boundary")
    file: OpenFile | None = None
    if not flags & MAP_ANONYMOUS:
        file = t.fds.get(as_int32(fd))
        if flags & MAP_HUGETLB:
            raise LinuxError(Errno.EINVAL)
    elif flags & MAP_HUGETLB:
        known = flags >> _HUGE_SHIFT & 0x3F in _HUGE_SIZES
        raise LinuxError(Errno.ENOMEM if known else Errno.EINVAL, "there are no huge pages")
    if not length:
        raise LinuxError(Errno.EINVAL)
    size = align_up(length)
    if size > U64:
        raise LinuxError(Errno.ENOMEM)
    va = _place(t, addr, size, flags)
    shared = _check_type(t, file, prot, flags, offset, size)
    accounted = bool(prot & PROT_WRITE) and not shared
    fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)
    replaced = (va, va + size) if fixed else (0, 0)
    check_room(t, size, replaced=replaced, data=accounted)
    if not flags & MAP_NORESERVE and (accounted or (shared and file is None)):
        check_commit(t, size)
    may = may_protect(file, prot, shared=shared)
    backend = _new_backend(t, file, prot, flags, offset, size, shared)
    t.process.aspace.map(
        va,
        size,
        prot & 7 | _USER,
        backend,
        name=file.path if file is not None else "",
        may=may,
        grows_down=bool(flags & MAP_GROWSDOWN),
        unmap_overlap=bool(fixed),
        vm_flags=_area_bits(t, flags),
    )
    return va


def _area_bits(t: Thread, flags: int) -> int:
    """The VM_ bits of a new area that keep it apart from others."""
    bits = NORESERVE if flags & MAP_NORESERVE else 0
    if flags & MAP_LOCKED or t.process.lock_all:
        bits |= LOCKED
    return bits


def _place(t: Thread, addr: int, size: int, flags: int) -> int:
    """The address of a mapping (`get_unmapped_area` and what surrounds it)."""
    aspace = t.process.aspace
    end = aspace.end
    if size > end - MMAP_MIN_ADDR:
        raise LinuxError(Errno.ENOMEM)
    if not flags & (MAP_FIXED | MAP_FIXED_NOREPLACE):
        hint = align_down(addr)
        if 0 < hint < MMAP_MIN_ADDR:
            hint = MMAP_MIN_ADDR
        if flags & MAP_32BIT and t.arch.name == "x86_64":
            return _place_low(aspace, hint, size)
        return find_area(t, hint, size)
    if addr > end - size:
        raise LinuxError(Errno.ENOMEM)
    if addr & PAGE_MASK:
        raise LinuxError(Errno.EINVAL)
    if addr < aspace.base:
        raise LinuxError(Errno.EPERM, "mmap_min_addr")
    if flags & MAP_FIXED_NOREPLACE and aspace.areas.overlaps(addr, addr + size):
        raise LinuxError(Errno.EEXIST)
    return addr


def _place_low(aspace: AddrSpace, hint: int, size: int) -> int:
    """MAP_32BIT: in the second gigabyte, from its top, so that brk keeps its room."""
    low, high = _LOW_4G
    if low <= hint and hint + size <= high and not aspace.areas.overlaps(hint, hint + size):
        return hint
    found = aspace.areas.find_free_top_down(size, low, high)
    if found is None:
        raise LinuxError(Errno.ENOMEM)
    return found


def _check_type(
    t: Thread, file: OpenFile | None, prot: int, flags: int, offset: int, size: int
) -> bool:
    """Check MAP_TYPE against the file and its mode; whether the mapping is shared."""
    kind = flags & MAP_TYPE
    if file is None:
        if kind == MAP_SHARED:
            if flags & MAP_GROWSDOWN:
                raise LinuxError(Errno.EINVAL)
            return True
        if kind != MAP_PRIVATE:
            raise LinuxError(Errno.EINVAL)
        return False
    if offset + size > _MAX_FILE_BYTES:
        raise LinuxError(Errno.EOVERFLOW)
    if kind == MAP_SHARED_VALIDATE and flags & ~(_LEGACY_MASK | MAP_TYPE):
        raise LinuxError(Errno.EOPNOTSUPP)
    if kind in (MAP_SHARED, MAP_SHARED_VALIDATE):
        if prot & PROT_WRITE and not file.writable:
            raise LinuxError(Errno.EACCES)
    elif kind != MAP_PRIVATE:
        raise LinuxError(Errno.EINVAL)
    if not file.readable:
        raise LinuxError(Errno.EACCES)
    if not _can_map(file):
        raise LinuxError(Errno.ENODEV)
    if flags & MAP_GROWSDOWN:
        raise LinuxError(Errno.EINVAL)
    return kind != MAP_PRIVATE


def _can_map(file: OpenFile) -> bool:
    """Whether this kind of file has an mmap operation."""
    node = file.node
    if node is None:
        return False
    if node.attr.kind is VfsNodeType.FILE:
        return hasattr(node, "pages")
    return _is_dev_zero(file)


def _is_dev_zero(file: OpenFile) -> bool:
    node = file.node
    if node is None or node.attr.kind is not VfsNodeType.CHAR_DEVICE:
        return False
    return node.attr.rdev == _DEV_ZERO


def _new_backend(
    t: Thread, file: OpenFile | None, prot: int, flags: int, offset: int, size: int, shared: bool
) -> Backend:
    """What fills the new area."""
    wants = flags & (MAP_POPULATE | MAP_NONBLOCK) == MAP_POPULATE or flags & MAP_LOCKED
    populate = bool(wants) and bool(prot & 7)
    aspace = t.process.aspace
    if file is None or _is_dev_zero(file):
        if shared:
            t.starry.shared_count += 1
            pages = SharedPages(aspace.frames, ident=t.starry.shared_count, size_bytes=size)
            return Shared(pages, 0, populate)
        return Alloc(populate)
    node = file.node
    assert node is not None
    if shared:
        return Shared(SharedPages.of_file(aspace.frames, node), offset, populate)
    return Alloc(populate, FileSource(node, offset))


# -- munmap, mprotect ----------------------------------------------------------------------------


def sys_munmap(t: Thread, addr: int, length: int) -> int:
    """Unmap a range; holes in it are fine."""
    aspace = t.process.aspace
    end = aspace.end
    if addr & PAGE_MASK or addr > end or length > end - addr or not length:
        raise LinuxError(Errno.EINVAL)
    start, stop = max(addr, aspace.base), align_up(addr + length)
    if start < stop:
        aspace.unmap(start, min(stop, end) - start)
    return 0


def sys_mprotect(t: Thread, addr: int, length: int, prot: int) -> int:
    """Change the rights of a range of pages."""
    aspace = t.process.aspace
    grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP)
    prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP)
    if grows == PROT_GROWSDOWN | PROT_GROWSUP or addr & PAGE_MASK:
        raise LinuxError(Errno.EINVAL)
    if not length:
        return 0
    end = addr + (align_up(length) & U64)
    if not addr < end <= U64:
        raise LinuxError(Errno.ENOMEM)
    if prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM):
        raise LinuxError(Errno.EINVAL)
    areas = aspace.areas.overlapping(addr, end)
    if not areas:
        raise LinuxError(Errno.ENOMEM)
    first = areas[0]
    if grows == PROT_GROWSDOWN:
        addr = first.start
        if not first.grows_down:
            raise LinuxError(Errno.EINVAL)
    elif first.start > addr:
        raise LinuxError(Errno.ENOMEM)
    elif grows:
        raise LinuxError(Errno.EINVAL)  # nothing grows up on these machines
    # Beyond user space nothing is mapped: the part before is changed, then comes ENOMEM.
    inside = min(end, aspace.end)
    aspace.protect(addr, inside - addr, prot & 7 | _USER)
    if inside < end:
        raise LinuxError(Errno.ENOMEM)
    return 0


def sys_pkey_mprotect(t: Thread, addr: int, length: int, prot: int, pkey: int) -> int:
    """Change rights and protection key; the processors here have no keys, so only -1 is one."""
    if as_int32(pkey) != -1:
        raise LinuxError(Errno.EINVAL)
    return sys_mprotect(t, addr, length, prot)


# -- brk -----------------------------------------------------------------------------------------


def sys_brk(t: Thread, addr: int) -> int:
    """Move the end of the heap; the new end, or the old one if that is not possible."""
    process = t.process
    aspace = process.aspace
    old, start = aspace.brk, aspace.brk_start
    limit = process.limits.soft(Resource.DATA)
    image_start, image_end = process.image
    if addr < start or (limit != INFINITY and addr - start + image_end - image_start > limit):
        return old
    old_page, new_page = align_up(old), align_up(addr)
    try:
        if new_page < old_page:
            aspace.unmap(new_page, old_page - new_page)
        elif new_page > old_page:
            _grow_heap(t, old_page, new_page)
    except (LinuxError, AxError):
        return old
    if addr != old:
        aspace.brk = addr
        t.kernel.events.emit(EventKind.BRK, aspace.ident, old, addr)
    return addr


def _grow_heap(t: Thread, old_page: int, new_page: int) -> None:
    """Map `[old_page, new_page)` as heap.

    Raises:
        LinuxError: ENOMEM: a limit, or another area is in the way.
        AxError: NO_MEMORY.
    """
    aspace = t.process.aspace
    size = new_page - old_page
    following = aspace.areas.after(old_page)
    room = aspace.end if following is None else following.start - PAGE_SIZE
    if new_page > room or aspace.areas.overlaps(old_page, new_page):
        raise LinuxError(Errno.ENOMEM)
    check_room(t, size, data=True)
    check_commit(t, size)
    flags = PROT_READ | PROT_WRITE | _USER
    aspace.map(old_page, size, flags, Alloc())


CALLS: dict[str, Handler] = {
    "brk": sys_brk,
    "mmap": sys_mmap,
    "mprotect": sys_mprotect,
    "munmap": sys_munmap,
    "pkey_mprotect": sys_pkey_mprotect,
}
