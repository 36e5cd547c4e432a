"""An input line that can also be a keyboard: every key goes to the program as it is pressed.

The bytes are those an xterm sends (its ctlseqs, "PC-Style Function Keys"). The program's terminal
then does as any does: Ctrl-C becomes SIGINT, an editor sees its arrows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from arcetui.widgets.entry import EntryInput

if TYPE_CHECKING:
    from textual import events

_ESC = "\x1b"
_SEQUENCES: dict[str, str] = {
    "up": f"{_ESC}[A",
    "down": f"{_ESC}[B",
    "right": f"{_ESC}[C",
    "left": f"{_ESC}[D",
    "home": f"{_ESC}[H",
    "end": f"{_ESC}[F",
    "pageup": f"{_ESC}[5~",
    "pagedown": f"{_ESC}[6~",
    "insert": f"{_ESC}[2~",
    "delete": f"{_ESC}[3~",
    "shift+tab": f"{_ESC}[Z",
    "f1": f"{_ESC}OP",
    "f2": f"{_ESC}OQ",
    "f3": f"{_ESC}OR",
    "f4": f"{_ESC}OS",
    "f5": f"{_ESC}[15~",
    "f6": f"{_ESC}[17~",
    "f7": f"{_ESC}[18~",
    "f8": f"{_ESC}[19~",
    "f9": f"{_ESC}[20~",
    "f10": f"{_ESC}[21~",
    "f11": f"{_ESC}[23~",
    "f12": f"{_ESC}[24~",
    "enter": "\r",
    "tab": "\t",
    "escape": _ESC,
    "backspace": "\x7f",
    "ctrl+backslash": "\x1c",
    "ctrl+right_square_bracket": "\x1d",
    "ctrl+circumflex_accent": "\x1e",
    "ctrl+underscore": "\x1f",
    "ctrl+at": "\0",
}


def key_bytes(key: str, character: str | None) -> bytes:
    """What a terminal sends for a key; nothing for one it does not know.

    Args:
        key: Textual's name of it, "ctrl+c".
        character: The character it stands for, if any.
    """
    letter = key.removeprefix("ctrl+")
    if letter != key and len(letter) == 1 and letter.isalpha():
        return bytes((ord(letter.lower()) & 0x1F,))
    return (_SEQUENCES.get(key) or character or "").encode("utf-8", "replace")


class KeyboardInput(EntryInput):
    """A line for the program, or, with `direct`, its keyboard.

    Attributes:
        direct: Whether keys go to the program as they are pressed.
    """

    #: The key that ends it; every other one belongs to the program then.
    LEAVE = "ctrl+t"

    class Pressed(Message):
        """A key was pressed, or text was pasted, while keys go to the program."""

        def __init__(self, data: bytes) -> None:
            super().__init__()
            self.data = data

    def __init__(self, **options: str) -> None:
        super().__init__(**options)
        self.direct = False

    async def _on_key(self, event: events.Key) -> None:
        if not self.direct or event.key == self.LEAVE:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        data = key_bytes(event.key, event.character)
        if data:
            self.post_message(self.Pressed(data))

    def _on_paste(self, event: events.Paste) -> None:
        if not self.direct:
            super()._on_paste(event)
            return
        event.stop()
        event.prevent_default()
        self.post_message(self.Pressed(event.text.replace("\n", "\r").encode()))
