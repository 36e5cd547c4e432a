"""What a program at kernel privilege must not do: each is one sentence, and the session is kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tiny_app import CODE, app, call, reader

from kernel.boot import boot
from kernel.control import Debugger, Goal, GoalKind, LoadError, Recipe, StopReason, form_of
from kernel.machine.console import ConsoleLog
from kernel.plugins.unikernel.api.dispatch import function_table
from kernel.recipe import FORMS

SAMPLES = Path(__file__).parents[4] / "samples"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
CONTINUE = Goal(GoalKind.CONTINUE)

PANICS = {
    "null": "write of 0x0 failed",
    "code": "the page is read-only",
    "pointer": "ax_write was given a pointer that leads nowhere: read of 0x10 failed",
    "twice": "which is no block of the heap: freed twice, or never allocated",
    "unlock": "which nobody holds",
    "jump": "where no function begins, 0x4 bytes after the start of ax_write",
}


def panicked(elf: bytes, *args: str, hal: str = "axhal") -> Debugger:
    run = Debugger(Recipe(elf, "/app", ("app", *args), form="unikernel", hal=hal))
    stopped = run.run(CONTINUE)
    assert stopped.reason is StopReason.PANIC, stopped
    assert run.machine().state == "panicked"
    assert stopped.sentence.startswith("kernel panic: ")
    assert "kernel/" not in stopped.sentence  # it was the program, not a line of the kernel
    return run


@pytest.mark.parametrize("arch", ARCHES)
def test_trespassing_is_a_panic_in_words(arch: str) -> None:
    elf = (SAMPLES / "bin" / arch / "trespass.uni").read_bytes()
    for how, words in PANICS.items():
        run = panicked(elf, how, hal="polyhal" if how == "jump" else "axhal")
        assert words in run.machine().panic, how
        end = run.position
        run.run(Goal(GoalKind.INSN, reverse=True))  # the session goes on: into the past
        assert run.machine().state == "stopped"
        assert run.position < end
        assert b"still here" not in run.console()
        assert run.run(CONTINUE).reason is StopReason.PANIC
        assert run.position == end


def test_the_fault_is_kept_for_views() -> None:
    elf = (SAMPLES / "bin/x86_64/trespass.uni").read_bytes()
    fault = panicked(elf, "null").machine().last_fault
    assert fault is not None
    assert (fault.va, fault.access, fault.signal) == (0, "write", "")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("0f05", "executed a system-call instruction"),
        ("0f0b", "executed an illegal instruction"),
        ("cc", "ran into a breakpoint instruction"),
        ("31c0f7f0", "divided by zero"),
        ("f4", "executed a privileged instruction"),
        ("ff20", "failed"),  # jmp [rax]: rax is 0
        ("4831e4c3", "failed"),  # xor rsp, rsp; ret
    ],
)
def test_instructions_nobody_can_help_with(code: str, words: str) -> None:
    run = panicked(app(bytes.fromhex(code)))
    assert words in run.machine().panic
    assert "no process to end" in run.machine().panic


def test_overwriting_a_page_table_is_survived_by_the_debugger() -> None:
    """The root table filled with ones, through the linear mapping, then anything."""
    probe = Debugger(Recipe(app(b"\xc3"), "/app", form="unikernel"))
    root = probe.cpu().root_pa + 0xFFFF_8000_0000_0000
    code = b"\x48\xbf" + root.to_bytes(8, "little")  # mov rdi, root
    code += bytes.fromhex("4831c048ffc8b900020000f348ab")  # rax = -1; rcx = 512; rep stosq
    code += bytes.fromhex("488b04250000000048c7c000000000ff20")
    run = Debugger(Recipe(app(code), "/app", form="unikernel"))
    stopped = run.run(CONTINUE)
    assert stopped.reason is StopReason.PANIC
    run.goto(probe.position)
    assert run.digest() == Debugger(run.recipe).digest()


def test_wild_arguments_of_every_function() -> None:
    """Whatever a function is given, it answers, waits, ends the machine or panics in words."""
    rng = random.Random(4)
    odd = [0, 1, 7, 0x1000, 0xFFFF_8008_0000_0800, (1 << 64) - 1, 1 << 63, 1 << 40]
    for name in function_table().names().values():
        for _ in range(2):
            code = b""
            for move in ("48bf", "48be", "48ba", "48b9"):  # rdi, rsi, rdx, rcx
                code += bytes.fromhex(move) + rng.choice(odd).to_bytes(8, "little")
            code += call((name,), name, len(code)) + b"\xc3"
            run = Debugger(Recipe(app(code, (name,)), "/app", form="unikernel"))
            stopped = run.run(Goal(GoalKind.EVENT, count=60))
            if stopped.reason is StopReason.PANIC:
                assert "Error" not in stopped.sentence, (name, stopped.sentence)
                assert "(kernel/" not in stopped.sentence, (name, stopped.sentence)


def refusal(elf: bytes, form: str = "unikernel") -> str:
    with pytest.raises(LoadError) as caught:
        boot(Recipe(elf, "/app", form=form), ConsoleLog())
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_programs_of_the_other_form() -> None:
    linux = (SAMPLES / "bin/x86_64/hello").read_bytes()
    assert "makes system calls" in refusal(linux)
    assert "--form unikernel" in refusal(reader(), "monolithic")
    assert "one of monolithic, unikernel" in refusal(linux, "micro")
    assert [form_of(linux), form_of(reader()), form_of(b"no")] == [FORMS[0], FORMS[1], FORMS[0]]


def test_programs_that_cannot_be_linked() -> None:
    assert "no function ax_wrote; did you mean ax_write?" in refusal(app(b"\xc3", ("ax_wrote",)))
    assert "type 99" in refusal(app(b"\xc3", ("ax_write",), kind=99))
    assert "outside the program" in refusal(app(b"\xc3", ("ax_write",), where=0x0FFC))
    assert "makes system calls" in refusal(app(b"\xc3", needed="libc.so.6"))


def test_damaged_programs_are_refused_or_run() -> None:
    rng = random.Random(11)
    whole = reader()
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            place = rng.choice((rng.randrange(0x40, 0xB0), rng.randrange(0x900, 0xF00)))
            data[place] = rng.randrange(256)
        try:
            boot(Recipe(bytes(data), "/app", form="unikernel"), ConsoleLog())
        except LoadError as error:
            assert "\n" not in str(error)
    assert CODE  # the code itself was left alone: what it does is the program's business


def test_the_header_declares_the_kernel_s_functions() -> None:
    import re

    header = (SAMPLES / "arceos/arceos.h").read_text("utf-8")
    declared = set(re.findall(r"^AX_API .*?\b(ax_\w+)\(", header, re.M))
    assert declared == set(function_table().names().values())


@pytest.mark.parametrize("allocator", ["tlsf", "slab", "buddy"])
@pytest.mark.parametrize("word", ["00000000", "ffffffff", "00003100"])
def test_an_overwritten_heap_can_still_be_looked_at(allocator: str, word: str) -> None:
    """The heap's first pages filled with one word, then blocks taken and given back."""
    options = {"form": "unikernel", "allocator": allocator}
    probe = Debugger(Recipe(app(b"\xc3"), "/app", **options))  # type: ignore[arg-type]
    heap = (probe.allocators().live[0][0] & -4096) + 0xFFFF_8000_0000_0000
    names = ("ax_alloc", "ax_dealloc")
    code = b"\x48\xbf" + heap.to_bytes(8, "little")  # rdi = heap
    code += bytes.fromhex("48c7c0" + word + "b900100000f348ab")  # rax = word; 4096 words
    for size in (8, 64, 5000):
        code += b"\xbf" + size.to_bytes(4, "little") + bytes.fromhex("be08000000")
        code += call(names, "ax_alloc", len(code)) + b"\x48\x89\xc7"
        code += call(names, "ax_dealloc", len(code))
    run = Debugger(Recipe(app(code + b"\xc3", names), "/app", **options))  # type: ignore[arg-type]
    stopped = run.run(Goal(GoalKind.INSN, count=20_000))
    assert stopped.reason in (StopReason.PANIC, StopReason.EXITED)
    view = run.allocators().bytes
    assert view.broken or view.pools
    assert allocator != "tlsf" or "overwritten" in view.broken
    run.restart()
    assert not run.allocators().bytes.broken


@pytest.mark.parametrize("arch", ARCHES)
def test_a_deadlock_names_the_circle(arch: str) -> None:
    elf = (SAMPLES / "bin" / arch / "trespass.uni").read_bytes()
    run = Debugger(Recipe(elf, "/app", ("app", "deadlock"), form="unikernel"))
    stopped = run.run(CONTINUE)
    assert stopped.reason is StopReason.DEADLOCK
    assert len(run.scheduling().cycle) == 2
    assert "waits for mutex 0x" in stopped.sentence
    assert "nothing can wake them" in stopped.sentence
