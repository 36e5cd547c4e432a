"""Busybox's shell with everything it starts: the same lines on Linux and on our kernel.

Linux is this host with its own build, for every architecture: see `shell_lines`.
`build_programs.py` builds them; what is not there is skipped.
"""

from __future__ import annotations

import platform

import pytest

from tests.conformance.oracle import (
    Command,
    Missing,
    Outcome,
    difference,
    linux_runner,
    programs_home,
    run_here,
    run_linux,
)
from tests.conformance.shell_lines import ASH_LINES, NEEDS_VFORK, SHELL_LINES
from tests.conformance.toolchain import TARGETS

LINES = {"busybox": SHELL_LINES, "ash": ASH_LINES}
HOST = platform.machine()


@pytest.fixture(scope="module")
def linux() -> dict[Command, Outcome]:
    """What Linux gives to the lines that were needed so far."""
    return {}


@pytest.mark.parametrize("program", LINES)
@pytest.mark.parametrize("target", TARGETS)
def test_equal(target: str, program: str, linux: dict[Command, Outcome]) -> None:
    path, native = (programs_home() / each / program for each in (target, HOST))
    if not path.exists() or not native.exists():
        pytest.skip(f"no {target}/{program}: build it with tests/conformance/build_programs.py")
    if linux_runner(HOST) is None:
        pytest.skip("this host is no Linux")
    elf = path.read_bytes()
    differing: list[str] = []
    missing = Missing()
    for command in LINES[program]:
        if target == "loongarch64" and command.args[-1].endswith(NEEDS_VFORK):
            continue
        if command not in linux:
            linux[command] = run_linux(HOST, native, command)
        different = difference(command, linux[command], run_here(elf, command, missing))
        if different:
            differing.append(f"{' '.join(command.argv)}\n{different}")
    assert not differing, "\n\n".join(differing)
    assert not missing.calls
