"""Our lines against the real strace's, on native programs; skipped where strace is missing."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from arcetui.strace.formatter import Formatter, exit_line, signal_line

HERE = Path(__file__).parent
HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64"
    or not HEADER.exists()
    or not all(map(shutil.which, ("strace", "gcc", "setarch"))),
    reason="needs strace, gcc and a Linux x86_64 host",
)


def _recorder():
    spec = importlib.util.spec_from_file_location("recorder", HERE / "ptrace_recorder.py")
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["recorder"] = module
    spec.loader.exec_module(module)
    return module.Recorder


def _names() -> dict[int, str]:
    found = re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())
    return {int(number): name for name, number in found}


def _ours(argv: list[str], cwd: Path) -> list[str]:
    recorder = _recorder()(argv, _names(), str(cwd))
    formatter, lines, open_calls = Formatter(), [], []

    def on_signal(signo: int, info: bytes) -> None:
        formatter.signal(recorder.pid)
        code = struct.unpack_from("i", info, 8)[0]
        pid, uid, value = struct.unpack_from("IIQ", info, 16)
        addr = struct.unpack_from("Q", info, 16)[0]
        value = value & 0xFFFFFFFF if signo == 17 else value
        lines.append(signal_line(signo, code, pid, uid, addr, value))

    def ended(status: int) -> None:
        lines.extend(formatter.unfinished(pending) for pending in open_calls)
        lines.append(exit_line(status))

    recorder.run(
        lambda seen: open_calls.append(formatter.enter(seen, recorder.memory)),
        lambda seen: lines.append(formatter.exit(seen, recorder.memory, open_calls.pop())),
        on_signal,
        ended,
    )
    return lines


def _theirs(argv: list[str], cwd: Path, out: Path) -> list[str]:
    subprocess.run(
        ["setarch", "-R", "env", "-i", "strace", "-o", str(out), *argv],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
    return out.read_text(encoding="latin-1").splitlines()[1:]


def _masked(line: str, pids: set[str]) -> str:
    line = re.sub(r"\b(\d{2,7})\b", lambda m: "PID" if m[1] in pids else m[1], line)
    return re.sub(r'getrandom\("[^"]*"', "getrandom(", line)


def _pids(lines: list[str]) -> set[str]:
    found = re.compile(r"^(?:getpid|gettid|set_tid_address|fork|clone)\(.*= (\d+)$")
    return {m[1] for line in lines if (m := found.match(line))}


@pytest.fixture(scope="module")
def tour(tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("tour") / "tour"
    source = HERE / "strace_tour.c"
    done = subprocess.run(["gcc", "-static", "-w", "-o", out, source], capture_output=True)
    if done.returncode:
        pytest.skip("gcc cannot link static programs here")
    return str(out)


@pytest.mark.parametrize("ending", ["", "segv", "ill", "fpe", "kill"])
def test_tour_equals_strace(tour: str, ending: str, tmp_path: Path) -> None:
    argv = [tour] + ([ending] if ending else [])
    if not ending:
        argv = [tour]
    _compare(argv, tmp_path)


def test_busybox_equals_strace(tmp_path: Path) -> None:
    if not shutil.which("busybox"):
        pytest.skip("no busybox")
    _compare([shutil.which("busybox"), "ls", "-la", "/usr"], tmp_path)


def _compare(argv: list[str], tmp_path: Path) -> None:
    here, there = tmp_path / "a", tmp_path / "b"
    here.mkdir()
    there.mkdir()
    ours = _ours(argv, here)
    theirs = _theirs(argv, there, tmp_path / "out")
    pids = _pids(ours) | _pids(theirs)
    ours = [_masked(line, pids) for line in ours]
    theirs = [_masked(line, pids).replace(str(there), str(here)) for line in theirs]
    theirs = [line.replace(" (core dumped)", "") for line in theirs]
    ours = [line.replace(" (core dumped)", "") for line in ours]
    assert len(ours) > 20
    # SIGCHLD may come before or after the line of the call it interrupts.
    late = ("--- SIGCHLD", "waitid(", "wait4(")
    assert [x for x in ours if not x.startswith(late)] == [
        x for x in theirs if not x.startswith(late)
    ]
    assert sorted(x for x in ours if x.startswith(late)) == sorted(
        x for x in theirs if x.startswith(late)
    )
