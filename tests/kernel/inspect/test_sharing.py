"""Sharing as shown = object identity in the kernel = what the program observes (truth table)."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from kernel.control import BreakSpec, Debugger, Goal, GoalKind, Recipe, StopReason
from kernel.inspect.sharing import SharingView, letter

SAMPLES = Path(__file__).parents[3] / "samples"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
FLAGS = {
    "FD_TABLE": 0x400,
    "FS_CONTEXT": 0x200,
    "SIGNAL_ACTIONS": 0x800,
    "ADDRESS_SPACE": 0x100,
    "PROCESS": 0x10000,
}
WORDS = {
    "FD_TABLE": "descriptors",
    "FS_CONTEXT": "directory",
    "SIGNAL_ACTIONS": "handlers",
    "ADDRESS_SPACE": "memory",
    "PROCESS": "process",
}


def kernel_object(machine: Debugger, tid: int, resource: str) -> object:
    """The live object itself, not through the views."""
    plugin = machine._system.kernel.plugin
    thread = plugin.threads[tid]
    return {
        "FD_TABLE": lambda: thread.fds,
        "FS_CONTEXT": lambda: thread.fs,
        "SIGNAL_ACTIONS": lambda: thread.process.signal.actions,
        "ADDRESS_SPACE": lambda: thread.process.aspace,
        "PROCESS": lambda: thread.process,
    }[resource]()


def shared(view: SharingView, one: int, two: int) -> set[str]:
    rows = {row.tid: {cell.resource: cell.letter for cell in row.cells} for row in view.tasks}
    return {name for name in FLAGS if rows[one][name] == rows[two][name]}


@pytest.mark.parametrize("arch", ARCHES)
def test_every_combination_of_sharing_flags(arch: str) -> None:
    expected = (SAMPLES / "expected" / "sharing.txt").read_text().splitlines()
    machine = Debugger(Recipe((SAMPLES / "bin" / arch / "sharing").read_bytes(), "/sharing"))
    clone = machine.syscall_numbers()["clone"]
    machine.add_breakpoint(BreakSpec("syscall", numbers=frozenset({clone}), when="return"))
    seen = 0
    while machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.SYSCALL_EXIT:
        call = machine.syscalls(machine.syscall_count())[0]
        line = expected[seen].split()
        seen += 1
        assert call.result is not None
        if call.result < 0:
            assert line[-2:] == ["not", "allowed"]
            continue
        wanted = {name for name, flag in FLAGS.items() if call.args[0] & flag}
        view = machine.sharing()
        assert shared(view, call.tid, call.result) == wanted
        for name in FLAGS:
            is_same = kernel_object(machine, call.tid, name) is kernel_object(
                machine, call.result, name
            )
            assert is_same == (name in wanted)
        observed = set(line[line.index("shares") + 1 :])
        assert observed == {WORDS[name] for name in wanted}
        strong = {edge.resource: edge.strong for edge in view.edges if edge.tid == call.result}
        for name in ("FD_TABLE", "FS_CONTEXT"):
            in_own_namespace = "PROCESS" not in wanted or not {"FD_TABLE", "FS_CONTEXT"} <= wanted
            assert strong[name] == 1 + (name in wanted and in_own_namespace)
            origin = machine.sharing_origin(call.result, name)
            assert origin is not None
            if in_own_namespace:
                assert origin.serial == call.serial
    assert seen == 32
    assert machine.console().decode().replace("\r", "").splitlines() == expected


def test_letters_count_like_columns_of_a_sheet() -> None:
    names = [letter(index) for index in range(703)]
    assert names[:2] == ["A", "B"]
    assert (names[25], names[26], names[701], names[702]) == ("Z", "AA", "ZZ", "AAA")
    assert len(set(names)) == len(names)


def test_blocks_and_counts_are_what_ram_holds() -> None:
    machine = Debugger(Recipe((SAMPLES / "bin/x86_64/hello").read_bytes(), "/hello"))
    views = machine.namespaces()
    assert views[0].ident == -1
    assert not any(views[0].block), "the template stays pristine"
    owners = [view.owner for view in views]
    assert len(owners) == len(set(owners))
    for view in views[1:]:
        assert view.block == machine.read_physical(view.base_pa, view.size_bytes)
        for slot in view.slots:
            words = [
                int.from_bytes(machine.read_physical(view.base_pa + slot.offset + at, 8), "little")
                for at in (0, 8)
            ]
            assert words == [slot.inited, slot.arc_pa]
            if slot.inited:
                count = int.from_bytes(machine.read_physical(slot.arc_pa, 8), "little")
                assert count == slot.strong


def test_rows_of_the_matrix_name_every_pair_once() -> None:
    machine = Debugger(Recipe((SAMPLES / "bin/x86_64/hello").read_bytes(), "/hello"))
    view = machine.sharing()
    assert len(view.tasks) == 1
    assert {cell.letter for cell in view.tasks[0].cells} == {"A"}
    pairs = list(itertools.combinations([edge.slot_pa for edge in view.edges if edge.slot_pa], 2))
    assert all(one != two for one, two in pairs)
