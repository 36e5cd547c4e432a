"""The command language on real programs, on all architectures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from arcetui.commands import COMMANDS, Commander
from arcetui.render.row import STYLES, lines
from arcetui.render.task_words import task_style
from kernel.control import Debugger, Recipe

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
ARCHES = ["x86_64", "riscv64", "aarch64", "loongarch64"]
KNOWN_STYLES = {*STYLES, *(task_style(tid) for tid in range(20))}


def commander(arch: str = "x86_64", name: str = "hello", *args: str) -> Commander:
    path = SAMPLES / arch / name
    if not path.exists():
        pytest.skip("samples are not built")
    return Commander(Debugger(Recipe(path.read_bytes(), name, (name, *args))))


@pytest.fixture(scope="module", params=ARCHES)
def hello(request):
    return commander(request.param)


@pytest.fixture
def x86():
    return commander()


def do(commander: Commander, line: str, *, fails: bool = False) -> str:
    result = commander.run(line)
    text = lines(result.rows)
    assert result.error == fails, f"{line}: {text}"
    for row in result.rows:
        for span in row:
            assert span.style in KNOWN_STYLES, f"{line}: style {span.style!r}"
            assert "\n" not in span.text
    return text


def test_to_main_and_back(hello):
    do(hello, "restart")
    digest = do(hello, "info digest")
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert "main" in do(hello, "b main")
    stop = do(hello, "c")
    assert "breakpoint" in stop
    assert "hello.c" in stop
    assert "#0" in do(hello, "bt")
    frames = do(hello, "bt")
    assert "in main ()" in frames
    assert "libc_start_main" in frames
    assert "guess" not in frames
    first = do(hello, "info position")
    do(hello, "si")
    do(hello, "rsi")
    assert do(hello, "info position").splitlines()[0].split()[1] == first.split()[1]
    do(hello, "finish", fails=False)
    do(hello, "d")
    do(hello, "rc")
    assert do(hello, "info digest") == digest


def test_next_goes_over_a_call_and_back(hello):
    do(hello, "restart")
    do(hello, "d")
    do(hello, "tbreak main")
    do(hello, "c")
    before = do(hello, "p $pc")
    do(hello, "n")
    assert "Hello" in do(hello, "info console")
    do(hello, "rn")
    assert do(hello, "p $pc").split("= ")[1] == before.split("= ")[1]
    assert "Hello" not in do(hello, "info console")


def test_catch_syscall_and_conditions(hello):
    do(hello, "restart")
    do(hello, "d")
    do(hello, "catch syscall writev if fd == 1 && iovcnt > 0")
    stop = do(hello, "c")
    assert "call to writev" in stop
    assert 'iov_base="Hello from user mode."' in stop
    stop = do(hello, "c")
    assert "return from writev" in stop
    assert "= 22" in stop
    do(hello, "d")
    do(hello, "restart")
    do(hello, "catch syscall %desc if result == -ENOTTY")
    do(hello, "catch syscall write* return if result > 100")
    do(hello, "c")
    assert "exited" in do(hello, "c")


def test_nextsyscall_and_events(hello):
    do(hello, "restart")
    do(hello, "d")
    stop = do(hello, "nextsyscall 2")
    assert "call to" in stop
    inside = do(hello, "nextevent 2")
    assert "position" in inside
    assert "syscall enter" in do(hello, "info events 5")
    do(hello, "prevevent")
    do(hello, "goto end")
    do(hello, "goto start")
    assert "beginning" in do(hello, "rsi") or "begins" in do(hello, "rsi")
    do(hello, "c")
    assert "writev" in do(hello, "info syscalls")
    assert "writev" in do(hello, "info syscalls write*")
    assert "syscall exit" in do(hello, "explain #2")
    do(hello, "goto syscall #2")


def test_looking(hello):
    do(hello, "restart")
    do(hello, "tbreak main")
    do(hello, "c")
    maps = do(hello, "info maps")
    for line in maps.splitlines():
        assert re.match(r"[0-9a-f]{8,16}-[0-9a-f]{8,16} [r-][w-][x-][ps] [0-9a-f]{8} ", line)
    assert "[stack]" in maps
    assert "LEGEND" in do(hello, "vmmap")
    assert "[stack]" in do(hello, "vmmap $sp")
    assert "allowed" in do(hello, "pagewalk $pc execute") or "page 4K" in do(hello, "pagewalk $pc")
    assert "->" in do(hello, "v2p $pc")
    assert "no physical address" in do(hello, "v2p 0x10")
    assert "main" in do(hello, "x/3i $pc")
    assert do(hello, "x/4gx $sp").count("\t") == 4
    assert "=>" in do(hello, "disas")
    assert "puts" in do(hello, "list")
    assert "|" in do(hello, "hexdump $sp 32")
    assert len(do(hello, "telescope $sp 4").splitlines()) == 4
    assert "main" in do(hello, "info symbol $pc")
    assert "pages" in do(hello, "info heap")
    assert "user" in do(hello, "info frames")
    assert "hello" in do(hello, "info proc")
    assert "tty" in do(hello, "info fds")
    assert "Running" in do(hello, "info threads")
    do(hello, "info queues")
    do(hello, "info signals")
    do(hello, "info counters")
    assert "no fault" in do(hello, "info fault")
    arch = hello.context.debugger.arch
    assert arch.sp in do(hello, "info registers sp")
    assert len(do(hello, "info registers").splitlines()) == len(arch.registers)


def test_json_lines(hello):
    do(hello, "restart")
    do(hello, "tbreak main")
    do(hello, "c")
    for command in COMMANDS:
        if not command.json:
            continue
        argument = {"pagewalk": "$pc ", "v2p": "$pc "}.get(command.name, "")
        text = do(hello, f"{command.name} {argument}--json")
        for line in text.splitlines():
            assert "type" in json.loads(line), command.name


def test_help_for_everything(x86):
    assert "Running" in do(x86, "help")
    for command in COMMANDS:
        assert command.summary in do(x86, f"help {command.name}")
        for alias in command.aliases:
            assert command.summary in do(x86, f"help {alias}")
    assert "did you mean" in do(x86, "help stepp", fails=True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bogus", "no command"),
        ("contineu", "did you mean continue"),
        ("info nothing", "no info command"),
        ("info mapz", "did you mean maps"),
        ("info", "info what?"),
        ("b maim", "did you mean main"),
        ("b helo.c:3", "did you mean hello.c"),
        ("b hello.c:999", "no code at or after"),
        ("b *0x10", "nothing is mapped"),
        ("b *$sp", "cannot be executed"),
        ("b *(main + 2)", "inside the instruction"),
        ("catch", "catch what?"),
        ("catch sysall", "did you mean syscall"),
        ("catch syscall mmp", "did you mean mmap"),
        ("catch syscall %memry", "did you mean %memory"),
        ("catch syscall zz*", "matches"),
        ("catch syscall mmap if lengt > 3", "did you mean length"),
        ("catch syscall mmap entry if result < 0", "only at the return"),
        ("catch signal SIGSEG", "did you mean SIGSEGV"),
        ("catch fault 3", "no argument"),
        ("delete 99", "no breakpoint 99"),
        ("delete x", "no breakpoint number"),
        ("goto", "needs a position"),
        ("goto nowhere", "is no position"),
        ("goto syscall #900", "no system call #900; "),
        ("p", "no register or value"),
        ("p 1/0", "division by zero"),
        ("p/q 1", "is no format"),
        ("p $rip = 5", "cannot be changed"),
        ("x", "needs an address"),
        ("x/99999999x 0", "at most"),
        ("si -3", "a count must be"),
        ("si zz", "no symbol"),
        ("until 0x10", "no executable area"),
        ("pagewalk", "needs an address"),
        ("pagewalk $sp wriet", "did you mean write"),
        ("info registers raxx", "did you mean rax"),
        ("info proc 99", "no process 99"),
        ("info events x", "neither"),
        ("undisplay 7", "no display 7"),
        ("restart 5", "takes no argument"),
        ("disas /q", "takes /r"),
    ],
)
def test_mistakes_get_one_sentence(x86, line, words):
    text = do(x86, line, fails=True)
    assert words in text
    assert len(text.splitlines()) == 1


def test_completion(x86):
    assert "info maps" in x86.complete("info ma")
    assert "catch syscall mmap" in x86.complete("catch syscall mma")
    assert "catch syscall %memory" in x86.complete("catch syscall %mem")
    assert "b main" in x86.complete("b mai")
    assert "p $rsp" in x86.complete("p $rs")
    assert "p main + $rip" in x86.complete("p main + $ri")
    assert "b hello.c:" in x86.complete("b hel")
    assert "help catch" in x86.complete("help cat")
    assert x86.complete("zzz ") == []
    for text in ("", "i", "info", "info ", "x/", "b ", "b *", "catch ", "d ", "\t", "  s"):
        for found in x86.complete(text):
            assert isinstance(found, str)


def test_breakpoints_are_listed_and_switched(x86):
    do(x86, "b main")
    do(x86, "tbreak hello.c:11")
    do(x86, "catch fault")
    text = do(x86, "info b")
    assert "hello.c:10" in text
    assert "once" in text
    do(x86, "disable 1")
    assert "breakpoint 2" in do(x86, "c")
    assert " 2 " not in do(x86, "info b").split("What")[1]
    do(x86, "enable 1")
    do(x86, "delete 1 3")
    assert do(x86, "info b") == "no breakpoints"


def test_values_and_displays(x86):
    assert do(x86, "p 6 * 7") == "$1 = 42  0x2a"
    assert do(x86, "p/x $1") == "$2 = 0x2a"
    assert do(x86, "p $$ + 1") == "$3 = 43  0x2b"
    assert do(x86, "p $n = 5") == "$n = 0x5"
    assert do(x86, "p/t $n") == "$4 = 101"
    assert do(x86, "p PROT_READ|PROT_WRITE") == "$5 = 3"
    assert "<main>" in do(x86, "p main")
    do(x86, "display/x $rsp")
    do(x86, "display/i $pc")
    assert "1: $rsp = 0x" in do(x86, "si")
    do(x86, "undisplay")
    assert "$rsp" not in do(x86, "si")


def test_an_empty_line_repeats(x86):
    do(x86, "si")
    first = do(x86, "p $rip").split()[-1]
    do(x86, "si")
    do(x86, "")
    assert do(x86, "p $rip").split()[-1] != first
    do(x86, "x/2gx $sp")
    a = do(x86, "x/gx")
    assert a != do(x86, "")
    do(x86, "info b")
    assert do(x86, "") == ""


@pytest.mark.parametrize("arch", ARCHES)
def test_input(arch):
    guess = commander(arch, "guess")
    stop = do(guess, "c")
    assert "input" in stop
    do(guess, "input 50")
    stop = do(guess, "c")
    assert "input" in stop
    assert "50" in do(guess, "info console")
    do(guess, "eof")
    assert "exited" in do(guess, "c") or "killed" in do(guess, "c")


@pytest.mark.parametrize("arch", ARCHES)
def test_crash(arch):
    crash = commander(arch, "crash")
    do(crash, "catch fault")
    stop = do(crash, "c")
    assert "SIGSEGV" in stop or "signal 11" in stop
    assert "main" in do(crash, "bt")
    assert "SIGSEGV" in do(crash, "info fault")
    do(crash, "c")
    assert "killed" in do(crash, "c")
