"""Sum up events for people: what a step changed, and the cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kernel.crates.event import Cause, CauseKind, Event, EventKind

#: Kinds that are counted, with the words for one and for many. `{}` is the number.
_COUNTED: dict[EventKind, tuple[str, str]] = {
    EventKind.VMA_ADD: ("+1 VMA", "+{} VMAs"),
    EventKind.VMA_REMOVE: ("-1 VMA", "-{} VMAs"),
    EventKind.VMA_SPLIT: ("1 VMA split", "{} VMA splits"),
    EventKind.VMA_RESIZE: ("1 VMA resized", "{} VMAs resized"),
    EventKind.VMA_PROTECT: ("1 VMA's rights changed", "{} VMAs' rights changed"),
    EventKind.PTE_SET: ("1 PTE set", "{} PTEs set"),
    EventKind.PTE_CLEAR: ("1 PTE cleared", "{} PTEs cleared"),
    EventKind.PTE_PROTECT: ("1 PTE changed", "{} PTEs changed"),
    EventKind.TABLE_ALLOC: ("+1 page table", "+{} page tables"),
    EventKind.TABLE_FREE: ("-1 page table", "-{} page tables"),
    EventKind.COW_COPY: ("1 page copied on write", "{} pages copied on write"),
    EventKind.HEAP_GROW: ("kernel heap grew", "kernel heap grew {} times"),
    EventKind.SLAB_GROW: ("slab grew", "slab grew {} times"),
    EventKind.BLOCK_SPLIT: ("1 block split", "{} blocks split"),
    EventKind.BLOCK_MERGE: ("1 block merged", "{} blocks merged"),
    EventKind.TASK_NEW: ("+1 task", "+{} tasks"),
    EventKind.TASK_EXIT: ("1 task ended", "{} tasks ended"),
    EventKind.TASK_SWITCH: ("1 switch", "{} switches"),
    EventKind.TASK_WAKE: ("1 wake-up", "{} wake-ups"),
    EventKind.ARC_SHARE: ("1 resource shared", "{} resources shared"),
    EventKind.ARC_COPY: ("1 resource copied", "{} resources copied"),
    EventKind.FD_OPEN: ("+1 fd", "+{} fds"),
    EventKind.FD_CLOSE: ("-1 fd", "-{} fds"),
    EventKind.SIGNAL_SEND: ("1 signal sent", "{} signals sent"),
    EventKind.SIGNAL_DELIVER: ("1 signal delivered", "{} signals delivered"),
    EventKind.TICK_ENTER: ("1 tick", "{} ticks"),
}
#: How many causes are named one by one.
_NAMED_CAUSES = 2


def summarize(events: Iterable[Event], names: Mapping[int, str]) -> str:
    """One sentence: "+1 VMA, 2 PTEs set; by munmap #12".

    Args:
        events: In order.
        names: System-call names by number.
    """
    counts: dict[EventKind, int] = {}
    pages = [0, 0]
    blocks = [0, 0]
    causes: dict[Cause, None] = {}
    for event in events:
        causes[event.cause] = None
        match event.kind:
            case EventKind.PAGE_ALLOC:
                pages[0] += event.fields[1]
            case EventKind.PAGE_FREE:
                pages[1] += event.fields[1]
            case EventKind.BYTE_ALLOC:
                blocks[0] += 1
            case EventKind.BYTE_FREE:
                blocks[1] += 1
            case _:
                counts[event.kind] = counts.get(event.kind, 0) + 1
    parts = [
        one if counts[kind] == 1 else many.format(counts[kind])
        for kind, (one, many) in _COUNTED.items()
        if kind in counts
    ]
    parts += _plus_minus(pages, "frame") + _plus_minus(blocks, "kernel object")
    if not parts and not causes:
        return ""
    text = ", ".join(parts) or "no kernel object changed"
    return f"{text}; by {_causes(list(causes), names)}"


def _plus_minus(pair: list[int], word: str) -> list[str]:
    found: list[str] = []
    for sign, number in zip("+-", pair, strict=True):
        if number:
            found.append(f"{sign}{number} {word}{'s' if number > 1 else ''}")
    return found


def cause_text(cause: Cause, names: Mapping[int, str]) -> str:
    """A cause in words: "munmap #12", "page fault at 0x4000 #3", "tick #2"."""
    match cause.kind:
        case CauseKind.SYSCALL | CauseKind.CALL:
            return f"{names.get(cause.detail, f'syscall_{cause.detail:#x}')} #{cause.serial}"
        case CauseKind.FAULT:
            return f"page fault at {cause.detail:#x} #{cause.serial}"
        case CauseKind.EXCEPTION:
            return f"exception #{cause.serial}"
        case CauseKind.TICK:
            return f"tick #{cause.serial}"
        case CauseKind.INPUT:
            return f"console input #{cause.serial}"
        case CauseKind.IDLE:
            return "idle"
        case _:
            return "boot"


def _causes(causes: list[Cause], names: Mapping[int, str]) -> str:
    if len(causes) <= _NAMED_CAUSES:
        return " and ".join(cause_text(cause, names) for cause in causes)
    return f"{cause_text(causes[0], names)} and {len(causes) - 1} more"
