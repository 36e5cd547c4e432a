"""POSIX timers of a process: timer_create(2). An expiry queues a signal that counts overruns.

A periodic timer is armed again when its signal is taken, so that a blocked signal costs nothing.
Source: Linux kernel/time/posix-timers.c (`posix_timer_event`, `posixtimer_rearm`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel.crates.siginfo import SI_TIMER, SigInfo
from kernel.crates.signal import bit
from kernel.plugins.starry.core.alarm import Alarm

if TYPE_CHECKING:
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.thread import Thread

MAX_OVERRUN: Final = 0x7FFF_FFFF


class PosixTimer:
    """One timer.

    Attributes:
        ident: Its id in its process.
        signo: What it sends; 0: nothing.
        value: `si_value`.
        target: Thread that gets the signal; 0: the process.
        overrun: Expiries the last signal stands for beside its own.
    """

    __slots__ = ("alarm", "ident", "overrun", "process", "signo", "target", "value")

    def __init__(
        self, t: Thread, ident: int, clock: int, signo: int, value: int, target: int
    ) -> None:
        self.process: Process = t.process
        self.ident = ident
        self.signo = signo
        self.value = value
        self.target = target
        self.overrun = 0
        self.alarm = Alarm(t, clock, self)

    def alarm_due(self) -> None:
        """Send the signal; if it is ignored go on with the next period."""
        from kernel.plugins.starry.core.signal import send_to_process, send_to_thread

        info = SigInfo(self.signo, SI_TIMER, timerid=self.ident, value=self.value)
        is_queued = False
        if self.signo:
            thread = self.process.threads.get(self.target)
            if thread is not None:
                send_to_thread(thread, info)
                is_queued = bool(thread.signal.pending.mask & bit(self.signo))
            elif not self.target:
                send_to_process(self.process, info)
                is_queued = bool(self.process.signal.pending.mask & bit(self.signo))
        if is_queued:
            return
        tick_ns = self.process.starry.kernel.tasks.tick_ns
        self.alarm.expirations()
        if self.alarm.due_ns:
            self.alarm.due_ns = max(self.alarm.due_ns, self.alarm.clock_ns() + tick_ns)
            self.alarm.arm()

    def taken(self, info: SigInfo) -> SigInfo:
        """Its signal reaches the program: how late it is, and the next period."""
        count = self.alarm.expirations()
        self.overrun = min(max(count - 1, 0), MAX_OVERRUN)
        if self.alarm.due_ns:
            self.alarm.arm()
        return replace(info, overrun=self.overrun)


def delete_timers(process: Process) -> None:
    """execve, or the end: the process has no timers any more."""
    for timer in process.signal.timers.values():
        timer.alarm.delete()
    process.signal.timers.clear()
