"""The house: every line of the kernel counted once; the way of a call follows its events."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.control import BreakSpec, Debugger, Goal, GoalKind, Recipe
from kernel.inspect.house import _WAYS, code_lines, layer_of, sizes

SAMPLES = Path(__file__).parents[3] / "samples"


def test_lines_of_code_leave_out_what_is_no_code() -> None:
    doc = '"""Doc\n    two."""'
    source = f"{doc}\n\n# comment\nx = 1  # more\n\n\ndef f():\n    {doc}\n    return x\n"
    assert code_lines(source) == 3


def test_every_component_of_a_way_exists() -> None:
    known = sizes()
    for names in _WAYS.values():
        for name in names:
            assert name.startswith("{") or name in known, name
    assert {layer_of(name) for name in known} == {"machine", "crates", "backbone", "plugin"}


@pytest.mark.parametrize("hal", ["axhal", "polyhal"])
def test_the_way_of_munmap(hal: str) -> None:
    elf = (SAMPLES / "bin/riscv64/memlab").read_bytes()
    machine = Debugger(Recipe(elf, "/memlab", hal=hal, allocator="buddy"))
    number = machine.syscall_numbers()["munmap"]
    machine.add_breakpoint(BreakSpec("syscall", numbers=frozenset({number}), when="return"))
    machine.run(Goal(GoalKind.CONTINUE))
    before = machine.digest()
    view = machine.house()
    assert machine.digest() == before, "looking changes nothing"
    assert view.call == "munmap"
    assert view.way[0] == "machine/board"
    assert "starry/api/mm" in view.way
    assert view.way.index("starry/api/mm") < view.way.index("axmm")
    assert view.way.index("axmm") < view.way.index("crates/page_table")
    steps = {each.name: each.step for each in view.components if each.step}
    assert [name for name, _ in sorted(steps.items(), key=lambda item: item[1])] == list(view.way)
    used = {each.name for each in view.components if each.in_use}
    assert "crates/allocator/buddy" in used
    assert "crates/allocator/tlsf" not in used
    assert ("axhal/polyhal" in used) == (hal == "polyhal")
    assert machine.hal().hal == hal
    for layer, lines in view.totals:
        assert lines == sum(each.lines for each in view.components if each.layer == layer)
