"""Processes: the process tree's node with what Linux hangs on it, and how processes end.

Source: starry-next core/src/task.rs (`ProcessData`), api/src/imp/task/exit.rs; Linux
kernel/exit.c for the order in which things end.
Differs from starry-next: fd tables are released through their namespace instead of cleared, a
thread that exits in a shared address space does not unmap it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel.crates import process as axprocess
from kernel.crates.errno import AxError, KernelError, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.siginfo import CLD_DUMPED, CLD_EXITED, CLD_KILLED, SigInfo
from kernel.crates.signal import NSIG, SIG_IGN, SaFlags, Signo

if TYPE_CHECKING:
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.modules.axns import AxNamespace
    from kernel.plugins.starry.core.signal import ProcessSignals
    from kernel.plugins.starry.core.starry import Starry
    from kernel.plugins.starry.core.thread import Thread

PROCESS_BYTES: Final = 256  # Arc<Process>
PROCESS_DATA_BYTES: Final = 640  # ProcessData with its locks and wait queue


class Process(axprocess.Process):
    """One process.

    Attributes:
        threads: Living threads by id, oldest first.
        aspace: Its address space; shared after clone(CLONE_VM).
        ns: Its resource namespace (FD_TABLE, FS_CONTEXT); all threads share it.
        signal: Signal state its threads share.
        limits: Resource limits.
        exe_path: Path of the program file; `exe_node` its file.
        argv, envp, auxv: (start, end) of what lies on the stack.
        image: (start, end) of the mapped program.
        exit_signal: Sent to the parent at exit; SIGCHLD, or what clone said.
        dumpable, no_new_privs, keep_caps, personality, parent_death_signal: prctl(2),
            personality(2).
        is_subreaper, thp_disabled: prctl(2).
        membarrier: Commands registered with membarrier(2).
        lock_all: mlockall(2) flags.
        oom_score_adj, io_priority: As the program set them; nothing depends on them here.
        vfork_wait: Wait queue of the parent that vfork holds until execve or the end; "" = none.
        exec_thread: Thread id of the thread that calls execve and waits for the others' end; 0.
        stop_signal: What stopped it, not yet reported by wait; 0. `was_continued` likewise.
        dead_cpu_ns, children_cpu_ns: CPU time of ended threads, and of children waited for.
    """

    def __init__(
        self,
        starry: Starry,
        pid: int,
        parent: axprocess.Process | None,
        aspace: AddrSpace,
        ns: AxNamespace,
        signal: ProcessSignals,
        limits: Any,
    ) -> None:
        self.object_pas = _new_objects(starry)
        super().__init__(starry.table, pid, parent)
        self.starry = starry
        self.threads: dict[int, Thread] = {}
        self.aspace = aspace
        self.ns = ns
        self.signal = signal
        self.limits = limits
        self.exe_path = ""
        self.exe_node: Any = None
        self.argv: tuple[int, int] = (0, 0)
        self.envp: tuple[int, int] = (0, 0)
        self.auxv: tuple[int, int] = (0, 0)
        self.image: tuple[int, int] = (0, 0)
        self.exit_signal = int(Signo.SIGCHLD)
        self.dumpable = 1
        self.no_new_privs = 0
        self.keep_caps = 0
        self.personality = 0
        self.parent_death_signal = 0
        self.is_subreaper = 0
        self.thp_disabled = 0
        self.membarrier = 0
        self.lock_all = 0
        self.oom_score_adj = 0
        self.io_priority = 0
        self.start_ns = starry.events.time_ns
        self.vfork_wait = ""
        self.exec_thread = 0
        self.stop_signal = 0
        self.was_continued = False
        self.dead_cpu_ns = 0
        self.children_cpu_ns = 0
        starry.events.emit(EventKind.PROC_NEW, pid, self.ppid)

    @property
    def brk_start(self) -> int:
        """Where the heap begins."""
        return self.aspace.brk_start

    @property
    def brk(self) -> int:
        """Where the heap ends."""
        return self.aspace.brk

    @property
    def name(self) -> str:
        """The main thread's name (comm)."""
        task = self.starry.kernel.tasks.tasks.get(self.pid)
        return task.name if task is not None else self.exe_path.rpartition("/")[2][:15]

    def add(self, thread: Thread) -> None:
        """A new thread belongs to it."""
        self.threads[thread.tid] = thread
        self.add_thread(thread.tid)

    def inherit(self, parent: Process) -> None:
        """What a fork copies beside memory, files, signals and limits."""
        self.exe_path = parent.exe_path
        self.exe_node = parent.exe_node
        self.argv, self.envp, self.auxv = parent.argv, parent.envp, parent.auxv
        self.image = parent.image
        self.dumpable = parent.dumpable
        self.no_new_privs = parent.no_new_privs
        self.keep_caps = parent.keep_caps
        self.personality = parent.personality
        self.thp_disabled = parent.thp_disabled
        self.membarrier = parent.membarrier
        self.oom_score_adj = parent.oom_score_adj
        self.io_priority = parent.io_priority

    @property
    def child_exit(self) -> str:
        """Name of the wait queue for wait4(2)."""
        return f"child exit {self.pid}"


def _new_objects(starry: Starry) -> tuple[int, int]:
    """The kernel memory of a process.

    Raises:
        AxError: NO_MEMORY.
    """
    alloc = starry.kernel.alloc
    first = alloc.alloc(PROCESS_BYTES, 16, "Process")
    try:
        return first, alloc.alloc(PROCESS_DATA_BYTES, 16, "ProcessData")
    except KernelError:
        alloc.dealloc(first)
        raise


def exit_thread(thread: Thread, status: int) -> None:
    """End the current thread; with its last thread the process ends.

    Args:
        thread: The running thread.
        status: Raw wait status.

    Raises:
        PowerOff: It was the machine's program; the board switches off.
    """
    process = thread.process
    starry = thread.starry
    kernel = starry.kernel
    release_user_words(thread)
    is_last = process.exit_thread(thread.tid, status)
    if starry.observer is not None:
        starry.observer.on_thread_exited(thread, status)
    process.threads.pop(thread.tid, None)
    starry.threads.pop(thread.tid, None)
    starry.lock_waits.pop(thread.tid, None)
    process.dead_cpu_ns += kernel.tasks.cpu_time_ns(thread.task)
    if thread.own_ns is not None:
        thread.own_ns.drop()
        thread.own_ns = None
    kernel.alloc.dealloc(thread.object_pa)
    if is_last:
        _end_process(thread)
    elif process.exec_thread in process.threads and len(process.threads) == 1:
        kernel.tasks.wait_queue(f"exec {process.pid}").notify_all("threads gone")
    kernel.tasks.exit_current(thread.task, process.exit_status)
    if is_last and process.pid == starry.main_pid:
        kernel.board.exit_status = process.exit_status
        kernel.hal.system_off()


def exit_process(thread: Thread, status: int) -> None:
    """End the whole process of the current thread: exit_group(2), a fatal signal.

    A thread that execve removes ends alone.

    Args:
        thread: The running thread.
        status: Raw wait status.

    Raises:
        PowerOff: It was the machine's program.
    """
    process = thread.process
    if process.exec_thread and process.exec_thread != thread.tid:
        exit_thread(thread, status)
        return
    if process.group_exit(status):
        kill_others(thread)
    exit_thread(thread, process.exit_status)


def kill_others(thread: Thread) -> None:
    """Make all other threads of the process end."""
    from kernel.plugins.starry.core.signal import send_to_thread

    for other in list(thread.process.threads.values()):
        if other is not thread:
            send_to_thread(other, SigInfo(int(Signo.SIGKILL), 0))


def release_user_words(thread: Thread) -> None:
    """A thread lets go of its memory (end, or execve): robust futexes, the thread id, vfork.

    Source: Linux kernel/fork.c `mm_release`.
    """
    from kernel.plugins.starry.core.futex import exit_robust_list

    process = thread.process
    others_see = len(process.threads) > 1 or thread.starry.shares_memory(process)
    exit_robust_list(thread)
    address, thread.clear_child_tid = thread.clear_child_tid, 0
    if address and others_see:
        try:
            thread.mem.write_u32(address, 0)
            thread.starry.futex_wake(thread, address, 1)
        except (LinuxError, AxError):
            pass
    if process.vfork_wait and len(process.threads) <= 1:
        tasks = thread.kernel.tasks
        name, process.vfork_wait = process.vfork_wait, ""
        queue = tasks.wait_queue(name)
        queue.notify_all("vfork done")
        tasks.drop_wait_queue(queue)


def _end_process(thread: Thread) -> None:
    """The last thread has gone: release everything, become a zombie, tell the parent."""
    from kernel.plugins.starry.core.itimer import stop_timers
    from kernel.plugins.starry.core.mqueue import forget_notices
    from kernel.plugins.starry.core.posix_timer import delete_timers
    from kernel.plugins.starry.core.sysv_sem import undo_semaphores

    process = thread.process
    starry = process.starry
    kernel = starry.kernel
    is_main = process.pid == starry.main_pid
    if is_main:
        process.is_zombie = True
    kernel.events.emit(EventKind.PROC_EXIT, process.pid, process.exit_status)
    if starry.observer is not None:
        starry.observer.on_exited(process.pid, process.exit_status)
    if is_main:
        return  # the machine stops here: its last state stays for looking at
    stop_timers(process)
    delete_timers(process)
    undo_semaphores(thread, process)
    forget_notices(process)
    kernel.tasks.wait_queues.pop(f"signalfd {process.pid}", None)
    starry.release_memory(process)
    process.ns.drop()
    _leave_children(process)
    pidfd_wait = kernel.tasks.wait_queues.get(f"pidfd {process.pid}")
    if pidfd_wait is not None:
        pidfd_wait.notify_all("process end")
        kernel.tasks.drop_wait_queue(pidfd_wait)
    tell_parent(process)


def _leave_children(process: Process) -> None:
    """Become a zombie; children go to the nearest subreaper, or to init, who reaps at once."""
    from kernel.plugins.starry.core.job_control import leave_orphans, leave_terminal
    from kernel.plugins.starry.core.signal import send_to_process

    reaper = process.parent
    while isinstance(reaper, Process) and not (reaper.is_subreaper and not reaper.is_zombie):
        reaper = reaper.parent
    children = list(process.children.values())
    leave_terminal(process, ends=True)
    leave_orphans(process, [child for child in children if isinstance(child, Process)])
    process.exit(reaper)
    for child in children:
        if not isinstance(child, Process):
            continue
        if child.parent_death_signal and not child.is_zombie:
            send_to_process(child, SigInfo(child.parent_death_signal, 0, pid=process.pid))
        if child.is_zombie:
            tell_parent(child)


def tell_parent(process: Process) -> None:
    """Send the exit signal and wake wait4; a parent that ignores SIGCHLD needs no reaping."""
    from kernel.plugins.starry.core.signal import send_to_process

    parent = process.parent
    if not isinstance(parent, Process):
        reap(process)
        return
    tasks = process.starry.kernel.tasks
    signo = process.exit_signal
    is_unwanted = False
    if signo == Signo.SIGCHLD:
        action = parent.signal.actions[signo]
        is_unwanted = action.handler == SIG_IGN or bool(action.flags & SaFlags.NOCLDWAIT)
    if 1 <= signo <= NSIG and not (is_unwanted and parent.signal.actions[signo].handler == SIG_IGN):
        send_to_process(parent, exit_info(process, signo))
    if is_unwanted:
        reap(process)
    queue = tasks.wait_queues.get(parent.child_exit)
    if queue is not None:
        queue.notify_all("child exit")


def exit_info(process: Process, signo: int) -> SigInfo:
    """The siginfo of a zombie's end."""
    from kernel.plugins.starry.core.identity import identity_of

    status = process.exit_status
    if status & 0x7F:
        code = CLD_DUMPED if status & 0x80 else CLD_KILLED
        value = status & 0x7F
    else:
        code, value = CLD_EXITED, status >> 8
    ticks = process.dead_cpu_ns // 10_000_000
    uid = identity_of(process).ruid
    return SigInfo(signo, code, pid=process.pid, uid=uid, status=value, utime=ticks)


def tell_stop(process: Process, code: int, value: int) -> None:
    """The process stopped or continued: SIGCHLD unless SA_NOCLDSTOP, and wake wait4."""
    from kernel.plugins.starry.core.identity import identity_of
    from kernel.plugins.starry.core.signal import send_to_process

    parent = process.parent
    if not isinstance(parent, Process):
        return
    action = parent.signal.actions[Signo.SIGCHLD]
    if action.handler != SIG_IGN and not action.flags & SaFlags.NOCLDSTOP:
        uid = identity_of(process).ruid
        info = SigInfo(int(Signo.SIGCHLD), code, pid=process.pid, uid=uid, status=value)
        send_to_process(parent, info)
    queue = process.starry.kernel.tasks.wait_queues.get(parent.child_exit)
    if queue is not None:
        queue.notify_all("child stopped or continued")


def reap(process: Process) -> None:
    """A zombie has been waited for (or nobody will): forget it."""
    parent = process.parent
    if isinstance(parent, Process):
        parent.children_cpu_ns += process.dead_cpu_ns + process.children_cpu_ns
    forget(process)
    process.starry.events.emit(EventKind.PROC_REAP, process.pid)


def forget(process: Process) -> None:
    """Take a zombie out of the tree and give its memory back."""
    kernel = process.starry.kernel
    process.free()
    kernel.tasks.wait_queues.pop(process.child_exit, None)
    for pa in process.object_pas:
        kernel.alloc.dealloc(pa)
