"""A program of others that is small enough to be committed: zlib's minigzip, on every architecture.

The oracle is Python's own gzip.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.conformance.command_lines import BINARY, WORDS
from tests.conformance.oracle import Command, Outcome, run_here

BIN = Path(__file__).resolve().parent / "bin"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")


@pytest.mark.parametrize("arch", ARCHES)
def test_packs_and_unpacks(arch: str) -> None:
    elf = (BIN / arch / "minigzip").read_bytes()
    data = WORDS + BINARY
    packed = run_here(elf, Command("minigzip", ("-9",), data))
    assert (packed.status, packed.stderr) == (0, b"")
    assert gzip.decompress(packed.stdout) == data
    assert len(packed.stdout) < len(gzip.compress(data, 1))
    unpack = Command("minigzip", ("-d",), gzip.compress(data, 6))
    assert run_here(elf, unpack) == Outcome(data, b"", 0)


def test_the_same_bytes_on_every_architecture() -> None:
    files = (("words", WORDS),)
    command = Command("minigzip", ("-c", "words"), files=files)
    outcomes = {run_here((BIN / arch / "minigzip").read_bytes(), command) for arch in ARCHES}
    assert len(outcomes) == 1
    assert gzip.decompress(outcomes.pop().stdout) == WORDS


def test_damage_is_told() -> None:
    elf = (BIN / "x86_64" / "minigzip").read_bytes()
    packed = bytearray(gzip.compress(WORDS))
    packed[len(packed) // 2] ^= 0xFF
    outcome = run_here(elf, Command("minigzip", ("-d",), bytes(packed)))
    assert outcome.status == 1 and outcome.stderr.startswith(b"minigzip: ")
