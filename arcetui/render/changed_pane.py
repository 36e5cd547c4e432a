"""What a step changed, in words, for one pane: counts of the events that concern it, and by what.

The full sentence is `ChangeView.sentence`; a pane shows the part that is about its own subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from arcetui.state import Snapshot
    from kernel.inspect.views import Event

#: Which events concern a pane, by the names of `EventKind`.
CONCERNS: dict[str, frozenset[str]] = {
    "maps": frozenset(
        [
            "VMA_ADD",
            "VMA_REMOVE",
            "VMA_SPLIT",
            "VMA_RESIZE",
            "VMA_PROTECT",
            "BRK",
            "ASPACE_NEW",
            "ASPACE_DROP",
        ]
    ),
    "walk": frozenset(
        [
            "PTE_SET",
            "PTE_CLEAR",
            "PTE_PROTECT",
            "TABLE_ALLOC",
            "TABLE_FREE",
            "TLB_FLUSH",
            "COW_COPY",
        ]
    ),
    "allocators": frozenset(
        [
            "PAGE_ALLOC",
            "PAGE_FREE",
            "BYTE_ALLOC",
            "BYTE_FREE",
            "BLOCK_SPLIT",
            "BLOCK_MERGE",
            "HEAP_GROW",
            "SLAB_GROW",
            "ALLOC_FAIL",
        ]
    ),
    "console": frozenset(["CONSOLE_READ", "CONSOLE_WRITE", "CONSOLE_INPUT"]),
    "code": frozenset(["SIGNAL_DELIVER", "SIGNAL_RETURN", "SIGNAL_DEFAULT", "PROC_EXEC"]),
    "tasks": frozenset(
        ["TASK_NEW", "TASK_EXIT", "TASK_WAKE", "PROC_NEW", "PROC_EXIT", "PROC_REAP", "PROC_EXEC"]
    ),
    "queues": frozenset(["TASK_SWITCH", "QUEUE_PUSH", "QUEUE_POP", "TASK_MIGRATE", "IPI"]),
    "gantt": frozenset(["TASK_SWITCH"]),
    "waits": frozenset(["FUTEX_WAIT", "FUTEX_WAKE", "SYSCALL_BLOCK", "CALL_BLOCK", "TASK_WAKE"]),
    "sharing": frozenset(["NS_NEW", "NS_DROP", "ARC_NEW", "ARC_SHARE", "ARC_COPY", "ARC_DROP"]),
    "memory": frozenset(["COW_COPY", "PTE_SET", "PTE_CLEAR"]),
}
#: What a system call changed, for the call log.
CALL_EFFECTS: frozenset[str] = (
    CONCERNS["maps"]
    | (CONCERNS["walk"] - {"TLB_FLUSH"})
    | CONCERNS["tasks"]
    | CONCERNS["sharing"]
    | frozenset(["PAGE_ALLOC", "PAGE_FREE", "FD_OPEN", "FD_CLOSE", "FD_DUP", "FS_CHANGE"])
)

_WORDS: dict[str, tuple[str, str]] = {  # one, many
    "VMA_ADD": ("+1 VMA", "+{} VMAs"),
    "VMA_REMOVE": ("-1 VMA", "-{} VMAs"),
    "VMA_SPLIT": ("1 VMA split", "{} VMA splits"),
    "VMA_RESIZE": ("1 VMA resized", "{} VMAs resized"),
    "VMA_PROTECT": ("1 VMA protected", "{} VMAs protected"),
    "BRK": ("brk moved", "brk moved {} times"),
    "ASPACE_NEW": ("new address space", "{} new address spaces"),
    "ASPACE_DROP": ("address space dropped", "{} address spaces dropped"),
    "PTE_SET": ("1 PTE set", "{} PTEs set"),
    "PTE_CLEAR": ("1 PTE cleared", "{} PTEs cleared"),
    "PTE_PROTECT": ("1 PTE protected", "{} PTEs protected"),
    "TABLE_ALLOC": ("+1 table", "+{} tables"),
    "TABLE_FREE": ("-1 table", "-{} tables"),
    "TLB_FLUSH": ("TLB flushed", "{} TLB flushes"),
    "COW_COPY": ("1 page copied", "{} pages copied"),
    "PAGE_ALLOC": ("+1 page", "+{} pages"),
    "PAGE_FREE": ("-1 page", "-{} pages"),
    "BYTE_ALLOC": ("+1 block", "+{} blocks"),
    "BYTE_FREE": ("-1 block", "-{} blocks"),
    "BLOCK_SPLIT": ("1 split", "{} splits"),
    "BLOCK_MERGE": ("1 merge", "{} merges"),
    "HEAP_GROW": ("heap grew", "heap grew {} times"),
    "SLAB_GROW": ("slab grew", "slab grew {} times"),
    "ALLOC_FAIL": ("allocation failed", "{} allocations failed"),
    "FD_OPEN": ("+1 fd", "+{} fds"),
    "FD_CLOSE": ("-1 fd", "-{} fds"),
    "FD_DUP": ("fd copied", "{} fds copied"),
    "FS_CHANGE": ("file system changed", "{} file system changes"),
    "CONSOLE_READ": ("{} read", "{} read"),
    "CONSOLE_WRITE": ("{} written", "{} written"),
    "CONSOLE_INPUT": ("{} typed", "{} typed"),
    "SIGNAL_DELIVER": ("signal handler called", "{} signal handlers called"),
    "SIGNAL_RETURN": ("handler returned", "{} handlers returned"),
    "SIGNAL_DEFAULT": ("signal's default action", "{} default actions"),
    "PROC_EXEC": ("new program", "{} new programs"),
    "PROC_NEW": ("+1 process", "+{} processes"),
    "PROC_EXIT": ("1 process ended", "{} processes ended"),
    "PROC_REAP": ("1 process reaped", "{} processes reaped"),
    "TASK_NEW": ("+1 task", "+{} tasks"),
    "TASK_EXIT": ("1 task ended", "{} tasks ended"),
    "TASK_WAKE": ("1 woken", "{} woken"),
    "TASK_SWITCH": ("1 switch", "{} switches"),
    "TASK_MIGRATE": ("1 migrated", "{} migrated"),
    "QUEUE_PUSH": ("1 queued", "{} queued"),
    "QUEUE_POP": ("1 taken", "{} taken"),
    "IPI": ("1 IPI", "{} IPIs"),
    "FUTEX_WAIT": ("1 waits", "{} wait"),
    "FUTEX_WAKE": ("1 wake-up", "{} wake-ups"),
    "SYSCALL_BLOCK": ("1 call waits", "{} calls wait"),
    "CALL_BLOCK": ("1 call waits", "{} calls wait"),
    "NS_NEW": ("+1 namespace", "+{} namespaces"),
    "NS_DROP": ("-1 namespace", "-{} namespaces"),
    "ARC_NEW": ("+1 object", "+{} objects"),
    "ARC_SHARE": ("1 shared", "{} shared"),
    "ARC_COPY": ("1 copied", "{} copied"),
    "ARC_DROP": ("1 reference dropped", "{} references dropped"),
}
_COUNTED_FIELD = {"PAGE_ALLOC": "count", "PAGE_FREE": "count"}
_BYTES = frozenset({"CONSOLE_READ", "CONSOLE_WRITE", "CONSOLE_INPUT"})


def words(events: Iterable[Event], kinds: frozenset[str]) -> str:
    """Counts of the events of some kinds, "+1 VMA, 2 PTEs set"; "" if there are none."""
    counts: dict[str, int] = {}
    for event in events:
        name = event.kind.name
        if name in kinds:
            field = "size_bytes" if name in _BYTES else _COUNTED_FIELD.get(name)
            counts[name] = counts.get(name, 0) + (int(event[field]) if field else 1)
    parts: list[str] = []
    for name, count in counts.items():
        one, many = _WORDS[name]
        if name in _BYTES:
            parts.append(many.format(f"{count} byte{'s' * (count != 1)}"))
        else:
            parts.append(one if count == 1 else many.format(count))
    return ", ".join(parts)


def cause_words(event: Event, names: Mapping[int, str]) -> str:
    """Why an event happened: "mmap #12", "page fault #3"."""
    cause = event.cause
    kind = cause.kind.name
    if kind in {"SYSCALL", "CALL"}:
        return f"{names.get(cause.detail, 'system call')} #{cause.serial}"
    if kind == "FAULT":
        return f"page fault at {cause.detail:#x}"
    return {
        "BOOT": "boot",
        "TICK": f"timer tick #{cause.serial}",
        "EXCEPTION": f"exception #{cause.serial}",
        "IDLE": "idle",
        "INPUT": "console input",
    }.get(kind, kind.lower())


def moved_by(snapshot: Snapshot) -> str:
    """What the program did in the last step: "1 instruction", "mmap #3", "88 instructions"."""
    change = snapshot.change
    if change is None:
        return ""
    undone = "undoing " if change.until < change.since else ""
    if change.since.event == change.until.event:
        count = abs(change.until.insns - change.since.insns)
        return f"{undone}{count} instruction{'s' * (count != 1)}" if count else ""
    causes: dict[str, None] = {}
    for event in change.events:
        causes.setdefault(cause_words(event, snapshot.names), None)
    by = list(causes)
    if not by:
        return ""
    return undone + (by[0] if len(by) == 1 else f"{by[0]} … {by[-1]}")


def with_cause(text: str, snapshot: Snapshot) -> str:
    """A change with what it came from: "2 changed; by 1 instruction"."""
    cause = moved_by(snapshot) if text else ""
    return f"{text}; by {cause}" if cause else text


def sentence(snapshot: Snapshot, pane: str) -> str:
    """What the last step changed in a pane and by what; "" if nothing."""
    change = snapshot.change
    if change is None or not change.events:
        return ""
    kinds = CONCERNS.get(pane, frozenset())
    mine = [event for event in change.events if event.kind.name in kinds]
    text = words(mine, kinds)
    if not text:
        return ""
    causes: dict[str, None] = {}
    for event in mine:
        causes.setdefault(cause_words(event, snapshot.names), None)
    by = list(causes)
    tail = by[0] if len(by) == 1 else f"{by[0]} … {by[-1]}"
    undone = "undone: " if change.until < change.since else ""
    return f"{undone}{text}; by {tail}"
