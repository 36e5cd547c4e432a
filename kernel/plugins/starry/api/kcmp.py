"""Comparing and ranking processes: kcmp(2), ioprio_get(2), ioprio_set(2).

Source: Linux kernel/kcmp.c, block/ioprio.c.
Differs from Linux: nothing waits for a disk here, so an I/O priority is only kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.identity import identity_of

if TYPE_CHECKING:
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.thread import Thread

_KCMP_FILE, _KCMP_VM, _KCMP_FILES, _KCMP_FS, _KCMP_SIGHAND, _KCMP_IO, _KCMP_SYSVSEM = range(7)
_KCMP_TYPES: Final = 8
_IOPRIO_PROCESS, _IOPRIO_PGRP, _IOPRIO_USER = 1, 2, 3
_CLASS_SHIFT: Final = 13


def _thread(t: Thread, pid: int) -> Thread:
    """A thread by id.

    Raises:
        LinuxError: ESRCH.
    """
    found = t.starry.threads.get(as_int32(pid))
    if found is None:
        raise LinuxError(Errno.ESRCH)
    return found


def _order(first: int, second: int) -> int:
    """0 equal, 1 less, 2 greater."""
    return 0 if first == second else 1 if first < second else 2


def sys_kcmp(t: Thread, pid1: int, pid2: int, kind: int, index1: int, index2: int) -> int:
    """Whether two threads share something; else an order by kernel address."""
    kind = as_int32(kind)
    one, two = _thread(t, pid1), _thread(t, pid2)
    if kind == _KCMP_FILE:
        files = one.fds.get_any(as_uint32(index1)), two.fds.get_any(as_uint32(index2))
        return _order(files[0].object_pa, files[1].object_pa)
    if kind == _KCMP_VM:
        return _order(one.process.aspace.root_pa, two.process.aspace.root_pa)
    if kind in (_KCMP_FILES, _KCMP_FS):
        name = "FD_TABLE" if kind == _KCMP_FILES else "FS_CONTEXT"
        arcs = one.ns.arc(name), two.ns.arc(name)
        return _order(*(arc.pa if arc is not None else 0 for arc in arcs))
    if kind in (_KCMP_SIGHAND, _KCMP_IO, _KCMP_SYSVSEM):
        return _order(one.process.pid, two.process.pid)
    raise LinuxError(Errno.EINVAL if not 0 <= kind < _KCMP_TYPES else Errno.EOPNOTSUPP)


def _processes(t: Thread, which: int, who: int) -> list[Process]:
    """The processes ioprio_get and ioprio_set mean.

    Raises:
        LinuxError: ESRCH, EINVAL.
    """
    which, who = as_int32(which), as_int32(who)
    everyone: list[Any] = list(t.starry.processes.values())
    if which == _IOPRIO_PROCESS:
        found = [t.process] if not who else [_thread(t, who).process]
    elif which == _IOPRIO_PGRP:
        pgid = who or t.process.pgid
        found = [process for process in everyone if process.pgid == pgid]
    elif which == _IOPRIO_USER:
        uid = who or identity_of(t.process).ruid
        found = [process for process in everyone if identity_of(process).ruid == uid]
    else:
        raise LinuxError(Errno.EINVAL)
    if not found:
        raise LinuxError(Errno.ESRCH)
    return found


def sys_ioprio_get(t: Thread, which: int, who: int) -> int:
    """The highest I/O priority of the processes."""
    return min(process.io_priority for process in _processes(t, which, who))


def sys_ioprio_set(t: Thread, which: int, who: int, priority: int) -> int:
    """Set the I/O priority of the processes: a class and a level in it."""
    priority = as_int32(priority)
    number, level = priority >> _CLASS_SHIFT & 7, priority & 7
    if number > 3 or (number == 0 and level):
        raise LinuxError(Errno.EINVAL)
    if number == 1 and not identity_of(t.process).is_root:
        raise LinuxError(Errno.EPERM)
    for process in _processes(t, which, who):
        process.io_priority = priority
    return 0


CALLS: dict[str, Handler] = {
    "kcmp": sys_kcmp,
    "ioprio_get": sys_ioprio_get,
    "ioprio_set": sys_ioprio_set,
}
