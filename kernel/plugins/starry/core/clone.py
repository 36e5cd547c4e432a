"""Making threads and processes: what clone(2), fork(2) and vfork(2) have in common.

Every kernel object is made first and given back if a later one fails; only then does the new task
become visible to the scheduler.

Source: Linux kernel/fork.c (`copy_process`, `kernel_clone`); starry-next api/src/imp/task/clone.rs.
Differs from starry-next: copy-on-write by default, the flag rules, inheritance and vfork's wait are
Linux's; a thread without CLONE_FILES or CLONE_FS gets a namespace of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, Errno, KernelError, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.user_ptr import UserMemory
from kernel.modules.axhal.context import copy_user_context
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.process import Process, forget
from kernel.plugins.starry.core.thread import Thread

if TYPE_CHECKING:
    from kernel.crates import process as axprocess
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.modules.axns import AxNamespace
    from kernel.modules.axtask.task import TaskInner
    from kernel.plugins.starry.core.fd_table import FdTable
    from kernel.plugins.starry.core.fs_context import FsContext

CLONE_NEWTIME: Final = 0x80
CLONE_VM: Final = 0x100
CLONE_FS: Final = 0x200
CLONE_FILES: Final = 0x400
CLONE_SIGHAND: Final = 0x800
CLONE_PIDFD: Final = 0x1000
CLONE_VFORK: Final = 0x4000
CLONE_PARENT: Final = 0x8000
CLONE_THREAD: Final = 0x1_0000
CLONE_NEWNS: Final = 0x2_0000
CLONE_SETTLS: Final = 0x8_0000
CLONE_PARENT_SETTID: Final = 0x10_0000
CLONE_CHILD_CLEARTID: Final = 0x20_0000
CLONE_DETACHED: Final = 0x40_0000
CLONE_CHILD_SETTID: Final = 0x100_0000
CLONE_NEWPID: Final = 0x2000_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_CLEAR_SIGHAND: Final = 1 << 32
CLONE_INTO_CGROUP: Final = 1 << 33
#: Linux's own namespaces (mount, cgroup, UTS, IPC, user, PID, network, time): not built in.
CLONE_NEW_ANY: Final = CLONE_NEWTIME | CLONE_NEWNS | 0x7E00_0000

USER_END: Final = (1 << 47) - 4096


@dataclass(frozen=True, slots=True)
class CloneArgs:
    """What a new task is to be.

    Attributes:
        flags: CLONE_* without the exit signal.
        exit_signal: Sent to the parent when the process ends; no valid signal: none.
        sp: Initial stack pointer; 0: the parent's.
        tls: For CLONE_SETTLS.
        parent_tid, child_tid, pidfd: User addresses for the flags of these names.
        tid: The number it is to have; 0: the next one.
    """

    flags: int
    exit_signal: int
    sp: int = 0
    tls: int = 0
    parent_tid: int = 0
    child_tid: int = 0
    pidfd: int = 0
    tid: int = 0


def check(t: Thread, args: CloneArgs) -> None:
    """The rules that flags obey.

    Raises:
        LinuxError: EINVAL; EPERM for a TLS address outside user space (x86_64).
    """
    flags = args.flags
    is_bad = (
        (flags & CLONE_THREAD and not flags & CLONE_SIGHAND)
        or (flags & CLONE_SIGHAND and not flags & CLONE_VM)
        or (flags & CLONE_SIGHAND and flags & CLONE_CLEAR_SIGHAND)
        or (flags & CLONE_PARENT and t.process.pid == t.starry.main_pid)
        or flags & (CLONE_NEW_ANY | CLONE_INTO_CGROUP)
    )
    if is_bad:
        raise LinuxError(Errno.EINVAL)
    if flags & CLONE_SETTLS and t.arch.name == "x86_64" and args.tls >= USER_END:
        raise LinuxError(Errno.EPERM)


def do_clone(t: Thread, args: CloneArgs) -> Thread:
    """Make a task after the current thread `t` and put it into a run queue.

    Raises:
        LinuxError: See `check`.
        AxError: NO_MEMORY; nothing is left behind.
    """
    check(t, args)
    kernel = t.kernel
    task = kernel.tasks.new_task(t.task.name, kernel.config.kernel_stack_bytes, tid=args.tid)
    child: Thread | None = None
    try:
        child = _new_thread(t, task, args)
    except KernelError:
        kernel.tasks.discard(task)
        raise
    _start(t, child, args)
    return child


def _new_thread(t: Thread, task: TaskInner, args: CloneArgs) -> Thread:
    starry, flags = t.starry, args.flags
    is_thread = bool(flags & CLONE_THREAD)
    process = t.process if is_thread else new_process(t, task.tid, args)
    keep_altstack = not flags & CLONE_VM or bool(flags & CLONE_VFORK)
    try:
        child = Thread(starry, process, task, UserMemory(process), t.signal.fork(keep_altstack))
    except KernelError:
        if not is_thread:
            undo_process(process)
        raise
    if is_thread and flags & (CLONE_FS | CLONE_FILES) != CLONE_FS | CLONE_FILES:
        try:
            child.own_ns = clone_namespace(t, flags)
        except KernelError:
            t.kernel.alloc.dealloc(child.object_pa)
            raise
    elif is_thread and t.own_ns is not None:
        child.own_ns = clone_namespace(t, CLONE_FS | CLONE_FILES)
    return child


def new_process(t: Thread, pid: int, args: CloneArgs) -> Process:
    """A child process of `t`'s (or a sibling, with CLONE_PARENT) without threads."""
    starry, flags, mine = t.starry, args.flags, t.process
    aspace = mine.aspace if flags & CLONE_VM else fork_aspace(t)
    parent: axprocess.Process | None = mine.parent if flags & CLONE_PARENT else mine
    ns: AxNamespace | None = None
    try:
        ns = clone_namespace(t, flags)
        signal = mine.signal.fork(bool(flags & CLONE_SIGHAND))
        child = Process(starry, pid, parent, aspace, ns, signal, mine.limits.copy())
    except KernelError:
        if ns is not None:
            ns.drop()
        if aspace is not mine.aspace:
            aspace.destroy()
        raise
    if flags & CLONE_CLEAR_SIGHAND:
        signal.actions.reset_handlers()
    child.inherit(mine)
    child.__dict__["identity"] = identity_of(mine).copy()
    if not flags & CLONE_PARENT:
        child.exit_signal = args.exit_signal
    else:
        child.exit_signal = mine.exit_signal
    return child


def undo_process(process: Process) -> None:
    """Take back a process that never got a thread."""
    process.ns.drop()
    if not process.starry.shares_memory(process):
        process.aspace.destroy()
    process.is_zombie = True
    forget(process)


def fork_aspace(t: Thread) -> AddrSpace:
    """A copy of the caller's address space, by copy-on-write or at once as the machine is set up.

    Raises:
        AxError: NO_MEMORY.
    """
    starry, kernel = t.starry, t.kernel
    ident = starry.next_aspace
    starry.next_aspace += 1
    aspace = t.process.aspace.clone_or_err(ident, cow=starry.fork_cow)
    if not kernel.config.has_split_tables:
        aspace.copy_mappings_from(kernel.kernel_aspace)
    return aspace


def clone_namespace(t: Thread, flags: int) -> AxNamespace:
    """A namespace that shares or copies each of the caller's resources, as the flags say."""
    source = t.ns
    ns = t.kernel.ns.new_thread_local()
    try:
        for name, shared in (("FD_TABLE", CLONE_FILES), ("FS_CONTEXT", CLONE_FS)):
            if flags & shared:
                ns.init_shared(name, source.share(name))
            else:
                copy_resource(t, source, ns, name)
    except KernelError:
        ns.drop()
        raise
    return ns


def copy_resource(t: Thread, source: AxNamespace, ns: AxNamespace, name: str) -> None:
    """Give `ns` a copy of a resource (`ResArc::init_new(copy_inner())`)."""
    value: FdTable | FsContext = source.get(name)
    old = source.arc(name)
    twin = value.copy()
    try:
        ns.init_new(name, twin, value.MODEL_BYTES)
    except KernelError:
        twin.dropped()
        raise
    new = ns.arc(name)
    from_pa, pa = (old.pa if old else 0), (new.pa if new else 0)
    t.kernel.events.emit(EventKind.ARC_COPY, name, from_pa, pa)


def unshare_resource(t: Thread, ns: AxNamespace, name: str) -> None:
    """Give a namespace its own copy of a resource it shares."""
    spare = t.kernel.ns.new_thread_local()
    copy_resource(t, ns, spare, name)
    ns.take(name, spare)
    spare.drop()


def _start(t: Thread, child: Thread, args: CloneArgs) -> None:
    """Registers, thread ids in memory, and off it goes."""
    arch, flags, cpu, starry = t.arch, args.flags, t.cpu, t.starry
    child.process.add(child)
    starry.threads[child.tid] = child
    changes: dict[str, int] = {}
    if args.sp:
        changes[arch.sp] = args.sp
    if flags & CLONE_SETTLS:
        changes[arch.tls] = args.tls
    task = child.task
    task.context = copy_user_context(cpu, changes)
    task.pc = cpu.pc
    task.root_pa = child.process.aspace.root_pa
    task.is_user = True
    task.task_ext = child
    task.cpumask = t.task.cpumask
    child.timer_slack_ns = t.timer_slack_ns
    child.nice, child.policy = t.nice, t.policy
    if t.resets_on_fork:
        child.nice, child.policy = (0 if t.policy[1] else max(t.nice, 0), (0, 0))
    if not flags & CLONE_VM:
        child.rseq, child.rseq_cpu = t.rseq, -1
    if t.resets_on_fork:
        t.kernel.tasks.set_priority(task, child.nice)
    else:
        t.kernel.tasks.inherit_priority(t.task, task)
    if flags & CLONE_CHILD_CLEARTID:
        child.clear_child_tid = args.child_tid
    if flags & CLONE_PARENT_SETTID:
        _put_tid(t, args.parent_tid, child.tid)
    if flags & CLONE_CHILD_SETTID:
        _put_tid(child, args.child_tid, child.tid)
    if flags & CLONE_VFORK:
        child.process.vfork_wait = f"vfork {child.tid}"
    if starry.observer is not None:
        starry.observer.on_created(t, child)
    t.kernel.tasks.spawn(task)


def _put_tid(t: Thread, va: int, tid: int) -> None:
    """Linux ignores a bad address here."""
    try:
        t.mem.write_u32(va, tid)
    except (LinuxError, AxError):
        return


def expect_pidfd(t: Thread, va: int) -> None:
    """Check, before the child is made, that it can be given a descriptor.

    Raises:
        LinuxError: EMFILE, EFAULT: its number cannot be stored at `va`.
    """
    if len(list(t.fds.objects.ids())) >= t.process.limits.soft(Resource.NOFILE):
        raise LinuxError(Errno.EMFILE)
    t.mem.write_u32(va, t.mem.read_u32(va))


def new_pidfd(t: Thread, process: Process, nonblocking: bool = False) -> int:
    """A descriptor for a process, close-on-exec.

    Raises:
        LinuxError: EMFILE.
    """
    from kernel.plugins.starry.core.file import O_CLOEXEC, O_NONBLOCK, O_RDWR, OpenFile
    from kernel.plugins.starry.core.pidfd import PidFd

    flags = O_RDWR | O_CLOEXEC | (O_NONBLOCK if nonblocking else 0)
    file = OpenFile(t.kernel.alloc, PidFd(process), flags, "anon_inode:[pidfd]")
    return t.fds.add(file, True, t.process.limits.soft(Resource.NOFILE))
