"""What the debugger keeps of a long run is bounded, and every position can still be reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from arcetui.commands import Commander
from kernel.control import Debugger, Goal, GoalKind, Recipe
from kernel.control import record as record_module
from kernel.machine.console import ConsoleLog
from kernel.timeline import timeline as timeline_module

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples built")


def said(commander, line):
    return "\n".join("".join(span.text for span in row) for row in commander.run(line).rows)


def test_the_log_of_output_keeps_its_end_through_replays():
    log = ConsoleLog(kept_bytes=100)
    text = bytes(i & 0xFF for i in range(1000))
    for at in range(0, 1000, 10):
        log.write(1, at, text[at : at + 10])
    assert 100 <= len(log.data) <= 125
    assert log.first == 1000 - len(log.data)
    kept = bytes(log.data)
    for at in range(0, 1000, 10):  # a replay from the start
        log.write(1, at, text[at : at + 10])
    assert bytes(log.data) == kept
    assert log.read(0, 1000) == kept
    assert log.read(990, 995) == text[990:995]
    assert log.read(0, 50) == b""
    log.cut(950)
    assert log.read(0, 1000) == text[log.first : 950]
    log.cut(10)
    assert (log.first, log.data) == (10, b"")
    log.write(1, 10, b"other")
    assert log.read(0, 15) == b"other"


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
def test_a_long_run_thinned_out_is_exact_and_says_what_it_forgot(arch, monkeypatch):
    elf = (SAMPLES / arch / "threads").read_bytes()
    recipe = Recipe(elf=elf, path="threads", cpus=2)
    whole = Debugger(recipe)
    whole.run(Goal(GoalKind.CONTINUE))
    monkeypatch.setattr(timeline_module, "SNAPSHOT_UNITS", 20_000)
    monkeypatch.setattr(timeline_module, "SNAPSHOT_BYTES", 0)
    monkeypatch.setattr(timeline_module, "KEPT_EVENTS", 200)
    monkeypatch.setattr(record_module, "KEPT_CALLS", 8)
    thin = Debugger(recipe)
    thin.run(Goal(GoalKind.CONTINUE))
    counters = thin.counters()
    assert counters["snapshots"] <= 12
    end = thin.position.event
    commander = Commander(thin)
    assert len(thin.events(1, end)) <= 2000
    assert "are no longer kept" in said(commander, "info syscalls all")
    assert "is no longer kept" in said(commander, "explain 1")
    assert "is no longer kept" in said(commander, "goto syscall #1")
    assert "no system call #9999; " in said(commander, "explain 9999")
    assert "are not kept" in said(commander, "info events 1-2")
    assert "no such events" in said(commander, f"info events {end + 5}-{end + 6}")
    for part in (1, 5, 9):
        where = type(thin.position)(whole.end.event * part // 10)
        whole.goto(where)
        thin.goto(where)
        assert thin.digest() == whole.digest()
