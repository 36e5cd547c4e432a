"""Kernel events: what happens inside the kernel, step by step, and under which cause.

Everything the kernel does that a person could want to see emits one event. The event *count*
is part of the machine's state (a position is `(events so far, instructions since the last)`),
so events are counted whether or not anyone records them. The *records* are an observer's
and no part of the machine: dropping them changes nothing.

Each kind has a fixed list of field names (`FIELDS`) and a cost in virtual nanoseconds
(`COST_NS`): kernel work moves the clock by the events it causes, which is the "stated cost per
kernel operation" of the design.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class EventKind(enum.IntEnum):
    """What happened. The comment gives the fields, in order."""

    # boot and the board
    BOOT_STAGE = 0  # stage
    LOG = 1  # level, text
    PANIC = 2  # text
    POWER_OFF = 3  # status
    # traps
    SYSCALL_ENTER = 10  # serial, nr, args
    SYSCALL_EXIT = 11  # serial, nr, result
    SYSCALL_BLOCK = 12  # serial, nr, waiting_for
    SYSCALL_RESTART = 13  # serial, nr
    SYSCALL_UNKNOWN = 14  # nr
    FAULT_ENTER = 15  # serial, va, access
    FAULT_EXIT = 16  # serial, va, outcome
    EXCEPTION_ENTER = 17  # cause, pc
    EXCEPTION_EXIT = 18  # cause, pc
    TICK_ENTER = 19  # serial
    TICK_EXIT = 20  # serial
    IDLE_SKIP = 21  # from_ns, to_ns
    TRAP_EXIT = 22  # (nothing): the CPU leaves the kernel
    # calls of kernel functions (Unikernel)
    CALL_ENTER = 23  # serial, nr, args
    CALL_EXIT = 24  # serial, nr, result
    CALL_BLOCK = 25  # serial, nr, waiting_for
    CALL_RESTART = 26  # serial, nr
    CALL_RETURN = 27  # (nothing): the CPU goes on in the program
    # address spaces
    VMA_ADD = 30  # aspace, start, end, flags, backend
    VMA_REMOVE = 31  # aspace, start, end
    VMA_SPLIT = 32  # aspace, start, at, end
    VMA_RESIZE = 33  # aspace, old_start, old_end, start, end
    VMA_PROTECT = 34  # aspace, start, end, old_flags, flags
    BRK = 35  # aspace, old, new
    ASPACE_NEW = 36  # aspace, root
    ASPACE_DROP = 37  # aspace, root
    # page tables
    PTE_SET = 40  # root, va, pte_pa, old, new
    PTE_CLEAR = 41  # root, va, pte_pa, old
    PTE_PROTECT = 42  # root, va, pte_pa, old, new
    TABLE_ALLOC = 43  # root, level, pa
    TABLE_FREE = 44  # root, level, pa
    PAGE_WALK = 45  # root, va, access, outcome
    TLB_FLUSH = 46  # root, va (-1: all)
    COW_COPY = 47  # root, va, old_pa, new_pa
    # allocators
    PAGE_ALLOC = 50  # pa, count, usage
    PAGE_FREE = 51  # pa, count, usage
    BYTE_ALLOC = 52  # pa, size_bytes, what
    BYTE_FREE = 53  # pa, size_bytes, what
    BLOCK_SPLIT = 54  # allocator, pa, size_bytes, kept_bytes
    BLOCK_MERGE = 55  # allocator, pa, with_pa, size_bytes
    HEAP_GROW = 56  # pa, size_bytes
    SLAB_GROW = 57  # class_bytes, pa, blocks
    ALLOC_FAIL = 58  # what, size_bytes
    # tasks
    TASK_NEW = 60  # tid, name
    TASK_STATE = 61  # tid, old, new, why
    TASK_EXIT = 62  # tid, code
    TASK_SWITCH = 63  # prev, next, why
    TASK_WAKE = 64  # tid, cpu, by
    TASK_MIGRATE = 65  # tid, from_cpu, to_cpu
    QUEUE_PUSH = 66  # cpu, tid, key
    QUEUE_POP = 67  # cpu, tid, key
    TASK_DROP = 68  # tid
    IPI = 69  # from_cpu, to_cpu, why
    # namespaces
    NS_NEW = 70  # ns, pa, size_bytes
    NS_DROP = 71  # ns, pa
    ARC_NEW = 72  # resource, pa, strong
    ARC_SHARE = 73  # resource, pa, strong
    ARC_COPY = 74  # resource, from_pa, pa
    ARC_DROP = 75  # resource, pa, strong
    # files
    FD_OPEN = 80  # fd, what
    FD_CLOSE = 81  # fd, what
    FD_DUP = 82  # fd, new_fd, what
    FILE_READ = 83  # what, offset, size_bytes
    FILE_WRITE = 84  # what, offset, size_bytes
    CONSOLE_READ = 85  # size_bytes
    CONSOLE_WRITE = 86  # size_bytes
    CONSOLE_INPUT = 87  # size_bytes
    FS_CHANGE = 88  # what, path
    BLOCK_READ = 100  # block, count
    BLOCK_WRITE = 101  # block, count
    # signals and processes
    SIGNAL_SEND = 90  # target, signo, code
    SIGNAL_DELIVER = 91  # tid, signo, handler
    SIGNAL_DEFAULT = 92  # tid, signo, action
    SIGNAL_RETURN = 93  # tid
    PROC_NEW = 94  # pid, parent
    PROC_EXEC = 95  # pid, path
    PROC_EXIT = 96  # pid, status
    PROC_REAP = 97  # pid
    FUTEX_WAIT = 98  # tid, va
    FUTEX_WAKE = 99  # va, count


class CauseKind(enum.IntEnum):
    """Why the kernel runs."""

    BOOT = 0
    SYSCALL = 1
    FAULT = 2
    EXCEPTION = 3
    TICK = 4
    IDLE = 5
    INPUT = 6
    CALL = 7


class Cause(NamedTuple):
    """Why an event happened: `serial` counts causes of one kind from 1."""

    kind: CauseKind
    serial: int
    detail: int = 0  # the system call number, the faulting address


BOOT_CAUSE = Cause(CauseKind.BOOT, 0)

#: Field names per kind, in order; the same words as in the comments above.
FIELDS: dict[EventKind, tuple[str, ...]] = {
    EventKind.BOOT_STAGE: ("stage",),
    EventKind.LOG: ("level", "text"),
    EventKind.PANIC: ("text",),
    EventKind.POWER_OFF: ("status",),
    EventKind.SYSCALL_ENTER: ("serial", "nr", "args"),
    EventKind.SYSCALL_EXIT: ("serial", "nr", "result"),
    EventKind.SYSCALL_BLOCK: ("serial", "nr", "waiting_for"),
    EventKind.SYSCALL_RESTART: ("serial", "nr"),
    EventKind.SYSCALL_UNKNOWN: ("nr",),
    EventKind.CALL_ENTER: ("serial", "nr", "args"),
    EventKind.CALL_EXIT: ("serial", "nr", "result"),
    EventKind.CALL_BLOCK: ("serial", "nr", "waiting_for"),
    EventKind.CALL_RESTART: ("serial", "nr"),
    EventKind.CALL_RETURN: (),
    EventKind.FAULT_ENTER: ("serial", "va", "access"),
    EventKind.FAULT_EXIT: ("serial", "va", "outcome"),
    EventKind.EXCEPTION_ENTER: ("cause", "pc"),
    EventKind.EXCEPTION_EXIT: ("cause", "pc"),
    EventKind.TICK_ENTER: ("serial",),
    EventKind.TICK_EXIT: ("serial",),
    EventKind.IDLE_SKIP: ("from_ns", "to_ns"),
    EventKind.TRAP_EXIT: (),
    EventKind.VMA_ADD: ("aspace", "start", "end", "flags", "backend"),
    EventKind.VMA_REMOVE: ("aspace", "start", "end"),
    EventKind.VMA_SPLIT: ("aspace", "start", "at", "end"),
    EventKind.VMA_RESIZE: ("aspace", "old_start", "old_end", "start", "end"),
    EventKind.VMA_PROTECT: ("aspace", "start", "end", "old_flags", "flags"),
    EventKind.BRK: ("aspace", "old", "new"),
    EventKind.ASPACE_NEW: ("aspace", "root"),
    EventKind.ASPACE_DROP: ("aspace", "root"),
    EventKind.PTE_SET: ("root", "va", "pte_pa", "old", "new"),
    EventKind.PTE_CLEAR: ("root", "va", "pte_pa", "old"),
    EventKind.PTE_PROTECT: ("root", "va", "pte_pa", "old", "new"),
    EventKind.TABLE_ALLOC: ("root", "level", "pa"),
    EventKind.TABLE_FREE: ("root", "level", "pa"),
    EventKind.PAGE_WALK: ("root", "va", "access", "outcome"),
    EventKind.TLB_FLUSH: ("root", "va"),
    EventKind.COW_COPY: ("root", "va", "old_pa", "new_pa"),
    EventKind.PAGE_ALLOC: ("pa", "count", "usage"),
    EventKind.PAGE_FREE: ("pa", "count", "usage"),
    EventKind.BYTE_ALLOC: ("pa", "size_bytes", "what"),
    EventKind.BYTE_FREE: ("pa", "size_bytes", "what"),
    EventKind.BLOCK_SPLIT: ("allocator", "pa", "size_bytes", "kept_bytes"),
    EventKind.BLOCK_MERGE: ("allocator", "pa", "with_pa", "size_bytes"),
    EventKind.HEAP_GROW: ("pa", "size_bytes"),
    EventKind.SLAB_GROW: ("class_bytes", "pa", "blocks"),
    EventKind.ALLOC_FAIL: ("what", "size_bytes"),
    EventKind.TASK_NEW: ("tid", "name"),
    EventKind.TASK_STATE: ("tid", "old", "new", "why"),
    EventKind.TASK_EXIT: ("tid", "code"),
    EventKind.TASK_SWITCH: ("prev", "next", "why"),
    EventKind.TASK_WAKE: ("tid", "cpu", "by"),
    EventKind.TASK_MIGRATE: ("tid", "from_cpu", "to_cpu"),
    EventKind.QUEUE_PUSH: ("cpu", "tid", "key"),
    EventKind.QUEUE_POP: ("cpu", "tid", "key"),
    EventKind.TASK_DROP: ("tid",),
    EventKind.IPI: ("from_cpu", "to_cpu", "why"),
    EventKind.NS_NEW: ("ns", "pa", "size_bytes"),
    EventKind.NS_DROP: ("ns", "pa"),
    EventKind.ARC_NEW: ("resource", "pa", "strong"),
    EventKind.ARC_SHARE: ("resource", "pa", "strong"),
    EventKind.ARC_COPY: ("resource", "from_pa", "pa"),
    EventKind.ARC_DROP: ("resource", "pa", "strong"),
    EventKind.FD_OPEN: ("fd", "what"),
    EventKind.FD_CLOSE: ("fd", "what"),
    EventKind.FD_DUP: ("fd", "new_fd", "what"),
    EventKind.FILE_READ: ("what", "offset", "size_bytes"),
    EventKind.FILE_WRITE: ("what", "offset", "size_bytes"),
    EventKind.CONSOLE_READ: ("size_bytes",),
    EventKind.CONSOLE_WRITE: ("size_bytes",),
    EventKind.CONSOLE_INPUT: ("size_bytes",),
    EventKind.FS_CHANGE: ("what", "path"),
    EventKind.BLOCK_READ: ("block", "count"),
    EventKind.BLOCK_WRITE: ("block", "count"),
    EventKind.SIGNAL_SEND: ("target", "signo", "code"),
    EventKind.SIGNAL_DELIVER: ("tid", "signo", "handler"),
    EventKind.SIGNAL_DEFAULT: ("tid", "signo", "action"),
    EventKind.SIGNAL_RETURN: ("tid",),
    EventKind.PROC_NEW: ("pid", "parent"),
    EventKind.PROC_EXEC: ("pid", "path"),
    EventKind.PROC_EXIT: ("pid", "status"),
    EventKind.PROC_REAP: ("pid",),
    EventKind.FUTEX_WAIT: ("tid", "va"),
    EventKind.FUTEX_WAKE: ("va", "count"),
}

#: Events that end the kernel's work: nothing changes after them until the program goes on.
TRAP_EXITS = frozenset(
    {EventKind.TRAP_EXIT, EventKind.CALL_RETURN, EventKind.POWER_OFF, EventKind.PANIC}
)


def _costs() -> list[int]:
    """Virtual nanoseconds per kind, index = kind; 20 ns (4 instructions) unless named."""
    costs = [20] * (max(EventKind) + 1)
    costs[EventKind.SYSCALL_ENTER] = 150
    costs[EventKind.SYSCALL_EXIT] = 150
    costs[EventKind.FAULT_ENTER] = 300
    costs[EventKind.FAULT_EXIT] = 200
    costs[EventKind.EXCEPTION_ENTER] = 300
    costs[EventKind.TICK_ENTER] = 300
    costs[EventKind.TICK_EXIT] = 200
    costs[EventKind.IDLE_SKIP] = 0
    costs[EventKind.TRAP_EXIT] = 0
    costs[EventKind.CALL_ENTER] = 10  # a function's first and last instructions
    costs[EventKind.CALL_EXIT] = 10
    costs[EventKind.CALL_RETURN] = 0
    costs[EventKind.TASK_SWITCH] = 500
    costs[EventKind.PTE_SET] = 40
    costs[EventKind.PTE_CLEAR] = 40
    costs[EventKind.TLB_FLUSH] = 100
    costs[EventKind.PAGE_ALLOC] = 200  # includes zeroing a frame
    costs[EventKind.COW_COPY] = 500
    costs[EventKind.SIGNAL_DELIVER] = 800
    costs[EventKind.CONSOLE_WRITE] = 1000
    return costs


COST_NS: list[int] = _costs()


class EventSink(Protocol):
    """Where a crate reports what it does; `EventLog` in the machine, `NullSink` alone."""

    def emit(self, kind: EventKind, *fields: Any) -> None:
        """Report one event; `fields` in the order of `FIELDS[kind]`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One recorded event.

    Attributes:
        index: Counts from 1; also the event part of the position right after it.
        cpu: CPU it happened on.
        tid: Current task there; 0 before the first task.
        time_ns: That CPU's virtual time after the event.
        cause: Why the kernel was running.
        kind: What happened.
        fields: Values in the order of `FIELDS[kind]`.
    """

    index: int
    cpu: int
    tid: int
    time_ns: int
    cause: Cause
    kind: EventKind
    fields: tuple[Any, ...]

    def __getitem__(self, name: str) -> Any:
        return self.fields[FIELDS[self.kind].index(name)]

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return dict(zip(FIELDS[self.kind], self.fields, strict=False))


RawEvent = tuple[int, int, int, int, Cause, EventKind, tuple[Any, ...]]


class HalfWay(Exception):
    """Raised by `emit` when a replay reaches the event it wants to stop inside the kernel at.

    Passes through the kernel's code and is caught by the timeline. The machine is then half-way
    through a handler: good for looking, never for going on.
    """


class EventLog:
    """Counts events, moves virtual time by their cost, and records them for observers.

    Machine state: `count`, `time_ns` (the running CPU's clock while the kernel runs), `cpu_id`,
    `tid`, `cause`. Everything else belongs to the observer.
    """

    __slots__ = (
        "alarm",
        "alarm_hit",
        "cause",
        "count",
        "cpu_id",
        "first_record",
        "records",
        "stop_inside",
        "tid",
        "time_ns",
    )

    def __init__(self) -> None:
        self.count = 0
        self.time_ns = 0
        self.cpu_id = 0
        self.tid = 0
        self.cause = BOOT_CAUSE
        self.records: list[RawEvent] | None = None
        self.first_record = 1  # index of records[0]
        self.alarm = 1 << 62  # event index a replay wants to stop at
        self.alarm_hit = False
        self.stop_inside = False

    def emit(self, kind: EventKind, *fields: Any) -> None:
        """Count one event, charge its cost, record it if someone listens.

        Raises:
            HalfWay: A replay asked to stop inside the kernel at this event.
        """
        self.count = index = self.count + 1
        self.time_ns += COST_NS[kind]
        records = self.records
        if records is not None and index == self.first_record + len(records):
            records.append((index, self.cpu_id, self.tid, self.time_ns, self.cause, kind, fields))
        if index >= self.alarm:
            self.alarm_hit = True
            if self.stop_inside and index == self.alarm and kind not in TRAP_EXITS:
                raise HalfWay

    def record(self, on: bool = True) -> None:
        """Start recording at the next event, dropping what was recorded; or stop."""
        self.records = [] if on else None
        self.first_record = self.count + 1

    def events(self, first: int, end: int) -> list[Event]:
        """The recorded events with `first <= index < end`."""
        records = self.records
        if records is None:
            return []
        start = max(first - self.first_record, 0)
        return [Event(*raw) for raw in records[start : max(end - self.first_record, 0)]]


class NullSink:
    """Drops every event: for crates used on their own."""

    __slots__ = ()

    def emit(self, kind: EventKind, *fields: Any) -> None:
        """Do nothing."""
