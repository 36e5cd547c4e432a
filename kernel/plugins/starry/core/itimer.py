"""Interval timers of a process: setitimer(2), alarm(2).

ITIMER_REAL runs on the monotonic clock. VIRTUAL and PROF run on the process's CPU time: the alarm
is set for the earliest moment they could be due, and again if the process has not run enough.

Source: Linux kernel/time/itimer.c, kernel/time/posix-cpu-timers.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel.crates.siginfo import SI_KERNEL, SigInfo
from kernel.crates.signal import Signo
from kernel.plugins.starry.core.signal import send_to_process

if TYPE_CHECKING:
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.starry import Starry

ITIMER_REAL: Final = 0
ITIMER_VIRTUAL: Final = 1
ITIMER_PROF: Final = 2
#: The signal of each timer.
SIGNALS: Final = (Signo.SIGALRM, Signo.SIGVTALRM, Signo.SIGPROF)
#: Timer kinds as axtask's timer list names them.
KINDS: Final = ("itimer real", "itimer virtual", "itimer prof")


@dataclass(slots=True)
class IntervalTimer:
    """A running timer.

    Attributes:
        due_ns: When it expires, on its own clock.
        interval_ns: Period; 0: once.
        cpu_id, ticket: The alarm set for it.
    """

    due_ns: int
    interval_ns: int
    cpu_id: int
    ticket: int


def process_cpu_ns(process: Process) -> int:
    """CPU time of the process's threads, ended ones included."""
    tasks = process.starry.kernel.tasks
    living = sum(tasks.cpu_time_ns(t.task) for t in process.threads.values())
    return living + process.dead_cpu_ns


def _clock_ns(process: Process, which: int) -> int:
    if which == ITIMER_REAL:
        return process.starry.kernel.tasks.now_ns()
    return process_cpu_ns(process)


def get_timer(process: Process, which: int) -> tuple[int, int]:
    """(time left, interval) in nanoseconds; (0, 0) when it does not run."""
    timer = process.signal.itimers.get(which)
    if timer is None:
        return 0, 0
    left = timer.due_ns - _clock_ns(process, which)
    return max(left, 1), timer.interval_ns


def set_timer(process: Process, which: int, value_ns: int, interval_ns: int) -> tuple[int, int]:
    """Start the timer, or stop it with `value_ns` 0; gives what it was as `get_timer` does."""
    old = get_timer(process, which)
    tasks = process.starry.kernel.tasks
    timer = process.signal.itimers.pop(which, None)
    if timer is not None:
        tasks.cancel_timer(timer.cpu_id, timer.ticket)
    if value_ns:
        due_ns = _clock_ns(process, which) + value_ns
        _arm(process, which, IntervalTimer(due_ns, interval_ns, 0, 0))
    return old


def stop_timers(process: Process) -> None:
    """The process ends: nothing is to expire any more."""
    for which in list(process.signal.itimers):
        set_timer(process, which, 0, 0)


def _arm(process: Process, which: int, timer: IntervalTimer) -> None:
    tasks = process.starry.kernel.tasks
    left = timer.due_ns - _clock_ns(process, which)
    timer.cpu_id = tasks.events.cpu_id
    timer.ticket = tasks.set_timer(timer.cpu_id, tasks.now_ns() + left, KINDS[which], process.pid)
    process.signal.itimers[which] = timer


def handle_timer(starry: Starry, kind: str, ident: int) -> None:
    """An alarm set here has expired: `ident` is the process."""
    process = starry.processes.get(ident)
    if kind not in KINDS or process is None or process.is_zombie:
        return
    which = KINDS.index(kind)
    timer = process.signal.itimers.pop(which, None)
    if timer is None:
        return
    now_ns = _clock_ns(process, which)
    if now_ns < timer.due_ns:  # a CPU-time timer whose process slept meanwhile
        _arm(process, which, timer)
        return
    if timer.interval_ns:
        missed = (now_ns - timer.due_ns) // timer.interval_ns
        timer.due_ns += (missed + 1) * timer.interval_ns
        _arm(process, which, timer)
    send_to_process(process, SigInfo(SIGNALS[which], SI_KERNEL))
