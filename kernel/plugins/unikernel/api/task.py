"""Threads. Source: ArceOS api/arceos_api/src/imp/task.rs; modules/axtask/src/api.rs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, LinuxError, ProgramPanic
from kernel.crates.memory_addr import align_up
from kernel.crates.vfs import decode_name
from kernel.plugins.unikernel.core.thread import NO_RETURN, spawn

if TYPE_CHECKING:
    from kernel.plugins.unikernel.core.thread import AppThread

_MIN_STACK = 0x1000
_NAME_BYTES = 15


def ax_spawn(t: AppThread, entry: int, argument: int, name: int, stack: int) -> int:
    """A new thread that calls `entry(argument)`; its id. `stack` 0: the usual size."""
    form = t.form
    kernel = form.kernel
    size = align_up(stack or kernel.config.kernel_stack_bytes, 16)
    if not _MIN_STACK <= size <= kernel.ram.size_bytes:
        raise LinuxError(Errno.EINVAL, "a stack has at least 4 KiB")
    text = decode_name(t.mem.read_cstr(name))[:_NAME_BYTES] if name else "thread"
    thread = spawn(form, text, entry, argument, size)
    if form.observer is not None:
        form.observer.on_created(t, thread)
    return thread.tid


def ax_exit(t: AppThread, code: int) -> int:
    """End the calling thread; the main one's end switches the machine off."""
    form = t.form
    if t.tid == form.app.pid:
        from kernel.plugins.unikernel.api.sys import ax_terminate

        return ax_terminate(t, code)
    form.exit_codes[t.tid] = code & 0xFFFF_FFFF
    del form.threads[t.tid]
    if form.observer is not None:
        form.observer.on_thread_exited(t, (code & 0xFF) << 8)
    form.kernel.tasks.wait_queue(f"end of {t.tid}").notify_all("exit")
    form.kernel.tasks.exit_current(t.task, code & 0xFFFF_FFFF)
    return NO_RETURN


def ax_wait_for_exit(t: AppThread, tid: int) -> int:
    """Wait until a thread has ended; its exit code. Each thread is waited for once."""
    form = t.form
    tasks = form.kernel.tasks
    queue = tasks.wait_queue(f"end of {tid}")
    if tid in form.exit_codes:
        tasks.drop_wait_queue(queue)
        code = form.exit_codes.pop(tid)
        return code - ((code & 0x8000_0000) << 1)
    if tid == t.tid:
        raise ProgramPanic(f"thread {tid} waits for its own end")
    if tid not in form.threads:
        tasks.drop_wait_queue(queue)
        raise LinuxError(Errno.ESRCH)
    return t.block(f"the end of thread {tid}", (queue,))


def ax_yield_now(t: AppThread) -> int:
    """Give the CPU to the next ready thread."""
    t.form.kernel.tasks.yield_current(t.task)
    return 0


def ax_current_task_id(t: AppThread) -> int:
    """The calling thread's id."""
    return t.tid


def ax_set_current_priority(t: AppThread, priority: int) -> int:
    """Set the calling thread's priority: -20 (first) to 19."""
    value = (priority & 0xFFFF_FFFF) - ((priority & 0x8000_0000) << 1)
    if not -20 <= value <= 19:
        raise LinuxError(Errno.EINVAL)
    t.form.kernel.tasks.set_priority(t.task, value)
    return 0


def ax_set_current_affinity(t: AppThread, mask: int) -> int:
    """Name the CPUs the calling thread may run on, one bit each."""
    tasks = t.form.kernel.tasks
    mask &= tasks.full_mask
    if not mask:
        raise LinuxError(Errno.EINVAL)
    tasks.set_affinity(t.task, mask)
    return 0


CALLS = {
    "ax_spawn": ax_spawn,
    "ax_exit": ax_exit,
    "ax_wait_for_exit": ax_wait_for_exit,
    "ax_yield_now": ax_yield_now,
    "ax_current_task_id": ax_current_task_id,
    "ax_set_current_priority": ax_set_current_priority,
    "ax_set_current_affinity": ax_set_current_affinity,
}
