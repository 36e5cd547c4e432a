"""C++ types, template arguments and substitutions of the Itanium ABI's mangling.

Source: Itanium C++ ABI, chapters 5.1.5 to 5.1.10; spelled as GNU c++filt does. Expressions that are
no literals are not understood: such names stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from arcetui.symbols.demangle.cursor import Cursor, NotMangled

_BUILTIN = {
    "v": "void", "w": "wchar_t", "b": "bool", "c": "char", "a": "signed char",
    "h": "unsigned char", "s": "short", "t": "unsigned short", "i": "int", "j": "unsigned int",
    "l": "long", "m": "unsigned long", "x": "long long", "y": "unsigned long long",
    "n": "__int128", "o": "unsigned __int128", "f": "float", "d": "double", "e": "long double",
    "g": "__float128", "z": "...",
}  # fmt: skip
_BUILTIN_D = {
    "Dn": "decltype(nullptr)", "Di": "char32_t", "Ds": "char16_t", "Du": "char8_t", "Da": "auto",
    "Dc": "decltype(auto)", "Df": "decimal32", "Dd": "decimal64", "De": "decimal128",
    "Dh": "half",
}  # fmt: skip
_LITERAL_SUFFIX = {"i": "", "j": "u", "l": "l", "m": "ul", "x": "ll", "y": "ull"}
_ABBREVIATIONS = {
    "t": "std",
    "a": "std::allocator",
    "b": "std::basic_string",
    "s": "std::string",
    "i": "std::istream",
    "o": "std::ostream",
    "d": "std::iostream",
}
MAX_DEPTH = 100
MAX_RESULT = 20_000


@dataclass(frozen=True, slots=True)
class Type:
    """A type around the name it would declare: `int (*` and `)[3]`.

    Attributes:
        wraps: Whether a pointer to it needs parentheses.
        pack: The types of a parameter pack; None for others.
    """

    left: str
    right: str = ""
    wraps: bool = False
    pack: tuple[Type, ...] | None = None

    def __str__(self) -> str:
        if self.pack is not None:
            return ", ".join(str(each) for each in self.pack)
        return self.left + self.right

    def suffixed(self, text: str) -> Type:
        """With `*`, `&` or ` const` after what it is."""
        if self.pack is not None:
            raise NotMangled
        if self.wraps:
            return Type(f"{self.left}({text.strip()}", f"){self.right}")
        return Type(self.left + text, self.right)


class Types(Cursor):
    """Parser of types; names come from the class built on it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.subs: list[Type] = []
        self.arguments: list[Type] = []
        self.parameters = ""
        self.qualifiers = ""
        self.ends_with_arguments = False
        self._depth = 0
        self._in_lambda = 0
        self._element: int | None = None
        self._size = 0

    def name(self) -> str:
        raise NotImplementedError

    def entity(self, *, whole: bool = True) -> str:
        raise NotImplementedError

    def source_name(self) -> str:
        raise NotImplementedError

    def plain(self, text: str) -> Type:
        """A type that is just a name.

        Raises:
            NotMangled: The name is beyond all measure: substitutions can make it grow for ever.
        """
        self._size += len(text)
        if self._size > MAX_RESULT * 10 or len(text) > MAX_RESULT:
            raise NotMangled
        return Type(text)

    def type(self) -> Type:
        """A type; what can be referred to later is remembered."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotMangled
        try:
            return self._type()
        finally:
            self._depth -= 1

    def _type(self) -> Type:  # noqa: C901 - a branch a kind of type
        letter, pair = self.peek(), self.peek(2)
        if letter in _BUILTIN:
            self.at += 1
            return Type(_BUILTIN[letter])
        if pair in _BUILTIN_D:
            self.at += 2
            return Type(_BUILTIN_D[pair])
        if letter == "S" and pair != "St":
            found = self.substitution()
            if self.peek() != "I":
                return found
            found = self.plain(f"{found}{self.template_arguments(keep=False)}")
        elif letter in "rVK" and letter:
            found = self._qualified()
        elif letter in "PRO" and letter:
            self.at += 1
            found = _pointer(self.type(), letter)
        elif letter == "F" or pair in {"Do", "Dx"}:
            found = self._function()
        elif letter == "A":
            found = self._array()
        elif letter == "M":
            self.at += 1
            owner, member = self.type(), self.type()
            found = member.suffixed(f"{'' if member.wraps else ' '}{owner}::*")
        elif letter == "T" and pair[1:] not in {"s", "u", "e"}:
            found = self.template_parameter()
            if self.peek() == "I":
                self.subs.append(found)
                found = self.plain(f"{found}{self.template_arguments(keep=False)}")
        elif pair == "Dp":
            self.at += 2
            return self._expansion()
        elif letter == "C":
            self.at += 1
            found = self.type().suffixed(" _Complex")
        elif letter == "U":
            self.at += 1
            vendor = self.source_name()
            found = self.type().suffixed(f" {vendor}")
        elif pair == "Dv":
            self.at += 2
            count = self.digits()
            self.expect("_")
            found = self.type().suffixed(f" __vector({count})")
        elif letter == "u":
            self.at += 1
            found = self.plain(self.source_name())
        else:
            if letter == "T":
                self.at += 2
            held, self.arguments = self.arguments, list(self.arguments)
            flag = self.ends_with_arguments
            found = self.plain(self.name())
            self.arguments, self.ends_with_arguments = held, flag
        self.subs.append(found)
        return found

    def _qualified(self) -> Type:
        words = ""
        for letter, word in (("r", " __restrict"), ("V", " volatile"), ("K", " const")):
            if self.take(letter):
                words = word + words
        inner = self.type()
        if inner.wraps and inner.right.startswith("("):
            return Type(inner.left, inner.right + words, wraps=True)
        return Type(inner.left + words, inner.right, inner.wraps, inner.pack)

    def _function(self) -> Type:
        after = ""
        if self.take("Do"):
            after = " noexcept"
        self.take("Dx")
        self.expect("F")
        self.take("Y")
        returns = self.type()
        parameters = self._types_until_end()
        for letter, word in (("R", " &"), ("O", " &&")):
            if self.peek(2) == letter + "E" and self.take(letter):
                after = word + after
        self.expect("E")
        return Type(f"{returns.left} ", f"({parameters}){after}{returns.right}", wraps=True)

    def _types_until_end(self) -> str:
        shown: list[str] = []
        while self.peek() not in {"", "E", "."} and self.peek(2) not in {"RE", "OE"}:
            shown.append(str(self.type()))
        return _listed(shown)

    def _array(self) -> Type:
        self.expect("A")
        size = ""
        if self.peek().isdigit():
            size = str(self.digits())
        elif self.peek() != "_":
            raise NotMangled
        self.expect("_")
        inner = self.type()
        space = "" if inner.wraps and inner.right.startswith("[") else " "
        left = inner.left if not space else inner.left + space
        return Type(left, f"[{size}]{inner.right}", wraps=True)

    def _expansion(self) -> Type:
        """A pattern for each element of the packs in it."""
        start, element = self.at, self._element
        self._element = -1
        pattern = self.type()
        end, count = self.at, -self._element - 2
        kept = len(self.subs)
        if count < 0:
            self._element = element
            return pattern if pattern.pack is not None else pattern.suffixed("...")
        each: list[Type] = []
        for index in range(count):
            self.at, self._element = start, index
            each.append(self.type())
            del self.subs[kept:]
        self.at, self._element = end, element
        return Type("", pack=tuple(each))

    def template_parameter(self) -> Type:
        """`T_`: the innermost template's arguments."""
        self.expect("T")
        index = 0
        if not self.take("_"):
            index = self.digits() + 1
            self.expect("_")
        if self._in_lambda:
            return Type(f"auto:{index + 1}")
        if index >= len(self.arguments):
            raise NotMangled
        found = self.arguments[index]
        if found.pack is not None and self._element is not None:
            if self._element < 0:  # only counting
                self._element = -2 - len(found.pack)
                return found.pack[0] if found.pack else Type("")
            if self._element >= len(found.pack):
                raise NotMangled
            return found.pack[self._element]
        return found

    def template_arguments(self, *, keep: bool) -> str:
        """`<int, 3ul>`; kept for `T_` if they are of the name itself."""
        self.expect("I")
        found: list[Type] = []
        held = self.arguments
        while not self.take("E"):
            found.append(self._argument())
        self.arguments = found if keep else held
        flat = [str(each) for each in found if each.pack is None or each.pack]
        text = ", ".join(flat)
        return f"<{text}{' ' if text.endswith('>') else ''}>"

    def _argument(self) -> Type:
        letter = self.peek()
        if letter == "L":
            return Type(self._literal())
        if letter in {"J", "I"}:  # gcc wrote I before the ABI had J
            self.at += 1
            pack: list[Type] = []
            while not self.take("E"):
                pack.append(self._argument())
            return Type("", pack=tuple(pack))
        if letter == "X":
            self.at += 1
            shown = self._literal() if self.peek() == "L" else str(self.template_parameter())
            self.expect("E")
            return Type(shown)
        return self.type()

    def _literal(self) -> str:
        self.expect("L")
        if self.take("_Z") or self.take("Z"):
            shown = self.entity() + self.parameters
            self.expect("E")
            return shown
        letter = self.peek()
        kind = self.type()
        if str(kind) == "decltype(nullptr)":
            self.take("0")
            self.expect("E")
            return "(decltype(nullptr))0"
        sign = "-" if self.take("n") else ""
        value = str(self.digits())
        self.expect("E")
        if letter == "b" and value in {"0", "1"}:
            return "true" if value == "1" else "false"
        if letter in _LITERAL_SUFFIX:
            return f"{sign}{value}{_LITERAL_SUFFIX[letter]}"
        return f"({kind}){sign}{value}"

    def seq_id(self) -> int:
        """`_` is 0, `0_` is 1, `A_` is 11."""
        if self.take("_"):
            return 0
        start = self.at
        while self.peek().isdigit() or "A" <= self.peek() <= "Z":
            self.at += 1
        number = int(self.text[start : self.at], 36) + 1
        self.expect("_")
        return number

    def substitution(self) -> Type:
        """`S_`, `S0_`, or an abbreviation such as `Ss`."""
        self.expect("S")
        letter = self.peek()
        if letter in _ABBREVIATIONS and letter:
            self.at += 1
            return Type(_ABBREVIATIONS[letter])
        index = self.seq_id()
        if index >= len(self.subs):
            raise NotMangled
        return self.subs[index]

    def signature(self, has_result: bool) -> str:
        """`(int, char)`, after the type of the result where a template's function has one."""
        held, flag = self.arguments, self.ends_with_arguments
        if has_result:
            self.type()
        text = self._types_until_end()
        self.arguments, self.ends_with_arguments = held, flag
        return f"({text})"

    def lambda_signature(self) -> str:
        """`(int, auto:1)` of a lambda."""
        self._in_lambda += 1
        text = self._types_until_end()
        self._in_lambda -= 1
        self.expect("E")
        return f"({text})"


def _listed(shown: list[str]) -> str:
    """Parameters; `void` alone is none, and an empty pack is none."""
    return "" if shown == ["void"] else ", ".join(each for each in shown if each)


def _pointer(inner: Type, letter: str) -> Type:
    mark = {"P": "*", "R": "&", "O": "&&"}[letter]
    if mark != "*" and inner.left.endswith("&") and not inner.right.startswith(")"):
        return Type(inner.left.rstrip("&") + ("&&" if mark == "&&" == inner.left[-2:] else "&"))
    if mark != "*" and inner.left.endswith("&"):
        return inner
    return inner.suffixed(mark)
