"""Code that changes: by its own hand, through another mapping, by another CPU or the kernel."""

from __future__ import annotations

import pytest

from kernel.machine.engine import Stop

# Store the 64-bit register `value` at `where`, call `target`, jump to itself.
STORE_CALL = {
    "x86_64": "48893effd3ebfe",
    "riscv64": "14e20f100000029701a0",
    "aarch64": "430000f980003fd600000014",
}
VALUE = {"x86_64": "rdi", "riscv64": "a3", "aarch64": "x3"}
WHERE = {"x86_64": "rsi", "riscv64": "a2", "aarch64": "x2"}
TARGET = {"x86_64": "rbx", "riscv64": "a4", "aarch64": "x4"}
# Return the constant 1.
RETURN_1 = {
    "x86_64": "b801000000c39090",
    "riscv64": "1305100067800000",
    "aarch64": "200080d2c0035fd6",
}
ONE = {"x86_64": 1 << 8, "riscv64": 1 << 20, "aarch64": 1 << 5}
# 20 times: add 1 to the word at `where`; x86 then stores 42 at rdi and loads the constant 1.
COUNT = {
    "x86_64": "41bc1400000048ff0641ffcc75f8c6072ab801000000ebfe",
    "riscv64": "930440018332060093821200233056009384f4ffe39804fe6f000000",
    "aarch64": "930280d2490040f929050091490000f9730600f181ffff5400000014",
}
RW, RX, RWX = 3, 5, 7


def returning(machine, k: int) -> int:
    name = machine.arch.name
    return int.from_bytes(bytes.fromhex(RETURN_1[name]), "little") + (k - 1) * ONE[name]


def store_call(machine, engine, pc: int, k: int, where: int, target: int) -> int:
    name = machine.arch.name
    engine.set(VALUE[name], returning(machine, k))
    engine.set(WHERE[name], where)
    engine.set(TARGET[name], target)
    engine.set(machine.arch.sp, 0x4_0800)
    engine.set(machine.arch.ret, 0)
    assert engine.run(pc, 40)[0] == Stop.BUDGET
    return engine.get(machine.arch.ret)


@pytest.mark.parametrize("write_perms", [RW, RWX])
@pytest.mark.parametrize("run_perms", [RX, RWX])
@pytest.mark.parametrize("target", [0x8_0000, 0x9_0000, 0x18_0000])
def test_guest_writes_code(machine, write_perms, run_perms, target):
    if target == 0x8_0000 and (write_perms, run_perms) != (RWX, RWX):
        pytest.skip("one mapping has one set of permissions")
    pc = machine.load(machine.code(**STORE_CALL))
    machine.map(0x4_0000, RW)
    frame = machine.map(0x8_0000, write_perms)
    if target != 0x8_0000:
        machine.map(target, run_perms, frame)
    got = []
    for k in (1, 2, 3, 2, 5):
        got.append(store_call(machine, machine.engine, pc, k, 0x8_0100, target + 0x100))
    assert got == [1, 2, 3, 2, 5]


def test_cpus_and_kernel_write_code(make_machine):
    machine = make_machine(cpus=3)
    pc = machine.load(machine.code(**STORE_CALL))
    machine.map(0x4_0000, RW)
    frame = machine.map(0x8_0000, RW)
    machine.map(0x9_0000, RX, frame)
    got = []
    for k in range(1, 13):
        if k % 4 == 0:
            machine.ram.write_u64(frame, returning(machine, k))
            value = None
        else:
            value = store_call(machine, machine.engines[k % 3], pc, k, 0x8_0000, 0x9_0000)
            assert value == k
        for engine in machine.engines:
            # Runs the code, and writes a word elsewhere in the same frame.
            value = store_call(machine, engine, pc, 1, 0x8_0800, 0x9_0000)
            got.append(value)
    assert got == [k for k in range(1, 13) for _ in range(3)]
    assert frame >> 12 in machine.ram.exec_frames


def test_kernel_write_without_execution_costs_no_translation(machine):
    frame = machine.map(0x9_0000, RX)
    machine.ram.write_u64(frame, returning(machine, 4))
    assert frame >> 12 not in machine.ram.exec_frames


def test_page_that_stores_into_itself(make_machine):
    machine = make_machine(cpus=2)
    name = machine.arch.name
    pc = machine.load(machine.code(**COUNT), perms=RWX)
    for turn, engine in enumerate(machine.engines * 2, 1):
        engine.set(WHERE[name], pc + 0x800)
        if name == "x86_64":
            engine.set("rdi", pc + 18)  # the constant loaded by the next instruction
        assert engine.run(pc, 300)[:3] == (Stop.BUDGET, None, 300)
        assert machine.peek(pc + 0x800) == 20 * turn
        if name == "x86_64":
            assert engine.get("rax") == 42


def test_counts_do_not_depend_on_conflicts(make_machine):
    """The same loop, alone and with another CPU taking the page away all the time."""
    results = []
    for disturb in (False, True):
        machine = make_machine(cpus=2)
        name = machine.arch.name
        pc = machine.load(machine.code(**COUNT), perms=RWX)
        engine, other = machine.engines
        for e in machine.engines:
            e.set(WHERE[name], pc + 0x800)
            if name == "x86_64":
                e.set("rdi", pc + 18)
        states, at = [], pc
        for _ in range(40):
            why, _, executed, at = engine.run(at, 3)
            assert (why, executed) == (Stop.BUDGET, 3)
            states.append((engine.save(), at))
            if disturb:
                other.set(VALUE[name], 0)
                word = machine.peek(pc + 0x800)
                other.run(pc, 4)
                machine.ram.write_u64(machine.pa(pc + 0x800), word)
        results.append(states)
    assert results[0] == results[1]


def test_reused_frame_runs_its_new_code(machine):
    """A frame is freed, zeroed and mapped elsewhere: nothing of its old code remains."""
    pc = machine.load(machine.code(**STORE_CALL))
    machine.map(0x4_0000, RW)
    machine.map(0x8_0000, RW)
    frame = machine.map(0x9_0000, RX)
    for k in (3, 7):
        machine.ram.zero(frame, 4096)
        machine.ram.write_u64(frame, returning(machine, k))
        assert store_call(machine, machine.engine, pc, 1, 0x8_0000, 0x9_0000) == k


def test_address_spaces_share_addresses_not_code(machine):
    frames = [machine.frame() for _ in range(2)]
    for k, frame in enumerate(frames):
        machine.ram.write_u64(frame, returning(machine, k + 1))
    pc = machine.load(machine.code(**STORE_CALL))
    machine.map(0x4_0000, RW)
    machine.map(0x8_0000, RW)
    for k in (0, 1, 0, 1):
        machine.map(0x9_0000, RX, frames[k])
        machine.engine.flush_tlb()
        assert store_call(machine, machine.engine, pc, 1, 0x8_0000, 0x9_0000) == k + 1


def test_a_guest_cannot_use_the_engines_window(machine):
    secret = machine.frame()
    machine.ram.write_u64(secret, returning(machine, 9))
    machine.engine.invalidate_frame(secret)
    for base in (0xFFFF_F000_0000_0000,):
        for pa in (secret, 1 << 40):
            va = base + pa
            assert machine.engine.run(va, 5) == (Stop.FAULT, (va, 4), 0, va)
