"""What all benchmarks share: the programs, the form of a result, and how times are taken.

Times are CPU time of this process (user and system) unless a benchmark is about waiting, so that
other load on the machine disturbs little. Comparisons run in alternation in one process or one
after the other, and the median of the pairs' ratios counts.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
PROGRAMS = Path(__file__).resolve().parent / "programs"
SAMPLES = PROGRAMS.parents[1] / "samples" / "bin"


@dataclass(frozen=True)
class Result:
    """One figure.

    Attributes:
        bench: Name of the benchmark.
        case: What was measured.
        arch: Architecture of the guest; "" if that does not matter.
        value: The figure.
        unit: Its unit; "x" for ratios.
        target: What it is held against; None: reported only.
        least: Whether the target is a lower limit.
    """

    bench: str
    case: str
    arch: str
    value: float
    unit: str
    target: float | None = None
    least: bool = False

    @property
    def verdict(self) -> str:
        """Whether the target is met, in a word; "" without a target."""
        if self.target is None:
            return ""
        met = self.value >= self.target if self.least else self.value <= self.target
        return "ok" if met else "MISSED"


def program(arch: str, name: str) -> bytes:
    """A benchmark program's file."""
    return (PROGRAMS / arch / name).read_bytes()


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of a piece of work."""
    gc.collect()  # what earlier work left is not this one's cost
    start = time.process_time()
    work()
    return time.process_time() - start


HEADING = "| benchmark | case | guest | figure | target | |\n|---|---|---|---:|---:|---|"


def rows(results: Iterable[Result]) -> str:
    """The results as rows of a Markdown table."""
    lines: list[str] = []
    for r in results:
        sign = "≥" if r.least else "≤"
        target = "" if r.target is None else f"{sign} {r.target:,g} {r.unit}"
        figure = f"{r.value:,.0f}" if r.value >= 1000 else f"{r.value:.3g}"
        lines.append(
            f"| {r.bench} | {r.case} | {r.arch} | {figure} {r.unit} | {target} | {r.verdict} |"
        )
    return "\n".join(lines)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options every benchmark has."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--arch", action="append", choices=ARCHES, help="only this guest")
    parser.add_argument("--rounds", type=int, default=5, help="measurements per case (default 5)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def report(results: Iterable[Result], as_json: bool) -> None:
    """Print the results."""
    if as_json:
        json.dump([asdict(r) | {"verdict": r.verdict} for r in results], sys.stdout, indent=1)
        print()
    else:
        print(HEADING, rows(results), sep="\n")
