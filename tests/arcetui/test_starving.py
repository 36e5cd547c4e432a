"""A program that spins for another task under FIFO: who stops it is told why it gets nowhere."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kernel.control import Debugger, Goal, GoalKind, Recipe, run_headless
from tests.conformance.tiny_elf import tiny_elf

FORK = bytes.fromhex("b839000000 0f05 85c0 74 42")  # fork; the child goes 0x42 bytes on
SPIN = bytes([0x90] * 0x40) + bytes.fromhex("eb be")  # the parent stays here
EXIT = bytes.fromhex("b8e7000000 bf07000000 0f05")  # exit_group(7)
SPINNER = tiny_elf("x86_64", FORK + SPIN + EXIT, b"")
SENTENCE = r"4 \(spinner\) has kept CPU 0 for \d+\.\d s of its time while 5 is ready; under FIFO "


class Enough(Exception):
    """Ends a run that would not end."""


def test_a_run_hears_who_keeps_whom_from_running() -> None:
    heard: list[str] = []

    def hear(sentence: str) -> None:
        heard.append(sentence)
        if sentence:
            raise Enough

    recipe = Recipe(SPINNER, "/bin/spinner")
    with pytest.raises(Enough):
        run_headless(recipe, lambda: b"", lambda fd, data: None, None, hear)
    assert heard[0] == ""
    assert re.match(SENTENCE, heard[-1])


def test_nothing_is_said_where_the_policy_preempts() -> None:
    debugger = Debugger(Recipe(SPINNER, "/bin/spinner", scheduler="rr"))
    debugger.begin(Goal(GoalKind.CONTINUE))
    for _ in range(130):  # 1.3 s of virtual time
        assert debugger.pump(2_000_000) is None
    assert debugger.pause().sentence == "paused"


def test_a_pause_says_it() -> None:
    debugger = Debugger(Recipe(SPINNER, "/bin/spinner"))
    debugger.begin(Goal(GoalKind.CONTINUE))
    for _ in range(130):
        assert debugger.pump(2_000_000) is None
    assert re.match(f"paused: {SENTENCE}", debugger.pause().sentence)


def test_sigint_pauses_a_batch_and_its_commands_go_on(tmp_path: Path) -> None:
    path = tmp_path / "spinner"
    path.write_bytes(SPINNER)
    commands = ["-ex", "info position", "-ex", "c", "-ex", "info threads"]
    words = [sys.executable, "-m", "arcetui", "--batch", *commands, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as batch:
        assert batch.stdout is not None
        assert batch.stdout.readline()
        time.sleep(0.5)
        batch.send_signal(signal.SIGINT)
        said = batch.stdout.read()
    assert "\npaused" in said
    assert re.search(r"^\* +4 +4 +0 Running +spinner", said, re.MULTILINE)
    assert batch.returncode == 0
