"""Tasks: context switches a second, and fork of a process with 10,000 pages in memory.

A switch counts when another task runs than before; the idle task's do not. Times are CPU time. The
switches are counted in a recorded run of the same machine.
"""

from __future__ import annotations

import time
from statistics import median

from measure import ARCHES, Result, arguments, cpu_seconds, program, report

from arcetui.collector import settle
from kernel.boot import boot
from kernel.control import Debugger, Goal, GoalKind, Recipe
from kernel.machine.console import ConsoleLog
from kernel.timeline.timeline import FOREVER, Timeline

TARGET_SWITCHES = 20_000  # a second
TARGET_FORK_MS = 40
PAGES = 10_000
#: How tasks switch -> rounds; each is two switches. Over pipes a switch costs two calls that move
#: data and a new address space: it is told, not held against the target.
WAYS = {"yield": 5_000, "futex": 5_000, "pipe": 3_000}
UNTARGETED = frozenset({"pipe"})


class Stopwatch(ConsoleLog):
    """A console that notes the CPU time at which each letter comes."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, float] = {}

    def write(self, fd: int, offset: int, data: bytes) -> None:
        """Note the time."""
        super().write(fd, offset, data)
        self.times[data.decode()] = time.process_time()


def recipe(arch: str, what: str, count: int) -> Recipe:
    """A machine that runs `tasks`."""
    return Recipe(program(arch, "tasks"), "/tasks", argv=("tasks", what, str(count)))


def switches(debugger: Debugger) -> int:
    """Switches to programs' tasks in the run just made."""
    idle = {queue.tid for queue in debugger.tasks() if queue.name == "idle"}
    events = debugger.switches(0, debugger.end.event)
    return sum(event["next"] not in idle for event in events)


def switching(arch: str, way: str, rounds: int) -> list[Result]:
    """Switches a second, with nothing recorded and in the debugger."""
    made = recipe(arch, way, WAYS[way])
    bare: list[float] = []
    recorded: list[float] = []
    count = 0
    for _ in range(rounds):
        timeline = Timeline(boot(made, ConsoleLog()), recording=False)
        bare.append(cpu_seconds(lambda: timeline.advance(FOREVER)))  # noqa: B023
        debugger = Debugger(made)
        recorded.append(cpu_seconds(lambda: debugger.run(Goal(GoalKind.CONTINUE))))  # noqa: B023
        count = switches(debugger)
    if count < 2 * WAYS[way]:
        raise SystemExit(f"{arch} {way}: only {count} switches")
    rate, in_debugger = count / median(bare), count / median(recorded)
    target = None if way in UNTARGETED else TARGET_SWITCHES
    return [
        Result("tasks", f"switches, {way}", arch, rate, "/s", target, least=True),
        Result("tasks", f"switches, {way}, debugger", arch, in_debugger, "/s"),
    ]


def forking(arch: str, rounds: int) -> list[Result]:
    """Milliseconds fork takes, and the child's end with everything given back."""
    made = recipe(arch, "fork", PAGES)
    fork: list[float] = []
    end: list[float] = []
    for _ in range(rounds):
        watch = Stopwatch()
        Timeline(boot(made, watch), recording=False).advance(FOREVER)
        if bytes(watch.data) != b"stfwe":
            raise SystemExit(f"{arch}: tasks printed {bytes(watch.data)!r}")
        at = watch.times
        fork.append(1000 * (at["f"] - at["t"]))
        end.append(1000 * (at["w"] - at["f"]))
    pages = f"{PAGES:,} pages"
    return [
        Result("tasks", f"fork, {pages}", arch, median(fork), "ms", TARGET_FORK_MS),
        Result("tasks", f"its child's end, {pages}", arch, median(end), "ms"),
    ]


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__).parse_args()
    settle()  # as the debugger's front ends do
    results: list[Result] = []
    for arch in options.arch or ARCHES:
        for way in WAYS:
            results += switching(arch, way, options.rounds)
        results += forking(arch, options.rounds)
    report(results, options.json)


if __name__ == "__main__":
    main()
