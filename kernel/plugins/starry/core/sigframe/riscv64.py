"""riscv64's rt_sigframe: siginfo, then ucontext with integer registers and the D extension.

    frame (16n)  +0     siginfo, 128 bytes
                 +128   ucontext: head 40, sigmask 8 in 128, at +176 sigcontext
                 +304   sc_regs: pc, x1 .. x31
                 +560   d_ext: f0 .. f31, fcsr (264 bytes of a 528-byte union)
                 +1076  reserved word, then the end record: both zero

Handlers return to the vDSO's rt_sigreturn; struct sigaction has no restorer.

Source: Linux arch/riscv/kernel/signal.c; uapi/asm/{sigcontext,ucontext,ptrace}.h.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.machine.arch import RISCV64
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
SC_REGS: Final = UC + GENERIC_MCONTEXT_OFFSET
SC_FPREGS: Final = SC_REGS + 256
D_EXT_BYTES: Final = 264
SC_RESERVED: Final = SC_FPREGS + 516
FRAME_BYTES: Final = SC_FPREGS + 528

#: pc, then x1 .. x31.
_REGS: Final = ("pc", *RISCV64.registers[:31])
_WORDS: Final = struct.Struct("<32Q")


def setup(t: Thread, cpu: Cpu, info: SigInfo, action: SigAction, mask: int) -> None:
    """See `sigframe.setup`."""
    regs = registers_of(t, cpu)
    alt = t.signal.altstack
    frame_va = (stack_top(alt, regs["sp"], action, FRAME_BYTES) - FRAME_BYTES) & -16 & U64
    frame = bytearray(FRAME_BYTES)
    frame[:UC] = info.pack()
    pack_head(frame, UC, 0, alt)
    struct.pack_into("<Q", frame, SIGMASK, mask)
    _WORDS.pack_into(frame, SC_REGS, *(regs[name] for name in _REGS))
    frame[SC_FPREGS : SC_FPREGS + D_EXT_BYTES] = cpu.engine.fp_state()[:D_EXT_BYTES]
    t.mem.write(frame_va, bytes(frame))
    regs["ra"] = t.process.signal.trampoline
    regs["pc"] = action.handler
    regs["sp"] = frame_va
    regs["a0"] = info.signo
    regs["a1"] = frame_va
    regs["a2"] = frame_va + UC
    load_registers(t, cpu, regs)


def restore(t: Thread, cpu: Cpu) -> int:
    """See `sigframe.restore`."""
    regs = registers_of(t, cpu)
    frame = read_frame(t, regs["sp"], FRAME_BYTES)
    set_blocked(t, struct.unpack_from("<Q", frame, SIGMASK)[0])
    if any(frame[SC_RESERVED:FRAME_BYTES]):
        raise LinuxError(Errno.EFAULT, "unknown extension record in the signal frame")
    regs.update(zip(_REGS, _WORDS.unpack_from(frame, SC_REGS), strict=True))
    load_registers(t, cpu, regs)
    fp = frame[SC_FPREGS : SC_FPREGS + D_EXT_BYTES]
    cpu.engine.set_fp_state(fp.ljust(len(cpu.engine.fp_state()), b"\0"))
    restore_altstack(t, frame, UC, regs["sp"])
    return regs["a0"]
