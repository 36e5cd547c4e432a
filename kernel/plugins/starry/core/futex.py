"""Futexes: what the words in user memory are called, who waits for them, and who inherits what.

A futex is one wait queue. Words in memory shared between processes are known by their frame, all
others by address space and address. Priority-inheriting futexes hold the owner's thread id; the
best waiter lends its owner its priority, along chains of owners.

Source: Linux kernel/futex/{core,waitwake,pi}.c; Ariel OS src/ariel-os-threads (one-level lending).
"""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.page_table_entry import MappingFlags
from kernel.modules.axmm.shared import Shared
from kernel.modules.axtask.wait_queue import WaitQueue

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

FUTEX_WAITERS: Final = 0x8000_0000
FUTEX_OWNER_DIED: Final = 0x4000_0000
FUTEX_TID_MASK: Final = 0x3FFF_FFFF
MATCH_ANY: Final = 0xFFFF_FFFF
_REAL_TIME: Final = (1, 2)  # SCHED_FIFO, SCHED_RR
_ROBUST_LIMIT: Final = 2048
_CHAIN_LIMIT: Final = 16


@dataclass(frozen=True, slots=True)
class RequeueWait:
    """`Thread.wait_state` in FUTEX_WAIT_REQUEUE_PI, until it waits for the PI futex itself.

    Attributes:
        uaddr2: The PI futex's address; `name` its wait queue.
    """

    uaddr2: int
    name: str


def futex_name(t: Thread, va: int, *, private: bool = False) -> str:
    """Name of a futex word's wait queue; FUTEX_PRIVATE_FLAG makes it another one, as in Linux.

    Raises:
        LinuxError: EFAULT: nothing is there, or a shared word's page cannot be brought in.
    """
    aspace = t.process.aspace
    if private:
        return f"futex {aspace.ident}:{va:#x}"
    area = aspace.areas.find(va)
    if area is None or not area.flags & MappingFlags.READ:
        raise LinuxError(Errno.EFAULT)
    if isinstance(area.backend, Shared):
        return f"futex {aspace.user_pa(va, MappingFlags.READ):#x}"
    return f"public futex {aspace.ident}:{va:#x}"


def queue_of(t: Thread, name: str) -> WaitQueue:
    """The wait queue, made if nobody waits there yet."""
    queue = t.kernel.tasks.wait_queue(name)
    queue.transient = True
    return queue


def _mask_of(t: Thread, tid: int) -> int:
    """The bitset a waiter waits with."""
    waiter = t.starry.threads.get(tid)
    if waiter is None:
        return MATCH_ANY
    if isinstance(waiter.wait_state, RequeueWait):
        raise LinuxError(Errno.EINVAL, "the waiter wants to be requeued")
    return waiter.wait_state


def in_wake_order(t: Thread, queue: WaitQueue) -> list[int]:
    """The waiters, those with a real-time policy by priority first, else as they came.

    As Linux's `plist` of a futex; how nice the others are does not matter.
    """
    threads = t.starry.threads

    def key(tid: int) -> int:
        waiter = threads.get(tid)
        policy, priority = waiter.policy if waiter else (0, 0)
        return -priority if policy in _REAL_TIME else 0

    return sorted(queue.waiters, key=key)


def wake(t: Thread, va: int, count: int, mask: int = MATCH_ANY, *, private: bool = False) -> int:
    """Wake up to `count` (at least one) waiters whose bitset meets `mask`; how many."""
    queue = t.kernel.tasks.wait_queues.get(futex_name(t, va, private=private))
    woken = 0
    if queue is not None:
        for tid in in_wake_order(t, queue):
            if _mask_of(t, tid) & mask and queue.notify_task(tid, "futex"):
                woken += 1
                if woken >= count:
                    break
    t.kernel.events.emit(EventKind.FUTEX_WAKE, va, woken)
    return woken


# -- priority inheritance ------------------------------------------------------------------------


def pi_wait(t: Thread, name: str, owner: int) -> None:
    """The thread begins to wait for a futex of `owner`: lend the owner its priority."""
    t.pi_wait = name
    t.starry.pi_owners[name] = owner
    lend(t, owner)


def pi_done(t: Thread) -> None:
    """The thread waits no more: take back what it lent."""
    name, t.pi_wait = t.pi_wait, ""
    owners = t.starry.pi_owners
    owner = owners.get(name, 0)
    if not any(other.pi_wait == name for other in t.starry.threads.values()):
        owners.pop(name, None)
    lend(t, owner)


def lend(t: Thread, owner_tid: int) -> None:
    """Give an owner the best priority of those who wait for it, and so on along the chain."""
    threads, owners, tasks = t.starry.threads, t.starry.pi_owners, t.kernel.tasks
    for _ in range(_CHAIN_LIMIT):
        owner = threads.get(owner_tid)
        if owner is None:
            return
        best = min(
            (
                waiter.task.effective_priority
                for waiter in threads.values()
                if waiter.pi_wait and owners.get(waiter.pi_wait) == owner_tid
            ),
            default=None,
        )
        tasks.set_boost(owner.task, best)
        if not owner.pi_wait:
            return
        owner_tid = owners.get(owner.pi_wait, 0)


def pi_hand_over(t: Thread, name: str, died: int = 0) -> bool:
    """Make the best waiter of a PI futex its owner; False if nobody waits.

    Args:
        t: The thread that lets go.
        name: The futex.
        died: FUTEX_OWNER_DIED if the owner ends.
    """
    threads = t.starry.threads
    queue = t.kernel.tasks.wait_queues.get(name)
    waiters = [threads[tid] for tid in queue.waiters if tid in threads] if queue else []
    if queue is None or not waiters:
        return False
    best = min(waiters, key=_priority_of)
    others = FUTEX_WAITERS if len(waiters) > 1 else 0
    best.mem.write_u32(best.wait_state, best.tid | others | died)
    t.starry.pi_owners[name] = best.tid
    best.pi_wait = ""
    queue.notify_task(best.tid, "futex")
    if not others:
        t.starry.pi_owners.pop(name, None)
    lend(t, t.tid)
    lend(t, best.tid)
    return True


def _priority_of(waiter: Thread) -> int:
    return waiter.task.effective_priority


# -- ends ----------------------------------------------------------------------------------------


def exit_robust_list(t: Thread) -> None:
    """A thread ends: mark the robust mutexes it holds, and wake one waiter of each.

    Bad addresses end the walk, as in Linux.
    """
    head = t.robust_list[0]
    t.robust_list = (0, 0)
    if head:
        with contextlib.suppress(LinuxError, AxError):
            _walk_robust_list(t, head)
    if t.starry.pi_owners:
        for name in [n for n, owner in t.starry.pi_owners.items() if owner == t.tid]:
            pi_hand_over(t, name, FUTEX_OWNER_DIED)


def _walk_robust_list(t: Thread, head: int) -> None:
    entry, offset, pending = struct.unpack("<QqQ", t.mem.read(head, 24))
    for _ in range(_ROBUST_LIMIT):
        address = entry & ~1
        if address == head:
            break
        following = t.mem.read_u64(address)
        if entry != pending:
            _futex_death(t, address + offset, bool(entry & 1), pending=False)
        entry = following
    if pending & ~1:
        _futex_death(t, (pending & ~1) + offset, bool(pending & 1), pending=True)


def _futex_death(t: Thread, va: int, is_pi: bool, *, pending: bool) -> None:
    """Source: `handle_futex_death`."""
    word = t.mem.read_u32(va)
    if pending and not is_pi and not word:
        wake(t, va, 1)
        return
    if word & FUTEX_TID_MASK != t.tid:
        return
    t.mem.write_u32(va, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED)
    if word & FUTEX_WAITERS and not is_pi:  # the kernel itself knows who waits for a PI futex
        wake(t, va, 1)
