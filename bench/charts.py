"""The charts of docs/schedulers.md, from our own runs: `python bench/charts.py [--check]`.

After figures A.4 (products of matrices on several cores) and A.2 (context switches under several
schedulers) of thesis S002's appendix. All times are virtual, so the charts are the same on every
host; `--check` only says whether they are up to date.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
sys.path[:0] = [str(HERE), str(HERE.parent)]

from measure import SAMPLES, program  # noqa: E402
from svg_chart import Series, bars, lines  # noqa: E402

from kernel.control import Debugger, Goal, GoalKind, Recipe, StopReason  # noqa: E402

ARCH = "riscv64"
CPUS = (1, 2, 4)
SIZES = (8, 16, 24, 32, 40, 48, 56, 64)
THREADS = 4
SCHEDULERS = ("fifo", "rr", "cfs", "ariel", "ariel-realloc")
ROUNDS = 200
HAND_OVERS = 2 * 2 * ROUNDS  # two pairs; a round gives the token there and back


class Run(NamedTuple):
    """One run.

    Attributes:
        ns: Virtual time from the first thread's making to the last thread's end.
        events: How many events of each kind there were in that time.
    """

    ns: int
    events: Counter[str]


def threads_of(elf: bytes, argv: tuple[str, ...], cpus: int, scheduler: str) -> Run:
    """Run a program that makes `THREADS` threads."""
    recipe = Recipe(elf, f"/{argv[0]}", argv=argv, cpus=cpus, scheduler=scheduler)
    debugger = Debugger(recipe)
    if debugger.run(Goal(GoalKind.CONTINUE)).reason is not StopReason.EXITED:
        raise SystemExit(f"{' '.join(argv)} did not end")
    events = debugger.events(0, debugger.end.event + 1)
    made = [event for event in events if event.kind.name == "TASK_NEW"][-THREADS:]
    tids = {event["tid"] for event in made}
    ended = [e for e in events if e.kind.name == "TASK_EXIT" and e["tid"] in tids]
    first, last = made[0], ended[-1]
    kinds = Counter(e.kind.name for e in events if first.index <= e.index <= last.index)
    return Run(max(event.time_ns for event in ended) - first.time_ns, kinds)


def matrix_runs(sizes: Sequence[int] = SIZES) -> dict[int, tuple[int, ...]]:
    """Virtual nanoseconds of the products by size, on 1, 2 and 4 CPUs."""
    elf = (SAMPLES / ARCH / "matrix").read_bytes()
    return {
        n: tuple(threads_of(elf, ("matrix", str(n), str(THREADS)), c, "fifo").ns for c in CPUS)
        for n in sizes
    }


def switch_runs() -> dict[str, tuple[Run, ...]]:
    """Two pairs of threads that wake each other and wait, by scheduler, on 1, 2 and 4 CPUs."""
    elf = program(ARCH, "tasks")
    argv = ("tasks", "pairs", str(ROUNDS))
    return {name: tuple(threads_of(elf, argv, c, name) for c in CPUS) for name in SCHEDULERS}


def plural(cpus: int) -> str:
    """So many CPUs."""
    return f"{cpus} CPU{'s' * (cpus != 1)}"


def speedup_chart(runs: dict[int, tuple[int, ...]]) -> str:
    """Speed-up over one CPU, by size."""
    series = [
        Series(plural(cpus), tuple(times[0] / times[place] for times in runs.values()))
        for place, cpus in enumerate(CPUS)
    ]
    title = f"Products of N x N matrices on {THREADS} threads: speed-up"
    return lines(title, "times as fast as 1 CPU, virtual time", "N", list(runs), series)


def switch_chart(runs: dict[str, tuple[Run, ...]]) -> str:
    """Time of a hand-over, by scheduler and CPUs."""
    series = [
        Series(plural(cpus), tuple(each[place].ns / HAND_OVERS for each in runs.values()))
        for place, cpus in enumerate(CPUS)
    ]
    title = "Four threads in two groups wake each other and wait"
    return bars(title, "virtual ns a hand-over", "scheduler", list(runs), series)


def matrix_table(runs: dict[int, tuple[int, ...]]) -> str:
    """The figures of the first chart."""
    rows = [
        "| N | 1 CPU | 2 CPUs | 4 CPUs | speed-up, 2 | speed-up, 4 |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for n, (one, two, four) in runs.items():
        times = " | ".join(f"{ns / 1e6:.3f} ms" for ns in (one, two, four))
        rows.append(f"| {n} | {times} | {one / two:.2f} | {one / four:.2f} |")
    return "\n".join(rows)


def switch_table(runs: dict[str, tuple[Run, ...]]) -> str:
    """The figures of the second chart, and what causes them."""
    rows = [
        "| scheduler | CPUs | ns a hand-over | switches | interrupts to other CPUs | moves |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, each in runs.items():
        for cpus, run in zip(CPUS, each, strict=True):
            kinds = ("TASK_SWITCH", "IPI", "TASK_MIGRATE")
            counts = " | ".join(f"{run.events[kind]:,}" for kind in kinds)
            rows.append(f"| {name} | {cpus} | {run.ns / HAND_OVERS:,.0f} | {counts} |")
    return "\n".join(rows)


def put(page: str, mark: str, text: str) -> str:
    """Replace what stands between a mark's two comments."""
    start, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"docs/schedulers.md has no place for {mark}")
    return f"{before}{start}\n\n{text}\n\n{end}{after}"


def main() -> None:
    """Run, and write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    matrix, switches = matrix_runs(), switch_runs()
    page = DOCS / "schedulers.md"
    text = put(page.read_text("utf-8"), "matrix figures", matrix_table(matrix))
    files = {
        DOCS / "charts" / "speedup.svg": speedup_chart(matrix),
        DOCS / "charts" / "switches.svg": switch_chart(switches),
        page: put(text, "switch figures", switch_table(switches)),
    }
    stale: list[str] = []
    for path, wanted in files.items():
        if check:
            if not path.exists() or path.read_text("utf-8") != wanted:
                stale.append(path.name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted, "utf-8")
    if stale:
        sys.exit(f"not up to date: {', '.join(stale)}; run python bench/charts.py")


if __name__ == "__main__":
    main()
