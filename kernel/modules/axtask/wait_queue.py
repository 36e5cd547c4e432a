"""Wait queues: tasks blocked until somebody notifies them.

Source: ArceOS modules/axtask/src/wait_queue.rs.
Differs: a task may wait in several queues at once (poll); leaving one by any way leaves all.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel.modules.axtask.api import AxTask


class WaitQueue:
    """First-come-first-served queue of blocked tasks.

    Attributes:
        noticed: Event count when it was last notified; epoll tells edges and their order by it.
        transient: It is forgotten when its last waiter leaves.
    """

    __slots__ = ("name", "noticed", "queue", "tasks", "transient")

    def __init__(self, tasks: AxTask, name: str) -> None:
        self.tasks = tasks
        self.name = name
        self.transient = False
        self.noticed = 0
        self.queue: deque[int] = deque()

    @property
    def waiters(self) -> tuple[int, ...]:
        """Task ids, first come first."""
        return tuple(self.queue)

    def notify_one(self, by: str = "") -> bool:
        """Wake the first waiter; False if there is none."""
        self.noticed = self.tasks.events.count
        if not self.queue:
            return False
        return self.tasks.wake(self.queue[0], by or self.name)

    def notify_all(self, by: str = "") -> int:
        """Wake all waiters; how many."""
        self.noticed = self.tasks.events.count
        woken = 0
        while self.queue:
            self.tasks.wake(self.queue[0], by or self.name)
            woken += 1
        return woken

    def notify_task(self, tid: int, by: str = "") -> bool:
        """Wake one certain waiter; False if it does not wait here."""
        if tid not in self.queue:
            return False
        return self.tasks.wake(tid, by or self.name)
