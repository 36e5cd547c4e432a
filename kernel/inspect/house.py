"""The house: the running kernel's components, their size, and which of them a call went through.

Components are the files and packages of the kernel's own source, layer by layer (S000 figure 3.1);
their lines of code are counted when asked for, which makes our own table 5.3. A line of code has
something on it besides a comment or a docstring.

The way of a system call follows from its events: every kind of event belongs to the components
that make it, and the handler's module names the family.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import kernel
from kernel.crates.event import CauseKind, EventKind, RawEvent
from kernel.inspect.system import System

#: The layers from the bottom up: (title, folders or files under `kernel/`).
LAYERS = (
    ("machine", "machine"),
    ("crates", "crates"),
    ("backbone", "modules"),
    ("plugin", "plugins"),
)

#: Files of `crates` that one published crate of ArceOS covers.
_CRATES = {
    "elf_dynamic": "elf",
    "page_table_tree": "page_table",
    "page_walk": "page_table",
    "memory_area": "memory_set",
    "siginfo": "signal",
    "interface": "crate_interface",
}
#: Crates that only a kernel with processes uses.
_OF_PROCESSES = ("crates/process", "crates/signal", "crates/user_ptr")
#: Not components of a kernel: what it is shown with.
_TOOLS = ("views", "event")


@dataclass(frozen=True, slots=True)
class ComponentView:
    """One component.

    Attributes:
        name: Unique: "crates/page_table", "axmm", "starry/api/mm".
        layer: One of the titles of `LAYERS`.
        lines: Lines of code.
        in_use: Whether this machine was built with it (of allocators, schedulers, HALs and file
            systems one is chosen).
        step: Its place in the way of the last system call, from 1; 0: not on it.
    """

    name: str
    layer: str
    lines: int
    in_use: bool
    step: int


@dataclass(frozen=True, slots=True)
class HouseView:
    """All components, and the last system call's way through them.

    Attributes:
        serial: The last system call; 0 before the first.
        way: Component names in the order in which the call first came to them.
        totals: (layer, lines of code).
    """

    serial: int
    call: str
    components: tuple[ComponentView, ...]
    way: tuple[str, ...]
    totals: tuple[tuple[str, int], ...]


# -- lines of code ------------------------------------------------------------------------------


def code_lines(source: str) -> int:
    """Lines with code on them: no blank lines, comments or docstrings.

    Read line by line, because a tokenizer takes seconds for a whole kernel: a docstring begins a
    line with three double quotes, any other string that runs over lines begins within one.
    """
    count = 0
    inside = ""  # "doc" or "text": the string the line begins in
    for line in source.splitlines():
        text = line.strip()
        turns = text.count('"""') % 2 == 1
        if inside:
            count += inside == "text" and bool(text)
            inside = "" if turns else inside
        elif text.startswith(('"""', 'r"""')):
            inside = "doc" if turns else ""
        elif text and not text.startswith("#"):
            count += 1
            inside = "text" if turns else ""
    return count


def component_of(path: str) -> str:
    """The component a source file belongs to; `path` is relative to `kernel/`, "" if none."""
    parts = path.removesuffix(".py").split("/")
    if parts[0] == "machine":
        return "machine/" + ("engines" if parts[1] == "engines" else "board")
    if parts[0] == "crates":
        return "" if parts[1] in _TOOLS else _crate_of(parts[1:])
    if parts[0] == "modules":
        return _module_of(parts[1:])
    if parts[0] == "plugins" and len(parts) > 2:
        if parts[2] == "core":
            return f"{parts[1]}/core"
        if parts[2] == "api":
            family = parts[3].partition("_")[0] if parts[3].startswith("numbers") else parts[3]
            return f"{parts[1]}/api" if family == "__init__" else f"{parts[1]}/api/{family}"
        return parts[1]
    return ""


def _crate_of(parts: list[str]) -> str:
    name = _CRATES.get(parts[0], parts[0])
    if name in ("allocator", "scheduler") and len(parts) > 1 and parts[1] != "__init__":
        return f"crates/{name}/{parts[1]}"
    return "" if name == "__init__" else f"crates/{name}"


def _module_of(parts: list[str]) -> str:
    name = parts[0]
    if name == "__init__":
        return ""
    if name == "axhal" and parts[1:] and parts[1] in ("polyhal", "poly_platform"):
        return "axhal/polyhal"
    if name == "axhal" and parts[1:] and parts[1] == "qemu_virt":
        return "axhal/qemu_virt"
    if name == "axfs" and parts[1:]:
        if parts[1] in ("ramfs", "devfs", "procfs"):
            return f"axfs/{parts[1]}"
        if parts[1].startswith("fat"):
            return "axfs/fatfs"
    return name


@cache
def sizes() -> dict[str, int]:
    """Lines of code by component, in the order of layers and names."""
    root = Path(str(kernel.__file__)).parent
    found: dict[str, int] = {}
    for _, folder in LAYERS:
        layer: dict[str, int] = {}
        for path in sorted((root / folder).rglob("*.py")):
            name = component_of(path.relative_to(root).as_posix())
            if name:
                layer[name] = layer.get(name, 0) + code_lines(path.read_text("utf-8"))
        found.update(sorted(layer.items()))
    return found


def layer_of(name: str) -> str:
    """The title of a component's layer."""
    head = name.split("/")[0]
    if head in ("machine", "crates"):
        return head
    return "backbone" if head.startswith("ax") else "plugin"


# -- what this machine is built with ------------------------------------------------------------


def _choices(system: System) -> dict[str, bool]:
    """Components of which one is chosen, and whether it is the one."""
    live: Any = system.kernel
    scheduler = type(live.tasks.queues[0].scheduler).__module__.rpartition(".")[2]
    root = type(live.fs.root).__module__.rpartition(".")[2] if live.fs is not None else ""
    chosen = {
        f"crates/allocator/{live.alloc.kind}",
        f"crates/scheduler/{scheduler}",
        f"axfs/{root}",
        "axhal/polyhal" if live.hal.hal == "polyhal" else "axhal/qemu_virt",
        "axfs/ramfs",  # /tmp in any case
    }
    shared = getattr(live.tasks.queues[0].scheduler, "shared", None)
    if shared is not None:
        chosen.add("crates/scheduler/" + type(shared).__module__.rpartition(".")[2])
    if root == "fatfs":
        chosen.add("axdriver")
    plugin = type(live.plugin).__module__.split(".")[2]
    groups = (
        "crates/allocator/tlsf",
        "crates/allocator/slab",
        "crates/allocator/buddy",
        "axhal/polyhal",
        "axhal/qemu_virt",
        "axfs/fatfs",
        "axdriver",
    )
    found = {name: name in chosen for name in groups}
    for name in sizes():
        if name.startswith("crates/scheduler/"):
            found[name] = name in chosen
        elif layer_of(name) == "plugin":
            found[name] = name.split("/")[0] == plugin
        elif name in _OF_PROCESSES:
            found[name] = live.plugin.form == "monolithic"
    return found


# -- the way of a call --------------------------------------------------------------------------

_AXMM = ("axmm", "crates/memory_set")
_TABLES = ("crates/page_table", "crates/page_table_entry")
_TASK = ("axtask",)

#: Components behind each kind of event, in the order in which they are gone through. "{alloc}" and
#: "{sched}" stand for the chosen allocator and scheduler, "{root}" for the root file system.
_WAYS: dict[EventKind, tuple[str, ...]] = {
    EventKind.SYSCALL_ENTER: ("machine/board", "{hal}", "axhal", "{plugin}"),
    EventKind.CALL_ENTER: ("{plugin}",),
    EventKind.VMA_ADD: _AXMM,
    EventKind.VMA_REMOVE: _AXMM,
    EventKind.VMA_SPLIT: _AXMM,
    EventKind.VMA_RESIZE: _AXMM,
    EventKind.VMA_PROTECT: _AXMM,
    EventKind.BRK: ("axmm",),
    EventKind.ASPACE_NEW: ("axmm",),
    EventKind.ASPACE_DROP: ("axmm",),
    EventKind.COW_COPY: ("axmm",),
    EventKind.PTE_SET: _TABLES,
    EventKind.PTE_CLEAR: _TABLES,
    EventKind.PTE_PROTECT: _TABLES,
    EventKind.TABLE_ALLOC: _TABLES,
    EventKind.TABLE_FREE: _TABLES,
    EventKind.TLB_FLUSH: ("axhal",),
    EventKind.PAGE_ALLOC: ("axalloc", "crates/allocator/bitmap"),
    EventKind.PAGE_FREE: ("axalloc", "crates/allocator/bitmap"),
    EventKind.BYTE_ALLOC: ("axalloc", "{alloc}"),
    EventKind.BYTE_FREE: ("axalloc", "{alloc}"),
    EventKind.BLOCK_SPLIT: ("{alloc}",),
    EventKind.BLOCK_MERGE: ("{alloc}",),
    EventKind.HEAP_GROW: ("axalloc", "{alloc}"),
    EventKind.SLAB_GROW: ("{alloc}",),
    EventKind.TASK_NEW: _TASK,
    EventKind.TASK_STATE: _TASK,
    EventKind.TASK_EXIT: _TASK,
    EventKind.TASK_SWITCH: ("axtask", "axhal", "machine/board"),
    EventKind.TASK_WAKE: _TASK,
    EventKind.TASK_DROP: _TASK,
    EventKind.TASK_MIGRATE: _TASK,
    EventKind.QUEUE_PUSH: ("axtask", "{sched}"),
    EventKind.QUEUE_POP: ("axtask", "{sched}"),
    EventKind.IPI: ("axhal",),
    EventKind.NS_NEW: ("axns",),
    EventKind.NS_DROP: ("axns",),
    EventKind.ARC_NEW: ("axns", "crates/res_arc"),
    EventKind.ARC_SHARE: ("axns", "crates/res_arc"),
    EventKind.ARC_COPY: ("axns", "crates/res_arc"),
    EventKind.ARC_DROP: ("axns", "crates/res_arc"),
    EventKind.FD_OPEN: ("{core}", "crates/flatten_objects"),
    EventKind.FD_CLOSE: ("{core}", "crates/flatten_objects"),
    EventKind.FD_DUP: ("{core}", "crates/flatten_objects"),
    EventKind.FILE_READ: ("axfs", "crates/vfs", "{root}"),
    EventKind.FILE_WRITE: ("axfs", "crates/vfs", "{root}"),
    EventKind.FS_CHANGE: ("axfs", "crates/vfs", "{root}"),
    EventKind.BLOCK_READ: ("axfs/fatfs", "axdriver"),
    EventKind.BLOCK_WRITE: ("axfs/fatfs", "axdriver"),
    EventKind.CONSOLE_READ: ("{inner}", "axhal", "machine/board"),
    EventKind.CONSOLE_WRITE: ("{inner}", "axhal", "machine/board"),
    EventKind.SIGNAL_SEND: ("{core}", "crates/signal"),
    EventKind.SIGNAL_DELIVER: ("{core}", "crates/signal"),
    EventKind.SIGNAL_DEFAULT: ("{core}", "crates/signal"),
    EventKind.SIGNAL_RETURN: ("{core}", "crates/signal"),
    EventKind.PROC_NEW: ("{core}", "crates/process"),
    EventKind.PROC_EXEC: ("{core}", "crates/elf"),
    EventKind.PROC_EXIT: ("{core}", "crates/process"),
    EventKind.PROC_REAP: ("{core}", "crates/process"),
    EventKind.FUTEX_WAIT: ("{inner}",),
    EventKind.FUTEX_WAKE: ("{inner}",),
    EventKind.SYSCALL_BLOCK: _TASK,
    EventKind.CALL_BLOCK: _TASK,
    EventKind.LOG: ("axlog",),
}


_CALLS = (CauseKind.SYSCALL, CauseKind.CALL)
_ENTRIES = (EventKind.SYSCALL_ENTER, EventKind.CALL_ENTER)


def way_of_last_call(system: System) -> tuple[str, ...]:
    """Components the last call came to, in order; none if it was not recorded."""
    serial = system.kernel.plugin.syscalls
    records = _records_of(system, serial)
    if not records:
        return ()
    names = _names(system, records[0])
    way: list[str] = []
    for record in records:
        for name in _WAYS.get(record[5], ()):
            name = names.get(name, name)
            if name and name not in way:
                way.append(name)
    return tuple(way)


def _records_of(system: System, serial: int) -> list[RawEvent]:
    """Recorded events of one system call up to now, from its entry."""
    events = system.board.events
    records = events.records or []
    last = min(events.count + 1 - events.first_record, len(records))
    found: list[RawEvent] = []
    for index in range(last - 1, -1, -1):
        record = records[index]
        cause = record[4]
        if cause.kind not in _CALLS or cause.serial > serial:
            continue
        if cause.serial < serial and record[5] in _ENTRIES:
            break
        if cause.serial == serial:
            found.append(record)
            if record[5] in _ENTRIES:
                break
    found.reverse()
    return found


def _names(system: System, enter: RawEvent) -> dict[str, str]:
    """What the placeholders of `_WAYS` stand for in this machine."""
    live: Any = system.kernel
    scheduler = type(live.tasks.queues[0].scheduler).__module__.rpartition(".")[2]
    root = type(live.fs.root).__module__.rpartition(".")[2] if live.fs is not None else ""
    handler = live.plugin.calls.entries.get(enter[6][1])
    plugin = type(live.plugin).__module__.split(".")[2]
    if handler is not None:
        plugin = component_of(handler[0].__module__.replace(".", "/").removeprefix("kernel/"))
    return {
        "{hal}": "axhal/polyhal" if live.hal.hal == "polyhal" else "axhal/qemu_virt",
        "{alloc}": f"crates/allocator/{live.alloc.kind}",
        "{sched}": f"crates/scheduler/{scheduler}",
        "{root}": f"axfs/{root}",
        "{plugin}": plugin,
        "{core}": f"{type(live.plugin).__module__.split('.')[2]}/core",
        # What Starry's core does, a Unikernel's function does itself.
        "{inner}": "starry/core" if live.plugin.form == "monolithic" else "",
    }


def house_view(system: System) -> HouseView:
    """The picture at this moment."""
    way = way_of_last_call(system)
    choices = _choices(system)
    steps = {name: number for number, name in enumerate(way, 1)}
    components = tuple(
        ComponentView(name, layer_of(name), lines, choices.get(name, True), steps.get(name, 0))
        for name, lines in sizes().items()
    )
    totals = tuple(
        (title, sum(each.lines for each in components if each.layer == title))
        for title, _ in LAYERS
    )
    serial = system.kernel.plugin.syscalls
    records = _records_of(system, serial)
    call = system.kernel.plugin.call_name(records[0][6][1]) if records else ""
    return HouseView(serial if records else 0, call, components, way, totals)
