"""Sharing: a matrix of tasks and resources, and the paths through namespaces, Arcs and payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render import sharing
from arcetui.render.changed_pane import sentence
from arcetui.render.row import Row, row
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from arcetui.state import Snapshot


def matrix_content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """The same letter and colour in a column is the same object."""
    view = snapshot.sharing
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    rows: list[Row] = sharing.matrix(view, snapshot.cpu.tid, snapshot.previous_sharing)
    names = " ".join(view.resources)
    count = len(view.resources)
    items = [Item("cells", 0, names, count)]
    items += [Item("cells", task.tid, names, count) for task in view.tasks]
    rows.append(row((" same letter in a column: the same object; ×2: two tasks use it", "comment")))
    rows.append(row((" + new, - ended, * another object or another number of users", "comment")))
    shown = " ← → choose a column, Enter goes to the call that made it so"
    rows.append(row((shown, "comment")))
    shared = sum(
        len({cell.letter for cell in column if cell.holders > 1})
        for column in zip(*[task.cells for task in view.tasks], strict=False)
    )
    title = f"{len(view.tasks)} task{'s' * (len(view.tasks) != 1)}, {shared} shared"
    return PaneContent(
        tuple(rows), tuple(items), title=title, changed=sentence(snapshot, "sharing")
    )


def graph_content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """Task → namespace block → Arc → payload, then the blocks as bytes."""
    view = snapshot.sharing
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    blocks = {space.ident: space for space in snapshot.namespaces}
    beside = width >= sharing.BESIDE_WIDTH
    rows: list[Row] = sharing.graph(view, snapshot.previous_sharing, blocks if beside else None)
    items = [
        Item("shared", edge.tid, edge.resource) if edge is not None else NOTHING
        for edge in sharing.edge_order(view)
    ]
    shown = {edge.namespace for edge in view.edges} if beside else frozenset[int]()
    for space in snapshot.namespaces:
        if space.ident in shown:
            continue
        name = "template" if space.ident < 0 else f"namespace {space.ident} of {space.owner}"
        rows.append(row((f"{name} ", "heading"), (f"{space.base_pa:#x}", "addr")))
        items.append(Item("physical", space.base_pa))
        block = sharing.block_bytes(space)
        rows += block
        items += [Item("physical", space.base_pa)] * len(block)
    living = sum(space.ident >= 0 for space in snapshot.namespaces)
    title = f"{living} namespace{'s' * (living != 1)}"
    return PaneContent(
        tuple(rows), tuple(items), title=title, changed=sentence(snapshot, "sharing")
    )
