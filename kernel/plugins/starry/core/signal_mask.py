"""The signal mask of a thread, and waking the threads a change of it concerns.

Source: Linux kernel/signal.c `__set_task_blocked`, `retarget_shared_pending`, `recalc_sigpending`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.signal import UNBLOCKABLE
from kernel.modules.axtask.task import WaitOutcome

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread


def wake(t: Thread) -> None:
    """Make the thread look at its signals: ends an interruptible wait."""
    t.signal.maybe_pending = True
    tasks = t.kernel.tasks
    if not tasks.interrupt(t.task):
        tasks.poke(t.task)


def kill_wake(t: Thread) -> None:
    """SIGKILL came: ends every wait."""
    t.signal.maybe_pending = True
    tasks = t.kernel.tasks
    if tasks.interrupt(t.task) or tasks.wake(t.tid, "SIGKILL", WaitOutcome.SIGNAL):
        return
    tasks.poke(t.task)


def ready_signals(t: Thread) -> int:
    """The pending signals the thread does not block (`signal_pending` when not empty)."""
    s = t.signal
    return (s.pending.mask | t.process.signal.pending.mask) & ~s.blocked


def recalc_pending(t: Thread) -> None:
    """Set `maybe_pending`: whether `deliver` has anything to do for the thread."""
    s = t.signal
    s.maybe_pending = bool(
        ready_signals(t) or s.notices or s.saved_mask is not None or t.process.signal.stopped
    )


def set_blocked(t: Thread, mask: int) -> None:
    """Give the thread a new mask; process signals it now blocks are offered to its siblings."""
    s = t.signal
    newly = mask & ~s.blocked & t.process.signal.pending.mask
    s.blocked = mask & ~UNBLOCKABLE
    recalc_pending(t)
    if newly:
        for other in t.process.threads.values():
            if other is not t and newly & ~other.signal.blocked:
                wake(other)


def suspend_with(t: Thread, mask: int) -> None:
    """Replace the mask for the length of a wait: sigsuspend, ppoll, pselect, epoll_pwait.

    To be called once, when the call is first entered. `deliver` puts the old mask back when the
    call is over, or has the handler's frame do so.
    """
    s = t.signal
    if s.saved_mask is None:
        s.saved_mask = s.blocked
    set_blocked(t, mask)


def restore_saved_mask(t: Thread) -> None:
    """Put back what `suspend_with` replaced, when no signal was taken."""
    saved = t.signal.saved_mask
    if saved is not None:
        t.signal.saved_mask = None
        set_blocked(t, saved)
