"""System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2).

Source: Linux ipc/shm.c; man 2 shmget, shmop, shmctl.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.memory_addr import PAGE_MASK, align_up
from kernel.crates.page_table_entry import MappingFlags
from kernel.modules.axmm.shared import Shared
from kernel.plugins.starry.api.abi import Handler, as_int32
from kernel.plugins.starry.api.mm import check_commit, check_room, find_area
from kernel.plugins.starry.core.sysv import (
    IPC_INFO,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    PERM_BYTES,
    READ,
    WRITE,
)
from kernel.plugins.starry.core.sysv_shm import SHM_LOCKED, ShmSegment

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

SHM_RDONLY: Final = 0o10000
SHM_RND: Final = 0o20000
SHM_REMAP: Final = 0o40000
SHM_EXEC: Final = 0o100000
SHM_HUGETLB: Final = 0o4000
_SHM_LOCK, _SHM_UNLOCK, _SHM_STAT, _SHM_INFO, _SHM_STAT_ANY = range(11, 16)
_SHMID_DS_BYTES: Final = 112
#: What SHM_RND rounds to.
_SHMLBA: Final = {"loongarch64": 0x1_0000}
_MAX_BYTES: Final = (1 << 64) - (1 << 24) - 1
_EXECUTE_BITS: Final = 0o111


def sys_shmget(t: Thread, key: int, size: int, flags: int) -> int:
    """Find or make a segment; its identifier."""
    key, flags = as_int32(key), as_int32(flags)
    table = t.starry.ipc.shm
    found = table.existing(t, key, flags)
    if found is not None:
        if size > found.size_bytes:
            raise LinuxError(Errno.EINVAL)
        found.check(t, flags)
        return found.ident
    if not 1 <= size <= _MAX_BYTES:
        raise LinuxError(Errno.EINVAL)
    if flags & SHM_HUGETLB:
        raise LinuxError(Errno.ENOMEM, "there are no huge pages")
    check_commit(t, size)
    segment = ShmSegment(t, key, size, flags)
    segment.pages.ident = table.add(segment)
    return segment.ident


def _place(t: Thread, addr: int, size: int, flags: int) -> int:
    """Where a segment is attached.

    Raises:
        LinuxError: EINVAL, ENOMEM, EPERM.
    """
    aspace = t.process.aspace
    if not addr:
        if flags & SHM_REMAP:
            raise LinuxError(Errno.EINVAL)
        return find_area(t, 0, size)
    if flags & SHM_RND:
        addr &= ~(_SHMLBA.get(t.arch.name, PAGE_MASK + 1) - 1)
        if not addr and flags & SHM_REMAP:
            raise LinuxError(Errno.EINVAL)
        if not addr:
            return find_area(t, 0, size)
    if addr & PAGE_MASK:
        raise LinuxError(Errno.EINVAL)
    if addr + size > aspace.end:
        raise LinuxError(Errno.EINVAL if addr + size >> 64 else Errno.ENOMEM)
    if not flags & SHM_REMAP and aspace.areas.overlaps(addr, addr + size):
        raise LinuxError(Errno.EINVAL)
    if addr < aspace.base:
        raise LinuxError(Errno.EPERM, "mmap_min_addr")
    return addr


def sys_shmat(t: Thread, ident: int, addr: int, flags: int) -> int:
    """Attach a segment; its address."""
    flags = as_int32(flags)
    segment = t.starry.ipc.shm.get(as_int32(ident))
    rights, wanted, may = MappingFlags.READ, READ, MappingFlags.READ | MappingFlags.EXECUTE
    if not flags & SHM_RDONLY:
        rights, wanted, may = rights | MappingFlags.WRITE, READ | WRITE, may | MappingFlags.WRITE
    if flags & SHM_EXEC:
        rights, wanted = rights | MappingFlags.EXECUTE, wanted | _EXECUTE_BITS
    size = align_up(segment.size_bytes)
    va = _place(t, addr, size, flags)
    segment.check(t, wanted)
    check_room(t, size, data=False)
    t.process.aspace.map(
        va,
        size,
        rights | MappingFlags.USER,
        Shared(segment.pages),
        name=f"/SYSV{segment.key & 0xFFFF_FFFF:08x} (deleted)",
        may=int(may),
        unmap_overlap=bool(flags & SHM_REMAP),
    )
    segment.touch(t, is_attach=True)
    return va


def sys_shmdt(t: Thread, addr: int) -> int:
    """Detach the segment attached at an address: all that is left of that mapping."""
    if addr & PAGE_MASK:
        raise LinuxError(Errno.EINVAL)
    aspace = t.process.aspace
    segments = t.starry.ipc.shm.objects.values()
    detached: ShmSegment | None = None
    for area in list(aspace.areas.overlapping(addr, aspace.end)):
        backend = area.backend
        if not isinstance(backend, Shared) or backend.delta != -addr:
            continue
        segment = next((s for s in segments if s.pages is backend.pages), None)
        if segment is None or detached not in (None, segment):
            continue
        detached = segment
        segment.touch(t, is_attach=False)
        aspace.unmap(area.start, area.end - area.start)
    if detached is None:
        raise LinuxError(Errno.EINVAL)
    return 0


def sys_shmctl(t: Thread, ident: int, cmd: int, buf: int) -> int:
    """Ask about a segment, change it, remove it."""
    ident, cmd = as_int32(ident), as_int32(cmd)
    table = t.starry.ipc.shm
    if ident < 0 or cmd < 0:
        raise LinuxError(Errno.EINVAL)
    if cmd in (IPC_INFO, _SHM_INFO):
        return _info(t, cmd, buf)
    if cmd in (IPC_STAT, _SHM_STAT, _SHM_STAT_ANY):
        any_reader = cmd == _SHM_STAT_ANY
        return table.stat(t, ident, buf, slot=cmd != IPC_STAT, any_reader=any_reader)
    raw = t.mem.read(buf, _SHMID_DS_BYTES) if cmd == IPC_SET else b""
    if cmd not in (IPC_SET, IPC_RMID, _SHM_LOCK, _SHM_UNLOCK):
        raise LinuxError(Errno.EINVAL)
    segment = table.get(ident)
    segment.check_owner(t)
    if cmd == IPC_SET:
        segment.unpack_perm(t, raw[:PERM_BYTES])
    elif cmd == IPC_RMID:
        segment.remove()
    elif cmd == _SHM_LOCK:
        segment.mode |= SHM_LOCKED
    else:
        segment.mode &= ~SHM_LOCKED
    return 0


def _info(t: Thread, cmd: int, buf: int) -> int:
    """Limits, or what is in use; the highest slot."""
    table = t.starry.ipc.shm
    if cmd == IPC_INFO:
        limits = _MAX_BYTES, 1, table.limit, table.limit, _MAX_BYTES
        t.mem.write(buf, struct.pack("<9Q", *limits, 0, 0, 0, 0))
        return table.last_slot
    total = sum(align_up(s.size_bytes) for s in table.objects.values()) // (PAGE_MASK + 1)
    resident = sum(len(s.pages.pages) for s in table.objects.values())
    t.mem.write(buf, struct.pack("<iI5Q", len(table.objects), 0, total, resident, 0, 0, 0))
    return table.last_slot


CALLS: dict[str, Handler] = {
    "shmat": sys_shmat,
    "shmctl": sys_shmctl,
    "shmdt": sys_shmdt,
    "shmget": sys_shmget,
}
