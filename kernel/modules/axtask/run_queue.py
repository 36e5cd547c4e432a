"""One CPU's run queue: a scheduler and the task that runs.

Source: ArceOS modules/axtask/src/run_queue.rs (`AxRunQueue`).
"""

from __future__ import annotations

from typing import Any

from kernel.crates.event import EventKind, EventLog
from kernel.crates.scheduler import BaseScheduler
from kernel.modules.axtask.task import TaskInner, TaskState


class AxRunQueue:
    """Ready tasks of one CPU, plus its idle task and the tasks that exited on it."""

    __slots__ = ("cpu_id", "current", "events", "exited", "idle", "scheduler")

    def __init__(self, cpu_id: int, scheduler: BaseScheduler[Any], events: EventLog) -> None:
        self.cpu_id = cpu_id
        self.scheduler = scheduler
        self.events = events
        self.idle: TaskInner | None = None
        self.current: TaskInner | None = None
        self.exited: list[TaskInner] = []

    def add_task(self, task: TaskInner) -> None:
        """Queue a new or woken task; it is Ready."""
        assert task.state == TaskState.READY
        task.cpu_id = self.cpu_id
        self.scheduler.add_task(task.sched)
        self._pushed(task)

    def put_prev(self, task: TaskInner, *, preempt: bool) -> None:
        """Queue a task that ran or was woken, keeping its place in time."""
        task.cpu_id = self.cpu_id
        self.scheduler.put_prev_task(task.sched, preempt=preempt)
        self._pushed(task)

    def _pushed(self, task: TaskInner) -> None:
        key = self.scheduler.key(task.sched)
        self.events.emit(EventKind.QUEUE_PUSH, self.cpu_id, task.tid, key)

    def pick_tid(self) -> int:
        """Take the next task's id out of the queue; 0 if it is empty."""
        entity = self.scheduler.pick_next_task()
        if entity is None:
            return 0
        key = self.scheduler.key(entity)
        self.events.emit(EventKind.QUEUE_POP, self.cpu_id, entity.tid, key)
        return entity.tid
