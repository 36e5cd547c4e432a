"""Stepping back one instruction anywhere in a run of 100 million instructions.

Positions are drawn at random over the whole run; each is gone to and one step back taken. What
counts is the wall-clock time of the step, the slowest one included.
"""

from __future__ import annotations

import random
import time
from statistics import median, quantiles

from measure import ARCHES, Result, arguments, program, report

from arcetui.collector import settle
from kernel.control import Debugger, Goal, GoalKind, Position, Recipe
from kernel.crates.event import EventKind

TARGET_MS = 150


def measure_arch(arch: str, steps: int) -> list[Result]:
    """Run to the end, then step back at random places."""
    debugger = Debugger(Recipe(program(arch, "long"), "/long"))
    start = debugger.position
    debugger.run(Goal(GoalKind.CONTINUE))
    insns = debugger.machine().instructions
    # User code runs after these; a tick comes every two million instructions.
    events = debugger.events(start.event, debugger.end.event)
    boundaries = [e.index for e in events if e.kind is EventKind.TRAP_EXIT]
    rng = random.Random(arch)
    times: list[float] = []
    for _ in range(steps):
        debugger.goto(Position(rng.choice(boundaries), rng.randint(1, 1_990_000)))
        before = debugger.position
        began = time.perf_counter()
        debugger.run(Goal(GoalKind.INSN, reverse=True))
        times.append(1000 * (time.perf_counter() - began))
        if not debugger.position < before:
            raise SystemExit(f"{arch}: at {before} a step back led to {debugger.position}")
    return [
        Result("stepback", "run", arch, insns / 1e6, "M insns"),
        Result("stepback", "median", arch, median(times), "ms", TARGET_MS),
        Result("stepback", "19 of 20", arch, quantiles(times, n=20)[-1], "ms", TARGET_MS),
        Result("stepback", "slowest", arch, max(times), "ms", TARGET_MS),
    ]


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=60, help="steps per guest (default 60)")
    options = parser.parse_args()
    settle()  # as the debugger's front ends do
    results = [r for a in options.arch or ARCHES for r in measure_arch(a, options.steps)]
    report(results, options.json)


if __name__ == "__main__":
    main()
