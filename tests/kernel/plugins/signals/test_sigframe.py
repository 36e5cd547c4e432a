"""Frame layouts against Linux's numbers, and setup followed by rt_sigreturn."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from kernel.crates.errno import LinuxError
from kernel.crates.siginfo import SEGV_MAPERR, SigInfo
from kernel.crates.signal import SaFlags, SigAction
from kernel.plugins.starry.core import sigframe
from kernel.plugins.starry.core.altstack import SS_AUTODISARM, AltStack
from kernel.plugins.starry.core.sigframe import aarch64, loongarch64, riscv64, x86_64
from kernel.plugins.starry.core.signal import FaultRecord, return_from_signal

HANDLER, RESTORER, MASK = 0x41_2340, 0x41_5550, 0x0000_0001_0000_0200
ACTION = SigAction(HANDLER, SaFlags.SIGINFO | SaFlags.RESTORER, RESTORER, 0)
INFO = SigInfo(11, SEGV_MAPERR, addr=0xBAD_F00D)


def scramble(machine: Any, seed: int) -> None:
    """Random registers (sp stays a stack pointer) and FP bytes."""
    dice = random.Random(seed)
    engine, arch = machine.thread.cpu.engine, machine.arch
    for name in arch.registers:
        if name not in (arch.sp, "zero", "eflags", "nzcv", arch.pc):
            engine.set(name, dice.getrandbits(64))
    if "eflags" in arch.registers:
        engine.set("eflags", 0x246)
    if "nzcv" in arch.registers:
        engine.set("nzcv", dice.getrandbits(4) << 28)
    machine.thread.cpu.pc = 0x40_1234 + 4 * dice.getrandbits(8)
    engine.set(arch.pc, machine.thread.cpu.pc)
    fp = bytearray(dice.randbytes(len(engine.fp)))
    if arch.name == "x86_64":
        struct.pack_into("<II", fp, 24, 0x1FA5, 0xFFFF)
        fp[464:] = bytes(48)
    engine.fp = bytes(fp)


def state(machine: Any) -> tuple[dict[str, int], int, bytes]:
    cpu = machine.thread.cpu
    return dict(cpu.engine.values), cpu.pc, cpu.engine.fp


@pytest.mark.parametrize("seed", range(5))
def test_round_trip(machine: Any, seed: int) -> None:
    scramble(machine, seed)
    t, cpu = machine.thread, machine.thread.cpu
    t.signal.blocked = MASK
    before = state(machine)
    sigframe.setup(t, cpu, INFO, ACTION, MASK)
    assert cpu.pc == cpu.engine.get(machine.arch.pc) == HANDLER
    assert state(machine) != before
    frame_sp = cpu.engine.get(machine.arch.sp)
    # the handler runs, clobbers everything, and returns
    scramble(machine, seed + 100)
    entry_sp = frame_sp + 8 if machine.arch.name == "x86_64" else frame_sp
    cpu.engine.set(machine.arch.sp, entry_sp)
    if machine.arch.name == "x86_64":
        cpu.engine.set("fs_base", before[0]["fs_base"])
        cpu.engine.set("gs_base", before[0]["gs_base"])
    if machine.arch.name == "aarch64":
        cpu.engine.set("tpidr_el0", before[0]["tpidr_el0"])
    t.signal.blocked = 0
    assert return_from_signal(t) == before[0][machine.arch.ret]
    assert state(machine) == before
    assert t.signal.blocked == MASK


def test_x86_offsets(x86: Any) -> None:
    """Numbers printed by a C program on Linux (glibc's ucontext_t, a real frame)."""
    scramble(x86, 1)
    t, cpu = x86.thread, x86.thread.cpu
    t.signal.fault = FaultRecord(14, 6, 0xBAD_F00D)
    values = dict(cpu.engine.values)
    pc, fp = cpu.pc, cpu.engine.fp
    sigframe.setup(t, cpu, INFO, ACTION, MASK)
    sp = cpu.engine.get("rsp")
    assert sp % 16 == 8 and x86.mem.read_u64(sp) == RESTORER
    uc, info = cpu.engine.get("rdx"), cpu.engine.get("rsi")
    assert (uc, info) == (sp + 8, sp + 8 + 304)
    assert uc % 16 == 0
    assert cpu.engine.get("rdi") == 11 and cpu.engine.get("rax") == 0
    word = [x86.mem.read_u64(uc + 8 * i) for i in range(38)]
    assert word[0] == 6 and word[1] == 0  # uc_flags without UC_FP_XSTATE, uc_link
    gregs = dict(
        zip(
            x86_64._GREGS,
            word[5:23],
            strict=True,
        )
    )
    assert gregs == {name: values[name] for name in gregs} | {"rip": pc}
    assert word[23] == 0x002B_0000_0000_0033  # cs gs fs ss
    assert word[24:28] == [6, 14, MASK, 0xBAD_F00D]  # err trapno oldmask cr2
    fpstate = word[28]
    assert fpstate % 64 == 0 and fpstate >= info + 128
    assert x86.mem.read(fpstate, 512) == fp
    assert word[37] == MASK  # uc_sigmask at 296
    assert x86.mem.read(info, 128) == INFO.pack()
    assert fpstate + 512 <= values["rsp"] - 128  # the red zone is untouched
    assert x86_64.FRAME_BYTES == 440
    assert cpu.engine.fp == x86_64.FRESH_FP


def test_x86_direction_flag_is_cleared(x86: Any) -> None:
    x86.thread.cpu.engine.set("eflags", 0x646)
    sigframe.setup(x86.thread, x86.thread.cpu, INFO, ACTION, 0)
    assert x86.thread.cpu.engine.get("eflags") == 0x246


def test_x86_needs_restorer(x86: Any) -> None:
    with pytest.raises(LinuxError):
        sigframe.setup(x86.thread, x86.thread.cpu, INFO, SigAction(HANDLER), 0)


def test_riscv_offsets(make_machine: Any) -> None:
    machine = make_machine("riscv64")
    scramble(machine, 2)
    t, cpu = machine.thread, machine.thread.cpu
    values, pc, fp = dict(cpu.engine.values), cpu.pc, cpu.engine.fp
    sigframe.setup(t, cpu, INFO, ACTION, MASK)
    sp = cpu.engine.get("sp")
    assert riscv64.FRAME_BYTES == 1088 and sp % 16 == 0
    assert [cpu.engine.get(r) for r in ("a0", "a1", "a2", "ra")] == [11, sp, sp + 128, 0x9000]
    assert machine.mem.read(sp, 128) == INFO.pack()
    assert machine.mem.read_u64(sp + 128 + 40) == MASK
    regs = [machine.mem.read_u64(sp + 304 + 8 * i) for i in range(32)]
    assert regs == [pc, *(values[r] for r in machine.arch.registers[:31])]
    assert machine.mem.read(sp + 560, 264) == fp
    assert not any(machine.mem.read(sp + 560 + 264, 264))


def test_aarch64_offsets(make_machine: Any) -> None:
    machine = make_machine("aarch64")
    scramble(machine, 3)
    t, cpu = machine.thread, machine.thread.cpu
    t.signal.fault = FaultRecord(address=0xBAD_F00D, esr=0x9200_0047)
    values, pc, fp = dict(cpu.engine.values), cpu.pc, cpu.engine.fp
    sigframe.setup(t, cpu, INFO, ACTION, MASK)
    sp = cpu.engine.get("sp")
    assert aarch64.FRAME_BYTES == 4688 and sp % 16 == 0
    assert [cpu.engine.get(f"x{i}") for i in (0, 1, 2, 30)] == [11, sp, sp + 128, RESTORER]
    record = cpu.engine.get("x29")
    assert record == sp + 4688
    assert machine.mem.read_u64(record) == values["x29"]
    assert machine.mem.read_u64(record + 8) == values["x30"]
    context = [machine.mem.read_u64(sp + 304 + 8 * i) for i in range(35)]
    assert context[0] == 0xBAD_F00D
    assert context[1:32] == [values[f"x{i}"] for i in range(31)]
    assert context[32:] == [values["sp"], pc, values["nzcv"]]
    assert struct.unpack("<II", machine.mem.read(sp + 592, 8)) == (0x46508001, 528)
    assert machine.mem.read(sp + 600, 520) == fp
    esr = struct.unpack("<IIQ", machine.mem.read(sp + 592 + 528, 16))
    assert esr == (0x45535201, 16, 0x9200_0047)
    assert not any(machine.mem.read(sp + 592 + 544, 8))


def test_loongarch_offsets(make_machine: Any) -> None:
    machine = make_machine("loongarch64")
    scramble(machine, 4)
    t, cpu = machine.thread, machine.thread.cpu
    t.signal.fault = FaultRecord(error_code=2)
    values, pc, fp = dict(cpu.engine.values), cpu.pc, cpu.engine.fp
    top = values["sp"] & -16
    sigframe.setup(t, cpu, INFO, ACTION, MASK)
    sp = cpu.engine.get("sp")
    assert loongarch64.FRAME_BYTES == 576 and sp == top - 16 - 288 - 576
    assert [cpu.engine.get(r) for r in ("a0", "a1", "a2", "ra")] == [11, sp, sp + 128, 0x9000]
    context = [machine.mem.read_u64(sp + 304 + 8 * i) for i in range(33)]
    assert context == [pc, *(values[r] for r in machine.arch.registers[:32])]
    assert machine.mem.read_u32(sp + 304 + 264) == 1 | 1 << 31
    assert struct.unpack("<IIQ", machine.mem.read(sp + 576, 16)) == (0x46505501, 288, 0)
    assert machine.mem.read(sp + 592, 272) == fp
    assert not any(machine.mem.read(sp + 576 + 288, 16))


def test_alternate_stack(machine: Any) -> None:
    t, cpu = machine.thread, machine.thread.cpu
    base, size = 0x7001_0000, 0x4000
    t.signal.altstack = AltStack(base, 0, size)
    action = SigAction(HANDLER, SaFlags.ONSTACK | SaFlags.RESTORER, RESTORER)
    sp0 = cpu.engine.get(machine.arch.sp)
    sigframe.setup(t, cpu, INFO, action, 0)
    first = cpu.engine.get(machine.arch.sp)
    assert base < first < base + size
    uc = first + (8 if machine.arch.name == "x86_64" else 128)
    assert struct.unpack("<QIIQ", machine.mem.read(uc + 16, 24)) == (base, 0, 0, size)
    # nested: goes on below the first frame, not from the top again
    sigframe.setup(t, cpu, INFO, action, 0)
    assert base < cpu.engine.get(machine.arch.sp) < first
    # without SA_ONSTACK it stays where it is
    cpu.engine.set(machine.arch.sp, sp0)
    sigframe.setup(t, cpu, INFO, ACTION, 0)
    assert sp0 - 0x2000 < cpu.engine.get(machine.arch.sp) < sp0


def test_full_alternate_stack_refuses(machine: Any) -> None:
    t, cpu = machine.thread, machine.thread.cpu
    t.signal.altstack = AltStack(0x7001_0000, 0, 0x4000)
    action = SigAction(HANDLER, SaFlags.ONSTACK | SaFlags.RESTORER, RESTORER)
    cpu.engine.set(machine.arch.sp, 0x7001_0100)
    with pytest.raises(LinuxError):
        sigframe.setup(t, cpu, INFO, action, 0)


@pytest.mark.parametrize("sp", [0, 8, 0x1234_5670, (1 << 64) - 8])
def test_unwritable_stack(machine: Any, sp: int) -> None:
    machine.thread.cpu.engine.set(machine.arch.sp, sp)
    before = state(machine)
    with pytest.raises(LinuxError):
        sigframe.setup(machine.thread, machine.thread.cpu, INFO, ACTION, 0)
    assert state(machine) == before


@pytest.mark.parametrize("sp", [0, 8, 0x1234_5670, (1 << 64) - 8])
def test_sigreturn_without_frame_kills(machine: Any, sp: int) -> None:
    t = machine.thread
    t.cpu.engine.set(machine.arch.sp, sp)
    assert return_from_signal(t) == 0
    assert t.signal.pending.mask == 1 << 10 and t.signal.maybe_pending


def test_broken_frames_are_refused(make_machine: Any) -> None:
    for arch, offset, junk in (
        ("x86_64", None, 0),
        ("riscv64", riscv64.SC_RESERVED + 4, 0x1234),
        ("aarch64", aarch64.RECORDS, 0x1234),
        ("aarch64", aarch64.MCONTEXT + 272, 0x5),
        ("loongarch64", loongarch64.FRAME_BYTES, 0x1234),
    ):
        machine = make_machine(arch)
        t, cpu = machine.thread, machine.thread.cpu
        sigframe.setup(t, cpu, INFO, ACTION, 0)
        sp = cpu.engine.get(machine.arch.sp)
        if offset is None:
            fpstate = machine.mem.read_u64(sp + x86_64.MCONTEXT + 184)
            machine.mem.write_u32(fpstate + 24, 0xFFFF_FFFF)
            cpu.engine.set("rsp", sp + 8)
        else:
            machine.mem.write_u32(sp + offset, junk)
        with pytest.raises(LinuxError):
            sigframe.restore(t, cpu)


def test_sigreturn_restores_alternate_stack(machine: Any) -> None:
    t, cpu = machine.thread, machine.thread.cpu
    t.signal.altstack = AltStack(0x7001_0000, SS_AUTODISARM, 0x4000)
    sigframe.setup(t, cpu, INFO, ACTION, 0)
    t.signal.altstack.disarm()
    if machine.arch.name == "x86_64":
        cpu.engine.set("rsp", cpu.engine.get("rsp") + 8)
    sigframe.restore(t, cpu)
    alt = t.signal.altstack
    assert (alt.sp, alt.flags, alt.size_bytes) == (0x7001_0000, SS_AUTODISARM, 0x4000)
