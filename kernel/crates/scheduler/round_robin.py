"""Round robin with time slices of 5 ticks. Source: arceos-org/scheduler, src/round_robin.rs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from kernel.crates.scheduler import Policy

MAX_TIME_SLICE = 5  # ticks


@dataclass(slots=True)
class RRTask:
    """A task and the ticks left of its slice."""

    tid: int
    time_slice: int = MAX_TIME_SLICE


class RRScheduler:
    """Preempts a task when its slice is used up; a preempted one keeps the rest of its slice."""

    __slots__ = ("ready",)
    name = "RR"
    first_because = "head of the ring"
    rule = "a task goes to the tail when its slice of ticks is used up"
    has_priorities = False

    def __init__(self) -> None:
        self.ready: deque[RRTask] = deque()

    def entity(self, tid: int) -> RRTask:
        return RRTask(tid)

    def add_task(self, entity: RRTask) -> None:
        self.ready.append(entity)

    def remove_task(self, entity: RRTask) -> bool:
        for queued in self.ready:
            if queued is entity:
                self.ready.remove(queued)
                return True
        return False

    def pick_next_task(self) -> RRTask | None:
        return self.ready.popleft() if self.ready else None

    def put_prev_task(self, prev: RRTask, *, preempt: bool) -> None:
        if preempt and prev.time_slice > 0:
            self.ready.appendleft(prev)
        else:
            prev.time_slice = MAX_TIME_SLICE
            self.ready.append(prev)

    def task_tick(self, current: RRTask) -> bool:
        old = current.time_slice
        current.time_slice = old - 1
        return old <= 1

    def preempts(self, current: RRTask, woken: RRTask) -> bool:
        return False

    def set_priority(self, entity: RRTask, priority: int) -> bool:
        return False

    def queue(self) -> tuple[RRTask, ...]:
        return tuple(self.ready)

    def key(self, entity: RRTask) -> str:
        return f"slice {entity.time_slice}/{MAX_TIME_SLICE}"

    def facts(self) -> tuple[str, ...]:
        return ()


POLICIES = (Policy("rr", lambda _seed, cpus: [RRScheduler() for _ in range(cpus)]),)
