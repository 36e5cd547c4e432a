"""riscv64 (RV64GC) on Unicorn, in U-mode.

Unicorn traps `rdtime` but lets `rdcycle` and `rdinstret` read the host's cycle counter, whatever
`mcounteren` says. So pages are searched for these instructions when they are first executed, and
the engine stops before each. (Not found: one across the end of a page, and one that a program
writes into a page that stays writable and executable.)
"""

from __future__ import annotations

import re
import struct

from kernel.machine.arch import RISCV64
from kernel.machine.engine import Cause, RunResult, Stop
from kernel.machine.engines.registers import Single
from kernel.machine.engines.target import Hart, Target

_UC_ARCH_RISCV, _UC_MODE_RISCV64, _UC_CPU_SIFIVE_U54 = 8, 8, 3
_UC_X1, _UC_F0, _UC_MSTATUS, _UC_PRIV = 2, 158, 116, 191
_MSTATUS_FS_DIRTY = 0x6000
_EBREAK, _C_EBREAK = b"\x73\x00\x10\x00", b"\x02\x90"
_TIME = 0xC01
#: `csrr rd, cycle|time|instret`; csrrs, csrrc and their immediate forms with a zero operand.
_COUNTER_READS = re.compile(rb"[\x73\xf3][\x20-\x3f\x60-\x7f][\x00\x10\x20]\xc0", re.DOTALL)
_TRAP_MISALIGNED = (0, 4, 6)


class Riscv64Target(Target):
    """See `Target`."""

    arch = RISCV64
    uc_arch = _UC_ARCH_RISCV
    uc_mode = _UC_MODE_RISCV64
    uc_model = _UC_CPU_SIFIVE_U54
    ids = (
        {name: _UC_X1 + i for i, name in enumerate(RISCV64.registers[:31])}
        | {f"f{i}": _UC_F0 + i for i in range(32)}
        | {"pc": 190, "fflags": 41, "frm": 42, "fcsr": 43}
    )
    wide_ids: dict[str, int] = {}
    fp_names = (*RISCV64.fp_registers, "fflags", "frm")
    state = (*RISCV64.registers, *fp_names)
    defaults: dict[str, int] = {}
    syscall_trap = 8
    host_dependent = _COUNTER_READS
    self_loop = b"\x6f\x00\x00\x00"
    bad_load = struct.pack("<II", 0x000592B7, 0x2382B303)  # lui t0, 0x59; ld t1, 0x238(t0)

    def prepare(self, registers: Single, stub_va: int) -> None:
        registers.write(_UC_MSTATUS, _MSTATUS_FS_DIRTY)
        registers.write(_UC_PRIV, 0)

    def classify(
        self, hart: Hart, trap: int, counted: int, pc: int, before: int
    ) -> RunResult | None:
        if trap < 0:  # ebreak comes this way too
            code = hart.code_at(pc, 4)
            is_break = code == _EBREAK or code[:2] == _C_EBREAK
            cause = Cause.BREAKPOINT if is_break else Cause.ILLEGAL
            return Stop.EXCEPTION, (cause, 0), counted - 1, pc
        pc -= 4  # Unicorn adds 4 for every trap, after 2-byte instructions too
        if trap in _TRAP_MISALIGNED:
            return Stop.EXCEPTION, (Cause.MISALIGNED, 0), counted - 1, pc
        if trap == 2 and self.emulate(hart, pc, before + counted - 1):
            return None
        return Stop.EXCEPTION, (Cause.ILLEGAL, 0), counted - 1, pc

    def emulate(self, hart: Hart, pc: int, executed: int) -> bool:
        # One instruction takes one cycle; both counters start with virtual time.
        code = hart.code_at(pc, 4)
        if _COUNTER_READS.fullmatch(code) is None:
            return False
        word = int.from_bytes(code, "little")
        register = word >> 7 & 31
        if register:
            is_time = word >> 20 == _TIME
            value = hart.ticks(executed) if is_time else hart.instructions(executed)
            hart.set(RISCV64.registers[register - 1], value)
        hart.set("pc", pc + 4)
        return True

    def pack_fp(self, raw: bytes) -> bytes:
        values = b"".join(raw[16 * i : 16 * i + 8] for i in range(32))
        return values + struct.pack("<II", raw[512] & 31 | (raw[528] & 7) << 5, 0)

    def unpack_fp(self, state: bytes) -> bytes:
        raw = bytearray(16 * 34)
        for i in range(32):
            raw[16 * i : 16 * i + 8] = state[8 * i : 8 * i + 8]
        raw[512], raw[528] = state[256] & 31, state[256] >> 5 & 7
        return bytes(raw)
