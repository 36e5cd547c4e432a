"""The console's terminal model: nothing a program prints reaches the real terminal as a code."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from arcetui.render.console_pane import KEPT_ROWS, ROW_CHARS, TerminalModel, folded, visible
from arcetui.render.row import Span, text


def shown(data, *more):
    model = TerminalModel()
    for piece in (data, *more):
        model.feed(piece)
    return [text(row) for row in model.content()]


def test_lines_returns_tabs_and_backspace():
    assert shown(b"a\nb\r\nc") == ["a", "b", "c"]
    assert shown(b"12345\rab") == ["ab345"]
    assert shown(b"a\tb") == ["a       b"]
    assert shown(b"abc\b\bX") == ["aXc"]


def test_colours_become_styles_and_other_escapes_become_visible():
    model = TerminalModel()
    model.feed(b"\x1b[31mred\x1b[0m plain")
    assert [(s.text, s.style) for s in model.content()[0]] == [("red", "t-red"), (" plain", "")]
    assert shown(b"\x1b[2J\x1b]0;title\x07") == ["␛[2J␛]0;title␇"]
    assert shown(b"\x1b[3", b"2mgreen") == ["green"]


def test_bad_utf8_and_invisible_characters_are_shown():
    assert shown(b"\xff\xfe") == ["\\xff\\xfe"]
    assert visible("\u202eabc\x9b") == "\\u202eabc\\x9b"
    assert shown("grüße".encode()[:3], "grüße".encode()[3:]) == ["grüße"]


@given(st.lists(st.binary(max_size=60), max_size=8))
@settings(max_examples=150, deadline=None)
def test_whatever_is_printed_only_printable_text_comes_out(pieces):
    for line in shown(b"", *pieces):
        assert line.isprintable()
        assert len(line) <= ROW_CHARS + 8


def test_line_editors_redraw_their_row_and_questions_are_not_shown():
    assert shown(b"/ # \x1b[6nls -x\b\x1b[Jl") == ["/ # ls -l"]
    assert shown(b"abcdef\x1b[3D\x1b[K!\x1b[2C?") == ["abc!  ?"]
    assert shown(b"a\x1b[999D\x1b[999Cb") == [" " * 0 + "a" + " " * 399, "b"]


def test_long_lines_go_on_below():
    rows = [(Span("abcd", "x"), Span("efghij")), (), (Span("1234"),)]
    assert [[tuple(span) for span in row] for row in folded(rows, 4)] == [
        [("abcd", "x")],
        [("efgh", "")],
        [("ij", "")],
        [],
        [("1234", "")],
    ]


def test_a_megabyte_of_escape_codes_is_bounded():
    noise = random.Random(1)
    data = b"".join(
        noise.choice([b"\x1b[2J", b"\x1b[999;999H", b"\x9b5n", b"\x07", b"\x1bc", b"x" * 50, b"\r"])
        for _ in range(60_000)
    )
    model = TerminalModel()
    for start in range(0, len(data), 65536):
        model.feed(data[start : start + 65536])
    rows = model.content()
    assert len(rows) <= KEPT_ROWS + 201
    assert all(text(row).isprintable() for row in rows)


async def test_a_megabyte_of_escape_codes_harms_no_pane(tmp_path):
    from fake_session_debugger import FakeDebugger
    from screen_driver import opened, until
    from screen_driver import text as screen_text

    from arcetui._textual import screen_cells

    evil = (b"\x1b[2J\x1b[?1049l\x1b]0;pwned\x07\x1b[6n\x9b31m\x00\x08\x0e" * 40000)[: 1 << 20]
    fake = FakeDebugger(length=len(evil) // 64, output=evil)
    async with opened(tmp_path, fake) as (app, pilot, _):
        await pilot.press("c")
        await until(lambda: fake.n == fake.length and not app.screen.snapshot.running, 20)
        await pilot.pause()
        for line in screen_cells(app):
            assert all(segment.text.isprintable() for segment in line if not segment.control)
        assert "1 code" in screen_text(app)
        await pilot.press("S")
        await until(lambda: fake.n == fake.length - 1)
        await asyncio.sleep(0)
