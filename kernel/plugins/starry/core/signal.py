"""Sending and forcing signals, and what a thread does with them on its way to user mode.

A signal is queued by `send_to_thread`, `send_to_process` or `force_signal` and taken by
`deliver`, which runs whenever a thread is about to return to user mode: it builds a frame for the
handler, carries out the default action, or restarts an interrupted system call.

Source: Linux kernel/signal.c (`send_signal_locked`, `prepare_signal`, `complete_signal`,
`force_sig_info_to_task`, `get_signal`) and arch/*/kernel/signal.c; starry-next api/src/signal.rs.
Differs from starry-next: sending wakes an interruptible wait; Linux's default actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.siginfo import CLD_CONTINUED, CLD_STOPPED, SI_KERNEL, SI_TIMER, SigInfo
from kernel.crates.signal import (
    SIG_DFL,
    SIG_IGN,
    STOP_SIGNALS,
    DefaultAction,
    SaFlags,
    SigAction,
    Signo,
    bit,
    default_action,
)
from kernel.plugins.starry.core import sigframe
from kernel.plugins.starry.core.altstack import SS_AUTODISARM, AltStack
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.signal_mask import (
    kill_wake,
    ready_signals,
    recalc_pending,
    restore_saved_mask,
    set_blocked,
    suspend_with,
    wake,
)
from kernel.plugins.starry.core.signal_state import FaultRecord, ProcessSignals, ThreadSignals

if TYPE_CHECKING:
    from kernel.machine.cpu import Cpu
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.thread import Thread

CORE_DUMPED: Final = 0x80  # in a wait status
MAX_NOTICES: Final = 64
ALL_SIGNALS: Final = (1 << 64) - 1

# -- sending -------------------------------------------------------------------------------------


def _is_ignored(t: Thread, signo: int) -> bool:
    s = t.signal
    blocked = s.blocked | max(s.real_blocked, 0)
    if blocked & bit(signo):  # its action may be another by the time it is unblocked
        return False
    return t.process.signal.actions[signo].ignores(signo)


def _stop_or_continue(p: Process, signo: int) -> None:
    """A stop signal cancels pending SIGCONTs; SIGCONT cancels stops and starts the process."""
    if bit(signo) & STOP_SIGNALS:
        dropped = bit(Signo.SIGCONT)
    elif signo == Signo.SIGCONT:
        dropped = STOP_SIGNALS
    else:
        return
    p.signal.pending.flush(dropped)
    for t in p.threads.values():
        t.signal.pending.flush(dropped)
    if signo == Signo.SIGCONT:
        continue_process(p)


def continue_process(p: Process) -> None:
    """Let the threads of a stopped process run again."""
    if p.signal.stopped:
        from kernel.plugins.starry.core.process import tell_stop

        p.signal.stopped = False
        p.stop_signal = 0
        p.was_continued = True
        for t in p.threads.values():
            wake(t)
        tell_stop(p, CLD_CONTINUED, int(Signo.SIGCONT))


def _notice(t: Thread, info: SigInfo) -> None:
    """Remember an ignored signal for strace's line; changes nothing else."""
    if info.signo != Signo.SIGKILL and len(t.signal.notices) < MAX_NOTICES:
        t.signal.notices.append(info)
        t.signal.maybe_pending = True


def send_to_thread(t: Thread, info: SigInfo) -> None:
    """Queue a signal for one thread and wake it if it waits interruptibly."""
    _stop_or_continue(t.process, info.signo)
    if _is_ignored(t, info.signo):
        _notice(t, info)
        t.kernel.events.emit(EventKind.SIGNAL_SEND, t.tid, info.signo, info.code)
        return
    added = t.signal.pending.add(info)
    t.kernel.events.emit(EventKind.SIGNAL_SEND, t.tid, info.signo, info.code)
    if added:
        _complete(t.process, info.signo, (t,))


def send_to_process(p: Process, info: SigInfo) -> None:
    """Queue a signal for a process; a thread that does not block it will take it."""
    threads = tuple(p.threads.values())  # the main thread is the first
    if not threads:
        return  # a zombie: accepted, no effect
    _stop_or_continue(p, info.signo)
    lead = threads[0]
    if _is_ignored(lead, info.signo):
        _notice(lead, info)
        lead.kernel.events.emit(EventKind.SIGNAL_SEND, p.pid, info.signo, info.code)
        return
    added = p.signal.pending.add(info)
    lead.kernel.events.emit(EventKind.SIGNAL_SEND, p.pid, info.signo, info.code)
    if added:
        _complete(p, info.signo, threads)


def _complete(p: Process, signo: int, threads: tuple[Thread, ...]) -> None:
    """Wake the first thread that wants the signal; SIGKILL also ends a stop and any wait."""
    readers = threads[0].kernel.tasks.wait_queues.get(f"signalfd {p.pid}")
    if readers is not None:
        readers.notify_all("signal")
    if signo == Signo.SIGKILL:
        p.signal.stopped = False
        kill_wake(threads[0])
        return
    for t in threads:
        if not t.signal.blocked & bit(signo):
            wake(t)
            return


def force_signal(
    t: Thread,
    signo: int,
    code: int = SI_KERNEL,
    addr: int = 0,
    fault: FaultRecord | None = None,
    fatal: bool = False,
) -> None:
    """Raise a signal the thread cannot avoid: one its own instruction caused.

    A blocked or ignored one gets its default action back, so that it kills (`force_sig_fault`).

    Args:
        t: The thread, normally the current one.
        signo: The signal.
        code: `si_code`.
        addr: `si_addr`.
        fault: The processor's account of it, for the frame; None leaves the last one.
        fatal: Kill even if there is a handler (`force_fatal_sig`).
    """
    s = t.signal
    actions = t.process.signal.actions
    if fault is not None:
        s.fault = fault
    blocked = s.blocked & bit(signo)
    if blocked or fatal or actions[signo].handler == SIG_IGN:
        actions[signo] = SigAction(SIG_DFL, 0, 0, actions[signo].mask)
    s.blocked &= ~bit(signo)
    s.pending.add(SigInfo(signo, code, addr=addr))
    s.maybe_pending = True
    t.kernel.events.emit(EventKind.SIGNAL_SEND, t.tid, signo, code)


def force_sigsegv(t: Thread, during: int) -> None:
    """The frame for signal `during` cannot be built or read: SIGSEGV, fatal if it was one."""
    force_signal(t, Signo.SIGSEGV, SI_KERNEL, fatal=during == Signo.SIGSEGV)


# -- delivering ----------------------------------------------------------------------------------


def dequeue(t: Thread, blocked: int) -> SigInfo | None:
    """Remove the next signal outside `blocked`: the thread's own before its process's."""
    info = t.signal.pending.take(blocked) or t.process.signal.pending.take(blocked)
    if info is not None and info.code == SI_TIMER:
        timer = t.process.signal.timers.get(info.timerid)
        if timer is not None:
            return timer.taken(info)
    return info


def take_signal(t: Thread) -> SigInfo | None:
    """Remove the next signal the thread may take."""
    return dequeue(t, t.signal.blocked)


def deliver(t: Thread, cpu: Cpu) -> None:
    """Take all deliverable signals of the current thread, just before it returns to user mode.

    Afterwards the thread's registers are those to run with, or the thread is dead or stopped.
    A system call to restart (`t.restart`) is restarted or given EINTR here.
    """
    shared = t.process.signal
    _show_notices(t)
    while True:
        if shared.stopped and not has_kill(t):
            if t.starry.observer is not None:
                t.starry.observer.on_stopped(t, shared.stop_signo)
            t.kernel.tasks.block_current(t.task, (), None, "stopped by a signal")
            return
        info = take_signal(t)
        if info is None:
            break
        if info.signo != Signo.SIGKILL:
            _observe(t, info)
        action = shared.actions[info.signo]
        if action.handler == SIG_IGN:
            continue
        if action.handler == SIG_DFL:
            if _default(t, info):
                return
            continue
        _prepare_restart(t, cpu, action)
        _enter_handler(t, cpu, info, action)
    if t.restart:
        _restart(t, cpu, t.restart)
    restore_saved_mask(t)
    recalc_pending(t)


def has_kill(t: Thread) -> bool:
    """Whether SIGKILL waits for the thread."""
    return bool((t.signal.pending.mask | t.process.signal.pending.mask) & bit(Signo.SIGKILL))


def _show_notices(t: Thread) -> None:
    for info in t.signal.notices:
        _observe(t, info)
    t.signal.notices.clear()


def _observe(t: Thread, info: SigInfo) -> None:
    observer = t.starry.observer
    if observer is not None:
        observer.on_signal(t, info)


def _default(t: Thread, info: SigInfo) -> bool:
    """Carry out the default action; True if the thread does not go on."""
    action = default_action(info.signo)
    t.kernel.events.emit(EventKind.SIGNAL_DEFAULT, t.tid, info.signo, action.value)
    if action in (DefaultAction.IGNORE, DefaultAction.CONTINUE):
        return False
    if action is DefaultAction.STOP:
        _stop(t, info.signo)
        return False  # the loop parks it
    # As do_coredump where core(5) files are plain ones: only as far as the limit allows.
    is_dumping = action is DefaultAction.CORE and t.process.limits.soft(Resource.CORE)
    core = CORE_DUMPED if is_dumping else 0
    # Imported late: core.process imports this module for its ProcessSignals.
    from kernel.plugins.starry.core.process import exit_process

    exit_process(t, info.signo | core)
    return True


def _stop(t: Thread, signo: int) -> None:
    """Stop the process and tell its parent; terminal stops do nothing in orphaned groups."""
    from kernel.plugins.starry.core.job_control import is_orphaned
    from kernel.plugins.starry.core.process import tell_stop

    p = t.process
    if p.signal.stopped or (signo != Signo.SIGSTOP and is_orphaned(t.starry, p.group)):
        return
    p.signal.stopped = True
    p.stop_signal = p.signal.stop_signo = signo
    p.was_continued = False
    for other in p.threads.values():
        if other is not t:
            wake(other)
    tell_stop(p, CLD_STOPPED, signo)


def _enter_handler(t: Thread, cpu: Cpu, info: SigInfo, action: SigAction) -> None:
    """Build the frame, point the registers at the handler, and block what it wants blocked."""
    s = t.signal
    signo = info.signo
    if action.flags & SaFlags.RESETHAND:
        t.process.signal.actions[signo] = SigAction(
            SIG_DFL, action.flags, action.restorer, action.mask
        )
    mask = s.blocked if s.saved_mask is None else s.saved_mask
    try:
        sigframe.setup(t, cpu, info, action, mask)
    except LinuxError:
        force_sigsegv(t, signo)
        return
    s.saved_mask = None
    blocked = s.blocked | action.mask
    if not action.flags & SaFlags.NODEFER:
        blocked |= bit(signo)
    set_blocked(t, blocked)
    if s.altstack.flags & SS_AUTODISARM:
        s.altstack.disarm()
    t.kernel.events.emit(EventKind.SIGNAL_DELIVER, t.tid, signo, action.handler)


# -- restarting system calls ---------------------------------------------------------------------


def _prepare_restart(t: Thread, cpu: Cpu, action: SigAction) -> None:
    """A handler runs first: decide between EINTR and restarting after it."""
    errno = t.restart
    if not errno:
        return
    restarts = errno == Errno.ERESTARTNOINTR or (
        errno == Errno.ERESTARTSYS and action.flags & SaFlags.RESTART
    )
    if restarts:
        _restart(t, cpu, errno)
    else:
        t.restart = None
        cpu.engine.set_return(-Errno.EINTR)


def _restart(t: Thread, cpu: Cpu, errno: Errno) -> None:
    """Make the thread run its system-call instruction again."""
    arch = t.arch
    t.restart = None
    cpu.pc -= arch.syscall_size_bytes
    cpu.engine.set(arch.pc, cpu.pc)
    if errno == Errno.ERESTART_RESTARTBLOCK:
        cpu.engine.set(arch.syscall_nr, sigframe.RESTART_SYSCALL[arch.name])


def return_from_signal(t: Thread) -> int:
    """rt_sigreturn: load the registers and mask from the frame on the user stack.

    Returns:
        The value of the result register, which dispatch writes back unchanged.
    """
    cpu = t.cpu
    try:
        result = sigframe.restore(t, cpu)
    except LinuxError:
        cpu.engine.set(t.arch.pc, cpu.pc)
        force_signal(t, Signo.SIGSEGV, SI_KERNEL)
        return 0
    t.signal.restart_call = None
    t.kernel.events.emit(EventKind.SIGNAL_RETURN, t.tid)
    return result


__all__ = [
    "ALL_SIGNALS",
    "CORE_DUMPED",
    "AltStack",
    "FaultRecord",
    "ProcessSignals",
    "ThreadSignals",
    "continue_process",
    "deliver",
    "dequeue",
    "force_signal",
    "force_sigsegv",
    "ready_signals",
    "recalc_pending",
    "restore_saved_mask",
    "return_from_signal",
    "send_to_process",
    "send_to_thread",
    "set_blocked",
    "suspend_with",
    "take_signal",
]
