"""The machine: its end, its CPUs, its random numbers.

Source: ArceOS api/arceos_api (`ax_terminate`); axhal (`cpu_num`, `random`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import ProgramPanic
from kernel.plugins.unikernel.core.thread import NO_RETURN

if TYPE_CHECKING:
    from kernel.plugins.unikernel.core.thread import AppThread

_MAX_RANDOM = 1 << 20


def ax_terminate(t: AppThread, status: int) -> int:
    """Switch the machine off; the application's exit status."""
    form = t.form
    raw = (status & 0xFF) << 8
    form.app.exit_status = raw
    form.kernel.board.exit_status = raw
    if form.observer is not None:
        form.observer.on_exited(form.app.pid, raw)
    form.kernel.hal.system_off()
    return NO_RETURN


def ax_cpu_num(t: AppThread) -> int:
    """How many CPUs there are."""
    return t.form.kernel.hal.cpu_num()


def ax_random(t: AppThread, buffer: int, size: int) -> int:
    """Fill a buffer with random bytes; how many."""
    if size > _MAX_RANDOM:
        raise ProgramPanic(f"ax_random was asked for {size} bytes, more than {_MAX_RANDOM}")
    t.mem.write(buffer, t.form.kernel.rng.random_bytes(size))
    return size


CALLS = {"ax_terminate": ax_terminate, "ax_cpu_num": ax_cpu_num, "ax_random": ax_random}
