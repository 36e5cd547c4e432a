"""The public face of axtask: spawn, block, wake, yield, exit, priorities and CPU masks.

Source: ArceOS modules/axtask/src/api.rs; S000 3.1.2.
Differs: blocking does not suspend a Python frame. A task records what it waits for; when it gets
the CPU again its `TaskExt.resume` is called and enters the waiting operation anew. The switch
stands in run_queue.py, the timer interrupt in timers.py, where tasks go in placement.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind, EventLog
from kernel.crates.scheduler import BaseScheduler, GlobalScheduler
from kernel.machine.board import Board
from kernel.machine.cpu import NEVER_NS, Cpu
from kernel.modules.axalloc.global_allocator import GlobalAllocator
from kernel.modules.axhal.platform import TimeIf
from kernel.modules.axtask import placement, run_queue, timers
from kernel.modules.axtask.run_queue import AxRunQueue
from kernel.modules.axtask.task import TaskInner, TaskState, WaitOutcome
from kernel.modules.axtask.timers import TimerList
from kernel.modules.axtask.wait_queue import WaitQueue

IDLE_STACK_BYTES = 0x1000


class AxTask:
    """All tasks and run queues of one machine.

    Attributes:
        tasks: Every task not yet dropped, by tid.
        next_tid, chosen_tids: The next number; those once chosen, which it leaves out.
        queues: Run queue per CPU.
        timers: Timer list per CPU.
        shared: The one policy behind all run queues, or None if each has its own.
    """

    def __init__(
        self,
        board: Board,
        events: EventLog,
        alloc: GlobalAllocator,
        schedulers: list[BaseScheduler[Any]],
        kernel_stack_bytes: int,
        tick_ns: int,
        hal: TimeIf,
    ) -> None:
        self.board = board
        self.events = events
        self.alloc = alloc
        self.kernel_stack_bytes = kernel_stack_bytes
        self.tick_ns = tick_ns
        self.hal = hal
        self.tasks: dict[int, TaskInner] = {}
        self.next_tid = 1
        self.chosen_tids: tuple[int, ...] = ()
        self.next_queue = 0
        self.queues = [AxRunQueue(i, s, events) for i, s in enumerate(schedulers)]
        self.shared: GlobalScheduler[Any] | None = getattr(schedulers[0], "shared", None)
        self.timers = [TimerList() for _ in schedulers]
        self.next_tick_ns = [tick_ns for _ in schedulers]
        self.wait_queues: dict[str, WaitQueue] = {}
        self.full_mask = (1 << len(schedulers)) - 1

    # -- making tasks ---------------------------------------------------------------------------

    def init_scheduler(self) -> None:
        """Create idle tasks, and the main task on CPU 0 (boot's flow of control)."""
        for queue in self.queues:
            idle = self.new_task("idle", IDLE_STACK_BYTES, cpumask=1 << queue.cpu_id)
            idle.is_idle = True
            idle.cpu_id = queue.cpu_id
            idle.state = TaskState.RUNNING
            queue.idle = queue.current = idle
            self.board.cpus[queue.cpu_id].current = idle
        main = self.new_task("main", 0)
        main.is_init = True
        main.state = TaskState.BLOCKED
        main.why = "the program to end"
        for queue in self.queues:
            gc = self.new_task("gc", self.kernel_stack_bytes, cpumask=1 << queue.cpu_id)
            gc.cpu_id = queue.cpu_id
            gc.state = TaskState.BLOCKED
            gc.why = "exited tasks"
            gc.interruptible = False
            queue.gc = gc

    def new_task(self, name: str, stack_bytes: int, cpumask: int = 0, tid: int = 0) -> TaskInner:
        """Make a task with a kernel stack of `stack_bytes` (0: none); it is in no queue yet.

        `tid` chooses its number, which must be free; 0: the next one.

        Raises:
            AxError: NO_MEMORY for the stack.
        """
        stack_pa = self.alloc.alloc(stack_bytes, 16, "kernel stack") if stack_bytes else 0
        if tid:
            self.chosen_tids += (tid,)
        else:
            tid = self._next_id()
        entity = self.queues[0].scheduler.entity(tid)
        task = TaskInner(tid, name, entity, cpumask or self.full_mask)
        task.kstack_pa = stack_pa
        task.kstack_bytes = stack_bytes
        if self.shared is not None:
            self.shared.set_affinity(entity, task.cpumask)
        self.tasks[tid] = task
        self.events.emit(EventKind.TASK_NEW, tid, name)
        return task

    def _next_id(self) -> int:
        """Numbers go up; those once chosen are left out."""
        while self.next_tid in self.chosen_tids:
            self.next_tid += 1
        self.next_tid += 1
        return self.next_tid - 1

    def discard(self, task: TaskInner) -> None:
        """Take back a task that was never spawned."""
        if task.kstack_pa:
            self.alloc.dealloc(task.kstack_pa)
        self.tasks.pop(task.tid, None)
        self.events.emit(EventKind.TASK_DROP, task.tid)

    def take_id(self, task: TaskInner, tid: int) -> None:
        """Give the running task the id of one that has exited (execve by another thread)."""
        for queue in self.queues:
            run_queue.collect(self, queue)
        if tid in self.tasks:
            raise KernelPanic(f"task {tid} is still there, its id cannot be taken over")
        del self.tasks[task.tid]
        if self.shared is not None:
            self.shared.renumber(task.sched, tid)
        task.tid = task.sched.tid = tid
        self.tasks[tid] = task
        self.events.tid = tid

    def spawn(self, task: TaskInner) -> None:
        """Put a new task into a run queue."""
        queue = placement.select_new(self, task)
        task.state = TaskState.READY
        if self.shared is not None:
            self.shared.set_affinity(task.sched, task.cpumask)
        queue.add_task(task)
        self.after_queued(queue, task)

    def after_queued(self, queue: AxRunQueue, task: TaskInner) -> None:
        """`task` was queued: make the CPUs look that should run something else now."""
        if self.shared is not None:
            for cpu_id in self.shared.to_reschedule():
                self.kick(cpu_id)
            return
        current = queue.current
        if current is None or current is task:
            return
        if current.is_idle or queue.scheduler.preempts(current.sched, task.sched):
            self.kick(queue.cpu_id)

    def kick(self, cpu_id: int, why: str = "reschedule") -> None:
        """Make a CPU choose its task anew before user code goes on; an IPI if it is another."""
        queue = self.queues[cpu_id]
        current = queue.current
        if current is None or (current.need_resched and queue.ipi_ns < NEVER_NS):
            return  # it has been told already
        current.need_resched = True
        if cpu_id != self.events.cpu_id:
            self._send_ipi(queue, why)

    def poke(self, task: TaskInner) -> None:
        """A signal came for a task that runs user code on another CPU: interrupt it."""
        queue = self.queues[task.cpu_id]
        if task.cpu_id != self.events.cpu_id and queue.current is task:
            self._send_ipi(queue, "signal")

    def _send_ipi(self, queue: AxRunQueue, why: str) -> None:
        cpu = self.board.cpus[queue.cpu_id]
        at_ns = max(cpu.clock_ns, self.events.time_ns)
        queue.ipi_ns = min(queue.ipi_ns, at_ns)
        cpu.deadline_ns = min(cpu.deadline_ns, queue.ipi_ns)
        self.events.emit(EventKind.IPI, self.events.cpu_id, queue.cpu_id, why)
        self.board.interleave()

    # -- priorities and CPUs --------------------------------------------------------------------

    def inherit_priority(self, parent: TaskInner, child: TaskInner) -> None:
        """A new task starts with its parent's own priority."""
        child.priority = parent.priority
        self._apply_priority(child)

    def set_priority(self, task: TaskInner, priority: int) -> None:
        """Give a task a priority: nice -20 to 19, or -20 - n for real-time priority n."""
        task.priority = priority
        self._apply_priority(task)

    def set_boost(self, task: TaskInner, priority: int | None) -> None:
        """Lend a task a priority (priority inheritance), or end that."""
        if task.boost != priority:
            task.boost = priority
            self._apply_priority(task)

    def _apply_priority(self, task: TaskInner) -> None:
        queue = self.queues[task.cpu_id]
        scheduler = queue.scheduler
        if not scheduler.has_priorities:
            return
        is_queued = task.state == TaskState.READY and queue.remove(task)
        scheduler.set_priority(task.sched, task.effective_priority)
        if is_queued:
            queue.put_prev(task, preempt=False)
        if is_queued or task.state == TaskState.RUNNING:
            self.after_queued(queue, task)

    def set_affinity(self, task: TaskInner, cpumask: int) -> None:
        """Name the CPUs a task may run on; it leaves one that is not among them at once."""
        task.cpumask = cpumask
        if self.shared is not None:
            self.shared.set_affinity(task.sched, cpumask)
        queue = self.queues[task.cpu_id]
        if task.state == TaskState.RUNNING:
            if not cpumask >> task.cpu_id & 1:
                self.kick(task.cpu_id, "affinity")
        elif task.state == TaskState.READY and queue.remove(task):
            placement.requeue(self, task)

    # -- waiting and waking ---------------------------------------------------------------------

    def wait_queue(self, name: str) -> WaitQueue:
        """A wait queue by name, made at first use. `name` is unique in the machine."""
        queue = self.wait_queues.get(name)
        if queue is None:
            queue = self.wait_queues[name] = WaitQueue(self, name)
        return queue

    def drop_wait_queue(self, queue: WaitQueue) -> None:
        """Forget a wait queue nobody waits in."""
        if not queue.queue:
            self.wait_queues.pop(queue.name, None)

    def now_ns(self) -> int:
        """The running CPU's virtual time, which is CLOCK_MONOTONIC."""
        return self.hal.ticks_to_nanos(self.hal.current_ticks())

    def block_current(
        self,
        task: TaskInner,
        queues: Sequence[WaitQueue],
        deadline_ns: int | None,
        why: str,
        *,
        interruptible: bool = True,
    ) -> None:
        """Block the running task until one of `queues` is notified or the deadline passes."""
        for queue in queues:
            queue.queue.append(task.tid)
        task.waiting_on = tuple(queue.name for queue in queues)
        task.why = why
        task.outcome = WaitOutcome.NONE
        task.interruptible = interruptible
        if deadline_ns is not None:
            task.deadline_ns = deadline_ns
            task.ticket = self.timers[task.cpu_id].set(deadline_ns, "wake", task.tid)
            timers.arm(self, task.cpu_id)
        self.set_state(task, TaskState.BLOCKED, why)

    def wake(self, tid: int, by: str, outcome: WaitOutcome = WaitOutcome.WOKEN) -> bool:
        """Make a blocked task Ready; a second wake does nothing and returns False."""
        task = self.tasks.get(tid)
        if task is None or task.state != TaskState.BLOCKED:
            return False
        for name in task.waiting_on:
            waiting = self.wait_queues.get(name)
            if waiting is not None and tid in waiting.queue:
                waiting.queue.remove(tid)
                if waiting.transient and not waiting.queue:
                    del self.wait_queues[name]
        task.waiting_on = ()
        if task.ticket:
            self.timers[task.cpu_id].cancel(task.ticket)
            task.ticket = 0
            task.deadline_ns = 0
        task.outcome = outcome
        task.why = ""
        self.set_state(task, TaskState.READY, by)
        queue = placement.queue_woken(self, task)
        self.events.emit(EventKind.TASK_WAKE, tid, queue.cpu_id, by)
        self.after_queued(queue, task)
        return True

    def interrupt(self, task: TaskInner) -> bool:
        """A signal came: end the task's wait if it may be ended so."""
        if task.state != TaskState.BLOCKED or not task.interruptible:
            return False
        return self.wake(task.tid, "signal", WaitOutcome.SIGNAL)

    def yield_current(self, task: TaskInner) -> None:
        """Give the CPU to the next ready task, if any."""
        task.need_resched = task.yields = True

    def exit_current(self, task: TaskInner, code: int) -> None:
        """End a task; the gc task frees its kernel stack."""
        task.exit_code = code
        self.set_state(task, TaskState.EXITED, "exit")
        self.events.emit(EventKind.TASK_EXIT, task.tid, code)
        queue = self.queues[task.cpu_id]
        queue.exited.append(task)
        if queue.gc is not None:
            self.wake(queue.gc.tid, "exit")

    def set_state(self, task: TaskInner, state: TaskState, why: str) -> None:
        """Change a task's state and tell it."""
        old = task.state
        task.state = state
        self.events.emit(EventKind.TASK_STATE, task.tid, old.name, state.name, why)

    # -- timers ---------------------------------------------------------------------------------

    def set_timer(self, cpu_id: int, deadline_ns: int, kind: str, ident: int) -> int:
        """A plugin's timer: at the deadline its handler gets (kind, ident). Returns a ticket."""
        ticket = self.timers[cpu_id].set(deadline_ns, kind, ident)
        timers.arm(self, cpu_id)
        return ticket

    def cancel_timer(self, cpu_id: int, ticket: int) -> None:
        """Take a timer back; a ticket that has expired is ignored."""
        self.timers[cpu_id].cancel(ticket)
        timers.arm(self, cpu_id)

    def has_timers(self) -> bool:
        """Whether any timer will still expire."""
        return any(each.next_deadline_ns() < NEVER_NS for each in self.timers)

    def on_timer(self, cpu: Cpu) -> list[tuple[str, int]]:
        """The timer interrupt: expired timers that belong to a plugin, (kind, ident), in order."""
        return timers.check_events(self, cpu)

    # -- switching ------------------------------------------------------------------------------

    def leave_kernel(self, cpu: Cpu) -> None:
        """Before user code goes on: switch tasks if the current one must or should not go on."""
        run_queue.leave_kernel(self, cpu)

    def cpu_time_ns(self, task: TaskInner) -> int:
        """Time a task has had on a CPU up to now."""
        total = task.cpu_time_ns
        if task.state == TaskState.RUNNING:
            total += self.events.time_ns - task.since_ns
        return total
