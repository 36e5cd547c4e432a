"""Descriptors themselves: close(2), dup(2), fcntl(2).

Source: Linux fs/file.c, fs/fcntl.c; starry-next api/src/imp/fs/fd_ops.rs.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.signal import NSIG
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.api.locks import LOCK_COMMANDS, record_lock
from kernel.plugins.starry.api.open import arch_flags, generic_flags
from kernel.plugins.starry.api.seals import F_ADD_SEALS, F_GET_SEALS, seals
from kernel.plugins.starry.core.file import (
    F_OWNER_PGRP,
    F_OWNER_PID,
    F_OWNER_TID,
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_DIRECT,
    O_NOATIME,
    O_NONBLOCK,
    OpenFile,
)
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.locks import F_UNLCK
from kernel.plugins.starry.core.pipe import PipeEnd

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL = range(5)
F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG = range(8, 12)
F_SETOWN_EX, F_GETOWN_EX = 15, 16
F_SETLEASE, F_GETLEASE, F_NOTIFY = 1024, 1025, 1026
F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ = 1030, 1031, 1032
FD_CLOEXEC: Final = 1
_CHANGEABLE: Final = O_APPEND | O_NONBLOCK | O_DIRECT | O_ASYNC | O_NOATIME
_PATH_COMMANDS: Final = (F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL)
_CLOSE_RANGE_UNSHARE: Final = 2
_CLOSE_RANGE_CLOEXEC: Final = 4


def fd_limit(t: Thread) -> int:
    """RLIMIT_NOFILE: numbers below it may be given out."""
    return t.process.limits.soft(Resource.NOFILE)


def sys_close(t: Thread, fd: int) -> int:
    """close(2)."""
    t.fds.close(as_uint32(fd))
    return 0


def sys_close_range(t: Thread, first: int, last: int, flags: int) -> int:
    """close_range(2)."""
    first, last, flags = as_uint32(first), as_uint32(last), as_uint32(flags)
    if flags & ~(_CLOSE_RANGE_UNSHARE | _CLOSE_RANGE_CLOEXEC) or first > last:
        raise LinuxError(Errno.EINVAL)
    table = t.fds
    for fd in [fd for fd in table.objects.ids() if first <= fd <= last]:
        if flags & _CLOSE_RANGE_CLOEXEC:
            table.set_cloexec(fd, True)
        else:
            table.close(fd)
    return 0


def sys_dup(t: Thread, fd: int) -> int:
    """dup(2)."""
    return t.fds.duplicate(as_uint32(fd), False, fd_limit(t))


def sys_dup2(t: Thread, fd: int, new_fd: int) -> int:
    """dup2(2): equal numbers do nothing but check."""
    fd, new_fd = as_uint32(fd), as_uint32(new_fd)
    if fd == new_fd:
        t.fds.get_any(fd)
        return fd
    return _replace(t, fd, new_fd, cloexec=False)


def sys_dup3(t: Thread, fd: int, new_fd: int, flags: int) -> int:
    """dup3(2)."""
    fd, new_fd, flags = as_uint32(fd), as_uint32(new_fd), as_uint32(flags)
    if flags & ~O_CLOEXEC or fd == new_fd:
        raise LinuxError(Errno.EINVAL)
    return _replace(t, fd, new_fd, cloexec=bool(flags))


def _replace(t: Thread, fd: int, new_fd: int, *, cloexec: bool) -> int:
    table = t.fds
    if new_fd >= min(fd_limit(t), table.objects.capacity):
        raise LinuxError(Errno.EBADF)
    return table.replace(fd, new_fd, cloexec)


# -- fcntl ---------------------------------------------------------------------------------------


def sys_fcntl(t: Thread, fd: int, cmd: int, arg: int) -> int:
    """fcntl(2)."""
    fd, cmd = as_uint32(fd), as_uint32(cmd)
    table = t.fds
    file: OpenFile = table.get_any(fd)
    if file.is_path and cmd not in _PATH_COMMANDS:
        raise LinuxError(Errno.EBADF)
    if cmd in (F_DUPFD, F_DUPFD_CLOEXEC):
        minimum = as_uint32(arg)
        if minimum >= fd_limit(t):
            raise LinuxError(Errno.EINVAL)
        return table.duplicate(fd, cmd == F_DUPFD_CLOEXEC, fd_limit(t), minimum)
    if cmd == F_GETFD:
        return FD_CLOEXEC if table.is_cloexec(fd) else 0
    if cmd == F_SETFD:
        table.set_cloexec(fd, bool(arg & FD_CLOEXEC))
        return 0
    if cmd == F_GETFL:
        return arch_flags(t.arch.name, file.flags)
    if cmd == F_SETFL:
        wanted = generic_flags(t.arch.name, as_uint32(arg))
        file.flags = file.flags & ~_CHANGEABLE | wanted & _CHANGEABLE
        return 0
    if cmd in LOCK_COMMANDS:
        return record_lock(t, file, cmd, arg)
    return _other_fcntl(t, file, cmd, arg)


def _other_fcntl(t: Thread, file: OpenFile, cmd: int, arg: int) -> int:
    """Pipe sizes, owners, leases and seals."""
    if cmd in (F_GETPIPE_SZ, F_SETPIPE_SZ):
        end = file.file
        if not isinstance(end, PipeEnd):
            raise LinuxError(Errno.EBADF)
        if cmd == F_GETPIPE_SZ:
            return end.pipe.limit * PAGE_SIZE
        return end.pipe.resize(as_uint32(arg))
    if cmd in (F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG, F_SETOWN_EX, F_GETOWN_EX):
        return _owner(t, file, cmd, arg)
    if cmd in (F_ADD_SEALS, F_GET_SEALS):
        return seals(t, file, cmd, as_uint32(arg))
    if cmd == F_GETLEASE:
        return F_UNLCK
    raise LinuxError(Errno.EINVAL)


def _owner(t: Thread, file: OpenFile, cmd: int, arg: int) -> int:
    """Who gets SIGIO or SIGURG, and which signal instead of SIGIO."""
    kind, ident, signo = file.owner
    if cmd == F_GETSIG:
        return signo
    if cmd == F_SETSIG:
        if not 0 <= as_int32(arg) <= NSIG:
            raise LinuxError(Errno.EINVAL)
        file.owner = (kind, ident, as_int32(arg))
        return 0
    if cmd == F_GETOWN:
        return -ident if kind == F_OWNER_PGRP else ident
    if cmd == F_GETOWN_EX:
        t.mem.write(arg, struct.pack("<2i", kind, ident))
        return 0
    if cmd == F_SETOWN_EX:
        kind, ident = struct.unpack("<2i", t.mem.read(arg, 8))
        if kind not in (F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP):
            raise LinuxError(Errno.EINVAL)
    else:
        ident = as_int32(arg)
        kind = F_OWNER_PGRP if ident < 0 else F_OWNER_PID
        if ident == -1 << 31:
            raise LinuxError(Errno.EINVAL)
        ident = abs(ident)
    table = t.starry.table
    living = {
        F_OWNER_TID: t.starry.threads,
        F_OWNER_PID: table.processes,
        F_OWNER_PGRP: table.groups,
    }
    if ident and ident not in living[kind]:
        raise LinuxError(Errno.ESRCH)
    file.owner = (kind, ident, signo)
    return 0


CALLS: dict[str, Handler] = {
    "close": sys_close,
    "close_range": sys_close_range,
    "dup": sys_dup,
    "dup2": sys_dup2,
    "dup3": sys_dup3,
    "fcntl": sys_fcntl,
}
