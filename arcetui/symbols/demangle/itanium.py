"""C++ names: the Itanium ABI's mangling, names and entities (types are in `itanium_types`).

Source: Itanium C++ ABI, chapter 5.1 "External Names"; spelled as GNU c++filt does.
"""

from __future__ import annotations

from arcetui.symbols.demangle.cursor import NotMangled
from arcetui.symbols.demangle.itanium_types import Types

_OPERATORS = {
    "nw": " new", "na": " new[]", "dl": " delete", "da": " delete[]", "aw": " co_await",
    "ps": "+", "ng": "-", "ad": "&", "de": "*", "co": "~", "pl": "+", "mi": "-", "ml": "*",
    "dv": "/", "rm": "%", "an": "&", "or": "|", "eo": "^", "aS": "=", "pL": "+=", "mI": "-=",
    "mL": "*=", "dV": "/=", "rM": "%=", "aN": "&=", "oR": "|=", "eO": "^=", "ls": "<<", "rs": ">>",
    "lS": "<<=", "rS": ">>=", "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=",
    "ss": "<=>", "nt": "!", "aa": "&&", "oo": "||", "pp": "++", "mm": "--", "cm": ",", "pm": "->*",
    "pt": "->", "cl": "()", "ix": "[]", "qu": "?",
}  # fmt: skip
_SPECIAL = {
    "TV": "vtable for ",
    "TT": "VTT for ",
    "TI": "typeinfo for ",
    "TS": "typeinfo name for ",
}
_NAMED = {
    "GV": "guard variable for ",
    "TW": "TLS wrapper function for ",
    "TH": "TLS init function for ",
}
_STD = {
    "a": ("std::allocator", "allocator"),
    "b": ("std::basic_string", "basic_string"),
    "s": ("std::string", "basic_string"),
    "i": ("std::istream", "basic_istream"),
    "o": ("std::ostream", "basic_ostream"),
    "d": ("std::iostream", "basic_iostream"),
}


def encoding(text: str) -> str:
    """The name of a symbol, without `_Z`; a function's parameters are not looked at.

    Raises:
        NotMangled: It is none, or uses what is not understood.
    """
    return Names(text).entity(whole=False)


class Names(Types):
    """Parser of names."""

    _returns_nothing = False

    def entity(self, *, whole: bool = True) -> str:
        """A symbol: a function, an object, or a special one.

        Unless it is `whole`, a function ends with its name; `parameters` has what follows.
        """
        head = self.peek(2)
        if head in _SPECIAL:
            self.at += 2
            return _SPECIAL[head] + str(self.type())
        if head in _NAMED:
            self.at += 2
            return _NAMED[head] + self.name()
        if head == "GR":
            self.at += 2
            return f"reference temporary for {self.name()}"
        if self.take("GTt"):
            return f"transaction clone for {self.entity(whole=False)}"
        if head == "Tc":
            self.at += 2
            self._offset()
            self._offset()
            return "covariant return thunk to " + self.entity(whole=False)
        if head in {"Th", "Tv"}:
            self.at += 1
            kind = "non-virtual" if head == "Th" else "virtual"
            self._offset()
            return f"{kind} thunk to {self.entity(whole=False)}"
        if head == "TC":
            self.at += 2
            derived = self.type()
            self.digits()
            self.expect("_")
            return f"construction vtable for {self.type()}-in-{derived}"
        shown = self.name()
        if whole and self.peek() not in {"", "E", "."}:
            qualifiers = self.qualifiers
            has_result = self.ends_with_arguments and not self._returns_nothing
            self.parameters = self.signature(has_result) + qualifiers
        return shown

    def _offset(self) -> None:
        """How far a thunk moves the object pointer."""
        virtual = self.next() == "v"
        for _ in range(2 if virtual else 1):
            self.take("n")
            self.digits()
            self.expect("_")

    def name(self) -> str:
        """The name of an entity; `ends_with_arguments` tells whether it is a template's."""
        self.ends_with_arguments = False
        self.qualifiers = ""
        letter = self.peek()
        if letter == "N":
            return self._nested()
        if letter == "Z":
            return self._local()
        if letter == "S" and self.peek(2) != "St":
            shown = str(self.substitution())
        else:
            shown = "std::" if self.take("St") else ""
            shown += self._unqualified("")
            if self.peek() == "I":
                self.subs.append(self.plain(shown))
        if self.peek() == "I":
            shown += " " * shown.endswith("<") + self.template_arguments(keep=True)
            self.ends_with_arguments = True
        return shown

    def _nested(self) -> str:
        self.expect("N")
        words = ""
        for letter, word in (("r", " __restrict"), ("V", " volatile"), ("K", " const")):
            words = word + words if self.take(letter) else words
        for letter, word in (("R", " &"), ("O", " &&")):
            words += word if self.take(letter) else ""
        shown = ""
        last = ""
        while not self.take("E"):
            self.ends_with_arguments = False
            letter = self.peek()
            kept = True
            if letter == "S" and self.peek(2) != "St":
                at = self.at + 1
                shown = str(self.substitution())
                last = _STD[self.text[at]][1] if self.text[at] in _STD else _last(shown)
                kept = False
            elif self.take("St"):
                shown = "std"
                continue
            elif letter == "T":
                shown = last = str(self.template_parameter())
            elif letter == "I":
                shown += " " * shown.endswith("<") + self.template_arguments(keep=True)
                self.ends_with_arguments = True
            elif self.peek(2) in {"DT", "Dt"}:
                shown = last = str(self.type())
                kept = False
            elif letter == "M":
                self.at += 1
                continue
            else:
                last = self._unqualified(last)
                shown = f"{shown}::{last}" if shown else last
            if kept and self.peek() != "E":
                self.subs.append(self.plain(shown))
        if not shown:
            raise NotMangled
        self.qualifiers = words
        return shown

    def _local(self) -> str:
        """Something inside a function."""
        self.expect("Z")
        outer = self.entity()
        held = self.parameters
        self.parameters = ""
        self.expect("E")
        if self.take("s"):
            self._discriminator()
            return f"{outer}{held}::string literal"
        if self.take("d"):
            if self.peek() != "_":
                self.digits()
            self.expect("_")
        shown = self.name()
        self._discriminator()
        return f"{outer}{held}::{shown}"

    def _discriminator(self) -> None:
        if self.take("__"):
            self.digits()
            self.expect("_")
        elif self.peek() == "_" and self.peek(2)[1:].isdigit():
            self.at += 2

    def _unqualified(self, enclosing: str) -> str:
        """One part of a name; `enclosing` is the class's, for constructors."""
        self.take("L")
        letter, pair = self.peek(), self.peek(2)
        # Constructors, destructors and conversions say nothing of their result.
        self._returns_nothing = letter in {"C", "D"} or pair == "cv"
        if letter.isdigit():
            shown = self.source_name()
        elif letter == "C" and enclosing:
            self.at += 1
            if self.take("I"):
                self.next()
                self.type()
            else:
                self.next()
            shown = enclosing.partition("[abi:")[0]
        elif letter == "D" and pair[1:].isdigit() and enclosing:
            self.at += 2
            shown = f"~{enclosing.partition('[abi:')[0]}"
        elif pair == "Ut":
            self.at += 2
            shown = f"{{unnamed type#{self.number_from_one()}}}"
        elif pair == "Ul":
            self.at += 2
            parameters = self.lambda_signature()
            shown = f"{{lambda{parameters}#{self.number_from_one()}}}"
        elif pair == "cv":
            self.at += 2
            shown = f"operator {self.type()}"
        elif pair == "li":
            self.at += 2
            shown = f'operator"" {self.source_name()}'
        elif pair in _OPERATORS:
            self.at += 2
            shown = f"operator{_OPERATORS[pair]}"
        else:
            raise NotMangled
        while self.take("B"):
            shown += f"[abi:{self.source_name()}]"
        return shown

    def source_name(self) -> str:
        """An identifier with its length."""
        shown = self.chars(self.digits())
        return "(anonymous namespace)" if shown.startswith("_GLOBAL__N") else shown

    def number_from_one(self) -> int:
        """`_` is 1, `0_` is 2."""
        if self.take("_"):
            return 1
        number = self.digits() + 2
        self.expect("_")
        return number


def _last(shown: str) -> str:
    """The last part of a name, without template arguments."""
    depth = 0
    end = len(shown)
    for at in range(len(shown) - 1, -1, -1):
        if shown[at] == ">":
            depth += 1
        elif shown[at] == "<":
            depth -= 1
            if not depth:
                end = at
        elif not depth and shown[at] == ":":
            return shown[at + 1 : end]
    return shown[:end]
