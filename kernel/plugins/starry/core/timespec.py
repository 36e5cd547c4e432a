"""struct timespec and struct timeval in user memory, and the clocks of clock_gettime(2).

All clocks derive from virtual time: CLOCK_MONOTONIC is the running CPU's time since boot,
CLOCK_REALTIME the same from a fixed date, so that runs repeat exactly.

Source: Linux include/linux/time64.h, kernel/time/posix-timers.c, posix-cpu-timers.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.machine.cpu import NEVER_NS
from kernel.plugins.starry.core.itimer import process_cpu_ns

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

NS_PER_SECOND: Final = 1_000_000_000
NS_PER_USEC: Final = 1_000

CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
CLOCK_PROCESS_CPUTIME_ID: Final = 2
CLOCK_THREAD_CPUTIME_ID: Final = 3
CLOCK_MONOTONIC_RAW: Final = 4
CLOCK_REALTIME_COARSE: Final = 5
CLOCK_MONOTONIC_COARSE: Final = 6
CLOCK_BOOTTIME: Final = 7
CLOCK_REALTIME_ALARM: Final = 8
CLOCK_BOOTTIME_ALARM: Final = 9
CLOCK_TAI: Final = 11

_WALL: Final = frozenset({CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI})
_COARSE: Final = frozenset({CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE})
_SINCE_BOOT: Final = frozenset(
    {
        CLOCK_MONOTONIC,
        CLOCK_MONOTONIC_RAW,
        CLOCK_MONOTONIC_COARSE,
        CLOCK_BOOTTIME,
        CLOCK_BOOTTIME_ALARM,
    }
)
_PER_THREAD: Final = 4  # in a clock id made from a process id
_CPU_KINDS: Final = 3

_PAIR: Final = struct.Struct("<qq")


def pack_timespec(time_ns: int) -> bytes:
    """A struct timespec, 16 bytes; also struct __kernel_timespec."""
    return _PAIR.pack(*divmod(time_ns, NS_PER_SECOND))


def pack_timeval(time_ns: int) -> bytes:
    """A struct timeval, 16 bytes, rounded down to microseconds."""
    seconds, rest = divmod(time_ns, NS_PER_SECOND)
    return _PAIR.pack(seconds, rest // NS_PER_USEC)


def read_timespec(t: Thread, va: int) -> int:
    """A struct timespec as nanoseconds, at most `NEVER_NS`.

    Raises:
        LinuxError: EFAULT; EINVAL for a negative time or too many nanoseconds.
    """
    seconds, nanos = _PAIR.unpack(t.mem.read(va, _PAIR.size))
    if seconds < 0 or not 0 <= nanos < NS_PER_SECOND:
        raise LinuxError(Errno.EINVAL)
    return min(seconds * NS_PER_SECOND + nanos, NEVER_NS)


def read_timeval(t: Thread, va: int) -> int:
    """A struct timeval as nanoseconds, at most `NEVER_NS`.

    Raises:
        LinuxError: EFAULT; EINVAL for a negative time or too many microseconds.
    """
    seconds, micros = _PAIR.unpack(t.mem.read(va, _PAIR.size))
    if seconds < 0 or not 0 <= micros < NS_PER_SECOND // NS_PER_USEC:
        raise LinuxError(Errno.EINVAL)
    return min(seconds * NS_PER_SECOND + micros * NS_PER_USEC, NEVER_NS)


def now_ns(t: Thread) -> int:
    """CLOCK_MONOTONIC."""
    return t.kernel.events.time_ns


def realtime_offset_ns(t: Thread) -> int:
    """CLOCK_REALTIME minus CLOCK_MONOTONIC."""
    return t.kernel.config.epoch_offset_ns


def deadline_after(t: Thread, duration_ns: int) -> int:
    """The virtual time `duration_ns` from now, as `Thread.block` takes it."""
    return min(now_ns(t) + duration_ns, NEVER_NS - 1)


def timeout_at(t: Thread, va: int) -> int | None:
    """Deadline of a relative timeout in user memory; None where `va` is null.

    Raises:
        LinuxError: EFAULT, EINVAL.
    """
    return None if va == 0 else deadline_after(t, read_timespec(t, va))


def clock_resolution_ns(t: Thread, clock: int) -> int:
    """Resolution of a clock.

    Raises:
        LinuxError: EINVAL: no such clock.
    """
    clock_ns(t, clock)
    return t.kernel.config.tick_ns if clock in _COARSE else 1


def clock_ns(t: Thread, clock: int) -> int:
    """The time of clock `clock` (signed id) for the calling thread.

    Raises:
        LinuxError: EINVAL: no such clock.
    """
    clock, measured = cpu_clock(t, clock)
    if clock == CLOCK_PROCESS_CPUTIME_ID:
        return process_cpu_ns(measured.process)
    if clock == CLOCK_THREAD_CPUTIME_ID:
        return t.kernel.tasks.cpu_time_ns(measured.task)
    if clock in _SINCE_BOOT:
        time_ns = now_ns(t)
    elif clock in _WALL:
        time_ns = now_ns(t) + realtime_offset_ns(t)
    else:
        raise LinuxError(Errno.EINVAL, f"no clock {clock}")
    return time_ns - time_ns % t.kernel.config.tick_ns if clock in _COARSE else time_ns


def cpu_clock(t: Thread, clock: int) -> tuple[int, Thread]:
    """A clock made from a process or thread id as a plain clock, and the thread it is read for.

    Raises:
        LinuxError: EINVAL: no such process or thread.
    """
    if clock >= 0:
        return clock, t
    ident = ~(clock >> 3)  # ~pid << 3 | per-thread << 2 | kind
    if clock & 3 < _CPU_KINDS:
        if clock & _PER_THREAD:
            thread = t if ident == 0 else t.starry.threads.get(ident)
            if thread is not None and thread.process is t.process:
                return CLOCK_THREAD_CPUTIME_ID, thread
        else:
            process = t.process if ident == 0 else t.starry.processes.get(ident)
            if process is t.process:
                return CLOCK_PROCESS_CPUTIME_ID, t
            if process is not None and process.threads:
                return CLOCK_PROCESS_CPUTIME_ID, next(iter(process.threads.values()))
    raise LinuxError(Errno.EINVAL, f"no clock {clock}")
