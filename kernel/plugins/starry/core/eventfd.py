"""eventfd(2): a counter to wait on.

Source: Linux fs/eventfd.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import VfsNodeAttr, VfsNodeType
from kernel.plugins.starry.core.file import POLLIN, POLLOUT, FileLike, WouldBlock

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.thread import Thread

MAX_COUNT = (1 << 64) - 2


class EventFd(FileLike):
    """The counter.

    Attributes:
        count: Its value.
        is_semaphore: Whether a read takes 1 instead of everything.
    """

    __slots__ = ("attr", "count", "is_semaphore", "kernel", "queue")
    kind = "eventfd"
    ignores_seek = True

    def __init__(self, kernel: Any, ino: int, count: int, is_semaphore: bool) -> None:
        self.kernel = kernel
        self.count = count
        self.is_semaphore = is_semaphore
        self.attr = VfsNodeAttr(ino, VfsNodeType.FILE, 0o600)
        self.queue: WaitQueue = kernel.tasks.wait_queue(f"eventfd:[{ino}]")

    def read(self, t: Thread, size_bytes: int) -> bytes:
        if size_bytes < 8:
            raise LinuxError(Errno.EINVAL)
        if not self.count:
            raise WouldBlock
        taken = 1 if self.is_semaphore else self.count
        self.count -= taken
        self.queue.notify_all()
        return taken.to_bytes(8, "little")

    def write(self, t: Thread, data: bytes) -> int:
        value = int.from_bytes(data[:8], "little")
        if len(data) < 8 or value > MAX_COUNT:
            raise LinuxError(Errno.EINVAL)
        if self.count + value > MAX_COUNT:
            raise WouldBlock
        self.count += value
        self.queue.notify_all()
        # Linux's write returns 8; what a longer buffer holds beyond is not used.
        return len(data)

    def get_attr(self) -> VfsNodeAttr:
        return self.attr

    def poll(self) -> int:
        return (POLLIN if self.count else 0) | (POLLOUT if self.count < MAX_COUNT else 0)

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        return (self.queue,)

    def close(self) -> None:
        self.kernel.tasks.drop_wait_queue(self.queue)
