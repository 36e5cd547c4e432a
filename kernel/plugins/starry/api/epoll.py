"""epoll_create(2), epoll_ctl(2), epoll_wait(2). Source: Linux fs/eventpoll.c."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import VfsNodeType
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.epoll import EPOLLEXCLUSIVE, EpollFile
from kernel.plugins.starry.core.file import O_CLOEXEC, O_RDWR, OpenFile
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.signal_mask import suspend_with
from kernel.plugins.starry.core.timespec import deadline_after, now_ns, read_timespec

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_ADD, _DEL, _MOD = 1, 2, 3
_MAX_EVENTS: Final = 0x7FFF_FFFF // 16
_SIGSET_BYTES: Final = 8
#: What EPOLLEXCLUSIVE goes with: IN, OUT, ERR, HUP, WAKEUP, ET and itself.
_EXCLUSIVE_WITH: Final = EPOLLEXCLUSIVE | 1 | 4 | 8 | 0x10 | 1 << 29 | 1 << 31


def _layout(t: Thread) -> struct.Struct:
    """Struct epoll_event: packed on x86_64 only."""
    return struct.Struct("<IQ" if t.arch.name == "x86_64" else "<I4xQ")


def sys_epoll_create1(t: Thread, flags: int) -> int:
    """A new, empty set."""
    flags = as_uint32(flags)
    if flags & ~O_CLOEXEC:
        raise LinuxError(Errno.EINVAL)
    kernel = t.kernel
    epoll = EpollFile(kernel, kernel.fs.new_anon_ino())
    file = OpenFile(kernel.alloc, epoll, O_RDWR, "anon_inode:[eventpoll]")
    return t.fds.add(file, bool(flags & O_CLOEXEC), t.process.limits.soft(Resource.NOFILE))


def sys_epoll_create(t: Thread, size: int) -> int:
    """`epoll_create1` with a hint that means nothing."""
    if as_int32(size) <= 0:
        raise LinuxError(Errno.EINVAL)
    return sys_epoll_create1(t, 0)


def _epoll_of(t: Thread, fd: int) -> EpollFile:
    file = t.fds.get(as_int32(fd)).file
    if not isinstance(file, EpollFile):
        raise LinuxError(Errno.EINVAL)
    return file


def sys_epoll_ctl(t: Thread, epfd: int, op: int, fd: int, event: int) -> int:
    """Add, change or remove a watched file."""
    op, fd = as_int32(op), as_int32(fd)
    events, data = _layout(t).unpack(t.mem.read(event, _layout(t).size)) if op != _DEL else (0, 0)
    holder = t.fds.get(as_int32(epfd))
    file = t.fds.get(fd)
    if file.node is not None and file.node.get_attr().kind in (VfsNodeType.FILE, VfsNodeType.DIR):
        raise LinuxError(Errno.EPERM, "always ready, cannot be watched")
    epoll = holder.file
    if not isinstance(epoll, EpollFile) or epoll is file.file:
        raise LinuxError(Errno.EINVAL)
    if events & EPOLLEXCLUSIVE:
        is_odd = isinstance(file.file, EpollFile) or events & ~_EXCLUSIVE_WITH
        if op == _MOD or (op == _ADD and is_odd):
            raise LinuxError(Errno.EINVAL)
    if op == _ADD:
        epoll.add(fd, file, events, data)
        return 0
    item = epoll.find(fd, file)
    if op not in (_DEL, _MOD):
        raise LinuxError(Errno.EINVAL)
    if item is None:
        raise LinuxError(Errno.ENOENT)
    if op == _DEL:
        epoll.remove(item)
    elif item.events & EPOLLEXCLUSIVE:
        raise LinuxError(Errno.EINVAL)
    else:
        epoll.modify(item, events, data)
    return 0


def _wait(t: Thread, epfd: int, events: int, limit: int, timeout_ns: int | None) -> int:
    """Report events, or wait for some.

    Args:
        t: The caller.
        epfd: The set.
        events: Where the array goes.
        limit: Its length.
        timeout_ns: None: none. Only looked at on the first entry.
    """
    limit = as_int32(limit)
    if not 0 < limit <= _MAX_EVENTS:
        raise LinuxError(Errno.EINVAL)
    epoll = _epoll_of(t, epfd)
    found = epoll.collect(limit)
    if found:
        layout = _layout(t)
        t.mem.write(events, b"".join(layout.pack(*pair) for pair in found))
        return len(found)
    if t.resumed is WaitOutcome.SIGNAL:
        raise LinuxError(Errno.EINTR)
    if t.resumed:
        deadline = t.wait_state
    else:
        deadline = None if timeout_ns is None else deadline_after(t, timeout_ns)
    if t.resumed is WaitOutcome.TIMEOUT or (deadline is not None and deadline <= now_ns(t)):
        return 0
    why = f"one of {len(epoll.living())} files"
    return t.block(why, epoll.wait_queues(), deadline, state=deadline)


def _millis(timeout: int) -> int | None:
    value = as_int32(timeout)
    return None if value < 0 else value * 1_000_000


def sys_epoll_wait(t: Thread, epfd: int, events: int, limit: int, timeout: int) -> int:
    """Wait for events, at most `timeout` milliseconds; a negative one is none."""
    return _wait(t, epfd, events, limit, _millis(timeout))


def _set_mask(t: Thread, mask_va: int, size: int) -> None:
    if mask_va and not t.resumed:
        if size != _SIGSET_BYTES:
            raise LinuxError(Errno.EINVAL)
        suspend_with(t, t.mem.read_u64(mask_va))


def sys_epoll_pwait(
    t: Thread, epfd: int, events: int, limit: int, timeout: int, mask: int, size: int
) -> int:
    """`epoll_wait` with another signal mask meanwhile."""
    _set_mask(t, mask, size)
    return _wait(t, epfd, events, limit, _millis(timeout))


def sys_epoll_pwait2(
    t: Thread, epfd: int, events: int, limit: int, timeout: int, mask: int, size: int
) -> int:
    """`epoll_pwait` with a struct timespec."""
    wanted = read_timespec(t, timeout) if timeout and not t.resumed else None
    _set_mask(t, mask, size)
    return _wait(t, epfd, events, limit, wanted)


CALLS: dict[str, Handler] = {
    "epoll_create": sys_epoll_create,
    "epoll_create1": sys_epoll_create1,
    "epoll_ctl": sys_epoll_ctl,
    "epoll_pwait": sys_epoll_pwait,
    "epoll_pwait2": sys_epoll_pwait2,
    "epoll_wait": sys_epoll_wait,
}
