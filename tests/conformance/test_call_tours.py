"""Tours of the system calls (src/calls) print here, on every architecture, what they do on Linux.

What Linux says was recorded by build_calls.py; it does not depend on the architecture.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.conformance.oracle import Command, run_here

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
def test_as_linux(arch: str) -> None:
    elf = (HERE / "bin" / arch / "calltour").read_bytes()
    linux = (HERE / "expected" / "calltour.txt").read_text("utf-8", "replace")
    here = run_here(elf, Command("calltour"))
    assert here.status == 0
    lines = here.stdout.decode("utf-8", "replace").splitlines()
    assert not list(difflib.unified_diff(linux.splitlines(), lines, "linux", "here", lineterm=""))
