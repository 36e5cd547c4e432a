"""The house as text: layers from the plugin down to the machine, the last call's way marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.row import Row, Span, plain, row

if TYPE_CHECKING:  # panes are there before the kernel is loaded
    from kernel.inspect.hal import HalView
    from kernel.inspect.house import ComponentView, HouseView

_ORDER = ("plugin", "backbone", "crates", "machine")
_TITLES = {
    "plugin": "Plugin: what makes this kernel the kind it is",
    "backbone": "Backbone: ArceOS's modules, the same for every kind",
    "crates": "Crates: pure algorithms, no knowledge of the kernel",
    "machine": "Machine: what stands for the hardware",
}


def box(component: ComponentView, group: str = "") -> tuple[str, str]:
    """A component's text and style: `4▸axmm 1234`; the group's name is left out of it."""
    name = component.name.removeprefix("crates/").removeprefix("machine/")
    name = name.removeprefix(f"{group}/") if group else name
    mark = f"{component.step}▸" if component.step else ""
    style = "lit" if component.step else "value" if component.in_use else "dim"
    text = f"{mark}{name} {component.lines}"
    return (text if component.in_use else f"({text})"), style


def house(view: HouseView, columns: int = 100) -> list[Row]:
    """The picture: the last call's way, then a block per layer, components side by side.

    Components on the way are lit and numbered in its order; those this machine was not built with
    stand in parentheses.

    Args:
        view: What to show.
        columns: Width to fill.
    """
    rows = _way(view, columns)
    totals = dict(view.totals)
    for layer in _ORDER:
        members = [each for each in view.components if each.layer == layer and each.lines]
        rows.append(row((_TITLES[layer], "title"), (f"  {totals.get(layer, 0)} lines", "dim")))
        groups = _groups(members)
        for group, parts in groups.items():
            rows += _blocks(group, parts, columns)
    return rows


def _way(view: HouseView, columns: int) -> list[Row]:
    """The components the last call went through, in order, over as many rows as it takes."""
    if not view.way:
        return [plain("no system call yet: y runs to the first", "dim")]
    rows: list[Row] = []
    line: list[Span] = [Span(f"{view.call} #{view.serial}", "syscall")]
    used = len(line[0].text)
    for number, name in enumerate(view.way, 1):
        text = f"{number}▸{name.removeprefix('crates/').removeprefix('machine/')}"
        if used + len(text) + 2 > columns:
            rows.append(tuple(line))
            line, used = [Span("  ")], 2
        line += [Span(" → " if number > 1 else "  ", "dim"), Span(text, "lit")]
        used += len(text) + 3
    return [*rows, tuple(line)]


def _groups(members: list[ComponentView]) -> dict[str, list[ComponentView]]:
    """Components by the folder they share with others; "" for those alone."""
    names = [each.name.removeprefix("crates/").removeprefix("machine/") for each in members]
    heads = {name.rpartition("/")[0] for name in names}
    groups: dict[str, list[ComponentView]] = {"": []}
    for name, each in zip(names, members, strict=True):
        group = name if name in heads else name.rpartition("/")[0]
        groups.setdefault(group, []).append(each)
    return {group: parts for group, parts in groups.items() if parts}


def _blocks(group: str, members: list[ComponentView], columns: int) -> list[Row]:
    """Components side by side, as many as fit in a line, their folder in front."""
    rows: list[Row] = []
    indent = max(len(group) + 3, 2) if group else 2
    line: list[Span] = [Span(f" {group}: ", "key")] if group else [Span("  ")]
    used = indent
    for component in members:
        text, style = box(component, group)
        if used > indent and used + len(text) + 3 > columns:
            rows.append(tuple(line))
            line, used = [Span(" " * indent)], indent
        line += [Span("[", "dim"), Span(text, style), Span("] ", "dim")]
        used += len(text) + 3
    return [*rows, tuple(line)]


#: Columns that both HALs side by side take.
_BOTH_HALS = 110


def hal(view: HalView, columns: int = _BOTH_HALS) -> list[Row]:
    """The HAL in use beside the other one: names, then features, then what it says now.

    With less than `_BOTH_HALS` columns the other HAL's word stands below, where it is another one.
    """
    lines = [(each.group, each.name, each.axhal, each.polyhal) for each in view.functions]
    lines += [("feature", name, one, two) for name, one, two in view.features]
    is_poly = view.hal == "polyhal"
    rows: list[Row] = [row(("in use: ", "key"), (view.hal, "good"), f" on {view.platform}")]
    if columns >= _BOTH_HALS:
        marks = ("dim", "good") if is_poly else ("good", "dim")
        rows.append(plain(f"{'':8} {'interface':<26} {'axhal':<36} PolyHAL", "title"))
        for group, name, one, two in lines:
            head = row((f"{group:<8} ", "key"), f"{name:<26} ")
            rows.append(row(*head, (f"{one:<36} ", marks[0]), (two, marks[1])))
    else:
        other = "axhal" if is_poly else "PolyHAL"
        rows.append(plain(f"{'':8} {'interface':<26} {view.hal}, below it {other}", "title"))
        for group, name, one, two in lines:
            used, unused = (two, one) if is_poly else (one, two)
            rows.append(row((f"{group:<8} ", "key"), f"{name:<26} ", (used, "good")))
            if unused != used:
                rows.append(row(" " * 36, (unused, "dim")))
    rows += [row((f"{name:<22} ", "key"), (value, "value")) for name, value in view.values]
    return rows
