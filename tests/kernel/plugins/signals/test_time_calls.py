"""Clocks, sleeps, interval timers."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kernel.crates.errno import Errno
from kernel.crates.signal import SaFlags, SigAction, bit
from kernel.machine.cpu import NEVER_NS
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api import time as calls
from kernel.plugins.starry.api import timer
from kernel.plugins.starry.core import itimer
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.signal import deliver, set_blocked
from kernel.plugins.starry.core.timespec import pack_timespec, pack_timeval

BUF, BUF2, BAD = 0x10_0000, 0x10_1000, 0xDEAD_0000
BLOCKED = -(1 << 65)
EPOCH = 1_748_736_000


def pair(machine: Any, va: int = BUF) -> tuple[int, int]:
    return struct.unpack("<qq", machine.mem.read(va, 16))


@given(st.integers(0, 1 << 62))
def test_times_are_packed_whole(time_ns: int) -> None:
    seconds, nanos = struct.unpack("<qq", pack_timespec(time_ns))
    assert seconds * 10**9 + nanos == time_ns and 0 <= nanos < 10**9
    seconds, micros = struct.unpack("<qq", pack_timeval(time_ns))
    assert seconds * 10**6 + micros == time_ns // 1000 and 0 <= micros < 10**6


def test_clocks(x86: Any) -> None:
    x86.events.time_ns = 12_345_678_901
    expected = {
        0: (EPOCH + 12, 345_678_901),
        1: (12, 345_678_901),
        4: (12, 345_678_901),
        5: (EPOCH + 12, 340_000_000),
        6: (12, 340_000_000),
        7: (12, 345_678_901),
        11: (EPOCH + 12, 345_678_901),
    }
    for clock, value in expected.items():
        assert x86.call(calls.sys_clock_gettime, clock, BUF) == 0
        assert pair(x86) == value
    for clock in (10, 12, 99, 0xFFFF_FFFF):
        assert x86.call(calls.sys_clock_gettime, clock, BAD) == -Errno.EINVAL
    assert x86.call(calls.sys_clock_gettime, 1, BAD) == -Errno.EFAULT


def test_cpu_clocks(x86: Any) -> None:
    other = x86.spawn(x86.process)
    x86.thread.task.cpu_time_ns, other.task.cpu_time_ns = 3_000_000_000, 1_000_000_000
    own = {2: (4, 0), 3: (3, 0)}
    pid, tid = x86.process.pid, other.tid
    own[(~pid << 3 | 2) & 0xFFFF_FFFF] = (4, 0)
    own[(~tid << 3 | 6) & 0xFFFF_FFFF] = (1, 0)
    for clock, value in own.items():
        assert x86.call(calls.sys_clock_gettime, clock, BUF) == 0
        assert pair(x86) == value
    missing = (~99 << 3 | 2) & 0xFFFF_FFFF
    assert x86.call(calls.sys_clock_gettime, missing, BUF) == -Errno.EINVAL


def test_getres_settime(x86: Any) -> None:
    assert x86.call(calls.sys_clock_getres, 1, BUF) == 0 and pair(x86) == (0, 1)
    assert x86.call(calls.sys_clock_getres, 6, BUF) == 0 and pair(x86) == (0, 10_000_000)
    assert x86.call(calls.sys_clock_getres, 1, 0) == 0
    assert x86.call(calls.sys_clock_getres, 77, 0) == -Errno.EINVAL
    assert x86.call(calls.sys_clock_settime, 1, BUF) == -Errno.EINVAL
    assert x86.call(calls.sys_clock_settime, 0, BAD) == -Errno.EFAULT
    assert x86.call(calls.sys_clock_settime, 0, BUF) == -Errno.EPERM


def test_wall_clock_calls(x86: Any) -> None:
    x86.events.time_ns = 2_000_007_999
    assert x86.call(calls.sys_gettimeofday, BUF, BUF2) == 0
    assert pair(x86) == (EPOCH + 2, 7)
    assert x86.call(calls.sys_gettimeofday, 0, 0) == 0
    assert x86.call(calls.sys_time, BUF) == EPOCH + 2 == x86.mem.read_u64(BUF)
    x86.mem.write(BUF, bytes(208))
    assert x86.call(calls.sys_adjtimex, BUF) == 5
    assert struct.unpack("<qq", x86.mem.read(BUF + 72, 16)) == (EPOCH + 2, 7)
    assert struct.unpack("<q", x86.mem.read(BUF + 88, 8)) == (10_000,)
    assert x86.mem.read_u32(BUF + 40) == 0x40
    x86.mem.write_u32(BUF, 1)
    assert x86.call(calls.sys_adjtimex, BUF) == -Errno.EPERM


def test_nanosleep(x86: Any) -> None:
    x86.events.time_ns = 1000
    x86.mem.write(BUF, struct.pack("<qq", 1, 500))
    assert x86.call(calls.sys_nanosleep, BUF, 0) == BLOCKED
    assert x86.thread.task.deadline_ns == 1_000_001_500
    x86.events.time_ns = 1_000_001_500
    assert x86.resume(calls.sys_nanosleep, BUF, 0, how=WaitOutcome.TIMEOUT) == 0
    assert x86.call(calls.sys_nanosleep, BAD, 0) == -Errno.EFAULT
    for bad in ((-1, 0), (0, 10**9), (0, -1)):
        x86.mem.write(BUF, struct.pack("<qq", *bad))
        assert x86.call(calls.sys_nanosleep, BUF, 0) == -Errno.EINVAL
    x86.mem.write(BUF, struct.pack("<qq", (1 << 63) - 1, 0))
    assert x86.call(calls.sys_nanosleep, BUF, 0) == BLOCKED
    assert x86.thread.task.deadline_ns < NEVER_NS


def test_nanosleep_interrupted_and_restarted(x86: Any) -> None:
    x86.mem.write(BUF, struct.pack("<qq", 2, 0))
    start = x86.events.time_ns
    assert x86.call(calls.sys_nanosleep, BUF, BUF2) == BLOCKED
    x86.events.time_ns = start + 500_000_000
    result = x86.resume(calls.sys_nanosleep, BUF, BUF2, how=WaitOutcome.SIGNAL)
    assert result == -Errno.ERESTART_RESTARTBLOCK
    assert pair(x86, BUF2) == (1, 500_000_000)
    x86.thread.cpu.engine.set("rax", 35)
    deliver(x86.thread, x86.thread.cpu)  # no handler: restart_syscall goes on
    assert x86.thread.cpu.engine.get("rax") == 219
    assert x86.call(calls.sys_restart_syscall) == BLOCKED
    assert x86.thread.task.deadline_ns == start + 2_000_000_000
    assert x86.resume(calls.sys_restart_syscall, how=WaitOutcome.TIMEOUT) == 0


def test_restart_syscall_without_sleep(x86: Any) -> None:
    assert x86.call(calls.sys_restart_syscall) == -Errno.EINTR


def test_clock_nanosleep(x86: Any) -> None:
    x86.events.time_ns = 5_000_000_000
    call = calls.sys_clock_nanosleep
    x86.mem.write(BUF, struct.pack("<qq", 7, 0))
    assert x86.call(call, 1, 1, BUF, 0) == BLOCKED
    assert x86.thread.task.deadline_ns == 7_000_000_000
    args = (1, 1, BUF, BUF2)
    x86.mem.write(BUF2, bytes(16))
    x86.call(call, *args)
    assert x86.resume(call, *args, how=WaitOutcome.SIGNAL) == -Errno.ERESTARTNOHAND
    assert pair(x86, BUF2) == (0, 0)  # an absolute sleep writes no remainder
    x86.mem.write(BUF, struct.pack("<qq", EPOCH + 6, 0))
    assert x86.call(call, 0, 1, BUF, 0) == BLOCKED
    assert x86.thread.task.deadline_ns == 6_000_000_000
    x86.mem.write(BUF, struct.pack("<qq", 1, 0))
    assert x86.call(call, 1, 1, BUF, 0) == BLOCKED  # long past
    assert x86.thread.task.deadline_ns == 5_000_000_000
    assert x86.call(call, 3, 0, BAD, 0) == -Errno.EOPNOTSUPP
    assert x86.call(call, 50, 0, BAD, 0) == -Errno.EINVAL


def test_real_timer(x86: Any) -> None:
    set_blocked(x86.thread, bit(14))
    x86.process.signal.actions[14] = SigAction(0x5000, SaFlags.RESTORER, 0x6000)
    x86.mem.write(BUF, struct.pack("<4q", 0, 250_000, 1, 0))
    assert x86.call(calls.sys_setitimer, 0, BUF, BUF2) == 0
    assert x86.mem.read(BUF2, 32) == bytes(32)
    x86.events.time_ns += 400_000_000
    assert x86.call(calls.sys_getitimer, 0, BUF2) == 0
    assert struct.unpack("<4q", x86.mem.read(BUF2, 32)) == (0, 250_000, 0, 600_000)
    [(deadline, kind, ident)] = x86.tasks.timers.values()
    x86.events.time_ns = deadline
    x86.tasks.timers.clear()
    itimer.handle_timer(x86.starry, kind, ident)
    assert x86.process.signal.pending.mask == bit(14)
    assert [entry[0] for entry in x86.tasks.timers.values()] == [deadline + 250_000_000]
    assert x86.call(calls.sys_setitimer, 0, 0, 0) == 0  # a null pointer stops it
    assert not x86.tasks.timers and not x86.process.signal.itimers


def test_cpu_timer_waits_for_cpu_time(x86: Any) -> None:
    x86.mem.write(BUF, struct.pack("<4q", 0, 0, 1, 0))
    set_blocked(x86.thread, bit(26))
    assert x86.call(calls.sys_setitimer, 1, BUF, 0) == 0
    [(deadline, kind, ident)] = x86.tasks.timers.values()
    x86.tasks.timers.clear()
    x86.events.time_ns, x86.thread.task.cpu_time_ns = deadline, 400_000_000
    itimer.handle_timer(x86.starry, kind, ident)
    assert not x86.process.signal.pending.mask
    [(again, kind, ident)] = x86.tasks.timers.values()
    assert again == deadline + 600_000_000
    x86.events.time_ns, x86.thread.task.cpu_time_ns = again, 1_000_000_000
    itimer.handle_timer(x86.starry, kind, ident)
    assert x86.process.signal.pending.mask == bit(26)


def test_timer_errors(x86: Any) -> None:
    assert x86.call(calls.sys_setitimer, 3, BUF, 0) == -Errno.EINVAL
    assert x86.call(calls.sys_getitimer, 3, BUF) == -Errno.EINVAL
    x86.mem.write(BUF, struct.pack("<4q", 0, 0, 0, 10**6))
    assert x86.call(calls.sys_setitimer, 0, BUF, 0) == -Errno.EINVAL
    assert x86.call(calls.sys_setitimer, 0, BAD, 0) == -Errno.EFAULT


def test_alarm(x86: Any) -> None:
    assert x86.call(calls.sys_alarm, 10) == 0
    x86.events.time_ns += 3_400_000_000
    assert x86.call(calls.sys_alarm, 5) == 7
    x86.events.time_ns += 4_900_000_000
    assert x86.call(calls.sys_alarm, 0) == 1
    assert x86.call(calls.sys_alarm, 0) == 0 and not x86.tasks.timers


def test_each_posix_timer_keeps_a_queued_signal(x86: Any) -> None:
    x86.starry.next_alarm, x86.starry.alarms = 0, {}
    most = x86.process.limits.soft(Resource.SIGPENDING)
    results = [x86.call(timer.sys_timer_create, 1, 0, BUF) for _ in range(most + 1)]
    assert results == [0] * most + [-Errno.EAGAIN]
