"""The engine interface, on both back ends: exact counts, precise faults, code that changes."""

from __future__ import annotations

import random
import struct

import pytest
from la64_assembler import (
    A0,
    A1,
    A2,
    A3,
    A7,
    RA,
    S0,
    S1,
    S2,
    SP,
    T0,
    T1,
    TP,
    ZERO,
    code,
    enc,
    li,
)  # fmt: skip

from kernel.machine.engine import Access, Stop

RW, RX, RWX = 3, 5, 7
SELF = enc("b", 0)
LOOP = [enc("addi.d", A0, A0, 1)] * 4 + [enc("b", -16)]
E = Stop.EXCEPTION

# Loops, calls, page-crossing stores, atomics, FP with a NaN, two system calls, a self-loop.
PROGRAM = code(
    li(S0, 0x2_0000),
    [enc("addi.d", S1, ZERO, 5)],
    [enc("add.d", S2, S2, S1), enc("stx.d", S2, S0, S1), enc("addi.d", S1, S1, -1)],
    [enc("bnez", S1, -12)],
    li(T0, 0x3_0FFC),
    [enc("st.d", S2, T0, 0), enc("ld.d", A1, T0, 0), enc("ld.w", A2, T0, 2)],
    [enc("amadd.d", A3, A1, S0), enc("ll.w", T1, S0, 8), enc("sc.w", T1, S0, 8)],
    [enc("movgr2fr.d", 0, S2), enc("ffint.d.l", 1, 0), enc("fdiv.d", 2, 1, 1)],
    [enc("fsub.d", 3, 3, 3), enc("fdiv.d", 3, 3, 3), enc("fst.d", 3, S0, 64)],
    [enc("fcmp.clt.d", 0, 3, 2), enc("fdiv.d", 4, 2, 1), enc("movfcsr2gr", A2, 0)],
    [enc("ori", A7, ZERO, 64), enc("addi.d", A0, ZERO, 1), enc("syscall", 0)],
    [enc("bl", 12), enc("syscall", 0), SELF],
    [enc("crc.w.d.w", A0, A0, A1), enc("mul.d", A0, A0, A0), enc("jirl", ZERO, RA, 0)],
)
TOTAL = 80


@pytest.fixture
def machine(la_machine, backend):
    return la_machine(backend)


def boot(la_machine, backend):
    machine = la_machine(backend)
    pc = machine.load(PROGRAM)
    machine.engine.set("sp", 0x4_0FF0)
    return machine, pc


def everything(machine):
    return machine.engine.save(), machine.ram.read(machine.ram.base, 0x8000)


def steps(la_machine, backend):
    machine, pc = boot(la_machine, backend)
    out = []
    for _ in range(TOTAL):
        log: list[object] = []
        at = pc
        pc, done = machine.serve(pc, 1, log)
        assert done == 1
        out.append((at, log, everything(machine)))
    return out


def test_any_slicing_equals_single_steps(la_machine, backend):
    single = steps(la_machine, backend)
    assert single[-1][0] == single[-2][0]  # it reached the self-loop
    for seed in range(12):
        rng = random.Random(seed)
        machine, pc = boot(la_machine, backend)
        at = 0
        while at < TOTAL:
            budget = min(rng.choice((1, 2, 3, 5, 17, 100)), TOTAL - at)
            assert pc == single[at][0]
            pc, done = machine.serve(pc, budget, [])
            assert done == budget
            at += done
            assert everything(machine) == single[at - 1][2], (seed, at)


def test_both_back_ends_agree_step_by_step(la_machine, backend):
    if backend == "python":
        pytest.skip("the partner")
    assert steps(la_machine, "llvm") == steps(la_machine, "python")


def test_save_restores_into_another_engine(la_machine, backend):
    whole, pc = boot(la_machine, backend)
    whole.serve(pc, TOTAL, [])
    for cut in (1, 13, 30, 41, 55):
        first, pc = boot(la_machine, backend)
        pc, _ = first.serve(pc, cut, [])
        second = la_machine("python")
        second.table.pages.update(first.table.pages)
        second.next = first.next
        second.ram.write(second.ram.base, first.ram.read(first.ram.base, 0x8000))
        second.engine.set("a0", 99)
        second.engine.restore(first.engine.save())
        assert second.engine.save() == first.engine.save()
        second.serve(pc, TOTAL - cut, [])
        assert everything(second) == everything(whole)
    with pytest.raises(ValueError, match="CPU state of 3 bytes"):
        whole.engine.restore(b"abc")


def test_registers_by_name_and_in_order(machine):
    engine, names = machine.engine, machine.arch.registers
    for i, name in enumerate(names):
        engine.set(name, 0x1234_5678_9ABC_0000 + i)
    values = engine.registers()
    assert values == [0, *(0x1234_5678_9ABC_0000 + i for i in range(1, 33))]
    assert [engine.get(name) for name in names] == values
    engine.set_registers([7 * i for i in range(33)])
    assert engine.registers() == [7 * i for i in range(33)]
    for name in (*machine.arch.fp_registers, "fcsr"):
        engine.set(name, 0x301)
        assert engine.get(name) == 0x301
    engine.set("fcc3", 1)
    assert engine.get("fcc") == 1 << 24
    with pytest.raises(KeyError, match="no register 'bogus'"):
        engine.get("bogus")
    with pytest.raises(KeyError, match="no register 'bogus'"):
        engine.set("bogus", 1)
    engine.reset()
    assert not any(engine.registers())
    assert not any(engine.fp_state())
    assert engine.syscall_args() == [0] * 7


def test_fp_state_is_what_signal_frames_hold(machine):
    engine = machine.engine
    engine.set("f31", 5)
    engine.set("fcc1", 1)
    engine.set("fcsr", 0x1F1F_031F)
    state = engine.fp_state()
    assert struct.unpack("<32Q8BII", state)[31:42] == (5, 0, 1, 0, 0, 0, 0, 0, 0, 0x1F1F_031F, 0)
    engine.reset()
    engine.set_fp_state(state)
    assert engine.fp_state() == state


# -- faults ---------------------------------------------------------------------------------------


def test_faults_are_precise(machine):
    pc = machine.load(code(enc("addi.d", A0, A0, 1), enc("ld.d", A0, A1, 0), SELF))
    engine = machine.engine
    for va in (0x7_1238, 0xDEAD_BEEF_0000_1230, 0xFFFF_F000_8000_0000, 0x7_1FFC, 0x7_1FF9):
        engine.set("a1", va)
        assert engine.run(pc, 50) == (Stop.FAULT, (va, Access.READ), 1, pc + 4)
    machine.map(0x7_1000, RW)
    machine.engine.set("a0", 3)
    assert engine.run(pc, 50) == (Stop.FAULT, (0x7_2000, Access.READ), 1, pc + 4)
    assert engine.get("a0") == 4
    machine.map(0x7_2000, RW)
    machine.poke(0x7_1FF9, bytes(range(1, 9)))
    assert engine.run(pc + 4, 2)[:3] == (Stop.BUDGET, None, 2)
    assert engine.get("a0") == 0x0807_0605_0403_0201


def test_a_store_across_pages_is_whole_or_nothing(machine):
    pc = machine.load(code(enc("st.d", A0, A1, 0), SELF))
    machine.map(0x5_0000, RW)
    machine.engine.set("a0", (1 << 64) - 1)
    machine.engine.set("a1", 0x5_0FFC)
    assert machine.engine.run(pc, 9) == (Stop.FAULT, (0x5_1000, Access.WRITE), 0, pc)
    assert machine.peek(0x5_0FF8) == 0
    machine.map(0x5_1000, RW)
    assert machine.engine.run(pc, 1)[0] == Stop.BUDGET
    assert (machine.peek(0x5_0FFC, 4), machine.peek(0x5_1000, 4)) == (0xFFFF_FFFF, 0xFFFF_FFFF)


def test_a_page_outside_ram_is_a_bus_error(machine):
    pc = machine.load(code(enc("ld.d", A0, A1, 16)))
    machine.map(0x5_0000, RWX, pa=0x4000_0000)
    machine.engine.set("a1", 0x5_0000)
    assert machine.engine.run(pc, 9) == (Stop.BUS, (0x5_0010, 1), 0, pc)
    assert machine.engine.run(0x5_0000, 9) == (Stop.BUS, (0x5_0000, 4), 0, 0x5_0000)


def test_fetch_fault_is_not_served_before_its_time(machine):
    pc = machine.load(code(enc("b", 0x1000)))
    there = pc + 0x1000
    assert machine.engine.run(pc, 1) == (Stop.BUDGET, None, 1, there)
    assert machine.engine.run(there, 1) == (Stop.FAULT, (there, 4), 0, there)
    assert machine.engine.run(pc, 2) == (Stop.FAULT, (there, 4), 1, there)
    end = machine.load(code(enc("addi.d", A0, A0, 1)) * 2, pc + 0xFF8)
    assert machine.engine.run(end, 9) == (Stop.FAULT, (there, 4), 2, there)


def test_dirty_frames(machine):
    pc = machine.load(code(enc("st.d", A0, A1, 0), enc("ld.d", A2, A1, 0), SELF))
    engine = machine.engine
    engine.set("a0", 0x1234)
    engine.set("a1", 0x5_0010)
    pa = machine.map(0x5_0000, 1)
    assert engine.run(pc, 9) == (Stop.FAULT, (0x5_0010, 2), 0, pc)
    assert engine.dirty_frames() == set()
    machine.map(0x5_0000, RW, pa)
    machine.ram.dirty.clear()
    assert engine.run(pc, 2)[0] == Stop.BUDGET
    assert engine.dirty_frames() == {pa >> 12}
    assert pa >> 12 not in machine.ram.dirty
    assert pa >> 12 in machine.ram.touched
    engine.flush_tlb()
    assert pa >> 12 in machine.ram.dirty
    assert engine.dirty_frames() == set()
    machine.map(0x5_0000, 1, pa)
    assert engine.run(pc, 9)[0] == Stop.FAULT  # the permission is gone with the flush


def test_translator_bugs_come_out(machine):
    def broken(va: int, access: int) -> int:
        raise IndexError("table outside RAM")

    machine.table.translate = broken
    with pytest.raises(IndexError, match="table outside RAM"):
        machine.engine.run(0x1000, 5)
    del machine.table.translate
    assert machine.engine.run(0x1000, 5)[0] == Stop.FAULT


# -- reservations ---------------------------------------------------------------------------------

COUNTER = code(
    enc("ll.d", A0, A2, 0), enc("addi.d", A0, A0, 1), enc("sc.d", A0, A2, 0), enc("beqz", A0, -12),
    enc("addi.d", A3, A3, -1), enc("bnez", A3, -20), SELF,
)  # fmt: skip


def test_atomics_of_interleaved_cpus(la_machine, backend):
    for slices in ((1, 3), (2, 2), (7, 5), (1, 50)):
        machine = la_machine(backend, cpus=2)
        pc = machine.load(COUNTER)
        machine.map(0x5_0000, RW)
        at = [pc, pc]
        for engine in machine.engines:
            engine.set("a2", 0x5_0000)
            engine.set("a3", 10)
        for _ in range(400):
            for i, engine in enumerate(machine.engines):
                why, _, _, at[i] = engine.run(at[i], slices[i])
                assert why == Stop.BUDGET
        assert machine.peek(0x5_0000) == 20, slices


def test_restore_clears_the_reservation(machine):
    pc = machine.load(code(enc("ll.w", A0, A2, 0), enc("sc.w", A1, A2, 0), SELF))
    machine.map(0x5_0000, RW)
    engine = machine.engine
    for lose in (False, True):
        engine.set("a2", 0x5_0000)
        engine.set("a1", 5)
        assert engine.run(pc, 1)[0] == Stop.BUDGET
        if lose:
            engine.restore(engine.save())
        engine.run(pc + 4, 1)
        assert engine.get("a1") == int(not lose)
    engine.set("a1", 5)
    engine.run(pc + 4, 1)  # without ll
    assert engine.get("a1") == 0


# -- floating point -------------------------------------------------------------------------------


def test_the_hosts_rounding_is_left_alone(machine):
    """Guest modes do not leak into the host, nor flags from it."""
    down = code(enc("movgr2fcsr", 0, A0), enc("fdiv.d", 0, 1, 2), SELF)
    pc = machine.load(down)
    engine = machine.engine
    engine.set("a0", 3 << 8)
    engine.set("f1", struct.unpack("<Q", struct.pack("<d", 1.0))[0])
    engine.set("f2", struct.unpack("<Q", struct.pack("<d", 3.0))[0])
    one, three = 1.0, 3.0
    for _ in range(3):
        engine.set("f0", 0)
        assert engine.run(pc, 50)[0] == Stop.BUDGET
        assert engine.get("f0") == 0x3FD5_5555_5555_5555
        assert engine.get("fcsr") == 3 << 8 | 1 << 16
        assert (one + 2.0) / three == 1.0 and one / (three + 7) == 0.1
    engine.set("a0", 2 << 8)
    engine.run(pc, 50)
    assert engine.get("f0") == 0x3FD5_5555_5555_5556


def test_thread_pointer_and_stack_are_plain_registers(machine):
    pc = machine.load(code(enc("add.d", A0, TP, SP), SELF))
    machine.engine.set("tp", 3)
    machine.engine.set("sp", 4)
    machine.engine.run(pc, 1)
    assert machine.engine.get("a0") == 7
