"""The words around watchpoints, and how wide the accesses of instructions are."""

from __future__ import annotations

from pathlib import Path

import pytest

from arcetui.access_width import access_width
from arcetui.commands import Commander
from arcetui.machine import open_machine
from arcetui.render.row import lines
from arcetui.state import Launch
from kernel.control import Debugger, Recipe, StopReason

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"


@pytest.fixture(scope="module")
def prodcons() -> Commander:
    elf = (SAMPLES / "x86_64" / "prodcons").read_bytes()
    return Commander(Debugger(Recipe(elf, "prodcons")))


def do(commander: Commander, line: str, *, fails: bool = False) -> str:
    result = commander.run(line)
    text = lines(result.rows)
    assert result.error == fails, text
    return text


def test_who_wrote_this_last(prodcons: Commander) -> None:
    do(prodcons, "d")
    do(prodcons, "c")
    assert "4 bytes" in do(prodcons, "watch most_used if most_used > 0")
    stop = do(prodcons, "rc")
    assert "about to change, 3 -> 4" in stop
    assert "most_used = used" in stop
    assert "watch" in do(prodcons, "info watchpoints")
    assert "3 -> 4" in do(prodcons, "c")


def test_places(prodcons: Commander) -> None:
    do(prodcons, "restart")
    address = next(word for word in do(prodcons, "p &used").split() if word.startswith("0x"))
    assert f"4 bytes at {address}" in do(prodcons, "watch -l *(u32*)&used")
    assert f"1 byte at {address}" in do(prodcons, "rwatch *(u8*)&used")
    assert f"4 bytes at {address}" in do(prodcons, "awatch *&used")
    do(prodcons, "d")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("watch", "needs a place"),
        ("watch 5", "no place in memory"),
        ("watch $sp", "no place in memory"),
        ("watch main", "is a function"),
        ("watch usedd", "did you mean used"),
        ("watch *(u32*)0", "nothing is mapped"),
        ("watch used if nothing_like_it", "no symbol"),
        ("watch used thread 99", "no thread 99"),
        ("catch exec 3", "no argument"),
    ],
)
def test_mistakes(prodcons: Commander, line: str, words: str) -> None:
    text = do(prodcons, line, fails=True)
    assert words in text
    assert len(text.splitlines()) == 1


def test_a_new_program_is_caught() -> None:
    elf = (SAMPLES / "x86_64" / "execs").read_bytes()
    commander = Commander(Debugger(Recipe(elf, "execs")))
    do(commander, "catch exec")
    assert "runs " in do(commander, "c")
    assert "runs " in do(commander, "c")
    assert "runs " in do(commander, "rc")


@pytest.mark.parametrize(
    ("arch", "code", "width"),
    [
        ("x86_64", "8b0425909840 00", 4),
        ("x86_64", "0fb600", 1),
        ("x86_64", "55", 8),
        ("x86_64", "0f2800", 16),
        ("aarch64", "200040b9", 4),  # ldr w0, [x1]
        ("aarch64", "20004039", 1),  # ldrb w0, [x1]
        ("aarch64", "2004 40a9", 16),  # ldp x0, x1, [x1]
        ("aarch64", "200480b9", 4),  # ldrsw x0, [x1, 4]
        ("aarch64", "207c00c8", 8),  # stxr w0, x0, [x1]
        ("riscv64", "03b50500", 8),  # ld a0, 0(a1)
        ("riscv64", "88 41", 4),  # c.lw a0, 0(a1)
        ("riscv64", "2fa5c500", 4),  # amoadd.w
        ("loongarch64", "a400c028", 8),  # ld.d
        ("loongarch64", "a4000029", 1),  # st.b
    ],
)
def test_widths(arch: str, code: str, width: int) -> None:
    assert access_width(arch, bytes.fromhex(code)) == width


def test_at_the_prompt_of_the_screen() -> None:
    machine = open_machine(Launch(str(SAMPLES / "riscv64" / "prodcons"), (), {}))
    run = machine.debugger.run
    assert not machine.command("watch used", run).failed
    answer = machine.command("c", run)
    assert "used: 0 -> 1" in lines(answer.rows)
    assert answer.stopped is not None
    assert answer.stopped.reason is StopReason.WATCH
    assert machine.command("watch \x1b[31m", run).failed
    assert "watch used" in machine.complete("watch use", 9)
