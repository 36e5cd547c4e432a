"""Processes, threads and CPUs: right under every scheduler, and the same however it is reached."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kernel.boot import boot
from kernel.control import Debugger, Goal, GoalKind, Position, Recipe, StopReason
from kernel.control.headless import Panicked, run_headless
from kernel.crates.event import EventKind
from kernel.machine.board import Halt
from kernel.timeline.digest import digest
from kernel.timeline.timeline import Timeline

SAMPLES = Path(__file__).parents[2] / "samples"
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
SCHEDULERS = ("fifo", "rr", "cfs", "ariel", "ariel-realloc", "random")
NAMES = (
    "threads",
    "prodcons",
    "philosophers",
    "forktree",
    "pipeline",
    "prioinv",
    "minish",
    "notify",
    "signals",
    "matrix",
)
CASES: list[dict[str, Any]] = [
    case
    for case in json.loads((SAMPLES / "expected" / "cases.json").read_text("utf-8"))
    if case["program"] in NAMES
]


def recipe(arch: str, name: str, *args: str, **options: Any) -> Recipe:
    elf = (SAMPLES / "bin" / arch / name).read_bytes()
    options.setdefault("stdio", ("pipe", "pipe", "pipe"))
    return Recipe(elf, f"/bin/{name}", argv=(f"/bin/{name}", *args), **options)


def run(made: Recipe, stdin: str = "") -> tuple[bytes, int]:
    out: list[bytes] = []
    waiting = [stdin.encode(), b""]

    def give() -> bytes:
        return waiting.pop(0) if waiting else b""

    status = run_headless(made, give, lambda fd, data: out.append(data) if fd == 1 else None)
    return b"".join(out), status >> 8 if not status & 0x7F else 128 + (status & 0x7F)


def right(case: dict[str, Any]) -> tuple[bytes, int]:
    return (SAMPLES / "expected" / f"{case['case']}.txt").read_bytes(), case["status"]


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_samples_give_what_linux_gives(arch: str, scheduler: str) -> None:
    for place, case in enumerate(CASES):
        cpus = (1, 2, 4)[place % 3]
        made = recipe(arch, case["program"], *case["args"], scheduler=scheduler, cpus=cpus)
        assert run(made, case["stdin"]) == right(case), (case["case"], cpus)


class Quiet:
    """A console that only remembers standard output."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, fd: int, offset: int, data: bytes) -> None:
        if fd == 1:
            self.data += data


def run_to_digest(made: Recipe, stdin: str) -> tuple[bytes, str, str]:
    """What a run writes, how it ends, and the machine's digest there."""
    out = Quiet()
    system = boot(made, out)
    timeline = Timeline(system, recording=False)
    waiting = [stdin.encode(), b""]
    while (halt := timeline.advance(1_000_000)) in (Halt.BUDGET, Halt.IDLE):
        if halt is Halt.IDLE:
            assert waiting and system.kernel.console_wait.waiters, "all wait"
            timeline.feed(waiting.pop(0))
    return bytes(out.data), f"{halt.name} {system.board.exit_status}", digest(system)


@pytest.mark.parametrize("seed", range(12))
def test_random_choices_end_right_and_repeat(seed: int) -> None:
    """A dozen seeds over all samples, architectures and numbers of CPUs; 200 were run by hand."""
    arch, cpus = ARCHES[seed % 4], (1, 2, 4)[seed % 3]
    for case in CASES[seed % 3 :: 3]:
        arguments = (arch, case["program"], *case["args"])
        made = recipe(*arguments, scheduler="random", cpus=cpus, seed=seed * 17 + 3)
        text, end, first = run_to_digest(made, case["stdin"])
        assert text == right(case)[0], case["case"]
        assert run_to_digest(made, case["stdin"]) == (text, end, first), case["case"]


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize(("name", "cpus"), [("threads", 2), ("threads", 4), ("forktree", 2)])
def test_the_digest_at_a_position_is_the_same_however_it_was_reached(
    arch: str, name: str, cpus: int
) -> None:
    schedulers = {"x86_64": "cfs", "riscv64": "random", "aarch64": "ariel", "loongarch64": "rr"}
    scheduler = schedulers[arch]
    made = recipe(arch, name, cpus=cpus, scheduler=scheduler, seed=5)
    machine = Debugger(made)
    start = machine.position
    assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
    end = machine.end
    rng = random.Random(f"{arch} {name} {cpus}")
    targets = [Position(rng.randint(start.event, end.event)) for _ in range(12)]
    targets += [Position(rng.randint(start.event, end.event), rng.randint(0, 40)) for _ in range(6)]
    digests: dict[Position, str] = {}
    for target in targets:
        machine.goto(target)
        digests.setdefault(machine.position, machine.digest())
        assert digests[machine.position] == machine.digest()
    fresh = Debugger(made)
    for position in sorted(digests):
        fresh.goto(position)
        assert (fresh.position, fresh.digest()) == (position, digests[position])


def test_single_steps_and_one_run_agree_on_two_cpus() -> None:
    made = recipe("riscv64", "prodcons", cpus=2, scheduler="rr")
    stepped, ran = Debugger(made), Debugger(made)
    for _ in range(12):
        stepped.run(Goal(GoalKind.SYSCALL))
    for _ in range(200):
        stepped.run(Goal(GoalKind.INSN))
    ran.goto(stepped.position)
    assert ran.position == stepped.position
    assert ran.digest() == stepped.digest()
    trail = [stepped.position]
    for _ in range(40):
        stepped.run(Goal(GoalKind.INSN))
        trail.append(stepped.position)
    for position in reversed(trail[:-1]):
        stepped.run(Goal(GoalKind.INSN, reverse=True))
        assert stepped.position <= position


#: Kinds of events that change who runs, or who there is.
TURNS = (
    EventKind.TASK_SWITCH,
    EventKind.TASK_NEW,
    EventKind.TASK_EXIT,
    EventKind.TASK_DROP,
    EventKind.IPI,
)


@pytest.mark.parametrize(("arch", "scheduler"), [("x86_64", "random"), ("loongarch64", "cfs")])
def test_steps_back_over_switches_forks_and_exits(arch: str, scheduler: str) -> None:
    """Around every kind of turn each step is one instruction, and each place is one machine."""
    made = recipe(arch, "pipeline", cpus=2, scheduler=scheduler, seed=9)
    machine = Debugger(made)
    start = machine.position
    assert machine.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
    events = machine.events(start.event + 1, machine.end.event)
    found = [[e for e in events if e.kind is kind] for kind in TURNS]
    assert all(found), [kind.name for kind, those in zip(TURNS, found, strict=True) if not those]
    digests: dict[Position, str] = {}
    for index in sorted(e.index for those in found for e in (those[0], those[len(those) // 2])):
        machine.goto(Position(index))
        for goal in (Goal(GoalKind.INSN), Goal(GoalKind.INSN, reverse=True)):
            machine.run(goal)  # the first ends the kernel's work, if the event lies inside it
            for _ in range(3):
                count = machine.machine().instructions
                machine.run(goal)
                moved = machine.machine().instructions - count
                assert moved == (-1 if goal.reverse else 1)
                digest_here = machine.digest()
                assert digests.setdefault(machine.position, digest_here) == digest_here
    fresh = Debugger(made)
    for position in sorted(digests):
        fresh.goto(position)
        assert (fresh.position, fresh.digest()) == (position, digests[position])


def left_after(
    arch: str, program: str, *args: str, heap: bool = True, **options: Any
) -> dict[str, object]:
    """What the kernel still holds when the program has ended; `heap`: its pages too."""
    system = boot(recipe(arch, program, *args, **options), Quiet())
    while system.board.run(1_000_000) is Halt.BUDGET:
        pass
    kernel, ram = system.kernel, system.board.ram
    assert not system.board.panic
    frames = range(ram.base, ram.base + ram.size_bytes, 4096)
    pages: Counter[str] = Counter()
    for _, count, usage in kernel.alloc.view().pages.owners:
        pages[usage] += count if heap or usage != "heap" else 0
    return {
        "pages": pages,
        "frame owners": Counter(kernel.frames.count(pa) for pa in frames),
        "objects": Counter((size, what) for size, _, what in kernel.alloc.live.values()),
        "tasks": len(kernel.tasks.tasks),
        "wait queues": sorted(kernel.tasks.wait_queues),
    }


@pytest.mark.parametrize("arch", ARCHES)
def test_fork_exec_exit_give_everything_back(arch: str) -> None:
    """25 rounds leave what 3 leave; 1,000 did so too."""
    for options in ({"fork": "cow"}, {"fork": "copy"}, {"cpus": 2, "scheduler": "random"}):
        few = left_after(arch, "forktree", "0", "3", **options)
        assert left_after(arch, "forktree", "0", "25", **options) == few, options


@pytest.mark.parametrize("arch", ARCHES)
def test_threads_give_everything_back(arch: str) -> None:
    """16 threads leave what one leaves, but for the heap's pages: it grows and never shrinks."""
    one, many = (left_after(arch, "matrix", "16", n, heap=False, cpus=2) for n in ("1", "16"))
    assert many == one


def test_philosophers_starve_and_the_machine_says_so() -> None:
    with pytest.raises(Panicked, match="deadlock"):
        run(recipe("x86_64", "philosophers"))


@pytest.mark.parametrize("scheduler", ["ariel", "ariel-realloc"])
def test_priority_inheritance_ends_the_inversion(scheduler: str) -> None:
    plain, _ = run(recipe("riscv64", "prioinv", "order", scheduler=scheduler))
    lent, _ = run(recipe("riscv64", "prioinv", "inherit", "order", scheduler=scheduler))
    assert plain.endswith((b"order: MHL\n", b"order: MLH\n"))
    assert lent.endswith(b"order: HML\n")


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_tasks_run_only_where_they_may(scheduler: str) -> None:
    """Masks change all the time, of running, ready and waiting tasks: each obeys, all end right."""
    out = Quiet()
    system = boot(recipe("riscv64", "prodcons", cpus=4, scheduler=scheduler, seed=4), out)
    tasks, rng = system.kernel.tasks, random.Random(scheduler)
    seen: set[tuple[int, int]] = set()
    while system.board.run(150) is Halt.BUDGET:
        for queue in tasks.queues:
            current = queue.current
            assert current is not None
            if current.is_user and not current.need_resched:
                assert current.cpumask >> queue.cpu_id & 1, (current.tid, queue.cpu_id)
                seen.add((current.tid, queue.cpu_id))
        program = [task for task in tasks.tasks.values() if task.is_user]
        if program and rng.random() < 0.3:
            tasks.set_affinity(rng.choice(program), rng.randint(1, 15))
    assert not system.board.panic
    assert bytes(out.data) == (SAMPLES / "expected" / "prodcons.txt").read_bytes()
    assert len({cpu for _, cpu in seen}) == 4
