"""Builds the tours of system calls (src/calls, src/tours) and records what Linux says to them.

    python tests/conformance/build_calls.py

Needs the `ziglang` package, and for recording x86_64 Linux, root, and a tmpfs at /dev/shm: that is
what the kernel here is like.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "expected"
TARGETS = ("x86_64", "riscv64", "aarch64", "loongarch64")
FLAGS = ("-static", "-Os", "-s", "-w", "-fno-sanitize=undefined")
#: What src/tours/main.c offers, but for `job`, which needs a terminal.
TOURS = (
    *("clone", "exec", "futex", "ipc", "misc", "more", "mq", "policy", "restart", "sig", "thr"),
    "wait",
)


def build(target: str, name: str, folder: str) -> Path:
    """Compile the sources in src/`folder` for one architecture; the program."""
    out = HERE / "bin" / target / name
    sources = sorted((HERE / "src" / folder).glob("*.c"))
    cpu = ["-mcpu=la64v1_0-lsx-lasx"] if target == "loongarch64" else []
    command = [sys.executable, "-m", "ziglang", "cc", "-target", f"{target}-linux-musl"]
    subprocess.run([*command, *cpu, *FLAGS, "-o", out, *sources], check=True)
    return out


def record(program: Path, to: Path, *args: str) -> None:
    """Run the program on this host and keep what it prints."""
    environ = {"PATH": "/bin:/usr/bin", "HOME": "/", "LC_ALL": "C", "TZ": "UTC", "TERM": "dumb"}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        Path(name).chmod(0o755)
        done = subprocess.run(
            [f"/bin/{program.name}", *args],
            executable=program,
            cwd=name,
            env=environ,
            input=b"",
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
    to.parent.mkdir(exist_ok=True)
    to.write_bytes(done.stdout)


if __name__ == "__main__":
    calls = [build(target, "calltour", "calls") for target in TARGETS]
    record(calls[0], EXPECTED / "calltour.txt")
    tours = [build(target, "tours", "tours") for target in TARGETS]
    for tour in TOURS:
        record(tours[0], EXPECTED / "tours" / f"{tour}.txt", tour)
