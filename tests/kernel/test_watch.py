"""Watchpoints: every change found, at the instruction that made it, forwards and backwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from arcetui.symbols import Symbols
from kernel.control import (
    BreakSpec,
    Debugger,
    Goal,
    GoalKind,
    Position,
    Recipe,
    Stopped,
    StopReason,
)

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
FORWARD, BACK = Goal(GoalKind.CONTINUE), Goal(GoalKind.CONTINUE, reverse=True)


def machine(arch: str, sample: str, variable: str, kind: str = "watch", **options: int):
    """A debugger and a watchpoint's description."""
    elf = (SAMPLES / arch / sample).read_bytes()
    symbol = Symbols(elf).by_name[variable]
    spec = BreakSpec(kind, symbol.address, text=variable, size_bytes=symbol.size_bytes)
    return Debugger(Recipe(elf, sample, **options)), spec  # type: ignore[arg-type]


def stops(debugger: Debugger, goal: Goal, most: int = 1000) -> list[Stopped]:
    """Stops at watchpoints, until something else stops it."""
    found: list[Stopped] = []
    while len(found) < most:
        stopped = debugger.run(goal)
        if stopped.reason is not StopReason.WATCH:
            break
        found.append(stopped)
    return found


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("cpus", [1, 2])
def test_forwards_and_backwards_agree_and_leave_no_trace(arch: str, cpus: int) -> None:
    plain, spec = machine(arch, "prodcons", "used", cpus=cpus)
    plain.run(FORWARD)
    watched, _ = machine(arch, "prodcons", "used", cpus=cpus)
    watched.add_breakpoint(spec)
    forward = stops(watched, FORWARD)
    assert len(forward) == 120  # 60 items in, 60 out
    assert (watched.position, watched.digest()) == (plain.position, plain.digest())
    back = stops(watched, BACK, 3)
    assert [stop.position for stop in back] == [stop.cause for stop in forward[:-4:-1]]
    watched.goto(forward[50].position)
    plain.goto(forward[50].position)
    assert watched.digest() == plain.digest()
    assert watched.breakpoints()[0].hits == 120


@pytest.mark.parametrize("arch", ARCHES)
def test_the_same_changes_as_by_looking_after_every_instruction(arch: str) -> None:
    debugger, spec = machine(arch, "sort", "comparisons")
    debugger.add_breakpoint(spec)
    first = debugger.run(FORWARD)
    found = [first.position, *(stop.position for stop in stops(debugger, FORWARD, 9))]
    stepped, _ = machine(arch, "sort", "comparisons")
    assert first.cause is not None
    stepped.goto(first.cause)
    changes: list[Position] = []
    value = stepped.read_memory(spec.address, 8)
    while len(changes) < 10:
        stepped.run(Goal(GoalKind.INSN))
        now = stepped.read_memory(spec.address, 8)
        if now != value:
            changes.append(stepped.position)
        value = now
    assert found == changes


@pytest.mark.parametrize("arch", ARCHES)
def test_what_the_kernel_writes_counts(arch: str) -> None:
    debugger, spec = machine(arch, "sharing", "alive")
    debugger.add_breakpoint(spec)
    forward = stops(debugger, FORWARD)
    kernel = [stop for stop in forward if "by the kernel" in stop.sentence]
    assert len(kernel) >= 4
    assert all(stop.position.insns == 0 for stop in kernel)
    back = stops(debugger, BACK, 3)
    assert [stop.position for stop in back] == [stop.cause for stop in forward[:-4:-1]]


def test_input_read_into_a_variable_counts() -> None:
    debugger, _ = machine("x86_64", "guess", "main")
    debugger.run(FORWARD)  # waits for input
    call = next(call for call in debugger.syscalls() if call.result is None)
    assert call.name == "read"
    address = call.args[1]
    debugger.add_breakpoint(BreakSpec("watch", address, text="line", size_bytes=8))
    debugger.feed(b"50\n")
    stopped = debugger.run(FORWARD)
    assert stopped.reason is StopReason.WATCH
    assert "by the kernel: read" in stopped.sentence
    assert debugger.read_memory(address, 2) == b"50"
    debugger.run(BACK)
    assert debugger.read_memory(address, 2) != b"50"


@pytest.mark.parametrize("arch", ARCHES)
def test_reads_are_found_before_and_after(arch: str) -> None:
    debugger, spec = machine(arch, "prodcons", "first", "rwatch")
    debugger.add_breakpoint(spec)
    forward = stops(debugger, FORWARD, 4)
    assert len(forward) == 4
    assert all("accessed" in stop.sentence for stop in forward)
    back = stops(debugger, BACK, 4)
    assert [stop.position for stop in back] == [stop.cause for stop in reversed(forward)]


def test_conditions_threads_and_once() -> None:
    debugger, spec = machine("x86_64", "prodcons", "most_used")
    once = BreakSpec(
        "watch",
        spec.address,
        text="once",
        size_bytes=4,
        temporary=True,
        condition=lambda r: "rip" in r,
    )
    debugger.run(FORWARD)
    debugger.add_breakpoint(once)
    stopped = debugger.run(BACK)
    assert "3 -> 4" in stopped.sentence  # the last change, not the first
    assert debugger.breakpoints() == ()
    debugger.add_breakpoint(BreakSpec("watch", spec.address, text="x", size_bytes=4, thread=1))
    assert debugger.run(BACK).reason is StopReason.BEGINNING
