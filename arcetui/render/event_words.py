"""A kernel event in words: what a student reads in the timeline and in the message line.

Kinds that are met all the time have a wording of their own; the others read `name=value`. Batch
mode and `--json` give the plain fields, as `kernel/crates/event.py` lists them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from arcetui.render.numbers import duration, human_bytes
from arcetui.strace.errors import ERRORS
from arcetui.strace.tables.signals import signal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel.inspect.views import Event

    Wording = Callable[[Event], str]

_ADDRESSES = frozenset(
    ["pa", "va", "start", "end", "at", "old_start", "old_end", "root", "pte_pa", "with_pa"]
    + ["from_pa", "old_pa", "new_pa", "pc", "handler"]
)
_WORST_ERROR = 4095
_MINUS_A_PAGE = (1 << 64) - 4096  # beyond it stand small negative numbers, no addresses
_ACCESSES = {1: "read", 2: "write", 4: "execute"}
#: Kinds, by the first part of their names, that are their own cause.
THEIR_OWN_CAUSE = frozenset({"SYSCALL", "CALL", "FAULT"})


def perms(flags: int | str) -> str:
    """An area's rights as in /proc/PID/maps: `rw-`."""
    if isinstance(flags, str):
        return flags
    return "".join(c if flags >> bit & 1 else "-" for bit, c in enumerate("rwx"))


def access(kind: int | str) -> str:
    """What an access wants to do."""
    return kind if isinstance(kind, str) else _ACCESSES.get(kind, "read")


def _span(event: Event, start: str = "start", end: str = "end") -> str:
    return f"{event[start]:#x}-{event[end]:#x}"


def _entry(event: Event) -> str:
    """What a page-table entry was and is."""
    kind = event.kind.name
    now = "" if kind == "PTE_CLEAR" else f" = {event['new']:#x}"
    old = "" if kind == "PTE_SET" and not event["old"] else f", was {event['old']:#x}"
    return f"{event['va']:#x}: entry at {event['pte_pa']:#x}{now}{old}"


def _pages(event: Event) -> str:
    count = event["count"]
    return f"{count} page{'s' * (count != 1)} at {event['pa']:#x}, {event['usage']}"


def _piece(event: Event) -> str:
    return f"{human_bytes(event['size_bytes'])} at {event['pa']:#x} for a {event['what']}"


def _split(event: Event) -> str:
    size, kept = event["size_bytes"], event["kept_bytes"]
    return (
        f"{event['allocator']}: {human_bytes(size)} at {event['pa']:#x} "
        f"into {human_bytes(kept)} and {human_bytes(size - kept)}"
    )


def _merge(event: Event) -> str:
    return (
        f"{event['allocator']}: {event['pa']:#x} with {event['with_pa']:#x} "
        f"to {human_bytes(event['size_bytes'])}"
    )


def _result(event: Event) -> str:
    result = event["result"]
    if isinstance(result, int) and -_WORST_ERROR <= result < 0 and -result in ERRORS:
        return f"{result} {ERRORS[-result][0]}"
    return f"{result:#x}" if isinstance(result, int) and result > 1 << 20 else f"{result}"


def _arguments(values: tuple[int, ...]) -> str:
    signed = [value - (1 << 64) if value > _MINUS_A_PAGE else value for value in values]
    return ", ".join(f"{value:#x}" if value > 9 else str(value) for value in signed)


@cache
def _argument_count(name: str) -> int | None:
    """How many of the six registers a call looks at; None if that is not known."""
    from arcetui.strace.calls import SPECS  # late: the tables of all calls

    spec = SPECS.get(name)
    return len(spec.args) if spec is not None and spec.vary is None else None


def _because(event: Event) -> str:
    return f": {event['why']}" if event["why"] else ""


#: Wordings by the names of `EventKind`.
_WORDINGS: dict[str, Wording] = {
    "VMA_ADD": lambda e: f"{_span(e)} {perms(e['flags'])} {e['backend']}",
    "VMA_REMOVE": _span,
    "VMA_SPLIT": lambda e: f"{_span(e)} at {e['at']:#x}",
    "VMA_RESIZE": lambda e: f"{_span(e)}, was {_span(e, 'old_start', 'old_end')}",
    "VMA_PROTECT": lambda e: f"{_span(e)} {perms(e['flags'])}, was {perms(e['old_flags'])}",
    "BRK": lambda e: f"{e['new']:#x}, was {e['old']:#x}",
    "ASPACE_NEW": lambda e: f"{e['aspace']}, root table {e['root']:#x}",
    "ASPACE_DROP": lambda e: f"{e['aspace']}, root table {e['root']:#x}",
    "PTE_SET": _entry,
    "PTE_CLEAR": _entry,
    "PTE_PROTECT": _entry,
    "TABLE_ALLOC": lambda e: f"{e['level']} at {e['pa']:#x}",
    "TABLE_FREE": lambda e: f"{e['level']} at {e['pa']:#x}",
    "PAGE_WALK": lambda e: f"{e['va']:#x} for {access(e['access'])}: {e['outcome']}",
    "TLB_FLUSH": lambda e: "all addresses" if e["va"] < 0 else f"{e['va']:#x}",
    "COW_COPY": lambda e: f"{e['va']:#x}: frame {e['old_pa']:#x} copied to {e['new_pa']:#x}",
    "PAGE_ALLOC": _pages,
    "PAGE_FREE": _pages,
    "BYTE_ALLOC": _piece,
    "BYTE_FREE": _piece,
    "BLOCK_SPLIT": _split,
    "BLOCK_MERGE": _merge,
    "FAULT_ENTER": lambda e: f"#{e['serial']} {access(e['access'])} of {e['va']:#x}",
    "FAULT_EXIT": lambda e: f"#{e['serial']} {e['va']:#x}: {e['outcome']}",
    "TICK_ENTER": lambda e: f"#{e['serial']}",
    "TICK_EXIT": lambda e: f"#{e['serial']}",
    "IDLE_SKIP": lambda e: f"{duration(e['to_ns'] - e['from_ns'])} to {duration(e['to_ns'])}",
    "TASK_WAKE": lambda e: f"{e['tid']} on cpu{e['cpu']}, by {e['by']}",
    "TASK_EXIT": lambda e: f"{e['tid']}, code {e['code']}",
    "PROC_NEW": lambda e: f"{e['pid']}, child of {e['parent']}",
    "PROC_EXEC": lambda e: f"{e['pid']} {e['path']}",
    "NS_NEW": lambda e: f"{e['ns']}: {human_bytes(e['size_bytes'])} at {e['pa']:#x}",
    "TASK_NEW": lambda e: f"{e['tid']} {e['name']}",
    "TASK_STATE": lambda e: f"{e['tid']} {e['old']} → {e['new']}{_because(e)}",
    "TASK_SWITCH": lambda e: f"{e['prev']} → {e['next']}{_because(e)}",
    "TASK_MIGRATE": lambda e: f"{e['tid']} cpu{e['from_cpu']} → cpu{e['to_cpu']}",
    "QUEUE_PUSH": lambda e: f"{e['tid']} to cpu{e['cpu']}'s queue, {e['key']}",
    "QUEUE_POP": lambda e: f"{e['tid']} from cpu{e['cpu']}'s queue, {e['key']}",
    "IPI": lambda e: f"cpu{e['from_cpu']} → cpu{e['to_cpu']}{_because(e)}",
    "ARC_NEW": lambda e: f"{e['resource']} at {e['pa']:#x}, strong {e['strong']}",
    "ARC_SHARE": lambda e: f"{e['resource']} at {e['pa']:#x}, strong {e['strong']}",
    "ARC_DROP": lambda e: f"{e['resource']} at {e['pa']:#x}, strong {e['strong']}",
    "ARC_COPY": lambda e: f"{e['resource']} at {e['from_pa']:#x} to {e['pa']:#x}",
    "FD_OPEN": lambda e: f"{e['fd']} {e['what']}",
    "FD_CLOSE": lambda e: f"{e['fd']} {e['what']}",
    "FD_DUP": lambda e: f"{e['fd']} → {e['new_fd']} {e['what']}",
    "FILE_READ": lambda e: f"{e['what']}: {human_bytes(e['size_bytes'])} from {e['offset']}",
    "FILE_WRITE": lambda e: f"{e['what']}: {human_bytes(e['size_bytes'])} at {e['offset']}",
    "FS_CHANGE": lambda e: f"{e['what']} {e['path']}",
    "CONSOLE_READ": lambda e: human_bytes(e["size_bytes"]),
    "CONSOLE_WRITE": lambda e: human_bytes(e["size_bytes"]),
    "CONSOLE_INPUT": lambda e: human_bytes(e["size_bytes"]),
    "SIGNAL_SEND": lambda e: f"{signal(e['signo'])} to {e['target']}",
    "SIGNAL_DELIVER": lambda e: f"{signal(e['signo'])} to {e['tid']}, handler {e['handler']:#x}",
    "SIGNAL_DEFAULT": lambda e: f"{signal(e['signo'])} to {e['tid']}: {e['action']}",
    "FUTEX_WAIT": lambda e: f"{e['tid']} at {e['va']:#x}",
    "FUTEX_WAKE": lambda e: f"{e['count']} at {e['va']:#x}",
}


def field_text(name: str, value: Any, names: Mapping[int, str]) -> str:
    """One field of an event that has no wording."""
    if name == "nr":
        return names.get(value, f"nr={value}") if isinstance(value, int) else str(value)
    if isinstance(value, int) and (name in _ADDRESSES or value > 1 << 20):
        return f"{name}={value:#x}"
    return f"{name}={value}"


def event_text(event: Event, names: Mapping[int, str]) -> str:
    """What happened, without the event's name.

    Args:
        event: Any event.
        names: Names of system calls, or of kernel functions, by number.
    """
    kind = event.kind.name
    if kind.startswith(("SYSCALL_", "CALL_")) and "serial" in event.as_dict():
        call = f"#{event['serial']} {names.get(event['nr'], event['nr'])}"
        if kind.endswith("_ENTER"):
            count = _argument_count(str(names.get(event["nr"], "")))
            return f"{call}({_arguments(event['args'][:count])})"
        if kind.endswith("_EXIT"):
            return f"{call} = {_result(event)}"
        if kind.endswith("_BLOCK"):
            return f"{call} waits for {event['waiting_for']}"
        return call
    wording = _WORDINGS.get(kind)
    if wording is not None:
        return wording(event)
    return " ".join(field_text(name, value, names) for name, value in event.as_dict().items())
