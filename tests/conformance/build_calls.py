"""Builds calltour, the tours of system calls, and records what Linux says to them.

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
EXPECTED = HERE / "expected" / "calltour.txt"
TARGETS = ("x86_64", "riscv64", "aarch64", "loongarch64")
FLAGS = ("-static", "-Os", "-s", "-w", "-fno-sanitize=undefined")


def build(target: str) -> Path:
    """Compile for one architecture; the program."""
    out = HERE / "bin" / target / "calltour"
    sources = sorted((HERE / "src" / "calls").glob("*.c"))
    cpu = ["-mcpu=la64v1_0-lsx-lasx"] if target == "loongarch64" else []
    command = [sys.executable, "-m", "ziglang", "cc", "-target", f"{target}-linux-musl"]
    subprocess.run([*command, *cpu, *FLAGS, "-o", out, *sources], check=True)
    return out


def record(program: Path) -> None:
    """Run the tours on this host and keep what they print."""
    environ = {"PATH": "/bin:/usr/bin", "HOME": "/", "LC_ALL": "C", "TZ": "UTC", "TERM": "dumb"}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        Path(name).chmod(0o755)
        done = subprocess.run(
            ["/bin/calltour"],
            executable=program,
            cwd=name,
            env=environ,
            input=b"",
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
    EXPECTED.parent.mkdir(exist_ok=True)
    EXPECTED.write_bytes(done.stdout)


if __name__ == "__main__":
    programs = [build(target) for target in TARGETS]
    record(programs[0])
