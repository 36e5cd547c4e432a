"""Tasks: `TaskInner`, its states, and the hook through which a plugin hangs data on it.

Source: ArceOS modules/axtask/src/{task,task_ext}.rs; S000 3.1.2.
Differs: kernel tasks (main, idle, gc) have no code of their own to switch to; what they do is done
by axtask when they are picked. A user task's saved context is the CPU engine's state as bytes.
"""

from __future__ import annotations

import enum
from typing import Protocol

from kernel.crates.scheduler import SchedEntity
from kernel.machine.cpu import Cpu


class TaskState(enum.IntEnum):
    """ArceOS's states."""

    RUNNING = 1
    READY = 2
    BLOCKED = 3
    EXITED = 4


class WaitOutcome(enum.IntEnum):
    """How a wait ended."""

    NONE = 0  # has not waited
    WOKEN = 1
    TIMEOUT = 2
    SIGNAL = 3


class TaskExt(Protocol):
    """A plugin's data on a task (ArceOS: `def_task_ext!`). The backbone knows only this much."""

    def resume(self, cpu: Cpu) -> None:
        """The task has the CPU again: go on with what it waited for in the kernel, if anything."""
        ...

    def describe_wait(self) -> str:
        """What the task waits for, in words."""
        ...


class TaskInner:
    """One task.

    Attributes:
        tid: Task id, from 1; never reused.
        state: See `TaskState`.
        cpumask: Bit per CPU it may run on.
        cpu_id: CPU it runs on, or ran on last.
        sched: The scheduler's fields.
        kstack_pa, kstack_bytes: Its kernel stack in the byte heap; 0 for the boot stack's owner.
        context: Saved engine state while it does not run; None for kernel tasks.
        pc: Where the saved context goes on.
        root_pa: Page-table root of its address space; 0 for kernel tasks (they keep any).
        waiting_on: Names of the wait queues it is in.
        deadline_ns: When its wait times out; 0 = never.
        ticket: Ticket of its alarm; an expired alarm with another ticket is stale.
        outcome: How its last wait ended.
        interruptible: Whether a signal may end its wait.
        why: What it waits for, in words.
        task_ext: The plugin's data.
        cpu_time_ns: Time on a CPU, up to `since_ns` of the present run.
        priority: Own priority: a nice value, or -20 - n for real-time priority n (1 to 99).
        boost: Priority lent by a waiter (priority inheritance); None = none.
        yields: It gives the CPU away by itself, so it goes behind its equals.
        ready_ns: When it last became ready; it cannot run before, on whatever CPU.
    """

    __slots__ = (
        "boost",
        "context",
        "cpu_id",
        "cpu_time_ns",
        "cpumask",
        "deadline_ns",
        "exit_code",
        "interruptible",
        "is_idle",
        "is_init",
        "is_user",
        "kstack_bytes",
        "kstack_pa",
        "name",
        "need_resched",
        "outcome",
        "pc",
        "priority",
        "ready_ns",
        "root_pa",
        "sched",
        "since_ns",
        "state",
        "switches",
        "task_ext",
        "ticket",
        "tid",
        "waiting_on",
        "why",
        "yields",
    )

    def __init__(self, tid: int, name: str, sched: SchedEntity, cpumask: int) -> None:
        self.tid = tid
        self.name = name
        self.sched = sched
        self.cpumask = cpumask
        self.cpu_id = 0
        self.state = TaskState.READY
        self.is_idle = False
        self.is_init = False
        self.is_user = False
        self.need_resched = False
        self.kstack_pa = 0
        self.kstack_bytes = 0
        self.context: bytes | None = None
        self.pc = 0
        self.root_pa = 0
        self.waiting_on: tuple[str, ...] = ()
        self.deadline_ns = 0
        self.ticket = 0
        self.outcome = WaitOutcome.NONE
        self.interruptible = True
        self.why = ""
        self.task_ext: TaskExt | None = None
        self.exit_code = 0
        self.cpu_time_ns = 0
        self.since_ns = 0
        self.switches = 0
        self.priority = 0
        self.boost: int | None = None
        self.yields = False
        self.ready_ns = 0

    @property
    def effective_priority(self) -> int:
        """The better of its own and a lent priority; lower is better."""
        return self.priority if self.boost is None else min(self.priority, self.boost)
