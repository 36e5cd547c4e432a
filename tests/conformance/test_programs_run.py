"""Other people's programs: the same command lines on Linux and on our kernel.

`build_programs.py` builds them; what is not there is skipped.
"""

from __future__ import annotations

import pytest

from tests.conformance.command_lines import COMMANDS
from tests.conformance.oracle import (
    Missing,
    difference,
    linux_runner,
    programs_home,
    run_here,
    run_linux,
)
from tests.conformance.thread_lines import THREADED
from tests.conformance.toolchain import TARGETS

LINES = (*COMMANDS, *THREADED)
PROGRAMS = sorted({command.program for command in LINES})


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("target", TARGETS)
def test_equal(target: str, program: str) -> None:
    arch = target.split("-")[0]
    path = programs_home() / target / program
    if not path.exists():
        pytest.skip(f"no {target}/{program}: build it with tests/conformance/build_programs.py")
    if linux_runner(arch) is None:
        pytest.skip(f"no Linux for {arch} here: neither the host nor qemu-{arch}")
    elf = path.read_bytes()
    differing: list[str] = []
    missing = Missing()
    for command in (command for command in LINES if command.program == program):
        linux = run_linux(arch, path, command)
        different = difference(command, linux, run_here(elf, command, missing))
        if different:
            differing.append(f"{' '.join(command.argv)}\n{different}")
    assert not differing, "\n\n".join(differing)
    assert not missing.calls
