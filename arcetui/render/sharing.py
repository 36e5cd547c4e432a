"""Namespaces and sharing as text: the matrix, the graph, the blocks with their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.row import Row, Span, crop, plain, row, width

if TYPE_CHECKING:  # panes are there before the kernel is loaded
    from kernel.inspect.sharing import (
        CellView,
        EdgeView,
        NamespaceView,
        SharingView,
        TaskSharingView,
    )

#: Styles that tell the objects of one column apart; the letter says the same.
OBJECT_STYLES = ("good", "code", "heap", "stack", "data", "rodata", "syscall", "string")
#: Short column titles.
TITLES = {
    "FD_TABLE": "FILES",
    "FS_CONTEXT": "FS",
    "SIGNAL_ACTIONS": "SIGHAND",
    "ADDRESS_SPACE": "VM",
    "PROCESS": "THREAD",
}
_WORD_BYTES = 8


def object_style(cell: CellView) -> str:
    """The style of an object: plain while one task alone has it."""
    if cell.holders < 2:
        return "value"
    index = 0
    for character in cell.letter:
        index = index * 26 + ord(character) - ord("A") + 1
    return OBJECT_STYLES[(index - 1) % len(OBJECT_STYLES)]


def matrix(view: SharingView, current: int = 0, before: SharingView | None = None) -> list[Row]:
    """Tasks by resources; the same letter in a column is the same object.

    Args:
        view: What to show.
        current: The task to mark.
        before: The state to compare with: cells that changed get a `*`, new rows a `+`, rows of
            tasks that are gone a `-`.
    """
    if not view.tasks:
        return [plain("no task has resources of its own", "dim")]
    old = {task.tid: task for task in before.tasks} if before is not None else None
    widths = [max(len(title(name)), 5) for name in view.resources]
    head = "".join(
        f"  {title(name):<{columns}}" for name, columns in zip(view.resources, widths, strict=True)
    )
    rows = [plain(f"   {'tid':>4} {'pid':>4} {'name':<12} {'ns':>3}{head}", "title")]
    rows += [_task(task, widths, view.resources, current, old) for task in view.tasks]
    living = {task.tid for task in view.tasks}
    rows += [_gone(task) for tid, task in (old or {}).items() if tid not in living]
    for resource, pa, count in view.leaked:
        rows.append(row(("leaked ", "error"), f"{resource} at {pa:#x}: {count} references"))
    return rows


def title(resource: str) -> str:
    """A column's title: the word of clone's flag."""
    return TITLES.get(resource, resource)


def _task(
    task: TaskSharingView,
    widths: list[int],
    resources: tuple[str, ...],
    current: int,
    old: dict[int, TaskSharingView] | None,
) -> Row:
    is_new = old is not None and task.tid not in old
    parts: list[tuple[str, str]] = [
        ("+" if is_new else " ", "new"),
        ("▶ " if task.tid == current else "  ", "mark"),
        (f"{task.tid:>4} ", "number"),
        (f"{task.pid:>4} {task.name[:12]:<12} {task.namespace:>3}", ""),
    ]
    cells = {cell.resource: cell for cell in task.cells}
    was = {c.resource: c for c in old[task.tid].cells} if old and task.tid in old else {}
    for name, columns in zip(resources, widths, strict=True):
        cell = cells.get(name)
        if cell is None:
            parts.append((" " * (columns + 2), ""))
            continue
        text = cell.letter + (f"×{cell.holders}" if cell.holders > 1 else "")
        is_changed = name in was and (was[name].pa, was[name].strong) != (cell.pa, cell.strong)
        parts.append(("* " if is_changed else "  ", "changed"))
        parts.append((f"{text:<{columns}}", object_style(cell)))
    return row(*parts)


def _gone(task: TaskSharingView) -> Row:
    """A task that the last step ended."""
    text = f"{task.tid:>4} {task.pid:>4} {task.name[:12]:<12} {task.namespace:>3}  ended"
    return row(("-  ", "gone"), (text, "gone"))


#: Columns in front of a slot's bytes, where they stand beside its path.
_BESIDE = 84
#: Width from which they do: two words of sixteen digits more.
BESIDE_WIDTH = _BESIDE + 34


class _Changes:
    """What of the graph the last step changed."""

    def __init__(self, view: SharingView, before: SharingView | None) -> None:
        edges = before.edges if before is not None else view.edges
        self.tasks = {edge.tid for edge in edges}
        self.old = {(edge.tid, edge.resource): edge for edge in edges}

    def of_task(self, tid: int) -> tuple[str, str]:
        """The mark of a task's row."""
        return (" ", "") if tid in self.tasks else ("+", "new")

    def of_edge(self, edge: EdgeView) -> tuple[str, str]:
        """The mark of a path: new, or another object or count."""
        old = self.old.get((edge.tid, edge.resource))
        if old is None:
            return "+", "new"
        same = (old.arc_pa, old.strong) == (edge.arc_pa, edge.strong)
        return (" ", "") if same else ("*", "changed")


def edge_order(view: SharingView) -> list[EdgeView | None]:
    """The edge of every row of `graph`; None for a task's own row."""
    order: list[EdgeView | None] = []
    last: tuple[int, int] | None = None
    for edge in view.edges:
        if edge.namespace >= 0 and (edge.tid, edge.namespace) != last:
            last = edge.tid, edge.namespace
            order.append(None)
        order.append(edge)
    return order


def graph(
    view: SharingView,
    before: SharingView | None = None,
    blocks: dict[int, NamespaceView] | None = None,
) -> list[Row]:
    """Paths from tasks through namespace blocks and Arcs to payloads.

    Args:
        view: What to show.
        before: The state to compare with, for the marks.
        blocks: Namespaces by number: the bytes of each slot stand beside its path.
    """
    rows: list[Row] = []
    last: tuple[int, int] | None = None
    changes = _Changes(view, before)
    styles = {
        (task.tid, cell.resource): (cell, object_style(cell))
        for task in view.tasks
        for cell in task.cells
    }
    for edge in view.edges:
        where = (edge.tid, edge.namespace)
        if edge.namespace >= 0 and where != last:
            last = where
            rows.append(
                row(
                    changes.of_task(edge.tid),
                    ("task ", "dim"),
                    (f"{edge.tid}", "number"),
                    (" ─▶ ", "dim"),
                    f"namespace {edge.namespace} ",
                    (f"{edge.base_pa:#x}", "addr"),
                )
            )
        cell, style = styles.get((edge.tid, edge.resource), (None, "value"))
        name = f"{edge.resource:<14} "
        letter = cell.letter if cell is not None else ""
        if edge.namespace < 0:
            rows.append(
                row(
                    changes.of_edge(edge),
                    (" └─ ", "dim"),
                    name,
                    (" ─▶ ", "dim"),
                    (f"root {edge.arc_pa:#x} ", "addr"),
                    (f"{letter} ", style),
                    (edge.payload, "comment"),
                )
            )
            continue
        path = row(
            changes.of_edge(edge),
            (" ├─ ", "dim"),
            name,
            (f"{edge.slot_pa:#x}", "addr"),
            (" ─▶ Arc ", "dim"),
            (f"{edge.arc_pa:#x}", "addr"),
            (f" strong {edge.strong}", "changed" if edge.strong > 1 else "value"),
            (" ─▶ ", "dim"),
            (f"{letter} ", style),
            (edge.payload, "comment"),
        )
        block = (blocks or {}).get(edge.namespace)
        if block is not None:
            path = crop(path, _BESIDE - 1)
            gap = " " * (_BESIDE - width(path))
            path = row(*path, gap, _words(block, edge.slot_pa - edge.base_pa))
        rows.append(path)
    return rows


def namespaces(views: tuple[NamespaceView, ...], *, with_bytes: bool = True) -> list[Row]:
    """Every namespace: its slots, and the bytes of its block."""
    rows: list[Row] = []
    for view in views:
        name = "template" if view.ident < 0 else f"namespace {view.ident}"
        rows.append(
            row(
                (name, "title"),
                f" of {view.owner} at " if view.ident >= 0 else " (the pristine section) at ",
                (f"{view.base_pa:#x}", "addr"),
                f", {view.size_bytes} bytes",
            )
        )
        for slot in view.slots:
            state: tuple[Span | tuple[str, str], ...]
            if slot.inited:
                state = (
                    ("─▶ Arc ", "dim"),
                    (f"{slot.arc_pa:#x}", "addr"),
                    (f" strong {slot.strong}", "changed" if slot.strong > 1 else "value"),
                    (f" weak {slot.weak}", "dim"),
                    (f"  {slot.payload}", "comment"),
                )
            else:
                state = (("empty", "dim"),)
            rows.append(row((f"  +{slot.offset:<3} ", "number"), f"{slot.resource:<12} ", *state))
        if with_bytes:
            rows += block_bytes(view)
    return rows


def block_bytes(view: NamespaceView) -> list[Row]:
    """The block as words, a slot of two words a line; unused space at its end is left out."""
    return [
        row(
            (f"  {view.base_pa + slot.offset:#x}  ", "addr"),
            _words(view, slot.offset),
            (f"  {slot.resource}", "comment"),
        )
        for slot in view.slots
    ]


def _words(view: NamespaceView, offset: int) -> tuple[str, str]:
    """A slot's two words: whether it is filled, and where its Arc is."""
    raw = view.block[offset : offset + 2 * _WORD_BYTES]
    words = [int.from_bytes(raw[at : at + _WORD_BYTES], "little") for at in (0, _WORD_BYTES)]
    return " ".join(f"{word:016x}" for word in words), "value" if words[0] else "dim"
