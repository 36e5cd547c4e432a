"""The view types: frozen values, tuples inside, nothing of the live machine.

Equal views mean nothing changed; capture reuses the old object where it can, so `is` is a cheap
first test. Addresses are plain integers; `pid`, `tid`, `fd` as in Linux.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.crates.event import Event
from kernel.crates.views import (
    AddressSpaceView,
    AllocatorsView,
    AreaView,
    BitmapLevelView,
    BlockView,
    ByteAllocView,
    FdView,
    FreeListView,
    PageAllocView,
    ProcessView,
    WalkStep,
    WalkView,
)
from kernel.inspect.position import Position

__all__ = [
    "AddressSpaceView",
    "AllocatorsView",
    "AreaView",
    "BitmapLevelView",
    "BlockView",
    "ByteAllocView",
    "ChangeView",
    "CpuView",
    "FaultView",
    "FdView",
    "FreeListView",
    "MachineView",
    "PageAllocView",
    "ProcessView",
    "SyscallView",
    "TaskView",
    "WalkStep",
    "WalkView",
]


@dataclass(frozen=True, slots=True)
class CpuView:
    """One CPU. `registers` in the order of `Arch.registers`; `tid` 0 when idle."""

    cpu: int
    tid: int
    pid: int
    task_name: str
    pc: int
    registers: tuple[tuple[str, int], ...]
    time_ns: int
    instructions: int
    root_pa: int
    in_kernel: str  # "" in user mode, else what it is doing: "syscall mmap", "page fault"


@dataclass(frozen=True, slots=True)
class SyscallView:
    """One system call as the log keeps it.

    Attributes:
        serial: Counts from 1 over the machine's life.
        args: Six raw arguments.
        result: Signed result, or None while it runs or waits.
        enter, exit: Positions right after the enter event and at the exit; exit None while it runs.
    """

    serial: int
    tid: int
    nr: int
    name: str
    args: tuple[int, ...]
    result: int | None
    enter: Position
    exit: Position | None
    time_ns: int


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task (thread)."""

    tid: int
    pid: int
    name: str
    state: str  # Running, Ready, Blocked, Exited
    cpu: int
    waiting_for: str
    key: str  # the scheduler's own key, in words
    kstack_pa: int
    is_kernel: bool


@dataclass(frozen=True, slots=True)
class FaultView:
    """The last fault or exception that reached a task, in one sentence."""

    position: Position
    tid: int
    pc: int
    va: int
    access: str
    signal: str  # "" when handled
    sentence: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What happened between two positions, summed up for people.

    Attributes:
        events: The events, oldest first; at most some thousands.
        sentence: "+1 VMA, 2 PTEs set, order 4 split; by munmap #12"; "" if nothing happened.
        truncated: How many older events were dropped.
    """

    since: Position
    until: Position
    events: tuple[Event, ...]
    sentence: str
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class MachineView:
    """Always captured: cheap, and enough for the status line.

    Attributes:
        state: "stopped", "running", "waiting for input", "exited", "panicked", "deadlocked".
        half_way: Inside a kernel operation: only for looking; going on starts from a snapshot.
        end: The furthest position known; `position < end` means looking at the past.
        exit_status: As wait(2) reports it (raw), when the program ended.
        form: The kernel's form: "monolithic" or "unikernel".
        engine_note: What would make the CPU engine quicker, in a sentence; "" as a rule.
    """

    epoch: int
    arch: str
    position: Position
    end: Position
    state: str
    half_way: bool
    instructions: int
    time_ns: int
    syscalls: int
    cpus: tuple[CpuView, ...]
    current_cpu: int
    console_bytes: int
    exit_status: int | None
    last_fault: FaultView | None
    panic: str
    frames_used: int
    frames_total: int
    form: str = "monolithic"
    engine_note: str = ""
