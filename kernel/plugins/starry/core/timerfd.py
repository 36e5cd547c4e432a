"""timerfd_create(2): a timer to read. Source: Linux fs/timerfd.c."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import VfsNodeAttr, VfsNodeType
from kernel.plugins.starry.core.alarm import Alarm
from kernel.plugins.starry.core.file import POLLIN, FileLike, WouldBlock

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.thread import Thread


class TimerFd(FileLike):
    """The timer.

    Attributes:
        count: Expirations not read yet, as far as they have been counted.
    """

    __slots__ = ("alarm", "attr", "count", "queue")
    kind = "timerfd"
    ignores_seek = True

    def __init__(self, t: Thread, ino: int, clock: int) -> None:
        self.alarm = Alarm(t, clock, self)
        self.count = 0
        self.attr = VfsNodeAttr(ino, VfsNodeType.FILE, 0o600)
        self.queue: WaitQueue = t.kernel.tasks.wait_queue(f"timerfd:[{ino}]")

    def alarm_due(self) -> None:
        """Wake readers. The next period is armed when this one is read."""
        self.count += self.alarm.expirations()
        self.queue.notify_all("timerfd")

    def set(self, value_ns: int, interval_ns: int, *, absolute: bool) -> None:
        """Arm or disarm; unread expirations are forgotten."""
        self.alarm.set(value_ns, interval_ns, absolute=absolute)
        self.count = 0

    def read(self, t: Thread, size_bytes: int) -> bytes:
        if size_bytes < 8:
            raise LinuxError(Errno.EINVAL)
        self.count += self.alarm.expirations()
        if not self.count:
            raise WouldBlock
        taken, self.count = self.count, 0
        due = self.alarm.due_ns
        self.alarm.disarm()
        if due:
            self.alarm.due_ns = due
            self.alarm.arm()
        return taken.to_bytes(8, "little")

    def get_attr(self) -> VfsNodeAttr:
        return self.attr

    def poll(self) -> int:
        alarm = self.alarm
        is_due = self.count or (alarm.due_ns and alarm.due_ns <= alarm.clock_ns())
        return POLLIN if is_due else 0

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        return (self.queue,)

    def close(self) -> None:
        self.alarm.delete()
        self.alarm.starry.kernel.tasks.drop_wait_queue(self.queue)
