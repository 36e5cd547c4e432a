"""Python's collector: off while a machine is booted, on again whatever comes of it."""

from __future__ import annotations

import gc

from arcetui.app import ArcetuiApp
from arcetui.collector import hold_off
from arcetui.recent import RecentFiles
from arcetui.screens.start import StartScreen
from arcetui.state import Launch


async def test_it_looks_again_on_the_start_screen_and_after_a_program_that_cannot_be_opened(
    tmp_path,
):
    recent = RecentFiles(tmp_path / "recent.json")
    hold_off()
    try:
        async with ArcetuiApp(theme="arce-dark", recent=recent).run_test() as pilot:
            await pilot.pause()
            assert gc.isenabled()
        hold_off()
        bad = tmp_path / "bad"
        bad.write_bytes(b"no program")
        app = ArcetuiApp(Launch(str(bad)), theme="arce-dark", recent=recent)
        async with app.run_test() as pilot:
            for _ in range(100):
                await pilot.pause(0.02)
                if isinstance(app.screen, StartScreen):
                    break
            assert isinstance(app.screen, StartScreen)
            assert gc.isenabled()
    finally:
        gc.enable()
