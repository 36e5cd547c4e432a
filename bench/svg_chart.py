"""Charts as plain SVG text: lines over a number axis, and grouped bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 70, 50
#: Blue, orange, green, purple, red: told apart by colour-blind readers too (Okabe and Ito).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00")
DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 4")


@dataclass(frozen=True)
class Series:
    """One line, or one bar of each group.

    Attributes:
        values: A value for each place on the axis.
    """

    name: str
    values: tuple[float, ...]


def top_of(values: Sequence[float]) -> float:
    """A round number not below any value, with steps that are round too."""
    most = max(values) or 1.0
    unit = 10 ** math.floor(math.log10(most))
    return next(unit * k for k in (1, 2, 3, 4, 5, 6, 8, 10) if unit * k >= most)


def number(value: float) -> str:
    """A number as people write it."""
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.2g}"


class Page:
    """SVG elements with a title, a scale from 0 to `top`, and a legend."""

    def __init__(self, title: str, unit: str, top: float, names: Sequence[str]) -> None:
        self.top = top
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        ]
        self.text(LEFT, 24, title, size=16)
        for step in range(5):
            value = top * step / 4
            y = self.y(value)
            self.line(LEFT, y, WIDTH - RIGHT, y, "#d0d0d0")
            self.text(LEFT - 8, y + 4, number(value), anchor="end")
        self.text(LEFT, TOP - 8, unit, size=12)
        at = float(WIDTH - RIGHT)
        for index in reversed(range(len(names))):
            at -= 8 * len(names[index]) + 6
            self.text(at, 48, names[index])
            self.box(at - 18, 38, 12, 12, COLOURS[index])
            at -= 34

    def y(self, value: float) -> float:
        """Where a value stands."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.top

    def text(self, x: float, y: float, text: str, anchor: str = "start", size: int = 13) -> None:
        """Words."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="#222222">{escape(text)}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        """A thin line."""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled box."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{colour}"/>'
        )

    def end(self, below: str) -> str:
        """The finished picture, with words under the axis."""
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, below, anchor="middle")
        return "\n".join([*self.parts, "</svg>", ""])


def lines(
    title: str, unit: str, below: str, places: Sequence[float], series: Sequence[Series]
) -> str:
    """Lines over a number axis."""
    page = Page(
        title, unit, top_of([v for s in series for v in s.values]), [s.name for s in series]
    )
    low, high = min(places), max(places)

    def x(place: float) -> float:
        return LEFT + 15 + (WIDTH - LEFT - RIGHT - 30) * (place - low) / (high - low)

    for place in places:
        page.text(x(place), HEIGHT - BOTTOM + 18, number(place), anchor="middle")
    for index, each in enumerate(series):
        points = [(x(p), page.y(v)) for p, v in zip(places, each.values, strict=True)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        page.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[index]}" stroke-width="2" '
            f'stroke-dasharray="{DASHES[index]}"/>'
        )
        page.parts += [
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{COLOURS[index]}"/>'
            for px, py in points
        ]
    return page.end(below)


def bars(
    title: str,
    unit: str,
    below: str,
    groups: Sequence[str],
    series: Sequence[Series],
    label: Callable[[float], str] = number,
) -> str:
    """A group of bars for each name, a bar for each series."""
    page = Page(
        title, unit, top_of([v for s in series for v in s.values]), [s.name for s in series]
    )
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    wide = room * 0.8 / len(series)
    for place, name in enumerate(groups):
        start = LEFT + room * place + room * 0.1
        page.text(start + room * 0.4, HEIGHT - BOTTOM + 18, name, anchor="middle")
        for index, each in enumerate(series):
            value = each.values[place]
            x, y = start + wide * index, page.y(value)
            page.box(x, y, wide - 2, HEIGHT - BOTTOM - y, COLOURS[index])
            page.text(x + wide / 2 - 1, y - 4, label(value), anchor="middle", size=11)
    return page.end(below)
