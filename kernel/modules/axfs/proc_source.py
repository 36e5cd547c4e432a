"""What /proc asks of the kernel form: declared here, implemented above (`RootDirectory.proc`)."""

from __future__ import annotations

from typing import Protocol

from kernel.crates.vfs import VfsNodeOps


class ProcSource(Protocol):
    """Texts and links of the processes. Everything is made when it is asked for."""

    def pids(self) -> list[int]:
        """Process ids in ascending order."""
        ...

    def current_pid(self) -> int:
        """The process that looks (for /proc/self); 0 outside of any."""
        ...

    def tids(self, pid: int) -> list[int]:
        """Threads of a process in ascending order."""
        ...

    def text(self, pid: int, name: str) -> bytes:
        """Contents of /proc/PID/NAME, one of `procfs.PID_FILES` or fdinfo/FD; also of a thread."""
        ...

    def write(self, pid: int, name: str, data: bytes) -> None:
        """Change what /proc/PID/NAME says, one of `procfs`'s writable files."""
        ...

    def read_memory(self, pid: int, va: int, size_bytes: int) -> bytes:
        """A process's memory, short where it ends; AxError IO if there is none at `va`."""
        ...

    def write_memory(self, pid: int, va: int, data: bytes) -> int:
        """Store into a process's memory; how much of it; AxError IO if there is none at `va`."""
        ...

    def link(self, pid: int, name: str) -> str:
        """Target of /proc/PID/{exe,cwd,root}; "" if there is none."""
        ...

    def fds(self, pid: int) -> list[int]:
        """Open descriptors in ascending order."""
        ...

    def fd_link(self, pid: int, fd: int) -> tuple[str, VfsNodeOps | None]:
        """What /proc/PID/fd/FD shows, and the node that opening it opens."""
        ...

    def fd_perm(self, pid: int, fd: int) -> int:
        """Permission bits of the link /proc/PID/fd/FD: how the file was opened."""
        ...

    def system_text(self, name: str) -> bytes:
        """Contents of /proc/NAME, one of `procfs.SYSTEM_FILES`."""
        ...
