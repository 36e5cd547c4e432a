"""1,000 mappings of 16 KiB: mmap, first writes, reads, mprotect, munmap, each phase by itself.

The limits are the totals of thesis S002, table 5.1 (StarryOS on QEMU). The program writes a
letter after each phase; the time between two letters is the phase's.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median

from measure import ARCHES, Result, arguments, program, report

from arcetui.collector import settle
from kernel.boot import boot
from kernel.control import Debugger, Goal, GoalKind, Recipe
from kernel.machine.console import ConsoleLog
from kernel.timeline.timeline import FOREVER, Timeline

PHASES = ("mmap", "write", "read", "mprotect", "munmap")
LETTERS = b"smwrpu"
#: Milliseconds, in the order of PHASES.
TABLE_5_1 = {
    "x86_64": (59.49, 82.17, 13.93, 54.06, 244.17),
    "riscv64": (166.32, 487.73, 18.38, 498.47, 586.18),
    "loongarch64": (96.01, 576.72, 19.55, 552.82, 1107.39),
    "aarch64": (358.3, 314.1, 17.59, 387.09, 735.41),
}


class Stopwatch(ConsoleLog):
    """A console that notes the CPU time at which each letter comes."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def write(self, fd: int, offset: int, data: bytes) -> None:
        """Note the time."""
        super().write(fd, offset, data)
        self.times.append(time.process_time())

    def phases_ms(self) -> list[float]:
        """Length of each phase in milliseconds."""
        if bytes(self.data) != LETTERS:
            raise SystemExit(f"memory printed {bytes(self.data)!r}")
        pairs = zip(self.times, self.times[1:], strict=False)
        return [1000 * (after - before) for before, after in pairs]


def in_machine(recipe: Recipe) -> list[float]:
    """The phases with nothing recorded."""
    watch = Stopwatch()
    Timeline(boot(recipe, watch), recording=False).advance(FOREVER)
    return watch.phases_ms()


def in_debugger(recipe: Recipe) -> list[float]:
    """The phases with events, calls and snapshots kept."""
    debugger = Debugger(recipe)
    watch = Stopwatch()
    debugger._timeline.system.board.console.sink = watch
    debugger.run(Goal(GoalKind.CONTINUE))
    return watch.phases_ms()


def measure_arch(arch: str, rounds: int) -> list[Result]:
    """Time the phases."""
    recipe = Recipe(program(arch, "memory"), "/memory")
    results: list[Result] = []
    runs: dict[str, Callable[[Recipe], list[float]]] = {
        "run": in_machine,
        "debugger": in_debugger,
    }
    for name, run in runs.items():
        times: list[list[float]] = []
        for _ in range(rounds):
            gc.collect()  # the machine before this one
            times.append(run(recipe))
        for i, phase in enumerate(PHASES):
            value = median(each[i] for each in times)
            case = f"1,000 {phase}, {name}"
            results.append(Result("memory", case, arch, value, "ms", TABLE_5_1[arch][i]))
    return results


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__).parse_args()
    settle()  # as the debugger's front ends do
    results = [r for a in options.arch or ARCHES for r in measure_arch(a, options.rounds)]
    report(results, options.json)


if __name__ == "__main__":
    main()
