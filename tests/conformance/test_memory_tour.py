"""Random walks through the memory calls (src/mmtour.c) against the host's Linux.

Results, errno, faults, contents and /proc/self/maps must agree: what mmtour prints does not depend
on addresses or on the architecture, so the host's x86_64 run is the measure for all of them.
More walks run with ARCETUI_FULL=1 in the environment.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from tests.conformance.oracle import Command, difference, run_here, run_linux

BIN = Path(__file__).resolve().parent / "bin"
SEEDS = range(40) if os.environ.get("ARCETUI_FULL") else range(5)


@pytest.mark.parametrize("mode", ["touching", "merging"])
@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
def test_as_linux(arch: str, mode: str) -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        pytest.skip("the measure is Linux on x86_64, which this host is not")
    options = ("lock",) if os.geteuid() == 0 else ()  # locking is limited for other users
    if mode == "merging":
        options += ("merging",)
    elf = (BIN / arch / "mmtour").read_bytes()
    for seed in SEEDS:
        command = Command("mmtour", (str(seed), "250", *options))
        linux = run_linux("x86_64", BIN / "x86_64" / "mmtour", command)
        assert linux.status == 0
        assert difference(command, linux, run_here(elf, command)) == "", f"seed {seed}"
