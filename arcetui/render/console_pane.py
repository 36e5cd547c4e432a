r"""A small, safe terminal for the program's output.

It never passes anything on to the real terminal but printable characters: newline, return, tab and
backspace move its own cursor, a few colour codes choose styles, line editors may erase and move in
their row, questions to the terminal get no answer, and everything else becomes visible (`␛`,
`\\x90`).
"""

from __future__ import annotations

import codecs
import re
import unicodedata

from arcetui.render.row import Row, Span

#: Rows kept, and characters a row may have before it is broken.
KEPT_ROWS = 2000
ROW_CHARS = 400

_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
#: Colours; erasing to the right and moving in the row (what line editors do); questions such as
#: "where is the cursor?", which nobody sees on a terminal either.
_TOKEN = re.compile(
    r"\x1b\[[0-9;]{0,24}m|\x1b\[0?[KJ]|\x1b\[[0-9]{0,3}[CD]|\x1b\[[0-9]{0,2}n"
    r"|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+"
)
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp"})


def visible(text: str) -> str:
    """Text without anything a terminal could obey or that would shift its columns."""
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    for char in text:
        if char.isascii() and char.isprintable():
            out.append(char)
        elif char < " ":
            out.append(chr(0x2400 + ord(char)))
        elif char == "\x7f":
            out.append("␡")
        elif unicodedata.category(char) in _UNSAFE or not char.isprintable():
            out.append(f"\\u{ord(char):04x}" if ord(char) > 0xFF else f"\\x{ord(char):02x}")
        else:
            out.append(char)
    return "".join(out)


class TerminalModel:
    """Rows of text built from a program's output. Not picklable state: only a picture of it."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.dropped = 0
        self._line: list[tuple[str, str]] = []  # (character, style) of the row being written
        self._column = 0
        self._style = ""
        self._held = ""  # an escape sequence that may go on in the next piece
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def feed(self, data: bytes) -> None:
        """Print some more bytes."""
        text = self._held + self._decoder.decode(data)
        self._held = ""
        cut = text.rfind("\x1b", max(len(text) - 28, 0))
        if cut >= 0 and re.fullmatch(r"\x1b(\[[0-9;]*)?", text[cut:]):
            text, self._held = text[:cut], text[cut:]
        for match in _TOKEN.finditer(text):
            token = match.group()
            first = token[0]
            if first == "\x1b" and len(token) > 1:
                self._sequence(token[2:-1], token[-1])
            elif first < " " or first == "\x7f":
                self._control(first)
            else:
                self._put(visible(token))

    def _sequence(self, text: str, final: str) -> None:
        if final == "m":
            self._sgr(text)
        elif final in "KJ":
            del self._line[self._column :]
        elif final in "CD":
            by = int(text or "1") or 1
            self._column += by if final == "C" else -by
            self._column = max(0, min(self._column, ROW_CHARS))

    def _control(self, char: str) -> None:
        if char == "\n":
            self._end_row()
        elif char == "\r":
            self._column = 0
        elif char == "\b":
            self._column = max(self._column - 1, 0)
        elif char == "\t":
            self._put(" " * (8 - self._column % 8))
        elif char == "\x07":
            self._put("␇", "comment")
        else:
            self._put(visible(char), "comment")

    def _put(self, text: str, style: str | None = None) -> None:
        style = self._style if style is None else style
        while text:
            room = ROW_CHARS - self._column
            piece, text = text[:room], text[room:]
            cells = [(char, style) for char in piece]
            end = self._column + len(cells)
            if len(self._line) < self._column:
                self._line += [(" ", "")] * (self._column - len(self._line))
            self._line[self._column : end] = cells
            self._column = end
            if text:
                self._end_row()

    def _end_row(self) -> None:
        self.rows.append(self._spans())
        self._line, self._column = [], 0
        if len(self.rows) > KEPT_ROWS + 200:
            self.dropped += len(self.rows) - KEPT_ROWS
            del self.rows[: len(self.rows) - KEPT_ROWS]

    def _spans(self) -> Row:
        spans: list[Span] = []
        run: list[str] = []
        style = ""
        for char, its_style in self._line:
            if its_style != style and run:
                spans.append(Span("".join(run), style))
                run = []
            style = its_style
            run.append(char)
        if run:
            spans.append(Span("".join(run), style))
        return tuple(spans)

    def _sgr(self, text: str) -> None:
        for code in text.split(";") if text else ["0"]:
            number = int(code) if code.isdigit() else 0
            if number in (0, 22, 27, 39):
                self._style = ""
            elif number == 1 and not self._style:
                self._style = "t-bold"
            elif number == 7:
                self._style = "t-reverse"
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self._style = f"t-{_COLOURS[number % 10]}"

    def content(self) -> list[Row]:
        """All rows, the one being written last."""
        return [*self.rows, self._spans()]


def folded(rows: list[Row], columns: int) -> list[Row]:
    """Rows as a terminal of so many columns shows them: what is too long goes on below."""
    out: list[Row] = []
    for row in rows:
        if sum([len(span[0]) for span in row]) <= columns:
            out.append(row)
            continue
        left = columns
        piece: list[Span] = []
        for text, style in row:
            rest = text
            while len(rest) > left:
                if left:
                    piece.append(Span(rest[:left], style))
                out.append(tuple(piece))
                piece, rest, left = [], rest[left:], columns
            piece.append(Span(rest, style))
            left -= len(rest)
        out.append(tuple(piece))
    return out
