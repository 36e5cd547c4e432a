"""Runs all benchmarks, each in its own process, and prints one table, as it comes.

python bench/run.py [--rounds N] [--arch ARCH] [--qiling PYTHON] [--json] [NAME ...]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from measure import HEADING, Result, arguments, report, rows

NAMES = (
    "compute",
    "syscalls",
    "memory",
    "startup",
    "stepback",
    "keys",
    "loongarch",
    "tasks",
    "crowd",
)


def run(name: str, words: list[str]) -> list[Result]:
    """One benchmark's results; none if it failed, which is told on stderr."""
    script = Path(__file__).resolve().parent / f"{name}.py"
    command = [sys.executable, str(script), "--json", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        print(f"{name} failed with status {done.returncode}", file=sys.stderr)
        return []
    rows = json.loads(done.stdout)
    return [Result(**{k: v for k, v in row.items() if k != "verdict"}) for row in rows]


def main() -> None:
    """Run and print."""
    parser = arguments(__doc__)
    parser.add_argument("--qiling", metavar="PYTHON", default="", help="a Python with qiling 1.4.6")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}: choose from {', '.join(NAMES)}")
    words = ["--rounds", str(options.rounds)]
    for arch in options.arch or ():
        words += ["--arch", arch]
    results: list[Result] = []
    if not options.json:
        print(HEADING, flush=True)
    for name in options.names or NAMES:
        more = ["--qiling", options.qiling] if name == "syscalls" and options.qiling else []
        results += run(name, words + more)
        if not options.json and results:
            print(rows(results), flush=True)
            results.clear()
    if options.json:
        report(results, as_json=True)


if __name__ == "__main__":
    main()
