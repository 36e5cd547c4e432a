"""Breakpoints: stop before the instruction, come and go, survive unmapped pages and switches."""

from __future__ import annotations

import pytest

from kernel.machine.engine import Stop

# Four one-instruction additions of 1 to the return register, then a jump back to the first.
LOOP = {
    "x86_64": "48ffc048ffc048ffc048ffc0ebf2",
    "riscv64": "13051500 13051500 13051500 13051500 6ff01fff",
    "aarch64": "00040091 00040091 00040091 00040091 fcffff17",
}
SIZE = {"x86_64": 3, "riscv64": 4, "aarch64": 4}


@pytest.fixture
def loop(machine):
    pc = machine.load(machine.code(**LOOP))
    size = SIZE[machine.arch.name]
    return machine, [pc + i * size for i in range(5)]


def test_stop_step_off_and_stop_again(loop):
    machine, at = loop
    engine = machine.engine
    engine.run(at[0], 1000)  # translated without exits
    engine.reset()
    stops = frozenset([at[2]])
    engine.set_exits(stops)
    pc, total = at[0], 0
    for turn in range(1, 6):
        why, detail, executed, pc = engine.run(pc, 100)
        total += executed
        assert (why, detail, pc) == (Stop.EXIT, None, at[2])
        assert total == 5 * (turn - 1) + 2
        assert engine.run(pc, 100) == (Stop.EXIT, None, 0, at[2])
        engine.set_exits(frozenset())
        assert engine.run(pc, 1) == (Stop.BUDGET, None, 1, at[3])
        total += 1
        engine.set_exits(stops)
        pc = at[3]
    engine.set_exits(frozenset())
    assert engine.run(pc, 1000)[:3] == (Stop.BUDGET, None, 1000)


def test_budget_that_ends_at_an_exit(loop):
    machine, at = loop
    engine = machine.engine
    engine.set_exits(frozenset([at[2]]))
    assert engine.run(at[0], 2) == (Stop.BUDGET, None, 2, at[2])
    assert engine.run(at[2], 2) == (Stop.EXIT, None, 0, at[2])


def test_many_exits_and_states_do_not_matter(loop):
    machine, at = loop
    engine = machine.engine
    engine.set_exits(frozenset(at))
    trace, pc = [], at[0]
    for _ in range(12):
        engine.set_exits(frozenset(at) - {pc})
        why, _, executed, pc = engine.run(pc, 50)
        assert (why, executed) == (Stop.EXIT, 1)
        trace.append(pc)
    assert trace == [at[i % 5] for i in range(1, 13)]
    assert engine.get(machine.arch.ret) == 10


def test_exits_in_unmapped_pages_wait(make_machine):
    machine = make_machine()
    code = machine.code(x86_64="e9fb0f0000", riscv64="6f100000", aarch64="00040014")
    pc = machine.load(code)  # jumps one page up
    engine = machine.engine
    engine.set_exits(frozenset([pc + 0x1000, 0x77_0000, 0xFFFF_FFFF_FFFF_F000]))
    assert engine.run(pc, 9) == (Stop.FAULT, (pc + 0x1000, 4), 1, pc + 0x1000)
    machine.map(pc + 0x1000, 5)
    assert engine.run(pc, 9) == (Stop.EXIT, None, 1, pc + 0x1000)
    machine.unmap(pc + 0x1000)
    assert engine.run(pc, 1) == (Stop.BUDGET, None, 1, pc + 0x1000)
    machine.map(pc + 0x1000, 5)
    assert engine.run(pc, 9) == (Stop.EXIT, None, 1, pc + 0x1000)


def test_fault_on_the_way_to_an_exit_page(machine):
    code = machine.code(x86_64="e9fb0f0000", riscv64="6f100000", aarch64="00040014")
    pc = machine.load(code)
    machine.engine.set_exits(frozenset([pc + 0x1004]))
    assert machine.engine.run(pc, 9) == (Stop.FAULT, (pc + 0x1000, 4), 1, pc + 0x1000)


def test_exits_belong_to_an_address_space(loop):
    """Two spaces map the same addresses to different frames; the stop is in one of them."""
    machine, at = loop
    engine = machine.engine
    first = machine.pa(at[0]) & ~0xFFF
    second = machine.frame()
    machine.ram.copy(second, first, 4096)
    stop = frozenset([at[1]])
    for _ in range(3):
        machine.map(at[0], 5, first)
        engine.flush_tlb()
        engine.set_exits(stop)
        assert engine.run(at[0], 9) == (Stop.EXIT, None, 1, at[1])
        machine.map(at[0], 5, second)
        engine.flush_tlb()
        engine.set_exits(frozenset())
        assert engine.run(at[0], 9)[:3] == (Stop.BUDGET, None, 9)
        engine.set_exits(stop)
        assert engine.run(at[0], 9) == (Stop.EXIT, None, 1, at[1])
        engine.set_exits(frozenset())


def test_the_same_exits_after_a_switch(loop):
    machine, at = loop
    engine = machine.engine
    first = machine.pa(at[0]) & ~0xFFF
    second = machine.frame()
    machine.ram.copy(second, first, 4096)
    machine.map(at[0], 5, second)
    engine.run(at[0], 100)  # the second space's code, translated without a stop
    machine.map(at[0], 5, first)
    engine.flush_tlb()
    engine.set_exits(frozenset([at[1]]))
    assert engine.run(at[0], 9)[0] == Stop.EXIT
    machine.map(at[0], 5, second)
    engine.flush_tlb()
    assert engine.run(at[0], 9) == (Stop.EXIT, None, 1, at[1])


def test_exits_on_a_page_being_written(machine):
    """Exit addresses are fetched after each burst; on a page in use for data that must not show."""
    frame = machine.map(0x8_0000, 7)
    pc = machine.load(
        machine.code(x86_64="488903ebfb", riscv64="88e1fdbf", aarch64="200000f9ffffff17")
    )
    address = {"x86_64": "rbx", "riscv64": "a1", "aarch64": "x1"}[machine.arch.name]
    machine.engine.set(address, 0x8_0100)
    machine.engine.set_exits(frozenset([0x8_0200]))
    assert machine.engine.run(pc, 1000)[:3] == (Stop.BUDGET, None, 1000)
    assert machine.engine.run(0x8_0200, 10) == (Stop.EXIT, None, 0, 0x8_0200)
    assert frame >> 12 in machine.ram.touched


def test_exit_and_illegal_instruction(make):
    """After a burst that ends with #UD the library fetches from the exits, too."""
    machine = make("x86_64")
    pc = machine.load(bytes.fromhex("900f0b9090"))
    machine.engine.set_exits(frozenset([pc + 3]))
    assert machine.engine.run(pc, 9)[0] == Stop.EXCEPTION
    assert machine.engine.run(pc + 3, 9)[0] == Stop.EXIT
