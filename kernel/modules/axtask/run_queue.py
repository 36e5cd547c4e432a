"""One CPU's run queue: a scheduler and the task that runs.

Source: ArceOS modules/axtask/src/run_queue.rs (`AxRunQueue`).
"""

from __future__ import annotations

from typing import Any

from kernel.crates.event import EventKind, EventLog
from kernel.crates.scheduler import BaseScheduler
from kernel.machine.cpu import NEVER_NS
from kernel.modules.axtask.task import TaskInner, TaskState


class AxRunQueue:
    """Ready tasks of one CPU, plus its idle and gc tasks and the tasks that exited on it.

    Attributes:
        ipi_ns: When an interrupt from another CPU is to arrive; `NEVER_NS` if none.
    """

    __slots__ = ("cpu_id", "current", "events", "exited", "gc", "idle", "ipi_ns", "scheduler")

    def __init__(self, cpu_id: int, scheduler: BaseScheduler[Any], events: EventLog) -> None:
        self.cpu_id = cpu_id
        self.scheduler = scheduler
        self.events = events
        self.idle: TaskInner | None = None
        self.gc: TaskInner | None = None
        self.ipi_ns = NEVER_NS
        self.current: TaskInner | None = None
        self.exited: list[TaskInner] = []

    def add_task(self, task: TaskInner) -> None:
        """Queue a new or woken task; it is Ready."""
        assert task.state == TaskState.READY
        task.cpu_id = self.cpu_id
        task.ready_ns = self.events.time_ns
        self.scheduler.add_task(task.sched)
        self._pushed(task)

    def put_prev(self, task: TaskInner, *, preempt: bool) -> None:
        """Queue a task that ran or was woken, keeping its place in time."""
        task.cpu_id = self.cpu_id
        task.ready_ns = self.events.time_ns
        self.scheduler.put_prev_task(task.sched, preempt=preempt)
        self._pushed(task)

    def _pushed(self, task: TaskInner) -> None:
        key = self.scheduler.key(task.sched)
        self.events.emit(EventKind.QUEUE_PUSH, self.cpu_id, task.tid, key)

    def remove(self, task: TaskInner) -> bool:
        """Take a ready task out of the queue; whether it was in it."""
        if not self.scheduler.remove_task(task.sched):
            return False
        key = self.scheduler.key(task.sched)
        self.events.emit(EventKind.QUEUE_POP, self.cpu_id, task.tid, key)
        return True

    def pick_tid(self) -> int:
        """Take the next task's id out of the queue; 0 if it is empty."""
        entity = self.scheduler.pick_next_task()
        if entity is None:
            return 0
        key = self.scheduler.key(entity)
        self.events.emit(EventKind.QUEUE_POP, self.cpu_id, entity.tid, key)
        return entity.tid
