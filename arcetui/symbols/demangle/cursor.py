"""A place in a mangled name, and the numbers both schemes have."""

from __future__ import annotations


class NotMangled(Exception):
    """The text is no name of this scheme, or uses what is not understood."""


class Cursor:
    """Reads a text from left to right; "" beyond its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self, length: int = 1) -> str:
        """What comes next."""
        return self.text[self.at : self.at + length]

    def take(self, wanted: str) -> bool:
        """Step over `wanted` if it comes next."""
        if self.text.startswith(wanted, self.at):
            self.at += len(wanted)
            return True
        return False

    def expect(self, wanted: str) -> None:
        """Step over `wanted`.

        Raises:
            NotMangled: Something else comes next.
        """
        if not self.take(wanted):
            raise NotMangled

    def next(self) -> str:
        """One letter.

        Raises:
            NotMangled: There is none.
        """
        letter = self.peek()
        if not letter:
            raise NotMangled
        self.at += 1
        return letter

    def digits(self) -> int:
        """A decimal number.

        Raises:
            NotMangled: There is none.
        """
        start = self.at
        while self.peek().isdigit():
            self.at += 1
        if start == self.at or self.at - start > 20:
            raise NotMangled
        return int(self.text[start : self.at])

    def chars(self, count: int) -> str:
        """So many letters.

        Raises:
            NotMangled: There are fewer.
        """
        if count > len(self.text) - self.at:
            raise NotMangled
        self.at += count
        return self.text[self.at - count : self.at]
