"""Rust names: the v0 mangling.

Source: Rust RFC 2603; spelled as rustc-demangle's short form, without crates' disambiguators.
"""

from __future__ import annotations

from collections.abc import Callable

from arcetui.symbols.demangle.cursor import Cursor, NotMangled

_BASIC = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8",
    "i": "isize", "j": "usize", "l": "i32", "m": "u32", "n": "i128", "o": "u128", "s": "i16",
    "t": "u16", "u": "()", "v": "...", "x": "i64", "y": "u64", "z": "!", "p": "_",
}  # fmt: skip
_SPECIAL = {"C": "closure", "S": "shim"}
_SIGNED = frozenset("alxnsi")
MAX_DEPTH = 200
MAX_STEPS = 20_000


def path(text: str) -> str:
    """The path a symbol names, without `_R`.

    Raises:
        NotMangled: It is none.
    """
    names = Names(text)
    if names.peek().isdigit():
        raise NotMangled  # a version from the future
    return names.path(in_value=True)


class Names(Cursor):
    """Parser of paths and types."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._steps = 0
        self._lifetimes = 0

    def path(self, *, in_value: bool) -> str:
        """A path; a value's generic arguments come after `::`."""
        self._enter()
        letter = self.next()
        match letter:
            case "C":
                self._disambiguator()
                shown = self._identifier()
            case "M" | "X":
                self._disambiguator()
                self.path(in_value=False)
                shown = f"<{self._type()}"
                shown += f" as {self.path(in_value=False)}>" if letter == "X" else ">"
            case "Y":
                shown = f"<{self._type()} as {self.path(in_value=False)}>"
            case "N":
                shown = self._nested(in_value=in_value)
            case "I":
                inner = self.path(in_value=in_value)
                arguments = ", ".join(self._until_end(self._argument))
                shown = f"{inner}{'::' if in_value else ''}<{arguments}>"
            case "B":
                shown = self._back(lambda: self.path(in_value=in_value))
            case _:
                raise NotMangled
        self._depth -= 1
        return shown

    def _enter(self) -> None:
        self._depth += 1
        self._steps += 1
        if self._depth > MAX_DEPTH or self._steps > MAX_STEPS:
            raise NotMangled

    def _nested(self, *, in_value: bool) -> str:
        space = self.next()
        outer = self.path(in_value=in_value)
        number = self._disambiguator()
        name = self._identifier()
        if space.isupper():
            kind = _SPECIAL.get(space, space)
            return f"{outer}::{{{kind}{':' if name else ''}{name}#{number}}}"
        return f"{outer}::{name}" if name else outer

    def _back(self, read: Callable[[], str]) -> str:
        """What stands at an earlier place."""
        start = self.at - 1
        where = self._base62()
        if where >= start:
            raise NotMangled
        held, self.at = self.at, where
        shown = read()
        self.at = held
        return shown

    def _until_end(self, read: Callable[[], str]) -> list[str]:
        out: list[str] = []
        while not self.take("E"):
            out.append(read())
        return out

    def _base62(self) -> int:
        """`_` is 0, `0_` is 1."""
        if self.take("_"):
            return 0
        number = 0
        while not self.take("_"):
            letter = self.next()
            if letter.isdigit():
                digit = ord(letter) - 48
            elif letter.islower():
                digit = ord(letter) - 87
            elif letter.isupper():
                digit = ord(letter) - 29
            else:
                raise NotMangled
            number = number * 62 + digit
        return number + 1

    def _disambiguator(self) -> int:
        return self._base62() + 1 if self.take("s") else 0

    def _identifier(self) -> str:
        is_punycode = self.take("u")
        if self.take("0"):
            length = 0
        else:
            length = self.digits()
        self.take("_")
        text = self.chars(length)
        if is_punycode:
            head, _, tail = text.rpartition("_")
            text = (f"{head}-{tail}" if head else tail).encode("ascii").decode("punycode")
        return text

    # -- types ----------------------------------------------------------------------------------

    def _argument(self) -> str:
        if self.take("L"):
            return self._lifetime()
        if self.take("K"):
            return self._constant()
        return self._type()

    def _lifetime(self) -> str:
        index = self._base62()
        if not index:
            return "'_"
        depth = self._lifetimes - index
        if depth < 0:
            raise NotMangled
        return f"'{chr(97 + depth)}" if depth < 26 else f"'_{depth}"

    def _type(self) -> str:
        self._enter()
        letter = self.peek()
        if letter in _BASIC and letter:
            self.at += 1
            shown = _BASIC[letter]
        elif letter in "CMXYNI" and letter:
            shown = self.path(in_value=False)
        else:
            shown = self._made(self.next())
        self._depth -= 1
        return shown

    def _made(self, letter: str) -> str:
        """A type made of others."""
        match letter:
            case "R" | "Q":
                life = self._lifetime() if self.take("L") else ""
                life = f"{life} " if life not in {"", "'_"} else ""
                return f"&{life}{'mut ' if letter == 'Q' else ''}{self._type()}"
            case "P" | "O":
                return f"*{'const' if letter == 'P' else 'mut'} {self._type()}"
            case "A":
                return f"[{self._type()}; {self._constant()}]"
            case "S":
                return f"[{self._type()}]"
            case "T":
                parts = self._until_end(self._type)
                return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
            case "F":
                return self._bound(self._function)
            case "D":
                shown = f"dyn {self._bound(self._traits)}"
                self.expect("L")
                life = self._lifetime()
                return shown if life == "'_" else f"{shown} + {life}"
            case "B":
                return self._back(self._type)
            case _:
                raise NotMangled

    def _bound(self, read: Callable[[], str]) -> str:
        """Something with lifetimes of its own: `for<'a> ...`."""
        count = self._base62() + 1 if self.take("G") else 0
        if count > 100:
            raise NotMangled
        self._lifetimes += count
        names = [f"'{chr(97 + (self._lifetimes - count + i) % 26)}" for i in range(count)]
        shown = read()
        self._lifetimes -= count
        return f"for<{', '.join(names)}> {shown}" if names else shown

    def _function(self) -> str:
        shown = "unsafe " if self.take("U") else ""
        if self.take("K"):
            abi = "C" if self.take("C") else self._identifier().replace("_", "-")
            shown += f'extern "{abi}" '
        parameters = ", ".join(self._until_end(self._type))
        result = self._type()
        return f"{shown}fn({parameters}){'' if result == '()' else f' -> {result}'}"

    def _traits(self) -> str:
        return " + ".join(self._until_end(self._trait))

    def _trait(self) -> str:
        shown = self.path(in_value=False)
        bound: list[str] = []
        while self.take("p"):
            name = self._identifier()
            bound.append(f"{name} = {self._type()}")
        if not bound:
            return shown
        if shown.endswith(">"):
            return f"{shown[:-1]}, {', '.join(bound)}>"
        return f"{shown}<{', '.join(bound)}>"

    def _constant(self) -> str:
        letter = self.next()
        if letter == "B":
            return self._back(self._constant)
        if letter == "p":
            return "_"
        sign = "-" if letter in _SIGNED and self.take("n") else ""
        digits = ""
        while not self.take("_"):
            digits += self.next()
        value = int(digits, 16) if digits else 0
        if letter == "b":
            return "true" if value else "false"
        if letter == "c":
            return repr(chr(value))
        if letter not in _BASIC:
            raise NotMangled
        return f"{sign}{value}"
