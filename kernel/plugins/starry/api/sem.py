"""System V semaphores: semget(2), semop(2), semtimedop(2), semctl(2).

Source: Linux ipc/sem.c; man 2 semget, semop, semctl.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32
from kernel.plugins.starry.core.sysv import (
    IPC_INFO,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    PERM_BYTES,
    READ,
    WRITE,
    wall_seconds,
)
from kernel.plugins.starry.core.sysv_sem import MAX_VALUE, Operation, SemSet, Waiter
from kernel.plugins.starry.core.timespec import deadline_after, read_timespec

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_GETPID, _GETVAL, _GETALL, _GETNCNT, _GETZCNT, _SETVAL, _SETALL = range(11, 18)
_SEM_STAT, _SEM_INFO, _SEM_STAT_ANY = range(18, 21)
_MAX_PER_SET: Final = 32000
_MAX_ALL: Final = 1_024_000_000
_MAX_OPERATIONS: Final = 500
_SEMBUF: Final = struct.Struct("<Hhh")


def sys_semget(t: Thread, key: int, count: int, flags: int) -> int:
    """Find or make a set; its identifier."""
    key, count, flags = as_int32(key), as_int32(count), as_int32(flags)
    if not 0 <= count <= _MAX_PER_SET:
        raise LinuxError(Errno.EINVAL)
    table = t.starry.ipc.sem
    found = table.existing(t, key, flags)
    if found is not None:
        if count > len(found.values):
            raise LinuxError(Errno.EINVAL)
        found.check(t, flags)
        return found.ident
    if not count:
        raise LinuxError(Errno.EINVAL)
    return table.add(SemSet(t, key, count, flags))


def sys_semop(t: Thread, ident: int, sops: int, count: int) -> int:
    """Change semaphores, waiting until all operations are possible."""
    return sys_semtimedop(t, ident, sops, count, 0)


def sys_semtimedop(t: Thread, ident: int, sops: int, count: int, timeout: int) -> int:
    """semop(2) that waits only so long."""
    if t.resumed is not WaitOutcome.NONE:
        return _end_of_wait(t, as_int32(ident))
    ident, count = as_int32(ident), count & 0xFFFF_FFFF
    deadline = deadline_after(t, read_timespec(t, timeout)) if timeout else None
    if count < 1 or ident < 0:
        raise LinuxError(Errno.EINVAL)
    if count > _MAX_OPERATIONS:
        raise LinuxError(Errno.E2BIG)
    raw = t.mem.read(sops, count * _SEMBUF.size)
    operations: tuple[Operation, ...] = tuple(_SEMBUF.iter_unpack(raw))  # type: ignore[assignment]  # three integers each
    found = t.starry.ipc.sem.get(ident)
    if any(number >= len(found.values) for number, _, _ in operations):
        raise LinuxError(Errno.EFBIG)
    alters = any(change for _, change, _ in operations)
    found.check(t, WRITE if alters else READ)
    blocker = found.perform(t.starry, t.process.pid, operations)
    if blocker < 0:
        found.otime = wall_seconds(t)
        if alters:
            found.update(t)
        return 0
    waiter = Waiter(t.tid, t.process.pid, operations, blocker)
    found.waiters.append(waiter)
    number, change, _ = operations[blocker]
    what = f"to be {-change} at least" if change else "to be 0"
    return t.block(
        f"semaphore {number} of {ident} {what}", (found.queue(t.starry),), deadline, waiter
    )


def _end_of_wait(t: Thread, ident: int) -> int:
    """How the wait of semop(2) ended; it is never restarted."""
    waiter: Waiter = t.wait_state
    if t.resumed is WaitOutcome.WOKEN:
        if waiter.error:
            raise LinuxError(Errno(waiter.error))
        return 0
    found = t.starry.ipc.sem.get(ident)
    if waiter in found.waiters:
        found.waiters.remove(waiter)
    raise LinuxError(Errno.EAGAIN if t.resumed is WaitOutcome.TIMEOUT else Errno.EINTR)


def sys_semctl(t: Thread, ident: int, number: int, cmd: int, arg: int) -> int:
    """Ask about a set, change it, remove it."""
    ident, number, cmd = as_int32(ident), as_int32(number), as_int32(cmd)
    table = t.starry.ipc.sem
    if ident < 0:
        raise LinuxError(Errno.EINVAL)
    if cmd in (IPC_INFO, _SEM_INFO):
        return _info(t, cmd, arg)
    if cmd in (IPC_STAT, _SEM_STAT, _SEM_STAT_ANY):
        any_reader = cmd == _SEM_STAT_ANY
        return table.stat(t, ident, arg, slot=cmd != IPC_STAT, any_reader=any_reader)
    if cmd == _SETVAL and not 0 <= as_int32(arg) <= MAX_VALUE:
        raise LinuxError(Errno.ERANGE)
    raw = t.mem.read(arg, PERM_BYTES) if cmd == IPC_SET else b""
    if cmd not in (IPC_SET, IPC_RMID) and not _GETPID <= cmd <= _SETALL:
        raise LinuxError(Errno.EINVAL)
    found = table.get(ident)
    if cmd in (IPC_SET, IPC_RMID):
        found.check_owner(t)
        if cmd == IPC_RMID:
            found.remove(t)
        else:
            found.unpack_perm(t, raw)
        return 0
    found.check(t, WRITE if cmd in (_SETVAL, _SETALL) else READ)
    if cmd in (_GETALL, _SETALL):
        return _all(t, found, cmd, arg)
    if not 0 <= number < len(found.values):
        raise LinuxError(Errno.EINVAL)
    return _one(t, found, number, cmd, arg)


def _one(t: Thread, found: SemSet, number: int, cmd: int, arg: int) -> int:
    """What concerns one semaphore."""
    if cmd == _GETVAL:
        return found.values[number]
    if cmd == _GETPID:
        return found.pids[number]
    if cmd in (_GETNCNT, _GETZCNT):
        return found.waiting(number, for_zero=cmd == _GETZCNT)
    found.values[number] = as_int32(arg)
    found.pids[number] = t.process.pid
    found.ctime = wall_seconds(t)
    found.forget_undo(t.starry, range(number, number + 1))
    found.update(t)
    return 0


def _all(t: Thread, found: SemSet, cmd: int, arg: int) -> int:
    """Read or set all values."""
    layout = struct.Struct(f"<{len(found.values)}H")
    if cmd == _GETALL:
        t.mem.write(arg, layout.pack(*found.values))
        return 0
    values = layout.unpack(t.mem.read(arg, layout.size))
    if max(values) > MAX_VALUE:
        raise LinuxError(Errno.ERANGE)
    found.values = list(values)
    found.pids = [t.process.pid] * len(values)
    found.ctime = wall_seconds(t)
    found.forget_undo(t.starry, range(len(values)))
    found.update(t)
    return 0


def _info(t: Thread, cmd: int, buf: int) -> int:
    """Limits (struct seminfo), or what is in use; the highest slot."""
    table = t.starry.ipc.sem
    used, semaphores = 20, MAX_VALUE
    if cmd == _SEM_INFO:
        used = len(table.objects)
        semaphores = sum(len(s.values) for s in table.objects.values())
    head = (_MAX_ALL, table.limit, _MAX_ALL, _MAX_ALL, _MAX_PER_SET, _MAX_OPERATIONS)
    t.mem.write(buf, struct.pack("<10i", *head, _MAX_OPERATIONS, used, MAX_VALUE, semaphores))
    return table.last_slot


CALLS: dict[str, Handler] = {
    "semctl": sys_semctl,
    "semget": sys_semget,
    "semop": sys_semop,
    "semtimedop": sys_semtimedop,
}
