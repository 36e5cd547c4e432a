"""x86-64 on Unicorn: a Westmere without host-dependent instructions, in ring 3.

Westmere because it has SSE4.2 but neither RDRAND nor RDTSCP, whose results would differ from run
to run. CR4.TSD makes RDTSC trap, so that it shows virtual time. Known limits of Unicorn in ring
3: IN, OUT and SYSENTER do nothing instead of trapping, #AC is never raised, and SSE operations do
not set the exception flags in MXCSR (results and rounding modes are right).
"""

from __future__ import annotations

import struct

from kernel.machine.arch import X86_64
from kernel.machine.engine import Cause, RunResult, Stop
from kernel.machine.engines.registers import Single
from kernel.machine.engines.target import Hart, Target

_UC_ARCH_X86, _UC_MODE_64, _UC_CPU_WESTMERE, _UC_INS_SYSCALL = 4, 8, 16, 699
_UC_R8, _UC_FP0, _UC_XMM0, _UC_CR4, _UC_MSR = 106, 82, 122, 54, 248
_LEGACY_IDS = {
    "rax": 35,
    "rbx": 37,
    "rcx": 38,
    "rdx": 40,
    "rsi": 43,
    "rdi": 39,
    "rbp": 36,
    "rsp": 44,
    "rip": 41,
    "eflags": 25,
    "fs_base": 250,
    "gs_base": 251,
    "mxcsr": 249,
    "fpcw": 246,
    "fpsw": 31,
    "fptag": 247,
}
_EFER, _STAR = 0xC0000080, 0xC0000081
_CR4_TSD, _CR4_OSFXSR, _CR4_OSXMMEXCPT = 1 << 2, 1 << 9, 1 << 10
_USER_CS_BASE, _KERNEL_CS = 0x23, 8
#: Flags a user may load (Linux: FIX_EFLAGS, and ID): CF PF AF ZF SF TF DF OF RF AC ID.
_USER_FLAGS = 0x0025_0DD5
_FIXED_FLAGS = 0x202
_MXCSR_MASK = 0xFFFF
_RDTSC = b"\x0f\x31"
#: Vectors that are exceptions with the pc at the instruction. Others are software interrupts.
_CAUSES = {
    0: Cause.DIVIDE,
    6: Cause.ILLEGAL,
    13: Cause.PROTECTION,
    16: Cause.FLOAT,
    17: Cause.MISALIGNED,
    19: Cause.FLOAT,
}
#: Prefixes that may stand before an opcode in 64-bit mode: segment, size, lock, rep, REX.
_PREFIXES = frozenset([0x26, 0x2E, 0x36, 0x3E, *range(0x40, 0x50), 0x64, 0x65, 0x66, 0x67, 0xF0])
_REPEATS = frozenset([0xF2, 0xF3])


class X8664Target(Target):
    """See `Target`."""

    arch = X86_64
    uc_arch = _UC_ARCH_X86
    uc_mode = _UC_MODE_64
    uc_model = _UC_CPU_WESTMERE
    ids = _LEGACY_IDS | {f"r{i}": _UC_R8 + i - 8 for i in range(8, 16)}
    wide_ids = {f"st{i}": _UC_FP0 + i for i in range(8)} | {
        f"xmm{i}": _UC_XMM0 + i for i in range(16)
    }
    fp_names = ("fpcw", "fpsw", "fptag", "mxcsr", *wide_ids)
    state = (*X86_64.registers, *fp_names)
    defaults = {"eflags": _FIXED_FLAGS, "fpcw": 0x37F, "fptag": 0xFFFF, "mxcsr": 0x1F80}
    syscall_instruction = _UC_INS_SYSCALL
    syscall_clobbers = ("rcx", "r11")
    self_loop = b"\xeb\xfe"
    bad_load = b"\x48\x8b\x04\x25\x38\x92\x05\x00"  # mov rax, [0x59238]
    user_stub = b"\x48\x0f\x07\xeb\xfe"  # sysretq to the jump after it

    def prepare(self, registers: Single, stub_va: int) -> None:
        cr4 = registers.read(_UC_CR4) | _CR4_TSD | _CR4_OSFXSR | _CR4_OSXMMEXCPT
        registers.write(_UC_CR4, cr4)
        registers.write_msr(_UC_MSR, _EFER, registers.read_msr(_UC_MSR, _EFER) | 1)
        registers.write_msr(_UC_MSR, _STAR, _USER_CS_BASE << 48 | _KERNEL_CS << 32)
        registers.write(self.ids["rcx"], stub_va + 3)
        registers.write(self.ids["r11"], _FIXED_FLAGS)

    def classify(
        self, hart: Hart, trap: int, counted: int, pc: int, before: int
    ) -> RunResult | None:
        if trap == 3:  # int3 or int 3: the pc is after it
            return Stop.EXCEPTION, (Cause.BREAKPOINT, 0), counted, pc
        if trap == 1:
            return Stop.EXCEPTION, (Cause.STEP, 0), counted, pc
        cause = Cause.ILLEGAL if trap < 0 else _CAUSES.get(trap)
        if trap >= 0 and _is_software_interrupt(hart, trap, pc):
            # User mode may not call these gates: #GP at the instruction. Linux would serve int
            # 0x80 as a 32-bit system call; there are no 32-bit programs here.
            _forget_exception(hart)
            return Stop.EXCEPTION, (Cause.PROTECTION, 0), counted - 1, pc - 2
        if cause is None:
            return Stop.EXCEPTION, (Cause.HALT, 0), counted - 1, pc
        if trap >= 0:
            _forget_exception(hart)
        if cause == Cause.PROTECTION and self.emulate(hart, pc, before + counted - 1):
            return None
        return Stop.EXCEPTION, (cause, 0), counted - 1, pc

    def emulate(self, hart: Hart, pc: int, executed: int) -> bool:
        if hart.code_at(pc, 2) != _RDTSC:
            return False
        ticks = hart.ticks(executed)
        hart.set("rax", ticks & 0xFFFF_FFFF)
        hart.set("rdx", ticks >> 32 & 0xFFFF_FFFF)
        hart.set("rip", pc + 2)
        return True

    def clean(self, register: str, value: int) -> int:
        if register == "eflags":
            return value & _USER_FLAGS | _FIXED_FLAGS
        return value

    def pack_fp(self, raw: bytes) -> bytes:
        control, status, tags = raw[0:2], raw[16:18], int.from_bytes(raw[32:34], "little")
        top = raw[17] >> 3 & 7
        valid = sum(1 << i for i in range(8) if tags >> 2 * i & 3 != 3)
        image = bytearray(512)
        image[0:2], image[2:4], image[4] = control, status, valid
        image[24:28] = raw[48:52]
        image[28:32] = struct.pack("<I", _MXCSR_MASK)
        for i in range(8):  # the registers are numbered from the top of the stack
            slot = 64 + 16 * (top + i & 7)
            image[32 + 16 * i : 42 + 16 * i] = raw[slot : slot + 10]
        image[160:416] = raw[192:448]
        return bytes(image)

    def unpack_fp(self, state: bytes) -> bytes:
        top = state[3] >> 3 & 7
        tags = sum((0 if state[4] >> i & 1 else 3) << 2 * i for i in range(8))
        mxcsr = int.from_bytes(state[24:28], "little") & _MXCSR_MASK
        raw = bytearray(448)
        raw[0:2], raw[16:18] = state[0:2], state[2:4]
        raw[32:34] = struct.pack("<H", tags)
        raw[48:52] = struct.pack("<I", mxcsr)
        for i in range(8):
            slot = 64 + 16 * (top + i & 7)
            raw[slot : slot + 10] = state[32 + 16 * i : 42 + 16 * i]
        raw[192:448] = state[160:416]
        return bytes(raw)


def _is_software_interrupt(hart: Hart, trap: int, pc: int) -> bool:
    """Whether `int n` raised the trap (pc is after it) rather than the instruction at `pc`."""
    if hart.code_at(pc - 2, 2) != bytes((0xCD, trap & 0xFF)):
        return False
    return trap != 0 or not _is_divide(hart.code_at(pc, 15))


def _is_divide(code: bytes) -> bool:
    start = 0
    while start < len(code) and (code[start] in _PREFIXES or code[start] in _REPEATS):
        start += 1
    rest = code[start : start + 2]
    return len(rest) == 2 and rest[0] in (0xF6, 0xF7) and rest[1] >> 3 & 6 == 6


def _forget_exception(hart: Hart) -> None:
    # Unicorn keeps the last vector; a second fault would become #DF and a third a silent halt.
    hart.restore(hart.save())
