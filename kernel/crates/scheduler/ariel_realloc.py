"""Core reallocation: one routine assigns the best threads to the cores after every change.

The rings hold running threads as well. `rebalance` maps the N best threads to the N cores, leaving
those that run where they are; a core that has to choose only reads its slot.

Source: S002 appendix A (after ThreadX SMP); Ariel OS's paper measures it against dynamic selection.
"""

from __future__ import annotations

from kernel.crates.scheduler import Policy
from kernel.crates.scheduler.ariel import ArielThread, PriorityRings, level_of
from kernel.crates.scheduler.global_queue import cpu_queues


class ArielReallocScheduler:
    """Core reallocation.

    Attributes:
        rings: All ready threads, running ones included.
        running: What each core runs.
        assigned: What each core should run.
    """

    __slots__ = ("assigned", "rings", "running")
    name = "Ariel realloc"
    first_because = "head of the highest ring that is not empty"
    rule = "the best tasks are given to CPUs anew at every change"

    def __init__(self, cpus: int) -> None:
        self.rings = PriorityRings()
        self.running: list[ArielThread | None] = [None] * cpus
        self.assigned: list[ArielThread | None] = [None] * cpus

    def entity(self, tid: int) -> ArielThread:
        return ArielThread(tid)

    def rebalance(self) -> None:
        """Assign the best threads to the cores."""
        slots: list[ArielThread | None] = [None] * len(self.running)
        for thread in self.rings:
            if None not in slots:
                break
            cpu_id = self._core_for(thread, slots)
            if cpu_id >= 0:
                slots[cpu_id] = thread
        self.assigned = slots

    def _core_for(self, thread: ArielThread, slots: list[ArielThread | None]) -> int:
        """The free core for a thread: where it runs, one that idles, any; -1: none."""
        free = [i for i, slot in enumerate(slots) if slot is None and thread.may_run_on(i)]
        for cpu_id in free:
            if self.running[cpu_id] is thread:
                return cpu_id
        for cpu_id in free:
            if self.running[cpu_id] is None:
                return cpu_id
        return free[0] if free else -1

    def add_task(self, entity: ArielThread) -> None:
        self.rings.add(entity)
        self.rebalance()

    def remove_task(self, entity: ArielThread) -> bool:
        was_queued = self.rings.remove(entity)
        if was_queued:
            self._released(entity)
            self.rebalance()
        return was_queued

    def _released(self, entity: ArielThread) -> None:
        for cpu_id, thread in enumerate(self.running):
            if thread is entity:
                self.running[cpu_id] = None

    def pick_next_task(self, cpu_id: int) -> ArielThread | None:
        thread = self.assigned[cpu_id]
        if thread is None or any(
            other is thread for i, other in enumerate(self.running) if i != cpu_id
        ):
            return None  # it still runs elsewhere; its core gives it up first
        return thread

    def put_prev_task(self, prev: ArielThread, *, preempt: bool) -> None:
        self._released(prev)
        if prev in self.rings and not preempt:
            self.rings.remove(prev)
        self.rings.add(prev)
        self.rebalance()

    def note_running(self, cpu_id: int, entity: ArielThread | None) -> None:
        self.running[cpu_id] = entity

    def to_reschedule(self) -> tuple[int, ...]:
        pairs = enumerate(zip(self.assigned, self.running, strict=True))
        return tuple(cpu_id for cpu_id, (wanted, has) in pairs if wanted is not has)

    def task_tick(self, current: ArielThread) -> bool:
        return False

    def set_priority(self, entity: ArielThread, priority: int) -> bool:
        was_queued = self.rings.remove(entity)
        entity.prio = level_of(priority)
        if was_queued:
            self.rings.add(entity)
            self.rebalance()
        return True

    def renumber(self, entity: ArielThread, tid: int) -> None:
        self.rings.renumber(entity, tid)

    def set_affinity(self, entity: ArielThread, cpumask: int) -> None:
        entity.affinity = cpumask
        self.rebalance()

    def queue(self) -> tuple[ArielThread, ...]:
        return tuple(thread for thread in self.rings if thread not in self.running)

    def key(self, entity: ArielThread) -> str:
        return f"prio {entity.prio}"

    def facts(self) -> tuple[str, ...]:
        slots = (str(thread.tid) if thread is not None else "idle" for thread in self.assigned)
        return (f"bitcache {self.rings.bitcache:016b}", f"assigned {' '.join(slots)}")


POLICIES = (
    Policy("ariel-realloc", lambda _seed, cpus: cpu_queues(ArielReallocScheduler(cpus), cpus)),
)
