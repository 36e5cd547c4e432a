"""loongarch64's rt_sigframe: siginfo, ucontext, then the extended context records.

    frame (16n)  +0    siginfo, 128 bytes
                 +128  ucontext: head 40, sigmask 8 in 128, at +176 sigcontext
                 +304  sc_pc, sc_regs[32], sc_flags (bit 0 FP in use, 30/31 fault on read/write)
                 +576  records {magic, size, padding}: FPU (288 bytes), end

Handlers return to the vDSO's rt_sigreturn; struct sigaction has no restorer.

Source: Linux arch/loongarch/kernel/signal.c; uapi/asm/sigcontext.h; loongarch64 ABI notes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
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
SC_FLAGS: Final = MCONTEXT + 264
FRAME_BYTES: Final = MCONTEXT + 272
FPU_MAGIC: Final = 0x4650_5501
FPU_BYTES: Final = 16 + 272
_END_BYTES: Final = 16
_USED_FP: Final = 1
_FAULT_FLAGS: Final = {1: 1 << 30, 2: 1 << 31}

_WORDS: Final = struct.Struct("<33Q")
_HEADER: Final = struct.Struct("<IIQ")


def _names(t: Thread) -> tuple[str, ...]:
    return ("pc", *t.arch.registers[:32])


def setup(t: Thread, cpu: Cpu, info: SigInfo, action: SigAction, mask: int) -> None:
    """See `sigframe.setup`."""
    regs = registers_of(t, cpu)
    alt = t.signal.altstack
    top = stack_top(alt, regs["sp"], action, FRAME_BYTES) & -16
    size_bytes = FRAME_BYTES + FPU_BYTES + _END_BYTES
    frame_va = (top - size_bytes) & U64
    frame = bytearray(size_bytes)
    frame[:UC] = info.pack()
    pack_head(frame, UC, 0, alt)
    struct.pack_into("<Q", frame, SIGMASK, mask)
    _WORDS.pack_into(frame, MCONTEXT, *(regs[name] for name in _names(t)))
    flags = _USED_FP | _FAULT_FLAGS.get(t.signal.fault.error_code, 0)
    struct.pack_into("<I", frame, SC_FLAGS, flags)
    _HEADER.pack_into(frame, FRAME_BYTES, FPU_MAGIC, FPU_BYTES, 0)
    frame[FRAME_BYTES + 16 : FRAME_BYTES + FPU_BYTES] = cpu.engine.fp_state()
    t.mem.write(frame_va, bytes(frame))
    regs["a0"] = info.signo
    regs["a1"] = frame_va
    regs["a2"] = frame_va + UC
    regs["sp"] = frame_va
    regs["ra"] = t.process.signal.trampoline
    regs["pc"] = action.handler
    load_registers(t, cpu, regs)


def restore(t: Thread, cpu: Cpu) -> int:
    """See `sigframe.restore`."""
    regs = registers_of(t, cpu)
    frame_va = regs["sp"]
    frame = read_frame(t, frame_va, FRAME_BYTES)
    set_blocked(t, struct.unpack_from("<Q", frame, SIGMASK)[0])
    fp = _find_fpu(t, (frame_va + FRAME_BYTES) & U64)
    regs.update(zip(_names(t), _WORDS.unpack_from(frame, MCONTEXT), strict=True))
    regs["zero"] = 0
    load_registers(t, cpu, regs)
    if fp:
        cpu.engine.set_fp_state(fp)
    restore_altstack(t, frame, UC, regs["sp"])
    return regs["a0"]


def _find_fpu(t: Thread, va: int) -> bytes:
    """The FPU record's state, or b"" if the list has none (`parse_extcontext`).

    Raises:
        LinuxError: EFAULT: unreadable, or an unknown record.
    """
    found = b""
    for _ in range(64):  # Linux's list is endless; a longer one cannot be a kernel's
        magic, size, _ = _HEADER.unpack(t.mem.read(va, _HEADER.size))
        if magic == 0:
            return found
        if magic != FPU_MAGIC or size < FPU_BYTES:
            break
        found = t.mem.read(va + 16, FPU_BYTES - 16)
        va = (va + size) & U64
    raise LinuxError(Errno.EFAULT, "unknown record in the signal frame")
