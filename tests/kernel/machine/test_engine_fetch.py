"""Translation runs over page ends; faults still come at the instruction that needs the page."""

from __future__ import annotations

import random

import pytest

from kernel.machine.engine import Cause, Stop

PAGE = 0x1_1000  # the second page
# Straight-line instructions of 1 to 11 bytes; none needs memory.
PIECES = [
    bytes.fromhex(text)
    for text in (
        "90",
        "ffc0",
        "48ffc3",
        "4883c105",
        "b878563412",
        "660f1f440000",
        "48c7c201020304",
        "0f1f840000000000",
        "660f1f840000000000",
        "48b88877665544332211",
        "6666660f1f840000000000",
    )
]


def boot(make, code: bytes, end: int = PAGE):
    """Load `code` so that it ends at `end`; returns the machine and the code's address."""
    machine = make("x86_64")
    start = end - len(code)
    machine.load(code, start)
    if PAGE >> 12 not in machine.table.pages:
        machine.map(PAGE, 5)
    machine.map(0x4_0000, 3)
    machine.engine.set("rsp", 0x4_0800)
    return machine, start


def run_to_fault(machine, pc: int, budgets) -> tuple[object, int, int]:
    total = 0
    while True:
        why, detail, executed, pc = machine.engine.run(pc, next(budgets))
        total += executed
        if why != Stop.BUDGET:
            return (why, detail), total, pc


def cuts(seed: int):
    if seed == 0:
        while True:
            yield 100_000
    rng = random.Random(seed)
    while True:
        yield rng.choice((1, 1, 2, 3, 7, 40))


@pytest.mark.parametrize("seed", range(25))
def test_straight_line_into_a_missing_page(make, seed):
    rng = random.Random(seed)
    pieces = [rng.choice(PIECES) for _ in range(rng.choice((3, 12, 60)))]
    code = b"".join(pieces)
    shift = rng.randrange(len(pieces[-1]) + 1)  # how far the last one sticks out
    machine, start = boot(make, code, PAGE + shift)
    second = machine.table.pages.pop(PAGE >> 12)
    needs = start + len(code) - len(pieces[-1]) if shift else PAGE
    count = len(pieces) - 1 if shift else len(pieces)
    results = []
    for cut in range(4):
        machine.engine.reset()
        results.append(run_to_fault(machine, start, cuts(cut)))
        results.append(machine.engine.registers())
        # the fault is not served before its time, at any distance
        if count:
            machine.engine.reset()
            assert machine.engine.run(start, count) == (Stop.BUDGET, None, count, needs)
    assert results[:2] * 4 == results
    assert results[0] == ((Stop.FAULT, (PAGE, 4)), count, needs)
    # served, it goes on as if nothing had been
    machine.table.pages[PAGE >> 12] = second
    machine.ram.write(second & ~0xFFF, (code[len(code) - shift :] + b"\xeb\xfe"))
    left = 20 + (1 if shift else 0)
    assert machine.engine.run(needs, left)[:3] == (Stop.BUDGET, None, left)
    one, _ = boot(make, code, PAGE + shift)
    one.engine.reset()
    one.ram.write(one.pa(PAGE), code[len(code) - shift :] + b"\xeb\xfe")
    one.engine.run(start, count + left)
    assert one.engine.registers() == machine.engine.registers()


@pytest.mark.parametrize(
    ("tail", "expected", "count"),
    [
        ("ebfe", (Stop.BUDGET, None), None),  # jump to itself at the very end
        ("0f0b909090", (Stop.EXCEPTION, (Cause.ILLEGAL, 0)), 0),
        ("9090cc9090", (Stop.EXCEPTION, (Cause.BREAKPOINT, 0)), 3),
        ("488b0425000007009090", (Stop.FAULT, (0x7_0000, 1)), 0),  # a load that misses comes first
        ("0f0590909090", (Stop.SYSCALL, None), 1),
        ("f7f190909090", (Stop.EXCEPTION, (Cause.DIVIDE, 0)), 0),
        ("f4909090", (Stop.EXCEPTION, (Cause.PROTECTION, 0)), 0),
        ("90488b0425000007", (Stop.FAULT, (PAGE, 4)), 1),  # crosses; its operand does not matter
        ("0f3190", (Stop.FAULT, (PAGE, 4)), 2),  # an emulated instruction on the way
    ],
)
def test_what_comes_first_at_a_page_end(make, tail, expected, count):
    for nops in (0, 1, 5, 100):
        for budget in (1, 3, 1000):
            code = b"\x90" * nops + bytes.fromhex(tail)
            machine, start = boot(make, code)
            del machine.table.pages[PAGE >> 12]
            total, pc = 0, start
            while total < 200:
                why, detail, executed, pc = machine.engine.run(pc, budget)
                total += executed
                if why != Stop.BUDGET:
                    break
            assert (why, detail) == expected
            if count is not None:
                assert total == nops + count


def test_repeat_prefix_at_a_page_end(make):
    code = bytes.fromhex("b905000000 bf00000400 f3aa 90")
    machine, start = boot(make, code)
    del machine.table.pages[PAGE >> 12]
    for cut in range(3):
        machine.engine.reset()
        outcome = run_to_fault(machine, start, cuts(cut))
        assert outcome == ((Stop.FAULT, (PAGE, 4)), 2 + 6 + 1, PAGE)


def test_breakpoint_at_a_page_end(make):
    machine, start = boot(make, b"\x90" * 30)
    del machine.table.pages[PAGE >> 12]
    engine = machine.engine
    for stop in (PAGE - 20, PAGE - 15, PAGE - 3, PAGE - 1):
        engine.set_exits(frozenset([stop]))
        assert engine.run(start, 99) == (Stop.EXIT, None, stop - start, stop)
        engine.set_exits(frozenset())
        assert engine.run(stop, 99) == (Stop.FAULT, (PAGE, 4), PAGE - stop, PAGE)
    engine.set_exits(frozenset([PAGE]))
    assert engine.run(start, 99) == (Stop.FAULT, (PAGE, 4), 30, PAGE)
    assert engine.run(start, 30) == (Stop.BUDGET, None, 30, PAGE)


def test_jump_into_the_missing_page_from_its_neighbour(make):
    machine, start = boot(make, bytes.fromhex("9090e90a0000009090"))
    del machine.table.pages[PAGE >> 12]
    target = start + 7 + 10
    assert target > PAGE
    assert machine.engine.run(start, 9) == (Stop.FAULT, (target, 4), 3, target)


def test_page_taken_away_under_translated_code(make):
    """The old translation of a block across both pages must not run on."""
    code = b"\x90" * 10
    machine, start = boot(make, code, PAGE + 4)
    machine.ram.write(machine.pa(PAGE + 4), b"\xeb\xfe")
    assert machine.engine.run(start, 50)[:2] == (Stop.BUDGET, None)
    saved = machine.table.pages[PAGE >> 12]
    machine.unmap(PAGE)
    for _ in range(2):
        assert machine.engine.run(start, 50) == (Stop.FAULT, (PAGE, 4), 6, PAGE)
    machine.table.pages[PAGE >> 12] = saved
    assert machine.engine.run(start, 50)[:2] == (Stop.BUDGET, None)


def test_riscv_instruction_across_pages(make):
    machine = make("riscv64")
    start = machine.load(bytes.fromhex("0100 1305"), PAGE - 4)  # c.nop; half an addi
    machine.engine.reset()
    assert machine.engine.run(start, 9) == (Stop.FAULT, (PAGE, 4), 1, PAGE - 2)
    for _ in range(3):
        assert machine.engine.run(start, 1) == (Stop.BUDGET, None, 1, PAGE - 2)
        assert machine.engine.run(PAGE - 2, 1) == (Stop.FAULT, (PAGE, 4), 0, PAGE - 2)
    machine.load(bytes.fromhex("7500 01a0"), PAGE)
    assert machine.engine.run(PAGE - 2, 1) == (Stop.BUDGET, None, 1, PAGE + 2)
    assert machine.engine.get("a0") == 7
