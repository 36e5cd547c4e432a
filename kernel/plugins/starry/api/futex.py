"""futex(2): sleep until a word of memory changes.

Source: Linux kernel/futex/{syscalls,waitwake,requeue}.c; man 2 futex.
Differs from starry-next: the value is compared and the wait begun in one step, timeouts end with
ETIMEDOUT, signals interrupt. Words are told apart by address space and address; a word in memory
shared between processes is not yet recognised. No priority inheritance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

FUTEX_WAIT: Final = 0
FUTEX_WAKE: Final = 1
FUTEX_REQUEUE: Final = 3
FUTEX_CMP_REQUEUE: Final = 4
FUTEX_WAKE_OP: Final = 5
FUTEX_WAIT_BITSET: Final = 9
FUTEX_WAKE_BITSET: Final = 10
FUTEX_PRIVATE_FLAG: Final = 128
FUTEX_CLOCK_REALTIME: Final = 256
_COMMAND_MASK: Final = ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
_MATCH_ANY: Final = 0xFFFF_FFFF
_NS: Final = 1_000_000_000


def sys_futex(
    t: Thread, uaddr: int, op: int, val: int, timeout: int, uaddr2: int, val3: int
) -> int:
    """One of several operations on a futex word."""
    op = as_int32(op)
    command = op & _COMMAND_MASK
    deadline: int | None = None
    if command in (FUTEX_WAIT, FUTEX_WAIT_BITSET) and timeout and t.resumed is WaitOutcome.NONE:
        deadline = _deadline(t, timeout, op, command)
    if op & FUTEX_CLOCK_REALTIME and command not in (FUTEX_WAIT, FUTEX_WAIT_BITSET):
        raise LinuxError(Errno.ENOSYS)
    bitset = as_uint32(val3)
    if command in (FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET) and not bitset:
        raise LinuxError(Errno.EINVAL)
    if command in (FUTEX_WAIT, FUTEX_WAIT_BITSET):
        mask = bitset if command == FUTEX_WAIT_BITSET else _MATCH_ANY
        return _wait(t, uaddr, as_uint32(val), deadline, mask, has_timeout=bool(timeout))
    if command in (FUTEX_WAKE, FUTEX_WAKE_BITSET):
        mask = bitset if command == FUTEX_WAKE_BITSET else _MATCH_ANY
        _check_word(uaddr)
        return _wake(t, uaddr, as_int32(val), mask)
    if command in (FUTEX_REQUEUE, FUTEX_CMP_REQUEUE):
        compare = as_uint32(val3) if command == FUTEX_CMP_REQUEUE else None
        return _requeue(t, uaddr, as_int32(val), as_int32(timeout), uaddr2, compare)
    if command == FUTEX_WAKE_OP:
        return _wake_op(t, uaddr, as_int32(val), as_int32(timeout), uaddr2, as_uint32(val3))
    raise LinuxError(Errno.ENOSYS)


def _deadline(t: Thread, timeout: int, op: int, command: int) -> int:
    """When a wait ends: FUTEX_WAIT's timeout is relative, the bitset form's absolute."""
    seconds, nanos = t.mem.read_u64(timeout), t.mem.read_u64(timeout + 8)
    if seconds >> 63 or nanos >= _NS:
        raise LinuxError(Errno.EINVAL)
    at = seconds * _NS + nanos
    if command == FUTEX_WAIT:
        return t.kernel.tasks.now_ns() + at
    if op & FUTEX_CLOCK_REALTIME:
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
    t: Thread, uaddr: int, val: int, deadline: int | None, mask: int, *, has_timeout: bool
) -> int:
    """Sleep while the word has the value `val`."""
    _check_word(uaddr)
    if t.resumed is WaitOutcome.NONE:
        if t.mem.read_u32(uaddr) != val:
            raise LinuxError(Errno.EAGAIN)
        queue = t.kernel.tasks.wait_queue(t.starry.futex_name(t, uaddr))
        t.kernel.events.emit(EventKind.FUTEX_WAIT, t.tid, uaddr)
        return t.block(f"futex {uaddr:#x}", (queue,), deadline, mask)
    outcome = t.resumed
    _drop_queue(t, uaddr)
    if outcome is WaitOutcome.WOKEN:
        return 0
    if outcome is WaitOutcome.TIMEOUT:
        raise LinuxError(Errno.ETIMEDOUT)
    # Linux restarts an untimed wait; a timed one goes on with what is left of its time.
    raise LinuxError(Errno.EINTR if has_timeout else Errno.ERESTARTSYS)


def _drop_queue(t: Thread, uaddr: int) -> None:
    """Forget the word's wait queue if nobody waits there any more."""
    queue = t.kernel.tasks.wait_queues.get(t.starry.futex_name(t, uaddr))
    if queue is not None:
        t.kernel.tasks.drop_wait_queue(queue)


def _mask_of(t: Thread, tid: int) -> int:
    """The bitset a waiter waits with."""
    waiter = t.starry.threads.get(tid)
    return waiter.wait_state if waiter is not None else _MATCH_ANY


def _wake(t: Thread, uaddr: int, count: int, mask: int) -> int:
    """Wake up to `count` waiters (at least one) whose bitset meets `mask`."""
    queue = t.kernel.tasks.wait_queues.get(t.starry.futex_name(t, uaddr))
    woken = 0
    if queue is not None:
        for tid in queue.waiters:
            if _mask_of(t, tid) & mask and queue.notify_task(tid, "futex"):
                woken += 1
                if woken >= count:
                    break
        t.kernel.tasks.drop_wait_queue(queue)
    t.kernel.events.emit(EventKind.FUTEX_WAKE, uaddr, woken)
    return woken


def _requeue(t: Thread, uaddr: int, wake: int, move: int, uaddr2: int, compare: int | None) -> int:
    """Wake `wake` waiters and let `move` others wait for another word instead."""
    if wake < 0 or move < 0:
        raise LinuxError(Errno.EINVAL)
    _check_word(uaddr)
    _check_word(uaddr2)
    if compare is not None and t.mem.read_u32(uaddr) != compare:
        raise LinuxError(Errno.EAGAIN)
    tasks = t.kernel.tasks
    woken = _wake(t, uaddr, wake, _MATCH_ANY) if wake else 0
    source = tasks.wait_queues.get(t.starry.futex_name(t, uaddr))
    moved = 0
    if source is not None and move and uaddr != uaddr2:
        target = tasks.wait_queue(t.starry.futex_name(t, uaddr2))
        for tid in source.waiters[:move]:
            source.queue.remove(tid)
            target.queue.append(tid)
            tasks.tasks[tid].waiting_on = (target.name,)
            moved += 1
        tasks.drop_wait_queue(source)
    return woken + moved


def _wake_op(t: Thread, uaddr: int, wake: int, wake2: int, uaddr2: int, encoded: int) -> int:
    """Change the second word, wake waiters of the first, and of the second if it was so."""
    _check_word(uaddr)
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
    woken = _wake(t, uaddr, wake, _MATCH_ANY)
    value = as_int32(old)
    holds = (
        value == against,
        value != against,
        value < against,
        value <= against,
        value > against,
        value >= against,
    )[comparison]
    return woken + (_wake(t, uaddr2, wake2, _MATCH_ANY) if holds else 0)


def _signed12(value: int) -> int:
    value &= 0xFFF
    return value - 0x1000 if value & 0x800 else value


CALLS: dict[str, Handler] = {"futex": sys_futex}
