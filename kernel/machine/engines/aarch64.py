"""aarch64 on Unicorn: a Cortex-A72 in EL0.

CNTKCTL_EL1 = 0 makes the time counter trap, so that it shows virtual time. Linux lets programs
read the ID registers by emulating the trapped MRS (Documentation/arch/arm64/
cpu-feature-registers.rst); the same is done here, with the A72's user-visible values.
"""

from __future__ import annotations

import struct

from kernel.machine.arch import AARCH64
from kernel.machine.engine import Cause, RunResult, Stop
from kernel.machine.engines.registers import Single
from kernel.machine.engines.target import Hart, Target

_UC_ARCH_ARM64, _UC_MODE_ARM, _UC_CPU_A72 = 2, 0, 2
_UC_X0, _UC_V0, _UC_CP_REG = 199, 228, 290
#: SCTLR_EL1: let EL0 use cache maintenance, CTR_EL0, DC ZVA and WFI. WFI must not trap: Unicorn
#: stops at an exit address by acting as if WFI stood there.
_SCTLR_UCI, _SCTLR_UCT, _SCTLR_DZE, _SCTLR_NTWI = 1 << 26, 1 << 15, 1 << 14, 1 << 16
_ERET, _CLREX = bytes.fromhex("e0039fd6"), bytes.fromhex("5f3f03d5")
_SELF_LOOP = bytes.fromhex("00000014")
_WFI = bytes.fromhex("7f2003d5")
_TRAP_UNDEFINED, _TRAP_BREAKPOINT = 1, 7
_TRAP_ABORTS = (3, 4)


def _system_register(op1: int, crn: int, crm: int, op2: int) -> int:
    """Encoding of a system register with op0 = 3, as it stands in bits 20:5 of MRS."""
    return 3 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


_CNTFRQ_EL0 = _system_register(3, 14, 0, 0)
_CNTVCT_EL0 = _system_register(3, 14, 0, 2)
#: Of the ID space (op1 0, CRn 0), those that do not read as zero.
_ID_REGISTERS = {
    _system_register(0, 0, 0, 0): 0x410F_D083,  # MIDR_EL1: Cortex-A72 r0p3
    _system_register(0, 0, 0, 5): 0x8000_0000,  # MPIDR_EL1: Linux hides the rest
    _system_register(0, 0, 4, 0): 0x11,  # ID_AA64PFR0_EL1: FP and SIMD
    _system_register(0, 0, 5, 0): 0x6,  # ID_AA64DFR0_EL1
    _system_register(0, 0, 6, 0): 0x1_1120,  # ID_AA64ISAR0_EL1: CRC32 SHA2 SHA1 AES PMULL
}


class Aarch64Target(Target):
    """See `Target`."""

    arch = AARCH64
    uc_arch = _UC_ARCH_ARM64
    uc_mode = _UC_MODE_ARM
    uc_model = _UC_CPU_A72
    ids = {f"x{i}": _UC_X0 + i for i in range(29)} | {
        "x29": 1,
        "x30": 2,
        "nzcv": 3,
        "sp": 4,
        "pc": 260,
        "tpidr_el0": 262,
        "fpcr": 291,
        "fpsr": 292,
    }
    wide_ids = {f"v{i}": _UC_V0 + i for i in range(32)}
    fp_names = ("fpsr", "fpcr", *wide_ids)
    state = (*AARCH64.registers, *fp_names)
    defaults: dict[str, int] = {}
    page_size = 4096
    syscall_trap = 2
    self_loop = _SELF_LOOP
    # mov x0, #0x9238; movk x0, #5, lsl 16; ldr x1, [x0]
    bad_load = struct.pack("<III", 0xD2924700, 0xF2A000A0, 0xF9400001)
    idle_insn = _WFI
    user_stub = _ERET + _CLREX + _SELF_LOOP

    def prepare(self, registers: Single, stub_va: int) -> None:
        sctlr = _system_register(0, 1, 0, 0)
        enabled = _SCTLR_UCI | _SCTLR_UCT | _SCTLR_DZE | _SCTLR_NTWI
        registers.write_system(
            _UC_CP_REG, sctlr, registers.read_system(_UC_CP_REG, sctlr) | enabled
        )
        spsr_el1, elr_el1 = _system_register(0, 4, 0, 0), _system_register(0, 4, 0, 1)
        registers.write_system(_UC_CP_REG, spsr_el1, 0)  # EL0, all flags clear
        registers.write_system(_UC_CP_REG, elr_el1, stub_va + 4)

    def classify(
        self, hart: Hart, trap: int, counted: int, pc: int, before: int
    ) -> RunResult | None:
        counted -= 1
        if pc & 3:
            return Stop.EXCEPTION, (Cause.MISALIGNED, pc), counted, pc
        if trap == _TRAP_BREAKPOINT:
            return Stop.EXCEPTION, (Cause.BREAKPOINT, 0), counted, pc
        if trap in _TRAP_ABORTS:  # page faults do not come this way: a misaligned exclusive
            return Stop.EXCEPTION, (Cause.MISALIGNED, 0), counted, pc
        if trap == _TRAP_UNDEFINED and self.emulate(hart, pc, before + counted):
            return None
        return Stop.EXCEPTION, (Cause.ILLEGAL, 0), counted, pc

    def emulate(self, hart: Hart, pc: int, executed: int) -> bool:
        word = int.from_bytes(hart.code_at(pc, 4), "little")
        if word >> 20 != 0xD53:  # mrs
            return False
        number = word >> 5 & 0xFFFF
        if number == _CNTVCT_EL0:
            value = hart.ticks(executed)
        elif number == _CNTFRQ_EL0:
            value = AARCH64.timer_hz
        elif _is_linux_id(number):
            value = _ID_REGISTERS.get(number, 0)
        else:
            return False
        if word & 31 != 31:
            hart.set(f"x{word & 31}", value)
        hart.set("pc", pc + 4)
        return True

    def clean(self, register: str, value: int) -> int:
        return value & 0xF000_0000 if register == "nzcv" else value

    def pack_fp(self, raw: bytes) -> bytes:
        return raw[0:4] + raw[16:20] + raw[32:]

    def unpack_fp(self, state: bytes) -> bytes:
        return state[0:4] + bytes(12) + state[4:8] + bytes(12) + state[8:520]


def _is_linux_id(number: int) -> bool:
    """Whether Linux emulates this ID register: MIDR, MPIDR, REVIDR and CRm 1 to 7."""
    if number >> 7 != _system_register(0, 0, 0, 0) >> 7:
        return False
    crm, op2 = number >> 3 & 15, number & 7
    return crm < 8 and (crm > 0 or op2 in (0, 5, 6))
