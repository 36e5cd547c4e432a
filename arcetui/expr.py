"""The expression language of every prompt: `p`, `x`, breakpoints, conditions.

C's operators and precedence over whole numbers: integers (0x10, 0b11, 0o7, 'a'), $registers,
symbols (their address; `&name` is the same), names given by the place it is used in (a call's
arguments and `result`), named constants (PROT_READ, O_CREAT, ENOENT), `*(u64*)addr` to read
memory, `(u8)x` to cut a number down.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from arcetui.expr_values import (
    ExprError,
    Node,
    Scope,
    binary,
    cut_down,
    indexed,
    loaded,
    named_value,
    register_value,
)

#: C type names to (size in bytes, signed).
TYPES: dict[str, tuple[int, bool]] = {
    "u8": (1, False),
    "u16": (2, False),
    "u32": (4, False),
    "u64": (8, False),
    "i8": (1, True),
    "i16": (2, True),
    "i32": (4, True),
    "i64": (8, True),
    "char": (1, True),
    "uchar": (1, False),
    "short": (2, True),
    "ushort": (2, False),
    "int": (4, True),
    "uint": (4, False),
    "long": (8, True),
    "ulong": (8, False),
    "size_t": (8, False),
    "ssize_t": (8, True),
    "void": (8, False),
    "uint8_t": (1, False),
    "uint16_t": (2, False),
    "uint32_t": (4, False),
    "uint64_t": (8, False),
    "int8_t": (1, True),
    "int16_t": (2, True),
    "int32_t": (4, True),
    "int64_t": (8, True),
}
_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|\d+)(?![\w.])|(\$[A-Za-z_]\w*|\$\$|\$\d*)"
    r"|([A-Za-z_.@][\w.@$]*(?:::[\w.@$~]+)*)|'(\\?.)'|(<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>()\[\]?:]))"
)
_BINARY: dict[str, int] = {
    "||": 1,
    "&&": 2,
    "|": 3,
    "^": 4,
    "&": 5,
    "==": 6,
    "!=": 6,
    "<": 7,
    "<=": 7,
    ">": 7,
    ">=": 7,
    "<<": 8,
    ">>": 8,
    "+": 9,
    "-": 9,
    "*": 10,
    "/": 10,
    "%": 10,
}
_DEEPEST = 100
#: Values nest as deeply as operators follow each other.
_MOST_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression.

    Attributes:
        text: As it was written.
        names: Plain names it uses, for checking them before it runs.
    """

    text: str
    node: Node
    names: tuple[str, ...]

    def value(self, scope: Scope) -> int:
        """Its value.

        Raises:
            ExprError: An unknown name, unreadable memory, or a division by zero.
        """
        return self.node(scope)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0
        self.names: list[str] = []

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, symbol: str) -> None:
        kind, value = self.take()
        if value != symbol or kind != "op":
            found = "the end" if kind == "end" else repr(value)
            raise ExprError(f"{self.text!r}: expected {symbol!r} but found {found}")

    def expression(self, weakest: int = 0) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ExprError("the expression is nested too deeply")
        left = self.unary()
        while True:
            kind, op = self.peek()
            strength = _BINARY.get(op, 0) if kind == "op" else 0
            if strength <= weakest:
                break
            self.take()
            left = binary(op, left, self.expression(strength))
        if weakest == 0 and self.peek() == ("op", "?"):
            left = self.ternary(left)
        self.depth -= 1
        return left

    def ternary(self, test: Node) -> Node:
        self.take()
        yes = self.expression()
        self.expect(":")
        no = self.expression()
        return lambda scope: yes(scope) if test(scope) else no(scope)

    def unary(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ExprError("the expression is nested too deeply")
        try:
            return self._unary()
        finally:
            self.depth -= 1

    def _unary(self) -> Node:
        kind, value = self.peek()
        if kind != "op":
            return self.postfix(self.primary())
        if value == "(" and (cast := self.cast()) is not None:
            return cast
        if value == "(":
            self.take()
            inner = self.expression()
            self.expect(")")
            return self.postfix(inner)
        self.take()
        if value == "*":
            return self.dereference()
        if value == "&":
            return self.unary()
        if value not in {"-", "+", "~", "!"}:
            raise ExprError(f"{self.text!r}: {value!r} cannot stand here")
        operand = self.unary()
        match value:
            case "-":
                return lambda scope: -operand(scope)
            case "~":
                return lambda scope: ~operand(scope)
            case "!":
                return lambda scope: int(not operand(scope))
            case _:
                return operand

    def dereference(self) -> Node:
        """After `*`: `(u32*)address`, or an address of 64 bits."""
        size, signed = 8, False
        start = self.at
        if self.peek() == ("op", "("):
            self.take()
            kind = self.type_name()
            if kind is not None and self.peek() == ("op", "*"):
                self.take()
                self.expect(")")
                size, signed = kind
            else:
                self.at = start
        return loaded(self.unary(), size, signed)

    def cast(self) -> Node | None:
        """`(u8)x`, `(char*)p`; None if the parenthesis is no cast."""
        start = self.at
        self.take()
        kind = self.type_name()
        if kind is None:
            self.at = start
            return None
        pointer = False
        while self.peek() == ("op", "*"):
            self.take()
            pointer = True
        if self.peek() != ("op", ")"):
            self.at = start
            return None
        self.take()
        operand = self.unary()
        return operand if pointer else cut_down(operand, *kind)

    def type_name(self) -> tuple[int, bool] | None:
        """A C type such as `unsigned char`."""
        words: list[str] = []
        while self.peek()[0] == "name" and self.peek()[1] in {
            *TYPES,
            "unsigned",
            "signed",
            "const",
        }:
            words.append(self.take()[1])
        words = [word for word in words if word != "const"]
        if not words:
            return None
        unsigned = "unsigned" in words
        rest = [word for word in words if word not in {"unsigned", "signed"}] or ["int"]
        size, signed = TYPES[rest[-1] if rest[0] != "long" else "long"]
        return size, signed and not unsigned

    def primary(self) -> Node:
        kind, value = self.take()
        if kind == "number":
            number = int(value, 0) if not value.isdigit() else int(value)
            return lambda _: number
        if kind == "char":
            code = ord(_CHARS.get(value, value[-1]))
            return lambda _: code
        if kind == "register":
            return lambda scope: register_value(scope, value)
        if kind == "name":
            self.names.append(value)
            return lambda scope: named_value(scope, value)
        raise ExprError(f"{self.text!r} ends too early" if kind == "end" else f"bad {value!r}")

    def postfix(self, node: Node) -> Node:
        while self.peek() == ("op", "["):
            self.take()
            index = self.expression()
            self.expect("]")
            node = indexed(node, index)
        return node


_CHARS = {"\\n": "\n", "\\t": "\t", "\\0": "\0", "\\r": "\r"}


def _tokens(text: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    at = 0
    if len(text) > 4096:
        raise ExprError("the expression is too long")
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            raise ExprError(f"{text!r}: cannot read {text[at:].strip()[:20]!r}")
        kinds = ("number", "register", "name", "char", "op")
        index = next(i for i in range(1, 6) if match[i] is not None)
        out.append((kinds[index - 1], match[index]))
        at = match.end()
    return out


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ExprError: It cannot be read.
    """
    parser = _Parser(text)
    if not parser.tokens:
        raise ExprError("an expression is missing")
    node = parser.expression()
    if len(parser.tokens) > _MOST_TOKENS:
        raise ExprError(f"the expression is too long: it has more than {_MOST_TOKENS} parts")
    if parser.peek()[0] != "end":
        raise ExprError(f"{text!r}: cannot read {parser.peek()[1]!r} after a whole expression")
    return Expression(text.strip(), node, tuple(parser.names))
