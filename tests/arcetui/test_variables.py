"""Variables, types and frames at the prompt: as gdb shows them, on every architecture."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from arcetui.commands import Commander
from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.variables import Variables
from kernel.control import Debugger, Recipe

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct point { int x, y; };
struct calls { int (*close)(int *); char *(*name)(void); };
enum color { RED, GREEN = 5, BLUE };
typedef struct node { struct node *next; char name[24]; double weight; struct point at;
  enum color c; unsigned a:3, b:5; union { int i; float f; }; } node_t;
static int counter = 3;
struct calls calls;
int table[20] = {1, 2, 3};
const char *greeting = "hello \033[31mred\n";
static int depth(int n, node_t *list) {
  int local = n * 2;
  char buf[32] = "text";
  counter += local;
  if (n == 0) { struct point p = {7, -8}; printf("%d %s\n", p.x, buf); return counter; }
  return depth(n - 1, list->next ? list->next : list) + 1;
}
int main(int argc, char **argv) {
  node_t *b = calloc(1, sizeof *b), *a = calloc(1, sizeof *a);
  strcpy(a->name, "first"); strcpy(b->name, "second"); a->next = b; a->weight = 1.5;
  a->at.x = 4; a->at.y = -1; a->c = GREEN; a->a = 5; a->b = 17; a->i = 42;
  unsigned char byte = 200; long big = -123456789012L; _Bool yes = 1; float f = 0.25f;
  int m[2][3] = {{1, 2, 3}, {4, 5, 6}};
  int r = depth(3, a);
  printf("%d %d %ld %d %f %d %d\n", r, byte, big, yes, f, m[1][2], argc);
  return 0;
}
"""
QUESTIONS = """p *list
p list->weight
p list->at
p list->c
p table
p table[2]
p/x counter
p sizeof(node_t)
p buf
whatis list
ptype node_t
ptype struct point
ptype calls
whatis depth
p greeting
up
up
up
info locals
p m[1]
p m[1][2]
p argc
p byte
p/x byte
p *a
p a->at.y
p a->b
whatis m""".splitlines()


def texts(result):
    return ["".join(span.text for span in row) for row in result.rows]


class Session:
    def __init__(self, elf: bytes, path: str = "program") -> None:
        self.commander = Commander(Debugger(Recipe(elf=elf, path=path)))

    def say(self, line: str) -> str:
        return "\n".join(texts(self.commander.run(line)))


@pytest.mark.parametrize("arch", ARCHES)
def test_variables_of_a_sample(arch):
    prompt = Session((SAMPLES / arch / "crash").read_bytes(), "crash")
    assert "breakpoint 1" in prompt.say("b deposit if amount == 50")
    assert "breakpoint 1" in prompt.say("c")
    assert re.fullmatch(r"account = 0x[0-9a-f]+\namount = 50", prompt.say("info args"))
    assert prompt.say("p *account") == "$1 = {number = 1, balance = 100}"
    assert prompt.say("p account->balance") == "$2 = 100"
    assert re.search(r"\(int \*\) 0x[0-9a-f]+ <one\+0x4>", prompt.say("p &account->balance"))
    assert prompt.say("p one.balance + 1").startswith("$4 = 101")
    assert prompt.say("ptype struct account").splitlines() == [
        "type = struct account {", "    int number;", "    int balance;", "}",
    ]  # fmt: skip
    assert prompt.say("whatis deposit") == "type = void (struct account *, int)"
    assert "transfer+" in prompt.say("up")
    assert prompt.say("info locals").startswith("to = 0x")
    assert prompt.say("info args") == "number = 1\namount = 50"
    assert "called from" in prompt.say("info frame")
    assert "outermost" in prompt.say("up 99") or "_start" in prompt.say("frame")
    assert "there is no frame 99" in prompt.say("frame 99")
    prompt.say("frame 0")
    assert "innermost frame" in prompt.say("down")
    assert "4 bytes at" in prompt.say("watch one.balance")
    assert "100 (0x64) -> 150 (0x96)" in prompt.say("c")
    assert "no member in struct account 'balanc'; did you mean balance?" in prompt.say(
        "p one.balanc"
    )


@pytest.mark.skipif(not (shutil.which("gdb") and shutil.which("gcc")), reason="needs gdb and gcc")
@pytest.mark.parametrize("flags", [("-O0",), ("-O0", "-gdwarf-4")], ids=" ".join)
def test_values_equal_gdbs(flags, tmp_path):
    source, program = tmp_path / "v.c", tmp_path / "v"
    source.write_text(SOURCE)
    done = subprocess.run(["gcc", "-g", "-static", *flags, "-o", program, source])
    if done.returncode:
        pytest.skip("gcc cannot link static programs here")
    words = ["gdb", "-nx", "-q", "-batch", "-ex", "b depth if n == 1", "-ex", "run"]
    for question in QUESTIONS:
        words += ["-ex", f"echo @@{question}\\n", "-ex", question]
    theirs = subprocess.run([*words, program], capture_output=True, text=True, timeout=60).stdout
    if "Breakpoint 1, depth" not in theirs:
        pytest.skip("gdb cannot run programs here")
    answers = dict(
        part.split("\n", 1) for part in theirs.split("@@")[1:] if not part.startswith("up")
    )
    prompt = Session(program.read_bytes(), str(program))
    prompt.say("b depth if n == 1")
    prompt.say("c")
    for question in QUESTIONS:
        ours = masked(prompt.say(question))
        if question != "up":
            assert ours == masked(answers[question]), question


def masked(text: str) -> str:
    """Without addresses, and the numbers that values get."""
    return re.sub(r"0x[0-9a-f]{5,}", "X", re.sub(r"^\$\d+", "$", text.strip(), flags=re.MULTILINE))


def test_broken_descriptions_give_less_never_errors():
    elf = (SAMPLES / "x86_64" / "crash").read_bytes()
    file = ElfFile(elf)
    spans = [
        (section.offset, section.size_bytes)
        for name in (".debug_info", ".debug_abbrev", ".debug_ranges", ".debug_loc", ".debug_str")
        if (section := file.sections.get(name))
    ]
    rng = random.Random(5)
    for _ in range(150):
        data = bytearray(elf)
        start, size = rng.choice(spans)
        for _ in range(rng.choice((1, 3, 30))):
            data[start + rng.randrange(size)] = rng.choice(
                (0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))
            )
        variables = Variables(ElfFile(bytes(data)))
        pc = 0x402A7B
        for found in [*variables.locals(pc), *variables.globals.values()][:50]:
            types = variables.types
            types.name(found.kind)
            types.describe(found.kind)
            types.show(found.kind, bytes(64), lambda _address, size: bytes(size))
        variables.type_named("struct account")
        assert isinstance(variables.names, frozenset)


def test_only_what_is_called_like_a_source_is_read(tmp_path):
    secret = tmp_path / "shadow"
    secret.write_text("root:secret\n")
    source = tmp_path / "x.c"
    source.write_text("int main;\n")
    prompt = Session((SAMPLES / "x86_64" / "hello").read_bytes(), str(tmp_path / "a" / "hello"))
    lines = prompt.commander.context.symbols.lines
    assert lines.text(str(secret), 1) == ""
    assert lines.text(str(source), 1) == "int main;"
    assert lines.text("/etc/passwd", 1) == ""


def test_sources_are_found_from_above_the_program(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = SAMPLES / "x86_64" / "hello"
    prompt = Session(path.read_bytes(), str(path))
    assert "int main(void)" in prompt.say("list main")
    other = Session(path.read_bytes(), "hello")
    assert "is not on this computer" in other.say("list main")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("condition 1 $rax==1", "break PLACE if EXPR"),
        ("set args a b", "command line"),
        ("set pagination off", "nothing is paged"),
        ("call main()", "reproducible"),
        ("info sharedlibrary", "static"),
        ("checkpoint", "goto"),
        ("!ls", "another terminal"),
        ("show args", "help"),
        ("kill", "restart"),
        ("up", "outermost"),
    ],
)
def test_gdbs_words_are_answered_with_what_to_type_instead(line, sentence):
    prompt = Session((SAMPLES / "x86_64" / "hello").read_bytes(), "hello")
    assert sentence in prompt.say(line)


def test_run_start_and_starti_are_gdbs():
    prompt = Session((SAMPLES / "x86_64" / "hello").read_bytes(), "hello")
    assert "main+" in prompt.say("start")
    assert "_start" in prompt.say("starti")
    assert "exited with 0" in prompt.say("run")
    prompt.say("b main")
    assert "breakpoint 1" in prompt.say("r")
    assert "rip" in prompt.say("i r rip")
    assert "breakpoint" in prompt.say("i b") or "address" in prompt.say("i b")


@pytest.mark.parametrize("arch", ARCHES)
def test_frames_around_a_signal_handler(arch):
    prompt = Session((SAMPLES / arch / "signals").read_bytes(), "signals")
    prompt.say("catch signal SIGUSR1")
    prompt.say("c")
    prompt.say("si")
    assert "count" in prompt.say("frame 0")
    assert "<signal handler called>" in prompt.say("up")
    assert "signals.c:51" in prompt.say("frame 4")
    prompt.say("delete")
    ended = prompt.say("c")
    assert "exited with 0" in ended
    assert "SIGSEGV" not in ended  # it was caught, long before


def test_variables_members_lines_threads_and_positions_complete():
    prompt = Session((SAMPLES / "x86_64" / "crash").read_bytes(), "crash")
    prompt.say("b deposit")
    prompt.say("c")
    complete = prompt.commander.complete
    assert complete("p acc") == ["p account"]
    assert complete("p account->") == ["p account->number", "p account->balance"]
    assert complete("p account->b") == ["p account->balance"]
    assert complete("p one.n") == ["p one.number"]
    assert complete("watch one.b") == ["watch one.balance"]
    assert complete("p nothing.") == []
    assert "b crash.c:21" in complete("b crash.c:2")
    assert complete("goto s") == ["goto start", "goto syscall #"]
    assert "thread 4" in complete("thread ")
