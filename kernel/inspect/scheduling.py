"""Who runs, who is ready, who waits for what, and who could wake whom: views for people.

Read from the live tasks, run queues, wait queues and, for futex words, from user memory. A futex's
owner is told only where something says so: the kernel for priority-inheriting ones, the word
itself, or (glibc) the owner field of a locked mutex.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from kernel.crates.event import Event, EventKind, EventLog
from kernel.crates.signal import Signo
from kernel.inspect.peek import peek
from kernel.inspect.system import System
from kernel.modules.axtask.run_queue import AxRunQueue
from kernel.modules.axtask.task import TaskInner, TaskState

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue

_WAITERS = 0x8000_0000
_TID_MASK = 0x3FFF_FFFF
_GLIBC_CONTENDED = 2  # value of a glibc mutex somebody waits for; the owner's tid is 8 bytes on


@dataclass(frozen=True, slots=True)
class TaskStateView:
    """One task with everything a scheduler or a waker looks at.

    Attributes:
        ppid: Parent process; 0 for kernel tasks.
        role: "idle", "main", "gc", "thread" or "process" (a process's first thread).
        key: The scheduler's own key, in words.
        waiting_on: Names of the wait queues it is in.
        deadline_ns: When its wait times out; 0 = never.
        priority: Its own: nice, or -20 - n for real-time priority n.
        boost: Priority lent by a waiter, or None.
        blocked, pending: Names of signals, without SIG.
    """

    tid: int
    pid: int
    ppid: int
    name: str
    role: str
    state: str
    cpu: int
    cpumask: int
    key: str
    waiting_for: str
    waiting_on: tuple[str, ...]
    deadline_ns: int
    cpu_time_ns: int
    switches: int
    priority: int
    boost: int | None
    blocked: tuple[str, ...]
    pending: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadyQueueView:
    """One CPU: what it runs and who comes next.

    Attributes:
        current: Task on the CPU; its idle task's tid when it idles.
        need_resched: Whether it will choose anew before user code goes on.
        ready: (tid, scheduler's key in words), next first.
        facts: The policy's own state, in words: bit cache, least virtual run time.
        first_because: Why the first in the queue is next.
        rule: When the running task gives way.
        shared: One queue for all CPUs.
        ipi_ns: When an interrupt from another CPU is to arrive; 0 = none.
        next_timer_ns: When its timer fires next; 0 = never.
    """

    cpu: int
    scheduler: str
    current: int
    is_idle: bool
    need_resched: bool
    key: str
    ready: tuple[tuple[int, str], ...]
    facts: tuple[str, ...]
    first_because: str
    rule: str
    shared: bool
    clock_ns: int
    ipi_ns: int
    next_timer_ns: int


@dataclass(frozen=True, slots=True)
class WaitQueueView:
    """A wait queue somebody waits in.

    Attributes:
        kind: "futex", "pi futex", "shared futex" or "queue".
        va: User address of a futex word; its physical address for a shared one; else 0.
        pid: A process that has the futex; 0 if it is none.
        word: The futex word's value; -1 if it is none or cannot be read.
        owner: Task that holds it; 0 = nothing says.
        owner_from: What says so.
    """

    name: str
    kind: str
    va: int
    pid: int
    word: int
    waiters: tuple[int, ...]
    owner: int
    owner_from: str


@dataclass(frozen=True, slots=True)
class SchedulingView:
    """All tasks, run queues and waits at one moment.

    Attributes:
        cycle: Tasks that wait for each other in a circle, each for the next; () if none is known.
        stuck: Whether nothing can run any more: no task is ready, no timer or input will come.
    """

    now_ns: int
    tick_ns: int
    tasks: tuple[TaskStateView, ...]
    queues: tuple[ReadyQueueView, ...]
    waits: tuple[WaitQueueView, ...]
    cycle: tuple[int, ...]
    stuck: bool


def scheduling_view(system: System, stuck: bool) -> SchedulingView:
    """Everything about tasks and their waits at this moment."""
    tasks = system.kernel.tasks
    waits = tuple(
        _wait_view(system, queue) for queue in tasks.wait_queues.values() if queue.waiters
    )
    board = system.board
    return SchedulingView(
        now_ns=max(cpu.clock_ns for cpu in board.cpus),
        tick_ns=tasks.tick_ns,
        tasks=tuple(_task_view(system, task) for task in tasks.tasks.values()),
        queues=tuple(_queue_view(system, queue) for queue in tasks.queues),
        waits=waits,
        cycle=_cycle(waits),
        stuck=stuck,
    )


def switches(events: EventLog, first: int, end: int) -> tuple[Event, ...]:
    """The recorded task switches with `first <= index < end`."""
    records = events.records or []
    start = max(first - events.first_record, 0)
    wanted = EventKind.TASK_SWITCH
    return tuple(
        Event(*raw)
        for raw in records[start : max(end - events.first_record, 0)]
        if raw[5] is wanted
    )


# -- tasks --------------------------------------------------------------------------------------


def state_word(task: TaskInner, current: TaskInner | None) -> str:
    """A task's state; an idle task is always able to run, so that is what its state says."""
    if task.is_idle and task is not current:
        return "Ready"
    return task.state.name.capitalize()


def _task_view(system: System, task: TaskInner) -> TaskStateView:
    tasks = system.kernel.tasks
    thread = cast("Any", task.task_ext)
    process: Any = getattr(thread, "process", None)
    signal: Any = getattr(thread, "signal", None)  # a form without signals has none
    can_run = task.is_user and task.state in (TaskState.READY, TaskState.RUNNING)
    waiting = ""
    if task.state == TaskState.BLOCKED:
        waiting = thread.describe_wait() if thread is not None else task.why
    return TaskStateView(
        tid=task.tid,
        pid=process.pid if process is not None else 0,
        ppid=process.ppid if process is not None else 0,
        name=task.name,
        role=_role(task, process),
        state=state_word(task, tasks.queues[task.cpu_id].current),
        cpu=task.cpu_id,
        cpumask=task.cpumask,
        key=tasks.queues[task.cpu_id].scheduler.key(task.sched) if can_run else "",
        waiting_for=waiting,
        waiting_on=task.waiting_on,
        deadline_ns=task.deadline_ns if task.ticket else 0,
        cpu_time_ns=tasks.cpu_time_ns(task) if task.is_user else 0,
        switches=task.switches,
        priority=task.priority,
        boost=task.boost,
        blocked=_signals(signal.blocked) if signal is not None else (),
        pending=(
            _signals(signal.pending.mask | process.signal.pending.mask)
            if signal is not None and process is not None
            else ()
        ),
    )


def _role(task: TaskInner, process: Any) -> str:
    if task.is_idle:
        return "idle"
    if task.is_init and not task.is_user:
        return "main"
    if process is None:
        return "gc"
    return "process" if task.tid == process.pid else "thread"


def _signals(mask: int) -> tuple[str, ...]:
    return tuple(s.name.removeprefix("SIG") for s in Signo if mask >> s - 1 & 1)


# -- run queues ---------------------------------------------------------------------------------


def _queue_view(system: System, queue: AxRunQueue) -> ReadyQueueView:
    policy = queue.scheduler
    cpu = system.board.cpus[queue.cpu_id]
    current = queue.current
    never = 1 << 62
    return ReadyQueueView(
        cpu=queue.cpu_id,
        scheduler=policy.name,
        current=current.tid if current is not None else 0,
        is_idle=current is None or current.is_idle,
        need_resched=current is not None and current.need_resched,
        key=policy.key(current.sched) if current is not None and current.is_user else "",
        ready=tuple((entity.tid, policy.key(entity)) for entity in policy.queue()),
        facts=policy.facts(),
        first_because=policy.first_because,
        rule=policy.rule,
        shared=system.kernel.tasks.shared is not None,
        clock_ns=cpu.clock_ns,
        ipi_ns=queue.ipi_ns if queue.ipi_ns < never else 0,
        next_timer_ns=cpu.deadline_ns if cpu.deadline_ns < never else 0,
    )


# -- waits --------------------------------------------------------------------------------------


def _wait_view(system: System, queue: WaitQueue) -> WaitQueueView:
    kind, pid, va = _futex(system, queue.name)
    word = -1
    owner, how = 0, ""
    if kind == "shared futex":
        ram = system.board.ram
        word = int.from_bytes(ram.read(va, 4), "little") if ram.contains(va) else -1
    elif kind != "queue":
        word = _word(system, pid, va)
    owner, how = _owner(system, queue.name, kind, pid, va, word)
    return WaitQueueView(queue.name, kind, va, pid, word, queue.waiters, owner, how)


def _futex(system: System, name: str) -> tuple[str, int, int]:
    """(kind, process, address) of a futex's wait queue, by the name the plugin gave it."""
    words = name.split()
    if len(words) < 2 or words[-2] != "futex":
        return "queue", 0, 0
    kind = "pi futex" if words[0] == "pi" else "futex"
    aspace, colon, address = words[-1].rpartition(":")
    if not colon:
        return "shared futex", 0, int(address, 16)
    for process in _processes(system).values():
        if process.aspace is not None and process.aspace.ident == int(aspace):
            return kind, process.pid, int(address, 16)
    return kind, 0, int(address, 16)


def _processes(system: System) -> dict[int, Any]:
    return getattr(system.kernel.plugin, "processes", {})


def _word(system: System, pid: int, va: int) -> int:
    process = _processes(system).get(pid)
    if process is None:
        return -1
    data = peek(process.aspace, va, 4)
    return int.from_bytes(data, "little") if len(data) == 4 else -1


def _owner(system: System, name: str, kind: str, pid: int, va: int, word: int) -> tuple[int, str]:
    """Who holds a futex and what says so; (0, "") if nothing does."""
    plugin = system.kernel.plugin
    owner = getattr(plugin, "pi_owners", {}).get(name, 0)
    if owner or kind == "queue":
        return owner, "the kernel knows" if owner else ""
    threads: dict[int, Any] = getattr(plugin, "threads", {})
    for thread in threads.values():
        if thread.process.pid == pid and thread.clear_child_tid == va and word == thread.tid:
            return thread.tid, "its end clears the word"
    if word >= 0 and (word & _WAITERS or kind == "pi futex") and word & _TID_MASK in threads:
        return word & _TID_MASK, "the word names it"
    if word == _GLIBC_CONTENDED and kind == "futex":
        named = _word(system, pid, va + 8)
        if named in threads and threads[named].process.pid == pid:
            return named, "the mutex names it"
    return 0, ""


def _cycle(waits: tuple[WaitQueueView, ...]) -> tuple[int, ...]:
    """Tasks that wait for each other in a circle."""
    waits_for = {tid: wait.owner for wait in waits if wait.owner for tid in wait.waiters}
    for start in waits_for:
        path = [start]
        while (following := waits_for.get(path[-1])) is not None:
            if following == start:
                return tuple(path)
            if following in path:
                break
            path.append(following)
    return ()
