"""Every command with every kind of bad argument, everywhere in a run: a sentence, never a failure.

The machine is put where students get lost: before the start, in the middle, half-way through the
kernel, after a crash, after the end. Commands that only look must leave it as it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from arcetui.commands import COMMANDS, Commander
from arcetui.render.row import lines
from kernel.control import Debugger, Recipe

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
BAD = (
    "", "0", "1", "-1", "99999999999999999999999999", "0x" + "f" * 40, "1e9", "0x", "0b2", "08",
    "nosuchname", "main", "*main", "main+", "((((", "))", "(1", "1)", "[", "]", "a[", "$", "$$",
    "$nosuch", "$pc", "$sp", "*", "**0", "*(u8*)0", "*(u64*)0x8000000000000000",
    "*0xffffffffffffffff", "&", "&main", "0x1000", "0x7fffffffffff", "0x800000000000",
    "0xffff800000000000", "0xffffffff80000000", "0xffffffffffffffff", "1/0", "1%0", "1<<64",
    "1<<-1", "-9223372036854775809", "'a'", "'", "''", "é", "日本語", "\u202e", "\x00", "\x1b[31m",
    "\x07", "a\x1b]0;x\x07", "\t", "%", "%%", "%memory", "%nosuch", "/", "/x", "/q", "/99999999x",
    "/-1x", "/0i", "/8gx", "/s 0", "--json", "--json --json", "--nosuch", "-x", "#", "#0", "#1",
    "#99999999", "syscall", "syscall #", "syscall #1", "start-end", "5-1", "1-99999999999", "0-0",
    "0+0", "1+99999999", "+", "1+1+1", "nosuch.c:1", "hello.c:0", "hello.c:99999999999999999999",
    "hello.c:-1", ":", ":1", "1:", "all", "none", "main if", "main if 1/0", "main if $nosuch",
    "if", "if 1", "thread", "thread 0", "thread 99", "main thread 1 if 1", "mmap if length >",
    "syscall mmap if x", "syscall ! if 1", "syscall 9999", "syscall [", "signal 65", "signal 0",
    "fault if 1", "a" * 5000, "(" * 3000, "-" * 3000, "1+" * 2000 + "1", "1?" * 500,
    "*" * 3000 + "1", "x " * 1000, "true", "?:", "1 ? 2", "a.b::c",
)  # fmt: skip
#: What only looks: the digest stays.
MOVING = frozenset({"Running", "Going back"})
#: Arguments that ask for much work, right as they are.
LONG = frozenset({"main", "*main", "&main", "$pc", "$sp", "&", "0x1000", "1+99999999"})


def commander(arch: str, sample: str) -> Commander:
    elf = (SAMPLES / arch / sample).read_bytes()
    return Commander(Debugger(Recipe(elf, sample, memory_bytes=32 << 20)))


def middle(c: Commander) -> None:
    c.run("nextsyscall 3")
    c.run("si 5")


def half_way(c: Commander) -> None:
    c.run("nextsyscall 2")
    c.run("nextevent 2")
    assert c.context.debugger.machine().half_way


def ended(c: Commander) -> None:
    c.run("c")


PLACES: dict[str, tuple[str, Callable[[Commander], object]]] = {
    "start": ("hello", lambda c: None),
    "middle": ("memlab", middle),
    "half-way": ("memlab", half_way),
    "end": ("hello", ended),
    "crash": ("crash", ended),
    "input": ("guess", ended),
}


def check(c: Commander, line: str) -> None:
    result = c.run(line)
    text = lines(result.rows)
    shown = line if len(line) < 60 else line[:60] + "..."
    assert not any(ch in text for ch in "\x00\x1b\x07\u202e"), f"{shown!r} shows control characters"
    if result.error and len(result.rows) == 1:
        assert text.strip(), shown
        assert "\n" not in text, shown
        assert len(text) < 400, f"{shown!r}: {text}"
    for word in ("Traceback", "Error(", "KeyError", "object at 0x"):
        assert word not in text, f"{shown!r}: {text}"


def arguments(name: str, seed: str, count: int) -> list[str]:
    rng = random.Random(f"{name} {seed}")
    return rng.sample(BAD, count)


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("place", PLACES)
def test_looking_with_bad_arguments(arch: str, place: str) -> None:
    sample, go = PLACES[place]
    c = commander(arch, sample)
    go(c)
    digest, position = c.context.debugger.digest(), c.context.debugger.position
    for command in COMMANDS:
        if command.group in MOVING or command.name == "quit":
            continue
        for argument in arguments(command.name, arch + place, 12):
            check(c, f"{command.name} {argument}")
            c.complete(f"{command.name} {argument}"[:200])
        c.run("delete")
        c.run("undisplay")
        c.run("thread 0")
    assert c.context.debugger.position == position
    assert c.context.debugger.digest() == digest


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("place", PLACES)
def test_moving_with_bad_arguments(arch: str, place: str) -> None:
    sample, go = PLACES[place]
    c = commander(arch, sample)
    go(c)
    for command in COMMANDS:
        if command.group not in MOVING:
            continue
        for argument in arguments(command.name, arch + place, 4):
            is_long = argument in LONG or argument.startswith("0x")
            if command.grammar != "[N]" or not is_long:
                check(c, f"{command.name} {argument}")
    c.run("delete")
    c.run("restart")
    fresh = commander(arch, sample)
    assert c.context.debugger.digest() == fresh.context.debugger.digest()
