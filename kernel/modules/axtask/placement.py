"""Which CPU a task goes to: when it is new, when it wakes, when it must move, when a CPU idles.

Source: ArceOS modules/axtask/src/run_queue.rs (`select_run_queue`: round robin for every spawn and
every wake-up). Differs: an idle CPU is preferred, a woken task stays on the CPU it ran on last if
that idles or no other does, and a CPU about to idle pulls a ready task from the longest queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind

if TYPE_CHECKING:
    from kernel.modules.axtask.api import AxTask
    from kernel.modules.axtask.run_queue import AxRunQueue
    from kernel.modules.axtask.task import TaskInner


def _is_free(queue: AxRunQueue) -> bool:
    """Whether the CPU idles and nothing has been queued for it."""
    current = queue.current
    return current is not None and current.is_idle and not current.need_resched


def _free_queue(tasks: AxTask, cpumask: int) -> AxRunQueue | None:
    for queue in tasks.queues:
        if cpumask >> queue.cpu_id & 1 and _is_free(queue):
            return queue
    return None


def round_robin(tasks: AxTask, cpumask: int) -> AxRunQueue:
    """ArceOS's placement: the next CPU of the mask."""
    for _ in tasks.queues:
        queue = tasks.queues[tasks.next_queue]
        tasks.next_queue = (tasks.next_queue + 1) % len(tasks.queues)
        if cpumask >> queue.cpu_id & 1:
            return queue
    raise KernelPanic("a task may run on no CPU")


def select_new(tasks: AxTask, task: TaskInner) -> AxRunQueue:
    """The run queue of a new task, or of one that may not stay where it is."""
    if tasks.shared is None:
        free = _free_queue(tasks, task.cpumask)
        if free is not None:
            return free
    return round_robin(tasks, task.cpumask)


def queue_woken(tasks: AxTask, task: TaskInner) -> AxRunQueue:
    """Put a woken task into a run queue: that of its last CPU, or of one that idles."""
    last = tasks.queues[task.cpu_id]
    target = last
    may_stay = bool(task.cpumask >> last.cpu_id & 1)
    if not may_stay:
        target = select_new(tasks, task)
    elif tasks.shared is None and not _is_free(last):
        target = _free_queue(tasks, task.cpumask) or last
    if target is last or tasks.shared is not None:
        target.put_prev(task, preempt=False)
    else:
        move(tasks, task, target)
    return target


def move(tasks: AxTask, task: TaskInner, target: AxRunQueue) -> None:
    """Queue a task that is in no queue on another CPU."""
    source = task.cpu_id
    tasks.events.emit(EventKind.TASK_MIGRATE, task.tid, source, target.cpu_id)
    target.add_task(task)


def requeue(tasks: AxTask, task: TaskInner) -> None:
    """A ready task's CPUs have changed: put it where it may run."""
    target = tasks.queues[task.cpu_id]
    if not task.cpumask >> task.cpu_id & 1:
        target = select_new(tasks, task)
    if target.cpu_id == task.cpu_id:
        target.put_prev(task, preempt=False)
    else:
        move(tasks, task, target)
    tasks.after_queued(target, task)


def pull(tasks: AxTask, queue: AxRunQueue) -> int:
    """A CPU would idle: take a task over from the longest queue; its id, or 0."""
    if tasks.shared is not None or len(tasks.queues) == 1:
        return 0
    longest: AxRunQueue | None = None
    most = 0
    for other in tasks.queues:
        current = other.current
        if other is queue or current is None or current.is_idle:
            continue
        length = len(other.scheduler.queue())
        if length > most:
            longest, most = other, length
    if longest is None:
        return 0
    for entity in longest.scheduler.queue():
        task = tasks.tasks[entity.tid]
        if task.cpumask >> queue.cpu_id & 1 and longest.remove(task):
            ready_ns = task.ready_ns
            move(tasks, task, queue)
            task.ready_ns = ready_ns
            return queue.pick_tid()
    return 0
