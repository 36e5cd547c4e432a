"""100,000 getppid calls: how many a second, and how many times as fast as Qiling 1.4.6.

Qiling is measured if --qiling names a Python that has it, in alternation with us. It does not know
loongarch64.
"""

from __future__ import annotations

import subprocess
from statistics import median

from measure import ARCHES, PROGRAMS, Result, arguments, cpu_seconds, program, report

from arcetui.collector import settle
from kernel.boot import boot
from kernel.control import Debugger, Goal, GoalKind, Recipe
from kernel.machine.console import ConsoleLog
from kernel.timeline.timeline import FOREVER, Timeline

CALLS = 100_000
TARGET_RATE = 80_000
TARGET_RATIO = 2.5


def qiling_seconds(python: str, arch: str) -> float:
    """CPU time of the program under Qiling, its start-up not counted."""
    script = PROGRAMS.parent / "qiling_run.py"
    command = [python, str(script), arch, str(PROGRAMS / arch / "getppid")]
    return float(subprocess.run(command, capture_output=True, check=True).stdout.split()[-1])


def measure_arch(arch: str, rounds: int, qiling: str) -> list[Result]:
    """Time the program in the machine, in the debugger and under Qiling, in turn."""
    recipe = Recipe(program(arch, "getppid"), "/getppid")
    headless: list[float] = []
    recorded: list[float] = []
    ratios: list[float] = []
    if arch == "loongarch64":
        qiling = ""
    for _ in range(rounds):
        timeline = Timeline(boot(recipe, ConsoleLog()), recording=False)
        headless.append(cpu_seconds(lambda: timeline.advance(FOREVER)))  # noqa: B023
        debugger = Debugger(recipe)
        recorded.append(cpu_seconds(lambda: debugger.run(Goal(GoalKind.CONTINUE))))  # noqa: B023
        if qiling:
            ratios.append(qiling_seconds(qiling, arch) / headless[-1])
    results = [
        Result("syscalls", "run", arch, CALLS / median(headless), "/s", TARGET_RATE, least=True),
        Result("syscalls", "debugger", arch, CALLS / median(recorded), "/s"),
    ]
    if qiling:
        results.append(
            Result(
                "syscalls",
                "run / Qiling 1.4.6",
                arch,
                median(ratios),
                "x",
                TARGET_RATIO,
                least=True,
            )
        )
    return results


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--qiling", metavar="PYTHON", default="", help="a Python with qiling 1.4.6")
    options = parser.parse_args()
    settle()  # as the debugger's front ends do
    arches = options.arch or ARCHES
    results = [r for a in arches for r in measure_arch(a, options.rounds, options.qiling)]
    report(results, options.json)


if __name__ == "__main__":
    main()
