"""Niceness and scheduling policy: getpriority(2), setpriority(2), sched_setscheduler(2).

Source: Linux kernel/sys.c, kernel/sched/syscalls.c.
Niceness and policy belong to a thread. What the run queue's policy makes of them is its business:
CFS weighs by niceness, Ariel has a level per few values and more for real-time priorities.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_int32
from kernel.plugins.starry.core.identity import identity_of
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
#: size, policy, flags, nice, priority; runtime, deadline and period of SCHED_DEADLINE; utilisation.
_ATTR: Final = struct.Struct("<IIQiIQQQII")
_ATTR_MIN: Final = 48  # before the utilisation clamps came
_FLAG_RESET_ON_FORK, _FLAG_KEEP_POLICY, _FLAG_KEEP_PARAMS = 1, 8, 0x10
_FLAGS_ALL: Final = 0x7F


def _targets(t: Thread, which: int, who: int) -> list[Thread]:
    """The threads getpriority means.

    Raises:
        LinuxError: EINVAL, ESRCH.
    """
    threads = t.starry.threads.values()
    if which == _PRIO_PROCESS:
        thread = t if who == 0 else t.starry.threads.get(who)
        found = [thread] if thread is not None else []
    elif which == _PRIO_PGRP:
        pgid = who or t.process.pgid
        found = [thread for thread in threads if thread.process.pgid == pgid]
    elif which == _PRIO_USER:
        uid = who or identity_of(t.process).ruid
        found = [thread for thread in threads if identity_of(thread.process).ruid == uid]
    else:
        raise LinuxError(Errno.EINVAL)
    if not found:
        raise LinuxError(Errno.ESRCH)
    return found


def sys_getpriority(t: Thread, which: int, who: int) -> int:
    """The best priority among the targets, as 20 - nice."""
    found = _targets(t, as_int32(which), as_int32(who))
    return max(20 - thread.nice for thread in found)


def sys_setpriority(t: Thread, which: int, who: int, nice: int) -> int:
    """Set niceness, cut to -20 .. 19."""
    nice = min(max(as_int32(nice), _NICE_MIN), _NICE_MAX)
    mine = identity_of(t.process)
    for thread in _targets(t, as_int32(which), as_int32(who)):
        if nice < thread.nice and not mine.is_root:
            raise LinuxError(Errno.EACCES)
        thread.nice = nice
        _tell_scheduler(thread)
    return 0


def _tell_scheduler(thread: Thread) -> None:
    """Real-time priorities lie below (are better than) every niceness."""
    policy, priority = thread.policy
    value = _NICE_MIN - priority if policy in _REAL_TIME else thread.nice
    if policy == _SCHED_IDLE:
        value = _NICE_MAX
    thread.kernel.tasks.set_priority(thread.task, value)


def _thread(t: Thread, pid: int) -> Thread:
    pid = as_int32(pid)
    if pid < 0:
        raise LinuxError(Errno.EINVAL)
    thread = t if pid == 0 else t.starry.threads.get(pid)
    if thread is None:
        raise LinuxError(Errno.ESRCH)
    return thread


def sys_sched_getscheduler(t: Thread, pid: int) -> int:
    """Scheduling policy, and whether children do not inherit it."""
    who = _thread(t, pid)
    return who.policy[0] | (_RESET_ON_FORK if who.resets_on_fork else 0)


def sys_sched_getparam(t: Thread, pid: int, param: int) -> int:
    """Static priority: 0 but for real-time policies."""
    if not param:
        raise LinuxError(Errno.EINVAL)
    t.mem.write_u32(param, _thread(t, pid).policy[1])
    return 0


def _set_policy(t: Thread, who: Thread, policy: int, priority: int) -> None:
    """Check and keep a policy; -1 keeps the present one."""
    resets = who.resets_on_fork if policy < 0 else bool(policy & _RESET_ON_FORK)
    policy = who.policy[0] if policy < 0 else policy & ~_RESET_ON_FORK
    limit = _MAX_RT_PRIORITY if policy in _REAL_TIME else 0
    if policy not in _POLICIES or not min(limit, 1) <= priority <= limit:
        raise LinuxError(Errno.EINVAL)
    asks = policy in _REAL_TIME or (who.resets_on_fork and not resets)
    if asks and not identity_of(t.process).is_root:
        raise LinuxError(Errno.EPERM)
    who.policy, who.resets_on_fork = (policy, priority), resets
    _tell_scheduler(who)


def _param(t: Thread, pid: int, param: int) -> int:
    if not param or as_int32(pid) < 0:
        raise LinuxError(Errno.EINVAL)
    (priority,) = struct.unpack("<i", t.mem.read(param, 4))
    return priority


def sys_sched_setscheduler(t: Thread, pid: int, policy: int, param: int) -> int:
    """Set policy and static priority."""
    policy = as_int32(policy)
    if policy < 0:
        raise LinuxError(Errno.EINVAL)
    priority = _param(t, pid, param)
    _set_policy(t, _thread(t, pid), policy, priority)
    return 0


def sys_sched_setparam(t: Thread, pid: int, param: int) -> int:
    """Set the static priority."""
    priority = _param(t, pid, param)
    _set_policy(t, _thread(t, pid), -1, priority)
    return 0


def sys_sched_getattr(t: Thread, pid: int, attr: int, size: int, flags: int) -> int:
    """Policy, niceness and static priority in one structure, as much of it as the caller knows."""
    size &= 0xFFFF_FFFF
    if not attr or flags & 0xFFFF_FFFF or not _ATTR_MIN <= size <= 4096:
        raise LinuxError(Errno.EINVAL)
    who = _thread(t, pid)
    policy, priority = who.policy
    known = min(size, _ATTR.size)
    bits = _FLAG_RESET_ON_FORK if who.resets_on_fork else 0
    nice = 0 if policy in _REAL_TIME else who.nice
    raw = _ATTR.pack(known, policy, bits, nice, priority, 0, 0, 0, 0, 0)
    t.mem.write(attr, raw[:known])
    return 0


def _read_attr(t: Thread, attr: int) -> bytes:
    """The caller's structure at its full length; what is newer than we know must be zero.

    Raises:
        LinuxError: E2BIG, with the size that is known left in the structure.
    """
    size = t.mem.read_u32(attr) or _ATTR_MIN
    if _ATTR_MIN <= size <= 4096:
        raw = t.mem.read(attr, size)
        if not any(raw[_ATTR.size :]):
            return raw[: _ATTR.size].ljust(_ATTR.size, b"\0")
    t.mem.write_u32(attr, _ATTR.size)
    raise LinuxError(Errno.E2BIG)


def sys_sched_setattr(t: Thread, pid: int, attr: int, flags: int) -> int:
    """Set policy, niceness and static priority."""
    if not attr or as_int32(pid) < 0 or flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    _, policy, bits, nice, priority, *_ = _ATTR.unpack(_read_attr(t, attr))
    policy = as_int32(policy)
    if policy < 0:
        raise LinuxError(Errno.EINVAL)
    who = _thread(t, pid)
    if bits & _FLAG_KEEP_POLICY:
        policy = who.policy[0]
    if bits & _FLAG_KEEP_PARAMS:
        nice, priority = who.nice, who.policy[1]
    if bits & ~_FLAGS_ALL or policy & _RESET_ON_FORK:
        raise LinuxError(Errno.EINVAL)
    _set_policy(t, who, policy | (_RESET_ON_FORK if bits & _FLAG_RESET_ON_FORK else 0), priority)
    if policy not in _REAL_TIME:
        nice = min(max(nice, _NICE_MIN), _NICE_MAX)
        if nice < who.nice and not identity_of(t.process).is_root:
            raise LinuxError(Errno.EPERM)
        who.nice = nice
        _tell_scheduler(who)
    return 0


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
    policy, _ = _thread(t, pid).policy
    slices = {_SCHED_RR: _RR_SLICE_NS, _SCHED_FIFO: 0}
    t.mem.write(interval, pack_timespec(slices.get(policy, t.kernel.config.tick_ns)))
    return 0


CALLS: dict[str, Handler] = {
    "getpriority": sys_getpriority,
    "sched_get_priority_max": sys_sched_get_priority_max,
    "sched_get_priority_min": sys_sched_get_priority_min,
    "sched_getattr": sys_sched_getattr,
    "sched_getparam": sys_sched_getparam,
    "sched_getscheduler": sys_sched_getscheduler,
    "sched_rr_get_interval": sys_sched_rr_get_interval,
    "sched_setattr": sys_sched_setattr,
    "sched_setparam": sys_sched_setparam,
    "sched_setscheduler": sys_sched_setscheduler,
    "setpriority": sys_setpriority,
}
