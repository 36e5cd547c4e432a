"""System calls with random numbers and arguments: the kernel must answer all of them.

The full count, 100,000 calls per architecture, runs with ARCETUI_FULL=1 in the environment.
"""

from __future__ import annotations

import os

import pytest

from kernel.boot import Recipe, boot
from kernel.control.record import Recorder
from kernel.inspect.views import SyscallView
from kernel.machine.board import Halt
from kernel.timeline.timeline import Timeline
from tests.conformance.oracle import Missing
from tests.conformance.storm import storm_elf

FULL = bool(os.environ.get("ARCETUI_FULL"))
TOTAL = 100_000 if FULL else 3_000
PER_RUN = 2_000
MAX_INSNS = 20_000_000


class NullSink:
    def write(self, fd: int, offset: int, data: bytes) -> None: ...


class Last(Missing):
    """Counts the calls and keeps the last one, for the report."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.call: SyscallView | None = None

    def enter(self, call: SyscallView, memory: object) -> None:
        self.count += 1
        self.call = call


def run_storm(arch: str, seed: int, last: Last) -> str:
    """Run one program; how the kernel failed, or an empty text."""
    stdio = ("tty", "pipe", "file", "null")[seed % 4]
    elf = storm_elf(arch, seed, PER_RUN)
    recipe = Recipe(elf, "storm", memory_bytes=32 << 20, stdio=(stdio,) * 3, cpus=1 + seed % 2)
    system = boot(recipe, NullSink())
    system.board.console.eof = True
    recorder = Recorder(system.board, system.kernel.plugin.calls.names())
    recorder.observer = last
    recorder.keeps = False
    system.observe(recorder)
    halt = Timeline(system, recording=False).advance(MAX_INSNS)
    return f"seed {seed}, {last.call}: {system.board.panic}" if halt == Halt.PANIC else ""


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
def test_no_kernel_failure(arch: str) -> None:
    last = Last()
    seed = 0
    while last.count < TOTAL:
        assert run_storm(arch, seed, last) == ""
        seed += 1
    assert seed < TOTAL / 20, "the programs end too early to be a storm"
