"""Processes: the process tree's node with what Linux hangs on it, and how processes end.

Source: starry-next core/src/task.rs (`ProcessData`), api/src/imp/task/exit.rs; Linux
kernel/exit.c for the order in which things end.
Differs from starry-next: fd tables are released through their namespace instead of cleared, a
thread that exits in a shared address space does not unmap it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel.crates import process as axprocess
from kernel.crates.errno import AxError, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.siginfo import CLD_DUMPED, CLD_EXITED, CLD_KILLED, SigInfo
from kernel.crates.signal import Signo

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
        dumpable, no_new_privs, personality, parent_death_signal: prctl(2), personality(2).
        is_subreaper, thp_disabled: prctl(2).
        membarrier: Commands registered with membarrier(2).
        lock_all: mlockall(2) flags.
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
        self.personality = 0
        self.parent_death_signal = 0
        self.is_subreaper = 0
        self.thp_disabled = 0
        self.membarrier = 0
        self.lock_all = 0
        self.start_ns = starry.events.time_ns
        alloc = starry.kernel.alloc
        self.object_pas = (
            alloc.alloc(PROCESS_BYTES, 16, "Process"),
            alloc.alloc(PROCESS_DATA_BYTES, 16, "ProcessData"),
        )
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

    @property
    def child_exit(self) -> str:
        """Name of the wait queue for wait4(2)."""
        return f"child exit {self.pid}"


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
    _clear_child_tid(thread)
    is_last = process.exit_thread(thread.tid, status)
    process.threads.pop(thread.tid, None)
    starry.threads.pop(thread.tid, None)
    starry.kernel.alloc.dealloc(thread.object_pa)
    if is_last:
        _end_process(process)
    starry.kernel.tasks.exit_current(thread.task, process.exit_status)
    if is_last and process.pid == starry.main_pid:
        starry.kernel.board.exit_status = process.exit_status
        starry.kernel.hal.system_off()


def exit_process(thread: Thread, status: int) -> None:
    """End the whole process of the current thread: exit_group(2), a fatal signal.

    Args:
        thread: The running thread.
        status: Raw wait status.

    Raises:
        PowerOff: It was the machine's program.
    """
    process = thread.process
    if process.group_exit(status):
        from kernel.plugins.starry.core.signal import send_to_thread

        for other in list(process.threads.values()):
            if other is not thread:
                send_to_thread(other, SigInfo(int(Signo.SIGKILL), 0))
    exit_thread(thread, process.exit_status)


def _clear_child_tid(thread: Thread) -> None:
    """set_tid_address(2): zero the word and wake one futex waiter; a bad address is ignored."""
    address = thread.clear_child_tid
    if not address:
        return
    thread.clear_child_tid = 0
    if len(thread.process.threads) < 2 and not thread.starry.shares_memory(thread.process):
        return  # nobody else can see the word
    try:
        thread.mem.write_u32(address, 0)
    except (LinuxError, AxError):
        return
    thread.starry.futex_wake(thread, address, 1)


def _end_process(process: Process) -> None:
    """The last thread has gone: release everything, become a zombie, tell the parent."""
    starry = process.starry
    kernel = starry.kernel
    is_main = process.pid == starry.main_pid
    process.exit()
    kernel.events.emit(EventKind.PROC_EXIT, process.pid, process.exit_status)
    if starry.observer is not None:
        starry.observer.on_exited(process.pid, process.exit_status)
    if is_main:
        return  # the machine stops here: its last state stays for looking at
    starry.release_memory(process)
    process.ns.drop()
    parent = process.parent
    if isinstance(parent, Process):
        _tell_parent(process, parent)
    else:
        reap(process)


def _tell_parent(process: Process, parent: Process) -> None:
    """Send the exit signal and wake wait4; a parent that ignores SIGCHLD needs no reaping."""
    from kernel.plugins.starry.core.signal import send_to_process

    status = process.exit_status
    if status & 0x7F:
        code = CLD_DUMPED if status & 0x80 else CLD_KILLED
        value = status & 0x7F
    else:
        code, value = CLD_EXITED, status >> 8
    if process.exit_signal:
        send_to_process(parent, SigInfo(process.exit_signal, code, pid=process.pid, status=value))
    process.starry.kernel.tasks.wait_queue(parent.child_exit).notify_all("child exit")


def reap(process: Process) -> None:
    """A zombie has been waited for (or nobody will): forget it."""
    starry = process.starry
    process.free()
    for pa in process.object_pas:
        starry.kernel.alloc.dealloc(pa)
    starry.events.emit(EventKind.PROC_REAP, process.pid)
