"""Registers as gdb prints them: name, hexadecimal, and what the value means."""

from __future__ import annotations

from arcetui.render.row import Row, row
from kernel.inspect.views import CpuView

_X86_FLAGS = ((0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"),
              (10, "DF"), (11, "OF"))  # fmt: skip
_A64_FLAGS = ((31, "N"), (30, "Z"), (29, "C"), (28, "V"))


def flag_names(name: str, value: int) -> str:
    """The set bits of a condition-flags register: `[ ZF PF IF ]`."""
    bits = _X86_FLAGS if name == "eflags" else _A64_FLAGS if name == "nzcv" else ()
    return "[ " + "".join(flag + " " for bit, flag in bits if value >> bit & 1) + "]"


def registers(
    cpu: CpuView, names: tuple[str, ...], meaning: dict[int, str], flags: str
) -> list[Row]:
    """One row a register.

    Args:
        cpu: The CPU.
        names: Which registers; () for all.
        meaning: What a value points to, by value: symbols, areas.
        flags: Name of the flags register, or "".
    """
    out: list[Row] = []
    for name, value in cpu.registers:
        if names and name not in names:
            continue
        text = flag_names(name, value) if name == flags else meaning.get(value, "")
        signed = value - (1 << 64) if value >> 63 else value
        decimal = "" if name == flags or text else str(signed)
        out.append(
            row(
                (f"{name:<14} ", "key"),
                (f"{value:#018x}  ", "value"),
                (decimal, "number"),
                (text, "comment"),
            )
        )
    return out
