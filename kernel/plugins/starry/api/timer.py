"""Timers as signals and as files: timer_create(2), timerfd_create(2), signalfd(2).

Source: Linux kernel/time/posix-timers.c, fs/timerfd.c, fs/signalfd.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.signal import NSIG, UNBLOCKABLE
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.file import O_CLOEXEC, O_NONBLOCK, O_RDWR, FileLike, OpenFile
from kernel.plugins.starry.core.limits import Resource, ResourceLimits
from kernel.plugins.starry.core.posix_timer import PosixTimer
from kernel.plugins.starry.core.signalfd import SignalFd
from kernel.plugins.starry.core.timerfd import TimerFd
from kernel.plugins.starry.core.timespec import (
    CLOCK_BOOTTIME,
    CLOCK_MONOTONIC,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID,
    cpu_clock,
    pack_timespec,
    read_timespec,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_SIGALRM: Final = 14
_SIGEV_SIGNAL, _SIGEV_NONE, _SIGEV_THREAD, _SIGEV_THREAD_ID = 0, 1, 2, 4
_ABSTIME: Final = 1
_CANCEL_ON_SET: Final = 2
_TIMER_CLOCKS: Final = (
    CLOCK_REALTIME,
    CLOCK_MONOTONIC,
    CLOCK_BOOTTIME,
    CLOCK_TAI,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_THREAD_CPUTIME_ID,
)
_FILE_CLOCKS: Final = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME)
_SIGSET_BYTES: Final = 8


def _read_spec(t: Thread, va: int) -> tuple[int, int]:
    """(value, interval) of a struct itimerspec."""
    return read_timespec(t, va + 16), read_timespec(t, va)


def _pack_spec(value: tuple[int, int]) -> bytes:
    left, interval = value
    return pack_timespec(interval) + pack_timespec(left)


# -- POSIX timers --------------------------------------------------------------------------------


def sys_timer_create(t: Thread, clock: int, event: int, id_va: int) -> int:
    """A new timer, not armed."""
    clock, measured = cpu_clock(t, as_int32(clock))
    if clock not in _TIMER_CLOCKS:
        raise LinuxError(Errno.EINVAL)
    timers = t.process.signal.timers
    limits = t.process.limits
    if isinstance(limits, ResourceLimits) and len(timers) >= limits.soft(Resource.SIGPENDING):
        raise LinuxError(Errno.EAGAIN, "each timer keeps a queued signal")
    ident = next(i for i in range(len(timers) + 1) if i not in timers)
    value, signo, target = ident, _SIGALRM, 0
    if event:
        value, signo, notify, tid = struct.unpack("<Qiii", t.mem.read(event, 64)[:20])
        if notify not in (_SIGEV_SIGNAL, _SIGEV_NONE, _SIGEV_THREAD, _SIGEV_THREAD_ID):
            raise LinuxError(Errno.EINVAL)
        if notify == _SIGEV_NONE:
            signo = 0
        elif not 0 < signo <= NSIG:
            raise LinuxError(Errno.EINVAL)
        if notify == _SIGEV_THREAD_ID:
            target = tid
            if tid not in t.process.threads:
                raise LinuxError(Errno.EINVAL)
    t.mem.write_u32(id_va, ident)
    timers[ident] = PosixTimer(t, ident, clock, signo, value, target)
    timers[ident].alarm.thread = measured
    return 0


def _timer(t: Thread, ident: int) -> PosixTimer:
    timer = t.process.signal.timers.get(as_int32(ident))
    if timer is None:
        raise LinuxError(Errno.EINVAL)
    return timer


def sys_timer_settime(t: Thread, ident: int, flags: int, new: int, old: int) -> int:
    """Arm or disarm a timer."""
    if not new:
        raise LinuxError(Errno.EINVAL)
    value, interval = _read_spec(t, new)
    timer = _timer(t, ident)
    was = timer.alarm.get()
    timer.overrun = 0
    timer.alarm.set(value, interval, absolute=bool(flags & _ABSTIME))
    if old:
        t.mem.write(old, _pack_spec(was))
    return 0


def sys_timer_gettime(t: Thread, ident: int, value: int) -> int:
    """Time left and period."""
    t.mem.write(value, _pack_spec(_timer(t, ident).alarm.get()))
    return 0


def sys_timer_getoverrun(t: Thread, ident: int) -> int:
    """Expiries the last signal stood for beside its own."""
    return _timer(t, ident).overrun


def sys_timer_delete(t: Thread, ident: int) -> int:
    """Remove a timer."""
    timer = _timer(t, ident)
    timer.alarm.delete()
    del t.process.signal.timers[timer.ident]
    return 0


# -- files ---------------------------------------------------------------------------------------


def _install(t: Thread, file: FileLike, name: str, flags: int) -> int:
    opened = OpenFile(t.kernel.alloc, file, O_RDWR | flags & O_NONBLOCK, f"anon_inode:[{name}]")
    return t.fds.add(opened, bool(flags & O_CLOEXEC), t.process.limits.soft(Resource.NOFILE))


def sys_timerfd_create(t: Thread, clock: int, flags: int) -> int:
    """A timer that is read."""
    clock, flags = as_int32(clock), as_uint32(flags)
    if flags & ~(O_CLOEXEC | O_NONBLOCK) or clock not in _FILE_CLOCKS:
        raise LinuxError(Errno.EINVAL)
    return _install(t, TimerFd(t, t.kernel.fs.new_anon_ino(), clock), "timerfd", flags)


def _timerfd(t: Thread, fd: int) -> TimerFd:
    file = t.fds.get(as_int32(fd)).file
    if not isinstance(file, TimerFd):
        raise LinuxError(Errno.EINVAL)
    return file


def sys_timerfd_settime(t: Thread, fd: int, flags: int, new: int, old: int) -> int:
    """Arm or disarm it."""
    value, interval = _read_spec(t, new)
    if as_uint32(flags) & ~(_ABSTIME | _CANCEL_ON_SET):
        raise LinuxError(Errno.EINVAL)
    timer = _timerfd(t, fd)
    was = timer.alarm.get()
    timer.set(value, interval, absolute=bool(flags & _ABSTIME))
    if old:
        t.mem.write(old, _pack_spec(was))
    return 0


def sys_timerfd_gettime(t: Thread, fd: int, value: int) -> int:
    """Time left and period."""
    t.mem.write(value, _pack_spec(_timerfd(t, fd).alarm.get()))
    return 0


def sys_signalfd4(t: Thread, fd: int, mask_va: int, size: int, flags: int) -> int:
    """A descriptor for the signals of a set; with `fd` not -1 change that one's set."""
    fd, flags = as_int32(fd), as_uint32(flags)
    if size != _SIGSET_BYTES or flags & ~(O_CLOEXEC | O_NONBLOCK):
        raise LinuxError(Errno.EINVAL)
    mask = t.mem.read_u64(mask_va) & ~UNBLOCKABLE
    if fd == -1:
        return _install(t, SignalFd(t.kernel, t.kernel.fs.new_anon_ino(), mask), "signalfd", flags)
    file = t.fds.get(fd).file
    if not isinstance(file, SignalFd):
        raise LinuxError(Errno.EINVAL)
    file.mask = mask
    return fd


def sys_signalfd(t: Thread, fd: int, mask_va: int, size: int) -> int:
    """`signalfd4` without flags."""
    return sys_signalfd4(t, fd, mask_va, size, 0)


CALLS: dict[str, Handler] = {
    "signalfd": sys_signalfd,
    "signalfd4": sys_signalfd4,
    "timer_create": sys_timer_create,
    "timer_delete": sys_timer_delete,
    "timer_getoverrun": sys_timer_getoverrun,
    "timer_gettime": sys_timer_gettime,
    "timer_settime": sys_timer_settime,
    "timerfd_create": sys_timerfd_create,
    "timerfd_gettime": sys_timerfd_gettime,
    "timerfd_settime": sys_timerfd_settime,
}
