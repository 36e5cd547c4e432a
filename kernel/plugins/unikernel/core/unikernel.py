"""The Unikernel: the application's calls of kernel functions, and the end of all faults.

A call does not trap. The CPU arrives at a function's address in the kernel's text, the function
runs and returns: result register, and the return address from where the C calling convention has
it. There is nothing to protect the kernel from the application, and no process to kill: what would
be a signal elsewhere is a kernel panic, explained.
Source: S000 chapters 2 and 3; ArceOS api/arceos_api; axruntime for the end of `main`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from kernel.crates.errno import AxError, LinuxError, ProgramPanic
from kernel.crates.event import Cause, CauseKind, EventKind
from kernel.machine.engine import Access
from kernel.machine.engine import Cause as CpuCause
from kernel.modules.axfs.images import images
from kernel.modules.axruntime.form import LastFault
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.unikernel.core.app import Application
from kernel.plugins.unikernel.core.app_memory import AppMemory, why_not
from kernel.plugins.unikernel.core.exports import Exports
from kernel.plugins.unikernel.core.files import CurrentDir, FileTable
from kernel.plugins.unikernel.core.thread import BLOCKED, SPECIAL, AppThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.crates.views import ProcessView
    from kernel.machine.board import Board
    from kernel.machine.cpu import Cpu
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.modules.axruntime.kernel import Kernel

#: Resources of the global namespace, in link order.
RESOURCES: Final = ("FD_TABLE", "CURRENT_DIR")
_NO_KILL: Final = "application and kernel are one program here, so there is no process to end"

_WORDS: Final[dict[int, str]] = {
    CpuCause.ILLEGAL: "executed an illegal instruction",
    CpuCause.BREAKPOINT: "ran into a breakpoint instruction",
    CpuCause.DIVIDE: "divided by zero",
    CpuCause.PROTECTION: "executed a privileged instruction or used a bad address",
    CpuCause.MISALIGNED: "made a misaligned access",
    CpuCause.FLOAT: "caused a floating-point exception",
    CpuCause.STEP: "caused a single-step trap",
    CpuCause.OVERFLOW: "caused an integer overflow",
    CpuCause.BOUND: "failed a bound check",
    CpuCause.HALT: "executed an instruction the emulator cannot execute",
    CpuCause.VECTOR: "executed a vector (LSX or LASX) instruction, which this CPU lacks; build "
    "with -mcpu=la64v1_0-lsx-lasx",
}


class FunctionTable(Protocol):
    """The exported functions; `api.dispatch` makes it."""

    entries: dict[int, tuple[Callable[..., int], int]]

    def name(self, nr: int) -> str:
        """The name of a function by number."""
        ...

    def names(self) -> dict[int, str]:
        """All names by number."""
        ...


class Unikernel:
    """The kernel form with one application at kernel privilege.

    Attributes:
        calls: The exported functions.
        exports: Where they stand.
        app: The application; `main_pid` is its number.
        threads: Its living threads by id.
        exit_codes: Of threads that have ended and nobody has waited for.
        syscalls: Calls of functions begun; the last one's serial number.
        faults, exceptions: How many were taken; none is survived.
        last_fault: The one that ended the machine.
        pi_owners: Holder of each mutex somebody waits for, by its wait queue's name.
        text: Range of the kernel's text, for the board.
        observer: A host object or None; no part of the machine.
    """

    form = "unikernel"

    def __init__(self, kernel: Kernel, calls: FunctionTable) -> None:
        self.kernel = kernel
        self.events = kernel.events
        self.calls: FunctionTable = calls
        names = calls.names()
        self.exports = Exports(kernel, tuple(names[number] for number in sorted(names)))
        self.app: Application = None  # type: ignore[assignment]  # made when it is loaded
        self.mem = AppMemory(kernel.kernel_aspace)
        self.threads: dict[int, AppThread] = {}
        self.exit_codes: dict[int, int] = {}
        self.syscalls = 0
        self.faults = 0
        self.exceptions = 0
        self.last_fault: LastFault | None = None
        self.pi_owners: dict[str, int] = {}
        self.observer: Any = None
        for name in RESOURCES:
            kernel.ns.def_resource(name)

    def __getstate__(self) -> dict[str, Any]:
        """State for a snapshot: without the observer, who is no part of the machine."""
        state = self.__dict__.copy()
        state["observer"] = None
        return state

    def init_resources(self) -> None:
        """Fill the global namespace: the section itself, no copy of it."""
        ns = self.kernel.ns.global_namespace()
        ns.init_new("FD_TABLE", FileTable(self.kernel), FileTable.MODEL_BYTES)
        ns.init_new("CURRENT_DIR", CurrentDir(self.kernel), CurrentDir.MODEL_BYTES)

    # -- calls ----------------------------------------------------------------------------------

    @property
    def start(self) -> int:
        """First address of the kernel's text (`board.KernelText`)."""
        return self.exports.start

    @property
    def end(self) -> int:
        """End of the kernel's text."""
        return self.exports.end

    def on_call(self, cpu: Cpu) -> None:
        """A CPU has come to a function of the kernel."""
        thread: AppThread = cpu.current.task_ext
        self.events.tid = thread.tid
        address = cpu.pc
        number = self.exports.number(address)
        if number < 0:
            near = max(
                (s for s in self.exports.symbols() if s[1] <= address),
                default=None,
                key=lambda symbol: symbol[1],
            )
            beside = f", {address - near[1]:#x} bytes after the start of {near[0]}" if near else ""
            raise ProgramPanic(
                f"{self._who(thread)} jumped to {address:#x} in the kernel's text, where no "
                f"function begins{beside}: {_NO_KILL}"
            )
        if number == len(self.exports.names):
            self._function_returned(cpu, thread)
        else:
            args = tuple(cpu.engine.get(name) for name in cpu.engine.arch.call_args)
            self._return(cpu, thread)
            self.syscalls = serial = self.syscalls + 1
            self.events.cause = Cause(CauseKind.CALL, serial, number)
            count = self.calls.entries[number][1]
            self.events.emit(EventKind.CALL_ENTER, serial, number, args[:count])
            if self.observer is not None:
                self.observer.on_enter(thread, serial, number, args)
            self._call(cpu, thread, serial, number, args)
        self.kernel.tasks.leave_kernel(cpu)

    def _return(self, cpu: Cpu, thread: AppThread) -> None:
        """Take the return address, as the function's last instruction does."""
        engine = cpu.engine
        arch = engine.arch
        if arch.link:
            cpu.pc = engine.get(arch.link)
            return
        sp = engine.get(arch.sp)
        self.mem.caller = "a kernel function's return"
        cpu.pc = self.mem.read_u64(sp)
        engine.set(arch.sp, sp + 8)

    def _function_returned(self, cpu: Cpu, thread: AppThread) -> None:
        """A thread's own function, or `main`, has returned: the thread ends with its result."""
        self.syscalls = serial = self.syscalls + 1
        code = cpu.engine.get(cpu.engine.arch.ret) & 0xFFFF_FFFF
        number = self.number_of("ax_exit" if thread.tid != self.app.pid else "ax_terminate")
        self.events.cause = Cause(CauseKind.CALL, serial, number)
        self.events.emit(EventKind.CALL_ENTER, serial, number, (code,))
        if self.observer is not None:
            self.observer.on_enter(thread, serial, number, (code, 0, 0, 0, 0, 0))
        self._call(cpu, thread, serial, number, (code,))

    def number_of(self, name: str) -> int:
        """The number of an exported function."""
        return self.exports.names.index(name)

    def _call(
        self, cpu: Cpu, thread: AppThread, serial: int, number: int, args: tuple[int, ...]
    ) -> None:
        """Enter a function and deal with every way it can come back."""
        function, count = self.calls.entries[number]
        self.mem.caller = self.calls.name(number)
        try:
            result = function(thread, *args[:count])
        except LinuxError as error:
            result = -error.errno
        except AxError as error:
            result = -error.to_errno()
        if result <= SPECIAL:
            if result == BLOCKED:
                thread.pending = (serial, number, args)
                self.events.emit(EventKind.CALL_BLOCK, serial, number, thread.task.why)
            return
        cpu.engine.set_return(result)
        self.events.emit(EventKind.CALL_EXIT, serial, number, result)
        if self.observer is not None:
            self.observer.on_exit(thread, serial, number, args, result)

    def resume(self, cpu: Cpu, thread: AppThread) -> None:
        """A task has the CPU again: enter the function it waits in anew."""
        pending = thread.pending
        if pending is None:
            return
        thread.pending = None
        serial, number, args = pending
        thread.resumed = thread.task.outcome
        self.events.cause = Cause(CauseKind.CALL, serial, number)
        self.events.emit(EventKind.CALL_RESTART, serial, number)
        self._call(cpu, thread, serial, number, args)
        thread.resumed = WaitOutcome.NONE

    # -- traps ----------------------------------------------------------------------------------

    def handle_syscall(self, cpu: Cpu, nr: int, args: list[int]) -> None:
        """SYSCALL slice: empty in a Unikernel."""
        thread: AppThread = cpu.current.task_ext
        raise ProgramPanic(
            f"{self._who(thread)} executed a system-call instruction before {cpu.pc:#x}: nothing "
            f"handles system calls in a Unikernel, its services are functions; {_NO_KILL}"
        )

    def handle_page_fault(self, cpu: Cpu, va: int, access: int, *, bus: bool) -> None:
        """PAGE_FAULT slice: nothing is mapped on demand, so every fault is the last."""
        thread: AppThread = cpu.current.task_ext
        self.faults = serial = self.faults + 1
        self.events.cause = Cause(CauseKind.FAULT, serial, va)
        self.events.emit(EventKind.FAULT_ENTER, serial, va, access)
        what = why_not(self.kernel.kernel_aspace, va, access)
        self._fault(cpu, thread, va, Access(access).name.lower(), what)

    def handle_exception(self, cpu: Cpu, cause: int, address: int) -> None:
        """A processor exception at kernel privilege."""
        thread: AppThread = cpu.current.task_ext
        self.exceptions = serial = self.exceptions + 1
        self.events.cause = Cause(CauseKind.EXCEPTION, serial, cause)
        self.events.emit(EventKind.EXCEPTION_ENTER, cause, cpu.pc)
        self._fault(cpu, thread, address, "", f"it {_WORDS.get(cause, 'caused an exception')}")

    def _fault(self, cpu: Cpu, thread: AppThread, va: int, access: str, what: str) -> None:
        sentence = f"{self._who(thread)} at pc {cpu.pc:#x}: {what}; {_NO_KILL}"
        self.last_fault = LastFault(self.events.count, thread.tid, cpu.pc, va, access, 0, sentence)
        raise ProgramPanic(sentence)

    def _who(self, thread: AppThread) -> str:
        return f"thread {thread.tid} ({thread.task.name})"

    def handle_timer(self, kind: str, ident: int) -> None:
        """No timers but axtask's own are ever set."""

    def handle_input(self) -> None:
        """The console received bytes: its readers wake."""
        self.kernel.console_wait.notify_all("console input")

    def post_trap(self, cpu: Cpu) -> None:
        """POST_TRAP slice: empty, there are no signals."""

    # -- for people -----------------------------------------------------------------------------

    @property
    def main_pid(self) -> int:
        """The application's number."""
        return self.app.pid

    @property
    def processes(self) -> dict[int, Application]:
        """The application, where other forms have processes."""
        return {self.app.pid: self.app}

    def process_views(self) -> tuple[ProcessView, ...]:
        """The application as a line of a process list."""
        return (self.app.view(),)

    def aspace_of(self, pid: int) -> AddrSpace | None:
        """The one address space."""
        return self.kernel.kernel_aspace if pid in (0, self.app.pid) else None

    def call_name(self, nr: int) -> str:
        """The name of a function."""
        return self.calls.name(nr)

    def pending_call(self, cpu: Cpu) -> tuple[int, list[int]]:
        """Number and arguments of the call a CPU stands before; -1 for no function's address."""
        number = self.exports.number(cpu.pc)
        if number == len(self.exports.names):
            is_main = cpu.current.tid == self.app.pid
            number = self.number_of("ax_terminate" if is_main else "ax_exit")
            return number, [cpu.engine.get(cpu.engine.arch.ret), 0, 0, 0, 0, 0]
        return number, [cpu.engine.get(name) for name in cpu.engine.arch.call_args]

    def functions(self) -> tuple[tuple[str, int, int], ...]:
        """(name, address, size) of the functions programs may call."""
        return self.exports.symbols()

    def connect(self, board: Board) -> None:
        """Let calls reach this kernel; again after every restore."""
        board.text = self
        self.exports.close_text(board)

    def blobs(self) -> dict[str, Any]:
        """Large immutable objects that snapshots name instead of copying."""
        found: dict[str, Any] = {"functions": self.calls}
        return found | images(self.kernel.fs)

    def view_counters(self) -> dict[str, Any]:
        """Numbers for people."""
        return {
            "function calls": self.syscalls,
            "page faults": self.faults,
            "exceptions": self.exceptions,
        }
