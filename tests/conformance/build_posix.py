"""Builds the thread and semaphore programs of the Open POSIX Test Suite (Debian: posixtestsuite).

    python tests/conformance/build_posix.py [TARGET...]

Each of its files is a program that tests one assertion of POSIX and says by its status what came
out: 0 passed, 1 failed, 2 unresolved, 4 unsupported, 5 untested. They go to bin/TARGET/posix/ as
INTERFACE-NUMBER; files that do not compile for a target (other C libraries' extensions) are left
out and counted.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.conformance.toolchain import FLAGS, TARGETS, Toolchain, source

INTERFACES = ("pthread_*", "sem_*")
JOBS = 2


def is_wanted(text: str) -> bool:
    """Whether a file is a program, and one that leaves the clock of the computer alone."""
    return "main(" in text and "clock_settime" not in text


def build(tools: Toolchain) -> tuple[int, int]:
    """Build all for one target; how many there are, and how many did not compile."""
    tree = source("posixtestsuite")
    cc = tools.wrapper("cc")
    files = [
        file
        for pattern in INTERFACES
        for folder in sorted((tree / "conformance" / "interfaces").glob(pattern))
        for file in sorted(folder.glob("*.c"))
        if is_wanted(file.read_text("utf-8", errors="replace"))
    ]

    def one(file: Path) -> bool:
        output = tools.program(f"posix/{file.parent.name}-{file.stem}")
        if output.exists():
            return True
        flags = (*FLAGS, "-std=gnu99", f"-I{tree / 'include'}", f"-I{file.parent}")
        libraries = ("-lpthread", "-lrt", "-lm")
        line = [str(cc), *flags, "-s", "-o", str(output), str(file), *libraries]
        return not subprocess.run(line, capture_output=True, check=False).returncode

    with ThreadPoolExecutor(JOBS) as pool:
        made = list(pool.map(one, files))
    return len(made), made.count(False)


def main() -> None:
    """Build for the targets named, or for all."""
    for target in sys.argv[1:] or TARGETS:
        count, failed = build(Toolchain(target))
        print(f"{target}: {count} programs, {failed} do not compile", flush=True)


if __name__ == "__main__":
    main()
