"""Another process's memory: process_vm_readv(2), process_vm_writev(2).

Source: Linux mm/process_vm_access.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.user_ptr import READ, WRITE, UserMemory
from kernel.plugins.starry.api.abi import Handler, as_int32
from kernel.plugins.starry.api.iovec import (
    CHUNK_BYTES,
    IOV_MAX,
    IoVec,
    fetch,
    import_iovec,
    store,
    total_bytes,
)
from kernel.plugins.starry.core.identity import identity_of

if TYPE_CHECKING:
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.thread import Thread


def _remote_pieces(t: Thread, va: int, count: int) -> IoVec:
    """The other side's pieces: their addresses are checked only when they are used.

    Raises:
        LinuxError: EINVAL, EFAULT.
    """
    if count > IOV_MAX:
        raise LinuxError(Errno.EINVAL)
    pieces: IoVec = list(struct.iter_unpack("<QQ", t.mem.read(va, 16 * count)))  # type: ignore[assignment]  # two integers each
    if any(length >> 63 for _, length in pieces):
        raise LinuxError(Errno.EINVAL)
    return pieces


def _find(t: Thread, pid: int) -> Process:
    """The process, or that of the thread, whose memory the caller may touch.

    Raises:
        LinuxError: ESRCH, EPERM.
    """
    process = t.starry.processes.get(pid)
    if process is None:
        thread = t.starry.threads.get(pid)
        process = thread.process if thread is not None else None
    if process is None or process.is_zombie:
        raise LinuxError(Errno.ESRCH)
    me, other = identity_of(t.process), identity_of(process)
    same_user = me.ruid == other.ruid == other.euid == other.suid
    same_group = me.rgid == other.rgid == other.egid == other.sgid
    if process is not t.process and not me.is_root and not (same_user and same_group):
        raise LinuxError(Errno.EPERM)
    return process


def _transfer(
    t: Thread, pid: int, local: int, local_count: int, remote: int, remote_count: int, flags: int,
    *, is_write: bool,
) -> int:  # fmt: skip
    if flags:
        raise LinuxError(Errno.EINVAL)
    mine = import_iovec(t, local, local_count)
    left = total_bytes(mine)
    if not left:
        return 0
    theirs = _remote_pieces(t, remote, remote_count)
    if not any(length for _, length in theirs):
        return 0
    memory = UserMemory(_find(t, as_int32(pid)))
    done = 0
    for va, length in theirs:
        length = min(length, left)
        while length:
            moved = _move(t, memory, va, min(length, CHUNK_BYTES), mine, done, is_write=is_write)
            done, left, length, va = done + moved, left - moved, length - moved, va + moved
            if not moved:
                if done:
                    return done
                raise LinuxError(Errno.EFAULT)
    return done


def _move(
    t: Thread, memory: UserMemory, va: int, size: int, mine: IoVec, skip: int, *, is_write: bool
) -> int:
    """Move one stretch; how much of it could be."""
    usable = memory.usable(va, size, WRITE if is_write else READ)
    if not usable:
        return 0
    try:
        if is_write:
            data = fetch(t, mine, skip, usable)
            memory.write(va, data)
            return len(data)
        return store(t, mine, skip, memory.read(va, usable))
    except (LinuxError, AxError):
        return 0


def sys_process_vm_readv(
    t: Thread, pid: int, local: int, local_count: int, remote: int, remote_count: int, flags: int
) -> int:
    """process_vm_readv(2)."""
    return _transfer(t, pid, local, local_count, remote, remote_count, flags, is_write=False)


def sys_process_vm_writev(
    t: Thread, pid: int, local: int, local_count: int, remote: int, remote_count: int, flags: int
) -> int:
    """process_vm_writev(2)."""
    return _transfer(t, pid, local, local_count, remote, remote_count, flags, is_write=True)


CALLS: dict[str, Handler] = {
    "process_vm_readv": sys_process_vm_readv,
    "process_vm_writev": sys_process_vm_writev,
}
