"""What /proc shows of Starry: implements `axfs.proc_source.ProcSource`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.user_ptr import WRITE, UserMemory
from kernel.plugins.starry.core.anon_node import AnonNode
from kernel.plugins.starry.core.file import O_ACCMODE, O_PATH, O_RDONLY, O_WRONLY
from kernel.plugins.starry.core.proc_more import fd_info, thread_text
from kernel.plugins.starry.core.proc_texts import PROCESS_TEXTS, SYSTEM_TEXTS
from kernel.plugins.starry.core.thread import Thread

if TYPE_CHECKING:
    from kernel.crates.vfs import VfsNodeOps
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.starry import Starry


class StarryProc:
    """Texts and links of all processes."""

    def __init__(self, starry: Starry) -> None:
        self.starry = starry

    def _process(self, pid: int) -> Process:
        """The process, or the one the thread belongs to.

        Raises:
            AxError: NOT_FOUND.
        """
        process = self.starry.processes.get(pid)
        if process is None:
            thread = self.starry.threads.get(pid)
            if thread is not None:
                return thread.process
            raise AxError(AxErrorKind.NOT_FOUND, f"no process {pid}")
        return process

    def pids(self) -> list[int]:
        """Process ids in ascending order."""
        return sorted(self.starry.processes)

    def current_pid(self) -> int:
        """The process that looks; 0 outside of any."""
        kernel = self.starry.kernel
        current = kernel.board.cpus[kernel.events.cpu_id].current
        ext = current.task_ext if current is not None else None
        return ext.process.pid if isinstance(ext, Thread) else 0

    def tids(self, pid: int) -> list[int]:
        """Threads of a process in ascending order."""
        process = self._process(pid)
        return sorted(process.threads) or [process.pid]

    def text(self, pid: int, name: str) -> bytes:
        """Contents of /proc/PID/NAME, or of a thread's directory."""
        process = self._process(pid)
        if name.startswith("fdinfo/"):
            return fd_info(process, int(name.rpartition("/")[2]))
        text = PROCESS_TEXTS[name](process)
        thread = self.starry.threads.get(pid)
        if thread is None or pid == process.pid:
            return text
        return thread_text(thread, name, text)

    def write(self, pid: int, name: str, data: bytes) -> None:
        """Change the name, the kill preference or the timer slack of a process or thread."""
        process = self._process(pid)
        thread = self.starry.threads.get(pid)
        if name == "comm":
            if thread is not None:
                thread.task.name = data.split(b"\n")[0][:15].decode("utf-8", "surrogateescape")
            return
        try:
            value = int(data.split(b"\0")[0])
        except ValueError:
            raise LinuxError(Errno.EINVAL) from None
        if name == "timerslack_ns":
            if thread is not None:
                thread.timer_slack_ns = value
        elif not -1000 <= value <= 1000:
            raise LinuxError(Errno.EINVAL)
        else:
            process.oom_score_adj = value

    def read_memory(self, pid: int, va: int, size_bytes: int) -> bytes:
        """A process's memory, short where it ends."""
        memory = UserMemory(self._process(pid))
        usable = memory.usable(va, size_bytes)
        if not usable and size_bytes:
            raise AxError(AxErrorKind.IO)
        return memory.read(va, usable)

    def write_memory(self, pid: int, va: int, data: bytes) -> int:
        """Store into a process's memory."""
        memory = UserMemory(self._process(pid))
        usable = memory.usable(va, len(data), WRITE)
        if not usable:
            raise AxError(AxErrorKind.IO)
        memory.write(va, data[:usable])
        return usable

    def link(self, pid: int, name: str) -> str:
        """Target of /proc/PID/{exe,cwd,root}."""
        process = self._process(pid)
        if name == "exe":
            return process.exe_path
        if name == "root":
            return "/"
        try:
            return process.ns.get("FS_CONTEXT").cwd_path
        except LinuxError:
            return ""  # the directory is removed

    def fds(self, pid: int) -> list[int]:
        """Open descriptors in ascending order."""
        process = self._process(pid)
        return [] if process.is_zombie else sorted(process.ns.get("FD_TABLE").objects.ids())

    def fd_link(self, pid: int, fd: int) -> tuple[str, VfsNodeOps | None]:
        """What /proc/PID/fd/FD shows, and the node that opening it opens."""
        file = self._process(pid).ns.get("FD_TABLE").get_any(fd)
        return file.path, AnonNode(file.file, file.path) if file.node is None else file.node

    def fd_perm(self, pid: int, fd: int) -> int:
        """Permission bits of /proc/PID/fd/FD (fs/proc/fd.c `tid_fd_update_inode`)."""
        flags = self._process(pid).ns.get("FD_TABLE").get_any(fd).flags
        if flags & O_PATH:
            return 0
        mode = flags & O_ACCMODE
        return (0 if mode == O_WRONLY else 0o500) | (0 if mode == O_RDONLY else 0o300)

    def system_text(self, name: str) -> bytes:
        """Contents of /proc/NAME."""
        return SYSTEM_TEXTS[name](self.starry)
