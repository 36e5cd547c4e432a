"""Who keeps whom from running, in words: what a policy that does not preempt lets a program do.

Linux preempts, so a program that spins until another thread has done something ends there; under
ArceOS's FIFO (the default of its `multitask` feature) the other thread never runs.
"""

from __future__ import annotations

from kernel.inspect.system import System

#: A ready task that waits longer than this is worth a word. Policies that preempt wait far less.
NOTICE_NS = 1_000_000_000
_MOST_TASKS = 8


def starving_sentence(system: System) -> str:
    """Who has kept a CPU for a second or more while others are ready; "" if nobody has."""
    tasks = system.kernel.tasks
    for queue in tasks.queues:
        current = queue.current
        now_ns = system.board.cpus[queue.cpu_id].clock_ns
        if current is None or not current.is_user or now_ns - current.since_ns < NOTICE_NS:
            continue
        ready = [entity.tid for entity in queue.scheduler.queue()]
        long = [tid for tid in ready if now_ns - tasks.tasks[tid].ready_ns >= NOTICE_NS]
        if long:
            held = (now_ns - current.since_ns) / 1e9
            others = ", ".join(map(str, long[:_MOST_TASKS]))
            if len(long) > _MOST_TASKS:
                others += f" and {len(long) - _MOST_TASKS} more"
            return (
                f"{current.tid} ({current.name}) has kept CPU {queue.cpu_id} for {held:.1f} s of "
                f"its time while {others} {'is' if len(long) == 1 else 'are'} ready; under "
                f"{queue.scheduler.name} {queue.scheduler.rule}. If it spins until another task "
                "has done something, it needs a policy that preempts, as Linux does (cfs, rr), or "
                "another CPU"
            )
    return ""
