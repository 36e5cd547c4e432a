"""Scheduling policies against small models of what they promise."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.crates.scheduler.ariel import (
    LEVELS,
    ArielScheduler,
    ArielThread,
    PriorityRings,
    level_of,
)
from kernel.crates.scheduler.ariel_realloc import ArielReallocScheduler
from kernel.crates.scheduler.cfs import CFScheduler, weight
from kernel.crates.scheduler.fifo import FifoScheduler
from kernel.crates.scheduler.random_choice import RandomScheduler
from kernel.crates.scheduler.round_robin import MAX_TIME_SLICE, RRScheduler

STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "pick", "advance"]), st.integers(1, 20)),
    max_size=80,
)


def prio_of(tid: int) -> int:
    return tid * 7 % LEVELS


@given(STEPS)
def test_priority_rings_are_lists_by_priority(steps: list[tuple[str, int]]) -> None:
    rings = PriorityRings()
    model: dict[int, deque[int]] = {prio: deque() for prio in range(LEVELS)}
    threads = {tid: ArielThread(tid, prio_of(tid)) for tid in range(1, 21)}
    for step, tid in steps:
        thread, ring = threads[tid], model[prio_of(tid)]
        if step == "add":
            rings.add(thread)
            if tid not in ring:
                ring.append(tid)
        elif step == "remove":
            assert rings.remove(thread) == (tid in ring)
            if tid in ring:
                ring.remove(tid)
        elif step == "advance":
            rings.advance(thread.prio)
            ring.rotate(-1)
        else:
            best = next(iter(rings), None)
            highest = next((r for p in reversed(range(LEVELS)) if (r := model[p])), None)
            assert (best.tid if best else None) == (highest[0] if highest else None)
            if best is not None and highest is not None:
                rings.remove(best)
                highest.popleft()
        expected = [t for p in reversed(range(LEVELS)) for t in model[p]]
        assert [thread.tid for thread in rings] == expected
        assert rings.bitcache == sum(1 << p for p in range(LEVELS) if model[p])


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["ready", "block", "nice", "affinity", "yield"]),
        st.integers(1, 8),
        st.integers(-60, 19),
    ),
    max_size=60,
)


class Cores:
    """Runs a global policy as axtask does, and checks it after every change."""

    def __init__(self, policy: ArielScheduler | ArielReallocScheduler, cpus: int) -> None:
        self.policy = policy
        self.cpus = cpus
        self.threads = {tid: policy.entity(tid) for tid in range(1, 9)}
        self.ready: set[int] = set()
        self.on: list[int] = [0] * cpus

    def choose(self, cpu: int, *, preempt: bool) -> None:
        tid = self.on[cpu]
        if tid:
            if tid in self.ready:
                self.policy.put_prev_task(self.threads[tid], preempt=preempt)
            else:
                self.policy.remove_task(self.threads[tid])
        picked = self.policy.pick_next_task(cpu)
        self.on[cpu] = picked.tid if picked else 0
        self.policy.note_running(cpu, picked)

    def settle(self) -> None:
        for _ in range(100):
            todo = self.policy.to_reschedule()
            if not todo:
                return
            for cpu in todo:
                self.choose(cpu, preempt=True)
        raise AssertionError("interrupts never end")

    def check(self) -> None:
        running = [tid for tid in self.on if tid]
        assert len(set(running)) == len(running)
        assert set(running) <= self.ready
        for cpu, tid in enumerate(self.on):
            if tid:
                assert self.threads[tid].may_run_on(cpu)
        for tid in self.ready - set(running):
            thread = self.threads[tid]
            for cpu, other in enumerate(self.on):
                if thread.may_run_on(cpu):
                    assert other, f"core {cpu} idles while {tid} waits"


@given(EVENTS, st.integers(1, 4), st.booleans())
@settings(deadline=None)
def test_global_policies_keep_cores_busy_with_what_may_run(
    events: list[tuple[str, int, int]], cpus: int, realloc: bool
) -> None:
    cores = Cores(ArielReallocScheduler(cpus) if realloc else ArielScheduler(cpus), cpus)
    pinned = False
    for event, tid, value in events:
        thread = cores.threads[tid]
        if event == "ready" and tid not in cores.ready:
            cores.ready.add(tid)
            cores.policy.put_prev_task(thread, preempt=False)
        elif event == "block" and tid in cores.on:
            cores.ready.discard(tid)
            cores.choose(cores.on.index(tid), preempt=False)
        elif event == "yield" and tid in cores.on:
            cores.choose(cores.on.index(tid), preempt=False)
        elif event == "nice":
            queued = tid in cores.ready and tid not in cores.on
            if queued:
                cores.policy.remove_task(thread)
            assert cores.policy.set_priority(thread, value)
            if queued:
                cores.policy.put_prev_task(thread, preempt=False)
        elif event == "affinity" and tid not in cores.ready:
            pinned = True
            cores.policy.set_affinity(thread, 1 << tid % cpus)
        cores.settle()
        cores.check()
        if not pinned:  # the highest-N invariant holds if every thread may run everywhere
            running = sorted((cores.threads[t].prio for t in cores.on if t), reverse=True)
            ready = sorted((cores.threads[t].prio for t in cores.ready), reverse=True)
            assert running == ready[: len(running)]


def test_priorities_map_to_levels() -> None:
    assert [level_of(nice) for nice in (19, 0, -20)] == [1, 4, 8]
    assert [level_of(-20 - real_time) for real_time in (1, 50, 99)] == [9, 12, 15]


def test_a_thread_keeps_its_place_under_another_id() -> None:
    rings = PriorityRings()
    threads = [ArielThread(tid) for tid in range(1, 6)]
    for thread in threads[:4]:
        rings.add(thread)
    for thread, tid in ((threads[1], 7), (threads[3], 8), (threads[4], 9)):
        rings.renumber(thread, tid)
    assert [thread.tid for thread in rings] == [1, 7, 3, 8]
    assert threads[4].tid == 9
    assert rings.remove(threads[3])
    rings.add(threads[4])
    assert [thread.tid for thread in rings] == [1, 7, 3, 9]


def test_fifo_never_preempts() -> None:
    queue = FifoScheduler()
    first, second = queue.entity(1), queue.entity(2)
    queue.add_task(first)
    queue.add_task(second)
    assert queue.pick_next_task() is first
    assert not any(queue.task_tick(first) for _ in range(100))
    queue.put_prev_task(first, preempt=True)
    assert queue.queue() == (second, first)


def test_round_robin_keeps_the_rest_of_a_slice_only_when_preempted() -> None:
    queue = RRScheduler()
    first, second = queue.entity(1), queue.entity(2)
    queue.add_task(first)
    queue.add_task(second)
    assert queue.pick_next_task() is first
    assert not queue.task_tick(first)
    queue.put_prev_task(first, preempt=True)
    assert queue.pick_next_task() is first
    assert first.time_slice == MAX_TIME_SLICE - 1
    assert [queue.task_tick(first) for _ in range(4)] == [False, False, False, True]
    queue.put_prev_task(first, preempt=True)
    assert queue.queue() == (second, first)
    assert first.time_slice == MAX_TIME_SLICE


@given(st.lists(st.integers(-20, 19), min_size=2, max_size=4))
def test_cfs_shares_time_by_weight(nices: list[int]) -> None:
    queue = CFScheduler()
    tasks = [queue.entity(i + 1) for i in range(len(nices))]
    for task, nice in zip(tasks, nices, strict=True):
        assert queue.set_priority(task, nice)
        queue.add_task(task)
    ran = dict.fromkeys(range(1, len(nices) + 1), 0)
    current = queue.pick_next_task()
    for _ in range(3000):
        assert current is not None
        ran[current.tid] += 1
        if queue.task_tick(current):
            queue.put_prev_task(current, preempt=True)
            current = queue.pick_next_task()
    # Virtual times stay together: nobody is ahead by more than a tick of the lightest.
    spread = [task.vruntime for task in tasks]
    lightest = min(weight(nice) for nice in nices)
    assert max(spread) - min(spread) <= 1024 // lightest + 2


def test_a_sleeper_gets_no_credit_unless_the_stale_minimum_is_shown() -> None:
    for stale in (False, True):
        queue = CFScheduler(stale_min=stale)
        worker, sleeper = queue.entity(1), queue.entity(2)
        queue.add_task(worker)
        assert queue.pick_next_task() is worker
        for _ in range(50):
            queue.task_tick(worker)
            queue.put_prev_task(worker, preempt=True)
            assert queue.pick_next_task() is worker
        queue.put_prev_task(sleeper, preempt=False)
        assert (sleeper.vruntime < 10) == stale


def test_random_choices_come_from_the_seed() -> None:
    def order(seed: int) -> list[int]:
        queue = RandomScheduler(seed, 0)
        for tid in range(1, 30):
            queue.add_task(queue.entity(tid))
        picked = (queue.pick_next_task() for _ in range(29))
        return [task.tid for task in picked if task is not None]

    assert order(1) == order(1)
    assert sorted(order(1)) == list(range(1, 30))
    assert order(1) != order(2)
