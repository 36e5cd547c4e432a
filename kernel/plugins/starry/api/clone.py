"""New tasks: clone(2), clone3(2), fork(2), vfork(2), unshare(2), pidfd_open(2).

Source: Linux kernel/fork.c; man 2 clone (argument order per architecture).
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.signal import NSIG
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core import clone
from kernel.plugins.starry.core.clone import (
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEW_ANY,
    CLONE_PARENT,
    CLONE_PARENT_SETTID,
    CLONE_PIDFD,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VFORK,
    CLONE_VM,
    USER_END,
    CloneArgs,
    clone_namespace,
    do_clone,
    unshare_resource,
)
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.sysv_sem import undo_semaphores

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_SIGCHLD: Final = 17
_CSIGNAL: Final = 0xFF
_CLONE_DETACHED: Final = clone.CLONE_DETACHED
#: Architectures whose clone(2) has the thread id's address before the TLS pointer.
_CTID_FIRST: Final = ("x86_64", "loongarch64")
_CLONE3_FLAGS: Final = ((1 << 34) - 1) & ~(_CSIGNAL & ~clone.CLONE_NEWTIME) & ~_CLONE_DETACHED
_CLONE_ARGS: Final = struct.Struct("<11Q")
_CLONE_ARGS_MIN: Final = 64
_SYSVSEM: Final = 0x4_0000
_PIDFD_NONBLOCK: Final = 0o4000
_PIDFD_THREAD: Final = 0o200
_PID_MAX: Final = 32768  # /proc/sys/kernel/pid_max


def _clone(t: Thread, args: CloneArgs) -> int:
    """Make the task; with CLONE_VFORK wait until it has its own program or has ended."""
    if t.resumed:
        return t.wait_state
    flags = args.flags
    if flags & CLONE_PIDFD:
        clone.expect_pidfd(t, args.pidfd)
    child = do_clone(t, args)
    if flags & CLONE_PIDFD:
        t.mem.write_u32(args.pidfd, clone.new_pidfd(t, child.process))
    if flags & CLONE_VFORK:
        queue = t.kernel.tasks.wait_queue(child.process.vfork_wait)
        why = f"vforked process {child.tid}"
        return t.block(why, (queue,), state=child.tid, interruptible=False)
    return child.tid


def sys_clone(t: Thread, flags: int, stack: int, parent_tid: int, a3: int, a4: int) -> int:
    """clone(2): the exit signal is in the low byte of the flags."""
    child_tid, tls = (a3, a4) if t.arch.name in _CTID_FIRST else (a4, a3)
    flags = as_uint32(flags)
    signo, flags = flags & _CSIGNAL, flags & ~_CSIGNAL
    if flags & CLONE_PIDFD and flags & (CLONE_PARENT_SETTID | _CLONE_DETACHED):
        raise LinuxError(Errno.EINVAL)
    return _clone(t, CloneArgs(flags, signo, stack, tls, parent_tid, child_tid, parent_tid))


def sys_clone3(t: Thread, args_va: int, size: int) -> int:
    """clone3(2): everything in a structure."""
    if size > 4096:
        raise LinuxError(Errno.E2BIG)
    if size < _CLONE_ARGS_MIN:
        raise LinuxError(Errno.EINVAL)
    raw = t.mem.read(args_va, size)
    if any(raw[_CLONE_ARGS.size :]):
        raise LinuxError(Errno.E2BIG)
    fields = _CLONE_ARGS.unpack(raw[: _CLONE_ARGS.size].ljust(_CLONE_ARGS.size, b"\0"))
    flags, pidfd, child_tid, parent_tid, signo, stack, stack_size, tls, tid_va, tids, _ = fields
    is_bad = (
        flags & ~_CLONE3_FLAGS
        or not 0 <= signo <= NSIG
        or (flags & (CLONE_THREAD | CLONE_PARENT) and signo)
        or bool(stack) != bool(stack_size)
        or stack + stack_size > USER_END
        or bool(tid_va) != bool(tids)
        or tids > 32
    )
    if is_bad:
        raise LinuxError(Errno.EINVAL)
    args = CloneArgs(flags, signo, stack + stack_size, tls, parent_tid, child_tid, pidfd)
    if tids and not t.resumed:
        ids = t.mem.read(tid_va, 4 * tids)
        clone.check(t, args)
        args = replace(args, tid=_chosen_id(t, ids))
    return _clone(t, args)


def _chosen_id(t: Thread, ids: bytes) -> int:
    """The id that clone3 asks for (`set_tid`): one, as there is one PID namespace.

    Raises:
        LinuxError: EINVAL; EPERM without CAP_CHECKPOINT_RESTORE; EEXIST: it is in use.
    """
    tid = int.from_bytes(ids[:4], "little", signed=True)
    if len(ids) > 4 or not 1 <= tid < _PID_MAX:
        raise LinuxError(Errno.EINVAL)
    if not identity_of(t.process).is_root:
        raise LinuxError(Errno.EPERM)
    table = t.process.table
    if tid in t.kernel.tasks.tasks or tid in table.groups or tid in table.sessions:
        raise LinuxError(Errno.EEXIST)
    return tid


def sys_fork(t: Thread) -> int:
    """fork(2)."""
    return _clone(t, CloneArgs(0, _SIGCHLD))


def sys_vfork(t: Thread) -> int:
    """vfork(2): the child borrows the parent's memory."""
    return _clone(t, CloneArgs(CLONE_VFORK | CLONE_VM, _SIGCHLD))


def sys_unshare(t: Thread, flags: int) -> int:
    """Stop sharing descriptors or directories with others."""
    flags = as_uint32(flags)
    known = CLONE_FILES | CLONE_FS | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | _SYSVSEM
    if flags & CLONE_NEW_ANY or flags & ~known:
        raise LinuxError(Errno.EINVAL)
    is_alone = len(t.process.threads) == 1
    if flags & (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD) and not is_alone:
        raise LinuxError(Errno.EINVAL)
    if flags & _SYSVSEM:
        undo_semaphores(t, t.process)
    if flags & (CLONE_FILES | CLONE_FS):
        wanted = (CLONE_FILES | CLONE_FS) & ~flags
        if not is_alone:
            mine = clone_namespace(t, wanted)
            old, t.own_ns = t.own_ns, mine
            if old is not None:
                old.drop()
            return 0
        for name, flag in (("FD_TABLE", CLONE_FILES), ("FS_CONTEXT", CLONE_FS)):
            arc = t.ns.arc(name)
            if flags & flag and arc is not None and arc.strong > 1:
                unshare_resource(t, t.ns, name)
    return 0


def sys_pidfd_open(t: Thread, pid: int, flags: int) -> int:
    """A descriptor for a process."""
    flags = as_uint32(flags)
    pid = as_int32(pid)
    if flags & ~(_PIDFD_NONBLOCK | _PIDFD_THREAD) or pid <= 0:
        raise LinuxError(Errno.EINVAL)
    process = t.starry.processes.get(pid)
    if process is None:
        raise LinuxError(Errno.EINVAL if pid in t.starry.threads else Errno.ESRCH)
    return clone.new_pidfd(t, process, bool(flags & _PIDFD_NONBLOCK))


CALLS: dict[str, Handler] = {
    "clone": sys_clone,
    "clone3": sys_clone3,
    "fork": sys_fork,
    "pidfd_open": sys_pidfd_open,
    "unshare": sys_unshare,
    "vfork": sys_vfork,
}
