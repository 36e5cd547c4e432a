"""What the debugger notes while the machine runs: calls, signals, exits. Host side only.

The notes are keyed by serial and position, so a replay writes the same things again; what lies
beyond the present position stays known and is filtered when read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel.control.types import SignalInfoView, SyscallObserver, TaskObserver
from kernel.inspect.peek import peek
from kernel.inspect.position import Position
from kernel.inspect.views import SyscallView

if TYPE_CHECKING:
    from kernel.control.stops import StopTable
    from kernel.machine.board import Board

#: Calls kept (some 450 bytes each); the oldest half goes when there are more.
KEPT_CALLS = 150_000
_RESTARTS = -512  # ERESTARTSYS and its kin
_SIGKILL = 9
_SIGCHLD = 17
_SI_TIMER = -2


class Recorder:
    """Implements the observer hooks of the kernel forms.

    Calls are kept as tuples, and made into views when someone looks: most never are.

    Attributes:
        begun: Known calls by serial: tid, number, arguments, event and time of the entry.
        ended: Those that returned, by serial: result, event and time of the exit.
        observer: The front end's own listener.
        stops: Asked whether to stop the machine.
    """

    def __init__(self, board: Board, names: dict[int, str]) -> None:
        self.board = board
        self.names = names
        self.begun: dict[int, tuple[int, int, tuple[int, ...], int, int]] = {}
        self.ended: dict[int, tuple[int, int, int]] = {}
        self.observer: SyscallObserver | None = None
        self.stops: StopTable | None = None
        self.quiet = False  # during replays that look for something else
        self.keeps = True  # False: a call is forgotten when it has ended

    def call(self, serial: int, here: Position) -> SyscallView | None:
        """A call as it looks at the position `here`; None if it is not known."""
        begun = self.begun.get(serial)
        if begun is None:
            return None
        tid, nr, args, enter_event, time_ns = begun
        result = leave = None
        ended = self.ended.get(serial)
        if ended is not None and (ended[1], 0) <= here:
            result, exit_event, time_ns = ended
            leave = Position(exit_event)
        return SyscallView(
            serial=serial,
            tid=tid,
            nr=nr,
            name=self.names.get(nr) or f"syscall_{nr:#x}",
            args=args,
            result=result,
            enter=Position(enter_event),
            exit=leave,
            time_ns=time_ns,
        )

    def _present_call(self, serial: int) -> SyscallView:
        """A call that is begun, as it looks now."""
        call = self.call(serial, Position(self.board.events.count))
        assert call is not None
        return call

    def on_enter(self, thread: Any, serial: int, nr: int, args: tuple[int, ...]) -> None:
        """A call begins."""
        if serial not in self.begun:
            events = self.board.events
            self.begun[serial] = (thread.tid, nr, args, events.count, events.time_ns)
            if len(self.begun) > KEPT_CALLS:
                self._forget_oldest()
        if self.observer is not None and not self.quiet:
            self.observer.enter(self._present_call(serial), MemoryOf(thread))

    def _forget_oldest(self) -> None:
        for old in list(self.begun)[: KEPT_CALLS // 2]:
            del self.begun[old]
            self.ended.pop(old, None)

    def on_exit(
        self, thread: Any, serial: int, nr: int, args: tuple[int, ...], result: int
    ) -> None:
        """A call ends."""
        if serial not in self.begun:
            return
        if serial not in self.ended:
            events = self.board.events
            self.ended[serial] = (result, events.count, events.time_ns)
        if self.observer is not None and not self.quiet and not _is_killed(thread, result):
            self.observer.exit(self._present_call(serial), MemoryOf(thread))
        stops = self.stops
        if stops is not None and stops.breakpoints and stops.wants_exit(self._present_call(serial)):
            self.board.stop_requested = True
        if stops is not None and stops.breakpoints and not result:
            is_exec = self.names.get(nr) in ("execve", "execveat")
            if is_exec and stops.executed(thread.process.pid, thread.process.exe_path):
                self.board.stop_requested = True
        if not self.keeps:
            del self.begun[serial], self.ended[serial]

    def on_signal(self, thread: Any, info: Any) -> None:
        """A signal reaches a thread (handler, or default action)."""
        view = signal_view(info)
        if self.observer is not None and not self.quiet:
            self.observer.signal(thread.tid, view.signo, view)
        if self.stops is not None and self.stops.wants_signal(view, thread.tid):
            self.board.stop_requested = True

    def on_exited(self, pid: int, status: int) -> None:
        """A process ended with a raw wait status."""
        if self.observer is not None and not self.quiet:
            self.observer.exited(pid, status)
        if self.stops is not None and self.stops.wants_exit_of_process(pid, status):
            self.board.stop_requested = True

    def _task_observer(self) -> TaskObserver | None:
        observer = self.observer
        return observer if isinstance(observer, TaskObserver) and not self.quiet else None

    def on_stopped(self, thread: Any, signo: int) -> None:
        """A signal stopped the thread's process; the thread rests now."""
        if (observer := self._task_observer()) is not None:
            observer.stopped(thread.tid, signo)

    def on_created(self, parent: Any, child: Any) -> None:
        """A thread, perhaps of a new process, was made."""
        if (observer := self._task_observer()) is not None:
            observer.created(parent.tid, child.tid, child.process.pid)
        stops = self.stops
        if stops is not None and stops.created(parent.tid, child.tid, child.process.pid):
            self.board.stop_requested = True

    def on_thread_exited(self, thread: Any, status: int) -> None:
        """A thread ended, perhaps with its process."""
        if (observer := self._task_observer()) is not None:
            observer.thread_exited(thread.tid, thread.process.pid, status)

    def on_replaced(self, tid: int, thread: Any) -> None:
        """A thread that called execve takes its process's id."""
        if (observer := self._task_observer()) is not None:
            observer.replaced(tid, thread.tid)

    def on_fault(self, thread: Any, pc: int, va: int, access: str, signal: str, why: str) -> None:
        """A fault or exception becomes a signal."""
        if self.stops is not None and self.stops.wants_fault(signal, why, thread.tid):
            self.board.stop_requested = True

    def forget_after(self, position: Position) -> None:
        """Another future begins at `position`."""
        for serial in [s for s, call in self.begun.items() if (call[3], 0) > position]:
            del self.begun[serial]
        for serial in [s for s, end in self.ended.items() if (end[1], 0) > position]:
            del self.ended[serial]


def _is_killed(thread: Any, result: int) -> bool:
    """Whether the call only ends because SIGKILL ends its thread: it never returns then."""
    if result > _RESTARTS:
        return False
    signal = getattr(thread, "signal", None)
    if signal is None:
        return False  # a form without signals: a pointer, perhaps
    waiting = signal.pending.mask | thread.process.signal.pending.mask
    return bool(waiting >> (_SIGKILL - 1) & 1)


def signal_view(info: Any) -> SignalInfoView:
    """What a person reads of a siginfo; SIGCHLD's value is the status, a timer's pid its id."""
    is_child = info.signo == _SIGCHLD and info.code > 0
    is_timer = info.code == _SI_TIMER
    return SignalInfoView(
        signo=int(info.signo),
        code=int(info.code),
        pid=int(info.timerid if is_timer else info.pid),
        uid=int(info.overrun if is_timer else info.uid),
        addr=int(info.addr),
        value=int(info.status if is_child else info.value),
    )


class MemoryOf:
    """Reads a thread's memory without faulting anything in."""

    __slots__ = ("thread",)

    def __init__(self, thread: Any) -> None:
        self.thread = thread

    def __call__(self, va: int, size_bytes: int) -> bytes:
        return peek(self.thread.process.aspace, va, size_bytes)

    @property
    def blocked_signals(self) -> int | None:
        """The thread's signal mask, bit 0 for signal 1; None in a form without signals."""
        signal = getattr(self.thread, "signal", None)
        return None if signal is None else signal.blocked
