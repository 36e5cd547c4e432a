"""`arcetui trace` and strace on the same programs: the same lines, whatever order threads take."""

from __future__ import annotations

import collections
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "conformance" / "bin" / "x86_64"
SAMPLES = ROOT / "samples" / "bin" / "x86_64"
NEEDS_STRACE = pytest.mark.skipif(
    platform.machine() != "x86_64" or not shutil.which("strace"), reason="needs strace"
)
#: Lines whose content is the machine's: its name, its memory, its clock, chance.
OTHER = ("execve(", "clock_gettime(", "getrandom(", "sched_getaffinity(", "uname(", "sysinfo(")


def ours(path: Path, *words: str, options: tuple[str, ...] = ()) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "arcetui", "trace", *options, str(path), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=ROOT,
        timeout=120,
    )
    return done.stderr.decode("latin-1").splitlines()


def straces(path: Path, *words: str, work: Path) -> list[str]:
    out = work / "theirs"
    subprocess.run(
        ["strace", "-f", "-o", str(out), str(path), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=work,
        timeout=60,
    )
    return out.read_text("latin-1").splitlines()


def whole(lines: list[str]) -> list[str]:
    """Lines with what was cut put together, and without the thread in front."""
    begun: dict[str, str] = {}
    out: list[str] = []
    for line in lines:
        found = re.match(r"(?:\[pid +)?(\d+)\]? +(.*)", line)
        tid, text = found.groups() if found else ("", line)
        if text.endswith("<unfinished ...>"):
            begun[tid] = text.removesuffix("<unfinished ...>").rstrip()
            continue
        if found := re.match(r"<\.\.\. (\w+) resumed>(.*)", text):
            text = begun.pop(tid, f"{found[1]}(").rstrip() + found[2]
        out.append(re.sub(r",(?=\S)", ", ", re.sub(r", +\)", ")", text)))
    return out


def masked(lines: list[str]) -> collections.Counter[str]:
    """Lines without addresses, numbers and columns."""
    out: collections.Counter[str] = collections.Counter()
    for line in lines:
        text = re.sub(r"0x[0-9a-f]{5,}", "X", line.replace(" (core dumped)", ""))
        text = re.sub(r" +=", " =", re.sub(r"\b\d+\b", "N", text))
        text = text.replace(" /* N.N s */", "")  # CPU time of a child, if it had any
        if not text.startswith(OTHER):
            out[text] += 1
    return out


@NEEDS_STRACE
@pytest.mark.parametrize(
    ("program", "words"),
    [("calltour", ("open",)), ("calltour", ("names",)), ("tours", ("mq",))],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_the_same_lines(program: str, words: tuple[str, ...], tmp_path: Path) -> None:
    here = tmp_path / "ours"
    ours(PROGRAMS / program, *words, options=("-f", "-o", str(here)))
    found = masked(whole(here.read_text("latin-1").splitlines()))
    for number in range(3):  # a busy host stalls a program: then Linux says something else
        work = tmp_path / f"linux{number}"
        work.mkdir()
        expected = masked(whole(straces(PROGRAMS / program, *words, work=work)))
        if expected.total() < 20:
            pytest.skip("strace may not trace here")
        if found == expected:
            return
    assert sorted(found - expected) == sorted(expected - found)


def test_queues_and_sockets_are_decoded() -> None:
    """What strace 6.1 printed, without addresses."""
    text = "\n".join(masked(whole(ours(PROGRAMS / "tours", "ipc"))))
    for line in (
        "msgctl(N, IPC_SET, {msg_perm={uid=N, gid=N, mode=N}, msg_qbytes=N}) = N",
        "msgget(X, IPC_CREAT|IPC_EXCL|N) = -N EEXIST (File exists)",
        'msgsnd(N, {mtype=N, mtext="one\\N"}, N, N) = N',
        "semop(N, [{sem_num=N, sem_op=-N, sem_flg=IPC_NOWAIT}], N) = -N EAGAIN",
        "semctl(N, N, IPC_STAT, {sem_perm={uid=N, gid=N, mode=N, key=N, cuid=N, cgid=N}, ",
        "shmat(N, NULL, SHM_RDONLY) = X",
        "shmget(IPC_PRIVATE, N, N) = N",
    ):
        assert line in text, line
    text = "\n".join(masked(whole(ours(PROGRAMS / "calltour", "sockets"))))
    assert "msg_control=[{cmsg_len=N, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cm" in text
    assert "getpeername(N, {sa_family=AF_UNIX}, [N => N]) = N" in text
    assert "SO_PEERCRED, {pid=N, uid=N, gid=N}, [N]) = N" in text


def test_handlers_return_to_the_mask_and_the_call_they_came_from() -> None:
    lines = ours(SAMPLES / "notify")
    assert sum("rt_sigreturn({mask=[]})" in line and "= -1 EINTR" in line for line in lines) >= 3
    assert any("timer_create(CLOCK_MONOTONIC, {sigev_value={sival_int=77" in x for x in lines)
    masks = [line for line in ours(PROGRAMS / "tours", "sig") if "rt_sigreturn" in line]
    assert any("mask=[USR1 USR2 TERM RT_4 RT_6]" in line for line in masks)


def test_messages_are_quiet_as_straces_are(tmp_path: Path) -> None:
    def counts(*options: str) -> tuple[int, int]:
        lines = ours(SAMPLES / "forktree", options=options)
        return (
            sum("attached" in line for line in lines),
            sum("+++ " in line for line in lines),
        )

    told, ended = counts("-f")
    assert told + 1 == ended > 3
    assert counts("-fq") == (0, ended)
    assert counts("-qq") == (0, 0)
    assert counts("-e", "quiet=exit") == (told, 0)
    out = tmp_path / "trace"
    assert counts("-o", str(out)) == (0, 0)
    assert "attached" not in out.read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("-t",), "has no option -t: time is virtual here; --json gives"),
        (("-cw",), "has no option -w: "),
        (("-x",), "has no option -x: "),
        (("--trace=write",), "write -e trace=SET"),
        (("-e", "inject=write:error=EIO"), "not offered: calls cannot be made to fail"),
        (("-e", "abbrev=none"), "not offered: "),
        (("-e", "quiet=foo"), "no message 'foo'"),
    ],
)
def test_options_of_strace_that_are_missing_name_what_to_do(words, sentence) -> None:
    lines = ours(SAMPLES / "hello", options=words)
    assert len(lines) == 1
    assert sentence in lines[0]


def test_a_full_disk_is_one_sentence() -> None:
    for words in (("trace", "-o", "/dev/full", str(SAMPLES / "hello")), ("--help",)):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "arcetui", *words],
                stdin=subprocess.DEVNULL,
                stdout=full,
                stderr=subprocess.PIPE,
                cwd=ROOT,
            )
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1
        assert b"cannot" in done.stderr
