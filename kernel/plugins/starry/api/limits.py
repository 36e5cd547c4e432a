"""Resource limits and usage: getrlimit(2), setrlimit(2), prlimit(2), getrusage(2), times(2).

Source: Linux kernel/sys.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.itimer import process_cpu_ns
from kernel.plugins.starry.core.limits import NR_OPEN, Resource, ResourceLimits
from kernel.plugins.starry.core.timespec import NS_PER_SECOND, now_ns, pack_timeval

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_RLIMIT: Final = struct.Struct("<QQ")
#: Clock ticks a second as times(2) counts them: USER_HZ.
_NS_PER_USER_TICK: Final = NS_PER_SECOND // 100
_RUSAGE_SELF, _RUSAGE_CHILDREN, _RUSAGE_THREAD = 0, -1, 1
_RUSAGE_LONGS: Final = 14


def _limits(t: Thread) -> ResourceLimits:
    limits: ResourceLimits = t.process.limits
    return limits


def _resource(raw: int) -> int:
    resource = as_uint32(raw)
    if resource >= len(Resource):
        raise LinuxError(Errno.EINVAL, f"no resource {resource}")
    return resource


def _change(t: Thread, limits: ResourceLimits, resource: int, soft: int, hard: int) -> None:
    """Set a limit; only root may raise the hard one.

    Raises:
        LinuxError: EINVAL: soft above hard; EPERM: NOFILE above what the kernel can do.
    """
    if soft > hard:
        raise LinuxError(Errno.EINVAL)
    if resource == Resource.NOFILE and hard > NR_OPEN:
        raise LinuxError(Errno.EPERM)
    if hard > limits.get(resource)[1] and not identity_of(t.process).is_root:
        raise LinuxError(Errno.EPERM)
    limits.set(resource, soft, hard)


def sys_getrlimit(t: Thread, resource: int, rlim: int) -> int:
    """Read a limit."""
    value = _limits(t).get(_resource(resource))
    t.mem.write(rlim, _RLIMIT.pack(*value))
    return 0


def sys_setrlimit(t: Thread, resource: int, rlim: int) -> int:
    """Change a limit."""
    soft, hard = _RLIMIT.unpack(t.mem.read(rlim, _RLIMIT.size))
    _change(t, _limits(t), _resource(resource), soft, hard)
    return 0


def sys_prlimit64(t: Thread, pid: int, resource: int, new: int, old: int) -> int:
    """Change and read a limit of any process."""
    wanted = _RLIMIT.unpack(t.mem.read(new, _RLIMIT.size)) if new else None
    pid = as_int32(pid)
    process = t.process if pid == 0 else t.starry.processes.get(pid)
    if process is None:
        thread = t.starry.threads.get(pid)
        if thread is None:
            raise LinuxError(Errno.ESRCH)
        process = thread.process
    number = _resource(resource)
    limits: ResourceLimits = process.limits
    was = limits.get(number)
    if wanted is not None:
        _change(t, limits, number, *wanted)
    if old:
        t.mem.write(old, _RLIMIT.pack(*was))
    return 0


def sys_getrusage(t: Thread, who: int, usage: int) -> int:
    """CPU time and memory used; the counters Linux leaves at zero are zero.

    The largest resident size is the present one, and every resident page counts as one fault.
    """
    who = as_int32(who)
    if who == _RUSAGE_SELF:
        cpu_ns = process_cpu_ns(t.process)
    elif who == _RUSAGE_THREAD:
        cpu_ns = t.kernel.tasks.cpu_time_ns(t.task)
    elif who == _RUSAGE_CHILDREN:
        cpu_ns = t.process.children_cpu_ns
    else:
        raise LinuxError(Errno.EINVAL)
    counters = [0] * _RUSAGE_LONGS
    if who != _RUSAGE_CHILDREN:
        aspace = t.process.aspace
        pages = sum(1 for _ in aspace.page_table.leaves(aspace.base, aspace.end))
        counters[0] = pages << 2  # ru_maxrss, in KiB
        counters[4] = pages
        counters[-2] = t.task.switches
    packed = pack_timeval(cpu_ns) + pack_timeval(0) + struct.pack("<14q", *counters)
    t.mem.write(usage, packed)
    return 0


def sys_times(t: Thread, buf: int) -> int:
    """CPU time in clock ticks; the result is the ticks since boot."""
    if buf:
        ticks = process_cpu_ns(t.process) // _NS_PER_USER_TICK
        children = t.process.children_cpu_ns // _NS_PER_USER_TICK
        t.mem.write(buf, struct.pack("<4q", ticks, 0, children, 0))
    return now_ns(t) // _NS_PER_USER_TICK


CALLS: dict[str, Handler] = {
    "getrlimit": sys_getrlimit,
    "getrusage": sys_getrusage,
    "prlimit64": sys_prlimit64,
    "setrlimit": sys_setrlimit,
    "times": sys_times,
}
