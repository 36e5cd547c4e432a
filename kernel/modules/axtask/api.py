"""The public face of axtask: spawn, block, wake, sleep, exit, and the switch itself.

Source: ArceOS modules/axtask/src/{api,run_queue}.rs; S000 3.1.2.
Differs: blocking does not suspend a Python frame. A task records what it waits for; when it gets
the CPU again its `TaskExt.resume` is called and enters the waiting operation anew. A woken task
goes to the CPU it last ran on if that is allowed (ArceOS places every wake-up round robin).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind, EventLog
from kernel.crates.scheduler import BaseScheduler
from kernel.machine.board import Board
from kernel.machine.cpu import NEVER_NS, Cpu
from kernel.modules.axalloc.global_allocator import GlobalAllocator
from kernel.modules.axtask.run_queue import AxRunQueue
from kernel.modules.axtask.task import TaskInner, TaskState, WaitOutcome
from kernel.modules.axtask.timers import TimerList
from kernel.modules.axtask.wait_queue import WaitQueue

IDLE_STACK_BYTES = 0x1000


class AxTask:
    """All tasks and run queues of one machine.

    Attributes:
        tasks: Every task not yet dropped, by tid.
        queues: Run queue per CPU.
        timers: Timer list per CPU.
    """

    def __init__(
        self,
        board: Board,
        events: EventLog,
        alloc: GlobalAllocator,
        schedulers: list[BaseScheduler[Any]],
        kernel_stack_bytes: int,
        tick_ns: int,
    ) -> None:
        self.board = board
        self.events = events
        self.alloc = alloc
        self.kernel_stack_bytes = kernel_stack_bytes
        self.tick_ns = tick_ns
        self.tasks: dict[int, TaskInner] = {}
        self.next_tid = 1
        self.next_queue = 0
        self.queues = [AxRunQueue(i, s, events) for i, s in enumerate(schedulers)]
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

    def new_task(self, name: str, stack_bytes: int, cpumask: int = 0) -> TaskInner:
        """Make a task with a kernel stack of `stack_bytes` (0: none); it is in no queue yet.

        Raises:
            AxError: NO_MEMORY for the stack.
        """
        stack_pa = self.alloc.alloc(stack_bytes, 16, "kernel stack") if stack_bytes else 0
        tid = self.next_tid
        self.next_tid += 1
        entity = self.queues[0].scheduler.entity(tid)
        task = TaskInner(tid, name, entity, cpumask or self.full_mask)
        task.kstack_pa = stack_pa
        task.kstack_bytes = stack_bytes
        self.tasks[tid] = task
        self.events.emit(EventKind.TASK_NEW, tid, name)
        return task

    def spawn(self, task: TaskInner) -> None:
        """Put a new task into a run queue."""
        queue = self.select_run_queue(task)
        task.state = TaskState.READY
        queue.add_task(task)
        self._kick(queue.cpu_id)

    def select_run_queue(self, task: TaskInner) -> AxRunQueue:
        """ArceOS's placement: round robin over the CPUs of the task's mask."""
        for _ in self.queues:
            queue = self.queues[self.next_queue]
            self.next_queue = (self.next_queue + 1) % len(self.queues)
            if task.cpumask >> queue.cpu_id & 1:
                return queue
        raise KernelPanic(f"task {task.tid} may run on no CPU")

    def _kick(self, cpu_id: int) -> None:
        """CPU `cpu_id` got a ready task: if it idles, make it look."""
        queue = self.queues[cpu_id]
        current = queue.current
        if current is None or not current.is_idle:
            return
        current.need_resched = True
        if cpu_id != self.events.cpu_id:
            cpu = self.board.cpus[cpu_id]
            cpu.clock_ns = max(cpu.clock_ns, self.events.time_ns)
            cpu.deadline_ns = cpu.clock_ns
            self.events.emit(EventKind.IPI, self.events.cpu_id, cpu_id, "reschedule")
            self.board.interleave()

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
        return self.events.time_ns

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
            self._arm(task.cpu_id)
        self._set_state(task, TaskState.BLOCKED, why)

    def wake(self, tid: int, by: str, outcome: WaitOutcome = WaitOutcome.WOKEN) -> bool:
        """Make a blocked task Ready; a second wake does nothing and returns False."""
        task = self.tasks.get(tid)
        if task is None or task.state != TaskState.BLOCKED:
            return False
        for name in task.waiting_on:
            waiting = self.wait_queues.get(name)
            if waiting is not None and tid in waiting.queue:
                waiting.queue.remove(tid)
        task.waiting_on = ()
        if task.ticket:
            self.timers[task.cpu_id].cancel(task.ticket)
            task.ticket = 0
            task.deadline_ns = 0
        task.outcome = outcome
        task.why = ""
        self._set_state(task, TaskState.READY, by)
        queue = self.queues[task.cpu_id]
        if not task.cpumask >> task.cpu_id & 1:
            queue = self.select_run_queue(task)
        queue.put_prev(task, preempt=False)
        self.events.emit(EventKind.TASK_WAKE, tid, queue.cpu_id, by)
        self._kick(queue.cpu_id)
        return True

    def interrupt(self, task: TaskInner) -> bool:
        """A signal came: end the task's wait if it may be ended so."""
        if task.state != TaskState.BLOCKED or not task.interruptible:
            return False
        return self.wake(task.tid, "signal", WaitOutcome.SIGNAL)

    def yield_current(self, task: TaskInner) -> None:
        """Give the CPU to the next ready task, if any."""
        task.need_resched = True

    def exit_current(self, task: TaskInner, code: int) -> None:
        """End a task; the gc task frees its kernel stack."""
        task.exit_code = code
        self._set_state(task, TaskState.EXITED, "exit")
        self.events.emit(EventKind.TASK_EXIT, task.tid, code)
        self.queues[task.cpu_id].exited.append(task)

    def _set_state(self, task: TaskInner, state: TaskState, why: str) -> None:
        old = task.state
        task.state = state
        self.events.emit(EventKind.TASK_STATE, task.tid, old.name, state.name, why)

    # -- timers ---------------------------------------------------------------------------------

    def set_timer(self, cpu_id: int, deadline_ns: int, kind: str, ident: int) -> int:
        """A plugin's timer: at the deadline its handler gets (kind, ident). Returns a ticket."""
        ticket = self.timers[cpu_id].set(deadline_ns, kind, ident)
        self._arm(cpu_id)
        return ticket

    def cancel_timer(self, cpu_id: int, ticket: int) -> None:
        """Take a timer back; a ticket that has expired is ignored."""
        self.timers[cpu_id].cancel(ticket)
        self._arm(cpu_id)

    def _arm(self, cpu_id: int) -> None:
        """Program the CPU's one-shot timer: the next alarm, or the next tick while it is busy."""
        cpu = self.board.cpus[cpu_id]
        deadline = self.timers[cpu_id].next_deadline_ns()
        if cpu.is_user and self.next_tick_ns[cpu_id] < deadline:
            deadline = self.next_tick_ns[cpu_id]
        cpu.deadline_ns = deadline

    def on_timer(self, cpu: Cpu) -> list[tuple[str, int]]:
        """The timer interrupt: wake sleepers, account the tick.

        Returns:
            Expired timers that belong to a plugin, (kind, ident), in order.
        """
        now = self.events.time_ns
        others: list[tuple[str, int]] = []
        timers = self.timers[cpu.index]
        while (due := timers.expire_one(now)) is not None:
            _, ticket, kind, ident = due
            if kind == "wake":
                task = self.tasks.get(ident)
                if task is not None and task.ticket == ticket:
                    task.ticket = 0
                    self.wake(ident, "timeout", WaitOutcome.TIMEOUT)
            else:
                others.append((kind, ident))
        if now >= self.next_tick_ns[cpu.index]:
            missed = (now - self.next_tick_ns[cpu.index]) // self.tick_ns + 1
            self.next_tick_ns[cpu.index] += missed * self.tick_ns
            queue = self.queues[cpu.index]
            current = queue.current
            if current is not None and not current.is_idle:
                current.need_resched |= queue.scheduler.task_tick(current.sched)
        self._arm(cpu.index)
        return others

    # -- switching ------------------------------------------------------------------------------

    def leave_kernel(self, cpu: Cpu) -> None:
        """Before user code goes on: switch tasks if the current one must or should not go on."""
        queue = self.queues[cpu.index]
        while True:
            current = queue.current
            assert current is not None
            if current.state == TaskState.RUNNING and not current.need_resched:
                break
            self._collect(queue)
            self._resched(cpu, queue, current)
            ext = queue.current.task_ext if queue.current is not None else None
            if ext is not None:
                ext.resume(cpu)
        self._arm(cpu.index)

    def _resched(self, cpu: Cpu, queue: AxRunQueue, prev: TaskInner) -> None:
        """Pick the next task and switch to it."""
        why = "yield"
        if prev.state == TaskState.RUNNING:
            preempt = prev.need_resched
            prev.need_resched = False
            if not prev.is_idle:
                prev.state = TaskState.READY
                queue.put_prev(prev, preempt=preempt)
        else:
            why = prev.why or prev.state.name.lower()
            prev.need_resched = False
        tid = queue.pick_tid()
        following = self.tasks[tid] if tid else queue.idle
        assert following is not None
        following.state = TaskState.RUNNING
        if following is not prev:
            self._switch_to(cpu, queue, prev, following, why)

    def _switch_to(
        self, cpu: Cpu, queue: AxRunQueue, prev: TaskInner, following: TaskInner, why: str
    ) -> None:
        """Save one context and load another (ArceOS `switch_to`)."""
        now = self.events.time_ns
        if prev.is_user:
            prev.cpu_time_ns += now - prev.since_ns
            if prev.state != TaskState.EXITED:
                cpu.engine.set(cpu.engine.arch.pc, cpu.pc)
                prev.context = cpu.engine.save()
                prev.pc = cpu.pc
        queue.current = cpu.current = following
        cpu.is_user = following.is_user
        self.events.emit(EventKind.TASK_SWITCH, prev.tid, following.tid, why)
        self.events.tid = following.tid
        following.switches += 1
        if following.is_user:
            if following.context is None:
                raise KernelPanic(f"task {following.tid} has no context to switch to")
            following.since_ns = self.events.time_ns
            following.cpu_id = cpu.index
            cpu.set_root(following.root_pa)
            cpu.engine.restore(following.context)
            cpu.pc = following.pc
            following.context = None

    def _collect(self, queue: AxRunQueue) -> None:
        """What the gc task does: drop exited tasks other than the one still on the CPU."""
        keep: list[TaskInner] = []
        for task in queue.exited:
            if task is queue.current:
                keep.append(task)
                continue
            if task.kstack_pa:
                self.alloc.dealloc(task.kstack_pa)
                task.kstack_pa = 0
            self.tasks.pop(task.tid, None)
            self.events.emit(EventKind.TASK_DROP, task.tid)
        queue.exited = keep

    def cpu_time_ns(self, task: TaskInner) -> int:
        """Time a task has had on a CPU up to now."""
        total = task.cpu_time_ns
        if task.state == TaskState.RUNNING:
            total += self.events.time_ns - task.since_ns
        return total

    def has_timers(self) -> bool:
        """Whether any timer will still expire."""
        return any(timers.next_deadline_ns() < NEVER_NS for timers in self.timers)
