"""Programs of the Unikernel form run: the same output as the same source as a Linux process."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel.control import Debugger, Goal, GoalKind, Recipe, StopReason
from kernel.crates.scheduler import policies

SAMPLES = Path(__file__).parents[4] / "samples"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
CONTINUE = Goal(GoalKind.CONTINUE)


def machine(arch: str, program: str, *args: str, **options: Any) -> Debugger:
    elf = (SAMPLES / "bin" / arch / program).read_bytes()
    form = "unikernel" if program.endswith(".uni") else "monolithic"
    return Debugger(Recipe(elf, f"/{program}", (program, *args), form=form, **options))


def ran(arch: str, program: str, *args: str, **options: Any) -> tuple[bytes, int | None]:
    run = machine(arch, program, *args, stdio=("pipe", "pipe", "pipe"), **options)
    stopped = run.run(CONTINUE)
    assert stopped.reason is StopReason.EXITED, stopped
    return run.console(), run.machine().exit_status


def recorded(case: str) -> tuple[bytes, int]:
    """What Linux gave for the same source."""
    cases = json.loads((SAMPLES / "expected/cases.json").read_text("utf-8"))
    status = next(each["status"] for each in cases if each["case"] == case)
    return (SAMPLES / "expected" / f"{case}.txt").read_bytes(), status << 8


@pytest.mark.parametrize("arch", ARCHES)
def test_both_forms_print_what_linux_prints(arch: str) -> None:
    truth = recorded("both")
    assert ran(arch, "both.uni", "a", "b") == truth
    assert ran(arch, "both", "a", "b") == truth


_ASSEMBLIES = [
    *({"allocator": name} for name in ("slab", "buddy")),
    *({"scheduler": name, "cpus": 2} for name in policies()),
    {"hal": "polyhal"},
    {"hal": "polyhal", "cpus": 2, "allocator": "slab"},
    {"rootfs": "fat"},
    {"memory_bytes": 16 << 20},
    {"seed": 7, "cpus": 8, "scheduler": "random"},
]


@pytest.mark.parametrize(
    ("arch", "options"),
    [(arch, options) for arch, options in zip(itertools.cycle(ARCHES), _ASSEMBLIES, strict=False)],
    ids=str,
)
def test_every_assembly_of_the_backbone_runs_it(arch: str, options: dict[str, Any]) -> None:
    assert ran(arch, "both.uni", "a", "b", **options) == recorded("both")


@pytest.mark.parametrize("arch", ARCHES)
def test_two_cpus_share_the_work(arch: str) -> None:
    run = machine(arch, "both.uni", cpus=2)
    assert run.run(CONTINUE).reason is StopReason.EXITED
    assert all(cpu.instructions > 1000 for cpu in run.machine().cpus)


def test_nothing_of_starry_is_loaded() -> None:
    """In a process of its own, from booting to the last view."""
    code = """
import sys
from kernel.control import Debugger, Goal, GoalKind, Position, Recipe, StopReason
elf = open(sys.argv[1], "rb").read()
run = Debugger(Recipe(elf, "/both.uni", form="unikernel", cpus=2))
run.run(Goal(GoalKind.SYSCALL, count=40))
run.machine(), run.cpu(), run.address_space(), run.walk(run.cpu().pc), run.allocators()
run.syscalls(), run.tasks(), run.scheduling(), run.processes(), run.namespaces()
run.sharing(), run.house(), run.hal(), run.counters(), run.digest()
run.change(Position(0))
here = run.position
assert run.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
run.goto(here)
print(sorted(name for name in sys.modules if name.startswith("kernel.plugins")))
"""
    program = SAMPLES / "bin/x86_64/both.uni"
    done = subprocess.run(
        [sys.executable, "-c", code, str(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=SAMPLES.parent,
    )
    assert "kernel.plugins.unikernel.core.unikernel" in done.stdout
    assert "starry" not in done.stdout


def test_the_monolithic_form_loads_nothing_of_the_unikernel() -> None:
    code = """
import sys
from kernel.control import Debugger, Recipe
Debugger(Recipe(open(sys.argv[1], "rb").read(), "/hello"))
print(sorted(name for name in sys.modules if name.startswith("kernel.plugins")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(SAMPLES / "bin/x86_64/hello")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=SAMPLES.parent,
    )
    assert "kernel.plugins.starry.core.starry" in done.stdout
    assert "unikernel" not in done.stdout


def test_input_is_waited_for_and_read() -> None:
    """The console's receiver, through ax_read on descriptor 0; see `reader`."""
    from tiny_app import reader

    run = Debugger(Recipe(reader(), "/reader", form="unikernel"))
    assert run.run(CONTINUE).reason is StopReason.INPUT
    run.feed(b"typed\n")
    assert run.run(CONTINUE).reason is StopReason.EXITED
    assert run.console() == b"typed\n"
    assert run.machine().exit_status == 6 << 8


def test_a_program_writes_its_own_code_through_the_linear_mapping() -> None:
    """Another mapping of the very frame the storing instruction lies in, which cannot execute."""
    from tiny_app import app

    probe = Debugger(Recipe(app(b"\xc3"), "/app", form="unikernel"))
    alias = probe.walk(probe.cpu().pc, "execute").pa + 0xFFFF_8000_0000_0000
    code = b"\x48\xb8" + bytes.fromhex("b807000000c39090")  # mov rax, the bytes of "return 7"
    code += b"\x48\xbf" + (alias + 0x40).to_bytes(8, "little") + b"\x48\x89\x07"  # mov [rdi], rax
    code += b"\xeb" + (0x40 - len(code) - 2).to_bytes(1, "little")  # jump there
    run = Debugger(Recipe(app(code), "/app", form="unikernel"))
    run.run(Goal(GoalKind.INSN, count=3))
    here, digest = run.position, run.digest()
    assert run.run(CONTINUE).reason is StopReason.EXITED
    assert run.machine().exit_status == 7 << 8
    run.goto(here)
    assert run.digest() == digest
