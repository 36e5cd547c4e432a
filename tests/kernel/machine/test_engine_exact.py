"""Counts, faults and final states are the same however the run is cut."""

from __future__ import annotations

import random

import pytest

from kernel.machine.engine import Access, Stop

# Loops, string moves, atomics, page-crossing stores, calls, FP, two system calls, then a self-loop.
PROGRAM = {
    "x86_64": """48c7c300000200b90500000048890ccb480304cb505affc975f248c7c7f00f0200b907000000b841
        000000f3ab48c7c6f00f020048c7c700080200b91c000000f3a4f0480fc103b8270000000f05e828
        000000f2480f2ac0f20f51c8f20f118b00010000dd8300010000d8c0dd9b08010000b83c0000000f
        05ebfe486bc04d4831d0c3""",
    "riscv64": """b7040200154993123900a69223b0220103b302001a957d19e31709feb7130200f113374e2301130e
        7e56520e23b0c30183be03002faf04100d0fafafe419e39b0ffeafb5c4019308c00a73000000ef00
        a001537525d2d375055a27b0b4109308d0057300000001a03305c503334565008280""",
    "aarch64": """5300a0d2b40080d2747a34f8617a74f80000018b940600f181ffff5495ff81d25500a0f216128fd2
        d68aa6f2b60200f9b70240f9765e81a9627e5f88420c0011627e0388a3ffff35881580d2010000d4
        090000940000629e01c0611e618200fd62a2404c4484234ea80b80d2010000d400000014007c169b
        000001cac0035fd6""",
}
TOTAL = 110  # reaches the self-loop on all three
STACK = 0x3_0FF8


def boot(make, arch_name: str):
    machine = make(arch_name)
    pc = machine.load(machine.code(**PROGRAM))
    machine.engine.set(machine.arch.sp, STACK)
    return machine, pc


def everything(machine) -> tuple[bytes, bytes]:
    # Frames are handed out in fault order, which is the same in every run.
    return machine.engine.save(), machine.ram.read(machine.ram.base, 0x8000)


@pytest.fixture(scope="module")
def oracle_cache() -> dict:
    return {}


def test_any_slicing_equals_single_steps(make, arch_name, oracle_cache):
    machine, pc = boot(make, arch_name)
    states, steps = [everything(machine)], []
    for _ in range(TOTAL):
        steps.append(pc)
        log = []
        pc, done = machine.serve(pc, 1, log)
        assert done == 1
        states.append(everything(machine))
    oracle_log = None
    for seed in range(12):
        rng = random.Random(seed)
        machine, pc = boot(make, arch_name)
        at, log = 0, []
        while at < TOTAL:
            budget = min(rng.choice((1, 2, 3, 5, 17, 100, 1000)), TOTAL - at)
            known = len(log)
            pc, done = machine.serve(pc, budget, log)
            for i in range(known, len(log)):
                log[i] = (log[i][0], log[i][1] + at, *log[i][2:])
            at += done
            assert done == budget
            assert everything(machine) == states[at], (seed, at)
            if at < TOTAL:
                assert pc == steps[at]
        assert len([entry for entry in log if entry[0] == "call"]) == 2
        if oracle_log is None:
            oracle_log = log
        assert log == oracle_log


def test_engines_in_one_process_agree(make, arch_name):
    results = []
    for _ in range(2):
        machine, pc = boot(make, arch_name)
        log = []
        machine.serve(pc, TOTAL, log)
        results.append((everything(machine), log))
    assert results[0] == results[1]


def test_save_restores_into_another_engine(make, arch_name):
    whole, pc = boot(make, arch_name)
    whole.serve(pc, TOTAL, [])
    for cut in (1, 13, 47, 70, 97):
        first, pc = boot(make, arch_name)
        pc, _ = first.serve(pc, cut, [])
        state = first.engine.save()
        second = make(arch_name)
        second.table.pages.update(first.table.pages)
        second.next = first.next
        second.ram.write(second.ram.base, first.ram.read(first.ram.base, 0x8000))
        second.engine.set(second.arch.ret, 99)
        second.engine.restore(state)
        assert second.engine.save() == state
        second.serve(pc, TOTAL - cut, [])
        assert everything(second) == everything(whole)


def test_faults_are_precise(machine):
    load = machine.code(
        x86_64="90488b03ebfe",  # nop; mov rax, [rbx]; jmp .
        riscv64="01008861 01a0",  # c.nop; c.ld a0, 0(a1); c.j .
        aarch64="1f2003d5 200040f9 00000014",  # nop; ldr x0, [x1]; b .
    )
    address = {"x86_64": "rbx", "riscv64": "a1", "aarch64": "x1"}[machine.arch.name]
    pc = machine.load(load)
    at = pc + {"x86_64": 1, "riscv64": 2, "aarch64": 4}[machine.arch.name]
    engine = machine.engine
    for va in (0x7_1238, 0xDEAD_BEEF_0000_1230, 0xFFFF_F000_8000_0000, 0x7_1FFC):
        engine.set(address, va)
        fault_va = engine.run(pc, 50)
        assert fault_va[0] == Stop.FAULT and fault_va[2:] == (1, at)
        where, access = fault_va[1]
        assert (where, access) == (va, Access.READ)
    engine.set(address, 0x7_1238)
    machine.map(0x7_1000, 3)
    machine.poke(0x7_1238, b"\x2a")
    assert engine.run(at, 2)[:3] == (Stop.BUDGET, None, 2)
    assert engine.get(machine.arch.ret) == 42


def test_a_page_outside_ram_is_a_bus_error(machine):
    pc = machine.load(machine.code(x86_64="488b03", riscv64="8861 0100", aarch64="200040f9"))
    address = {"x86_64": "rbx", "riscv64": "a1", "aarch64": "x1"}[machine.arch.name]
    machine.map(0x5_0000, 7, pa=0x4000_0000)
    machine.engine.set(address, 0x5_0010)
    assert machine.engine.run(pc, 9) == (Stop.BUS, (0x5_0010, 1), 0, pc)
    assert machine.engine.run(0x5_0000, 9) == (Stop.BUS, (0x5_0000, 4), 0, 0x5_0000)


def test_fetch_fault_is_not_served_before_its_time(machine):
    jump = machine.code(
        x86_64="e9fb0f0000", riscv64="6f100000", aarch64="00040014"
    )  # to the next page, same offset
    pc = machine.load(jump)
    assert machine.engine.run(pc, 1) == (Stop.BUDGET, None, 1, pc + 0x1000)
    assert machine.engine.run(pc + 0x1000, 1) == (Stop.FAULT, (pc + 0x1000, 4), 0, pc + 0x1000)
    assert machine.engine.run(pc, 2) == (Stop.FAULT, (pc + 0x1000, 4), 1, pc + 0x1000)


def test_write_fault_then_read_only_page(machine):
    pc = machine.load(
        machine.code(x86_64="488903ebfe", riscv64="88e101a0", aarch64="200000f900000014")
    )
    address = {"x86_64": "rbx", "riscv64": "a1", "aarch64": "x1"}[machine.arch.name]
    machine.engine.set(address, 0x5_0010)
    machine.engine.set(machine.arch.ret, 0x1234)
    assert machine.engine.run(pc, 9) == (Stop.FAULT, (0x5_0010, 2), 0, pc)
    pa = machine.map(0x5_0000, 1)
    assert machine.engine.run(pc, 9) == (Stop.FAULT, (0x5_0010, 2), 0, pc)
    assert machine.engine.dirty_frames() == set()
    machine.map(0x5_0000, 3, pa)
    assert machine.engine.run(pc, 1)[0] == Stop.BUDGET
    assert machine.ram.read_u64(pa + 0x10) == 0x1234
    assert machine.engine.dirty_frames() == {pa >> 12}
    assert pa >> 12 not in machine.ram.dirty
    machine.engine.flush_tlb()
    assert pa >> 12 in machine.ram.dirty
    assert machine.engine.dirty_frames() == set()
