"""A row of text: what every renderer makes and every front end prints.

A renderer is a pure function from a view to rows; a pane paints them, batch mode joins them.
A style is a name, never a colour: themes give names colours, and a glyph carries the meaning
where there is no colour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias, overload


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: str = ""


Row: TypeAlias = tuple[Span, ...]


class LazyRows(Sequence[Row]):
    """Rows made when somebody looks: of hundreds in a long list a pane shows a dozen.

    Args:
        first: Rows that are there already.
        count: How many follow.
        make: The row of a number below `count`.
    """

    def __init__(self, first: Sequence[Row], count: int, make: Callable[[int], Row]) -> None:
        self._made: dict[int, Row] = dict(enumerate(first))
        self._first = len(first)
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._first + self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = self._make(index - self._first)
        return made


#: Every style name a renderer may use. Kinds of memory are named after pwndbg's legend.
STYLES: tuple[str, ...] = (
    "",
    "dim",
    "title",
    "addr",
    "code",
    "stack",
    "heap",
    "data",
    "rodata",
    "wx",
    "guard",
    "new",
    "gone",
    "changed",
    "error",
    "good",
    "key",
    "value",
    "number",
    "string",
    "comment",
    "syscall",
    "arg",
    "current",
    "bp",
)

#: The style of an area by `AreaView.kind`.
KIND_STYLES: dict[str, str] = {
    "code": "code",
    "rodata": "rodata",
    "data": "data",
    "heap": "heap",
    "stack": "stack",
    "anon": "data",
    "shared": "data",
    "guard": "guard",
    "vdso": "code",
}


def text(row: Row) -> str:
    """The row as plain text."""
    return "".join([span.text for span in row])


def width(row: Row) -> int:
    """Length of the row in characters."""
    return sum(len(span.text) for span in row)


def row(*parts: str | Span | tuple[str, str]) -> Row:
    """Build a row from strings (plain), spans, or (text, style) pairs; empty parts vanish."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, str):
            words, style = part, ""
        else:
            words, style = part
        if not words:
            continue
        if not words.isprintable():
            spans.append(Span(safe(words), style))
        elif isinstance(part, Span):
            spans.append(part)
        else:
            spans.append(Span(words, style))
    return tuple(spans)


def plain(line: str, style: str = "") -> Row:
    """A row of one span."""
    return (Span(safe(line), style),)


def safe(line: str) -> str:
    """A line that does nothing to a terminal, wherever its text comes from.

    Control characters, directions of writing, halves of characters and the like become escapes;
    tabs stay.
    """
    if line.isprintable():
        return line
    return "".join([c if c.isprintable() or c == "\t" else _escape(c) for c in line])


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python reads it from the host
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def lines(rows: Iterable[Row]) -> str:
    """Rows as plain text, one a line, blanks at line ends dropped."""
    return "\n".join(safe(text(each).rstrip()) for each in rows)


def shorten(sentence: str, columns: int) -> str:
    """A sentence cut to `columns` characters; what stands after "; by", the cause, is kept.

    A cause gets three fifths of the room at most; with too little for both, the end is cut.
    """
    if len(sentence) <= columns:
        return sentence
    head, by, cause = sentence.rpartition("; by ")
    most = columns * 3 // 5 - len(by)
    cause = cause if len(cause) <= most else cause[: max(most - 1, 0)].rstrip() + "…"
    room = columns - len(by) - len(cause) - 1
    if not by or room < _LEAST_HEAD:
        return sentence[: max(columns - 1, 0)] + "…" * (columns > 0)
    return f"{head[:room].rstrip(' ,')}…{by}{cause}"


#: Characters of a change that are worth showing in front of its cause.
_LEAST_HEAD = 8


def wrapped(source: Row, columns: int) -> list[Row]:
    """The row in pieces of at most `columns` characters, broken after a blank if there is one."""
    out: list[Row] = []
    piece: list[Span] = []
    left = columns
    for span in source:
        rest = span.text
        while len(rest) > left:
            cut = rest.rfind(" ", 0, left) + 1
            if not cut and not piece:
                cut = left
            if cut:
                piece.append(Span(rest[:cut], span.style))
            out.append(tuple(piece))
            piece, left, rest = [], columns, rest[cut:]
        if rest:
            piece.append(Span(rest, span.style))
            left -= len(rest)
    return [*out, tuple(piece)] if piece or not out else out


def crop(source: Row, columns: int) -> Row:
    """The row cut to `columns` characters; a cut row ends with an ellipsis."""
    if width(source) <= columns:
        return source
    out: list[Span] = []
    left = columns - 1
    for span in source:
        if left <= 0:
            break
        out.append(Span(span.text[:left], span.style))
        left -= len(span.text)
    return (*out, Span("…", "dim")) if columns > 0 else ()
