"""The debugger on the Unikernel form: calls as stops, going back, and what the views show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.control import BreakSpec, Debugger, Goal, GoalKind, Position, Recipe, StopReason
from kernel.crates.event import COST_NS, EventKind

SAMPLES = Path(__file__).parents[4] / "samples"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
CONTINUE, INSN = Goal(GoalKind.CONTINUE), Goal(GoalKind.INSN)


def machine(arch: str = "x86_64", program: str = "both.uni", *args: str, **options: Any):
    elf = (SAMPLES / "bin" / arch / program).read_bytes()
    return Debugger(Recipe(elf, f"/{program}", (program, *args), form="unikernel", **options))


@pytest.mark.parametrize("arch", ARCHES)
def test_digests_are_the_same_however_one_came(arch: str) -> None:
    run = machine(arch, cpus=2)
    seen: dict[Position, str] = {}
    for count in (3, 60, 40, 80):
        run.run(Goal(GoalKind.SYSCALL, count=count))
        seen[run.position] = run.digest()  # stands right before a function runs
        run.run(INSN)
        seen[run.position] = run.digest()
    run.run(CONTINUE)
    seen[run.position] = run.digest()
    console = run.console()
    for position in [*reversed(seen), *seen]:
        run.goto(position)
        assert run.position == position
        assert run.digest() == seen[position], position
    assert run.console() == console
    run.restart()
    last = list(seen)[-2]
    run.goto(last)
    assert run.digest() == seen[last]


@pytest.mark.parametrize("arch", ARCHES)
def test_steps_go_through_a_function_and_back(arch: str) -> None:
    run = machine(arch)
    back = Goal(GoalKind.INSN, reverse=True)
    names = {address: name for name, address, _ in run.kernel_functions()}
    run.run(Goal(GoalKind.SYSCALL, count=4))
    at_entry = run.position
    assert names[run.cpu().pc] == "ax_alloc"
    assert run.cpu().in_kernel == "call ax_alloc"
    run.run(INSN)  # the function, and the instruction after the call
    assert run.cpu().pc not in names
    assert run.syscalls()[-1].result is not None
    run.run(back)
    returned = run.position
    assert returned.insns == 0
    run.run(back)  # to the call, before the function
    assert names[run.cpu().pc] == "ax_alloc"
    assert run.position == Position(at_entry.event, at_entry.insns - 1)
    assert run.cpu().in_kernel == ""
    run.run(INSN)  # a function is one instruction: its return
    assert run.position == returned
    run.run(Goal(GoalKind.SYSCALL, reverse=True))
    assert run.position == at_entry


@pytest.mark.parametrize("arch", ARCHES)
def test_breakpoints_and_catchpoints_on_functions(arch: str) -> None:
    run = machine(arch)
    address = {name: va for name, va, _ in run.kernel_functions()}
    run.add_breakpoint(BreakSpec("address", address=address["ax_write"]))
    stopped = run.run(CONTINUE)
    assert stopped.reason is StopReason.BREAKPOINT
    assert run.cpu().pc == address["ax_write"]
    number = run.syscall_numbers()["ax_lseek"]
    run.add_breakpoint(BreakSpec("syscall", numbers=frozenset({number}), when="return"))
    stopped = run.run(CONTINUE)
    assert stopped.reason is StopReason.SYSCALL_EXIT
    assert stopped.syscall is not None
    assert (stopped.syscall.name, stopped.syscall.result) == ("ax_lseek", 8)
    run.run(Goal(GoalKind.CONTINUE, reverse=True))
    assert run.cpu().pc == address["ax_write"]


@pytest.mark.parametrize("arch", ARCHES)
def test_steps_over_calls_stay_out_of_the_kernel(arch: str) -> None:
    run = machine(arch)
    names = {address: name for name, address, _ in run.kernel_functions()}
    sp = dict(run.cpu().registers)[run.arch.sp]
    for _ in range(40):
        run.run(Goal(GoalKind.OVER))
        assert run.cpu().pc not in names
        assert dict(run.cpu().registers)[run.arch.sp] > sp - 4096
    assert run.syscall_count() >= 2
    run.run(Goal(GoalKind.OVER, reverse=True))
    assert run.cpu().pc not in names


def test_the_application_s_memory_is_the_kernel_s_heap() -> None:
    run = machine()
    number = run.syscall_numbers()["ax_alloc"]
    run.add_breakpoint(BreakSpec("syscall", numbers=frozenset({number}), when="return"))
    stopped = run.run(CONTINUE)
    assert stopped.syscall is not None
    assert stopped.syscall.result is not None
    assert (8000, "application") in {(size, what) for _, size, what in run.allocators().live}
    va = stopped.syscall.result & (1 << 64) - 1
    walk = run.walk(va, "write")
    assert walk.ok
    assert "free memory" in walk.sentence  # the kernel's own linear mapping


def test_one_namespace_for_all() -> None:
    run = machine()
    run.run(Goal(GoalKind.SYSCALL, count=60))
    namespaces = run.namespaces()
    assert [(each.ident, each.owner) for each in namespaces] == [(0, "every task")]
    assert [slot.resource for slot in namespaces[0].slots] == ["FD_TABLE", "CURRENT_DIR"]
    assert all(slot.strong == 1 for slot in namespaces[0].slots)
    sharing = run.sharing()
    assert len(sharing.tasks) == 4
    assert {cell.letter for task in sharing.tasks for cell in task.cells} == {"A"}


def test_views_of_the_one_address_space() -> None:
    run = machine()
    areas = run.address_space().areas
    assert run.address_space().aspace == 0
    own = [area for area in areas if area.name == "/both.uni"]
    assert [area.perms for area in own] == ["r--p", "r-xp", "rw-p"]
    assert any(area.name == ".text" for area in areas)
    entry = run.cpu().pc
    assert run.walk(entry, "execute").ok
    assert run.walk(entry, "read").ok
    denied = run.walk(entry, "write")
    assert "the page is read-only" in denied.sentence
    assert run.processes()[0].exe == "/both.uni"
    assert run.read_memory(entry, 4)


def test_a_call_is_cheaper_than_a_trap() -> None:
    """What a write costs in both forms, as docs/unikernel.md shows."""
    costs: list[tuple[int, int]] = []
    for form, program, name in (
        ("monolithic", "both", "write"),
        ("unikernel", "both.uni", "ax_console_write_bytes"),
    ):
        elf = (SAMPLES / "bin/x86_64" / program).read_bytes()
        run = Debugger(Recipe(elf, "/both", form=form, stdio=("pipe", "pipe", "pipe")))
        run.run(CONTINUE)
        call = [call for call in run.syscalls() if call.name == name][1]
        assert call.exit is not None
        events = run.events(call.enter.event, call.exit.event + 2)
        kinds = [event.kind for event in events]
        assert kinds[1:-2] == [EventKind.CONSOLE_WRITE]
        costs.append((len(events), sum(COST_NS[kind] for kind in kinds)))
    assert costs == [(4, 1300), (4, 1020)]


def test_the_house_has_only_what_is_used() -> None:
    run = machine()
    run.run(Goal(GoalKind.SYSCALL, count=11))
    run.run(INSN)
    house = run.house()
    used = {each.name for each in house.components if each.in_use}
    assert {"unikernel", "unikernel/core", "unikernel/api/fs", "axns", "axtask"} <= used
    assert not any(name.startswith("starry") for name in used)
    assert not {"crates/signal", "crates/process", "crates/user_ptr"} & used
    assert house.call == "ax_write"
    assert house.way[0] == "unikernel/api/fs"
    assert "axfs/ramfs" in house.way
    assert not any("axhal" in name for name in house.way)  # no trap was taken
