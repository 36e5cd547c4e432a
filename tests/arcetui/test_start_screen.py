"""The start screen: every key of it, and what it tells about a program."""

from __future__ import annotations

from textual.widgets import Label

from arcetui.app import ArcetuiApp
from arcetui.recent import RecentFiles
from arcetui.screens.start import ChoiceList


async def test_the_list_moves_by_rows_pages_and_ends_and_says_all_about_a_program(tmp_path):
    app = ArcetuiApp(theme="arce-dark", recent=RecentFiles(tmp_path / "recent.json"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        view = app.screen.query_one(ChoiceList)

        def about() -> str:
            return str(app.screen.query_one("#start-about", Label).render())

        first = view.chosen
        assert first is not None
        assert about() == f"{first.name}: {first.about}"
        await pilot.press("down", "j", "up")
        assert view.cursor == 2
        await pilot.press("pagedown")
        assert view.cursor == 2 + view.page
        assert view.chosen is not None
        assert about().startswith(f"{view.chosen.name}: ")
        await pilot.press("end")
        last = view.chosen
        assert last is not None
        assert last is view.choices[-1]
        await pilot.press("right")
        assert view.chosen is not None
        assert view.chosen.name == last.name
        assert "/riscv64/" in view.chosen.path
        await pilot.press("home")
        assert view.chosen is not None
        assert view.chosen.name == first.name
        await pilot.press("pageup", "k")
        assert view.chosen.name == first.name
