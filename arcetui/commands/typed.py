"""Variables in expressions: `count`, `*p`, `list->next.name`, `table[i].x`, `&point`.

Such a path has a type and, mostly, a place in memory; anything else is an expression over numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arcetui.commands.command import CommandError
from arcetui.suggest import unknown
from arcetui.symbols import c_types as c
from arcetui.symbols import debug_info as d
from arcetui.symbols.locations import Place

if TYPE_CHECKING:
    from arcetui.commands.context import Context
    from arcetui.symbols.debug_info import Entry

_TOKEN = re.compile(r"\s*(->|[*&().]|\[|[A-Za-z_]\w*)")
_DEEPEST = 40
_INTEGERS = frozenset({2, 5, 6, 7, 8, 0x0D, 0x10})


@dataclass(frozen=True, slots=True)
class Typed:
    """A value with its type.

    Attributes:
        kind: Its type; None for void.
        place: Where it is; None: nowhere, it was optimized away.
        stars: How often its address was taken: `&x` is a pointer that no type describes.
        skip: Dimensions of an array that were indexed: a row of it is meant.
    """

    kind: Entry | None
    place: Place | None
    stars: int = 0
    skip: int = 0


class NoPath(Exception):
    """The text is no path that begins with a variable."""


class _Path:
    def __init__(self, context: Context, text: str) -> None:
        self.context = context
        self.types = context.symbols.variables.types
        self.text = text
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        return match[1] if match else ""

    def take(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise NoPath
        self.at = match.end()
        return match[1]

    def whole(self) -> Typed:
        found = self.unary()
        if self.text[self.at :].strip():
            raise NoPath
        return found

    def unary(self) -> Typed:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NoPath
        token = self.take()
        if token == "*":
            return self.pointed(self.unary())
        if token == "&":
            inner = self.unary()
            if inner.place is None or inner.place.address < 0:
                raise CommandError(f"{self.text}: it has no address here: it is in a register")
            return Typed(inner.kind, inner.place, inner.stars + 1)
        if token == "(":
            inner = self.unary()
            if self.take() != ")":
                raise NoPath
            return self.suffixes(inner)
        if not (token[0].isalpha() or token[0] == "_"):
            raise NoPath
        return self.suffixes(self.variable(token))

    def variable(self, name: str) -> Typed:
        found = self.context.variable(name)
        if found is None:
            raise NoPath
        symbols = self.context.symbols
        place = symbols.variables.place(found, self.context.view())
        if place is not None and place.address == symbols.bias:
            # The linker dropped what this describes; another unit may have defined it.
            symbol = symbols.by_name.get(name)
            place = None if symbol is None else Place(symbol.address)
        return Typed(found.kind, place)

    def suffixes(self, value: Typed) -> Typed:
        while (token := self.peek()) in {".", "->", "["}:
            self.take()
            if token == "[":
                value = self.element(value)
            else:
                value = self.member(self.pointed(value) if token == "->" else value, self.take())
        return value

    def element(self, value: Typed) -> Typed:
        end, depth = self.at, 1
        while end < len(self.text) and depth:
            depth += {"[": 1, "]": -1}.get(self.text[end], 0)
            end += 1
        if depth:
            raise NoPath
        index = self.context.value(self.text[self.at : end - 1])
        self.at = end
        kind = self.types.bare(value.kind)
        if kind is not None and kind.tag == c.ARRAY and not value.stars:
            by = index * self.types.row_size(kind, value.skip + 1)
            if len(self.types.dimensions(kind)) > value.skip + 1:
                row = self.offset(value, by, value.kind)
                return Typed(row.kind, row.place, 0, value.skip + 1)
            return self.offset(value, by, self.types.of(kind))
        pointed = self.pointed(value)
        return self.offset(pointed, index * self.types.size(pointed.kind), pointed.kind)

    def member(self, value: Typed, name: str) -> Typed:
        kind = self.types.bare(value.kind)
        if kind is not None and kind.tag in {c.REFERENCE, c.RVALUE}:
            value = self.pointed(value)
            kind = self.types.bare(value.kind)
        if kind is None or kind.tag not in {c.STRUCT, c.UNION, c.CLASS}:
            raise CommandError(f"{self.text}: {self.types.name(value.kind)} has no members")
        found = _member(self.types, kind, name)
        if found is None:
            names = [member.name for member in self.types.members(kind)]
            raise CommandError(unknown(f"member in {self.types.name(kind)}", name, names))
        member, offset = found
        if d.BIT_SIZE in member.values:
            data = data_of(self.context, Typed(kind, value.place))
            part, of = self.types.member_bytes(member, data)
            return Typed(of, Place(value=part))
        return self.offset(value, offset, self.types.of(member))

    def offset(self, value: Typed, by: int, kind: Entry | None) -> Typed:
        place = value.place
        if place is None:
            return Typed(kind, None)
        if place.address < 0:
            return Typed(kind, Place(value=place.value[by:]))
        return Typed(kind, Place(place.address + by & (1 << 64) - 1))

    def pointed(self, value: Typed) -> Typed:
        if value.stars:
            return Typed(value.kind, value.place, value.stars - 1)
        kind = self.types.bare(value.kind)
        if kind is not None and kind.tag == c.ARRAY:
            return Typed(self.types.of(kind), value.place)
        if kind is None or kind.tag not in {c.POINTER, c.REFERENCE, c.RVALUE}:
            raise CommandError(f"{self.text}: {self.types.name(value.kind)} is no pointer")
        address = number_of(self.context, value)
        if address is None:
            return Typed(self.types.of(kind), None)
        return Typed(self.types.of(kind), Place(address))


def _member(types: c.Types, kind: Entry, name: str, depth: int = 0) -> tuple[Entry, int] | None:
    """A member and its offset, looked for in members without a name, too."""
    if depth > _DEEPEST:
        return None
    for member in types.members(kind):
        offset = member.number(d.MEMBER_AT)
        if member.name == name:
            return member, offset
        inner = types.bare(types.of(member))
        if (not member.name or member.tag == c.INHERITANCE) and inner is not None:
            found = _member(types, inner, name, depth + 1)
            if found is not None:
                return found[0], offset + found[1]
    return None


def typed(context: Context, text: str) -> Typed | None:
    """The variable a path leads to; None if the text is another expression.

    Raises:
        CommandError: It begins with a variable, but goes wrong.
    """
    if not context.symbols.variables.info.units or len(text) > 1000:
        return None
    try:
        return _Path(context, text).whole()
    except NoPath:
        return None


def data_of(context: Context, value: Typed) -> bytes:
    """The bytes of a value.

    Raises:
        CommandError: It is nowhere, or not mapped.
    """
    types = context.symbols.variables.types
    kind = types.bare(value.kind)
    size = types.row_size(kind, value.skip) if value.skip and kind else types.size(value.kind)
    if value.place is None:
        raise CommandError("it is optimized away here")
    if value.place.address < 0:
        return value.place.value
    data = context.read(value.place.address, min(size, 1 << 16))
    if size and not data:
        raise CommandError(f"cannot read {value.place.address:#x}: not mapped")
    return data


def number_of(context: Context, value: Typed) -> int | None:
    """A value as a number: of an array its address; None for what is no number or nowhere."""
    types = context.symbols.variables.types
    if value.stars and value.place is not None:
        return value.place.address
    kind = types.bare(value.kind)
    if kind is None or value.place is None:
        return None
    if kind.tag == c.ARRAY:
        return value.place.address if value.place.address >= 0 else None
    encoding = kind.number(d.ENCODING)
    if kind.tag == c.BASE and encoding not in _INTEGERS:
        return None
    if kind.tag not in {c.BASE, c.POINTER, c.REFERENCE, c.RVALUE, c.ENUM}:
        return None
    size = types.size(kind)
    try:
        data = data_of(context, value)[:size]
    except CommandError:
        return None
    if not size or len(data) < size:
        return None
    return int.from_bytes(data, "little", signed=encoding in {5, 6, 0x0D})


def shown(context: Context, value: Typed, *, top: bool = True) -> str:
    """A value as `p` prints it; not at the `top`, pointers do not say their type."""
    types = context.symbols.variables.types
    if value.place is None:
        return "<optimized out>"
    if value.stars:
        label = context.symbols.describe(value.place.address)
        name = f"({types.name(value.kind)} {'*' * value.stars}) {value.place.address:#x}"
        return f"{name} <{label}>" if label else name
    kind = types.bare(value.kind)
    if value.skip and kind is not None:
        return types.show_row(kind, value.skip, data_of(context, value), context.read)
    return types.show(value.kind, data_of(context, value), context.read, top=top)
