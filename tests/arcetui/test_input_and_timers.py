"""Input while timers are set: what lies ready in a pipe is read before a wait times out, and on
the screen a program that waits for a key, but not for ever, waits in real time.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from screen_driver import text, until

from arcetui.app import ArcetuiApp
from arcetui.pace import Pace
from arcetui.recent import RecentFiles
from arcetui.state import Launch
from kernel.control import Debugger, Goal, GoalKind, Recipe, StopReason, run_headless
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


def waiting() -> Debugger:
    """A debugger whose program has begun its minute's wait."""
    debugger = Debugger(Recipe(POLLER, "/bin/poller", stdio=("tty", "tty", "tty")))
    debugger.ask_for_input(wanted=True)
    debugger.begin(Goal(GoalKind.CONTINUE))
    while debugger.pump() is None:
        if debugger.idle_seconds():
            return debugger
    raise AssertionError("it did not ask")


def test_a_debugger_is_asked_before_time_is_skipped_and_goes_back_exactly() -> None:
    debugger = waiting()
    assert debugger.idle_seconds() == pytest.approx(TIMEOUT_MS / 1000, abs=1e-3)
    asked = debugger.position, debugger.digest()
    debugger.feed(b"abc\n")
    assert not debugger.idle_seconds()
    while (stopped := debugger.pump()) is None:
        pass
    assert stopped.reason is StopReason.EXITED
    end, digest = debugger.position, debugger.digest()
    debugger.goto(asked[0])
    assert debugger.digest() != digest
    debugger.goto(end)
    assert debugger.digest() == digest
    debugger.run(Goal(GoalKind.CONTINUE, reverse=True))
    assert debugger.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
    assert (debugger.position, debugger.digest()) == (end, digest)


def test_asked_once_time_passes() -> None:
    debugger = waiting()
    while (stopped := debugger.pump()) is None:
        assert not debugger.idle_seconds()
    assert stopped.reason is StopReason.INPUT, "poll timed out, then read waits"


def test_a_rest_ends_with_its_time_or_with_input() -> None:
    class Idle:
        pumps = 0

        def pump(self, max_insns: int) -> None:
            self.pumps += 1

        def idle_seconds(self) -> float:
            return 60.0

    pace, idle = Pace(), Idle()
    for _ in range(3):
        pace.pump(idle)
    assert (idle.pumps, 59 < pace.waits_s <= 60, pace.rest_seconds < 1) == (1, True, True)
    pace.wake()
    assert pace.waits_s == 0
    pace.pump(idle)
    assert idle.pumps == 2


async def test_the_screen_waits_in_real_time(tmp_path: Path) -> None:
    path = tmp_path / "poller"
    path.write_bytes(POLLER)
    app = ArcetuiApp(Launch(str(path)), recent=RecentFiles(tmp_path / "recent.json"))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: getattr(app.screen, "snapshot", None) is not None)
        await pilot.press("c")
        await until(lambda: app.screen.snapshot.waits)
        await until(lambda: "WAITS FOR INPUT" in text(app) and "c lets its time pass" in text(app))
        await pilot.press("0", "h", "i", "enter")
        await until(lambda: not app.screen.snapshot.running)
        assert "exited with 19" in text(app)  # poll found it, three bytes were read
        await pilot.press("escape", "r", "y")
        await until(lambda: app.screen.snapshot.machine.syscalls == 0)
        await pilot.press("c")
        await until(lambda: app.screen.snapshot.waits)
        await pilot.press("c")
        await until(lambda: not app.screen.snapshot.running)
        assert app.screen.snapshot.machine.time_ns > TIMEOUT_MS * 1e6
        assert "waits for console input" in text(app)
