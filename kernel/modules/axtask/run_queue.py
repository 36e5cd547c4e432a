"""One CPU's run queue: a scheduler, the task that runs, the switch to the next, the gc task.

Source: ArceOS modules/axtask/src/run_queue.rs (`AxRunQueue`, `resched`, `switch_to`, `gc_entry`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind, EventLog
from kernel.crates.scheduler import BaseScheduler
from kernel.machine.cpu import NEVER_NS, Cpu
from kernel.modules.axtask import placement, timers
from kernel.modules.axtask.task import TaskInner, TaskState

if TYPE_CHECKING:
    from kernel.modules.axtask.api import AxTask


class AxRunQueue:
    """Ready tasks of one CPU, plus its idle and gc tasks and the tasks that exited on it.

    Attributes:
        ipi_ns: When an interrupt from another CPU is to arrive; `NEVER_NS` if none.
    """

    __slots__ = ("cpu_id", "current", "events", "exited", "gc", "idle", "ipi_ns", "scheduler")

    def __init__(self, cpu_id: int, scheduler: BaseScheduler[Any], events: EventLog) -> None:
        self.cpu_id = cpu_id
        self.scheduler = scheduler
        self.events = events
        self.idle: TaskInner | None = None
        self.gc: TaskInner | None = None
        self.ipi_ns = NEVER_NS
        self.current: TaskInner | None = None
        self.exited: list[TaskInner] = []

    def add_task(self, task: TaskInner) -> None:
        """Queue a new or woken task; it is Ready."""
        assert task.state == TaskState.READY
        task.cpu_id = self.cpu_id
        task.ready_ns = self.events.time_ns
        self.scheduler.add_task(task.sched)
        self._pushed(task)

    def put_prev(self, task: TaskInner, *, preempt: bool) -> None:
        """Queue a task that ran or was woken, keeping its place in time."""
        task.cpu_id = self.cpu_id
        task.ready_ns = self.events.time_ns
        self.scheduler.put_prev_task(task.sched, preempt=preempt)
        self._pushed(task)

    def _pushed(self, task: TaskInner) -> None:
        key = self.scheduler.key(task.sched)
        self.events.emit(EventKind.QUEUE_PUSH, self.cpu_id, task.tid, key)

    def remove(self, task: TaskInner) -> bool:
        """Take a ready task out of the queue; whether it was in it."""
        if not self.scheduler.remove_task(task.sched):
            return False
        key = self.scheduler.key(task.sched)
        self.events.emit(EventKind.QUEUE_POP, self.cpu_id, task.tid, key)
        return True

    def pick_tid(self) -> int:
        """Take the next task's id out of the queue; 0 if it is empty."""
        entity = self.scheduler.pick_next_task()
        if entity is None:
            return 0
        key = self.scheduler.key(entity)
        self.events.emit(EventKind.QUEUE_POP, self.cpu_id, entity.tid, key)
        return entity.tid


def leave_kernel(tasks: AxTask, cpu: Cpu) -> None:
    """Before user code goes on: switch tasks if the current one must or should not go on."""
    queue = tasks.queues[cpu.index]
    while True:
        current = queue.current
        assert current is not None
        if current.state == TaskState.RUNNING and not current.need_resched:
            break
        _resched(tasks, cpu, queue, current)
        current = queue.current
        if current is queue.gc:
            _run_gc(tasks, queue)
        elif current is not None and current.task_ext is not None:
            current.task_ext.resume(cpu)
    queue.ipi_ns = NEVER_NS
    timers.arm(tasks, cpu.index)


def _resched(tasks: AxTask, cpu: Cpu, queue: AxRunQueue, prev: TaskInner) -> None:
    """Pick the next task and switch to it."""
    why = "yield"
    if prev.state == TaskState.RUNNING:
        preempt = prev.need_resched and not prev.yields
        prev.need_resched = prev.yields = False
        if not prev.is_idle:
            prev.state = TaskState.READY
            why = "preempted" if preempt else why
            if prev.cpumask >> queue.cpu_id & 1:
                queue.put_prev(prev, preempt=preempt)
            else:
                why = "may not run here"
                placement.requeue(tasks, prev)
    else:
        why = prev.why or prev.state.name.lower()
        prev.need_resched = prev.yields = False
        if tasks.shared is not None:
            tasks.shared.remove_task(prev.sched)
    tid = queue.pick_tid() or placement.pull(tasks, queue)
    following = tasks.tasks[tid] if tid else queue.idle
    assert following is not None
    following.state = TaskState.RUNNING
    if tasks.shared is not None:
        tasks.shared.note_running(cpu.index, None if following.is_idle else following.sched)
        for other in tasks.shared.to_reschedule():
            if other != cpu.index:
                tasks.kick(other)
    if following is not prev:
        _switch_to(tasks, cpu, queue, prev, following, why)


def _switch_to(
    tasks: AxTask, cpu: Cpu, queue: AxRunQueue, prev: TaskInner, following: TaskInner, why: str
) -> None:
    """Save one context and load another (ArceOS `switch_to`)."""
    now = tasks.events.time_ns
    if prev.is_user:
        prev.cpu_time_ns += now - prev.since_ns
        if prev.state != TaskState.EXITED:
            cpu.engine.set(cpu.engine.arch.pc, cpu.pc)
            prev.context = cpu.engine.save()
            prev.pc = cpu.pc
    queue.current = cpu.current = following
    cpu.is_user = following.is_user
    if following.ready_ns > tasks.events.time_ns:
        tasks.events.time_ns = following.ready_ns  # another CPU made it ready, later than now
    if prev.is_idle:
        late_ns = tasks.events.time_ns - tasks.next_tick_ns[cpu.index]
        if late_ns >= 0:  # an idle CPU takes no ticks
            tasks.next_tick_ns[cpu.index] += (late_ns // tasks.tick_ns + 1) * tasks.tick_ns
    tasks.events.emit(EventKind.TASK_SWITCH, prev.tid, following.tid, why)
    tasks.events.tid = following.tid
    following.switches += 1
    if following.is_user:
        if following.context is None:
            raise KernelPanic(f"task {following.tid} has no context to switch to")
        following.since_ns = tasks.events.time_ns
        following.cpu_id = cpu.index
        cpu.set_root(following.root_pa)
        cpu.engine.restore(following.context)
        cpu.pc = following.pc
        following.context = None


def _run_gc(tasks: AxTask, queue: AxRunQueue) -> None:
    """The gc task has the CPU: it drops exited tasks and waits for more."""
    gc = queue.gc
    assert gc is not None
    collect(tasks, queue)
    gc.why = "exited tasks"
    gc.interruptible = False
    tasks.set_state(gc, TaskState.BLOCKED, gc.why)


def collect(tasks: AxTask, queue: AxRunQueue) -> None:
    """Drop exited tasks other than the one still on the CPU."""
    keep: list[TaskInner] = []
    for task in queue.exited:
        if task is queue.current:
            keep.append(task)
            continue
        if task.kstack_pa:
            tasks.alloc.dealloc(task.kstack_pa)
            task.kstack_pa = 0
        tasks.tasks.pop(task.tid, None)
        tasks.events.emit(EventKind.TASK_DROP, task.tid)
    queue.exited = keep
