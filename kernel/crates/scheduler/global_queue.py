"""How a CPU's run queue reaches a policy that has one queue for all CPUs."""

from __future__ import annotations

from typing import Any

from kernel.crates.scheduler import BaseScheduler, GlobalScheduler


class CpuQueue:
    """One CPU's view of a shared policy; a `BaseScheduler`.

    Attributes:
        shared: The policy; the same object for all CPUs.
    """

    __slots__ = ("cpu_id", "first_because", "name", "rule", "shared")
    has_priorities = True

    def __init__(self, shared: GlobalScheduler[Any], cpu_id: int) -> None:
        self.shared = shared
        self.cpu_id = cpu_id
        self.name = shared.name
        self.first_because = shared.first_because
        self.rule = shared.rule

    def entity(self, tid: int) -> Any:
        return self.shared.entity(tid)

    def add_task(self, entity: Any) -> None:
        self.shared.add_task(entity)

    def remove_task(self, entity: Any) -> bool:
        return self.shared.remove_task(entity)

    def pick_next_task(self) -> Any | None:
        return self.shared.pick_next_task(self.cpu_id)

    def put_prev_task(self, prev: Any, *, preempt: bool) -> None:
        self.shared.put_prev_task(prev, preempt=preempt)

    def task_tick(self, current: Any) -> bool:
        return self.shared.task_tick(current)

    def preempts(self, current: Any, woken: Any) -> bool:
        return False  # the policy itself says which CPUs have to choose anew

    def set_priority(self, entity: Any, priority: int) -> bool:
        return self.shared.set_priority(entity, priority)

    def queue(self) -> tuple[Any, ...]:
        return self.shared.queue()

    def key(self, entity: Any) -> str:
        return self.shared.key(entity)

    def facts(self) -> tuple[str, ...]:
        return self.shared.facts()


def cpu_queues(shared: GlobalScheduler[Any], cpus: int) -> list[BaseScheduler[Any]]:
    """The run queue of every CPU over one policy."""
    return [CpuQueue(shared, cpu_id) for cpu_id in range(cpus)]
