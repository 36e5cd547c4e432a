"""Input while timers are set: what lies ready in a pipe is read before a wait times out."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kernel.control import Recipe, run_headless
from tests.conformance.tiny_elf import DATA_VA, tiny_elf

TIMEOUT_MS = 60_000
#: poll(stdin, POLLIN, a minute); exit with 16 * its result + what read() then gives, or with 99.
CODE = bytes.fromhex(
    f"bf{DATA_VA:08x}"[:2]
    + struct.pack("<I", DATA_VA).hex()
    + "be01000000"
    + "ba" + struct.pack("<I", TIMEOUT_MS).hex()
    + "b807000000 0f05"  # poll
    + "89c3 c1e304"  # rbx = 16 * result
    + "31c0 31ff be" + struct.pack("<I", DATA_VA + 16).hex() + "ba08000000 0f05"  # read
    + "01c3 89df b8e7000000 0f05"  # exit_group
)  # fmt: skip
POLLER = tiny_elf("x86_64", CODE, struct.pack("<ihh", 0, 1, 0) + bytes(24))


@pytest.mark.parametrize("kind", ["pipe", "tty", "file"])
def test_ready_input_comes_before_a_timeout(kind: str) -> None:
    given = [b"abc\n", b""]
    recipe = Recipe(POLLER, "/bin/poller", stdio=(kind, kind, kind))
    status = run_headless(recipe, lambda: given.pop(0), lambda fd, data: None)
    assert status >> 8 == 16 + 4


def test_time_goes_on_while_no_input_comes() -> None:
    asked: list[float] = []

    def comes(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) > 1

    recipe = Recipe(POLLER, "/bin/poller", stdio=("pipe", "pipe", "pipe"))
    status = run_headless(recipe, lambda: b"", lambda fd, data: None, None, None, None, comes)
    assert asked[0] == pytest.approx(TIMEOUT_MS / 1000, abs=1e-3)
    assert status >> 8 == 0, "poll timed out, then read found the end"


@pytest.mark.parametrize("words", [["run"], ["--batch", "-ex", "c"]])
def test_late_input_of_a_pipe(words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "poller"
    path.write_bytes(POLLER)
    line = [sys.executable, "-m", "arcetui", *words, str(path)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        if words == ["run"]:
            time.sleep(1.0)
        said, _ = run.communicate("xy\n", timeout=30)
    assert run.returncode == 16 + 3 or "exited with 19" in said
