"""The expression language: C's values, and one sentence for every mistake."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcetui.expr import parse
from arcetui.expr_values import ExprError


class Scope:
    registers = {"rsp": 0x1000, "rax": 2**64 - 1}
    names = {"main": 0x401000, "counter": 0x1008}

    def register(self, name):
        return self.registers.get(name)

    def name(self, name):
        return self.names.get(name)

    def read(self, address, size):
        memory = bytes(range(256)) * 32
        return memory[address : address + size]

    def known_names(self):
        return list(self.names)


def value(text):
    return parse(text).value(Scope())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7 / -2", -3),
        ("1 << 4 | 1", 17),
        ("~0", -1),
        ("!5", 0),
        ("1 < 2 && 2 < 3", 1),
        ("0 || 0", 0),
        ("3 & 2 == 2", 1),
        ("0x10 + 0b11 + 0o7", 26),
        ("010", 10),
        ("'a'", 97),
        ("'\\n'", 10),
        ("$rsp + 8", 0x1008),
        ("main + 4", 0x401004),
        ("&main", 0x401000),
        ("*(u8*)3", 3),
        ("*(unsigned short *)0", 0x0100),
        ("*(int*)0xfc", -66052),
        ("*0", 0x0706050403020100),
        ("$rsp[1]", 0x0F0E0D0C0B0A0908),
        ("(u8)$rax", 255),
        ("(i8)255", -1),
        ("(u32)-1", 0xFFFFFFFF),
        ("(char*)16 + 1", 17),
        ("1 ? 2 : 3", 2),
        ("0 ? 2 : 3", 3),
    ],
)
def test_values(text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("maim", "did you mean main"),
        ("$nope", "no register"),
        ("1 +", "ends too early"),
        ("(1", "expected ')'"),
        ("1 2", "after a whole expression"),
        ("1 / 0", "division by zero"),
        ("1 << 64", "cannot shift"),
        ("*0x900000", "not mapped"),
        ("", "missing"),
        ("@", "no symbol"),
        ("#", "cannot read"),
        ("0x", "cannot read"),
        ("(" * 500 + "1" + ")" * 500, "nested too deeply"),
        ("-" * 3000 + "1", "nested too deeply"),
        ("1" * 5000, "too long"),
    ],
)
def test_mistakes_get_one_sentence(text, words):
    with pytest.raises(ExprError) as caught:
        value(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


OPERATORS = st.sampled_from(["+", "-", "*", "&", "|", "^", "==", "!=", "<", "<=", ">", ">="])


@st.composite
def trees(draw, depth=4):
    if not depth or draw(st.booleans()):
        return str(draw(st.integers(0, 1000)))
    left, right = draw(trees(depth=depth - 1)), draw(trees(depth=depth - 1))
    return f"({left} {draw(OPERATORS)} {right})"


@given(trees())
def test_agrees_with_python(text):
    assert value(text) == int(eval(text))


@given(st.text(max_size=40))
def test_any_text_gives_a_value_or_a_sentence(text):
    with contextlib.suppress(ExprError):
        value(text)
