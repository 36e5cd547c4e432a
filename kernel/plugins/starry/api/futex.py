"""futex(2): sleep until a word of memory changes.

Source: Linux kernel/futex/{syscalls,waitwake,requeue,pi}.c; man 2 futex.
Differs from starry-next: the value is compared and the wait begun in one step, timeouts end with
ETIMEDOUT, signals interrupt, words in shared memory are shared between processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.futex import (
    FUTEX_OWNER_DIED,
    FUTEX_TID_MASK,
    FUTEX_WAITERS,
    MATCH_ANY,
    RequeueWait,
    futex_name,
    in_wake_order,
    pi_done,
    pi_hand_over,
    pi_wait,
    queue_of,
    wake,
)

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.thread import Thread

FUTEX_WAIT: Final = 0
FUTEX_WAKE: Final = 1
FUTEX_REQUEUE: Final = 3
FUTEX_CMP_REQUEUE: Final = 4
FUTEX_WAKE_OP: Final = 5
FUTEX_LOCK_PI: Final = 6
FUTEX_UNLOCK_PI: Final = 7
FUTEX_TRYLOCK_PI: Final = 8
FUTEX_WAIT_BITSET: Final = 9
FUTEX_WAKE_BITSET: Final = 10
FUTEX_WAIT_REQUEUE_PI: Final = 11
FUTEX_CMP_REQUEUE_PI: Final = 12
FUTEX_LOCK_PI2: Final = 13
FUTEX_PRIVATE_FLAG: Final = 128
FUTEX_CLOCK_REALTIME: Final = 256
_COMMAND_MASK: Final = ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
_TIMED: Final = (
    FUTEX_WAIT,
    FUTEX_WAIT_BITSET,
    FUTEX_WAIT_REQUEUE_PI,
    FUTEX_LOCK_PI,
    FUTEX_LOCK_PI2,
)
#: FUTEX_WAIT is not among them, whatever futex(2) says.
_CLOCKED: Final = (FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2)
_NS: Final = 1_000_000_000


def sys_futex(
    t: Thread, uaddr: int, op: int, val: int, timeout: int, uaddr2: int, val3: int
) -> int:
    """One of several operations on a futex word."""
    op = as_int32(op)
    command = op & _COMMAND_MASK
    private = bool(op & FUTEX_PRIVATE_FLAG)
    deadline: int | None = None
    if command in _TIMED and timeout and t.resumed is WaitOutcome.NONE:
        deadline = _deadline(t, timeout, op, command)
    if op & FUTEX_CLOCK_REALTIME and command not in _CLOCKED:
        raise LinuxError(Errno.ENOSYS)
    bitset = as_uint32(val3)
    if command in (FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET) and not bitset:
        raise LinuxError(Errno.EINVAL)
    _check_word(uaddr)
    if command in (FUTEX_WAIT, FUTEX_WAIT_BITSET):
        mask = bitset if command == FUTEX_WAIT_BITSET else MATCH_ANY
        queue_name = futex_name(t, uaddr, private=private)
        is_timed = bool(timeout)
        return _wait(t, uaddr, queue_name, as_uint32(val), deadline, mask, is_timed)
    if command in (FUTEX_WAKE, FUTEX_WAKE_BITSET):
        mask = bitset if command == FUTEX_WAKE_BITSET else MATCH_ANY
        return wake(t, uaddr, as_int32(val), mask, private=private)
    if command in (FUTEX_REQUEUE, FUTEX_CMP_REQUEUE):
        compare = as_uint32(val3) if command == FUTEX_CMP_REQUEUE else None
        counts = as_int32(val), as_int32(timeout)
        return _requeue(t, uaddr, counts, uaddr2, compare, private=private)
    if command == FUTEX_WAKE_OP:
        counts = as_int32(val), as_int32(timeout)
        return _wake_op(t, uaddr, counts, uaddr2, as_uint32(val3), private=private)
    name = f"pi {futex_name(t, uaddr, private=private)}"
    if command in (FUTEX_LOCK_PI, FUTEX_LOCK_PI2):
        return _lock_pi(t, uaddr, name, deadline)
    if command == FUTEX_UNLOCK_PI:
        return _unlock_pi(t, uaddr, name)
    if command == FUTEX_TRYLOCK_PI:
        return _trylock_pi(t, uaddr)
    if command == FUTEX_WAIT_REQUEUE_PI:
        name = futex_name(t, uaddr, private=private)
        return _wait_requeue_pi(t, (uaddr, uaddr2), name, as_uint32(val), deadline, private=private)
    if command == FUTEX_CMP_REQUEUE_PI:
        counts = as_int32(val), as_int32(timeout)
        return _requeue_pi(t, uaddr, counts, uaddr2, as_uint32(val3), private=private)
    raise LinuxError(Errno.ENOSYS)


def _deadline(t: Thread, timeout: int, op: int, command: int) -> int:
    """When a wait ends: FUTEX_WAIT's timeout is relative, the bitset form's absolute."""
    seconds, nanos = t.mem.read_u64(timeout), t.mem.read_u64(timeout + 8)
    if seconds >> 63 or nanos >= _NS:
        raise LinuxError(Errno.EINVAL)
    at = seconds * _NS + nanos
    if command == FUTEX_WAIT:
        return t.kernel.tasks.now_ns() + at
    if op & FUTEX_CLOCK_REALTIME or command == FUTEX_LOCK_PI:
        return at - t.kernel.config.epoch_offset_ns
    return at


def _check_word(uaddr: int) -> None:
    """A futex word is aligned and in user space.

    Raises:
        LinuxError: EINVAL, EFAULT.
    """
    if uaddr & 3:
        raise LinuxError(Errno.EINVAL)
    if uaddr >> 47:
        raise LinuxError(Errno.EFAULT)


def _wait(
    t: Thread, uaddr: int, name: str, val: int, deadline: int | None, mask: int, is_timed: bool
) -> int:
    """Sleep while the word has the value `val`."""
    if t.resumed is WaitOutcome.NONE:
        if t.mem.read_u32(uaddr) != val:
            raise LinuxError(Errno.EAGAIN)
        t.kernel.events.emit(EventKind.FUTEX_WAIT, t.tid, uaddr)
        return t.block(f"futex {uaddr:#x}", (queue_of(t, name),), deadline, mask)
    if t.resumed is WaitOutcome.WOKEN:
        return 0
    if t.resumed is WaitOutcome.TIMEOUT:
        raise LinuxError(Errno.ETIMEDOUT)
    # Linux restarts an untimed wait; a timed one goes on with what is left of its time.
    raise LinuxError(Errno.EINTR if is_timed else Errno.ERESTARTSYS)


def _requeue(
    t: Thread,
    uaddr: int,
    counts: tuple[int, int],
    uaddr2: int,
    compare: int | None,
    *,
    private: bool,
) -> int:
    """Wake `counts[0]` waiters and let `counts[1]` others wait for another word instead."""
    wake_count, move = counts
    if wake_count < 0 or move < 0:
        raise LinuxError(Errno.EINVAL)
    _check_word(uaddr2)
    from_name = futex_name(t, uaddr, private=private)
    to_name = futex_name(t, uaddr2, private=private)
    if compare is not None and t.mem.read_u32(uaddr) != compare:
        raise LinuxError(Errno.EAGAIN)
    tasks = t.kernel.tasks
    woken = wake(t, uaddr, wake_count, private=private) if wake_count else 0
    source = tasks.wait_queues.get(from_name)
    if source is None or not move:
        return woken
    waiters = in_wake_order(t, source)[:move]
    if from_name != to_name:
        target = queue_of(t, to_name)
        for tid in waiters:
            _move_waiter(t, tid, source, target, f"futex {uaddr2:#x}")
        tasks.drop_wait_queue(source)
    return woken + len(waiters)


def _move_waiter(t: Thread, tid: int, source: WaitQueue, target: WaitQueue, why: str) -> None:
    """Let a waiter wait in another queue."""
    source.queue.remove(tid)
    target.queue.append(tid)
    task = t.kernel.tasks.tasks[tid]
    task.waiting_on = (target.name,)
    task.why = why


def _wake_op(
    t: Thread, uaddr: int, counts: tuple[int, int], uaddr2: int, encoded: int, *, private: bool
) -> int:
    """Change the second word, wake waiters of the first, and of the second if it was so."""
    _check_word(uaddr2)
    operation, comparison = encoded >> 28 & 7, encoded >> 24 & 0xF
    argument, against = _signed12(encoded >> 12), _signed12(encoded)
    if encoded >> 31:
        argument = 1 << (argument & 31)
    if operation > 4 or comparison > 5:
        raise LinuxError(Errno.ENOSYS)
    old = t.mem.read_u32(uaddr2)
    new = (argument, old + argument, old | argument, old & ~argument, old ^ argument)[operation]
    t.mem.write_u32(uaddr2, new & 0xFFFF_FFFF)
    woken = wake(t, uaddr, counts[0], private=private)
    value = as_int32(old)
    holds = (
        value == against,
        value != against,
        value < against,
        value <= against,
        value > against,
        value >= against,
    )[comparison]
    return woken + (wake(t, uaddr2, counts[1], private=private) if holds else 0)


def _signed12(value: int) -> int:
    value &= 0xFFF
    return value - 0x1000 if value & 0x800 else value


# -- priority inheritance ------------------------------------------------------------------------


def _owner_of(t: Thread, word: int) -> int:
    """The living owner in a PI word; 0: free to take.

    Raises:
        LinuxError: EDEADLK: it is the caller; ESRCH: it lives no more and told nobody.
    """
    owner = word & FUTEX_TID_MASK
    if owner == t.tid:
        raise LinuxError(Errno.EDEADLK)
    if owner and owner not in t.starry.threads:
        raise LinuxError(Errno.ESRCH)
    return owner


def _lock_pi(t: Thread, uaddr: int, name: str, deadline: int | None) -> int:
    """Take the futex, or lend its owner the caller's priority and wait."""
    if t.resumed is WaitOutcome.WOKEN:
        return 0  # the owner's id in the word is the caller's already
    if t.resumed is not WaitOutcome.NONE:
        timed_out = t.resumed is WaitOutcome.TIMEOUT
        pi_done(t)
        raise LinuxError(Errno.ETIMEDOUT if timed_out else Errno.ERESTARTNOINTR)
    word = t.mem.read_u32(uaddr)
    owner = _owner_of(t, word)
    if not owner:
        t.mem.write_u32(uaddr, (word & (FUTEX_OWNER_DIED | FUTEX_WAITERS)) | t.tid)
        return 0
    t.mem.write_u32(uaddr, word | FUTEX_WAITERS)
    t.kernel.events.emit(EventKind.FUTEX_WAIT, t.tid, uaddr)
    queue = queue_of(t, name)
    why = f"futex {uaddr:#x} owned by {owner}"
    result = t.block(why, (queue,), deadline, uaddr)
    pi_wait(t, name, owner)
    return result


def _unlock_pi(t: Thread, uaddr: int, name: str) -> int:
    """Give the futex to the best waiter, or free it."""
    if t.mem.read_u32(uaddr) & FUTEX_TID_MASK != t.tid:
        raise LinuxError(Errno.EPERM)
    if not pi_hand_over(t, name):
        t.mem.write_u32(uaddr, 0)
    t.kernel.events.emit(EventKind.FUTEX_WAKE, uaddr, 1)
    return 0


def _trylock_pi(t: Thread, uaddr: int) -> int:
    """Take the futex if it is free."""
    word = t.mem.read_u32(uaddr)
    if _owner_of(t, word):
        raise LinuxError(Errno.EAGAIN)
    t.mem.write_u32(uaddr, (word & (FUTEX_OWNER_DIED | FUTEX_WAITERS)) | t.tid)
    return 0


# -- requeueing to a PI futex --------------------------------------------------------------------


def _wait_requeue_pi(
    t: Thread,
    words: tuple[int, int],
    name: str,
    val: int,
    deadline: int | None,
    *,
    private: bool,
) -> int:
    """Sleep on the first word; somebody will let us wait for the second, a PI futex."""
    uaddr, uaddr2 = words
    if t.resumed is WaitOutcome.NONE:
        _check_word(uaddr2)
        if uaddr == uaddr2:
            raise LinuxError(Errno.EINVAL)
        pi_name = f"pi {futex_name(t, uaddr2, private=private)}"
        if t.mem.read_u32(uaddr) != val:
            raise LinuxError(Errno.EAGAIN)
        t.kernel.events.emit(EventKind.FUTEX_WAIT, t.tid, uaddr)
        state = RequeueWait(uaddr2, pi_name)
        return t.block(f"futex {uaddr:#x}", (queue_of(t, name),), deadline, state)
    if t.resumed is WaitOutcome.WOKEN:
        return 0
    timed_out = t.resumed is WaitOutcome.TIMEOUT
    if t.pi_wait:
        pi_done(t)
    if timed_out:
        raise LinuxError(Errno.ETIMEDOUT)
    # Before the move the wait begins anew; after it the program has to take the lock itself.
    is_moved = not isinstance(t.wait_state, RequeueWait)
    raise LinuxError(Errno.EAGAIN if is_moved else Errno.ERESTARTNOINTR)


def _requeue_pi(
    t: Thread, uaddr: int, counts: tuple[int, int], uaddr2: int, compare: int, *, private: bool
) -> int:
    """Give the PI futex to the first waiter if it is free; let others wait for it."""
    wake_count, move = counts
    if wake_count != 1 or move < 0 or uaddr == uaddr2:
        raise LinuxError(Errno.EINVAL)
    _check_word(uaddr2)
    from_name = futex_name(t, uaddr, private=private)
    to_name = f"pi {futex_name(t, uaddr2, private=private)}"
    if t.mem.read_u32(uaddr) != compare:
        raise LinuxError(Errno.EAGAIN)
    source = t.kernel.tasks.wait_queues.get(from_name)
    if source is None:
        return 0
    threads = t.starry.threads
    done = 0
    for tid in in_wake_order(t, source)[: wake_count + move]:
        waiter = threads[tid]
        state = waiter.wait_state
        if not isinstance(state, RequeueWait) or state.name != to_name:
            raise LinuxError(Errno.EINVAL)
        word = t.mem.read_u32(uaddr2)
        owner = word & FUTEX_TID_MASK
        if owner and owner not in threads:
            raise LinuxError(Errno.ESRCH)
        waiter.wait_state = uaddr2
        done += 1
        if not owner:
            t.mem.write_u32(uaddr2, (word & (FUTEX_OWNER_DIED | FUTEX_WAITERS)) | tid)
            source.notify_task(tid, "futex")
            continue
        t.mem.write_u32(uaddr2, word | FUTEX_WAITERS)
        why = f"futex {uaddr2:#x} owned by {owner}"
        _move_waiter(t, tid, source, queue_of(t, to_name), why)
        pi_wait(waiter, to_name, owner)
    t.kernel.tasks.drop_wait_queue(source)
    return done


CALLS: dict[str, Handler] = {"futex": sys_futex}
