"""/proc/PID/mem. Source: proc(5); Linux fs/proc/base.c (`mem_rw`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.vfs import VfsNodeType, VfsNonDir

if TYPE_CHECKING:
    from kernel.modules.axfs.procfs import ProcFs


class ProcMem(VfsNonDir):
    """/proc/PID/mem: a process's memory by address, as a debugger sees it."""

    __slots__ = ("pid", "proc")

    def __init__(self, proc: ProcFs, ino: int, pid: int) -> None:
        super().__init__(proc, proc.attr(ino, VfsNodeType.FILE, 0o600))
        self.proc = proc
        self.pid = pid

    def truncate(self, size_bytes: int) -> None:
        """O_TRUNC does nothing."""

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        return self.proc.source.get().read_memory(self.pid, offset, size_bytes)

    def write_at(self, offset: int, data: bytes) -> int:
        return self.proc.source.get().write_memory(self.pid, offset, data)
