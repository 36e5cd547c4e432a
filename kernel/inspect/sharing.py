"""Who shares what: namespaces decoded from RAM, and tasks against the objects they use.

A namespace's slots and strong counts are read from its block and its Arcs in kernel memory. Two
tasks share a resource if it is one and the same object in the kernel; the letters of the matrix
name objects, per resource, in the order of task numbers.
Source: S000 3.1.3, figure 3.3; ArceOS modules/axns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kernel.inspect.system import System
from kernel.modules.axns import AxNamespace, AxNs

#: Resources that tasks share outside of namespaces, after those of the section.
OTHER_RESOURCES = ("SIGNAL_ACTIONS", "ADDRESS_SPACE", "PROCESS")


@dataclass(frozen=True, slots=True)
class SlotView:
    """One slot of a namespace.

    Attributes:
        resource: Its name.
        offset: Bytes from the start of the block, the same in every namespace.
        inited: The slot's flag in RAM.
        arc_pa: Where the Arc's payload block is; 0 if the slot is empty.
        strong, weak: Counts in the payload block.
        payload: What it is, in words.
    """

    resource: str
    offset: int
    inited: bool
    arc_pa: int
    strong: int
    weak: int
    payload: str


@dataclass(frozen=True, slots=True)
class NamespaceView:
    """One namespace, or the template (`ident` -1).

    Attributes:
        owner: Who uses it, in words.
        owner_pid: The process; 0 for the kernel's and the template.
        block: The block's bytes.
    """

    ident: int
    owner: str
    owner_pid: int
    base_pa: int
    size_bytes: int
    slots: tuple[SlotView, ...]
    block: bytes


@dataclass(frozen=True, slots=True)
class CellView:
    """What one task uses of one resource.

    Attributes:
        resource: Its name.
        letter: Same letter in one column: same object.
        holders: Tasks that use this object.
        strong: Its strong count in RAM; for objects without an Arc how many processes hold it.
        pa: Physical address of its Arc, its page-table root or its kernel object; 0: unknown.
        what: The object in words.
    """

    resource: str
    letter: str
    holders: int
    strong: int
    pa: int
    what: str


@dataclass(frozen=True, slots=True)
class TaskSharingView:
    """One row of the matrix."""

    tid: int
    pid: int
    name: str
    namespace: int
    cells: tuple[CellView, ...]


@dataclass(frozen=True, slots=True)
class EdgeView:
    """One path of the graph: task -> namespace block -> Arc -> payload.

    `namespace` is -1 and `base_pa` 0 for objects that no namespace holds.
    """

    tid: int
    namespace: int
    base_pa: int
    resource: str
    slot_pa: int
    arc_pa: int
    strong: int
    payload: str


@dataclass(frozen=True, slots=True)
class SharingView:
    """The matrix, the graph, and what nobody holds any more."""

    resources: tuple[str, ...]
    tasks: tuple[TaskSharingView, ...]
    edges: tuple[EdgeView, ...]
    leaked: tuple[tuple[str, int, int], ...]  # resource, Arc, references never given back


def letter(index: int) -> str:
    """A, B ... Z, AA, AB ..."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


# -- namespaces ---------------------------------------------------------------------------------


def namespace_views(system: System) -> tuple[NamespaceView, ...]:
    """The template, then every living namespace by number."""
    axns: AxNs = system.kernel.ns
    owners = _owners(system)
    found: list[NamespaceView] = []
    if 0 not in axns.namespaces:
        found.append(_namespace_view(axns, None, -1, axns.template_pa, "template", 0))
    for ident, ns in axns.namespaces.items():
        owner, pid = owners.get(ident, ("nobody", 0))
        found.append(_namespace_view(axns, ns, ident, ns.base_pa, owner, pid))
    return tuple(found)


def _owners(system: System) -> dict[int, tuple[str, int]]:
    """Whose each namespace is, by its number."""
    axns: AxNs = system.kernel.ns
    owners: dict[int, tuple[str, int]] = {0: ("every task", 0)}
    if axns.kernel_namespace is not None:
        owners[axns.kernel_namespace.ident] = ("kernel tasks", 0)
    for process in getattr(system.kernel.plugin, "processes", {}).values():
        owners.setdefault(process.ns.ident, (f"process {process.pid}", process.pid))
        for thread in process.threads.values():
            if getattr(thread, "own_ns", None) is not None:
                owners[thread.own_ns.ident] = (f"thread {thread.tid}", process.pid)
    return owners


def _namespace_view(
    axns: AxNs, ns: AxNamespace | None, ident: int, base_pa: int, owner: str, pid: int
) -> NamespaceView:
    mem = axns.mem
    slots: list[SlotView] = []
    for name, offset in axns.resources.items():
        inited = mem.read_u64(base_pa + offset) != 0
        arc_pa = mem.read_u64(base_pa + offset + 8) if inited else 0
        arc = ns.arc(name) if ns is not None else None
        slots.append(
            SlotView(
                resource=name,
                offset=offset,
                inited=inited,
                arc_pa=arc_pa,
                strong=mem.read_u64(arc_pa) if arc_pa else 0,
                weak=mem.read_u64(arc_pa + 8) if arc_pa else 0,
                payload=describe(arc.value) if arc is not None else "",
            )
        )
    block = mem.read(base_pa, axns.section_bytes)
    return NamespaceView(ident, owner, pid, base_pa, axns.section_bytes, tuple(slots), bytes(block))


def describe(value: Any) -> str:
    """A resource's payload in words; it says so itself if it can."""
    text = getattr(value, "describe", None)
    if text is not None:
        return str(text())
    objects = getattr(value, "objects", None)
    if objects is not None:
        fds = [str(fd) for fd, _ in objects.items()]
        return "descriptors " + " ".join(fds) if fds else "no descriptors"
    umask = getattr(value, "umask", None)
    if umask is not None:
        return f"cwd {_cwd(value)}, umask {umask:04o}"
    return type(value).__name__


def _cwd(context: Any) -> str:
    from kernel.crates.errno import LinuxError

    try:
        return context.cwd_path
    except LinuxError:
        return "(removed)"


# -- the matrix -------------------------------------------------------------------------------


class _Column:
    """Names the objects of one resource and counts who uses them."""

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.holders: list[int] = []
        self.processes: list[list[int]] = []

    def add(self, thing: Any, pid: int) -> int:
        """Another task of process `pid` uses `thing`; its index."""
        for index, other in enumerate(self.objects):
            if other is thing:
                self.holders[index] += 1
                if pid not in self.processes[index]:
                    self.processes[index].append(pid)
                return index
        self.objects.append(thing)
        self.holders.append(1)
        self.processes.append([pid])
        return len(self.objects) - 1


def sharing_view(system: System) -> SharingView:
    """Everything about sharing at this moment."""
    axns: AxNs = system.kernel.ns
    threads = _threads(system)
    columns = {name: _Column() for name in (*axns.resources, *OTHER_RESOURCES)}
    places: dict[tuple[int, str], int] = {}
    for thread in threads:
        for name, thing in _things(axns, thread):
            places[thread.tid, name] = columns[name].add(thing, thread.process.pid)
    tasks = tuple(
        TaskSharingView(
            tid=thread.tid,
            pid=thread.process.pid,
            name=thread.task.name,
            namespace=thread.ns.ident,
            cells=tuple(
                _cell(name, columns[name], places[thread.tid, name], thing)
                for name, thing in _things(axns, thread)
            ),
        )
        for thread in threads
    )
    edges = tuple(edge for thread in threads for edge in _edges(thread))
    leaked = tuple((arc.resource, arc.pa, count) for arc, count in axns.leaked)
    names = tuple(name for name, column in columns.items() if column.objects)
    return SharingView(names, tasks, edges, leaked)


def _threads(system: System) -> list[Any]:
    """Living user threads by number; a form without any has none to show."""
    threads: dict[int, Any] = getattr(system.kernel.plugin, "threads", {})
    return [threads[tid] for tid in sorted(threads)]


def _things(axns: AxNs, thread: Any) -> list[tuple[str, Any]]:
    """(resource, object) of one thread, in the order of the columns."""
    found: list[tuple[str, Any]] = [
        (name, arc) for name in axns.resources if (arc := thread.ns.arc(name)) is not None
    ]
    process = thread.process
    others = (
        getattr(getattr(process, "signal", None), "actions", None),
        getattr(process, "aspace", None),
        process,
    )
    found += [
        (name, thing)
        for name, thing in zip(OTHER_RESOURCES, others, strict=True)
        if thing is not None
    ]
    return found


def _cell(name: str, column: _Column, index: int, thing: Any) -> CellView:
    strong = len(column.processes[index])
    if name == "ADDRESS_SPACE":
        pa, what = thing.root_pa, f"address space {thing.ident}"
    elif name == "PROCESS":
        objects = getattr(thing, "object_pas", None)
        what = f"process {thing.pid}" if objects else f"application {thing.pid}"
        pa, strong = objects[0] if objects else 0, column.holders[index]
    elif name == "SIGNAL_ACTIONS":
        pa, what = 0, "signal actions"
    else:
        pa, what, strong = thing.pa, describe(thing.value), thing.strong
    return CellView(name, letter(index), column.holders[index], strong, pa, what)


def _edges(thread: Any) -> Iterable[EdgeView]:
    ns: AxNamespace = thread.ns
    for name in ns.owner.resources:
        arc = ns.arc(name)
        if arc is not None:
            yield EdgeView(
                tid=thread.tid,
                namespace=ns.ident,
                base_pa=ns.base_pa,
                resource=name,
                slot_pa=ns.slot_pa(name),
                arc_pa=arc.pa,
                strong=arc.strong,
                payload=describe(arc.value),
            )
    aspace = getattr(thread.process, "aspace", None)
    if aspace is not None:
        what = f"address space {aspace.ident}"
        yield EdgeView(thread.tid, -1, 0, "ADDRESS_SPACE", 0, aspace.root_pa, 0, what)
