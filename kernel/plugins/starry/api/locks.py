"""Advisory locks: fcntl(2) F_SETLK and its kin, flock(2).

Source: Linux fs/locks.c (fcntl_setlk, fcntl_getlk, `posix_locks_deadlock`, flock).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.locks import (
    F_RDLCK,
    F_UNLCK,
    F_WRLCK,
    OFFSET_MAX,
    FileLock,
    locks_of,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.file import OpenFile
    from kernel.plugins.starry.core.thread import Thread

F_GETLK, F_SETLK, F_SETLKW = 5, 6, 7
F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
LOCK_COMMANDS: Final = (F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW)
_OFD: Final = (F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW)
_FLOCK: Final = struct.Struct("<hh4xqqi4x")
_LOCK_SH, _LOCK_EX, _LOCK_NB, _LOCK_UN = 1, 2, 4, 8
_FLOCK_KINDS: Final = {_LOCK_SH: F_RDLCK, _LOCK_EX: F_WRLCK, _LOCK_UN: F_UNLCK}
_MAX_DEPTH: Final = 10


def _range(file: OpenFile, whence: int, start: int, length: int) -> tuple[int, int]:
    """First and last byte a struct flock means (`flock64_to_posix_lock`).

    Raises:
        LinuxError: EINVAL, EOVERFLOW.
    """
    if whence not in (0, 1, 2):
        raise LinuxError(Errno.EINVAL)
    base = (0, file.offset, file.get_attr()[0].size_bytes if whence == 2 else 0)[whence]
    if start > OFFSET_MAX - base:
        raise LinuxError(Errno.EOVERFLOW)
    first = base + start
    if first < 0:
        raise LinuxError(Errno.EINVAL)
    if length > 0:
        if length - 1 > OFFSET_MAX - first:
            raise LinuxError(Errno.EOVERFLOW)
        return first, first + length - 1
    if length < 0:
        if first + length < 0:
            raise LinuxError(Errno.EINVAL)
        return first + length, first - 1
    return first, OFFSET_MAX


def record_lock(t: Thread, file: OpenFile, cmd: int, arg: int) -> int:
    """F_GETLK, F_SETLK, F_SETLKW and the F_OFD_ ones."""
    kind, whence, start, length, pid = _FLOCK.unpack(t.mem.read(arg, _FLOCK.size))
    is_query, is_ofd = cmd in (F_GETLK, F_OFD_GETLK), cmd in _OFD
    if kind not in (F_RDLCK, F_WRLCK) and (is_query or kind != F_UNLCK):
        raise LinuxError(Errno.EINVAL)
    first, last = _range(file, whence, start, length)
    if is_ofd and pid:
        raise LinuxError(Errno.EINVAL)
    owner: Any = file if is_ofd else t.fds
    wanted = FileLock(kind, first, last, owner, -1 if is_ofd else t.process.pid)
    if is_query:
        return _query(t, file, wanted, (whence, start, length, pid), arg)
    if (kind == F_RDLCK and not file.readable) or (kind == F_WRLCK and not file.writable):
        raise LinuxError(Errno.EBADF)
    if file.node is None:
        return 0  # a pipe or the like: nobody else can open it by name
    locks = locks_of(t.kernel, file.node)
    t.starry.lock_waits.pop(t.tid, None)
    blocker = locks.blocker(wanted) if kind != F_UNLCK else None
    if blocker is None:
        locks.set_range(wanted)
        return 0
    if cmd in (F_SETLK, F_OFD_SETLK):
        raise LinuxError(Errno.EAGAIN)
    if not is_ofd and _is_deadlock(t, owner, blocker.owner):
        raise LinuxError(Errno.EDEADLK)
    if t.resumed is WaitOutcome.SIGNAL:
        raise LinuxError(Errno.ERESTARTSYS)
    if not is_ofd:
        t.starry.lock_waits[t.tid] = (owner, blocker.owner)
    return t.block(f"a lock on {file.path}", (locks.queue,))


def _query(
    t: Thread, file: OpenFile, wanted: FileLock, given: tuple[int, int, int, int], arg: int
) -> int:
    """Write the lock that is in the way, or F_UNLCK into what was given."""
    blocker = locks_of(t.kernel, file.node).blocker(wanted) if file.node is not None else None
    if blocker is None:
        t.mem.write(arg, _FLOCK.pack(F_UNLCK, *given))
        return 0
    length = 0 if blocker.end == OFFSET_MAX else blocker.end - blocker.start + 1
    t.mem.write(arg, _FLOCK.pack(blocker.kind, 0, blocker.start, length, blocker.pid))
    return 0


def _is_deadlock(t: Thread, owner: Any, blocker: Any) -> bool:
    """Whether the blocker waits, through others, for a lock of the caller."""
    waits = list(t.starry.lock_waits.values())
    for _ in range(_MAX_DEPTH):
        following = next((found for waiter, found in waits if waiter is blocker), None)
        if following is None:
            return False
        if following is owner:
            return True
        blocker = following
    return False


def sys_flock(t: Thread, fd: int, operation: int) -> int:
    """flock(2): the lock belongs to the open file, which dup and fork share."""
    operation = as_int32(operation)
    kind = _FLOCK_KINDS.get(operation & ~_LOCK_NB)
    if kind is None:
        raise LinuxError(Errno.EINVAL)
    file = t.fds.get(as_uint32(fd))
    if kind != F_UNLCK and not file.readable and not file.writable:
        raise LinuxError(Errno.EBADF)
    if file.node is None:
        return 0
    locks = locks_of(t.kernel, file.node)
    if locks.set_whole(FileLock(kind, 0, OFFSET_MAX, file, t.process.pid)):
        return 0
    if operation & _LOCK_NB:
        raise LinuxError(Errno.EAGAIN)
    if t.resumed is WaitOutcome.SIGNAL:
        raise LinuxError(Errno.ERESTARTSYS)
    return t.block(f"a lock on {file.path}", (locks.queue,))


CALLS: dict[str, Handler] = {"flock": sys_flock}
