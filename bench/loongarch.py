"""The loongarch64 engine: instructions and steps a second of both back ends, and its start.

Loops and steps run on the bare engine with exact counting, as the machine drives it; times are
CPU time. The start is that of a fresh process with a warm cache, against the same without the
engine.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from measure import SAMPLES, Result, arguments, cpu_seconds, report

import kernel.boot
from kernel.control import Debugger, Goal, GoalKind, Position, Recipe
from kernel.machine.arch import LOONGARCH64, Arch
from kernel.machine.engine import CpuEngine, Stop, Translator
from kernel.machine.engines import make_engines
from kernel.machine.ram import Ram

ROOT = Path(__file__).resolve().parents[1]
RAM_BASE, CODE = 0x8000_0000, 0x1_0000
#: xorshift and a sum: slli.d, xor, srli.d, xor, slli.d, xor, add.d, addi.d, bnez back.
LOOP = bytes.fromhex("8c34410084b015008c1c450084b015008c44410084b01500a5901000c6fcff02dfe0ff47")
LOOP_INSNS = len(LOOP) // 4
BUDGETS = {"llvm": 200_000_000, "python": 8_000_000}
INSN_RATES = {"llvm": 600.0, "python": 8.0}  # millions a second, at least
STEPS = 200_000
STEP_RATE = 1.0  # millions a second, at least
READY_MS = 60.0
START = """
import time
from kernel.machine.arch import LOONGARCH64
from kernel.machine.engines import make_engines
from kernel.machine.ram import Ram
ram = Ram(0x80000000, 1 << 20)
start = time.process_time()
make_engines(LOONGARCH64, ram, [None])
print(time.process_time() - start)
"""


class OnePage:
    """An address space of one page of code."""

    def translate(self, va: int, access: int) -> int:
        """See `Translator.translate`."""
        return RAM_BASE | 5 if va >> 12 == CODE >> 12 and access != 2 else -1


def engine_with_loop(backend: str) -> CpuEngine:
    """An engine about to run the loop for ever."""
    ram = Ram(RAM_BASE, 1 << 20)
    (engine,) = make_engines(LOONGARCH64, ram, [OnePage()], backend)
    ram.write(RAM_BASE, LOOP)
    engine.set("a0", 88172645463325252)
    engine.set("a2", (1 << 64) - 1)
    return engine


def loop_rate(backend: str) -> tuple[float, list[int]]:
    """(millions of instructions a second, the registers after)."""
    engine = engine_with_loop(backend)
    engine.run(CODE, 10_000)
    budget = BUDGETS[backend]
    seconds = cpu_seconds(lambda: expect(engine, budget))
    engine.reset()
    engine.set("a0", 88172645463325252)
    engine.set("a2", (1 << 64) - 1)
    expect(engine, BUDGETS["python"])
    return budget / seconds / 1e6, engine.registers()


def expect(engine: CpuEngine, budget: int) -> None:
    """Run exactly the budget."""
    why, _, executed, _ = engine.run(CODE, budget)
    if (why, executed) != (Stop.BUDGET, budget):
        raise SystemExit(f"the engine ran {executed} of {budget} instructions: {why!r}")


def step_rate(backend: str) -> float:
    """Millions of single steps a second, each a call of the engine."""
    engine = engine_with_loop(backend)

    def steps(count: int) -> None:
        pc = CODE
        for _ in range(count):
            pc = engine.run(pc, 1)[3]

    steps(1000)
    return STEPS / cpu_seconds(lambda: steps(STEPS)) / 1e6


def ready_ms() -> float:
    """Milliseconds of CPU until the engine is made, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout) * 1e3


def digests(backend: str) -> list[str]:
    """The machine's digest at some positions of a sample's run."""

    def make(arch: Arch, ram: Ram, translators: Sequence[Translator]) -> list[CpuEngine]:
        return make_engines(arch, ram, translators, backend)

    original = kernel.boot.make_engines
    kernel.boot.make_engines = make
    try:
        elf = (SAMPLES / "loongarch64" / "systour").read_bytes()
        debugger = Debugger(Recipe(elf, "/systour"))
        debugger.run(Goal(GoalKind.CONTINUE))
        found = [debugger.digest()]
        end = debugger.position.event
        for i in range(1, 8):
            debugger.goto(Position(end * i // 8, 5 * i))
            found.append(debugger.digest())
        return found
    finally:
        kernel.boot.make_engines = original


def measure(rounds: int) -> list[Result]:
    """All figures."""
    results: list[Result] = []

    def add(case: str, value: float, unit: str, target: float, *, least: bool = True) -> None:
        results.append(Result("loongarch", case, "loongarch64", value, unit, target, least))

    registers: list[list[int]] = []
    for backend, target in INSN_RATES.items():
        rates = []
        for _ in range(rounds):
            rate, after = loop_rate(backend)
            rates.append(rate)
            registers.append(after)
        add(f"integer loop, {backend}", median(rates), "M insn/s", target)
    if any(values != registers[0] for values in registers):
        raise SystemExit("the back ends disagree about the loop")
    add("single steps, llvm", median(step_rate("llvm") for _ in range(rounds)), "M/s", STEP_RATE)
    ready_ms()  # fills the cache
    start = median(ready_ms() for _ in range(max(rounds, 5)))
    add("engine ready, warm cache", start, "ms", READY_MS, least=False)
    same = [a == b for a, b in zip(digests("llvm"), digests("python"), strict=True)]
    add("equal digests under both back ends", sum(same), "positions", len(same))
    return results


if __name__ == "__main__":
    options = arguments(__doc__).parse_args()
    report(measure(options.rounds) if not options.arch else [], options.json)
