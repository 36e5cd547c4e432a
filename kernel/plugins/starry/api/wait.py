"""Waiting for children: wait4(2), waitid(2).

Source: Linux kernel/exit.c (`do_wait`, `wait_task_zombie`, `wait_task_stopped`).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.siginfo import (
    CLD_CONTINUED,
    CLD_DUMPED,
    CLD_EXITED,
    CLD_KILLED,
    CLD_STOPPED,
)
from kernel.crates.signal import Signo
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32
from kernel.plugins.starry.core.file import O_NONBLOCK
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.pidfd import PidFd
from kernel.plugins.starry.core.process import Process, reap
from kernel.plugins.starry.core.timespec import pack_timeval

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

WNOHANG: Final = 1
WUNTRACED: Final = 2  # and WSTOPPED
WEXITED: Final = 4
WCONTINUED: Final = 8
WNOWAIT: Final = 0x0100_0000
_WNOTHREAD: Final = 0x2000_0000
_WALL: Final = 0x4000_0000
_WCLONE: Final = 0x8000_0000
_CLONE_FLAGS: Final = _WNOTHREAD | _WALL | _WCLONE
_P_ALL, _P_PID, _P_PGID, _P_PIDFD = range(4)
_INT_MIN: Final = -(1 << 31)
_CONTINUED_STATUS: Final = 0xFFFF
_STOPPED: Final = 0x7F

#: What wait found: the child, its wait status, si_code, si_status.
Found = tuple[Process, int, int, int]


def _candidates(t: Thread, kind: int, ident: int, options: int) -> list[Process]:
    """The children a call means.

    Raises:
        LinuxError: ECHILD: there is none.
    """
    found: list[Process] = []
    for child in t.process.children.values():
        if not isinstance(child, Process):
            continue
        if (kind == _P_PID and child.pid != ident) or (kind == _P_PGID and child.pgid != ident):
            continue
        is_clone = child.exit_signal != Signo.SIGCHLD
        if not options & _WALL and is_clone != bool(options & _WCLONE):
            continue
        found.append(child)
    if not found:
        raise LinuxError(Errno.ECHILD)
    return found


def _look(children: list[Process], options: int) -> Found | None:
    """The first child with something to tell, which is told unless WNOWAIT."""
    keeps = options & WNOWAIT
    for child in children:
        if child.is_zombie:
            if not options & WEXITED:
                continue
            status = child.exit_status
            if status & 0x7F:
                code = CLD_DUMPED if status & 0x80 else CLD_KILLED
                return child, status, code, status & 0x7F
            return child, status, CLD_EXITED, status >> 8 & 0xFF
        if child.stop_signal and options & WUNTRACED:
            signo = child.stop_signal
            if not keeps:
                child.stop_signal = 0
            return child, signo << 8 | _STOPPED, CLD_STOPPED, signo
        if child.was_continued and options & WCONTINUED:
            if not keeps:
                child.was_continued = False
            return child, _CONTINUED_STATUS, CLD_CONTINUED, int(Signo.SIGCONT)
    return None


def _wait(t: Thread, kind: int, ident: int, options: int) -> Found | int:
    """Find a child, or say how the call goes on: 0 (WNOHANG) or BLOCKED."""
    if t.resumed == WaitOutcome.SIGNAL:
        found = _look(_candidates(t, kind, ident, options), options)
        if found is None:
            raise LinuxError(Errno.ERESTARTSYS)
        return found
    children = _candidates(t, kind, ident, options)
    found = _look(children, options)
    if found is not None:
        return found
    if options & WNOHANG:
        return 0
    queue = t.kernel.tasks.wait_queue(t.process.child_exit)
    why = f"process {children[0].pid}" if len(children) == 1 else f"{len(children)} processes"
    return t.block(f"the end of {why}", (queue,))


def _pack_rusage(child: Process) -> bytes:
    """A struct rusage: CPU time as user time; the rest is not measured."""
    cpu_ns = child.dead_cpu_ns + child.children_cpu_ns
    return pack_timeval(cpu_ns) + bytes(128)


def sys_wait4(t: Thread, pid: int, status_va: int, options: int, rusage: int) -> int:
    """Wait for a child's end (or stop, or going on); its id."""
    options &= 0xFFFF_FFFF
    pid = as_int32(pid)
    if options & ~(WNOHANG | WUNTRACED | WCONTINUED | _CLONE_FLAGS):
        raise LinuxError(Errno.EINVAL)
    if pid == _INT_MIN:
        raise LinuxError(Errno.ESRCH)
    if pid == -1:
        kind, ident = _P_ALL, 0
    elif pid > 0:
        kind, ident = _P_PID, pid
    else:
        kind, ident = _P_PGID, -pid or t.process.pgid
    found = _wait(t, kind, ident, options | WEXITED)
    if isinstance(found, int):
        return found
    child, status, _, _ = found
    child_pid = child.pid
    usage = _pack_rusage(child)
    if child.is_zombie:
        reap(child)
    if status_va:
        t.mem.write_u32(status_va, status)
    if rusage:
        t.mem.write(rusage, usage)
    return child_pid


def _who(t: Thread, kind: int, ident: int) -> tuple[int, int, bool]:
    """Check waitid's choice of children; False: a descriptor that does not want to wait.

    Raises:
        LinuxError: EINVAL, EBADF.
    """
    if kind == _P_ALL:
        return kind, 0, True
    if kind == _P_PID and ident > 0:
        return kind, ident, True
    if kind == _P_PGID and ident >= 0:
        return kind, ident or t.process.pgid, True
    if kind == _P_PIDFD and ident >= 0:
        opened = t.fds.get(ident)
        if isinstance(opened.file, PidFd):
            return _P_PID, opened.file.process.pid, not opened.flags & O_NONBLOCK
        raise LinuxError(Errno.EBADF)
    raise LinuxError(Errno.EINVAL)


def sys_waitid(t: Thread, which: int, ident: int, info_va: int, options: int, rusage: int) -> int:
    """Wait for a child's change of state; what happened goes to a siginfo_t."""
    options &= 0xFFFF_FFFF
    wanted = WEXITED | WUNTRACED | WCONTINUED
    if options & ~(wanted | WNOHANG | WNOWAIT | _CLONE_FLAGS) or not options & wanted:
        raise LinuxError(Errno.EINVAL)
    kind, ident, is_patient = _who(t, as_int32(which), as_int32(ident))
    found = _wait(t, kind, ident, options if is_patient else options | WNOHANG)
    if found == 0 and not is_patient and not options & WNOHANG:
        raise LinuxError(Errno.EAGAIN)
    head, body = bytes(12), bytes(12)
    if isinstance(found, int):
        if found:
            return found
    else:
        child, _, code, value = found
        uid = identity_of(child).ruid
        head = struct.pack("<3i", int(Signo.SIGCHLD), 0, code)
        body = struct.pack("<iIi", child.pid, uid, value)
        usage = _pack_rusage(child)
        if child.is_zombie and not options & WNOWAIT:
            reap(child)
        if rusage:
            t.mem.write(rusage, usage)
    if info_va:
        t.mem.write(info_va, head)
        t.mem.write(info_va + 16, body)
    return 0


CALLS: dict[str, Handler] = {"wait4": sys_wait4, "waitid": sys_waitid}
