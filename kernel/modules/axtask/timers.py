"""Per-CPU timers: what is due when, and the timer interrupt that serves it.

Source: ArceOS modules/axtask/src/timers.rs (`check_events`) and the timer_list crate: a binary heap
with lazy cancellation by ticket; `on_timer_tick` of api.rs.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from kernel.machine.cpu import NEVER_NS, Cpu
from kernel.modules.axtask.task import WaitOutcome

if TYPE_CHECKING:
    from kernel.modules.axtask.api import AxTask


class TimerList:
    """Deadlines of one CPU, each with a ticket and the task id or timer it belongs to."""

    __slots__ = ("heap", "next_ticket")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, str, int]] = []  # (deadline ns, ticket, kind, id)
        self.next_ticket = 1

    def set(self, deadline_ns: int, kind: str, ident: int) -> int:
        """Add a timer; its ticket."""
        ticket = self.next_ticket
        self.next_ticket += 1
        heapq.heappush(self.heap, (deadline_ns, ticket, kind, ident))
        return ticket

    def cancel(self, ticket: int) -> None:
        """Remove the timer with `ticket`, if it is still there."""
        kept = [entry for entry in self.heap if entry[1] != ticket]
        if len(kept) != len(self.heap):
            heapq.heapify(kept)
            self.heap = kept

    def next_deadline_ns(self) -> int:
        """The earliest deadline; `NEVER_NS` if none."""
        return self.heap[0][0] if self.heap else NEVER_NS

    def expire_one(self, now_ns: int) -> tuple[int, int, str, int] | None:
        """Take out the earliest timer if it is due."""
        if self.heap and self.heap[0][0] <= now_ns:
            return heapq.heappop(self.heap)
        return None


def arm(tasks: AxTask, cpu_id: int) -> None:
    """Program the CPU's one-shot timer: the next alarm, or the next tick while it is busy."""
    cpu = tasks.board.cpus[cpu_id]
    deadline = tasks.timers[cpu_id].next_deadline_ns()
    if cpu.is_user and tasks.next_tick_ns[cpu_id] < deadline:
        deadline = tasks.next_tick_ns[cpu_id]
    tasks.hal.set_oneshot_timer(cpu_id, min(deadline, tasks.queues[cpu_id].ipi_ns))


def check_events(tasks: AxTask, cpu: Cpu) -> list[tuple[str, int]]:
    """The timer interrupt: wake sleepers, account the tick.

    Returns:
        Expired timers that belong to a plugin, (kind, ident), in order.
    """
    now = tasks.events.time_ns
    tasks.queues[cpu.index].ipi_ns = NEVER_NS
    others: list[tuple[str, int]] = []
    due_here = tasks.timers[cpu.index]
    while (due := due_here.expire_one(now)) is not None:
        _, ticket, kind, ident = due
        if kind == "wake":
            task = tasks.tasks.get(ident)
            if task is not None and task.ticket == ticket:
                task.ticket = 0
                tasks.wake(ident, "timeout", WaitOutcome.TIMEOUT)
        else:
            others.append((kind, ident))
    if now >= tasks.next_tick_ns[cpu.index]:
        _tick(tasks, cpu, now)
    arm(tasks, cpu.index)
    return others


def _tick(tasks: AxTask, cpu: Cpu, now_ns: int) -> None:
    """A tick is due: the policy accounts it, and may want another task to run."""
    missed = (now_ns - tasks.next_tick_ns[cpu.index]) // tasks.tick_ns + 1
    tasks.next_tick_ns[cpu.index] += missed * tasks.tick_ns
    queue = tasks.queues[cpu.index]
    current = queue.current
    if current is not None and not current.is_idle:
        current.need_resched |= queue.scheduler.task_tick(current.sched)
