"""Registers, floating-point images, save, restore and reset."""

from __future__ import annotations

import struct

import pytest

from kernel.machine.engine import Stop

FP = {
    # x87 stack not at its top, tags mixed, MXCSR and FPCW changed; fxsave [rbx]; jump to itself
    "x86_64": """d9e8d9ebd9ead9f7d9caf30f6fab00040000c78300030000807f00000fae930003000066c783
        000300007f02d9ab000300000fae03ebfe""",
    "riscv64": "8d42d3f222d21d43537323d2d373531a735021007325300027b0740001a0",
    "aarch64": """600080d20500629ee10080d22600629ec718651e0208a0d202441bd523443bd504443bd56702803d
        00000014""",
}
DATA = 0x5_0000


@pytest.fixture
def fp(machine):
    pc = machine.load(machine.code(**FP))
    machine.map(DATA, 3)
    machine.engine.set(
        {"x86_64": "rbx", "riscv64": "s1", "aarch64": "x19"}[machine.arch.name], DATA
    )
    machine.poke(DATA + 0x400, bytes(range(16)))
    assert machine.engine.run(pc, 60)[0] == Stop.BUDGET
    return machine, pc


def test_registers_by_name_and_in_order(machine):
    engine, arch = machine.engine, machine.arch
    names = [name for name in arch.registers if name not in (arch.flags,)]
    values = {name: 0x1234_5678_9ABC_0000 + i for i, name in enumerate(names)}
    for name, value in values.items():
        engine.set(name, value)
    for name, value in values.items():
        assert engine.get(name) == value, name
    got = dict(zip(arch.registers, engine.registers(), strict=True))
    assert {name: got[name] for name in names} == values
    flags = got[arch.flags] if arch.flags else 0
    engine.set_registers([0 if n == arch.flags else 7 * i for i, n in enumerate(arch.registers)])
    again = engine.registers()
    assert again[3] == 21
    engine.set_registers([got[name] for name in arch.registers])
    assert engine.registers() == list(got.values())
    assert flags in (0, 0x202)
    with pytest.raises(KeyError, match="no register 'bogus'"):
        engine.get("bogus")
    for name in arch.fp_registers:
        engine.set(name, 0x42)
        assert engine.get(name) == 0x42


def test_wide_registers(make):
    for name, register in (("x86_64", "xmm7"), ("aarch64", "v31")):
        engine = make(name).engine
        value = 0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF
        engine.set(register, value)
        assert engine.get(register) == value


def test_fp_image_is_what_the_cpu_stores(fp):
    machine, _ = fp
    state = machine.engine.fp_state()
    if machine.arch.name == "x86_64":
        stored = machine.ram.read(machine.pa(DATA), 512)
        # the last-instruction fields (FOP, FIP, FDP) are not kept by this CPU
        assert state[0:6] == stored[0:6]
        assert state[24:28] == stored[24:28]
        assert state[32:416] == stored[32:416]
        assert struct.unpack_from("<I", state, 28) == (0xFFFF,)
        assert struct.unpack_from("<I", state, 24) == (0x7F80,)
        assert struct.unpack_from("<H", state, 0) == (0x27F,)
        assert state[4] not in (0, 0xFF)
        assert state[160 + 80 : 160 + 96] == bytes(range(16))
    elif machine.arch.name == "riscv64":
        assert len(state) == 264
        assert struct.unpack_from("<II", state, 256) == (2 << 5 | 1, 0)  # rdn, inexact
        assert machine.engine.get("a0") == machine.engine.get("fcsr") == 0x41
        assert struct.unpack_from("<d", state, 56) == (7 / 3,)
    else:
        assert len(state) == 520
        assert struct.unpack_from("<II", state, 0) == (0x10, 0x40_0000)
        assert (machine.engine.get("x3"), machine.engine.get("x4")) == (0x10, 0x40_0000)
        assert struct.unpack_from("<d", state, 8 + 7 * 16) == (7 / 3,)


def test_fp_image_round_trip(fp):
    machine, pc = fp
    engine = machine.engine
    state, whole = engine.fp_state(), engine.save()
    engine.reset()
    blank = engine.fp_state()
    assert blank != state
    engine.set_fp_state(state)
    assert engine.fp_state() == state
    engine.restore(whole)
    engine.set_fp_state(blank)
    engine.set_fp_state(state)
    assert engine.fp_state() == state
    if machine.arch.name == "x86_64":  # and the CPU sees it so
        machine.ram.zero(machine.pa(DATA), 512)
        engine.set("rbx", DATA)
        assert engine.run(pc + len(bytes.fromhex(FP["x86_64"])) - 5, 1)[0] == Stop.BUDGET
        assert machine.ram.read(machine.pa(DATA) + 32, 384) == state[32:416]
        assert machine.ram.read(machine.pa(DATA), 5) == state[:5]


def test_reset_is_the_state_of_a_new_program(fp):
    machine, _ = fp
    engine, arch = machine.engine, machine.arch
    fresh = machine.engine.save()
    engine.reset()
    assert engine.save() != fresh
    assert [v for n, v in zip(arch.registers, engine.registers(), strict=True) if v] == (
        [0x202] if arch.name == "x86_64" else []
    )
    state = engine.fp_state()
    if arch.name == "x86_64":
        assert struct.unpack_from("<HHB", state) == (0x37F, 0, 0)
        assert struct.unpack_from("<II", state, 24) == (0x1F80, 0xFFFF)
        assert not any(state[32:])
    else:
        assert not any(state)


def test_state_of_another_cpu_is_refused(machine):
    with pytest.raises(ValueError, match="CPU state of 3 bytes"):
        machine.engine.restore(b"abc")


def test_thread_pointers(make):
    machine = make("x86_64")
    pc = machine.load(bytes.fromhex("64488b042510000000654803042508000000ebfe"))
    machine.map(DATA, 3)
    machine.poke(DATA + 0x10, b"\x05")
    machine.poke(DATA + 0x108, b"\x06")
    engine = machine.engine
    engine.set("fs_base", DATA)
    engine.set("gs_base", DATA + 0x100)
    state = engine.save()
    engine.reset()
    engine.restore(state)
    engine.run(pc, 2)
    assert engine.get("rax") == 11
    machine = make("aarch64")
    pc = machine.load(bytes.fromhex("40d03bd541d01bd500000014"))
    machine.engine.set("tpidr_el0", 0x1234)
    machine.engine.set("x1", 0x5678)
    machine.engine.run(pc, 2)
    assert machine.engine.get("x0") == 0x1234
    assert machine.engine.get("tpidr_el0") == 0x5678


def test_restore_clears_the_reservation(make):
    for name, code, result in (
        ("riscv64", "2f a5 04 10 2f b5 b4 18".replace(" ", ""), "a0"),  # lr.w; sc.d
        ("aarch64", "627e5f88 627e0388".replace(" ", ""), "x3"),  # ldxr w2; stxr w3
    ):
        machine = make(name)
        code = {"riscv64": "2fa50410 2fa5b418", "aarch64": "627e5f88 627e0388"}[name]
        pc = machine.load(bytes.fromhex(code))
        machine.map(DATA, 3)
        engine = machine.engine
        outcomes = []
        for clear in (False, True):
            engine.reset()
            engine.set({"riscv64": "s1", "aarch64": "x19"}[name], DATA)
            at = engine.run(pc, 1)[3]
            if clear:
                engine.restore(engine.save())
            engine.run(at, 1)
            outcomes.append(engine.get(result))
        assert outcomes == [0, 1], name


def test_user_mode_is_kept_by_restore(make):
    machine = make("x86_64")
    pc = machine.load(bytes.fromhex("f4"))
    machine.engine.restore(machine.engine.save())
    assert machine.engine.run(pc, 5)[0] == Stop.EXCEPTION
