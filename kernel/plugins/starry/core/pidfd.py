"""Process descriptors: pidfd_open(2), CLONE_PIDFD. Readable once the process has ended.

Source: Linux kernel/pid.c, fs/pidfs.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.vfs import VfsNodeAttr, VfsNodeType
from kernel.plugins.starry.core.file import POLLHUP, READABLE, FileLike

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.process import Process


class PidFd(FileLike):
    """Refers to a process, also after it was reaped.

    Attributes:
        process: The process.
    """

    __slots__ = ("process",)
    kind = "pidfd"

    def __init__(self, process: Process) -> None:
        self.process = process

    def get_attr(self) -> VfsNodeAttr:
        return VfsNodeAttr(self.process.pid, VfsNodeType.FILE, 0o600)

    def poll(self) -> int:
        if not self.process.is_zombie:
            return 0
        return READABLE if self.is_known else READABLE | POLLHUP

    @property
    def is_known(self) -> bool:
        """Whether nobody has waited for the process yet."""
        process = self.process
        return process.starry.processes.get(process.pid) is process

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        if self.process.is_zombie:
            return ()
        return (self.process.starry.kernel.tasks.wait_queue(f"pidfd {self.process.pid}"),)
