"""What people see of a process: its files, signal actions and limits. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import LinuxError
from kernel.crates.signal import NSIG, SIG_DFL, SIG_IGN, bit, signal_name
from kernel.crates.views import FdView, ProcessView
from kernel.plugins.starry.core.file import describe_flags
from kernel.plugins.starry.core.limits import Resource

if TYPE_CHECKING:
    from kernel.plugins.starry.core.fd_table import FdTable
    from kernel.plugins.starry.core.fs_context import FsContext
    from kernel.plugins.starry.core.process import Process


def process_view(process: Process) -> ProcessView:
    """One process."""
    limits = tuple(
        (f"RLIMIT_{resource.name}", *process.limits.get(resource)) for resource in Resource
    )
    return ProcessView(
        pid=process.pid,
        ppid=process.ppid,
        name=process.name,
        exe=process.exe_path,
        threads=tuple(process.threads),
        aspace=process.aspace.ident,
        cwd=_cwd(process),
        umask=_umask(process),
        fds=_fds(process),
        signals=_signals(process),
        limits=limits,
        exit_status=process.exit_status if process.is_zombie else None,
    )


def _has(process: Process, name: str) -> bool:
    return process.ns.slots[name].is_inited


def _umask(process: Process) -> int:
    if not _has(process, "FS_CONTEXT"):
        return 0
    context: FsContext = process.ns.get("FS_CONTEXT")
    return context.umask


def _cwd(process: Process) -> str:
    if not _has(process, "FS_CONTEXT"):
        return ""
    context: FsContext = process.ns.get("FS_CONTEXT")
    try:
        return context.cwd_path
    except LinuxError:  # a removed directory has no path
        return "(deleted)"


def _fds(process: Process) -> tuple[FdView, ...]:
    if not _has(process, "FD_TABLE"):
        return ()
    table: FdTable = process.ns.get("FD_TABLE")
    return tuple(
        FdView(
            fd=fd,
            kind=entry.file.kind,
            what=entry.path,
            flags=describe_flags(entry.flags) + ("|O_CLOEXEC" if table.is_cloexec(fd) else ""),
            offset=entry.offset,
            refs=entry.refs,
        )
        for fd, entry in table.objects.items()
    )


def _signals(process: Process) -> tuple[tuple[str, str], ...]:
    """What differs from the default, signal by signal: action, who blocks it, where it waits."""
    found: list[tuple[str, str]] = []
    actions, threads = process.signal.actions, process.threads.values()
    for number in range(1, NSIG + 1):
        words: list[str] = []
        action = actions[number]
        if action.handler == SIG_IGN:
            words.append("ignored")
        elif action.handler != SIG_DFL:
            words.append(f"handler {action.handler:#x}")
        if blocked := [str(t.tid) for t in threads if t.signal.blocked & bit(number)]:
            words.append(f"blocked in {' '.join(blocked)}")
        pending = [str(t.tid) for t in threads if t.signal.pending.mask & bit(number)]
        if process.signal.pending.mask & bit(number):
            pending.insert(0, "the process")
        if pending:
            words.append(f"pending for {' '.join(pending)}")
        if words:
            found.append((signal_name(number), ", ".join(words)))
    return tuple(found)
