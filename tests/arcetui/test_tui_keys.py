"""Every key of the table, driven through the real screen over a fake debugger."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from pathlib import Path

from textual import events

sys.path.insert(0, str(Path(__file__).parent))
from screen_driver import focused, opened, press, text, until

from arcetui import keymap, layouts
from arcetui.pane_help import READING
from arcetui.render import row as line
from arcetui.screens.dialogs import help_rows
from arcetui.widgets.entry import AskBar, EntryInput, PromptPanel
from arcetui.widgets.line_view import LineView


async def test_stepping_keys_go_both_ways(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        for key, expected in (
            ("s", 1), ("i", 2), ("f11", 3), ("f7", 4), ("S", 3), ("I", 2), ("n", 3), ("o", 4),
            ("f10", 5), ("f8", 6), ("N", 5), ("O", 4), ("f", 5), ("F", 4), ("l", 5), ("L", 4),
            ("y", 10), ("Y", 0), ("e", 10), ("E", 0), ("c", 2000), ("C", 0), ("f9", 2000),
            ("shift+f9", 0), ("f5", 2000), ("shift+f11", 1999), ("shift+f7", 1998),
            ("shift+f10", 1997), ("shift+f8", 1996), ("shift+f5", 0),
        ):  # fmt: skip
            await press(app, pilot, key)
            assert fake.n == expected, key
        assert not fake._breaks


async def test_equal_steps_waiting_in_the_queue_are_done_together(tmp_path):
    async with opened(tmp_path) as (app, _pilot, fake):
        for _ in range(7):
            app.screen.action_go("INSN")
        await until(lambda: fake.n == 7 and app.screen.snapshot.machine.instructions == 7)


async def test_breakpoints_play_pause_and_speed(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        screen = app.screen
        await pilot.press("1", "down", "down", "down", "b")
        await until(lambda: fake._breaks)
        address = next(iter(fake._breaks.values())).spec.address
        assert address == screen.grid.pane("code").item.value
        await until(lambda: "●" in text(app))
        await press(app, pilot, "space")
        assert fake.pc == address
        await pilot.press("f2")
        await until(lambda: not fake._breaks)
        for _ in range(3):
            await pilot.press("minus")
        await until(lambda: screen.snapshot.speed == "10/s")
        await pilot.press("space")
        await until(lambda: screen.snapshot.running)
        before = fake.n
        await until(lambda: fake.n > before + 1)
        assert fake.n < before + 50
        await pilot.press("ctrl+c")
        await until(lambda: not screen.snapshot.running)
        await pilot.press("plus", "equals_sign", "plus")
        await until(lambda: screen.snapshot.speed == "full")


async def test_restart_asks_and_goto_takes_positions(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        await press(app, pilot, "y")
        await pilot.press("r", "n")
        assert fake.n == 10
        await pilot.press("r")
        await pilot.press("y")
        await until(lambda: fake.n == 0)
        await pilot.press("g", *"8+3", "enter")
        await until(lambda: fake.n == 23)
        await pilot.press("g", *"x", "enter")
        await until(lambda: fake.n == 23)


async def test_digits_focus_panes_and_reveal_hidden_ones(tmp_path):
    async with opened(tmp_path, size=(80, 24)) as (app, pilot, _fake):
        for about in layouts.PANES:
            await pilot.press("escape", *about.keys)
            await until(lambda n=about.name: focused(app) == n)
            assert about.name in app.screen.grid.names
            await until(lambda n=about.name: n in app.screen.snapshot.interests.panes)
        await pilot.press("escape")
        assert "hidden" in text(app)


async def test_tab_goes_round_and_zoom_comes_back(tmp_path):
    async with opened(tmp_path) as (app, pilot, _fake):
        names = app.screen.grid.names
        await pilot.press("1")
        for name in (*names[1:-1],):
            await pilot.press("tab")
            await until(lambda name=name: app.screen.focused_pane.pane == name)
        await pilot.press("shift+tab")
        await until(lambda: app.screen.focused_pane.pane == names[-3])
        await pilot.press("z")
        await until(lambda: app.screen.grid.names == (names[-3],))
        await until(lambda: app.screen.focused_pane.size.width == 120)
        await pilot.press("escape")
        await until(lambda: app.screen.grid.names == names)


async def test_presets_and_themes(tmp_path):
    async with opened(tmp_path) as (app, pilot, _fake):
        seen = []
        for _ in layouts.PRESETS:
            before = app.screen.grid.preset
            await pilot.press("p")
            await until(lambda before=before: app.screen.grid.preset != before)
            seen.append(app.screen.grid.preset)
        assert seen == [*layouts.PRESETS[1:], layouts.PRESETS[0]]
        await pilot.press("P")
        await until(lambda: app.screen.grid.preset == layouts.PRESETS[-1])
        before = app.theme
        await pilot.press("t")
        await until(lambda: app.theme != before)


async def test_rows_follow_to_walk_memory_and_positions(tmp_path):
    async with opened(tmp_path, preset="vm", size=(200, 60)) as (app, pilot, fake):
        screen = app.screen
        await press(app, pilot, "y")
        await press(app, pilot, "y")
        await pilot.press("3", "home", "down", "w")
        await until(
            lambda: screen.snapshot.walk is not None and screen.snapshot.walk.va == 0x402000
        )
        await pilot.press("x")
        await until(lambda: screen.snapshot.walk.access == "write")
        await pilot.press("m")
        await until(lambda: screen.snapshot.memory and screen.snapshot.memory.address == 0x402000)
        await pilot.press("2", "home", "right", "left", "enter")
        await until(lambda: str(screen.snapshot.interests.walk) == "rax")
        await pilot.press("a", *"rsp", "enter")
        await until(lambda: str(screen.snapshot.interests.walk) == "rsp")
        await pilot.press("6", "home", "enter")
        await until(lambda: fake.position.event == 0 or fake.n < 20)
        await pilot.press("1", "home", "enter")


async def test_panes_by_letter_frames_and_sharing(tmp_path):
    async with opened(tmp_path, preset="ns") as (app, pilot, fake):
        screen = app.screen
        await pilot.press("v")
        await until(lambda: "panes (press a key" in text(app))
        await pilot.press("down", "up", "escape", "v", "g")
        await until(lambda: screen.focused_pane.pane == "gantt")
        await press(app, pilot, "y")
        await until(lambda: "switches, newest first" in text(app))
        await pilot.press("v", "s")
        await until(lambda: "same letter in a column" in text(app))
        await pilot.press("down", "down", "left", "enter")
        await until(lambda: screen.snapshot.stopped.sentence == "made")
        assert fake.position.event == 4
        await pilot.press("v", "w")
        await until(lambda: "held by 4 prog (the word names it)" in text(app))
        await pilot.press("v", "t")
        await until(lambda: "pending: TERM; blocked: INT" in text(app))
        await pilot.press("u", "7", "d", "u")
        await until(lambda: screen.interests.frame == 1)
        await press(app, pilot, "s")
        assert screen.interests.frame == 0


async def test_timeline_keys_move_in_time(tmp_path):
    async with opened(tmp_path, preset="syscall") as (app, pilot, fake):
        for _ in range(3):
            await press(app, pilot, "y")
        await pilot.press("9")
        for key, event in (("shift+left", 0), ("end", 12), ("left", 8), ("right", 8), ("home", 0),
                           ("pagedown", 12), ("pageup", 0), ("shift+right", 8)):  # fmt: skip
            await press(app, pilot, key)
            assert fake.position.event <= event or key == "right", key
        assert app.screen.snapshot.past
        await until(lambda: "PAST" in text(app))


async def test_lists_scroll_and_search(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        await pilot.press("1")
        pane = app.screen.grid.pane("code")
        await pilot.press("end")
        await until(lambda: pane.cursor == len(pane.rows) - 1)
        await pilot.press("home", "j", "down", "k", "up")
        await until(lambda: pane.cursor == 0)
        await pilot.press("pagedown", "ctrl+f", "pageup", "ctrl+b", "ctrl+d", "ctrl+u")
        await pilot.press("slash", *"mov", "enter")
        await until(lambda: pane.found == "mov" and pane.has_focus)
        first = pane.cursor
        await pilot.press("n")
        await until(lambda: pane.cursor > first)
        await pilot.press("N")
        await until(lambda: pane.cursor == first)
        await until(lambda: "next match" in text(app))
        await pilot.press("escape")
        await press(app, pilot, "n")
        assert fake.n == 1


async def test_prompt_runs_completes_and_survives_errors(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        await pilot.press("colon")
        entry = app.screen.query_one(PromptPanel).entry
        await until(lambda: app.focused is entry)
        await pilot.press(*"inf", "tab")
        await until(lambda: entry.value == "info")
        await pilot.press("space", *"r", "tab")
        await until(lambda: entry.value.strip() == "info registers")
        await pilot.press("enter")
        await until(lambda: "answer to info registers" in text(app))
        await pilot.press("up")
        assert entry.value == "info registers"
        await pilot.press("down", *"boom", "enter")
        await until(lambda: "boom" in app.screen.snapshot.error)
        await pilot.press("c", "enter")
        await until(lambda: fake.n == 2000)
        panel = app.screen.query_one(PromptPanel)
        panel.print_rows(tuple(line.plain(f"answer {n} " * 20) for n in range(40)))
        answers = panel.query_one(LineView)
        assert all(line.width(row) < 120 for row in answers.rows)  # wrapped, not cut
        end = answers.top
        await pilot.press("pageup", "pageup", "pagedown")
        await until(lambda: 0 < answers.top < end)
        await pilot.press("escape")
        await press(app, pilot, "S")
        assert fake.n == 1999


async def test_what_is_typed_right_after_a_key_that_opens_a_line_goes_there(tmp_path):
    from textual.events import Key

    def burst(app, text):  # as a terminal sends a paste or a fast hand: all at once
        for char in text:
            name = {":": "colon", " ": "space", "/": "slash", "\n": "enter"}.get(char, char)
            app.post_message(Key(name, char if char.isprintable() else None))

    async def left(app, pilot):  # only then are keys the screen's again
        await pilot.press("escape")
        await until(lambda: not isinstance(app.focused, EntryInput))

    async with opened(tmp_path) as (app, pilot, fake):
        burst(app, ":info break\n")
        await until(lambda: "answer to info break" in text(app))
        assert fake.n == 0 and not fake._breaks
        await left(app, pilot)
        burst(app, "g8+3\n")
        await until(lambda: fake.n == 23)
        burst(app, "1/mov\n")
        await until(lambda: app.screen.grid.pane("code").found == "mov")
        await left(app, pilot)
        burst(app, "0guess:0\n")
        await until(lambda: fake.fed == [b"guess:0\n"])


async def test_a_failing_debugger_is_shown_and_the_session_lives(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        fake.crash = True
        await pilot.press("s")
        await until(lambda: "emulator error" in app.screen.snapshot.error)
        assert "emulator error" in text(app)
        fake.crash = False
        await press(app, pilot, "s")
        assert app.screen.snapshot.error == ""


async def test_a_sentence_too_long_for_its_line_is_told_in_full_once(tmp_path):
    async with opened(tmp_path, size=(80, 24)) as (app, _pilot, _fake):
        said = "the emulator " + "stumbled " * 20 + "over its own feet"
        snapshot = replace(app.screen.snapshot, error=said)
        app.screen._show_bars(snapshot)
        app.screen._show_bars(snapshot)
        await until(lambda: [n.message for n in app._notifications] == [f"✗ {said}"])
        shown = line.text(app.screen.message_bar.rows[0])
        assert len(shown) <= 80
        assert shown.endswith("…")


async def test_help_comes_from_the_table(tmp_path):
    async with opened(tmp_path, size=(120, 60)) as (app, pilot, _fake):
        await pilot.press("question_mark")
        await until(lambda: "One instruction." in text(app))
        await until(lambda: "the instruction that runs next" in text(app))  # how the pane reads
        await pilot.press("pagedown", "end", "home", "down", "up", "escape")
        await pilot.press("f1", "escape")
        await pilot.press("q")
    assert app.return_code == 0


def test_help_tells_how_each_pane_reads_and_fits_its_box():
    for pane in layouts.BY_NAME:
        assert READING[pane]
        for width in (76, 106):
            assert all(len(line.text(row)) <= width for row in help_rows(pane, width))


async def test_console_takes_text_and_keys_stay_away(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        await pilot.press("0")
        await until(lambda: isinstance(app.focused, EntryInput))
        await pilot.press(*"sqy", "enter")
        await until(lambda: fake.fed == [b"sqy\n"])
        await pilot.press("ctrl+d")
        await until(lambda: fake.fed[-1] == b"")
        assert fake.n == 0
        await pilot.press("escape")
        await press(app, pilot, "s")


async def test_the_console_as_the_programs_keyboard(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        await pilot.press("ctrl+t")
        await until(lambda: isinstance(app.focused, EntryInput))
        await pilot.press("s", "colon", "up", "enter", "ctrl+c", "ctrl+d", "escape", "tab", "q")
        wanted = [b"s", b":", b"\x1b[A", b"\r", b"\x03", b"\x04", b"\x1b", b"\t", b"q"]
        await until(lambda: fake.fed == wanted)
        assert "Ctrl-T" in text(app)
        app.focused.post_message(events.Paste("two\nlines"))
        await until(lambda: fake.fed[-1] == b"two\rlines")
        await pilot.press("ctrl+t")
        await pilot.press(*"by line", "enter")
        await until(lambda: fake.fed[-1] == b"by line\n")
        await pilot.press("escape")
        await press(app, pilot, "s")
        assert fake.n == 1


async def test_pasted_lines_are_all_entered(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        await pilot.press("0")
        await until(lambda: isinstance(app.focused, EntryInput))
        app.focused.post_message(events.Paste("one\r\ntwo\nthr"))
        await until(lambda: fake.fed == [b"one\n", b"two\n"])
        await pilot.press("e", "e", "enter")
        await until(lambda: fake.fed[-1] == b"three\n")


async def test_mouse(tmp_path):
    async with opened(tmp_path) as (app, pilot, fake):
        code = app.screen.grid.pane("code")
        await pilot.click(code, offset=(0, 3))
        await until(lambda: fake._breaks)
        await pilot.click(code, offset=(8, 6))
        await until(lambda: code.cursor == code.top + 5)
        await pilot.click("#keys", offset=(9, 0))
        await until(lambda: fake.n == 1)
        await pilot.click(app.screen.grid.pane("console"), offset=(3, 2))
        await until(lambda: isinstance(app.focused, EntryInput))


async def test_live_resize_changes_the_layout(tmp_path):
    async with opened(tmp_path, size=(200, 60)) as (app, pilot, _fake):
        many = app.screen.grid.names
        await pilot.resize_terminal(80, 24)
        await until(lambda: len(app.screen.grid.names) == 3 < len(many))
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        await pilot.resize_terminal(200, 60)
        await until(lambda: app.screen.grid.names == many)
        assert not app.screen.query_one(AskBar).has_class("-open")


def test_every_key_of_the_table_is_pressed_in_this_file():
    """A key added to the table without a test of what it does fails here."""
    tree = ast.parse(Path(__file__).read_text("utf-8"))
    pressed = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    for key in keymap.KEYS:
        if key.action.startswith("pane("):
            assert key.keys[0] in layouts.BY_KEY  # pressed for every pane of that table
            continue
        assert not (missing := set(key.keys) - pressed), (key.ident, missing)


def test_the_table_is_consistent():
    idents = [key.ident for key in keymap.KEYS]
    assert len(idents) == len(set(idents))
    used = [name for key in keymap.KEYS for name in key.keys]
    assert len(used) == len(set(used)), "a key stands for two actions"
    for key in keymap.KEYS:
        if key.back:
            assert keymap.BY_IDENT[key.back].keys[0] == key.keys[0].upper()
        assert key.help.endswith(".")
    for ident in keymap.BAR:
        assert ident in keymap.BY_IDENT
