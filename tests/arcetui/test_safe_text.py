"""Names with escape codes, from files, arguments and the guest, never reach the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from arcetui.render.row import lines, plain, row, safe

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
EVIL = "a\x1b[31m\x07\r\nb\x9b\u202e\udcff"


def arcetui(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "arcetui", *words], capture_output=True, check=False, timeout=60
    )


def test_rows_hold_no_control_characters() -> None:
    shown = "a\\x1b[31m\\x07\\x0d\\x0ab\\x9b\\u202e\\xff"
    assert safe(EVIL) == shown
    assert lines([plain(EVIL), row(EVIL, (EVIL, "error"))]) == f"{shown}\n{shown}{shown}"
    assert safe("plain\ttext é 日本語") == "plain\ttext é 日本語"


@pytest.mark.parametrize("words", [("run",), ("trace",), ("--batch", "-ex", "c")])
def test_a_missing_file_is_named_in_one_safe_line(words: tuple[str, ...]) -> None:
    result = arcetui(*words, "no\x1b]0;x\x07\nsuch")
    assert result.returncode == 2
    assert result.stderr == b"arcetui: no\\x1b]0;x\\x07\\x0asuch: no such file or directory\n"


def test_a_program_with_an_evil_name_and_arguments(tmp_path: Path) -> None:
    program = tmp_path / "h\x1b[31m\nx"
    program.write_bytes((SAMPLES / "x86_64" / "hello").read_bytes())
    commands = ("info proc", "info threads", "info sys", "x/20s $sp", "info fds", "bt", "c")
    script = [word for command in commands for word in ("-ex", command)]
    for words in (("--batch", *script), ("trace",), ("trace", "--json"), ("trace", "-c")):
        result = arcetui(*words, str(program), "arg\x1b[2J\x07")
        shown = result.stdout + result.stderr
        assert b"\x1b" not in shown
        assert b"\x07" not in shown
        assert result.returncode == 0
