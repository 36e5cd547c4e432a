"""Records what the samples print under Linux, on every architecture, and that it is the same.

    python samples/record.py

Runs each case of `expected/cases.json` natively (the truth) and under qemu-user where that is
installed, and writes `expected/CASE.txt` and the statuses. An architecture that disagrees is an
error unless the case says in `qemu_differs` why qemu-user and not the program is to blame.
A status is the shell's: 128 + n for a program ended by signal n.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = HERE / "expected" / "cases.json"


def runner(arch: str) -> list[str] | None:
    """What to put in front of a program of this architecture; None if it cannot run here."""
    if arch == platform.machine():
        return []
    qemu = shutil.which(f"qemu-{arch}")
    return [qemu] if qemu else None


def run(arch: str, case: dict[str, object]) -> tuple[bytes, int]:
    """Run a case; what it wrote to stdout and its status."""
    prefix = runner(arch)
    assert prefix is not None
    command = [*prefix, str(HERE / "bin" / arch / str(case["program"])), *case["args"]]
    data = str(case["stdin"]).encode()
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return b"", -1
    status = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return done.stdout, status


def main() -> None:
    """Record all cases."""
    cases = json.loads(CASES.read_text("utf-8"))
    native = platform.machine()
    others = [path.name for path in sorted((HERE / "bin").iterdir()) if path.name != native]
    able = [arch for arch in others if runner(arch) is not None]
    for case in cases:
        output, case["status"] = truth = run(native, case)
        differ = [arch for arch in able if run(arch, case) != truth]
        for arch in differ:
            if arch not in case.get("qemu_differs", {}):
                sys.exit(f"{case['case']}: {native} gives {truth}, {arch} {run(arch, case)}")
        (HERE / "expected" / f"{case['case']}.txt").write_bytes(output)
        same = ", ".join(arch for arch in able if arch not in differ)
        print(f"{case['case']:18} status {case['status']:3}  the same on {same}")
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    CASES.write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
