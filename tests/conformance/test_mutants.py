"""Damaged program files: refused with one sentence, or run; never a failure of ours.

The full count, 5,000 files, runs with ARCETUI_FULL=1 in the environment.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from kernel.boot import LoadError, Recipe, boot
from kernel.machine.board import Halt
from kernel.timeline.timeline import Timeline

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "bin"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
SEEDS = [(a, n) for a in ARCHES for n in ("hello", "signals", "fileread")]
TOTAL = 5000 if os.environ.get("ARCETUI_FULL") else 360
BATCHES = 6
MAX_INSNS = 300_000
ODD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, 1 << 47)


class NullSink:
    def write(self, fd: int, offset: int, data: bytes) -> None: ...


def field(data: bytearray, rng: random.Random, start: int, end: int) -> None:
    """Write an odd value, 1 to 8 bytes wide, somewhere in start..end."""
    width = rng.choice((1, 2, 4, 8))
    at = rng.randrange(start, max(start + 1, end - width))
    value = rng.choice((*ODD, (1 << 64) - 1, (1 << 64) - 4096, rng.getrandbits(64)))
    if rng.random() < 0.3:  # near what is there
        value = int.from_bytes(data[at : at + width], "little") + rng.choice((-4096, -1, 1, 4096))
    data[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")


def mutant(data: bytes, rng: random.Random) -> bytes:
    """A damaged copy of a program."""
    copy = bytearray(data)
    kind = rng.randrange(10)
    count = rng.choice((1, 1, 2, 5))
    headers_end = 64 + 56 * int.from_bytes(data[56:58], "little")
    for _ in range(count):
        if kind < 2:
            field(copy, rng, 0, 64)
        elif kind < 5:
            field(copy, rng, 64, headers_end)
        elif kind < 8:  # code and data
            field(copy, rng, headers_end, len(copy) // 2)
        elif kind == 8:
            at = rng.randrange(len(copy))
            copy[at : at + rng.randrange(2000)] = rng.randbytes(rng.randrange(2000))
    if kind == 9:
        del copy[rng.randrange(len(copy)) :]
    return bytes(copy)


def host_files(top: Path) -> set[str]:
    return {str(path) for path in top.rglob("*")}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_failure(batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    programs = [(SAMPLES / arch / name).read_bytes() for arch, name in SEEDS]
    refused = ran = 0
    for number in range(batch, TOTAL, BATCHES):
        rng = random.Random(number)
        elf = mutant(programs[number % len(programs)], rng)
        recipe = Recipe(elf, "mutant", memory_bytes=16 << 20, stdio=("pipe",) * 3)
        try:
            system = boot(recipe, NullSink())
        except LoadError as error:
            refused += 1
            sentence = str(error)
            assert sentence
            assert "\n" not in sentence
            assert "Error" not in sentence, f"mutant {number}: {sentence}"
            continue
        system.board.console.eof = True
        halt = Timeline(system, recording=False).advance(MAX_INSNS)
        assert halt != Halt.PANIC, f"mutant {number}: {system.board.panic}"
        ran += 1
    assert refused > 0
    assert ran > 0
    assert host_files(tmp_path) == set()
