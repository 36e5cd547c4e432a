"""A page walk as text: how the address is cut up, and every level with its entry decoded."""

from __future__ import annotations

from arcetui.render.numbers import size
from arcetui.render.row import Row, plain, row
from kernel.inspect.views import WalkStep, WalkView


def _step(step: WalkStep, depth: int) -> list[Row]:
    indent = "  " * depth
    span = f"bits {step.va_hi}:{step.va_lo}" if step.va_hi >= step.va_lo else "no bits"
    decoded = " ".join(name if on else f"-{name}" for name, on, _ in step.bits)
    points = f" -> {step.target_pa:#x}" if step.role not in {"not present", "invalid"} else ""
    style = "error" if step.role in {"not present", "invalid"} else "good"
    return [
        row(
            f"{indent}",
            (f"{step.level:<5} ", "title"),
            "table ",
            (f"{step.table_pa:#x}", "addr"),
            f"  index {step.index:>3} ({span})  entry at ",
            (f"{step.entry_pa:#x}", "addr"),
        ),
        row(
            f"{indent}      ",
            (f"{step.entry:#018x}", "value"),
            "  ",
            (step.role, style),
            (points, "addr"),
            (f"  {decoded}", "comment"),
        ),
    ]


def pagewalk(walk: WalkView) -> list[Row]:
    """The whole walk, one level below the other."""
    out: list[Row] = [
        row(
            ("virtual address ", "title"),
            (f"{walk.va:#x}", "addr"),
            f"  {walk.access}, page table {walk.format} at ",
            (f"{walk.root_pa:#x}", "addr"),
        )
    ]
    for depth, step in enumerate(walk.steps):
        out.extend(_step(step, depth))
    if walk.pa >= 0:
        out.append(
            row(
                ("physical ", "title"),
                (f"{walk.pa:#x}", "addr"),
                f"  {size(walk.page_size_bytes)} page, programs may {walk.perms}",
            )
        )
    out.append(plain(walk.sentence, "good" if walk.ok else "error"))
    return out
