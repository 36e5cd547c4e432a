"""Signal system calls: actions, masks, waiting for signals, alternate stacks, sending.

Source: Linux kernel/signal.c; sigaction(2), sigprocmask(2), sigpending(2), sigsuspend(2),
sigtimedwait(2), sigaltstack(2), sigreturn(2), kill(2), tgkill(2), rt_sigqueueinfo(2), pause(2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.siginfo import SI_TKILL, SI_USER, SIGINFO_BYTES, SigInfo
from kernel.crates.signal import (
    ALL_SIGNALS,
    KNOWN_SA_FLAGS,
    NSIG,
    SIGRTMIN,
    SIGSET_BYTES,
    UNBLOCKABLE,
    SaFlags,
    SigAction,
    bit,
)
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.limits import Resource, ResourceLimits
from kernel.plugins.starry.core.pidfd import PidFd
from kernel.plugins.starry.core.process import Process
from kernel.plugins.starry.core.sigframe import HAS_RESTORER
from kernel.plugins.starry.core.signal import (
    dequeue,
    return_from_signal,
    send_to_process,
    send_to_thread,
    set_blocked,
    suspend_with,
)
from kernel.plugins.starry.core.timespec import deadline_after, read_timespec

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_SIG_BLOCK, _SIG_UNBLOCK, _SIG_SETMASK = 0, 1, 2
_INT_MIN: Final = -(1 << 31)
_PIDFD_SIGNAL_GROUP: Final = 4
_PIDFD_SIGNAL_FLAGS: Final = 7  # thread, thread group, process group: one of them
_STACK_T: Final = struct.Struct("<QIIQ")


def _check_sigset_size(size: int) -> None:
    if size != SIGSET_BYTES:
        raise LinuxError(Errno.EINVAL, "sigset_t has 8 bytes")


# -- actions -------------------------------------------------------------------------------------


def _read_action(t: Thread, va: int) -> SigAction:
    """A struct sigaction as the kernel takes it; the restorer is there on x86_64 and aarch64."""
    if t.arch.name in HAS_RESTORER:
        handler, flags, restorer, mask = struct.unpack("<4Q", t.mem.read(va, 32))
        known = KNOWN_SA_FLAGS | SaFlags.RESTORER
    else:
        handler, flags, mask = struct.unpack("<3Q", t.mem.read(va, 24))
        restorer, known = 0, KNOWN_SA_FLAGS
    return SigAction(handler, flags & int(known), restorer, mask & ~UNBLOCKABLE)


def _pack_action(t: Thread, action: SigAction) -> bytes:
    if t.arch.name in HAS_RESTORER:
        words = (action.handler, action.flags, action.restorer, action.mask)
        return struct.pack("<4Q", *words)
    return struct.pack("<3Q", action.handler, action.flags, action.mask)


def sys_rt_sigaction(t: Thread, signo: int, act: int, oldact: int, size: int) -> int:
    """Examine and change what happens on a signal."""
    signo = as_int32(signo)
    _check_sigset_size(size)
    new = _read_action(t, act) if act else None
    if not 1 <= signo <= NSIG or (new is not None and bit(signo) & UNBLOCKABLE):
        raise LinuxError(Errno.EINVAL)
    shared = t.process.signal
    old = shared.actions[signo]
    if new is not None:
        shared.actions[signo] = new
        if new.ignores(signo):  # POSIX: pending ones go, blocked or not
            shared.pending.flush(bit(signo))
            for other in t.process.threads.values():
                other.signal.pending.flush(bit(signo))
    if oldact:
        t.mem.write(oldact, _pack_action(t, old))
    return 0


# -- masks ---------------------------------------------------------------------------------------


def sys_rt_sigprocmask(t: Thread, how: int, new_set: int, old_set: int, size: int) -> int:
    """Examine and change the thread's signal mask."""
    _check_sigset_size(size)
    old = t.signal.blocked
    if new_set:
        mask = t.mem.read_u64(new_set) & ~UNBLOCKABLE
        how = as_int32(how)
        if how == _SIG_BLOCK:
            mask |= old
        elif how == _SIG_UNBLOCK:
            mask = old & ~mask
        elif how != _SIG_SETMASK:
            raise LinuxError(Errno.EINVAL)
        set_blocked(t, mask)
    if old_set:
        t.mem.write_u64(old_set, old)
    return 0


def sys_rt_sigpending(t: Thread, set_va: int, size: int) -> int:
    """The pending signals that are blocked."""
    if size > SIGSET_BYTES:
        raise LinuxError(Errno.EINVAL)
    waiting = (t.signal.pending.mask | t.process.signal.pending.mask) & t.signal.blocked
    t.mem.write(set_va, waiting.to_bytes(SIGSET_BYTES, "little")[:size])
    return 0


# -- waiting -------------------------------------------------------------------------------------


def sys_rt_sigsuspend(t: Thread, set_va: int, size: int) -> int:
    """Wait for a signal with another mask; always ends with EINTR."""
    if t.resumed is WaitOutcome.NONE:
        _check_sigset_size(size)
        suspend_with(t, t.mem.read_u64(set_va))
        return t.block("a signal")
    raise LinuxError(Errno.ERESTARTNOHAND)


def sys_pause(t: Thread) -> int:
    """Wait for a signal."""
    if t.resumed is WaitOutcome.NONE:
        return t.block("a signal")
    raise LinuxError(Errno.ERESTARTNOHAND)


def _take_of(t: Thread, wanted: int) -> SigInfo | None:
    """Remove a pending signal of `wanted`, the thread's own first."""
    return dequeue(t, ALL_SIGNALS & ~wanted)


def sys_rt_sigtimedwait(t: Thread, set_va: int, info_va: int, timeout: int, size: int) -> int:
    """Take a signal of a set, waiting for it if need be; its number."""
    signal = t.signal
    if t.resumed is WaitOutcome.NONE:
        _check_sigset_size(size)
        wanted = t.mem.read_u64(set_va) & ~UNBLOCKABLE
        timeout_ns = read_timespec(t, timeout) if timeout else -1
        info = _take_of(t, wanted)
        if info is None and timeout_ns != 0:
            # Unblocked while it waits, so that senders wake it.
            signal.real_blocked = signal.blocked
            set_blocked(t, signal.blocked & ~wanted)
            deadline = deadline_after(t, timeout_ns) if timeout_ns > 0 else None
            return t.block("a signal of a set", deadline_ns=deadline, state=wanted)
    else:
        set_blocked(t, signal.real_blocked)
        signal.real_blocked = -1
        info = _take_of(t, t.wait_state)
    if info is None:
        interrupted = t.resumed is WaitOutcome.SIGNAL
        raise LinuxError(Errno.EINTR if interrupted else Errno.EAGAIN)
    if info_va:
        t.mem.write(info_va, info.pack())
    return info.signo


# -- the alternate stack and the way back --------------------------------------------------------


def sys_sigaltstack(t: Thread, new: int, old: int) -> int:
    """Set and get the alternate signal stack."""
    alt = t.signal.altstack
    sp = t.cpu.engine.get(t.arch.sp)
    flags = alt.state(sp) | (alt.flags & 1 << 31)
    was = _STACK_T.pack(alt.sp, flags, 0, alt.size_bytes)
    if new:
        new_sp, new_flags, _, size_bytes = _STACK_T.unpack(t.mem.read(new, _STACK_T.size))
        error = alt.change(t.arch.name, sp, new_sp, new_flags, size_bytes)
        if error:
            raise LinuxError(Errno[error])
    if old:
        t.mem.write(old, was)
    return 0


def sys_rt_sigreturn(t: Thread) -> int:
    """Return from a signal handler."""
    return return_from_signal(t)


# -- sending -------------------------------------------------------------------------------------


def _check_signo(signo: int) -> None:
    if not 0 <= signo <= NSIG:
        raise LinuxError(Errno.EINVAL, f"no signal {signo}")


def _own_info(t: Thread, signo: int, code: int) -> SigInfo:
    return SigInfo(signo, code, pid=t.process.pid, uid=identity_of(t.process).ruid)


def _check_queue(t: Thread, signo: int, code: int) -> None:
    """A process may have only so many queued signals (RLIMIT_SIGPENDING)."""
    limits = t.process.limits
    if signo < SIGRTMIN or code == SI_USER or not isinstance(limits, ResourceLimits):
        return
    shared = t.process.signal.pending.count()
    queued = sum(other.signal.pending.count() for other in t.process.threads.values())
    if shared + queued >= limits.soft(Resource.SIGPENDING):
        raise LinuxError(Errno.EAGAIN, "too many queued signals")


def _processes(found: Iterable[object]) -> list[Process]:
    """The user processes among tree nodes."""
    return [node for node in found if isinstance(node, Process)]


def _kill_targets(t: Thread, pid: int) -> list[Process]:
    """The processes kill(2) means.

    Raises:
        LinuxError: ESRCH.
    """
    starry = t.starry
    if pid > 0:
        process = starry.processes.get(pid)
        found = [process] if process is not None else []
    elif pid == -1:
        found = [p for p in starry.processes.values() if p is not t.process and p.pid != 1]
    elif pid == _INT_MIN:
        found = []
    else:
        group = t.process.group if pid == 0 else starry.table.get_group(-pid)
        found = _processes(group.members.values())
    if not found:
        raise LinuxError(Errno.ESRCH)
    return found


def sys_kill(t: Thread, pid: int, signo: int) -> int:
    """Send a signal to a process, a group or everybody."""
    signo = as_int32(signo)
    targets = _kill_targets(t, as_int32(pid))
    _check_signo(signo)
    if signo:
        for process in targets:
            send_to_process(process, _own_info(t, signo, SI_USER))
    return 0


def _send_specific(t: Thread, tgid: int, tid: int, info: SigInfo) -> int:
    """Send to one thread; `tgid` 0: of any process.

    Raises:
        LinuxError: ESRCH: no such thread in that process; EINVAL: no such signal.
    """
    target = t.starry.threads.get(tid)
    if target is None or (tgid and target.process.pid != tgid):
        raise LinuxError(Errno.ESRCH)
    _check_signo(info.signo)
    if info.signo:
        _check_queue(target, info.signo, info.code)
        send_to_thread(target, info)
    return 0


def sys_tkill(t: Thread, tid: int, signo: int) -> int:
    """Send a signal to a thread."""
    tid = as_int32(tid)
    if tid <= 0:
        raise LinuxError(Errno.EINVAL)
    return _send_specific(t, 0, tid, _own_info(t, as_int32(signo), SI_TKILL))


def sys_tgkill(t: Thread, tgid: int, tid: int, signo: int) -> int:
    """Send a signal to a thread of a given process."""
    tgid, tid = as_int32(tgid), as_int32(tid)
    if tid <= 0 or tgid <= 0:
        raise LinuxError(Errno.EINVAL)
    return _send_specific(t, tgid, tid, _own_info(t, as_int32(signo), SI_TKILL))


def _read_info(t: Thread, va: int, signo: int) -> SigInfo:
    return SigInfo.unpack(t.mem.read(va, SIGINFO_BYTES), signo)


def _check_forgery(info: SigInfo, own_id: int, target_id: int) -> None:
    """Nobody may pose as the kernel or as kill(2) towards others."""
    if (info.code >= 0 or info.code == SI_TKILL) and own_id != target_id:
        raise LinuxError(Errno.EPERM)


def sys_rt_sigqueueinfo(t: Thread, pid: int, signo: int, info_va: int) -> int:
    """Queue a signal with data to a process."""
    pid = as_int32(pid)
    info = _read_info(t, info_va, as_int32(signo))
    _check_forgery(info, t.process.pid, pid)
    process = t.starry.processes.get(pid)
    if process is None:
        raise LinuxError(Errno.ESRCH)
    _check_signo(info.signo)
    if info.signo and process.threads:
        _check_queue(next(iter(process.threads.values())), info.signo, info.code)
        send_to_process(process, info)
    return 0


def sys_rt_tgsigqueueinfo(t: Thread, tgid: int, tid: int, signo: int, info_va: int) -> int:
    """Queue a signal with data to a thread."""
    info = _read_info(t, info_va, as_int32(signo))
    tgid, tid = as_int32(tgid), as_int32(tid)
    if tid <= 0 or tgid <= 0:
        raise LinuxError(Errno.EINVAL)
    _check_forgery(info, t.tid, tid)
    return _send_specific(t, tgid, tid, info)


def sys_pidfd_send_signal(t: Thread, pidfd: int, signo: int, info_va: int, flags: int) -> int:
    """Send a signal to a process, or to its group, by a descriptor."""
    signo, flags = as_int32(signo), as_uint32(flags)
    if flags & ~_PIDFD_SIGNAL_FLAGS or flags & (flags - 1):
        raise LinuxError(Errno.EINVAL)
    file = t.fds.get(as_int32(pidfd)).file
    if not isinstance(file, PidFd):
        raise LinuxError(Errno.EBADF)
    if info_va:
        info = _read_info(t, info_va, signo)
        if int.from_bytes(info.raw[:4], "little") != signo:
            raise LinuxError(Errno.EINVAL)
        _check_forgery(info, t.process.pid, file.process.pid)
    else:
        info = _own_info(t, signo, SI_USER)
    if not file.is_known:
        raise LinuxError(Errno.ESRCH)
    _check_signo(signo)
    is_group = flags == _PIDFD_SIGNAL_GROUP
    targets = _processes(file.process.group.members.values()) if is_group else [file.process]
    for process in targets if signo else ():
        if process.threads:
            _check_queue(next(iter(process.threads.values())), signo, info.code)
            send_to_process(process, info)
    return 0


CALLS: dict[str, Handler] = {
    "kill": sys_kill,
    "pause": sys_pause,
    "pidfd_send_signal": sys_pidfd_send_signal,
    "rt_sigaction": sys_rt_sigaction,
    "rt_sigpending": sys_rt_sigpending,
    "rt_sigprocmask": sys_rt_sigprocmask,
    "rt_sigqueueinfo": sys_rt_sigqueueinfo,
    "rt_sigreturn": sys_rt_sigreturn,
    "rt_sigsuspend": sys_rt_sigsuspend,
    "rt_sigtimedwait": sys_rt_sigtimedwait,
    "rt_tgsigqueueinfo": sys_rt_tgsigqueueinfo,
    "sigaltstack": sys_sigaltstack,
    "tgkill": sys_tgkill,
    "tkill": sys_tkill,
}
