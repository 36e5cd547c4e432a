"""CPU-bound code: our machine against bare Unicorn, all counting instructions.

The target is for plain Unicorn; the ratio to its fastest form is reported and held to it too. There
is none for loongarch64: only its speed is told.
"""

from __future__ import annotations

from statistics import median

from bare import BareEmulator
from measure import ARCHES, Result, arguments, cpu_seconds, program, report

from arcetui.collector import settle
from kernel.boot import boot
from kernel.control import Debugger, Goal, GoalKind, Recipe
from kernel.machine.console import ConsoleLog
from kernel.timeline.timeline import FOREVER, Timeline

TARGET = 1.15
EXPECTED = b"18d45e708326e59b\n"


def without_unicorn(arch: str, rounds: int) -> list[Result]:
    """The program's speed in the machine."""
    recipe = Recipe(program(arch, "compute"), "/compute", stdio=("null", "pipe", "pipe"))
    speeds: list[float] = []
    for _ in range(rounds):
        log = ConsoleLog()
        timeline = Timeline(boot(recipe, log), recording=False)
        seconds = cpu_seconds(lambda: timeline.advance(FOREVER))  # noqa: B023
        speeds.append(timeline.system.board.instructions / seconds / 1e6)
        if bytes(log.data) != EXPECTED:
            raise SystemExit(f"{arch}: compute printed {bytes(log.data)!r}")
    return [Result("compute", "run", arch, median(speeds), "M insns/s")]


def measure_arch(arch: str, rounds: int) -> list[Result]:
    """Run the program bare, in the machine and in the debugger, in turn."""
    if arch == "loongarch64":
        return without_unicorn(arch, rounds)
    recipe = Recipe(program(arch, "compute"), "/compute", stdio=("null", "pipe", "pipe"))
    ratios: dict[str, list[float]] = {}
    speeds: list[float] = []
    for _ in range(rounds):
        plain = BareEmulator(arch, recipe.elf)
        fast = BareEmulator(arch, recipe.elf, virtual_tlb=True)
        log = ConsoleLog()
        timeline = Timeline(boot(recipe, log), recording=False)
        debugger = Debugger(recipe)
        plain_s = cpu_seconds(plain.run)
        fast_s = cpu_seconds(fast.run)
        machine_s = cpu_seconds(lambda: timeline.advance(FOREVER))  # noqa: B023
        debugger_s = cpu_seconds(lambda: debugger.run(Goal(GoalKind.CONTINUE)))  # noqa: B023
        for case, ratio in (
            ("run / bare Unicorn", machine_s / plain_s),
            ("debugger / bare Unicorn", debugger_s / plain_s),
            ("run / fastest bare Unicorn", machine_s / fast_s),
            ("debugger / fastest bare Unicorn", debugger_s / fast_s),
        ):
            ratios.setdefault(case, []).append(ratio)
        speeds.append(timeline.system.board.instructions / machine_s / 1e6)
        for output in (plain.output, fast.output, bytes(log.data), debugger.console()):
            if output != EXPECTED:
                raise SystemExit(f"{arch}: compute printed {output!r}")
    return [
        *(Result("compute", case, arch, median(r), "x", TARGET) for case, r in ratios.items()),
        Result("compute", "run", arch, median(speeds), "M insns/s"),
    ]


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__).parse_args()
    settle()  # as the debugger's front ends do
    results = [r for a in options.arch or ARCHES for r in measure_arch(a, options.rounds)]
    report(results, options.json)


if __name__ == "__main__":
    main()
