"""Exceptions: cause, pc and count; instructions the engine carries out itself."""

from __future__ import annotations

import pytest

from kernel.machine.arch import ARCHES
from kernel.machine.engine import Cause, Stop

E = Stop.EXCEPTION

# (architecture, what, bytes after a one-instruction no-op, cause, pc offset from the instruction,
#  instructions counted with the no-op)
TRAPS = [
    ("x86_64", "ud2", "0f0b", Cause.ILLEGAL, 0, 1),
    ("x86_64", "int3", "cc", Cause.BREAKPOINT, 1, 2),
    ("x86_64", "int 3", "cd03", Cause.BREAKPOINT, 2, 2),
    ("x86_64", "int 0x80", "cd80", Cause.PROTECTION, 0, 1),
    ("x86_64", "int 0", "cd00", Cause.PROTECTION, 0, 1),
    ("x86_64", "int 13", "cd0d", Cause.PROTECTION, 0, 1),
    ("x86_64", "int 4", "cd04", Cause.PROTECTION, 0, 1),
    ("x86_64", "hlt", "f4", Cause.PROTECTION, 0, 1),
    ("x86_64", "cli", "fa", Cause.PROTECTION, 0, 1),
    ("x86_64", "mov cr3, rax", "0f22d8", Cause.PROTECTION, 0, 1),
    ("x86_64", "rdmsr", "0f32", Cause.PROTECTION, 0, 1),
    ("x86_64", "swapgs", "0f01f8", Cause.PROTECTION, 0, 1),
    ("x86_64", "wbinvd", "0f09", Cause.PROTECTION, 0, 1),
    ("x86_64", "rdtscp", "0f01f9", Cause.ILLEGAL, 0, 1),
    ("x86_64", "rdrand", "480fc7f0", Cause.ILLEGAL, 0, 1),
    ("x86_64", "div ecx", "f7f1", Cause.DIVIDE, 0, 1),
    ("x86_64", "idiv r9", "49f7f9", Cause.DIVIDE, 0, 1),
    ("riscv64", "ebreak", "73001000", Cause.BREAKPOINT, 0, 1),
    ("riscv64", "c.ebreak", "0290", Cause.BREAKPOINT, 0, 1),
    ("riscv64", "unimp", "731000c0", Cause.ILLEGAL, 0, 1),
    ("riscv64", "zeros", "00000000", Cause.ILLEGAL, 0, 1),
    ("riscv64", "csrr mstatus", "73250030", Cause.ILLEGAL, 0, 1),
    ("riscv64", "wfi", "73005010", Cause.ILLEGAL, 0, 1),
    ("riscv64", "mret", "73002030", Cause.ILLEGAL, 0, 1),
    ("riscv64", "lr.w misaligned", "2fa50410", Cause.MISALIGNED, 0, 1),
    ("riscv64", "csrw time", "731015c0", Cause.ILLEGAL, 0, 1),
    ("aarch64", "brk 0", "000020d4", Cause.BREAKPOINT, 0, 1),
    ("aarch64", "udf", "00000000", Cause.ILLEGAL, 0, 1),
    ("aarch64", "hvc", "020000d4", Cause.ILLEGAL, 0, 1),
    ("aarch64", "smc", "030000d4", Cause.ILLEGAL, 0, 1),
    ("aarch64", "msr vbar_el1", "00c018d5", Cause.ILLEGAL, 0, 1),
    ("aarch64", "mrs sctlr_el1", "001038d5", Cause.ILLEGAL, 0, 1),
    ("aarch64", "mrs cntpct_el0", "20e03bd5", Cause.ILLEGAL, 0, 1),
    ("aarch64", "ldxr misaligned", "607e5f c8".replace(" ", ""), Cause.MISALIGNED, 0, 1),
]
NOP = {"x86_64": "90", "riscv64": "0100", "aarch64": "1f2003d5"}
SELF = {"x86_64": "ebfe", "riscv64": "01a0", "aarch64": "00000014"}


@pytest.mark.parametrize(("arch_name", "what", "code", "cause", "offset", "count"), TRAPS)
def test_exception(make, arch_name, what, code, cause, offset, count):
    machine = make(arch_name)
    pc = machine.load(bytes.fromhex(NOP[arch_name] + code + SELF[arch_name] * 2))
    machine.map(0x5_0000, 3)
    engine = machine.engine
    if "misaligned" in what:
        engine.set({"riscv64": "s1", "aarch64": "x19"}[arch_name], 0x5_0001)
    at = pc + len(bytes.fromhex(NOP[arch_name]))
    before = engine.registers()
    for _ in range(4):  # the third identical fault must look like the first
        why, detail, executed, where = engine.run(pc, 100)
        assert (why, detail[0], executed, where) == (E, cause, count, at + offset), what
    after = engine.registers()
    where = machine.arch.registers.index(machine.arch.pc)
    assert after[:where] == before[:where]
    assert engine.run(pc, 1) == (Stop.BUDGET, None, 1, at)


def test_ldxr_operand_is_what_the_table_says():
    # ldxr x0, [x19]: keep the hex above honest
    word = int.from_bytes(bytes.fromhex("607e5fc8"), "little")
    assert word & 31 == 0 and word >> 5 & 31 == 19


def test_branch_to_a_misaligned_pc(make):
    machine = make("aarch64")
    pc = machine.load(bytes.fromhex("60021fd6"))  # br x19
    machine.engine.set("x19", pc + 6)
    assert machine.engine.run(pc, 5) == (E, (Cause.MISALIGNED, pc + 6), 1, pc + 6)


def test_trap_flag_steps(make):
    machine = make("x86_64")
    pc = machine.load(bytes.fromhex("90909090"))
    machine.engine.set("eflags", 0x302)
    assert machine.engine.run(pc, 9) == (E, (Cause.STEP, 0), 1, pc + 1)


def test_user_may_not_load_system_flags(make):
    machine = make("x86_64")
    machine.engine.set("eflags", 0xFFFF_FFFF)
    assert machine.engine.get("eflags") & 0x3000 == 0  # IOPL
    values = machine.engine.registers()
    values[machine.arch.registers.index("eflags")] |= 0x3000
    machine.engine.set_registers(values)
    assert machine.engine.get("eflags") & 0x3000 == 0


def test_syscall_writes_rcx_and_r11(make):
    machine = make("x86_64")
    pc = machine.load(bytes.fromhex("f90f05"))  # stc; syscall
    engine = machine.engine
    names = [machine.arch.syscall_nr, *machine.arch.syscall_args]
    for i, name in enumerate(names):
        engine.set(name, (1 << 63) + i)
    assert engine.run(pc, 9) == (Stop.SYSCALL, None, 2, pc + 3)
    assert engine.syscall_args() == [(1 << 63) + i for i in range(7)]
    assert engine.get("rcx") == pc + 3
    assert engine.get("r11") == 0x203
    engine.set_return(-38)
    assert engine.get("rax") == 2**64 - 38
    assert engine.syscall_args()[0] == 2**64 - 38


def test_cpuid_shows_no_host_dependent_feature(make):
    machine = make("x86_64")
    pc = machine.load(bytes.fromhex("0fa2"))
    machine.engine.set("rax", 1)
    machine.engine.run(pc, 1)
    ecx = machine.engine.get("rcx")
    assert not ecx >> 30 & 1  # RDRAND
    assert not ecx >> 28 & 1  # AVX
    assert ecx >> 20 & 1  # SSE4.2


TIME = {
    # nop; read the counter into the return register (twice); jump to itself
    "x86_64": "900f310f31",
    "riscv64": "0100732510c0732510c0",
    "aarch64": "1f2003d540e03bd540e03bd5",
}


def test_time_is_virtual(machine):
    engine, name = machine.engine, machine.arch.name
    pc = machine.load(bytes.fromhex(TIME[name] + SELF[name]))
    hz = machine.arch.timer_hz
    for base_ns in (0, 123_456_789_000, 7_000_000_000_000):
        for cuts in ((3,), (1, 1, 1), (2, 1)):
            engine.time_base_ns = base_ns
            at = pc
            for cut in cuts:
                why, _, executed, at = engine.run(at, cut)
                assert (why, executed) == (Stop.BUDGET, cut)
                engine.time_base_ns += 5 * cut
            low = engine.get(machine.arch.ret)
            value = low | engine.get("rdx") << 32 if name == "x86_64" else low
            assert value == (base_ns + 5 * 2) * hz // 10**9
    assert engine.run(at, 10)[:3] == (Stop.BUDGET, None, 10)


def test_other_counters_of_riscv_are_virtual(make):
    machine = make("riscv64")
    # nop; csrr a0, cycle; csrr a1, instret; csrr zero, cycle; j .
    pc = machine.load(bytes.fromhex("0100 732500c0 f32520c0 732000c0 01a0"))
    engine = machine.engine
    for _ in range(2):
        engine.time_base_ns = 5_000
        assert engine.run(pc, 9)[:3] == (Stop.BUDGET, None, 9)
        assert (engine.get("a0"), engine.get("a1")) == (1001, 1002)
        engine.flush_tlb()
    for cuts in ((1, 1, 1, 1), (2, 1, 1), (1, 3)):
        engine.reset()
        engine.time_base_ns, at = 5_000, pc
        for cut in cuts:
            why, _, executed, at = engine.run(at, cut)
            assert (why, executed) == (Stop.BUDGET, cut)
            engine.time_base_ns += 5 * cut
        assert (engine.get("a0"), engine.get("a1")) == (1001, 1002)
    engine.set_exits(frozenset([pc + 6]))
    assert engine.run(pc, 9) == (Stop.EXIT, None, 2, pc + 6)


def test_registers_linux_emulates_on_aarch64(make):
    machine = make("aarch64")
    code = (
        "000038d5"  # mrs x0, midr_el1
        "01e03bd5"  # mrs x1, cntfrq_el0
        "020638d5"  # mrs x2, id_aa64isar0_el1
        "430738d5"  # mrs x3, id_aa64mmfr2_el1
        "7f2003d5"  # wfi
        "240138d5"  # mrs x4, id_mmfr... (32-bit: zero)
        "25003bd5"  # mrs x5, ctr_el0: allowed
    )
    pc = machine.load(bytes.fromhex(code))
    engine = machine.engine
    engine.set("x4", 9)
    assert engine.run(pc, 7) == (Stop.BUDGET, None, 7, pc + 28)
    assert engine.get("x0") == 0x410F_D083
    assert engine.get("x1") == ARCHES["aarch64"].timer_hz
    assert engine.get("x2") == 0x1_1120
    assert (engine.get("x3"), engine.get("x4")) == (0, 0)
    assert engine.get("x5") != 0
