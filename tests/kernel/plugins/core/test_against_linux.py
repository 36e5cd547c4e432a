"""The same programs run natively and here print the same: Linux is the oracle."""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from kernel.control import Recipe, run_headless

HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64" or not shutil.which("cc"),
    reason="needs a C compiler on x86_64 Linux",
)

#: Lines that depend on the host: its kernel's options, its processor, its file systems.
HOST_LINES = ("33", "51", "16", "22", "26")


def build(source: str, folder: Path) -> Path:
    target = folder / source.removesuffix(".c")
    command = ["cc", "-O1", "-w", "-static", "-o", str(target), str(HERE / source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot link a static program: {done.stderr[-200:]}")
    return target


def run_here(program: Path, argv: tuple[str, ...], envp: tuple[str, ...]) -> tuple[int, str]:
    out = bytearray()
    recipe = Recipe(program.read_bytes(), str(program), argv, envp, stdio=("null", "pipe", "pipe"))
    status = run_headless(recipe, io.BytesIO(b""), lambda fd, data: out.extend(data))
    return status >> 8, out.decode()


@pytest.mark.parametrize("source", ["mm_oracle.c", "task_oracle.c"])
def test_a_program_prints_what_it_prints_under_linux(source: str, tmp_path: Path) -> None:
    program = build(source, tmp_path)
    argv = (str(program), "one", "two")
    envp = {"A": "1", "BB": "22"}
    status, here = run_here(program, argv, ("A=1", "BB=22"))
    found = [line for line in here.splitlines() if line not in HOST_LINES]
    for _ in range(3):  # where Linux puts things is random, and now and then a hole is too small
        native = subprocess.run(argv, env=envp, capture_output=True, text=True, check=False)
        expected = [line for line in native.stdout.splitlines() if line not in HOST_LINES]
        if found == expected:
            break
    assert found == expected
    assert status == native.returncode
