"""Code that changes, and exits, on both back ends."""

from __future__ import annotations

import pytest
from la64_assembler import A0, A1, A2, A3, RA, T0, ZERO, code, enc, li

from kernel.machine.engine import Stop

RW, RX, RWX = 3, 5, 7
SELF = enc("b", 0)
RETURN = enc("jirl", ZERO, RA, 0)
# Store a1 at a2, call a3, stay.
STORE_CALL = code(enc("st.d", A1, A2, 0), enc("jirl", RA, A3, 0), SELF)
# 20 times: add 1 to the word at a2.
COUNT = code(
    [enc("addi.d", A3, ZERO, 20), enc("ld.d", A0, A2, 0), enc("addi.d", A0, A0, 1)],
    [enc("st.d", A0, A2, 0), enc("addi.d", A3, A3, -1), enc("bnez", A3, -16), SELF],
)
LOOP = code([enc("addi.d", A0, A0, 1)] * 4, enc("b", -16))


@pytest.fixture
def machine(la_machine, backend):
    return la_machine(backend)


def returning(k: int) -> int:
    return enc("addi.d", A0, ZERO, k) | RETURN << 32


def store_call(engine, pc: int, k: int, where: int, target: int) -> int:
    for name, value in (("a1", returning(k)), ("a2", where), ("a3", target), ("a0", 0)):
        engine.set(name, value)
    assert engine.run(pc, 40)[0] == Stop.BUDGET
    return engine.get("a0")


@pytest.mark.parametrize("write_perms", [RW, RWX])
@pytest.mark.parametrize("run_perms", [RX, RWX])
@pytest.mark.parametrize("target", [0x8_0000, 0x9_0000, 0x18_0000])
def test_guest_writes_code(machine, write_perms, run_perms, target):
    if target == 0x8_0000 and (write_perms, run_perms) != (RWX, RWX):
        pytest.skip("one mapping has one set of permissions")
    pc = machine.load(STORE_CALL)
    frame = machine.map(0x8_0000, write_perms)
    if target != 0x8_0000:
        machine.map(target, run_perms, frame)
    got = [store_call(machine.engine, pc, k, 0x8_0100, target + 0x100) for k in (1, 2, 3, 2, 5)]
    assert got == [1, 2, 3, 2, 5]


def test_code_written_across_two_pages(machine):
    pc = machine.load(STORE_CALL)
    machine.map(0x8_0000, RWX)
    machine.map(0x8_1000, RWX)
    got = [store_call(machine.engine, pc, k, 0x8_0FFC, 0x8_0FFC) for k in (1, 2, 3, 2, 5)]
    assert got == [1, 2, 3, 2, 5]


def test_cpus_and_kernel_write_code(la_machine, backend):
    machine = la_machine(backend, cpus=3)
    pc = machine.load(STORE_CALL)
    frame = machine.map(0x8_0000, RW)
    machine.map(0x9_0000, RX, frame)
    got = []
    for k in range(1, 13):
        if k % 4 == 0:
            machine.ram.write_u64(frame, returning(k))
        else:
            assert store_call(machine.engines[k % 3], pc, k, 0x8_0000, 0x9_0000) == k
        # Each runs the code, and writes a word elsewhere in the same frame.
        got += [store_call(engine, pc, 1, 0x8_0800, 0x9_0000) for engine in machine.engines]
    assert got == [k for k in range(1, 13) for _ in range(3)]
    assert frame >> 12 in machine.ram.exec_frames


def test_the_next_instruction_is_overwritten(machine):
    """In the same page and without ibar: the store's effect is there at once."""
    pc = machine.load(code(enc("st.w", A1, A2, 0), enc("addi.d", A0, ZERO, 1), SELF), perms=RWX)
    engine = machine.engine
    for k in (7, 9, 9, 8):
        engine.set("a1", enc("addi.d", A0, ZERO, k))
        engine.set("a2", pc + 4)
        assert engine.run(pc, 30)[0] == Stop.BUDGET
        assert engine.get("a0") == k


def test_page_that_stores_into_itself(la_machine, backend):
    machine = la_machine(backend, cpus=2)
    pc = machine.load(COUNT, perms=RWX)
    for turn, engine in enumerate(machine.engines * 2, 1):
        engine.set("a2", pc + 0x800)
        assert engine.run(pc, 300)[:3] == (Stop.BUDGET, None, 300)
        assert machine.peek(pc + 0x800) == 20 * turn


def test_atomics_on_a_page_with_code(machine):
    amadd = [enc("amadd.d", A0, A1, A2), enc("ll.d", T0, A2, 0), enc("sc.d", T0, A2, 0)]
    pc = machine.load(code(amadd, enc("b", -12)), perms=RWX)
    machine.engine.set("a1", 3)
    machine.engine.set("a2", pc + 0x800)
    assert machine.engine.run(pc, 40)[0] == Stop.BUDGET
    assert machine.peek(pc + 0x800) == 30
    assert machine.engine.get("t0") == 1


def test_counts_do_not_depend_on_conflicts(la_machine, backend):
    """The same loop, alone and with another CPU taking the page away all the time."""
    results = []
    for disturb in (False, True):
        machine = la_machine(backend, cpus=2)
        pc = machine.load(COUNT, perms=RWX)
        engine, other = machine.engines
        for each in machine.engines:
            each.set("a2", pc + 0x800)
        states, at = [], pc
        for _ in range(40):
            why, _, executed, at = engine.run(at, 3)
            assert (why, executed) == (Stop.BUDGET, 3)
            states.append((engine.save(), at))
            if disturb:
                word = machine.peek(pc + 0x800)
                other.run(pc, 5)
                machine.ram.write_u64(machine.pa(pc + 0x800), word)
        results.append(states)
    assert results[0] == results[1]


def test_reused_frame_runs_its_new_code(machine):
    """A frame is freed, zeroed and mapped elsewhere: nothing of its old code remains."""
    pc = machine.load(STORE_CALL)
    machine.map(0x8_0000, RW)
    frame = machine.map(0x9_0000, RX)
    assert frame >> 12 not in machine.ram.exec_frames
    for k in (3, 7):
        machine.ram.zero(frame, 4096)
        machine.ram.write_u64(frame, returning(k))
        assert store_call(machine.engine, pc, 1, 0x8_0000, 0x9_0000) == k


def test_address_spaces_share_addresses_not_code(machine):
    frames = [machine.frame() for _ in range(2)]
    for k, frame in enumerate(frames):
        machine.ram.write_u64(frame, returning(k + 1))
    pc = machine.load(STORE_CALL)
    machine.map(0x8_0000, RW)
    for k in (0, 1, 0, 1):
        machine.map(0x9_0000, RX, frames[k])
        machine.engine.flush_tlb()
        assert store_call(machine.engine, pc, 1, 0x8_0000, 0x9_0000) == k + 1


def test_more_pages_than_the_tlb_has(machine):
    """A kilobyte stride over 1,100 pages, twice: entries are displaced and come back."""
    pages = 1100
    loop = [enc("ld.d", T0, A2, 8), enc("addi.d", T0, T0, 1), enc("st.d", T0, A2, 8)]
    loop += [enc("add.d", A2, A2, A1), enc("addi.d", A3, A3, -1)]
    pc = machine.load(code(loop, enc("bnez", A3, -20), SELF))
    frame = machine.frame()
    for i in range(pages):
        machine.map(0x10_0000 + (i << 12), RW, frame)
    for turn in (1, 2):
        machine.engine.set("a1", 4096)
        machine.engine.set("a2", 0x10_0000)
        machine.engine.set("a3", pages)
        assert machine.engine.run(pc, 6 * pages)[0] == Stop.BUDGET
        assert machine.ram.read_u64(frame + 8) == pages * turn


# -- exits ----------------------------------------------------------------------------------------


@pytest.fixture
def loop(machine):
    pc = machine.load(LOOP)
    return machine, [pc + 4 * i for i in range(5)]


def test_stop_step_off_and_stop_again(loop):
    machine, at = loop
    engine = machine.engine
    engine.run(at[0], 1000)  # decoded without exits
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
    machine.engine.set_exits(frozenset([at[2]]))
    assert machine.engine.run(at[0], 2) == (Stop.BUDGET, None, 2, at[2])
    assert machine.engine.run(at[2], 2) == (Stop.EXIT, None, 0, at[2])


def test_many_exits_and_states_do_not_matter(loop):
    machine, at = loop
    engine = machine.engine
    trace, pc = [], at[0]
    for _ in range(12):
        engine.set_exits(frozenset(at) - {pc})
        why, _, executed, pc = engine.run(pc, 50)
        assert (why, executed) == (Stop.EXIT, 1)
        trace.append(pc)
    assert trace == [at[i % 5] for i in range(1, 13)]
    assert engine.get("a0") == 10


def test_exits_of_one_cpu_do_not_stop_another(la_machine, backend):
    machine = la_machine(backend, cpus=2)
    pc = machine.load(code([enc("addi.d", A0, A0, 1)] * 2, enc("syscall", 0), SELF))
    first, second = machine.engines
    first.set_exits(frozenset([pc + 4, pc + 8]))
    assert first.run(pc, 9) == (Stop.EXIT, None, 1, pc + 4)
    assert second.run(pc, 9) == (Stop.SYSCALL, None, 3, pc + 12)
    second.set_exits(frozenset([pc + 8]))
    second.set_exits(frozenset())
    assert first.run(pc, 9) == (Stop.EXIT, None, 1, pc + 4)
    first.set_exits(frozenset([pc + 8]))
    assert first.run(pc, 9) == (Stop.EXIT, None, 2, pc + 8)


def test_exits_in_unmapped_pages_wait(machine):
    pc = machine.load(code(enc("b", 0x1000)))
    engine, there = machine.engine, pc + 0x1000
    engine.set_exits(frozenset([there, 0x77_0000, 0xFFFF_FFFF_FFFF_F000]))
    assert engine.run(pc, 9) == (Stop.FAULT, (there, 4), 1, there)
    machine.map(there, RX)
    assert engine.run(pc, 9) == (Stop.EXIT, None, 1, there)
    machine.unmap(there)
    assert engine.run(pc, 1) == (Stop.BUDGET, None, 1, there)
    machine.map(there, RX)
    assert engine.run(pc, 9) == (Stop.EXIT, None, 1, there)


def test_exits_follow_the_address_space(loop):
    """Two spaces map the same addresses to different frames."""
    machine, at = loop
    engine = machine.engine
    first = machine.pa(at[0]) & ~0xFFF
    second = machine.frame()
    machine.ram.copy(second, first, 4096)
    machine.map(at[0], RX, second)
    engine.run(at[0], 100)
    stop = frozenset([at[1]])
    for _ in range(3):
        machine.map(at[0], RX, first)
        engine.flush_tlb()
        engine.set_exits(stop)
        assert engine.run(at[0], 9) == (Stop.EXIT, None, 1, at[1])
        machine.map(at[0], RX, second)
        engine.flush_tlb()
        assert engine.run(at[0], 9) == (Stop.EXIT, None, 1, at[1])
        engine.set_exits(frozenset())
        assert engine.run(at[0], 9)[:3] == (Stop.BUDGET, None, 9)


def test_exits_on_a_page_being_written(machine):
    frame = machine.map(0x8_0000, RWX)
    pc = machine.load(code(enc("st.d", A0, A2, 0), enc("b", -4)))
    machine.engine.set("a2", 0x8_0100)
    machine.engine.set_exits(frozenset([0x8_0200]))
    assert machine.engine.run(pc, 1000)[:3] == (Stop.BUDGET, None, 1000)
    assert machine.engine.run(0x8_0200, 10) == (Stop.EXIT, None, 0, 0x8_0200)
    assert frame >> 12 in machine.ram.touched


def test_an_exit_survives_a_write_to_its_page(machine):
    pc = machine.load(
        code(li(A1, 5), enc("st.d", A1, A2, 0), [enc("addi.d", A0, A0, 1)] * 3, SELF), perms=RWX
    )
    engine = machine.engine
    engine.set("a2", pc + 0x800)
    engine.set_exits(frozenset([pc + 28]))
    for _ in range(3):
        assert engine.run(pc, 50) == (Stop.EXIT, None, 7, pc + 28)
