"""Random scheduling choices from a seed, to try many interleavings of one program.

Every choice a policy has is drawn: which ready task is next, whether a woken one preempts, whether
a tick does. The same seed makes the same choices.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.crates.rng import SplitMix64
from kernel.crates.scheduler import Policy


@dataclass(slots=True)
class RandomTask:
    """A task in a random queue: nothing but its identity."""

    tid: int


class RandomScheduler:
    """Picks any ready task.

    Attributes:
        rng: Where the choices come from; part of the machine.
    """

    __slots__ = ("ready", "rng")
    name = "random"
    first_because = "the seed chose it"
    rule = "every choice is drawn from --seed"
    has_priorities = False

    def __init__(self, seed: int, cpu_id: int) -> None:
        self.ready: list[RandomTask] = []
        self.rng = SplitMix64(seed * 0x1_0001 + cpu_id + 1)

    def _draw(self, below: int) -> int:
        return self.rng.next_u64() % below

    def entity(self, tid: int) -> RandomTask:
        return RandomTask(tid)

    def add_task(self, entity: RandomTask) -> None:
        self.ready.append(entity)

    def remove_task(self, entity: RandomTask) -> bool:
        for place, queued in enumerate(self.ready):
            if queued is entity:
                del self.ready[place]
                return True
        return False

    def pick_next_task(self) -> RandomTask | None:
        return self.ready.pop(self._draw(len(self.ready))) if self.ready else None

    def put_prev_task(self, prev: RandomTask, *, preempt: bool) -> None:
        self.ready.append(prev)

    def task_tick(self, current: RandomTask) -> bool:
        return bool(self.ready) and self._draw(2) == 0

    def preempts(self, current: RandomTask, woken: RandomTask) -> bool:
        return self._draw(2) == 0

    def set_priority(self, entity: RandomTask, priority: int) -> bool:
        return False

    def queue(self) -> tuple[RandomTask, ...]:
        """The queued tasks; first the one the next draw would choose as things stand."""
        if not self.ready:
            return ()
        first = SplitMix64(self.rng.state).next_u64() % len(self.ready)
        return (self.ready[first], *self.ready[:first], *self.ready[first + 1 :])

    def key(self, entity: RandomTask) -> str:
        return "any"

    def facts(self) -> tuple[str, ...]:
        return ()


POLICIES = (
    Policy("random", lambda seed, cpus: [RandomScheduler(seed, cpu) for cpu in range(cpus)]),
)
