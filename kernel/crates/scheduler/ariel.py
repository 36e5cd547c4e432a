"""Ariel OS: one priority queue for all cores, dynamic thread selection.

16 priorities, a ring of threads each. `bitcache` has a bit per ring that is not empty, `tail` the
last thread of each ring, `next_of` each queued thread's successor, so that a ring's head is
`next_of[tail]`. Running threads are not queued: each core takes the best thread it may run out of
the queue, and puts it back when it has to give way. No time slices.

Source: Ariel OS src/ariel-os-runqueue/src/runqueue.rs, src/ariel-os-threads (S002 appendix A).
Differs: threads are numbered by task id, so `next_of` is a table instead of an array of 16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kernel.crates.scheduler import Policy
from kernel.crates.scheduler.global_queue import cpu_queues

LEVELS = 16
NOBODY = 0  # no task has id 0
IDLE = -1  # below every priority
_NICE_LEVELS = 8


def level_of(priority: int) -> int:
    """The ring of a priority: nice 19 to -20 are 1 to 8 (nice 0: 4), real-time 9 to 15."""
    if priority < -20:
        return 9 + (min(-20 - priority, 99) - 1) * 7 // 99
    return 1 + (19 - min(priority, 19)) * _NICE_LEVELS // 40


@dataclass(slots=True)
class ArielThread:
    """A thread: its priority level and the cores it may run on (bit each; 0: any)."""

    tid: int
    prio: int = 4
    affinity: int = 0

    def may_run_on(self, cpu_id: int) -> bool:
        """Whether its affinity allows a core."""
        return not self.affinity or bool(self.affinity >> cpu_id & 1)


class PriorityRings:
    """The queue: a bit cache and a circular list per priority."""

    __slots__ = ("bitcache", "next_of", "tail", "threads")

    def __init__(self) -> None:
        self.bitcache = 0
        self.tail: list[int] = [NOBODY] * LEVELS
        self.next_of: dict[int, int] = {}
        self.threads: dict[int, ArielThread] = {}

    def __contains__(self, thread: ArielThread) -> bool:
        return thread.tid in self.next_of

    def add(self, thread: ArielThread) -> None:
        """Put a thread at its ring's end; one that is queued stays where it is."""
        tid, prio = thread.tid, thread.prio
        if tid in self.next_of:
            return
        tail = self.tail[prio]
        if tail == NOBODY:
            self.next_of[tid] = tid
            self.bitcache |= 1 << prio
        else:
            self.next_of[tid] = self.next_of[tail]
            self.next_of[tail] = tid
        self.tail[prio] = tid
        self.threads[tid] = thread

    def remove(self, thread: ArielThread) -> bool:
        """Take a thread out; whether it was queued."""
        tid, prio = thread.tid, thread.prio
        following = self.next_of.get(tid)
        if following is None:
            return False
        before = self.tail[prio]
        while self.next_of[before] != tid:
            before = self.next_of[before]
        if before == tid:
            self.tail[prio] = NOBODY
            self.bitcache &= ~(1 << prio)
        else:
            self.next_of[before] = following
            if self.tail[prio] == tid:
                self.tail[prio] = before
        del self.next_of[tid], self.threads[tid]
        return True

    def renumber(self, thread: ArielThread, tid: int) -> None:
        """Give a thread another id; it keeps its place."""
        old, thread.tid = thread.tid, tid
        if old not in self.next_of:
            return
        self.next_of = {
            tid if one == old else one: tid if following == old else following
            for one, following in self.next_of.items()
        }
        self.threads = {thread.tid: thread for thread in self.threads.values()}
        if self.tail[thread.prio] == old:
            self.tail[thread.prio] = tid

    def advance(self, prio: int) -> None:
        """Make the ring's head its tail."""
        if self.tail[prio] != NOBODY:
            self.tail[prio] = self.next_of[self.tail[prio]]

    def __iter__(self) -> Iterator[ArielThread]:
        """All queued threads, best first."""
        bits = self.bitcache
        while bits:
            prio = bits.bit_length() - 1
            bits ^= 1 << prio
            tid = first = self.next_of[self.tail[prio]]
            while True:
                yield self.threads[tid]
                tid = self.next_of[tid]
                if tid == first:
                    break


class ArielScheduler:
    """Dynamic thread selection.

    Attributes:
        rings: Threads that are ready and not running.
        running: What each core runs.
    """

    __slots__ = ("rings", "running")
    name = "Ariel"
    first_because = "head of the highest ring that is not empty"
    rule = "one queue for all CPUs: each runs the best task it may"

    def __init__(self, cpus: int) -> None:
        self.rings = PriorityRings()
        self.running: list[ArielThread | None] = [None] * cpus

    def entity(self, tid: int) -> ArielThread:
        return ArielThread(tid)

    def add_task(self, entity: ArielThread) -> None:
        self.rings.add(entity)

    def remove_task(self, entity: ArielThread) -> bool:
        return self.rings.remove(entity)

    def pick_next_task(self, cpu_id: int) -> ArielThread | None:
        for thread in self.rings:
            if thread.may_run_on(cpu_id):
                self.rings.remove(thread)
                return thread
        return None

    def put_prev_task(self, prev: ArielThread, *, preempt: bool) -> None:
        for cpu_id, thread in enumerate(self.running):
            if thread is prev:
                self.running[cpu_id] = None
        self.rings.add(prev)

    def note_running(self, cpu_id: int, entity: ArielThread | None) -> None:
        self.running[cpu_id] = entity

    def to_reschedule(self) -> tuple[int, ...]:
        """For each queued thread, best first: the core with the lowest priority it may take."""
        levels = [thread.prio if thread else IDLE for thread in self.running]
        chosen: list[int] = []
        for thread in self.rings:
            best, lowest = -1, thread.prio
            for cpu_id, level in enumerate(levels):
                if level < lowest and thread.may_run_on(cpu_id):
                    best, lowest = cpu_id, level
            if best >= 0:
                levels[best] = thread.prio
                chosen.append(best)
        return tuple(sorted(set(chosen)))

    def task_tick(self, current: ArielThread) -> bool:
        return False

    def set_priority(self, entity: ArielThread, priority: int) -> bool:
        entity.prio = level_of(priority)
        return True

    def renumber(self, entity: ArielThread, tid: int) -> None:
        self.rings.renumber(entity, tid)

    def set_affinity(self, entity: ArielThread, cpumask: int) -> None:
        entity.affinity = cpumask

    def queue(self) -> tuple[ArielThread, ...]:
        return tuple(self.rings)

    def key(self, entity: ArielThread) -> str:
        return f"prio {entity.prio}"

    def facts(self) -> tuple[str, ...]:
        return (f"bitcache {self.rings.bitcache:016b}",)


POLICIES = (Policy("ariel", lambda _seed, cpus: cpu_queues(ArielScheduler(cpus), cpus)),)
