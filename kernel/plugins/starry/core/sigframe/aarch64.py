"""aarch64's rt_sigframe: siginfo, then ucontext whose sigcontext ends in a list of records.

    frame (16n)  +0     siginfo, 128 bytes
                 +128   ucontext: head 40, sigmask 8 in 128, at +176 sigcontext
                 +304   fault_address, x0 .. x30, sp, pc, pstate
                 +592   records {magic, size}: fpsimd, esr after a fault, end; 4096 bytes
    frame_record        {x29, x30} above the frame, for unwinders; x29 points to it

Source: Linux arch/arm64/kernel/signal.c; uapi/asm/{sigcontext,ucontext}.h.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.signal import SaFlags
from kernel.plugins.starry.core.sigframe.stack import (
    GENERIC_MCONTEXT_OFFSET,
    GENERIC_SIGMASK_OFFSET,
    U64,
    load_registers,
    pack_head,
    read_frame,
    registers_of,
    restore_altstack,
    stack_top,
)
from kernel.plugins.starry.core.signal_mask import set_blocked

if TYPE_CHECKING:
    from kernel.crates.siginfo import SigInfo
    from kernel.crates.signal import SigAction
    from kernel.machine.cpu import Cpu
    from kernel.plugins.starry.core.thread import Thread

UC: Final = 128
SIGMASK: Final = UC + GENERIC_SIGMASK_OFFSET
MCONTEXT: Final = UC + GENERIC_MCONTEXT_OFFSET
RECORDS: Final = MCONTEXT + 288
RECORD_BYTES: Final = 4096
FRAME_BYTES: Final = RECORDS + RECORD_BYTES

FPSIMD_MAGIC: Final = 0x4650_8001
FPSIMD_BYTES: Final = 528
ESR_MAGIC: Final = 0x4553_5201
_EXTRA_MAGIC: Final = 0x4558_5401
_NZCV: Final = 0xF000_0000
#: M[4:0] = EL0t and the D, A, I, F masks: the bits that must be clear.
_PRIVILEGED: Final = 0x3DF

_REGS: Final = (*(f"x{i}" for i in range(31)), "sp", "pc")
_SIGCONTEXT: Final = struct.Struct("<Q33QQ")
_HEADER: Final = struct.Struct("<II")


def setup(t: Thread, cpu: Cpu, info: SigInfo, action: SigAction, mask: int) -> None:
    """See `sigframe.setup`."""
    regs = registers_of(t, cpu)
    alt = t.signal.altstack
    fault = t.signal.fault
    record_va = (stack_top(alt, regs["sp"], action, FRAME_BYTES) - 16) & -16 & U64
    frame_va = (record_va - FRAME_BYTES) & U64
    frame = bytearray(FRAME_BYTES + 16)
    if action.flags & SaFlags.SIGINFO:
        frame[:UC] = info.pack()
    pack_head(frame, UC, 0, alt)
    struct.pack_into("<Q", frame, SIGMASK, mask)
    words = [regs[name] for name in _REGS]
    _SIGCONTEXT.pack_into(frame, MCONTEXT, fault.address, *words, regs["nzcv"] & _NZCV)
    _HEADER.pack_into(frame, RECORDS, FPSIMD_MAGIC, FPSIMD_BYTES)
    frame[RECORDS + 8 : RECORDS + FPSIMD_BYTES] = cpu.engine.fp_state()
    if fault.esr:
        struct.pack_into("<IIQ", frame, RECORDS + FPSIMD_BYTES, ESR_MAGIC, 16, fault.esr)
    struct.pack_into("<QQ", frame, FRAME_BYTES, regs["x29"], regs["x30"])
    t.mem.write(frame_va, bytes(frame))
    regs["x0"] = info.signo
    if action.flags & SaFlags.SIGINFO:
        regs["x1"] = frame_va
        regs["x2"] = frame_va + UC
    regs["x29"] = record_va
    has_restorer = action.flags & SaFlags.RESTORER
    regs["x30"] = action.restorer if has_restorer else t.process.signal.trampoline
    regs["sp"] = frame_va
    regs["pc"] = action.handler
    load_registers(t, cpu, regs)


def restore(t: Thread, cpu: Cpu) -> int:
    """See `sigframe.restore`."""
    regs = registers_of(t, cpu)
    frame = read_frame(t, regs["sp"], FRAME_BYTES, align=16)
    set_blocked(t, struct.unpack_from("<Q", frame, SIGMASK)[0])
    _, *values, pstate = _SIGCONTEXT.unpack_from(frame, MCONTEXT)
    if pstate & _PRIVILEGED:
        raise LinuxError(Errno.EFAULT, "the signal frame asks for a privileged state")
    fp = _find_fpsimd(frame)
    regs.update(zip(_REGS, values, strict=True))
    regs["nzcv"] = pstate & _NZCV
    load_registers(t, cpu, regs)
    cpu.engine.set_fp_state(fp)
    restore_altstack(t, frame, UC, regs["sp"])
    return regs["x0"]


def _find_fpsimd(frame: bytes) -> bytes:
    """The FP state of the record list (`parse_user_sigframe`), which must have exactly one.

    Raises:
        LinuxError: EFAULT: the list is broken.
    """
    at = RECORDS
    found = b""
    while at + 8 <= FRAME_BYTES:
        magic, size = _HEADER.unpack_from(frame, at)
        if magic == 0:
            if size or not found:
                break
            return found
        if size < 16 or size & 15 or at + size > FRAME_BYTES:
            break
        if magic == FPSIMD_MAGIC and size == FPSIMD_BYTES and not found:
            found = frame[at + 8 : at + FPSIMD_BYTES]
        elif magic not in (ESR_MAGIC, _EXTRA_MAGIC):
            break
        at += size
    raise LinuxError(Errno.EFAULT, "the signal frame's records are broken")
