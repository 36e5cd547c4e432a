"""Drives the real screen over a fake debugger: opened, told keys, read as text."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fake_machine import fake_opener
from fake_session_debugger import FakeDebugger

from arcetui.app import ArcetuiApp
from arcetui.recent import RecentFiles
from arcetui.state import Launch


@asynccontextmanager
async def opened(tmp_path, debugger=None, size=(120, 40), preset="cpu"):
    debugger = debugger or FakeDebugger()
    app = ArcetuiApp(
        Launch("/fake/prog"),
        opener=fake_opener(debugger),
        recent=RecentFiles(tmp_path / "recent.json"),
        preset=preset,
    )
    async with app.run_test(size=size) as pilot:
        await until(lambda: getattr(app.screen, "snapshot", None) is not None)
        await pilot.pause()
        yield app, pilot, debugger


async def until(condition, seconds=5.0):
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


async def press(app, pilot, key, moves=True):
    """Press a key; if it moves the machine, wait until the screen shows another epoch."""
    epoch = app.screen.snapshot.epoch
    await pilot.press(key)
    if moves:
        await until(lambda: app.screen.snapshot.epoch != epoch and not app.screen.snapshot.running)


def focused(app):
    """Name of the pane that has the keys; "" while a dialog is open."""
    pane = getattr(app.screen, "focused_pane", None)
    return pane.pane if pane is not None else ""


def text(app):
    from arcetui._textual import screen_cells

    return "\n".join("".join(s.text for s in line) for line in screen_cells(app))
