"""Starry: all processes of a machine, and the plugin's side of every trap.

axhal's trap entry calls the `handle_*` methods; each does its work, emits the entering and leaving
events, and lets signals be delivered before user code goes on.
Source: starry-next src/{entry,syscall,mm}.rs; Linux arch/*/kernel/{entry,traps}.c.
Differs: an unhandled fault is a signal, as under Linux; starry-next ends the process at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from kernel.crates.errno import AxError, Errno, KernelPanic, LinuxError
from kernel.crates.event import Cause, CauseKind, EventKind
from kernel.crates.process import ProcessTable
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.core import faults, futex, user_app, views
from kernel.plugins.starry.core.layout import user_layout
from kernel.plugins.starry.core.process import Process
from kernel.plugins.starry.core.signal import deliver
from kernel.plugins.starry.core.stdio import console_input
from kernel.plugins.starry.core.sysv import IpcSpace
from kernel.plugins.starry.core.thread import BLOCKED, SPECIAL, Thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel.crates.siginfo import SigInfo
    from kernel.crates.views import ProcessView
    from kernel.machine.board import Board
    from kernel.machine.cpu import Cpu
    from kernel.modules.axfs.laid_tree import TreeEntry
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.modules.axruntime.kernel import Kernel
    from kernel.plugins.starry.core.alarm import Alarm

#: Resources of a Starry namespace, in link order.
RESOURCES: Final = ("FD_TABLE", "FS_CONTEXT")


class CallTable(Protocol):
    """The system calls of one architecture; `api.dispatch` makes it."""

    entries: dict[int, tuple[Callable[..., int], int]]
    sigreturn_nr: int

    def truncate(self, nr: int) -> int:
        """The number as the architecture's kernel takes it from the register."""
        ...

    def name(self, nr: int) -> str:
        """The Linux name of a number."""
        ...


class Observer(Protocol):
    """A host-side listener; it is called in order while the machine runs, and never looks away.

    It may read user memory through `thread.mem` only with the no-fault methods.
    """

    def on_enter(self, thread: Thread, serial: int, nr: int, args: Sequence[int]) -> None: ...
    def on_exit(
        self, thread: Thread, serial: int, nr: int, args: Sequence[int], result: int
    ) -> None: ...
    def on_signal(self, thread: Thread, info: SigInfo) -> None: ...
    def on_stopped(self, thread: Thread, signo: int) -> None: ...
    def on_fault(
        self, thread: Thread, pc: int, va: int, access: str, signal: str, why: str
    ) -> None: ...
    def on_exited(self, pid: int, status: int) -> None: ...
    def on_created(self, parent: Thread, child: Thread) -> None: ...
    def on_thread_exited(self, thread: Thread, status: int) -> None: ...
    def on_replaced(self, tid: int, thread: Thread) -> None: ...


class Starry:
    """The monolithic kernel form. What inspectors ask of it is made in `views`.

    Attributes:
        table: Process tree, groups, sessions.
        threads: Living threads by id.
        main_pid: The program the machine was started for; when it ends, the machine stops.
        layout: User address-space layout.
        calls: System calls of the architecture.
        syscalls, faults, exceptions: How many have begun; the last one's serial number.
        next_aspace, shared_count: Numbers given to address spaces and shared memory so far.
        unknown: How often each unknown system call was made, by number.
        last_fault: The last fault that became a signal.
        trampoline_pa: Frame of kernel text with the sigreturn code; 0 if there is none.
        pi_owners: Thread that owns a priority-inheriting futex others wait for, by its name.
        alarms: POSIX timers and timerfds with their tickets in axtask's timer list, by number.
        socket_names: Sockets with abstract names, a leading NUL included.
        lock_waits: (who waits, whose lock is in the way) of record locks, by waiting thread.
        ipc: System V IPC objects and message queues.
        fork_cow: Whether fork shares frames by copy-on-write; else it copies at once.
        observer: A host object or None; no part of the machine.
    """

    form = "monolithic"

    def __init__(self, kernel: Kernel, calls: CallTable) -> None:
        self.kernel = kernel
        self.events = kernel.events
        self.calls = calls
        self.layout = user_layout(kernel.arch.name, kernel.config)
        self.table = ProcessTable()
        self.threads: dict[int, Thread] = {}
        self.main_pid = 0
        self.syscalls = 0
        self.faults = 0
        self.exceptions = 0
        self.next_aspace = 1
        self.shared_count = 0
        self.unknown: dict[int, int] = {}
        self.last_fault: faults.LastFault | None = None
        self.observer: Observer | None = None
        self.trampoline_pa = 0
        self.fork_cow = True
        self.pi_owners: dict[str, int] = {}
        self.alarms: dict[int, tuple[Alarm, int]] = {}
        self.next_alarm = 0
        self.ipc = IpcSpace()
        self.socket_names: dict[bytes, Any] = {}
        self.lock_waits: dict[int, tuple[Any, Any]] = {}
        for name in RESOURCES:
            if name not in kernel.ns.resources:
                kernel.ns.def_resource(name)

    def __getstate__(self) -> dict[str, Any]:
        """State for a snapshot: without the observer, who is no part of the machine."""
        state = self.__dict__.copy()
        state["observer"] = None
        return state

    # -- coming up ------------------------------------------------------------------------------

    def boot(
        self, files: tuple[tuple[str, bytes], ...] = (), tree: tuple[TreeEntry, ...] = ()
    ) -> None:
        """Build the file tree (extra `files`, a host's `tree`) and the init process."""
        user_app.boot(self, files, tree)

    def run_user_app(
        self, data: bytes, path: str, argv: tuple[str, ...], envp: tuple[str, ...]
    ) -> Thread:
        """Load the machine's program and make it ready; see `user_app.run_user_app`."""
        return user_app.run_user_app(self, data, path, argv, envp)

    def blobs(self) -> dict[str, Any]:
        """Large immutable objects that snapshots name instead of copying."""
        return user_app.blobs(self)

    @property
    def processes(self) -> dict[int, Process]:
        """All user processes by id, zombies included, oldest first."""
        return {
            pid: process
            for pid, process in self.table.processes.items()
            if isinstance(process, Process)
        }

    def call_name(self, nr: int) -> str:
        """The Linux name of a system call."""
        return self.calls.name(nr)

    # -- system calls ---------------------------------------------------------------------------

    def handle_syscall(self, cpu: Cpu, nr: int, args: Sequence[int]) -> None:
        """SYSCALL slice: carry out the current task's call."""
        thread = cpu.current.task_ext
        events = self.events
        self.syscalls = serial = self.syscalls + 1
        events.cause = Cause(CauseKind.SYSCALL, serial, nr)
        words = tuple(args)
        events.emit(EventKind.SYSCALL_ENTER, serial, nr, words)
        if self.observer is not None:
            self.observer.on_enter(thread, serial, nr, words)
        self._call(cpu, thread, serial, nr, words)

    def _call(self, cpu: Cpu, thread: Thread, serial: int, nr: int, words: tuple[int, ...]) -> None:
        """Enter a handler and deal with every way it can come back."""
        calls = self.calls
        entry = calls.entries.get(nr)
        if entry is None:
            nr = calls.truncate(nr)
            entry = calls.entries.get(nr)
        try:
            if entry is None:
                result = self._unknown(nr)
            else:
                handler, count = entry
                result = handler(thread, *words[:count])
                if result <= SPECIAL:
                    self._special(thread, serial, nr, words, result)
                    return
        except LinuxError as error:
            result = -error.errno
            if result <= -512:
                thread.restart = error.errno
        except AxError as error:
            result = -error.to_errno()
        if thread.restart is None:
            cpu.engine.set_return(result)
        if nr == calls.sigreturn_nr:
            cpu.pc = cpu.engine.get(thread.arch.pc)
        self.events.emit(EventKind.SYSCALL_EXIT, serial, nr, result)
        if self.observer is not None:
            self.observer.on_exit(thread, serial, nr, words, result)
        if thread.signal.maybe_pending or thread.restart is not None:
            self._deliver(cpu, thread)

    def _special(
        self, thread: Thread, serial: int, nr: int, words: tuple[int, ...], result: int
    ) -> None:
        """The handler waits, or the thread is no longer where it was."""
        if result == BLOCKED:
            thread.pending = (serial, nr, words)
            self.events.emit(EventKind.SYSCALL_BLOCK, serial, nr, thread.task.why)

    def _unknown(self, nr: int) -> int:
        """A call that is not there: -ENOSYS, logged and counted."""
        self.unknown[nr] = self.unknown.get(nr, 0) + 1
        self.events.emit(EventKind.SYSCALL_UNKNOWN, nr)
        if self.unknown[nr] == 1:
            self.kernel.log.warn(f"system call {self.calls.name(nr)} ({nr}) is not implemented")
        return -Errno.ENOSYS

    def resume(self, cpu: Cpu, thread: Thread) -> None:
        """A task has the CPU again: enter the call it waits in anew, deliver its signals."""
        pending = thread.pending
        if thread.rseq[0]:
            faults.resume_rseq(thread, cpu)
        if pending is not None:
            thread.pending = None
            serial, nr, words = pending
            thread.resumed = thread.task.outcome
            self.events.cause = Cause(CauseKind.SYSCALL, serial, nr)
            self.events.emit(EventKind.SYSCALL_RESTART, serial, nr)
            self._call(cpu, thread, serial, nr, words)
            thread.resumed = WaitOutcome.NONE
        elif thread.signal.maybe_pending:
            self._deliver(cpu, thread)

    # -- faults and exceptions ------------------------------------------------------------------

    def handle_page_fault(self, cpu: Cpu, va: int, access: int, *, bus: bool) -> None:
        """PAGE_FAULT slice: let the address space answer, or raise a signal."""
        thread = cpu.current.task_ext
        events = self.events
        self.faults = serial = self.faults + 1
        events.cause = Cause(CauseKind.FAULT, serial, va)
        events.emit(EventKind.FAULT_ENTER, serial, va, access)
        if bus:
            outcome = faults.bus_fault(cpu, thread, va, access)
        else:
            outcome = faults.page_fault(cpu, thread, va, access)
        events.emit(EventKind.FAULT_EXIT, serial, va, outcome)
        if thread.signal.maybe_pending:
            self._deliver(cpu, thread)

    def handle_exception(self, cpu: Cpu, cause: int, address: int) -> None:
        """A processor exception becomes a signal."""
        thread = cpu.current.task_ext
        events = self.events
        self.exceptions = serial = self.exceptions + 1
        events.cause = Cause(CauseKind.EXCEPTION, serial, cause)
        events.emit(EventKind.EXCEPTION_ENTER, cause, cpu.pc)
        faults.exception(cpu, thread, cause, address)
        events.emit(EventKind.EXCEPTION_EXIT, cause, cpu.pc)
        if thread.signal.maybe_pending:
            self._deliver(cpu, thread)

    # -- interrupts -----------------------------------------------------------------------------

    def handle_timer(self, kind: str, ident: int) -> None:
        """A timer that Starry set has expired."""
        from kernel.plugins.starry.core import alarm, itimer

        if kind == alarm.KIND:
            alarm.handle_timer(self, ident)
        else:
            itimer.handle_timer(self, kind, ident)

    def handle_input(self) -> None:
        """The console received bytes: echo, ^C, then its readers."""
        console_input(self.kernel)

    def post_trap(self, cpu: Cpu) -> None:
        """POST_TRAP slice: signals, before user code goes on after an interrupt."""
        thread = cpu.current.task_ext
        if thread is not None and thread.signal.maybe_pending:
            self._deliver(cpu, thread)

    def _deliver(self, cpu: Cpu, thread: Thread) -> None:
        """Let signals change the user context; `cpu.pc` and the engine's pc agree afterwards."""
        engine = cpu.engine
        pc_name = thread.arch.pc
        engine.set(pc_name, cpu.pc)
        deliver(thread, cpu)
        cpu.pc = engine.get(pc_name)

    # -- services for processes -----------------------------------------------------------------

    def thread_of(self, tid: int) -> Thread:
        """The living thread with this id.

        Raises:
            KernelPanic: There is none.
        """
        thread = self.threads.get(tid)
        if thread is None:
            raise KernelPanic(f"no thread {tid}")
        return thread

    def shares_memory(self, process: Process) -> bool:
        """Whether another process uses the same address space."""
        aspace = process.aspace
        return any(
            other is not process and other.aspace is aspace and not other.is_zombie
            for other in self.processes.values()
        )

    def futex_wake(self, thread: Thread, va: int, count: int) -> int:
        """Wake up to `count` waiters of the futex word at `va`; how many."""
        return futex.wake(thread, va, count)

    def aspace_id(self, aspace: AddrSpace) -> int:
        """The address space's number."""
        return aspace.ident

    def release_memory(self, process: Process) -> None:
        """Drop a dead process's address space unless someone shares it."""
        if not self.shares_memory(process):
            self.drop_space(process.aspace)

    def drop_space(self, aspace: AddrSpace) -> None:
        """Give an address space back; CPUs that idle with it still loaded leave it first.

        Without that, the next space whose root lies in the same frame would meet their stale TLB.
        """
        kernel_root = self.kernel.kernel_aspace.root_pa
        for cpu in self.kernel.board.cpus:
            if cpu.root_pa == aspace.root_pa:
                cpu.set_root(kernel_root)
        aspace.destroy()

    def process_views(self) -> tuple[ProcessView, ...]:
        """User processes by pid, for people."""
        return tuple(views.process_view(process) for process in self.processes.values())

    def aspace_of(self, pid: int) -> AddrSpace | None:
        """The address space of a process; 0: the kernel's; None: there is no such process."""
        if pid == 0:
            return self.kernel.kernel_aspace
        process = self.processes.get(pid)
        return process.aspace if process is not None else None

    def pending_call(self, cpu: Cpu) -> tuple[int, list[int]]:
        """Number and arguments of the system call a CPU is about to make."""
        words = cpu.engine.syscall_args()
        return words[0], words[1:]

    def functions(self) -> tuple[tuple[str, int, int], ...]:
        """None: user programs make system calls."""
        return ()

    def connect(self, board: Board) -> None:
        """Nothing beyond the traps, which the HAL connects."""

    def view_counters(self) -> dict[str, Any]:
        """Numbers for people: calls, faults, exceptions, unknown calls."""
        return {
            "system calls": self.syscalls,
            "page faults": self.faults,
            "exceptions": self.exceptions,
            "unknown system calls": sum(self.unknown.values()),
        }
