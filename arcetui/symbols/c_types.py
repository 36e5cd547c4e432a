"""Types as `.debug_info` describes them: their names, sizes and members, and how values read.

Values are written as gdb writes them: `5`, `97 'a'`, `0x4020 "text"`, `{x = 1, y = 2}`, names of
enumerations, `{1, 2, 0 <repeats 18 times>}`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from arcetui.symbols import debug_info as d
from arcetui.symbols.debug_info import DebugInfo, Entry

ARRAY, CLASS, ENUM, MEMBER, POINTER, REFERENCE = 0x01, 0x02, 0x04, 0x0D, 0x0F, 0x10
FUNCTION_TYPE, STRUCT, TYPEDEF, UNION, SUBRANGE, BASE = 0x15, 0x13, 0x16, 0x17, 0x21, 0x24
CONST, ENUMERATOR, VOLATILE, RESTRICT, RVALUE, ATOMIC = 0x26, 0x28, 0x35, 0x37, 0x42, 0x47
INHERITANCE = 0x1C
SUBPROGRAM = 0x2E
_THROUGH = frozenset({TYPEDEF, CONST, VOLATILE, RESTRICT, ATOMIC})
_QUALIFIERS = {CONST: "const ", VOLATILE: "volatile ", RESTRICT: "", ATOMIC: "_Atomic "}
_RECORDS = {STRUCT: "struct", UNION: "union", CLASS: "class"}
_FLOATS = {4: "<f", 8: "<d"}
MOST_ELEMENTS = 200
_DEEPEST = 12
_MOST_BYTES = 1 << 16
_REPEATS = 10  # as many equal elements are written once

Memory = Callable[[int, int], bytes]


class Types:
    """Types of one program."""

    def __init__(self, info: DebugInfo) -> None:
        self.info = info

    def of(self, entry: Entry) -> Entry | None:
        """The type an entry names; None for void."""
        at = entry.values.get(d.TYPE)
        return self.info.at(entry.unit, at) if isinstance(at, int) else None

    def bare(self, kind: Entry | None) -> Entry | None:
        """Without typedefs and qualifiers."""
        for _ in range(_DEEPEST * 4):
            if kind is None or kind.tag not in _THROUGH:
                return kind
            kind = self.of(kind)
        return None

    def size(self, kind: Entry | None, depth: int = 0) -> int:
        """Bytes a value takes; 0 if that is not known."""
        kind = self.bare(kind)
        if kind is None or depth > _DEEPEST:
            return 0
        if d.BYTE_SIZE in kind.values:
            return kind.number(d.BYTE_SIZE)
        if kind.tag in {POINTER, REFERENCE, RVALUE}:
            return 8
        if kind.tag == ARRAY:
            size = self.size(self.of(kind), depth + 1)
            for count in self.dimensions(kind):
                size *= count
            return size
        return 0

    def dimensions(self, kind: Entry) -> list[int]:
        """How many elements an array has in each dimension."""
        out: list[int] = []
        for child in kind.children:
            if child.tag == SUBRANGE:
                count = child.number(d.COUNT, -1)
                out.append(count if count >= 0 else child.number(d.UPPER_BOUND, -1) + 1)
        return out or [0]

    def name(self, kind: Entry | None, depth: int = 0) -> str:
        """As C writes it: `const char *`, `struct point [4]`."""
        if kind is None or depth > _DEEPEST:
            return "void"
        inner = self.of(kind)
        if kind.tag in _QUALIFIERS:
            return _QUALIFIERS[kind.tag] + self.name(inner, depth + 1)
        if kind.tag in {POINTER, REFERENCE, RVALUE}:
            mark = {POINTER: "*", REFERENCE: "&"}.get(kind.tag, "&&")
            target = self.bare(inner)
            text = self.name(inner, depth + 1)
            if target is not None and target.tag == FUNCTION_TYPE and "(" in text:
                return text.replace("(", f"({mark})(", 1)
            return text + ("" if text.endswith("*") else " ") + mark
        if kind.tag == ARRAY:
            dims = "".join(f"[{count or ''}]" for count in self.dimensions(kind))
            return f"{self.name(inner, depth + 1)} {dims}"
        if kind.tag in {FUNCTION_TYPE, SUBPROGRAM}:
            given = [self.name(self.of(c), depth + 1) for c in kind.children if c.tag == 0x05]
            result = self.name(inner, depth + 1)
            space = "" if result.endswith("*") else " "
            return f"{result}{space}({', '.join(given) or 'void'})"
        prefix = {**_RECORDS, ENUM: "enum"}.get(kind.tag, "")
        return f"{prefix} {kind.name or '{...}'}" if prefix else kind.name or "?"

    def members(self, kind: Entry) -> list[Entry]:
        """The members of a structure or union."""
        return [child for child in kind.children if child.tag in {MEMBER, INHERITANCE}]

    def describe(self, kind: Entry | None, depth: int = 0) -> list[str]:
        """The definition, as ptype shows it."""
        through = kind
        for _ in range(_DEEPEST):
            if through is None or through.tag != TYPEDEF:
                break
            through = self.of(through)
        if through is None or through.tag not in {*_RECORDS, ENUM}:
            return [f"type = {self.name(through)}"]
        out = [f"type = {self.name(through)} {{"]
        if through.tag == ENUM:
            out += [f"    {c.name} = {c.number(d.CONST_VALUE)}," for c in through.children]
        for member in self.members(through):
            if member.tag == INHERITANCE:
                base = self.of(member)
                out[0] = out[0].replace(" {", f" : {base.name if base else '?'} {{")
                continue
            out += [f"    {line}" for line in self._declaration(member, depth)]
        return [*out, "}"]

    def _declaration(self, member: Entry, depth: int) -> list[str]:
        """A member as C declares it; a structure without a name is spread out."""
        at = self.of(member)
        bare = self.bare(at)
        if bare is not None and bare.tag in _RECORDS and not bare.name and depth < _DEEPEST:
            lines = self.describe(bare, depth + 1)
            lines[0] = f"{_RECORDS[bare.tag]} {{"
            return [*lines[:-1], f"}} {member.name};".replace(" ;", ";")]
        bits = f" : {member.number(d.BIT_SIZE)}" if d.BIT_SIZE in member.values else ""
        text = self.name(at)
        if at is not None and at.tag == ARRAY:
            element, _, dims = text.rpartition(" ")
            return [f"{element}{'' if element.endswith('*') else ' '}{member.name}{dims};"]
        if "(*)" in text:
            return [f"{text.replace('(*)', f'(*{member.name})', 1)};"]
        return [f"{text}{'' if text.endswith('*') else ' '}{member.name}{bits};"]

    # -- values ---------------------------------------------------------------------------------

    def row_size(self, kind: Entry, skip: int) -> int:
        """Bytes of an array behind its first `skip` dimensions."""
        size = self.size(self.of(kind))
        for count in self.dimensions(kind)[skip:]:
            size *= count
        return size

    def show_row(self, kind: Entry, skip: int, data: bytes, read: Memory) -> str:
        """A row of an array in an array."""
        return self._array(kind, self.dimensions(kind)[skip:], data[:_MOST_BYTES], read, 0)

    def show(self, kind: Entry | None, data: bytes, read: Memory, *, top: bool = True) -> str:
        """A value in words.

        Args:
            kind: Its type.
            data: Its bytes.
            read: Memory, for strings that pointers lead to.
            top: Not inside another value: pointers then say what they point to.
        """
        return self._show(kind, data[:_MOST_BYTES], read, 0 if top else 1)

    def _show(self, kind: Entry | None, data: bytes, read: Memory, depth: int) -> str:
        named, kind = kind, self.bare(kind)
        if kind is None or depth > _DEEPEST:
            return "void" if kind is None else "..."
        if kind.tag == ARRAY:
            return self._array(kind, self.dimensions(kind), data, read, depth)
        size = self.size(kind)
        if len(data) < size:
            return "<not mapped>"
        data = data[:size]
        if kind.tag in _RECORDS:
            return self._record(kind, data, read, depth)
        value = int.from_bytes(data, "little")
        if kind.tag in {POINTER, REFERENCE, RVALUE}:
            return self._pointer(named, kind, value, read, depth)
        if kind.tag == ENUM:
            return self._enum(kind, value, size)
        return _number(kind.number(d.ENCODING), data)

    def _pointer(
        self, named: Entry | None, kind: Entry, value: int, read: Memory, depth: int
    ) -> str:
        target = self.bare(self.of(kind))
        if target is not None and target.tag == BASE and _is_char(target) and value:
            text = read(value, MOST_ELEMENTS + 1)
            if text:
                end = text.find(0)
                body = text[:end] if end >= 0 else text[:MOST_ELEMENTS]
                return f"{value:#x} {quote(body)}" + ("..." if end < 0 else "")
        return f"({self.name(named)}) {value:#x}" if not depth else f"{value:#x}"

    def _enum(self, kind: Entry, value: int, size: int) -> str:
        signed = value - (1 << 8 * size) if value >> 8 * size - 1 else value
        named = {child.number(d.CONST_VALUE): child.name for child in kind.children}
        if value in named or signed in named:
            return named.get(value) or named[signed]
        parts = [name for bit, name in named.items() if bit and value & bit == bit]
        whole = sum({bit for bit in named if bit and value & bit == bit})
        return f"({' | '.join(parts)})" if parts and whole == value else str(signed)

    def _record(self, kind: Entry, data: bytes, read: Memory, depth: int) -> str:
        out: list[str] = []
        for member in self.members(kind):
            part, at = self.member_bytes(member, data)
            text = self._show(at, part, read, depth + 1)
            out.append(f"{member.name} = {text}" if member.name else text)
        return "{" + ", ".join(out) + "}"

    def member_bytes(self, member: Entry, data: bytes) -> tuple[bytes, Entry | None]:
        """A member's bytes in its structure's, bit fields taken out; and its type."""
        kind = self.of(member)
        size = self.size(kind)
        offset = member.number(d.MEMBER_AT)
        bits = member.number(d.BIT_SIZE)
        if not bits:
            return data[offset : offset + size], kind
        start = member.number(d.BIT_OFFSET)
        if d.OLD_BIT_OFFSET in member.values:  # version 4: from the highest bit of its storage
            storage = 8 * member.number(d.BYTE_SIZE, size)
            start = 8 * offset + max(storage - member.number(d.OLD_BIT_OFFSET) - bits, 0)
        value = int.from_bytes(data, "little") >> start & (1 << bits) - 1
        bare = self.bare(kind)
        if bare is not None and bare.number(d.ENCODING) in {5, 6} and value >> bits - 1:
            value -= 1 << bits
        return (value & (1 << 8 * size) - 1).to_bytes(size, "little"), kind

    def _array(self, kind: Entry, dims: list[int], data: bytes, read: Memory, depth: int) -> str:
        element = self.of(kind)
        bare = self.bare(element)
        if bare is not None and len(dims) == 1 and bare.tag == BASE and _is_char(bare):
            return _characters(data[: dims[0]])
        size = self.size(element)
        for count in dims[1:]:
            size *= count
        if not size:
            return "{}"
        out: list[str] = []
        last, times = "", 0
        shown = 0
        for i in range(min(dims[0], len(data) // size if size else 0)):
            part = data[i * size : (i + 1) * size]
            if len(dims) > 1:
                text = self._array(kind, dims[1:], part, read, depth + 1)
            else:
                text = self._show(element, part, read, depth + 1)
            if text == last:
                times += 1
                continue
            _flush(out, last, times)
            last, times = text, 1
            shown += 1
            if shown > MOST_ELEMENTS:
                return "{" + ", ".join(out) + "...}"
        _flush(out, last, times)
        return "{" + ", ".join(out) + "}"


def quote(data: bytes) -> str:
    """Text between quotes, with gdb's escapes."""
    return (
        '"'
        + "".join(_CODES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in data)
        + '"'
    )


def _flush(out: list[str], text: str, times: int) -> None:
    if times >= _REPEATS:
        out.append(f"{text} <repeats {times} times>")
    else:
        out += [text] * times


def _characters(data: bytes) -> str:
    """A char array: the text, and the zeros behind it in one word."""
    body = data.rstrip(b"\0")
    zeros = len(data) - len(body)
    text = quote(body[:MOST_ELEMENTS]) + ("..." if len(body) > MOST_ELEMENTS else "")
    if zeros < _REPEATS:
        return text
    rest = f"'\\000' <repeats {zeros - 1} times>"
    return f"{text}, {rest}" if body else rest


def _is_char(kind: Entry) -> bool:
    return kind.number(d.ENCODING) in {6, 8, 0x10} and kind.number(d.BYTE_SIZE) == 1


def _number(encoding: int, data: bytes) -> str:
    """A value of a base type."""
    if encoding == 4:
        layout = _FLOATS.get(len(data))
        return f"{struct.unpack(layout, data)[0]:.9g}" if layout else f"0x{data[::-1].hex()}"
    signed = encoding in {5, 6, 0x0D}
    value = int.from_bytes(data, "little", signed=signed)
    if encoding == 2:
        return {0: "false", 1: "true"}.get(value, str(value))
    if len(data) == 1 and encoding in {6, 8, 0x10}:
        return f"{value} {_char(data[0])}"
    return str(value)


_CODES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
_NAMED = {0: "\\000", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 13: "\\r", 39: "\\'", 92: "\\\\"}


def _char(byte: int) -> str:
    plain = chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
    return f"'{_NAMED.get(byte, plain)}'"
