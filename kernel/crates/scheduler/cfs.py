"""Completely fair scheduling over virtual run time, in ticks.

Source: arceos-org/scheduler, src/cfs.rs; weights are Linux's `sched_prio_to_weight`.
Differs: `min_vruntime` is refreshed on every change. ArceOS refreshes it only in `add_task`, so
that tasks spawned later start far behind; `stale_min=True` shows that.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from kernel.crates.scheduler import Policy

NICE_0_WEIGHT = 1024
_POSITIVE = (
    1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
    110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
)  # fmt: skip
_NEGATIVE = (
    1277, 1586, 1991, 2501, 3121, 3906, 4904, 6100, 7620, 9548,
    11916, 14949, 18705, 23254, 29154, 36291, 46273, 56483, 71755, 88761,
)  # fmt: skip


def weight(nice: int) -> int:
    """The load weight of a nice value, -20 to 19."""
    return _POSITIVE[nice] if nice >= 0 else _NEGATIVE[-nice - 1]


@dataclass(slots=True)
class CFSTask:
    """A task's place in virtual time. `delta` counts ticks run since `init_vruntime`."""

    tid: int
    init_vruntime: int = 0
    delta: int = 0
    nice: int = 0
    order: int = 0

    @property
    def vruntime(self) -> int:
        """Virtual run time: ticks, scaled by the weight."""
        return self.init_vruntime + self.delta * NICE_0_WEIGHT // weight(self.nice)


class CFScheduler:
    """Always runs the task with the least virtual run time."""

    __slots__ = ("min_vruntime", "name", "next_order", "ready", "stale_min")
    first_because = "it has run least"
    rule = "a tick or a wake-up preempts a task that has run more"
    has_priorities = True

    def __init__(self, *, stale_min: bool = False) -> None:
        self.ready: list[tuple[int, int, CFSTask]] = []  # sorted by (vruntime, order)
        self.min_vruntime = 0
        self.next_order = 0
        self.stale_min = stale_min
        self.name = "CFS with a stale minimum" if stale_min else "CFS"

    def entity(self, tid: int) -> CFSTask:
        return CFSTask(tid)

    def _insert(self, task: CFSTask) -> None:
        self.next_order += 1
        task.order = self.next_order
        bisect.insort(self.ready, (task.vruntime, task.order, task))

    def _refresh(self) -> None:
        if self.ready:
            self.min_vruntime = self.ready[0][0]

    def add_task(self, entity: CFSTask) -> None:
        entity.init_vruntime = self.min_vruntime
        entity.delta = 0
        self._insert(entity)
        self._refresh()

    def remove_task(self, entity: CFSTask) -> bool:
        for place, (_, order, _task) in enumerate(self.ready):
            if order == entity.order:
                del self.ready[place]
                return True
        return False

    def pick_next_task(self) -> CFSTask | None:
        if not self.ready:
            return None
        vruntime, _, task = self.ready.pop(0)
        if not self.stale_min:
            self.min_vruntime = max(self.min_vruntime, vruntime)
        return task

    def put_prev_task(self, prev: CFSTask, *, preempt: bool) -> None:
        if not self.stale_min and prev.vruntime < self.min_vruntime:
            prev.init_vruntime += self.min_vruntime - prev.vruntime  # slept: no credit for that
        self._insert(prev)

    def task_tick(self, current: CFSTask) -> bool:
        current.delta += 1
        if not self.ready:
            return False
        least = self.min_vruntime if self.stale_min else self.ready[0][0]
        return current.vruntime > least

    def preempts(self, current: CFSTask, woken: CFSTask) -> bool:
        return woken.vruntime < current.vruntime

    def set_priority(self, entity: CFSTask, priority: int) -> bool:
        if priority > 19:
            return False
        priority = max(priority, -20)  # real-time tasks get the largest weight
        entity.init_vruntime = entity.vruntime
        entity.delta = 0
        entity.nice = priority
        return True

    def queue(self) -> tuple[CFSTask, ...]:
        return tuple(task for _, _, task in self.ready)

    def key(self, entity: CFSTask) -> str:
        return f"vruntime {entity.vruntime}"

    def facts(self) -> tuple[str, ...]:
        return (f"least vruntime {self.min_vruntime}",)


POLICIES = (
    Policy("cfs", lambda _seed, cpus: [CFScheduler() for _ in range(cpus)]),
    Policy("cfs-stale", lambda _seed, cpus: [CFScheduler(stale_min=True) for _ in range(cpus)]),
)
