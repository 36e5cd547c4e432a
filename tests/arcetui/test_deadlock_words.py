"""The philosophers' circle in words, with the forks' names, wherever a deadlock is told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arcetui.commands import Commander
from arcetui.render.row import lines
from arcetui.render.task_words import tasks_by_tid
from arcetui.render.waits_pane import deadlock_lines
from kernel.control import Debugger, Recipe

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")


def starved(arch: str, **options: Any) -> tuple[Commander, str]:
    elf = (SAMPLES / arch / "philosophers").read_bytes()
    commander = Commander(Debugger(Recipe(elf, "/bin/philosophers", **options)))
    return commander, lines(commander.run("c").rows)


def circle(sentence: str) -> dict[int, tuple[str, int]]:
    """Who waits for which fork that who holds."""
    links = re.findall(r"(\d+) waits for futex (\S+) that (\d+) holds", sentence)
    return {int(waiter): (fork, int(holder)) for waiter, fork, holder in links}


@pytest.mark.parametrize("arch", ARCHES)
def test_the_circle_names_forks_and_holders(arch: str) -> None:
    commander, stop = starved(arch, cpus=2 if arch == "riscv64" else 1)
    said = circle(stop)
    assert len(said) == 5
    at = first = min(said)
    seen = [at := said[at][1] for _ in range(5)]
    assert seen[-1] == first
    assert len(set(seen)) == 5
    assert {holder for _, holder in said.values()} == set(said)
    assert {fork for fork, _ in said.values()} == {f"forks+{n * 0x28 + 4:#x}" for n in range(5)}
    waits = lines(commander.run("info waits").rows)
    assert circle(waits) == said
    for waiter, (fork, holder) in said.items():
        pattern = rf"{waiter} philosophers  futex 0x\w+ {re.escape(fork)}  held by {holder} "
        assert re.search(pattern, waits)


def test_the_pane_says_the_same() -> None:
    commander, stop = starved("x86_64")
    view = commander.context.debugger.scheduling()
    symbols = {wait.va: commander.context.symbols.describe(wait.va) for wait in view.waits}
    text = " ".join(deadlock_lines(view, tasks_by_tid(view), symbols, 400)).lower()
    for waiter, (fork, holder) in circle(stop).items():
        assert f"thread {waiter} waits for {fork} that thread {holder} holds" in text


def test_a_plain_run_says_it_on_standard_error() -> None:
    command = [sys.executable, "-m", "arcetui", "run", str(SAMPLES / "x86_64" / "philosophers")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert len(circle(done.stderr)) == 5
    assert "forks+" in done.stderr
