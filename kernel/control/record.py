"""What the debugger notes while the machine runs: calls, signals, exits. Host side only.

The notes are keyed by serial and position, so a replay writes the same things again; what lies
beyond the present position stays known and is filtered when read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel.control.types import SignalInfoView, SyscallObserver
from kernel.inspect.peek import peek
from kernel.inspect.position import Position
from kernel.inspect.views import SyscallView

if TYPE_CHECKING:
    from kernel.control.stops import StopTable
    from kernel.machine.board import Board

#: Calls kept; the oldest half goes when there are more.
KEPT_CALLS = 200_000


class Recorder:
    """Implements Starry's observer hooks.

    Attributes:
        calls: Known calls by serial.
        observer: The front end's own listener.
        stops: Asked whether to stop the machine.
    """

    def __init__(self, board: Board, names: dict[int, str]) -> None:
        self.board = board
        self.names = names
        self.calls: dict[int, SyscallView] = {}
        self.observer: SyscallObserver | None = None
        self.stops: StopTable | None = None
        self.quiet = False  # during replays that look for something else
        self.keeps = True  # False: a call is forgotten when it has ended

    def _position(self) -> Position:
        return Position(self.board.events.count, 0)

    def on_enter(self, thread: Any, serial: int, nr: int, args: tuple[int, ...]) -> None:
        """A call begins."""
        call = self.calls.get(serial)
        if call is None:
            call = SyscallView(
                serial=serial,
                tid=thread.tid,
                nr=nr,
                name=self.names.get(nr, f"syscall_{nr:#x}"),
                args=tuple(args),
                result=None,
                enter=self._position(),
                exit=None,
                time_ns=self.board.events.time_ns,
            )
            self.calls[serial] = call
            if len(self.calls) > KEPT_CALLS:
                for old in list(self.calls)[: KEPT_CALLS // 2]:
                    del self.calls[old]
        if self.observer is not None and not self.quiet:
            self.observer.enter(call, MemoryOf(thread))

    def on_exit(
        self, thread: Any, serial: int, nr: int, args: tuple[int, ...], result: int
    ) -> None:
        """A call ends."""
        call = self.calls.get(serial)
        if call is None:
            return
        if call.exit is None:
            call = SyscallView(
                serial=serial,
                tid=call.tid,
                nr=nr,
                name=call.name,
                args=call.args,
                result=result,
                enter=call.enter,
                exit=self._position(),
                time_ns=self.board.events.time_ns,
            )
            self.calls[serial] = call
        if self.observer is not None and not self.quiet:
            self.observer.exit(call, MemoryOf(thread))
        if self.stops is not None and self.stops.wants_exit(call):
            self.board.stop_requested = True
        if not self.keeps:
            del self.calls[serial]

    def on_signal(self, thread: Any, info: Any) -> None:
        """A signal reaches a thread (handler, or default action)."""
        view = SignalInfoView(
            signo=int(info.signo),
            code=int(info.code),
            pid=int(info.pid),
            uid=int(info.uid),
            addr=int(info.addr),
            value=int(info.value),
        )
        if self.observer is not None and not self.quiet:
            self.observer.signal(thread.tid, view.signo, view)
        if self.stops is not None and self.stops.wants_signal(view):
            self.board.stop_requested = True

    def on_exited(self, pid: int, status: int) -> None:
        """A process ended with a raw wait status."""
        if self.observer is not None and not self.quiet:
            self.observer.exited(pid, status)
        if self.stops is not None and self.stops.wants_exit_of_process(pid, status):
            self.board.stop_requested = True

    def on_fault(self, thread: Any, pc: int, va: int, access: str, signal: str, why: str) -> None:
        """A fault or exception becomes a signal."""
        if self.stops is not None and self.stops.wants_fault(signal, why):
            self.board.stop_requested = True

    def forget_after(self, position: Position) -> None:
        """Another future begins at `position`."""
        for serial in [s for s, c in self.calls.items() if c.enter > position]:
            del self.calls[serial]
        for serial, call in self.calls.items():
            if call.exit is not None and call.exit > position:
                self.calls[serial] = reopened(call)


class MemoryOf:
    """Reads a thread's memory without faulting anything in."""

    __slots__ = ("thread",)

    def __init__(self, thread: Any) -> None:
        self.thread = thread

    def __call__(self, va: int, size_bytes: int) -> bytes:
        return peek(self.thread.process.aspace, va, size_bytes)


def reopened(call: SyscallView) -> SyscallView:
    """The call as it looked before it returned."""
    return SyscallView(
        serial=call.serial,
        tid=call.tid,
        nr=call.nr,
        name=call.name,
        args=call.args,
        result=None,
        enter=call.enter,
        exit=None,
        time_ns=call.time_ns,
    )
