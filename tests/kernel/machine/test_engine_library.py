"""The numbers we give the library, and its life: creation, destruction, refusal."""

from __future__ import annotations

import dataclasses
import gc
import subprocess
import sys

import pytest

from kernel.machine.arch import ARCHES
from kernel.machine.engine import Stop
from kernel.machine.engines import calibration, library, make_engines
from kernel.machine.engines.aarch64 import Aarch64Target
from kernel.machine.engines.riscv64 import Riscv64Target
from kernel.machine.engines.x86_64 import X8664Target
from kernel.machine.ram import Ram


def test_numbers_are_those_of_the_binding():
    from unicorn import arm64_const, riscv_const, unicorn_const, x86_const

    assert library.ERR_ILLEGAL == unicorn_const.UC_ERR_INSN_INVALID
    assert library.ERR_REFUSED == unicorn_const.UC_ERR_EXCEPTION
    assert library.FILL_BASE == unicorn_const.UC_MEM_READ
    assert library.HOOK_INTERRUPT == unicorn_const.UC_HOOK_INTR
    assert library.HOOK_INSTRUCTION == unicorn_const.UC_HOOK_INSN
    assert library.HOOK_TLB_FILL == unicorn_const.UC_HOOK_TLB_FILL
    assert library._CTL_PAGE_SIZE == unicorn_const.UC_CTL_UC_PAGE_SIZE
    assert library._CTL_USE_EXITS == unicorn_const.UC_CTL_UC_USE_EXITS
    assert library._CTL_EXITS == unicorn_const.UC_CTL_UC_EXITS
    assert library._CTL_CPU_MODEL == unicorn_const.UC_CTL_CPU_MODEL
    assert library._CTL_REMOVE_CODE == unicorn_const.UC_CTL_TB_REMOVE_CACHE
    assert library._CTL_TLB_FLUSH == unicorn_const.UC_CTL_TLB_FLUSH
    assert library._CTL_TLB_TYPE == unicorn_const.UC_CTL_TLB_TYPE
    assert library._CTL_BUFFER_SIZE == unicorn_const.UC_CTL_TCG_BUFFER_SIZE
    cases = (
        (X8664Target, x86_const, "X86", {f"st{i}": f"fp{i}" for i in range(8)}),
        (
            Riscv64Target,
            riscv_const,
            "RISCV",
            {name: f"x{i}" for i, name in enumerate(ARCHES["riscv64"].registers[:31], 1)},
        ),
        (Aarch64Target, arm64_const, "ARM64", {}),
    )
    for target, numbers, prefix, renamed in cases:
        for name, number in (target.ids | target.wide_ids).items():
            their = f"UC_{prefix}_REG_{renamed.get(name, name).upper()}"
            assert number == getattr(numbers, their), name
        assert set(target.state) <= set(target.ids | target.wide_ids)
    x86, riscv, arm = X8664Target, Riscv64Target, Aarch64Target
    assert (x86.uc_arch, x86.uc_mode) == (unicorn_const.UC_ARCH_X86, unicorn_const.UC_MODE_64)
    assert riscv.uc_arch == unicorn_const.UC_ARCH_RISCV
    assert riscv.uc_mode == unicorn_const.UC_MODE_RISCV64
    assert (arm.uc_arch, arm.uc_mode) == (unicorn_const.UC_ARCH_ARM64, unicorn_const.UC_MODE_ARM)
    assert x86.uc_model == x86_const.UC_CPU_X86_WESTMERE
    assert riscv.uc_model == riscv_const.UC_CPU_RISCV64_SIFIVE_U54
    assert arm.uc_model == arm64_const.UC_CPU_ARM64_A72
    assert x86.syscall_instruction == x86_const.UC_X86_INS_SYSCALL


def test_engines_come_and_go(make_machine):
    for _ in range(6):
        machine = make_machine(cpus=3)
        pc = machine.load(
            machine.code(
                x86_64="48ffc0ebfb", riscv64="130515006ff0dfff", aarch64="00040091ffffff17"
            )
        )
        for engine in machine.engines:
            assert engine.run(pc, 1000)[0] == Stop.BUDGET
        del machine, engine
        gc.collect()


def test_translator_bugs_come_out(make_machine):
    machine = make_machine()

    def broken(va: int, access: int) -> int:
        raise IndexError("table outside RAM")

    machine.table.translate = broken
    with pytest.raises(IndexError, match="table outside RAM"):
        machine.engine.run(0x1000, 5)
    del machine.table.translate
    assert machine.engine.run(0x1000, 5)[0] == Stop.FAULT


def test_calibration_refuses_another_library(monkeypatch):
    monkeypatch.setattr(calibration, "_found", {})
    machine_memory = (b"\0" * 4096,)

    with pytest.raises(RuntimeError, match=r"pip install unicorn==2\.1\.4"):
        import ctypes

        buffer = ctypes.create_string_buffer(machine_memory[0])
        calibration.calibrate(
            99, ctypes.addressof(buffer), lambda count: None, lambda: None, 0x59238
        )


def test_unknown_architecture():
    with pytest.raises(ValueError, match="no engine for m68k"):
        make_engines(dataclasses.replace(ARCHES["riscv64"], name="m68k"), Ram(0, 4096), [])


def test_the_binding_is_not_imported():
    """Start-up time: the binding takes longer to import than a small program to run."""
    code = "import sys, kernel.machine.engines.unicorn_engine; print('unicorn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_atomics_of_interleaved_cpus(make):
    for name, text, where in (
        ("x86_64", "b90a000000 f048ff06 ffc9 75f8 ebfe", "rsi"),
        ("riscv64", "a944 af360610 8506 af37d618 fdfb fd14 edf8 01a0", "a2"),
        (
            "aarch64",
            "530180d2 417c5fc8 21040091 417c03c8 a3ffff35 730600f1 61ffff54 00000014",
            "x2",
        ),
    ):
        for slices in ((1, 3), (2, 2), (7, 5), (1, 50)):
            machine = make(name, cpus=2)
            pc = machine.load(bytes.fromhex(text))
            machine.map(0x5_0000, 3)
            at = [pc, pc]
            for engine in machine.engines:
                engine.set(where, 0x5_0000)
            for _ in range(400):
                for i, engine in enumerate(machine.engines):
                    why, _, _, at[i] = engine.run(at[i], slices[i])
                    assert why == Stop.BUDGET, hex(at[i])
            assert machine.peek(0x5_0000) == 20, (name, slices)
