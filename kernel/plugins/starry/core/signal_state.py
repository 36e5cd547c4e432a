"""Signal state of processes and threads: what is blocked, pending, handled.

Source: Linux task_struct, signal_struct and sighand_struct; Starry-OS/axsignal src/api/*.rs
(`ProcessSignalManager`, `ThreadSignalManager`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.crates.siginfo import SigInfo
from kernel.crates.signal import PendingSignals, SignalActions
from kernel.plugins.starry.core.altstack import AltStack

if TYPE_CHECKING:
    from kernel.plugins.starry.core.itimer import IntervalTimer
    from kernel.plugins.starry.core.posix_timer import PosixTimer


@dataclass(slots=True)
class FaultRecord:
    """What the processor said about a thread's last fault; signal frames show it.

    Attributes:
        trap_no: x86 vector number.
        error_code: x86 page-fault bits; loongarch: 1 read, 2 write.
        address: x86 cr2, aarch64 fault_address.
        esr: aarch64 syndrome; 0 = no record in the frame.
    """

    trap_no: int = 0
    error_code: int = 0
    address: int = 0
    esr: int = 0


class ProcessSignals:
    """Signal state a process's threads share.

    Attributes:
        actions: Shared further by clone(CLONE_SIGHAND).
        pending: Sent to the process, for any thread to take.
        stopped: A stop signal's default action holds all threads; `stop_signo`: the last such.
        trampoline: User address of code that calls rt_sigreturn; 0 if there is none.
        itimers: setitimer(2) timers by number.
        timers: timer_create(2) timers by id.
    """

    __slots__ = ("actions", "itimers", "pending", "stop_signo", "stopped", "timers", "trampoline")

    def __init__(self, actions: SignalActions | None = None) -> None:
        self.actions = actions if actions is not None else SignalActions()
        self.pending = PendingSignals()
        self.stopped = False
        self.stop_signo = 0
        self.trampoline = 0
        self.itimers: dict[int, IntervalTimer] = {}
        self.timers: dict[int, PosixTimer] = {}

    def fork(self, share_actions: bool) -> ProcessSignals:
        """The state of a child: actions shared or copied, nothing pending, no timers."""
        child = ProcessSignals(self.actions if share_actions else self.actions.copy())
        child.trampoline = self.trampoline
        return child

    def on_exec(self) -> None:
        """What execve does: own actions, handlers reset; pending signals and timers stay."""
        self.actions = self.actions.copy()
        self.actions.reset_handlers()


class ThreadSignals:
    """Signal state of one thread.

    Attributes:
        blocked: The signal mask.
        pending: Sent to this thread alone.
        saved_mask: Mask to put back once the signal that ended sigsuspend, ppoll ... was taken.
        real_blocked: The mask to put back after rt_sigtimedwait; -1 when not in it.
        altstack: sigaltstack(2).
        maybe_pending: Cheap test for the way back to user mode: `deliver` may have work.
        fault: Of the last fault.
        restart_call: (clock, deadline_ns, rem_ptr) for restart_syscall(2); None: EINTR.
        notices: Ignored signals to show an observer at the next delivery; no other effect.
    """

    __slots__ = (
        "altstack",
        "blocked",
        "fault",
        "maybe_pending",
        "notices",
        "pending",
        "real_blocked",
        "restart_call",
        "saved_mask",
    )

    def __init__(self, blocked: int = 0) -> None:
        self.blocked = blocked
        self.pending = PendingSignals()
        self.saved_mask: int | None = None
        self.real_blocked = -1
        self.altstack = AltStack()
        self.maybe_pending = False
        self.fault = FaultRecord()
        self.restart_call: tuple[int, int, int] | None = None
        self.notices: list[SigInfo] = []

    def fork(self, keep_altstack: bool = True) -> ThreadSignals:
        """The state of a clone: same mask, nothing pending; CLONE_VM without VFORK: no altstack."""
        child = ThreadSignals(self.blocked)
        if keep_altstack:
            child.altstack = self.altstack.copy()
        return child

    def on_exec(self) -> None:
        """What execve does: the mask and pending signals stay, the alternate stack goes."""
        self.altstack = AltStack()
        self.fault = FaultRecord()
