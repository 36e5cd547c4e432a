"""rt_sig*, kill and friends: results, errors and their order, as Linux has them."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kernel.crates.errno import Errno
from kernel.crates.siginfo import SI_QUEUE, SI_TKILL, SI_USER, SigInfo
from kernel.crates.signal import SIG_IGN, SaFlags, SigAction, bit
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api import signal as calls
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.signal import deliver, send_to_process, send_to_thread, set_blocked

BUF, BUF2, BAD = 0x10_0000, 0x10_1000, 0xDEAD_0000
BLOCKED = -(1 << 65)
U64 = (1 << 64) - 1


def action_bytes(arch: str, handler: int, flags: int, restorer: int, mask: int) -> bytes:
    if arch in ("x86_64", "aarch64"):
        return struct.pack("<4Q", handler, flags, restorer, mask)
    return struct.pack("<3Q", handler, flags, mask)


def test_sigaction_reads_and_writes(machine: Any) -> None:
    arch = machine.arch.name
    flags = int(SaFlags.SIGINFO | SaFlags.RESTART | SaFlags.NOCLDSTOP | SaFlags.NOCLDWAIT)
    odd = 0x400 | 0x8 | 0x10  # SA_UNSUPPORTED and unknown bits are cleared
    machine.mem.write(BUF, action_bytes(arch, 0x1234, flags | odd, 0x77, U64))
    assert machine.call(calls.sys_rt_sigaction, 10, BUF, 0, 8) == 0
    assert machine.call(calls.sys_rt_sigaction, 10, 0, BUF2, 8) == 0
    mask = U64 & ~bit(9) & ~bit(19)
    expected = action_bytes(arch, 0x1234, flags, 0x77, mask)
    assert machine.mem.read(BUF2, len(expected)) == expected


def test_sigaction_errors(x86: Any) -> None:
    call = calls.sys_rt_sigaction
    assert x86.call(call, 10, BAD, 0, 4) == -Errno.EINVAL  # the size is looked at first
    assert x86.call(call, 99, BAD, 0, 8) == -Errno.EFAULT
    for signo in (0, 65, 99):
        assert x86.call(call, signo, BUF, 0, 8) == -Errno.EINVAL
        assert x86.call(call, signo, 0, 0, 8) == -Errno.EINVAL
    for signo in (9, 19):
        assert x86.call(call, signo, BUF, 0, 8) == -Errno.EINVAL
        assert x86.call(call, signo, 0, BUF2, 8) == 0
    assert x86.call(call, 10, 0, BAD, 8) == -Errno.EFAULT


def test_ignoring_drops_what_is_pending(x86: Any) -> None:
    set_blocked(x86.thread, bit(10))
    send_to_process(x86.process, SigInfo(10))
    send_to_thread(x86.thread, SigInfo(10))
    x86.mem.write(BUF, action_bytes("x86_64", SIG_IGN, 0, 0, 0))
    assert x86.call(calls.sys_rt_sigaction, 10, BUF, 0, 8) == 0
    assert not x86.process.signal.pending.mask and not x86.thread.signal.pending.mask


def test_sigprocmask(x86: Any) -> None:
    call = calls.sys_rt_sigprocmask
    x86.mem.write_u64(BUF, U64)
    assert x86.call(call, 2, BUF, BUF2, 8) == 0
    assert x86.mem.read_u64(BUF2) == 0
    assert x86.thread.signal.blocked == U64 & ~bit(9) & ~bit(19)
    x86.mem.write_u64(BUF, bit(10) | bit(9))
    assert x86.call(call, 1, BUF, 0, 8) == 0
    assert x86.thread.signal.blocked == U64 & ~bit(9) & ~bit(19) & ~bit(10)
    assert x86.call(call, 0, BUF, BUF2, 8) == 0
    assert x86.mem.read_u64(BUF2) == U64 & ~bit(9) & ~bit(19) & ~bit(10)
    assert x86.call(call, 7, 0, 0, 8) == 0  # how is not looked at without a set
    assert x86.call(call, 7, BUF, 0, 8) == -Errno.EINVAL
    assert x86.call(call, 7, BAD, 0, 8) == -Errno.EFAULT
    assert x86.call(call, 0, BUF, 0, 16) == -Errno.EINVAL


def test_sigpending(x86: Any) -> None:
    set_blocked(x86.thread, bit(10) | bit(40))
    send_to_process(x86.process, SigInfo(10))
    send_to_thread(x86.thread, SigInfo(40))
    x86.mem.write_u64(BUF, U64)
    assert x86.call(calls.sys_rt_sigpending, BUF, 8) == 0
    assert x86.mem.read_u64(BUF) == bit(10) | bit(40)
    assert x86.call(calls.sys_rt_sigpending, BUF, 9) == -Errno.EINVAL
    assert x86.call(calls.sys_rt_sigpending, BAD, 8) == -Errno.EFAULT


def test_sigsuspend(x86: Any) -> None:
    set_blocked(x86.thread, bit(10))
    x86.process.signal.actions[10] = SigAction(0x5000, SaFlags.RESTORER, 0x6000)
    x86.mem.write_u64(BUF, 0)
    assert x86.call(calls.sys_rt_sigsuspend, BUF, 4) == -Errno.EINVAL
    assert x86.call(calls.sys_rt_sigsuspend, BUF, 8) == BLOCKED
    assert x86.thread.task.blocked
    send_to_process(x86.process, SigInfo(10))
    assert not x86.thread.task.blocked
    how = x86.thread.task.outcome
    assert x86.resume(calls.sys_rt_sigsuspend, BUF, 8, how=how) == -Errno.ERESTARTNOHAND
    deliver(x86.thread, x86.thread.cpu)
    assert x86.thread.cpu.pc == 0x5000
    assert x86.thread.signal.blocked == bit(10)
    uc = x86.thread.cpu.engine.get("rdx")
    assert x86.mem.read_u64(uc + 296) == bit(10)  # the old mask comes back
    assert x86.mem.read_u64(uc + 40 + 13 * 8) == U64 - Errno.EINTR + 1  # rax


def test_sigsuspend_ends_at_once_if_pending(x86: Any) -> None:
    set_blocked(x86.thread, bit(10))
    x86.process.signal.actions[10] = SigAction(0x5000, SaFlags.RESTORER, 0x6000)
    send_to_process(x86.process, SigInfo(10))
    assert x86.call(calls.sys_rt_sigsuspend, BUF, 8) == BLOCKED
    assert x86.thread.task.outcome is WaitOutcome.SIGNAL


def test_pause(x86: Any) -> None:
    assert x86.call(calls.sys_pause) == BLOCKED
    assert x86.resume(calls.sys_pause, how=WaitOutcome.SIGNAL) == -Errno.ERESTARTNOHAND


def test_sigtimedwait_takes_what_is_there(x86: Any) -> None:
    set_blocked(x86.thread, bit(10) | bit(40))
    send_to_process(x86.process, SigInfo(40, SI_QUEUE, pid=9, value=77))
    x86.mem.write_u64(BUF, bit(40) | bit(9))
    assert x86.call(calls.sys_rt_sigtimedwait, BUF, BUF2, 0, 8) == 40
    assert x86.mem.read(BUF2, 128) == SigInfo(40, SI_QUEUE, pid=9, value=77).pack()
    x86.mem.write(BUF2, bytes(16))  # poll
    assert x86.call(calls.sys_rt_sigtimedwait, BUF, 0, BUF2, 8) == -Errno.EAGAIN


def test_sigtimedwait_errors(x86: Any) -> None:
    call = calls.sys_rt_sigtimedwait
    assert x86.call(call, BUF, 0, 0, 4) == -Errno.EINVAL
    assert x86.call(call, BAD, 0, 0, 8) == -Errno.EFAULT
    assert x86.call(call, BUF, 0, BAD, 8) == -Errno.EFAULT
    x86.mem.write(BUF2, struct.pack("<qq", 0, 10**9))
    assert x86.call(call, BUF, 0, BUF2, 8) == -Errno.EINVAL


@pytest.mark.parametrize("end", ["wanted", "other", "timeout"])
def test_sigtimedwait_waits(x86: Any, end: str) -> None:
    t = x86.thread
    mask = bit(10) | bit(40)
    set_blocked(t, mask)
    x86.mem.write_u64(BUF, bit(40))
    x86.mem.write(BUF2, struct.pack("<qq", 2, 5))
    args = (BUF, 0, BUF2, 8)
    assert x86.call(calls.sys_rt_sigtimedwait, *args) == BLOCKED
    assert t.task.deadline_ns == x86.tasks.now_ns() + 2_000_000_005
    how = WaitOutcome.TIMEOUT
    expected = -Errno.EAGAIN
    if end == "wanted":
        send_to_process(x86.process, SigInfo(40, SI_QUEUE))
        how, expected = t.task.outcome, 40
    elif end == "other":
        x86.process.signal.actions[12] = SigAction(0x5000, SaFlags.RESTORER, 0x6000)
        send_to_process(x86.process, SigInfo(12))
        how, expected = t.task.outcome, -Errno.EINTR
    assert how is (WaitOutcome.TIMEOUT if end == "timeout" else WaitOutcome.SIGNAL)
    assert x86.resume(calls.sys_rt_sigtimedwait, *args, how=how) == expected
    assert t.signal.blocked == mask and t.signal.real_blocked == -1


def test_sigaltstack(machine: Any) -> None:
    call = calls.sys_sigaltstack
    mem = machine.mem
    assert machine.call(call, 0, BUF2) == 0
    assert struct.unpack("<QIIQ", mem.read(BUF2, 24)) == (0, 2, 0, 0)  # SS_DISABLE
    mem.write(BUF, struct.pack("<QIIQ", 0x7001_0000, 0, 0, 0x4000))
    assert machine.call(call, BUF, 0) == 0
    assert machine.call(call, 0, BUF2) == 0
    assert struct.unpack("<QIIQ", mem.read(BUF2, 24)) == (0x7001_0000, 0, 0, 0x4000)
    mem.write(BUF, struct.pack("<QIIQ", 0x7001_0000, 0, 0, 1024))
    assert machine.call(call, BUF, 0) == -Errno.ENOMEM
    mem.write(BUF, struct.pack("<QIIQ", 0x7001_0000, 5, 0, 0x4000))
    assert machine.call(call, BUF, 0) == -Errno.EINVAL
    assert machine.call(call, BAD, 0) == -Errno.EFAULT
    machine.thread.cpu.engine.set(machine.arch.sp, 0x7001_1000)
    assert machine.call(call, 0, BUF2) == 0
    assert struct.unpack("<QIIQ", mem.read(BUF2, 24))[1] == 1  # SS_ONSTACK
    mem.write(BUF, struct.pack("<QIIQ", 0, 2, 0, 0))
    assert machine.call(call, BUF, 0) == -Errno.EPERM
    machine.thread.cpu.engine.set(machine.arch.sp, 0x7003_0000)
    assert machine.call(call, BUF, 0) == 0
    assert machine.thread.signal.altstack.size_bytes == 0


def test_kill(x86: Any) -> None:
    child = x86.fork(x86.process)
    for process in (x86.process, child):
        for t in process.threads.values():
            set_blocked(t, U64)
    call = calls.sys_kill
    assert x86.call(call, x86.process.pid, 0) == 0
    assert x86.call(call, 999, 10) == -Errno.ESRCH
    assert x86.call(call, 999, 99) == -Errno.ESRCH
    assert x86.call(call, x86.process.pid, 65) == -Errno.EINVAL
    assert x86.call(call, x86.process.pid, U64) == -Errno.EINVAL
    assert x86.call(call, child.pid, 10) == 0
    assert child.signal.pending.queues[10] == [SigInfo(10, SI_USER, pid=x86.process.pid)]
    assert x86.call(call, U64, 12) == 0  # -1: everybody else
    assert child.signal.pending.mask == bit(10) | bit(12)
    assert not x86.process.signal.pending.mask
    assert x86.call(call, 0, 15) == 0  # own group
    assert x86.process.signal.pending.mask == bit(15)
    assert x86.call(call, -777 & U64, 15) == -Errno.ESRCH
    assert x86.call(call, -(1 << 31) & U64, 15) == -Errno.ESRCH


def test_tkill_tgkill(x86: Any) -> None:
    other = x86.spawn(x86.process)
    set_blocked(other, U64)
    pid = x86.process.pid
    assert x86.call(calls.sys_tkill, 0, 10) == -Errno.EINVAL
    assert x86.call(calls.sys_tkill, 999, 10) == -Errno.ESRCH
    assert x86.call(calls.sys_tkill, other.tid, 70) == -Errno.EINVAL
    assert x86.call(calls.sys_tgkill, 0, other.tid, 10) == -Errno.EINVAL
    assert x86.call(calls.sys_tgkill, pid + 50, other.tid, 10) == -Errno.ESRCH
    assert x86.call(calls.sys_tgkill, pid, other.tid, 0) == 0
    assert not other.signal.pending.mask
    assert x86.call(calls.sys_tgkill, pid, other.tid, 10) == 0
    assert other.signal.pending.queues[10] == [SigInfo(10, SI_TKILL, pid=pid)]


def test_sigqueueinfo(x86: Any) -> None:
    child = x86.fork(x86.process)
    target = next(iter(child.threads.values()))
    set_blocked(target, U64)
    sent = SigInfo(40, SI_QUEUE, pid=3, value=5)
    x86.mem.write(BUF, sent.pack())
    assert x86.call(calls.sys_rt_sigqueueinfo, child.pid, 40, BUF) == 0
    assert x86.call(calls.sys_rt_sigqueueinfo, child.pid, 40, BUF) == 0
    assert [one.value for one in child.signal.pending.queues[40]] == [5, 5]
    assert child.signal.pending.queues[40][0].pack() == sent.pack()
    assert x86.call(calls.sys_rt_tgsigqueueinfo, child.pid, target.tid, 41, BUF) == 0
    assert target.signal.pending.mask == bit(41)
    x86.mem.write(BUF, SigInfo(40, SI_USER).pack())
    assert x86.call(calls.sys_rt_sigqueueinfo, child.pid, 40, BUF) == -Errno.EPERM
    assert x86.call(calls.sys_rt_sigqueueinfo, child.pid, 40, BAD) == -Errno.EFAULT
    assert x86.call(calls.sys_rt_sigqueueinfo, 999, 40, BUF) == -Errno.EPERM
    x86.mem.write(BUF, sent.pack())
    assert x86.call(calls.sys_rt_sigqueueinfo, 999, 40, BUF) == -Errno.ESRCH


def test_queue_limit(x86: Any) -> None:
    set_blocked(x86.thread, U64)
    x86.process.limits.set(Resource.SIGPENDING, 2, 2)
    x86.mem.write(BUF, SigInfo(40, SI_QUEUE).pack())
    pid = x86.process.pid
    results = [x86.call(calls.sys_rt_sigqueueinfo, pid, 40, BUF) for _ in range(3)]
    assert results == [0, 0, -Errno.EAGAIN]
