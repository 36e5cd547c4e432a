"""Time, in nanoseconds. Source: ArceOS api/arceos_api (`ax_monotonic_time`, `ax_wall_time`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.modules.axtask.task import WaitOutcome

if TYPE_CHECKING:
    from kernel.plugins.unikernel.core.thread import AppThread


def ax_monotonic_time(t: AppThread) -> int:
    """Time since the machine started."""
    return t.form.kernel.tasks.now_ns()


def ax_wall_time(t: AppThread) -> int:
    """Time since 1970."""
    kernel = t.form.kernel
    return kernel.hal.epochoffset_nanos() + kernel.tasks.now_ns()


def ax_sleep_until(t: AppThread, deadline_ns: int) -> int:
    """Wait until the monotonic clock shows `deadline_ns`."""
    if t.resumed is not WaitOutcome.NONE or deadline_ns <= t.form.kernel.tasks.now_ns():
        return 0
    return t.block(f"sleep until {deadline_ns / 1e6:.3f} ms", (), min(deadline_ns, 1 << 61))


CALLS = {
    "ax_monotonic_time": ax_monotonic_time,
    "ax_wall_time": ax_wall_time,
    "ax_sleep_until": ax_sleep_until,
}
