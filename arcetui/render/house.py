"""The house as text: layers from the plugin down to the machine, the last call's way marked."""

from __future__ import annotations

from arcetui.render.row import Row, Span, plain, row
from kernel.inspect.hal import HalView
from kernel.inspect.house import ComponentView, HouseView

_ORDER = ("plugin", "backbone", "crates", "machine")
_TITLES = {
    "plugin": "Plugin: what makes this kernel the kind it is",
    "backbone": "Backbone: ArceOS's modules, the same for every kind",
    "crates": "Crates: pure algorithms, no knowledge of the kernel",
    "machine": "Machine: what stands for the hardware",
}


def box(component: ComponentView) -> tuple[str, str]:
    """A component's text and style: `③ axmm 1234`."""
    name = component.name.removeprefix("crates/").removeprefix("machine/")
    mark = f"{component.step}▸" if component.step else ""
    style = "changed" if component.step else "value" if component.in_use else "dim"
    text = f"{mark}{name} {component.lines}"
    return (text if component.in_use else f"({text})"), style


def house(view: HouseView, columns: int = 100) -> list[Row]:
    """The picture: a block per layer, components side by side, unused ones in parentheses.

    Args:
        view: What to show.
        columns: Width to fill.
    """
    rows: list[Row] = []
    totals = dict(view.totals)
    for layer in _ORDER:
        members = [each for each in view.components if each.layer == layer]
        rows.append(row((_TITLES[layer], "title"), (f"  {totals.get(layer, 0)} lines", "dim")))
        rows += _blocks(members, columns)
    if view.way:
        steps = " → ".join(name.removeprefix("crates/") for name in view.way)
        rows.append(row((f"{view.call} #{view.serial}: ", "syscall"), (steps, "changed")))
    else:
        rows.append(plain("no system call yet", "dim"))
    return rows


def _blocks(members: list[ComponentView], columns: int) -> list[Row]:
    """Components side by side, as many as fit in a line."""
    rows: list[Row] = []
    line: list[Span] = []
    used = 2
    for component in members:
        text, style = box(component)
        if line and used + len(text) + 3 > columns:
            rows.append((Span("  "), *line))
            line, used = [], 2
        line += [Span("[", "dim"), Span(text, style), Span("] ", "dim")]
        used += len(text) + 3
    if line:
        rows.append((Span("  "), *line))
    return rows


def hal(view: HalView) -> list[Row]:
    """The HAL in use beside the other one: names, then features, then what it says now."""
    marks = {"axhal": ("good", "dim"), "polyhal": ("dim", "good")}[view.hal]
    rows: list[Row] = [
        row(("in use: ", "key"), (view.hal, "good"), f" on {view.platform}"),
        plain(f"{'':8} {'interface':<26} {'axhal':<36} PolyHAL", "title"),
    ]
    rows += [
        row(
            (f"{each.group:<8} ", "key"),
            f"{each.name:<26} ",
            (f"{each.axhal:<36} ", marks[0]),
            (each.polyhal, marks[1]),
        )
        for each in view.functions
    ]
    rows += [
        row((f"{'feature':<8} ", "key"), f"{name:<26} ", (f"{one:<36} ", marks[0]), (two, marks[1]))
        for name, one, two in view.features
    ]
    rows += [row((f"{name:<22} ", "key"), (value, "value")) for name, value in view.values]
    return rows
