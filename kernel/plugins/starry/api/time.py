"""Clocks, sleeps and interval timers.

Source: Linux kernel/time/{posix-timers,hrtimer,itimer,time}.c; clock_gettime(2), nanosleep(2),
gettimeofday(2), setitimer(2), alarm(2), adjtimex(2), restart_syscall(2).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32
from kernel.plugins.starry.core import itimer
from kernel.plugins.starry.core.timespec import (
    CLOCK_BOOTTIME,
    CLOCK_MONOTONIC,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_TAI,
    NS_PER_SECOND,
    clock_ns,
    clock_resolution_ns,
    deadline_after,
    now_ns,
    pack_timespec,
    pack_timeval,
    read_timespec,
    read_timeval,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_TIMER_ABSTIME: Final = 1
_SLEEPABLE: Final = frozenset(
    {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID}
)
#: struct timex up to `tai`, padded to 208 bytes.
_TIMEX: Final = struct.Struct("<I4x4qi4x8qi4x5qi44x")
_STA_UNSYNC: Final = 0x40
_TIME_ERROR: Final = 5


# -- reading and setting clocks ------------------------------------------------------------------


def sys_clock_gettime(t: Thread, clock: int, tp: int) -> int:
    """Read a clock."""
    t.mem.write(tp, pack_timespec(clock_ns(t, as_int32(clock))))
    return 0


def sys_clock_getres(t: Thread, clock: int, tp: int) -> int:
    """Resolution of a clock."""
    resolution = clock_resolution_ns(t, as_int32(clock))
    if tp:
        t.mem.write(tp, pack_timespec(resolution))
    return 0


def sys_clock_settime(t: Thread, clock: int, tp: int) -> int:
    """Refused: the wall clock derives from virtual time (as without CAP_SYS_TIME)."""
    if as_int32(clock) != CLOCK_REALTIME:
        raise LinuxError(Errno.EINVAL)
    read_timespec(t, tp)
    raise LinuxError(Errno.EPERM)


def sys_gettimeofday(t: Thread, tv: int, tz: int) -> int:
    """Wall-clock time in microseconds; the time zone is UTC."""
    if tv:
        t.mem.write(tv, pack_timeval(clock_ns(t, CLOCK_REALTIME)))
    if tz:
        t.mem.write(tz, bytes(8))
    return 0


def sys_settimeofday(t: Thread, tv: int, tz: int) -> int:
    """Refused, as clock_settime."""
    if tv:
        read_timeval(t, tv)
    if tz:
        t.mem.read(tz, 8)
    raise LinuxError(Errno.EPERM)


def sys_time(t: Thread, tloc: int) -> int:
    """Wall-clock time in seconds (x86_64 only)."""
    seconds = clock_ns(t, CLOCK_REALTIME) // NS_PER_SECOND
    if tloc:
        t.mem.write_u64(tloc, seconds)
    return seconds


def sys_adjtimex(t: Thread, buf: int) -> int:
    """Read the clock discipline: an unsynchronised clock. Changing it is refused."""
    (modes,) = struct.unpack("<I", t.mem.read(buf, _TIMEX.size)[:4])
    if modes:
        raise LinuxError(Errno.EPERM)
    seconds, rest = divmod(clock_ns(t, CLOCK_REALTIME), NS_PER_SECOND)
    max_error = 16_000_000
    tick_usec = 10_000
    head = (0, 0, 0, max_error, max_error, _STA_UNSYNC, 2, 1, 32_768_000)
    tail = (seconds, rest // 1000, tick_usec, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    t.mem.write(buf, _TIMEX.pack(*head, *tail))
    return _TIME_ERROR


def sys_clock_adjtime(t: Thread, clock: int, buf: int) -> int:
    """`adjtimex` of a given clock."""
    if as_int32(clock) != CLOCK_REALTIME:
        clock_ns(t, as_int32(clock))
        raise LinuxError(Errno.EOPNOTSUPP)
    return sys_adjtimex(t, buf)


# -- sleeping ------------------------------------------------------------------------------------


def _sleep(t: Thread, deadline_ns: int, remainder: int, *, absolute: bool) -> int:
    """Sleep until virtual time `deadline_ns`; entered again when the wait has ended.

    Args:
        t: The caller.
        deadline_ns: When it ends. On the second entry `wait_state` has the one in force.
        remainder: Where to write the time left if a signal comes; 0: nowhere.
        absolute: The program named a point in time, so a restart needs no new deadline.
    """
    if t.resumed is WaitOutcome.NONE:
        return t.block("time to pass", deadline_ns=deadline_ns, state=deadline_ns)
    if t.resumed is not WaitOutcome.SIGNAL:
        return 0
    deadline_ns = t.wait_state
    left_ns = deadline_ns - now_ns(t)
    if left_ns <= 0:
        return 0
    if absolute:
        raise LinuxError(Errno.ERESTARTNOHAND)
    if remainder:
        t.mem.write(remainder, pack_timespec(left_ns))
    t.signal.restart_call = (CLOCK_MONOTONIC, deadline_ns, remainder)
    raise LinuxError(Errno.ERESTART_RESTARTBLOCK)


def sys_nanosleep(t: Thread, request: int, remainder: int) -> int:
    """Sleep for a while."""
    deadline = 0
    if t.resumed is WaitOutcome.NONE:
        deadline = deadline_after(t, read_timespec(t, request))
    return _sleep(t, deadline, remainder, absolute=False)


def sys_clock_nanosleep(t: Thread, clock: int, flags: int, request: int, remainder: int) -> int:
    """Sleep for a while or until a time, measured by a given clock."""
    absolute = bool(flags & _TIMER_ABSTIME)
    deadline = 0
    if t.resumed is WaitOutcome.NONE:
        clock = as_int32(clock)
        now = clock_ns(t, clock)
        if clock >= 0 and clock not in _SLEEPABLE:
            raise LinuxError(Errno.EOPNOTSUPP)
        length_ns = read_timespec(t, request)
        deadline = deadline_after(t, max(length_ns - now, 0) if absolute else length_ns)
    return _sleep(t, deadline, remainder, absolute=absolute)


def sys_restart_syscall(t: Thread) -> int:
    """Go on with the sleep a stop signal interrupted."""
    call = t.signal.restart_call
    if call is None:
        raise LinuxError(Errno.EINTR)
    _, deadline_ns, remainder = call
    return _sleep(t, deadline_ns, remainder, absolute=False)


# -- interval timers -----------------------------------------------------------------------------


def _pack_itimerval(value: tuple[int, int]) -> bytes:
    left_ns, interval_ns = value
    micros = -(-left_ns // 1000)  # never shown shorter than it is
    return pack_timeval(interval_ns) + pack_timeval(micros * 1000)


def _timer_number(which: int) -> int:
    which = as_int32(which)
    if not 0 <= which < len(itimer.KINDS):
        raise LinuxError(Errno.EINVAL)
    return which


def sys_getitimer(t: Thread, which: int, value: int) -> int:
    """Time left of an interval timer."""
    t.mem.write(value, _pack_itimerval(itimer.get_timer(t.process, _timer_number(which))))
    return 0


def sys_setitimer(t: Thread, which: int, new: int, old: int) -> int:
    """Start or stop an interval timer."""
    interval_ns = read_timeval(t, new) if new else 0
    value_ns = read_timeval(t, new + 16) if new else 0
    was = itimer.set_timer(t.process, _timer_number(which), value_ns, interval_ns)
    if old:
        t.mem.write(old, _pack_itimerval(was))
    return 0


def sys_alarm(t: Thread, seconds: int) -> int:
    """SIGALRM after `seconds`; how many were left of the alarm before, at least 1."""
    value_ns = (seconds & 0xFFFF_FFFF) * NS_PER_SECOND
    left_ns, _ = itimer.set_timer(t.process, itimer.ITIMER_REAL, value_ns, 0)
    if not left_ns:
        return 0
    return max((left_ns + NS_PER_SECOND // 2) // NS_PER_SECOND, 1)


CALLS: dict[str, Handler] = {
    "adjtimex": sys_adjtimex,
    "alarm": sys_alarm,
    "clock_adjtime": sys_clock_adjtime,
    "clock_getres": sys_clock_getres,
    "clock_gettime": sys_clock_gettime,
    "clock_nanosleep": sys_clock_nanosleep,
    "clock_settime": sys_clock_settime,
    "getitimer": sys_getitimer,
    "gettimeofday": sys_gettimeofday,
    "nanosleep": sys_nanosleep,
    "restart_syscall": sys_restart_syscall,
    "setitimer": sys_setitimer,
    "settimeofday": sys_settimeofday,
    "time": sys_time,
}
