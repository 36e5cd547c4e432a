"""Threads: what Starry hangs on an ArceOS task (its `TaskExt`).

Source: starry-next core/src/task.rs (`TaskExt`, `ThreadData`); Linux's task_struct for the rest.
Differs: a system call that waits keeps nothing on a Python stack. `block` notes what it waits for;
when the task has the CPU again, `Starry.resume` enters the same handler anew with `resumed` set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import Errno
from kernel.modules.axtask.task import TaskInner, WaitOutcome
from kernel.modules.axtask.wait_queue import WaitQueue

if TYPE_CHECKING:
    from kernel.crates.user_ptr import UserMemory
    from kernel.machine.arch import Arch
    from kernel.machine.cpu import Cpu
    from kernel.modules.axns import AxNamespace
    from kernel.modules.axruntime.kernel import Kernel
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.signal import ThreadSignals
    from kernel.plugins.starry.core.starry import Starry

THREAD_BYTES: Final = 192  # Arc<Thread> with ThreadData, modelled in the kernel heap

#: Results of handlers below this are no results but one of the next two.
SPECIAL: Final = -(1 << 64)
#: The caller waits; the handler is entered again later. `Thread.block` returns it.
BLOCKED: Final = -(1 << 65)
#: The call does not come back: the thread ended, or its whole context was replaced.
NO_RETURN: Final = -(1 << 66)


class Thread:
    """One thread of a process.

    Attributes:
        tid: Thread id = task id; the first thread's is the process id.
        mem: Checked access to the process's memory.
        clear_child_tid: User address to zero at exit, waking a futex waiter; 0 = none.
        pending: The system call it waits in: (serial, number, raw arguments).
        resumed: How the wait before this entry of the handler ended; NONE on the first entry.
        wait_state: What the handler passed to `block`.
        restart: ERESTART* of the call just ended, until signals are delivered; None or 0.
        robust_list: (head, length) of set_robust_list(2).
        rseq: (user address, length, signature) of rseq(2); address 0 = not registered.
        timer_slack_ns: prctl(PR_SET_TIMERSLACK).
        own_ns: Its own namespace (clone without CLONE_FILES or CLONE_FS); None: the process's.
        nice: -20 (most favourable) to 19.
        policy: (scheduling policy, static priority), sched(7).
        resets_on_fork: SCHED_RESET_ON_FORK: children start with SCHED_OTHER.
        pi_wait: Name of the PI futex it waits for; "" = none.
        object_pa: Its modelled kernel object.
    """

    __slots__ = (
        "arch",
        "clear_child_tid",
        "kernel",
        "mem",
        "nice",
        "object_pa",
        "own_ns",
        "pending",
        "pi_wait",
        "policy",
        "process",
        "resets_on_fork",
        "restart",
        "resumed",
        "robust_list",
        "rseq",
        "rseq_cpu",
        "signal",
        "starry",
        "task",
        "tid",
        "timer_slack_ns",
        "wait_state",
    )

    def __init__(
        self,
        starry: Starry,
        process: Process,
        task: TaskInner,
        mem: UserMemory,
        signal: ThreadSignals,
    ) -> None:
        self.starry = starry
        self.kernel: Kernel = starry.kernel
        self.arch: Arch = starry.kernel.arch
        self.tid = task.tid
        self.process = process
        self.task = task
        self.mem = mem
        self.signal = signal
        self.clear_child_tid = 0
        self.pending: tuple[int, int, tuple[int, ...]] | None = None
        self.resumed = WaitOutcome.NONE
        self.wait_state: Any = None
        self.restart: Errno | None = None
        self.robust_list: tuple[int, int] = (0, 0)
        self.rseq: tuple[int, int, int] = (0, 0, 0)
        self.rseq_cpu = -1
        self.timer_slack_ns = 50_000
        self.own_ns: AxNamespace | None = None
        self.nice = 0
        self.policy: tuple[int, int] = (0, 0)
        self.resets_on_fork = False
        self.pi_wait = ""
        self.object_pa = self.kernel.alloc.alloc(THREAD_BYTES, 16, "Thread")

    @property
    def cpu(self) -> Cpu:
        """The CPU it runs on, or ran on last."""
        return self.kernel.board.cpus[self.task.cpu_id]

    @property
    def ns(self) -> AxNamespace:
        """Its resource namespace."""
        return self.own_ns or self.process.ns

    @property
    def fds(self) -> Any:
        """The `FdTable` of its namespace."""
        return (self.own_ns or self.process.ns).get("FD_TABLE")

    @property
    def fs(self) -> Any:
        """The `FsContext` (directories, umask) of its namespace."""
        return (self.own_ns or self.process.ns).get("FS_CONTEXT")

    def block(
        self,
        why: str,
        queues: Sequence[WaitQueue] = (),
        deadline_ns: int | None = None,
        state: Any = None,
        *,
        interruptible: bool = True,
    ) -> int:
        """Wait until a queue is notified, the deadline passes or a signal comes.

        The handler returns what this returns at once; it is entered again with the same arguments,
        `resumed` says how the wait ended and `wait_state` is `state`. A signal that is pending
        already ends an interruptible wait at once.

        Args:
            why: What it waits for, in words for people.
            queues: Wait queues; any of them ends the wait.
            deadline_ns: Virtual time; None = no timeout.
            state: Plain data for the next entry.
            interruptible: Whether signals end the wait.

        Returns:
            `BLOCKED`.
        """
        self.wait_state = state
        tasks = self.kernel.tasks
        tasks.block_current(self.task, queues, deadline_ns, why, interruptible=interruptible)
        signal = self.signal
        if interruptible and signal.maybe_pending:
            ready = signal.pending.mask | self.process.signal.pending.mask
            if ready & ~signal.blocked:
                tasks.interrupt(self.task)
        return BLOCKED

    # -- TaskExt --------------------------------------------------------------------------------

    def resume(self, cpu: Cpu) -> None:
        """The task has the CPU again (axtask calls this)."""
        self.starry.resume(cpu, self)

    def describe_wait(self) -> str:
        """What it waits for, in words."""
        if self.pending is None:
            return self.task.why
        return f"{self.starry.call_name(self.pending[1])}: {self.task.why}"
