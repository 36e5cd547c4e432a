"""Processes, groups and sessions: who is whose child and who belongs together.

Pure bookkeeping: no address space, no files, no scheduling; the plugin's process extends it.
Source: Starry-OS/axprocess src/{process,process_group,session,thread}.rs.
Differs: the rules of setsid(2) and setpgid(2) are Linux's; axprocess's weak tables are one plain
`ProcessTable`, so the whole graph can be pickled.
"""

from __future__ import annotations

from typing import Any

from kernel.crates.errno import Errno, KernelPanic, LinuxError


class Session:
    """A session: process groups that share a controlling terminal.

    Attributes:
        terminal: That terminal, whatever the kernel form makes of one; None: it has none.
    """

    __slots__ = ("groups", "sid", "terminal")

    def __init__(self, sid: int) -> None:
        self.sid = sid
        self.terminal: Any = None
        self.groups: dict[int, ProcessGroup] = {}


class ProcessGroup:
    """A process group (a job)."""

    __slots__ = ("members", "pgid", "session")

    def __init__(self, pgid: int, session: Session) -> None:
        self.pgid = pgid
        self.session = session
        self.members: dict[int, Process] = {}
        session.groups[pgid] = self


class Process:
    """One process of the tree.

    Attributes:
        pid: Process id: the thread id of its first thread.
        parent: None for init only, and for a process that has been freed.
        children: By pid, oldest first.
        group: Its process group.
        thread_ids: Living threads, oldest first.
        is_zombie: It has exited and waits to be reaped.
        group_exited: exit_group or a fatal signal ended all threads at once.
        exit_status: Raw wait status: the last exiting thread's, or exit_group's.
        has_execed: It has called execve: setpgid by its parent is then refused.
    """

    def __init__(self, table: ProcessTable, pid: int, parent: Process | None) -> None:
        self.table = table
        self.pid = pid
        self.parent = parent
        self.children: dict[int, Process] = {}
        self.thread_ids: dict[int, None] = {}
        self.is_zombie = False
        self.group_exited = False
        self.exit_status = 0
        self.has_execed = False
        if parent is None:
            self.group = ProcessGroup(pid, Session(pid))
        else:
            self.group = parent.group
            parent.children[pid] = self
        self.group.members[pid] = self
        table.add(self)

    @property
    def ppid(self) -> int:
        """The parent's id; 0 for init."""
        return self.parent.pid if self.parent else 0

    @property
    def pgid(self) -> int:
        """Process group id."""
        return self.group.pgid

    @property
    def sid(self) -> int:
        """Session id."""
        return self.group.session.sid

    # -- threads --------------------------------------------------------------------------------

    def add_thread(self, tid: int) -> None:
        """A new thread starts."""
        self.thread_ids[tid] = None

    def exit_thread(self, tid: int, status: int) -> bool:
        """A thread ends; whether it was the last. After group_exit the status stays."""
        if not self.group_exited:
            self.exit_status = status
        self.thread_ids.pop(tid, None)
        return not self.thread_ids

    def group_exit(self, status: int) -> bool:
        """All threads are to end with one status; False if that had been said already."""
        if self.group_exited:
            return False
        self.group_exited = True
        self.exit_status = status
        return True

    # -- ends -----------------------------------------------------------------------------------

    def exit(self, reaper: Process | None = None) -> None:
        """Become a zombie; the children go to `reaper`, or to init."""
        init = self.table.init
        if self is init:
            raise KernelPanic("the init process exits")
        self.is_zombie = True
        heir = reaper or init
        if heir is None:
            return
        for child in self.children.values():
            child.parent = heir
            heir.children[child.pid] = child
        self.children = {}

    def free(self) -> None:
        """A zombie has been waited for: forget it."""
        if not self.is_zombie:
            raise KernelPanic(f"process {self.pid} is freed but no zombie")
        if self.parent is not None:
            self.parent.children.pop(self.pid, None)
            self.parent = None
        self._leave_group()
        self.table.processes.pop(self.pid, None)

    # -- groups and sessions --------------------------------------------------------------------

    def create_session(self) -> int:
        """setsid(2).

        Raises:
            LinuxError: EPERM: it leads a process group already.
        """
        if self.pid in self.table.groups:
            raise LinuxError(Errno.EPERM, "already a process group leader")
        self._join(ProcessGroup(self.pid, Session(self.pid)))
        return self.pid

    def move_to_group(self, pgid: int) -> None:
        """setpgid(2) on this process; group `pgid` is made if it is this process's own id.

        Raises:
            LinuxError: EPERM: session leader, another session, or no such group.
        """
        if self.sid == self.pid:
            raise LinuxError(Errno.EPERM, "a session leader cannot change its group")
        group = self.table.groups.get(pgid)
        if group is None:
            if pgid != self.pid:
                raise LinuxError(Errno.EPERM, "no such process group")
            group = ProcessGroup(pgid, self.group.session)
        elif group.session is not self.group.session:
            raise LinuxError(Errno.EPERM, "the group is in another session")
        if group is not self.group:
            self._join(group)

    def _join(self, group: ProcessGroup) -> None:
        self._leave_group()
        self.group = group
        group.members[self.pid] = self
        self.table.groups[group.pgid] = group
        self.table.sessions[group.session.sid] = group.session

    def _leave_group(self) -> None:
        group = self.group
        group.members.pop(self.pid, None)
        if not group.members:
            group.session.groups.pop(group.pgid, None)
            self.table.groups.pop(group.pgid, None)
            if not group.session.groups:
                self.table.sessions.pop(group.session.sid, None)


class ProcessTable:
    """All processes, groups and sessions of a machine (axprocess's global weak maps)."""

    def __init__(self) -> None:
        self.init: Process | None = None
        self.processes: dict[int, Process] = {}
        self.groups: dict[int, ProcessGroup] = {}
        self.sessions: dict[int, Session] = {}

    def add(self, process: Process) -> None:
        """Enter a new process; the first one is init."""
        if self.init is None:
            self.init = process
        self.processes[process.pid] = process
        self.groups.setdefault(process.group.pgid, process.group)
        self.sessions.setdefault(process.group.session.sid, process.group.session)

    def get(self, pid: int) -> Process:
        """The process with this id.

        Raises:
            LinuxError: ESRCH.
        """
        process = self.processes.get(pid)
        if process is None:
            raise LinuxError(Errno.ESRCH)
        return process

    def get_group(self, pgid: int) -> ProcessGroup:
        """The group with this id.

        Raises:
            LinuxError: ESRCH.
        """
        group = self.groups.get(pgid)
        if group is None:
            raise LinuxError(Errno.ESRCH)
        return group
