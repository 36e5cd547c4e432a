"""Draws a screen of a Textual app as PNG, cell by cell, with Pillow and no browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len
from rich.color import Color
from rich.terminal_theme import DEFAULT_TERMINAL_THEME

from arcetui._textual import screen_cells

if TYPE_CHECKING:
    from rich.style import Style
    from textual.app import App

FONT_PLACES = (
    "/usr/share/fonts/truetype/dejavu",
    "/usr/share/fonts/dejavu-sans-mono-fonts",
    "/usr/share/fonts/TTF",
    "/Library/Fonts",
)
SIZE = 15


def _font(bold: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    name = "DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf"
    for place in FONT_PLACES:
        if (Path(place) / name).is_file():
            return ImageFont.truetype(str(Path(place) / name), SIZE)
    return ImageFont.load_default(SIZE)


def _rgb(color: Color | None, foreground: bool) -> tuple[int, int, int]:
    if color is None or color.is_default:
        return (232, 232, 232) if foreground else (16, 20, 24)
    return tuple(color.get_truecolor(DEFAULT_TERMINAL_THEME, foreground))  # type: ignore[return-value]  # a triplet is a tuple of three


def _colors(style: Style | None) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    if style is None:
        return _rgb(None, True), _rgb(None, False)
    front, back = _rgb(style.color, True), _rgb(style.bgcolor, False)
    if style.dim:
        front = tuple((f + b) // 2 for f, b in zip(front, back, strict=True))  # type: ignore[assignment]
    return (back, front) if style.reverse else (front, back)


def draw(app: App[object], file: Path) -> None:
    """Draw what the app shows now."""
    lines = screen_cells(app)
    fonts = {False: _font(False), True: _font(True)}
    box = fonts[False].getbbox("█")
    width = round(fonts[False].getlength("M")) if hasattr(fonts[False], "getlength") else 9
    height = box[3] - box[1] + 1
    columns = app.size.width
    image = Image.new("RGB", (columns * width, len(lines) * height), (16, 20, 24))
    canvas = ImageDraw.Draw(image)
    for y, line in enumerate(lines):
        x = 0
        for segment in line:
            front, back = _colors(segment.style)
            cells = cell_len(segment.text)
            if not cells:
                continue
            top = y * height
            canvas.rectangle((x * width, top, (x + cells) * width - 1, top + height - 1), back)
            bold = bool(segment.style and segment.style.bold)
            for char in segment.text:
                if char != " ":
                    canvas.text((x * width, top - box[1]), char, front, fonts[bold])
                x += cell_len(char)
            if segment.style and segment.style.underline:
                base = top + height - 2
                canvas.line(((x - cells) * width, base, x * width - 1, base), front)
    image.save(file, optimize=True)
