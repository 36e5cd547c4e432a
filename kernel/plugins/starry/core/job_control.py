"""Job control: who may use the terminal, and what becomes of jobs nobody can continue.

A session has at most one terminal, a terminal one session and one process group in the foreground.
Background jobs that read from it, write to it (TOSTOP) or change it are stopped.

Source: Linux drivers/tty/tty_jobctrl.c (`__tty_check_change`, `disassociate_ctty`, `tiocsctty`),
n_tty.c (`job_control`), kernel/exit.c (`will_become_orphaned_pgrp`, `kill_orphaned_pgrp`).
Differs: hanging up does not make open descriptors of the terminal fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.siginfo import SI_KERNEL, SigInfo
from kernel.crates.signal import SIG_IGN, Signo, bit
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.process import Process

if TYPE_CHECKING:
    from kernel.crates.process import ProcessGroup
    from kernel.plugins.starry.core.starry import Starry
    from kernel.plugins.starry.core.thread import Thread
    from kernel.plugins.starry.core.tty import Tty


def send_to_group(group: ProcessGroup | None, signo: int) -> None:
    """The kernel signals all processes of a group."""
    from kernel.plugins.starry.core.signal import send_to_process

    for process in list(group.members.values()) if group is not None else ():
        if isinstance(process, Process):
            send_to_process(process, SigInfo(signo, SI_KERNEL))


# -- orphaned groups -----------------------------------------------------------------------------


def is_orphaned(starry: Starry, group: ProcessGroup, ending: Process | None = None) -> bool:
    """Whether nobody of the session outside the group has a child in it, who could continue it.

    Init counts only as the first program's parent: there it stands for the shell that started it.

    Args:
        starry: The plugin.
        group: The process group.
        ending: A process that is about to end.
    """
    for member in group.members.values():
        parent = member.parent
        if ending in (member, parent) or member.is_zombie or parent is None:
            continue
        if not isinstance(parent, Process) and member.pid != starry.main_pid:
            continue
        if parent.group is not group and parent.sid == group.session.sid:
            return False
    return True


def leave_orphans(process: Process, children: list[Process]) -> None:
    """A process ends: stopped jobs that it was the last to look after get SIGHUP and SIGCONT."""
    _wake_orphans(process, process.group, process.parent)
    for child in children:
        _wake_orphans(process, child.group, process)


def _wake_orphans(ending: Process, group: ProcessGroup, parent: object) -> None:
    outside = getattr(parent, "group", None)
    if outside is None or outside is group or outside.session is not group.session:
        return
    stopped = any(isinstance(m, Process) and m.signal.stopped for m in group.members.values())
    if stopped and is_orphaned(ending.starry, group, ending):
        send_to_group(group, Signo.SIGHUP)
        send_to_group(group, Signo.SIGCONT)


# -- the terminal --------------------------------------------------------------------------------


def controls(t: Thread, tty: Tty) -> bool:
    """Whether the terminal is the caller's controlling terminal."""
    return t.process.group.session.terminal is tty


def check_use(t: Thread, tty: Tty, signo: int) -> None:
    """A background job wants to use its terminal: stop it, or let it do so.

    Args:
        t: The caller.
        tty: The terminal.
        signo: SIGTTIN for reading, SIGTTOU for writing and changing.

    Raises:
        LinuxError: ERESTARTSYS: it has been signalled; EIO: that would be no use.
    """
    group = t.process.group
    if not controls(t, tty) or group.pgid == tty.foreground_group():
        return
    action = t.process.signal.actions[signo]
    if t.signal.blocked & bit(signo) or action.handler == SIG_IGN:
        if signo == Signo.SIGTTIN:
            raise LinuxError(Errno.EIO)
        return
    if is_orphaned(t.starry, group):
        raise LinuxError(Errno.EIO)
    send_to_group(group, signo)
    raise LinuxError(Errno.ERESTARTSYS)


def set_foreground(t: Thread, tty: Tty, pgid: int) -> None:
    """TIOCSPGRP: put a group of the caller's session into the foreground.

    Raises:
        LinuxError: ENOTTY, EINVAL, ESRCH, EPERM.
    """
    try:
        check_use(t, tty, Signo.SIGTTOU)
    except LinuxError as error:
        if error.errno == Errno.EIO:
            raise LinuxError(Errno.ENOTTY) from None
        raise
    if not controls(t, tty):
        raise LinuxError(Errno.ENOTTY)
    if pgid & 0x8000_0000:
        raise LinuxError(Errno.EINVAL)
    group = t.starry.table.groups.get(pgid)
    if group is None:
        raise LinuxError(Errno.ESRCH)
    if group.session is not t.process.group.session:
        raise LinuxError(Errno.EPERM)
    tty.foreground = pgid


def take_terminal(t: Thread, tty: Tty, force: bool = False) -> None:
    """TIOCSCTTY, or a session leader's open: make it the session's terminal.

    Raises:
        LinuxError: EPERM.
    """
    session = t.process.group.session
    if session.terminal is tty and session.sid == t.process.pid:
        return
    if session.sid != t.process.pid or session.terminal is not None:
        raise LinuxError(Errno.EPERM)
    other = tty.session
    if other is not None:
        if not force or not identity_of(t.process).is_root:
            raise LinuxError(Errno.EPERM)
        other.terminal = None
    session.terminal = tty
    tty.session = session
    tty.foreground = t.process.pgid


def leave_terminal(process: Process, *, ends: bool) -> None:
    """A session leader gives its terminal up: its foreground job is hung up."""
    session = process.group.session
    tty = session.terminal
    if tty is None or session.sid != process.pid:
        return
    group = process.starry.table.groups.get(tty.foreground_group())
    if group is not None:
        send_to_group(group, Signo.SIGHUP)
        send_to_group(group, Signo.SIGCONT)
    if ends and process.group is not group:
        send_to_group(process.group, Signo.SIGHUP)
    session.terminal = None
    tty.session = None
    tty.foreground = -1
