"""The command line from the outside: run, trace, batch, and what goes wrong."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from arcetui.cli import main
from arcetui.options import UsageError, help_text, memory_bytes, parse

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "bin"
ARCHES = ["x86_64", "riscv64", "aarch64", "loongarch64"]


def sample(name: str = "hello", arch: str = "x86_64") -> str:
    path = SAMPLES / arch / name
    if not path.exists():
        pytest.skip("samples are not built")
    return str(path)


def arcetui(*words: str, stdin: bytes = b"", **more) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "arcetui", *words],
        input=stdin,
        capture_output=True,
        timeout=60,
        cwd=more.pop("cwd", ROOT),
        **more,
    )


# -- the grammar ------------------------------------------------------------------------------


def test_options_end_at_the_program():
    options = parse(["run", "--memory", "64M", "prog", "--memory", "-x", "--"])
    assert (options.mode, options.program) == ("run", "prog")
    assert options.arguments == ("--memory", "-x", "--")
    options = parse(["--", "run"])
    assert (options.mode, options.program) == ("tui", "run")
    options = parse(["trace", "-e", "trace=%file", "-s64", "-o", "x", "--json", "p", "a"])
    assert options.values["-s"] == "64"
    assert options.lists["-e"] == ["trace=%file"]
    options = parse(["--batch", "-ex", "a", "-x", "f", "-ex", "b", "--seed=7", "p"])
    assert options.mode == "batch"
    assert options.script == [("ex", "a"), ("x", "f"), ("ex", "b")]
    assert options.values["--seed"] == "7"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--memry", "5", "x"], "did you mean --memory"),
        (["run"], "which program"),
        (["run", "--memory"], "needs a value"),
        (["run", "--json", "x"], "does not belong"),
        (["--help=5"], "takes no value"),
        (["run", "-ex", "c", "x"], "does not belong"),
    ],
)
def test_bad_options(words, sentence):
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert sentence in str(caught.value)


def test_sizes():
    assert memory_bytes("64M") == 64 << 20
    assert memory_bytes("1g") == 1 << 30
    assert memory_bytes("65536K") == 64 << 20
    assert memory_bytes("128") == 128 << 20
    for bad in ("", "M", "x", "-5M", "1.5G", "9" * 20):
        with pytest.raises(UsageError):
            memory_bytes(bad)


def test_help_names_every_option():
    text = help_text()
    for word in ("--allocator", "--memory", "--env", "-ex", "--json", "arcetui trace"):
        assert word in text
    assert all(len(line) <= 100 for line in text.splitlines())


# -- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["run", "trace", "--batch"])
def test_bad_programs_get_one_sentence_and_status_2(mode, tmp_path, capfd):
    good = Path(sample()).read_bytes()
    files = {
        "empty": b"",
        "text": b"#!/bin/sh\necho\n",
        "truncated": good[:100],
        "narrow": good[:4] + b"\x01" + good[5:],
        "bigend": good[:5] + b"\x02" + good[6:],
        "foreign": good[:18] + b"\x08\x00" + good[20:],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    cases = [*(str(tmp_path / name) for name in files), str(tmp_path), str(tmp_path / "missing")]
    if mode != "run":
        cases = [str(tmp_path / "text"), str(tmp_path / "missing")]
    for case in cases:
        status = main([mode, case])
        out, error = capfd.readouterr()
        assert status == 2, (case, error)
        assert error.startswith("arcetui: ")
        assert len(error.splitlines()) == 1, error
        assert out == ""


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--allocator", "best"),
        ("run", "--memory", "1M"),
        ("run", "--memory", "lots"),
        ("run", "--cpus", "99"),
        ("run", "--seed", "x"),
        ("run", "--env", "NAME"),
        ("run", "--scheduler", "none"),
        ("run", "--fork", "none"),
        ("trace", "-e", "trace=mmp"),
        ("trace", "-e", "nonsense=1"),
        ("trace", "-e", "signal=SIGFOO"),
        ("trace", "-s", "-1"),
        ("trace", "-o", "/nonexistent/dir/file"),
        ("--batch", "-x", "/nonexistent/script"),
    ],
)
def test_bad_values_get_one_sentence_and_status_2(words, capfd):
    assert main([*words, sample()]) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_bad_program_leaves_no_traceback_in_a_process_of_its_own(tmp_path):
    (tmp_path / "text").write_bytes(b"#!/bin/sh")
    done = arcetui("run", str(tmp_path / "text"))
    assert done.returncode == 2
    assert len(done.stderr.decode().splitlines()) == 1


# -- run --------------------------------------------------------------------------------------


WITHOUT_LLVM = """
import sys
sys.modules["llvmlite"] = sys.modules["llvmlite.binding"] = None
from arcetui.cli import main
main(sys.argv[1:])
"""


def test_without_llvmlite_loongarch64_runs_and_batch_says_what_is_missing():
    def python(*words):
        line = [sys.executable, "-c", WITHOUT_LLVM, *words]
        return subprocess.run(line, capture_output=True, stdin=subprocess.DEVNULL, cwd=ROOT)

    done = python("run", sample("hello", "loongarch64"))
    assert (done.stdout, done.stderr) == (b"Hello from user mode.\n", b"")
    done = python("--batch", "-ex", "c", sample("hello", "loongarch64"))
    assert b"Hello from user mode.\n" in done.stdout
    (told,) = done.stderr.splitlines()
    assert b"runs in plain Python" in told
    assert b"pip install 'arcetui[loongarch64]'" in told
    assert python("--batch", "-ex", "c", sample("hello")).stderr == b""


@pytest.mark.parametrize("arch", ARCHES)
def test_run_gives_output_and_status(arch):
    done = arcetui("run", sample("hello", arch))
    assert done.stdout == b"Hello from user mode.\n"
    assert done.stderr == b""
    assert done.returncode == 0
    assert arcetui("run", sample("crash", arch)).returncode == 139
    done = arcetui("run", sample("guess", arch), stdin=b"50\n25\n1\n")
    assert b"Too large" in done.stdout


def test_run_loads_no_user_interface():
    code = (
        "import sys; from arcetui.cli import main; main(['run', sys.argv[1]]); "
        "bad = {'textual', 'rich', 'capstone', 'elftools', 'arcetui.commands'} & set(sys.modules); "
        "assert not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code, sample()], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_help_and_version_load_no_kernel():
    code = (
        "import sys; from arcetui.cli import main; main([sys.argv[1]]); "
        "bad = {m for m in sys.modules if m.split('.')[0] in "
        "{'kernel', 'textual', 'rich', 'unicorn', 'capstone'}}; assert not bad, bad"
    )
    for flag in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, flag], cwd=ROOT, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert b"arcetui" in done.stdout


def test_a_closed_pipe_ends_it_quietly():
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "arcetui", "run", sample()],
        stdout=write_end,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    os.close(write_end)
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_and_leave_the_terminal_whole(number, status):
    parent, child = pty.openpty()
    before = termios.tcgetattr(child)
    process = subprocess.Popen(
        [sys.executable, "-m", "arcetui", "run", sample("guess")],
        stdin=child,
        stdout=child,
        stderr=child,
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0),
    )
    output = b""
    deadline = time.time() + 20
    while b"?" not in output and b":" not in output and time.time() < deadline:
        output += os.read(parent, 1000)
    deadline = time.time() + 10
    while termios.tcgetattr(child)[3] & termios.ICANON and time.time() < deadline:
        time.sleep(0.02)
    assert not termios.tcgetattr(child)[3] & termios.ECHO
    process.send_signal(number)
    assert process.wait(10) == status
    assert termios.tcgetattr(child) == before
    os.close(parent)
    os.close(child)


# -- trace ------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ARCHES)
def test_trace_in_straces_format(arch):
    done = arcetui("trace", sample("hello", arch))
    assert done.stdout == b"Hello from user mode.\n"
    lines = done.stderr.decode().splitlines()
    assert lines[0].startswith('execve("')
    assert lines[0].endswith(" = 0")
    assert lines[-2] == "exit_group(0)                           = ?"
    assert lines[-1] == "+++ exited with 0 +++"
    assert any(line.startswith('writev(1, [{iov_base="Hello') for line in lines)


def test_trace_of_a_crash_and_its_filters(tmp_path):
    lines = arcetui("trace", sample("crash")).stderr.decode().splitlines()
    assert any(line.startswith("--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_") for line in lines)
    assert lines[-1].startswith("+++ killed by SIGSEGV")
    out = tmp_path / "trace"
    done = arcetui("trace", "-o", str(out), "-e", "%memory,exit_group", "-q", sample("memlab"))
    assert done.stderr == b""
    names = {line.split("(")[0] for line in out.read_text().splitlines()}
    assert "mmap" in names
    assert "munmap" in names
    assert "writev" not in names
    done = arcetui("trace", "-e", "!%memory", "-e", "signal=none", sample("memlab"))
    assert b"mmap(" not in done.stderr
    done = arcetui("trace", "-Z", "-q", sample("systour"))
    rows = [line for line in done.stderr.decode().splitlines() if line[0].isalpha()]
    rows = [line for line in rows if "= ?" not in line]
    assert rows
    assert all(" = -1 E" in line for line in rows)


def test_trace_json_and_summary():
    done = arcetui("trace", "--json", sample())
    objects = [json.loads(line) for line in done.stderr.decode().splitlines()]
    assert [each["type"] for each in objects][-1] == "exit"
    call = next(each for each in objects if each.get("name") == "writev")
    assert call["args"][0] == {"name": "fd", "value": 1, "text": "1"}
    assert call["result"] == 22
    assert call["end_ns"] > call["time_ns"]
    done = arcetui("trace", "-c", sample())
    text = done.stderr.decode()
    assert text.startswith("% time     seconds  usecs/call     calls    errors syscall\n")
    assert text.rstrip().endswith("total")


# -- batch ------------------------------------------------------------------------------------


def test_batch_runs_commands_and_files(tmp_path):
    script = tmp_path / "script"
    script.write_text("# a comment\nb main\n\nc\ninfo maps\n")
    done = arcetui("--batch", "-x", str(script), "-ex", "c", "-ex", "info digest", sample())
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "[stack]" in text
    assert "Hello from user mode.\n" in text
    assert len(text.splitlines()[-1]) == 64
    done = arcetui("--batch", "-ex", "bogus", "-ex", "p 1", sample())
    assert done.returncode == 1
    assert b"no command" in done.stderr
    assert b"$1 = 1" in done.stdout


def test_batch_feeds_stdin_and_is_deterministic():
    runs = [
        arcetui("--batch", "-ex", "c", "-ex", "info digest", sample("guess"), stdin=b"1\n2\n")
        for _ in range(2)
    ]
    assert runs[0].returncode == 0
    assert runs[0].stdout == runs[1].stdout
    assert b"exited" in runs[0].stdout
