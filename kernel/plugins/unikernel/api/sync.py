"""Mutexes and wait queues. Source: ArceOS modules/axsync/src/mutex.rs; arceos_api's wait queues.

A mutex is eight bytes of the application: the holder's thread id, 0 while it is free. A wait queue
is named by a 32-bit word of the application, and waiting is conditional on its value, so that no
wake-up is lost between looking and waiting (ArceOS's `wait_until` takes a closure for that).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, ProgramPanic
from kernel.crates.event import EventKind
from kernel.modules.axtask.task import WaitOutcome

if TYPE_CHECKING:
    from kernel.plugins.unikernel.core.thread import AppThread

_FOREVER = (1 << 64) - 1


def ax_mutex_lock(t: AppThread, mutex: int) -> int:
    """Take a mutex, waiting while another thread holds it."""
    form = t.form
    holder = t.mem.read_u64(mutex)
    name = f"mutex {mutex:#x}"
    if not holder:
        t.mem.write_u64(mutex, t.tid)
        if name in form.pi_owners:
            form.pi_owners[name] = t.tid
        return 0
    if holder == t.tid:
        raise ProgramPanic(f"thread {t.tid} tried to take mutex {mutex:#x}, which it already holds")
    if holder not in form.threads:
        raise ProgramPanic(
            f"mutex {mutex:#x} says that thread {holder} holds it, but there is no such thread: "
            "it ended without giving it back, or the eight bytes were overwritten"
        )
    form.pi_owners[name] = holder
    queue = form.kernel.tasks.wait_queue(name)
    form.events.emit(EventKind.FUTEX_WAIT, t.tid, mutex)
    return t.block(f"mutex {mutex:#x} held by thread {holder}", (queue,))


def ax_mutex_unlock(t: AppThread, mutex: int) -> int:
    """Give a mutex back and wake one thread that waits for it."""
    form = t.form
    holder = t.mem.read_u64(mutex)
    if holder != t.tid:
        who = f"thread {holder} holds" if holder else "nobody holds"
        raise ProgramPanic(f"thread {t.tid} tried to give back mutex {mutex:#x}, which {who}")
    t.mem.write_u64(mutex, 0)
    name = f"mutex {mutex:#x}"
    tasks = form.kernel.tasks
    if name in tasks.wait_queues:
        queue = tasks.wait_queue(name)
        queue.notify_one("mutex")
        form.events.emit(EventKind.FUTEX_WAKE, mutex, 1)
        if queue.waiters:
            form.pi_owners[name] = 0  # until the one that was woken has taken it
        else:
            form.pi_owners.pop(name, None)
            tasks.drop_wait_queue(queue)
    return 0


def ax_wait_queue_wait(t: AppThread, word: int, value: int, timeout_ns: int) -> int:
    """Wait at `word` until woken, if it still has `value`; `timeout_ns` -1: without limit.

    Returns:
        0 woken, -EAGAIN the word has another value, -ETIMEDOUT.
    """
    form = t.form
    tasks = form.kernel.tasks
    name = f"wait queue {word:#x}"
    if t.resumed is not WaitOutcome.NONE:
        if name in tasks.wait_queues:
            tasks.drop_wait_queue(tasks.wait_queue(name))
        return -Errno.ETIMEDOUT if t.resumed is WaitOutcome.TIMEOUT else 0
    if t.mem.read_u32(word) != value & 0xFFFF_FFFF:
        return -Errno.EAGAIN
    deadline = None if timeout_ns == _FOREVER else min(tasks.now_ns() + timeout_ns, 1 << 61)
    form.events.emit(EventKind.FUTEX_WAIT, t.tid, word)
    return t.block(f"wait queue {word:#x}", (tasks.wait_queue(name),), deadline)


def ax_wait_queue_wake(t: AppThread, word: int, count: int) -> int:
    """Wake up to `count` threads that wait at `word`; how many."""
    form = t.form
    tasks = form.kernel.tasks
    name = f"wait queue {word:#x}"
    woken = 0
    if name in tasks.wait_queues:
        queue = tasks.wait_queue(name)
        while woken < count & 0xFFFF_FFFF and queue.notify_one("ax_wait_queue_wake"):
            woken += 1
        tasks.drop_wait_queue(queue)
    form.events.emit(EventKind.FUTEX_WAKE, word, woken)
    return woken


CALLS = {
    "ax_mutex_lock": ax_mutex_lock,
    "ax_mutex_unlock": ax_mutex_unlock,
    "ax_wait_queue_wait": ax_wait_queue_wait,
    "ax_wait_queue_wake": ax_wait_queue_wake,
}
