"""First in, first out, cooperative. Source: arceos-org/scheduler, src/fifo.rs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from kernel.crates.scheduler import Policy


@dataclass(slots=True)
class FifoTask:
    """A task in a FIFO queue: nothing but its identity."""

    tid: int


class FifoScheduler:
    """Runs each task until it blocks, yields or exits; ticks never preempt."""

    __slots__ = ("ready",)
    name = "FIFO"
    first_because = "it has waited longest"
    rule = "no task is preempted: each runs until it waits or ends"
    has_priorities = False

    def __init__(self) -> None:
        self.ready: deque[FifoTask] = deque()

    def entity(self, tid: int) -> FifoTask:
        return FifoTask(tid)

    def add_task(self, entity: FifoTask) -> None:
        self.ready.append(entity)

    def remove_task(self, entity: FifoTask) -> bool:
        if entity not in self.ready:
            return False
        self.ready.remove(entity)
        return True

    def pick_next_task(self) -> FifoTask | None:
        return self.ready.popleft() if self.ready else None

    def put_prev_task(self, prev: FifoTask, *, preempt: bool) -> None:
        self.ready.append(prev)

    def task_tick(self, current: FifoTask) -> bool:
        return False

    def preempts(self, current: FifoTask, woken: FifoTask) -> bool:
        return False

    def set_priority(self, entity: FifoTask, priority: int) -> bool:
        return False

    def queue(self) -> tuple[FifoTask, ...]:
        return tuple(self.ready)

    def key(self, entity: FifoTask) -> str:
        return f"place {self.ready.index(entity) + 1}" if entity in self.ready else "running"

    def facts(self) -> tuple[str, ...]:
        return ()


POLICIES = (Policy("fifo", lambda _seed, cpus: [FifoScheduler() for _ in range(cpus)]),)
