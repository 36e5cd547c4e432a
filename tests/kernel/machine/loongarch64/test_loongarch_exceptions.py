"""What stops the CPU besides faults, on both back ends: traps, system calls; what CPUCFG tells."""

from __future__ import annotations

import pytest
from la64_assembler import A0, A1, A2, A3, RA, ZERO, code, enc

from kernel.machine.engine import Cause, Stop

RW, RX, RWX = 3, 5, 7
SELF = enc("b", 0)
E = Stop.EXCEPTION


@pytest.fixture
def machine(la_machine, backend):
    return la_machine(backend)


TRAPS = [
    ("break 0", enc("break", 0), Cause.BREAKPOINT, 0),
    ("break 5", enc("break", 5), Cause.BREAKPOINT, 0),
    ("break 6", enc("break", 6), Cause.OVERFLOW, 0),
    ("break 7", enc("break", 7), Cause.DIVIDE, 0),
    ("zeros", 0, Cause.ILLEGAL, 0),
    ("ones", 0xFFFF_FFFF, Cause.ILLEGAL, 0),
    ("csrrd", enc("csr") | 4, Cause.ILLEGAL, 0),
    ("ertn", enc("ertn"), Cause.ILLEGAL, 0),
    ("amcas.d (v1.1)", 0x3859_8000, Cause.ILLEGAL, 0),
    ("vld", 0x2C00_0080, Cause.VECTOR, 0),
    ("xvld", 0x2C80_0080, Cause.VECTOR, 0),
    ("vadd.b", 0x700A_0000, Cause.VECTOR, 0),
    ("xvor.v", 0x7526_8000, Cause.VECTOR, 0),
    ("vfmadd.d", 0x0920_0000, Cause.VECTOR, 0),
    ("ll.w misaligned", enc("ll.w", A0, A1, 0), Cause.MISALIGNED, 0x5_0001),
    ("sc.d misaligned", enc("sc.d", A0, A1, 0), Cause.MISALIGNED, 0x5_0001),
    ("amadd.d misaligned", enc("amadd.d", A0, A2, A1), Cause.MISALIGNED, 0x5_0001),
    ("asrtle.d", enc("asrtle.d", A1, ZERO), Cause.BOUND, 0x5_0001),
    ("ldgt.d", enc("ldgt.d", A0, A1, A1), Cause.BOUND, 0x5_0001),
]


@pytest.mark.parametrize(("what", "word", "cause", "address"), TRAPS)
def test_exception(machine, what, word, cause, address):
    pc = machine.load(code(enc("addi.d", ZERO, A0, 1), word, SELF))
    machine.map(0x5_0000, RW)
    engine = machine.engine
    engine.set("a1", 0x5_0001)
    before = engine.registers()[:32]
    for _ in range(4):
        assert engine.run(pc, 100) == (E, (cause, address), 1, pc + 4), what
    assert engine.registers()[:32] == before
    assert engine.run(pc, 1) == (Stop.BUDGET, None, 1, pc + 4)
    assert engine.run(pc + 4, 1) == (E, (cause, address), 0, pc + 4)


def test_asserts_compare_signed_numbers(machine):
    pc = machine.load(code(enc("asrtle.d", A0, A1), enc("asrtgt.d", A1, A0), SELF))
    machine.engine.set("a0", (1 << 64) - 1)
    machine.engine.set("a1", 1)
    assert machine.engine.run(pc, 9)[0] == Stop.BUDGET


def test_branch_to_a_misaligned_pc(machine):
    pc = machine.load(code(enc("jirl", RA, A0, 0)))
    machine.engine.set("a0", pc + 6)
    assert machine.engine.run(pc, 5) == (E, (Cause.MISALIGNED, pc + 6), 1, pc + 6)
    assert machine.engine.get("ra") == pc + 4


def test_system_call(machine):
    pc = machine.load(code(enc("syscall", 0), SELF))
    engine = machine.engine
    for i, name in enumerate(("a7", "a0", "a1", "a2", "a3", "a4", "a5")):
        engine.set(name, 10 + i)
    assert engine.run(pc, 9) == (Stop.SYSCALL, None, 1, pc + 4)
    assert engine.syscall_args() == list(range(10, 17))
    assert engine.get("pc") == pc + 4
    engine.set_return(-2)
    assert engine.get("a0") == (1 << 64) - 2
    assert engine.run(pc, 1) == (Stop.SYSCALL, None, 1, pc + 4)


def test_time_is_virtual(machine):
    engine = machine.engine
    read = [enc("rdtime.d", A0, A1), enc("rdtimel.w", A2, ZERO), enc("rdtimeh.w", A3, ZERO)]
    pc = machine.load(code(enc("addi.d", A1, ZERO, 3), read, SELF))
    hz = machine.arch.timer_hz
    for base_ns in (0, 123_456_789_000, 7_000_000_000_000_000):
        for cuts in ((4,), (1, 1, 1, 1), (2, 2), (1, 3)):
            engine.time_base_ns = base_ns
            at = pc
            for cut in cuts:
                why, _, executed, at = engine.run(at, cut)
                assert (why, executed) == (Stop.BUDGET, cut)
                engine.time_base_ns += 5 * cut
            ticks = [(base_ns + 5 * i) * hz // 10**9 for i in (1, 2, 3)]
            low = ticks[1] & 0xFFFF_FFFF
            assert engine.get("a0") == ticks[0]
            assert engine.get("a1") == 0
            assert engine.get("a2") == (low ^ 1 << 31) - (1 << 31) & (1 << 64) - 1
            assert engine.get("a3") == ticks[2] >> 32


def test_cpucfg_says_what_there_is(machine):
    pc = machine.load(code(enc("cpucfg", A0, A1), SELF))
    got = {}
    for number in (0, 1, 2, 3, 4, 5, 6, 0x14, 1 << 31):
        machine.engine.set("a1", number)
        machine.engine.run(pc, 1)
        got[number] = machine.engine.get("a0")
    assert got[2] >> 6 & 3 == 0  # no LSX, no LASX
    assert got[2] & 7 == 7
    assert got[4] * (got[5] & 0xFFFF) // (got[5] >> 16) == machine.arch.timer_hz
    assert got[1] & 3 == 2
    assert {number for number, value in got.items() if not value} == {0, 3, 6, 0x14, 1 << 31}
