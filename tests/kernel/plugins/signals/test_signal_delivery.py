"""Sending, forcing, default actions, restarts: what Linux does, on every architecture."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.crates.errno import Errno
from kernel.crates.event import EventKind
from kernel.crates.siginfo import SEGV_ACCERR, SI_KERNEL, SI_TKILL, SigInfo
from kernel.crates.signal import SIG_DFL, SIG_IGN, SaFlags, SigAction, Signo, bit
from kernel.plugins.starry.core.limits import INFINITY, Resource
from kernel.plugins.starry.core.sigframe import RESTART_SYSCALL
from kernel.plugins.starry.core.signal import (
    deliver,
    force_signal,
    return_from_signal,
    send_to_process,
    send_to_thread,
    set_blocked,
    suspend_with,
)

HANDLER, RESTORER = 0x41_2340, 0x41_5550
BASE = int(SaFlags.SIGINFO | SaFlags.RESTORER)


def handle(machine: Any, signo: int, flags: int = 0, mask: int = 0) -> None:
    machine.process.signal.actions[signo] = SigAction(HANDLER, BASE | flags, RESTORER, mask)


def run(machine: Any) -> None:
    deliver(machine.thread, machine.thread.cpu)


def kinds(machine: Any) -> list[EventKind]:
    return [event.kind for event in machine.events.events(1, machine.events.count + 1)]


def sigreturn(machine: Any) -> None:
    engine = machine.thread.cpu.engine
    if machine.arch.name == "x86_64":
        engine.set("rsp", engine.get("rsp") + 8)
    engine.set_return(return_from_signal(machine.thread))


def test_handler_runs_with_signal_blocked(machine: Any) -> None:
    t = machine.thread
    handle(machine, Signo.SIGUSR1, mask=bit(Signo.SIGHUP))
    send_to_thread(t, SigInfo(Signo.SIGUSR1, SI_TKILL, pid=3))
    assert t.signal.maybe_pending
    run(machine)
    assert t.cpu.pc == HANDLER
    assert t.signal.blocked == bit(Signo.SIGUSR1) | bit(Signo.SIGHUP)
    assert not t.signal.maybe_pending
    assert kinds(machine)[-2:] == [EventKind.SIGNAL_SEND, EventKind.SIGNAL_DELIVER]
    assert [info.signo for info in machine.shown] == [Signo.SIGUSR1]
    sigreturn(machine)
    assert t.signal.blocked == 0
    assert kinds(machine)[-1] is EventKind.SIGNAL_RETURN


def test_nodefer_and_resethand(machine: Any) -> None:
    t = machine.thread
    handle(machine, Signo.SIGUSR1, flags=SaFlags.NODEFER | SaFlags.RESETHAND)
    send_to_thread(t, SigInfo(Signo.SIGUSR1))
    run(machine)
    assert t.signal.blocked == 0
    assert machine.process.signal.actions[Signo.SIGUSR1].handler == SIG_DFL


@pytest.mark.parametrize(
    ("signo", "status"),
    [(Signo.SIGTERM, 15), (Signo.SIGSEGV, 11), (Signo.SIGKILL, 9), (34, 34), (64, 64)],
)
def test_default_kills(machine: Any, exits: Any, signo: int, status: int) -> None:
    send_to_process(machine.process, SigInfo(signo))
    run(machine)
    assert exits == [(machine.thread.tid, status)]
    shown = [info.signo for info in machine.shown]
    assert shown == ([] if signo == Signo.SIGKILL else [signo])  # strace does not see SIGKILL


def test_core_dumps_are_told_as_far_as_the_limit_allows(machine: Any, exits: Any) -> None:
    machine.process.limits.set(Resource.CORE, INFINITY, INFINITY)
    send_to_process(machine.process, SigInfo(Signo.SIGSEGV))
    run(machine)
    assert exits == [(machine.thread.tid, 11 | 0x80)]


def test_ignored_has_no_effect_but_is_shown(machine: Any, exits: Any) -> None:
    t = machine.thread
    for signo in (Signo.SIGCHLD, Signo.SIGWINCH, Signo.SIGURG, Signo.SIGCONT):
        send_to_process(machine.process, SigInfo(signo))
    machine.process.signal.actions[Signo.SIGTERM] = SigAction(SIG_IGN)
    send_to_thread(t, SigInfo(Signo.SIGTERM))
    assert not machine.process.signal.pending.mask and not t.signal.pending.mask
    assert not machine.tasks.woken
    pc = t.cpu.pc
    run(machine)
    assert t.cpu.pc == pc and not exits and not t.signal.maybe_pending
    assert [info.signo for info in machine.shown] == [17, 28, 23, 18, 15]


def test_blocked_ignored_stays_pending(machine: Any) -> None:
    t = machine.thread
    set_blocked(t, bit(Signo.SIGCHLD))
    send_to_process(machine.process, SigInfo(Signo.SIGCHLD))
    assert machine.process.signal.pending.mask == bit(Signo.SIGCHLD)
    handle(machine, Signo.SIGCHLD)
    set_blocked(t, 0)
    assert t.signal.maybe_pending
    run(machine)
    assert t.cpu.pc == HANDLER


def test_kill_and_stop_cannot_be_blocked(machine: Any) -> None:
    set_blocked(machine.thread, (1 << 64) - 1)
    assert machine.thread.signal.blocked == (1 << 64) - 1 - bit(9) - bit(19)


def test_several_signals_stack_up(machine: Any) -> None:
    """Linux builds all frames before user code runs; the last one's handler runs first."""
    t = machine.thread
    for signo in (Signo.SIGUSR1, Signo.SIGUSR2):
        handle(machine, signo)
        send_to_thread(t, SigInfo(signo))
    run(machine)
    first_arg = t.cpu.engine.get(machine.arch.call_args[0])
    assert first_arg == Signo.SIGUSR2
    sigreturn(machine)
    assert t.cpu.pc == HANDLER
    assert t.cpu.engine.get(machine.arch.call_args[0]) == Signo.SIGUSR1


def test_own_signals_before_the_process(machine: Any) -> None:
    set_blocked(machine.thread, bit(10) | bit(12))
    for signo in (10, 12):
        handle(machine, signo, mask=(1 << 64) - 1)
    send_to_process(machine.process, SigInfo(10))
    send_to_thread(machine.thread, SigInfo(12))
    set_blocked(machine.thread, 0)
    run(machine)
    assert machine.thread.cpu.engine.get(machine.arch.call_args[0]) == 12
    assert machine.process.signal.pending.mask == bit(10)


def test_process_signal_goes_to_a_thread_that_wants_it(machine: Any) -> None:
    other = machine.spawn(machine.process)
    handle(machine, 10)
    set_blocked(machine.thread, bit(10))
    send_to_process(machine.process, SigInfo(10))
    assert machine.tasks.woken == [other.tid]
    assert other.signal.maybe_pending and not machine.thread.signal.maybe_pending


def test_blocking_hands_signals_on(machine: Any) -> None:
    other = machine.spawn(machine.process)
    handle(machine, 10)
    send_to_process(machine.process, SigInfo(10))
    assert machine.tasks.woken == [machine.thread.tid]
    set_blocked(machine.thread, bit(10))
    assert machine.tasks.woken == [machine.thread.tid, other.tid]


# -- forced signals ------------------------------------------------------------------------------


def test_fault_with_handler(machine: Any) -> None:
    t = machine.thread
    handle(machine, Signo.SIGSEGV)
    force_signal(t, Signo.SIGSEGV, SEGV_ACCERR, 0x1234)
    run(machine)
    assert t.cpu.pc == HANDLER
    assert machine.shown[0].addr == 0x1234


@pytest.mark.parametrize("why", ["blocked", "ignored"])
def test_fault_that_cannot_be_handled_kills(machine: Any, exits: Any, why: str) -> None:
    t = machine.thread
    handle(machine, Signo.SIGSEGV)
    if why == "blocked":
        set_blocked(t, bit(Signo.SIGSEGV))
    else:
        machine.process.signal.actions[Signo.SIGSEGV] = SigAction(SIG_IGN)
    force_signal(t, Signo.SIGSEGV, SEGV_ACCERR, 0x1234)
    run(machine)
    assert exits == [(t.tid, 11)]


def test_no_room_for_the_frame(machine: Any, exits: Any) -> None:
    """A handler that cannot start: SIGSEGV instead; if that cannot start either, death."""
    t = machine.thread
    handle(machine, Signo.SIGUSR1)
    handle(machine, Signo.SIGSEGV)
    t.cpu.engine.set(machine.arch.sp, 0x5000)
    send_to_thread(t, SigInfo(Signo.SIGUSR1))
    run(machine)
    assert exits == [(t.tid, 11)]
    assert [info.signo for info in machine.shown] == [10, 11, 11]
    assert machine.shown[1].code == SI_KERNEL


def test_segv_handler_on_the_alternate_stack(machine: Any, exits: Any) -> None:
    t = machine.thread
    handle(machine, Signo.SIGSEGV, flags=SaFlags.ONSTACK)
    t.signal.altstack.change(machine.arch.name, 0, 0x7001_0000, 0, 0x4000)
    t.cpu.engine.set(machine.arch.sp, 0x5000)
    force_signal(t, Signo.SIGSEGV, SEGV_ACCERR, 0x5000)
    run(machine)
    assert not exits and t.cpu.pc == HANDLER


# -- restarting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errno", "flags", "restarts"),
    [
        (Errno.ERESTARTSYS, 0, False),
        (Errno.ERESTARTSYS, SaFlags.RESTART, True),
        (Errno.ERESTARTNOHAND, SaFlags.RESTART, False),
        (Errno.ERESTARTNOINTR, 0, True),
        (Errno.ERESTART_RESTARTBLOCK, SaFlags.RESTART, False),
    ],
)
def test_restart_with_handler(machine: Any, errno: Errno, flags: int, restarts: bool) -> None:
    t, engine, arch = machine.thread, machine.thread.cpu.engine, machine.arch
    handle(machine, 10, flags=flags)
    engine.set(arch.syscall_nr, 77)
    pc = t.cpu.pc
    t.restart = errno
    send_to_thread(t, SigInfo(10))
    run(machine)
    assert t.restart is None and t.cpu.pc == HANDLER
    sigreturn(machine)
    if restarts:
        assert t.cpu.pc == pc - arch.syscall_size_bytes
        assert engine.get(arch.syscall_nr) == 77
    else:
        assert t.cpu.pc == pc
        assert engine.get(arch.ret) == (1 << 64) - Errno.EINTR


@pytest.mark.parametrize(
    "errno",
    [
        Errno.ERESTARTSYS,
        Errno.ERESTARTNOHAND,
        Errno.ERESTARTNOINTR,
        Errno.ERESTART_RESTARTBLOCK,
    ],
)
def test_restart_without_handler(machine: Any, errno: Errno) -> None:
    t, engine, arch = machine.thread, machine.thread.cpu.engine, machine.arch
    engine.set(arch.syscall_nr, 77)
    pc = t.cpu.pc
    t.restart = errno
    run(machine)
    assert t.cpu.pc == engine.get(arch.pc) == pc - arch.syscall_size_bytes
    restarted = errno is Errno.ERESTART_RESTARTBLOCK
    assert engine.get(arch.syscall_nr) == (RESTART_SYSCALL[arch.name] if restarted else 77)


def test_suspended_mask_comes_back(machine: Any) -> None:
    t = machine.thread
    set_blocked(t, bit(10))
    suspend_with(t, 0)
    run(machine)  # no signal: the call was restarted or over
    assert t.signal.blocked == bit(10) and t.signal.saved_mask is None
    handle(machine, 10)
    send_to_thread(t, SigInfo(10))
    suspend_with(t, 0)
    run(machine)
    assert t.cpu.pc == HANDLER and t.signal.blocked == bit(10)
    set_blocked(t, 0)
    sigreturn(machine)
    assert t.signal.blocked == bit(10)


# -- stop and continue ---------------------------------------------------------------------------


def test_stop_parks_until_continue(machine: Any) -> None:
    t = machine.thread
    send_to_process(machine.process, SigInfo(Signo.SIGSTOP))
    run(machine)
    assert t.task.blocked and machine.process.signal.stopped and t.signal.maybe_pending
    send_to_process(machine.process, SigInfo(Signo.SIGTERM))
    assert machine.process.signal.stopped
    run(machine)
    assert t.task.blocked  # only SIGKILL and SIGCONT get through
    machine.process.signal.pending.flush(bit(Signo.SIGTERM))
    send_to_process(machine.process, SigInfo(Signo.SIGCONT))
    assert not t.task.blocked and not machine.process.signal.stopped
    run(machine)
    assert not t.task.blocked and not t.signal.maybe_pending


def test_kill_ends_a_stop(machine: Any, exits: Any) -> None:
    send_to_process(machine.process, SigInfo(Signo.SIGSTOP))
    run(machine)
    send_to_process(machine.process, SigInfo(Signo.SIGKILL))
    assert not machine.thread.task.blocked
    run(machine)
    assert exits == [(machine.thread.tid, 9)]


def test_continue_and_stop_cancel_each_other(machine: Any) -> None:
    t, pending = machine.thread, machine.process.signal.pending
    set_blocked(t, bit(Signo.SIGTSTP) | bit(Signo.SIGCONT))
    send_to_process(machine.process, SigInfo(Signo.SIGTSTP))
    send_to_process(machine.process, SigInfo(Signo.SIGCONT))
    assert pending.mask == bit(Signo.SIGCONT)
    send_to_process(machine.process, SigInfo(Signo.SIGTSTP))
    assert pending.mask == bit(Signo.SIGTSTP)
