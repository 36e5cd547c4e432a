"""`trace -f`: lines of several threads, alone and against the real strace."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arcetui.strace.formatter import Formatter, Pending, aligned
from arcetui.strace.interleave import Interleaver

HERE = Path(__file__).parent
needs_strace = pytest.mark.skipif(
    platform.machine() != "x86_64" or not all(map(shutil.which, ("strace", "gcc"))),
    reason="needs strace, gcc and a Linux x86_64 host",
)


class View:
    serial = 1
    enter = exit = None
    time_ns = 0

    def __init__(self, tid: int, name: str, args: tuple[int, ...], result: int | None) -> None:
        self.tid, self.nr, self.name, self.args, self.result = tid, 0, name, args, result


class Stream:
    """Calls of several threads, and the lines they make."""

    def __init__(self, **options: Any) -> None:
        self.lines: list[str] = []
        self.formatter = Formatter()
        self.out = Interleaver(self.lines.append, self.lines.append, **options)
        self.pending: dict[int, tuple[View, Pending]] = {}

    def enter(self, tid: int, name: str, *args: int) -> None:
        view = View(tid, name, args, None)
        self.pending[tid] = view, self.formatter.enter(view, self.memory)
        self.out.begin(tid, self.pending[tid][1])

    def exit(self, tid: int, result: int) -> None:
        view, pending = self.pending.pop(tid)
        view.result = result
        self.out.finish(tid, *self.formatter.parts(view, self.memory, pending))

    @staticmethod
    def memory(va: int, size: int) -> bytes:
        return bytes([ord("x")] * size)


def test_one_thread_has_no_prefix_and_whole_lines() -> None:
    s = Stream()
    s.out.attach(4, 4)
    s.enter(4, "read", 0, 0x1000, 1)
    s.exit(4, 1)
    s.out.line(4, "+++ exited with 0 +++")
    assert s.lines == [aligned('read(0, "x", 1)', "1"), "+++ exited with 0 +++"]


def test_lines_are_cut_and_resumed() -> None:
    s = Stream()
    s.out.attach(4, 4)
    s.enter(4, "clone", 17, 0, 0, 0, 0)
    s.out.attach(5, 5)
    s.exit(4, 5)
    s.enter(4, "read", 0, 0x1000, 1)
    s.enter(5, "getpid")
    s.exit(5, 5)
    s.enter(5, "sched_yield")
    s.exit(4, 1)
    s.exit(5, 0)
    s.out.line(5, "+++ exited with 0 +++")
    s.out.detach(5)
    s.enter(4, "getpid")
    s.exit(4, 4)
    assert s.lines == [
        aligned("clone(child_stack=NULL, flags=SIGCHLD)", "5"),
        "strace: Process 5 attached",
        "[pid     4] read(0,  <unfinished ...>",
        aligned("[pid     5] getpid()", "5"),
        "[pid     5] sched_yield( <unfinished ...>",
        aligned('[pid     4] <... read resumed>"x", 1)', "1"),
        aligned("[pid     5] <... sched_yield resumed>)", "0"),
        "[pid     5] +++ exited with 0 +++",
        aligned("getpid()", "4"),
    ]


def test_message_in_the_middle_of_a_line() -> None:
    s = Stream()
    s.out.attach(4, 4)
    s.enter(4, "vfork")
    s.out.attach(5, 5)
    s.enter(5, "exit_group", 0)
    s.out.never(5)
    s.out.line(5, "+++ exited with 0 +++")
    s.out.detach(5)
    s.exit(4, 5)
    assert s.lines == [
        "vfork(strace: Process 5 attached",
        " <unfinished ...>",
        aligned("[pid     5] exit_group(0)", "?"),
        "[pid     5] +++ exited with 0 +++",
        aligned("<... vfork resumed>)", "5"),
    ]


def test_calls_that_never_return() -> None:
    s = Stream()
    s.out.attach(4, 4)
    s.out.attach(5, 4)
    s.enter(4, "read", 0, 0x1000, 1)
    s.out.never(4)
    s.enter(4, "read", 0, 0x1000, 1)
    s.enter(5, "pause")
    s.out.never(4)
    s.out.close()
    assert s.lines[1:] == [
        "[pid     4] read(0,  <unfinished ...>)  = ?",
        "[pid     4] read(0,  <unfinished ...>",
        "[pid     5] pause( <unfinished ...>",
        "[pid     4] <... read resumed> <unfinished ...>) = ?",
    ]


def test_columns_and_uncut_lines() -> None:
    s = Stream(as_columns=True, cuts=False)
    s.out.attach(4, 4)
    s.enter(4, "getpid")
    s.out.attach(5, 5)
    s.enter(5, "getpid")
    s.exit(4, 4)
    s.exit(5, 5)
    assert [line.split("=")[0].rstrip() for line in s.lines] == [
        "strace: Process 5 attached",
        "4     getpid()",
        "5     getpid()",
    ]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("family") / "family"
    source = HERE / "strace_family.c"
    subprocess.run(["gcc", "-static", "-O1", "-w", "-o", out, source, "-lpthread"], check=True)
    return out


def run(words: list[str]) -> str:
    return subprocess.run(
        words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, timeout=60, check=False
    ).stderr.decode("utf-8", "replace")


def trace(program: Path, *options: str) -> str:
    return run([sys.executable, "-m", "arcetui", "trace", *options, str(program)])


#: Calls whose number or order depends on chance or on the process's surroundings.
_UNSTEADY = re.compile(
    r"^(execve\(.*/family\"|brk|mprotect|mmap|munmap|getrandom|readlink|prlimit64|futex|uname|madvise)"
)


_BEFORE_ID = r"((?<!=)= |si_pid=|wait4\(|kill\(|tgkill\(T\d+, |parent_tid=\[)"


def by_process(text: str) -> list[list[str]]:
    """Each thread's own lines, in order of appearance: pieces joined, ids and addresses masked."""
    text = re.sub(r"strace: Process \d+ attached\n( <unfinished|, child_tidptr| =>)", r"\1", text)
    lines = [line for line in text.splitlines() if not line.startswith("strace: ")]
    names: dict[str, str] = {}
    main = re.search(r"set_tid_address\(.*= (\d+)", text)
    assert main is not None
    own: dict[str, list[str]] = {}
    halves: dict[str, str] = {}
    for line in lines:
        match = re.match(r"\[pid +(\d+)\] (.*)", line)
        tid, rest = match.groups() if match else (main[1], line)
        names.setdefault(tid, f"T{len(names)}")
        if rest.endswith(" <unfinished ...>"):
            halves[tid] = rest.removesuffix(" <unfinished ...>")
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
        whole = halves.pop(tid) + resumed[1] if resumed else rest
        if not _UNSTEADY.match(whole):
            own.setdefault(tid, []).append(whole)
    for tid, name in [*names.items(), *names.items()]:  # twice: some calls name two
        for some in own.values():
            some[:] = [re.sub(rf"{_BEFORE_ID}{tid}\b", rf"\1{name}", each) for each in some]
    masks = (
        (r"0x[0-9a-f]{4,}", "ADDR"),
        (r"\d+ vars", "N vars"),
        (r" {2,}=", " ="),
        (r" \(core dumped\)", ""),
    )
    for pattern, mask in masks:
        for some in own.values():
            some[:] = [re.sub(pattern, mask, each) for each in some]
    return [own.get(tid, []) for tid in names]


_ENDS = ("--- SIGCHLD", "rt_sigreturn(")


@needs_strace
def test_as_strace_follows(family: Path) -> None:
    theirs, ours = (
        by_process(t) for t in (run(["strace", "-f", str(family)]), trace(family, "-f"))
    )
    assert len(ours) == len(theirs) == 7
    for mine, real in zip(ours, theirs, strict=True):
        # On a busy machine a child's end is told, and its handler runs and comes back, before or
        # after the call that waits for it.
        assert [x for x in mine if not x.startswith(_ENDS)] == [
            x for x in real if not x.startswith(_ENDS)
        ]
        ended, really = (
            sorted(re.sub(r"^(rt_sigreturn\(.*\)) = .*", r"\1", x) for x in lines)
            for lines in (mine, real)
        )
        assert ended == really


@needs_strace
def test_prefixes_follow_the_number_of_threads(family: Path) -> None:
    lines = trace(family, "-f").splitlines()
    first = next(i for i, line in enumerate(lines) if line.endswith("attached"))
    assert not any(line.startswith("[pid") for line in lines[:first])
    assert lines[-1] == "+++ killed by SIGABRT +++"


@needs_strace
def test_json_knows_processes(family: Path) -> None:
    objects = [json.loads(line) for line in trace(family, "--json").splitlines()]
    created = [o for o in objects if o["type"] == "created"]
    assert len(created) == 6 and [o["pid"] == o["tid"] for o in created] == [True] * 5 + [False]
    exits = [(o["type"], o["status"]) for o in objects if o["type"].endswith("exit")]
    assert exits == [
        ("exit", 3 << 8), ("exit", 9), ("exit", 15), ("exit", 0), ("exit", 9 << 8),
        ("thread_exit", 0), ("exit", 6),
    ]  # fmt: skip
    thread = created[-1]["tid"]
    assert {o["pid"] for o in objects if o.get("tid") == thread} == {created[-1]["pid"]}


def test_a_stopped_process_says_so_once() -> None:
    """strace's line for a group stop follows the signal that made it."""
    sample = HERE.parents[1] / "samples" / "bin" / "x86_64" / "forktree"
    lines = [line.partition("] ")[2] for line in trace(sample).splitlines() if "[pid" in line]
    stops = [i for i, line in enumerate(lines) if line == "--- stopped by SIGSTOP ---"]
    assert len(stops) == 1
    assert any(line.startswith("--- SIGSTOP {") for line in lines[: stops[0]])
    assert any(line.startswith("--- SIGCONT {") for line in lines[stops[0] :])
