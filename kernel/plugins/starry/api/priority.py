"""Niceness and scheduling policy: getpriority(2), setpriority(2), sched_setscheduler(2).

Source: Linux kernel/sys.c, kernel/sched/syscalls.c.
Differs: the values are kept per process and shown, no scheduler looks at them yet.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_int32
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.process import Process
from kernel.plugins.starry.core.timespec import pack_timespec

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_PRIO_PROCESS, _PRIO_PGRP, _PRIO_USER = 0, 1, 2
_NICE_MIN, _NICE_MAX = -20, 19

_SCHED_OTHER, _SCHED_FIFO, _SCHED_RR, _SCHED_BATCH, _SCHED_IDLE = 0, 1, 2, 3, 5
_REAL_TIME: Final = (_SCHED_FIFO, _SCHED_RR)
_POLICIES: Final = (_SCHED_OTHER, _SCHED_FIFO, _SCHED_RR, _SCHED_BATCH, _SCHED_IDLE)
_RESET_ON_FORK: Final = 0x4000_0000
_MAX_RT_PRIORITY: Final = 99
_RR_SLICE_NS: Final = 100_000_000


def _targets(t: Thread, which: int, who: int) -> list[Process]:
    """The processes getpriority means.

    Raises:
        LinuxError: EINVAL, ESRCH.
    """
    everybody = t.starry.processes
    if which == _PRIO_PROCESS:
        thread = t if who == 0 else t.starry.threads.get(who)
        found = [thread.process] if thread is not None else []
    elif which == _PRIO_PGRP:
        pgid = who or t.process.pgid
        found = [p for p in everybody.values() if p.pgid == pgid]
    elif which == _PRIO_USER:
        uid = who or identity_of(t.process).ruid
        found = [p for p in everybody.values() if identity_of(p).ruid == uid]
    else:
        raise LinuxError(Errno.EINVAL)
    if not found:
        raise LinuxError(Errno.ESRCH)
    return found


def sys_getpriority(t: Thread, which: int, who: int) -> int:
    """The best priority among the targets, as 20 - nice."""
    found = _targets(t, as_int32(which), as_int32(who))
    return max(20 - identity_of(process).nice for process in found)


def sys_setpriority(t: Thread, which: int, who: int, nice: int) -> int:
    """Set niceness, cut to -20 .. 19."""
    nice = min(max(as_int32(nice), _NICE_MIN), _NICE_MAX)
    mine = identity_of(t.process)
    for process in _targets(t, as_int32(which), as_int32(who)):
        theirs = identity_of(process)
        if nice < theirs.nice and not mine.is_root:
            raise LinuxError(Errno.EACCES)
        theirs.nice = nice
    return 0


def _thread(t: Thread, pid: int) -> Process:
    pid = as_int32(pid)
    if pid < 0:
        raise LinuxError(Errno.EINVAL)
    thread = t if pid == 0 else t.starry.threads.get(pid)
    if thread is None:
        raise LinuxError(Errno.ESRCH)
    return thread.process


def sys_sched_getscheduler(t: Thread, pid: int) -> int:
    """Scheduling policy."""
    return identity_of(_thread(t, pid)).policy[0]


def sys_sched_getparam(t: Thread, pid: int, param: int) -> int:
    """Static priority: 0 but for real-time policies."""
    if not param:
        raise LinuxError(Errno.EINVAL)
    t.mem.write_u32(param, identity_of(_thread(t, pid)).policy[1])
    return 0


def _set_policy(t: Thread, pid: int, policy: int, param: int) -> int:
    """Check and keep a policy; -1 keeps the present one."""
    if not param or as_int32(pid) < 0:
        raise LinuxError(Errno.EINVAL)
    (priority,) = struct.unpack("<i", t.mem.read(param, 4))
    who = identity_of(_thread(t, pid))
    policy = who.policy[0] if policy < 0 else policy & ~_RESET_ON_FORK
    limit = _MAX_RT_PRIORITY if policy in _REAL_TIME else 0
    if policy not in _POLICIES or not min(limit, 1) <= priority <= limit:
        raise LinuxError(Errno.EINVAL)
    if policy in _REAL_TIME and not identity_of(t.process).is_root:
        raise LinuxError(Errno.EPERM)
    who.policy = (policy, priority)
    return 0


def sys_sched_setscheduler(t: Thread, pid: int, policy: int, param: int) -> int:
    """Set policy and static priority."""
    policy = as_int32(policy)
    if policy < 0:
        raise LinuxError(Errno.EINVAL)
    return _set_policy(t, pid, policy, param)


def sys_sched_setparam(t: Thread, pid: int, param: int) -> int:
    """Set the static priority."""
    return _set_policy(t, pid, -1, param)


def _check_policy(policy: int) -> int:
    policy = as_int32(policy)
    if policy not in (*_POLICIES, 6, 7):  # SCHED_DEADLINE, SCHED_EXT
        raise LinuxError(Errno.EINVAL)
    return policy


def sys_sched_get_priority_max(t: Thread, policy: int) -> int:
    """Highest static priority of a policy."""
    del t
    return _MAX_RT_PRIORITY if _check_policy(policy) in _REAL_TIME else 0


def sys_sched_get_priority_min(t: Thread, policy: int) -> int:
    """Lowest static priority of a policy."""
    del t
    return 1 if _check_policy(policy) in _REAL_TIME else 0


def sys_sched_rr_get_interval(t: Thread, pid: int, interval: int) -> int:
    """Time slice: Linux's default for round robin, a tick otherwise."""
    policy, _ = identity_of(_thread(t, pid)).policy
    slices = {_SCHED_RR: _RR_SLICE_NS, _SCHED_FIFO: 0}
    t.mem.write(interval, pack_timespec(slices.get(policy, t.kernel.config.tick_ns)))
    return 0


CALLS: dict[str, Handler] = {
    "getpriority": sys_getpriority,
    "sched_get_priority_max": sys_sched_get_priority_max,
    "sched_get_priority_min": sys_sched_get_priority_min,
    "sched_getparam": sys_sched_getparam,
    "sched_getscheduler": sys_sched_getscheduler,
    "sched_rr_get_interval": sys_sched_rr_get_interval,
    "sched_setparam": sys_sched_setparam,
    "sched_setscheduler": sys_sched_setscheduler,
    "setpriority": sys_setpriority,
}
