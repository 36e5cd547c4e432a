"""x86_64's rt_sigframe: return address, ucontext, siginfo; FP state above it.

    frame (16n - 8)  +0    pretcode: sa_restorer, where the handler's `ret` goes
                     +8    struct ucontext, 304 bytes: head 40, sigcontext 256, sigmask 8
                     +312  siginfo, 128 bytes
    fpstate (64n)    512 bytes as FXSAVE writes them

As on a processor without XSAVE: `sw_reserved` is zero and UC_FP_XSTATE is not set, which matches
the CPUID that programs see. The 128 bytes below the stack pointer (red zone) are left alone.

Source: Linux arch/x86/kernel/signal_64.c, fpu/signal.c; uapi/asm/{sigcontext,ucontext}.h.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.signal import SaFlags
from kernel.plugins.starry.core.sigframe.stack import (
    U64,
    load_registers,
    pack_head,
    read_frame,
    registers_of,
    restore_altstack,
)
from kernel.plugins.starry.core.signal_mask import set_blocked

if TYPE_CHECKING:
    from kernel.crates.siginfo import SigInfo
    from kernel.crates.signal import SigAction
    from kernel.machine.cpu import Cpu
    from kernel.plugins.starry.core.thread import Thread

UC: Final = 8
MCONTEXT: Final = UC + 40
SIGMASK: Final = MCONTEXT + 256
SIGINFO: Final = UC + 304
FRAME_BYTES: Final = SIGINFO + 128
FXSAVE_BYTES: Final = 512
_RED_ZONE: Final = 128

_GREGS: Final = (
    *(f"r{i}" for i in range(8, 16)),
    *("rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip", "eflags"),
)
#: gregs, then cs gs fs ss, err, trapno, oldmask, cr2, fpstate.
_SIGCONTEXT: Final = struct.Struct("<18Q4H5Q")
_USER_CS, _USER_DS = 0x33, 0x2B
_UC_SIGCONTEXT_SS, _UC_STRICT_RESTORE_SS = 2, 4

_DF, _RF, _TF = 0x400, 0x1_0000, 0x100
#: Flags sigreturn may set: AC OF DF TF SF ZF AF PF CF RF.
_FIX_EFLAGS: Final = 0x4_0000 | 0x800 | _DF | _TF | 0x80 | 0x40 | 0x10 | 4 | 1 | _RF
_MXCSR_OFFSET: Final = 24
_MXCSR_MASK: Final = 0xFFFF
_SW_RESERVED: Final = 464


def _fresh_fp() -> bytes:
    """FP state of a new program: FCW 0x37f, MXCSR 0x1f80 with its mask, all else zero."""
    state = bytearray(FXSAVE_BYTES)
    struct.pack_into("<H", state, 0, 0x37F)
    struct.pack_into("<II", state, _MXCSR_OFFSET, 0x1F80, _MXCSR_MASK)
    return bytes(state)


FRESH_FP: Final = _fresh_fp()


def _place(t: Thread, sp: int, action: SigAction) -> tuple[int, int]:
    """Addresses of the frame and the FP state (`get_sigframe`)."""
    alt = t.signal.altstack
    on_alt = alt.contains(sp)
    sp -= _RED_ZONE
    if action.flags & SaFlags.ONSTACK and alt.state(sp) == 0:
        sp = (alt.sp + alt.size_bytes) & U64
        on_alt = True
    fp_va = (sp - FXSAVE_BYTES) & -64
    frame_va = ((fp_va - FRAME_BYTES) & -16) - 8
    if on_alt and not alt.covers(frame_va):
        raise LinuxError(Errno.EFAULT, "the alternate signal stack is full")
    return frame_va & U64, fp_va & U64


def setup(t: Thread, cpu: Cpu, info: SigInfo, action: SigAction, mask: int) -> None:
    """See `sigframe.setup`."""
    if not action.flags & SaFlags.RESTORER:
        raise LinuxError(Errno.EFAULT, "x86_64 handlers need a restorer")
    regs = registers_of(t, cpu)
    frame_va, fp_va = _place(t, regs["rsp"], action)
    fault = t.signal.fault
    frame = bytearray(FRAME_BYTES)
    struct.pack_into("<Q", frame, 0, action.restorer)
    pack_head(frame, UC, _UC_SIGCONTEXT_SS | _UC_STRICT_RESTORE_SS, t.signal.altstack)
    gregs = [regs[name] for name in _GREGS]
    words = (_USER_CS, 0, 0, _USER_DS, fault.error_code, fault.trap_no, mask, fault.address)
    _SIGCONTEXT.pack_into(frame, MCONTEXT, *gregs, *words, fp_va)
    struct.pack_into("<Q", frame, SIGMASK, mask)
    if action.flags & SaFlags.SIGINFO:
        frame[SIGINFO:FRAME_BYTES] = info.pack()
    fp = bytearray(cpu.engine.fp_state())
    fp[_SW_RESERVED:] = bytes(FXSAVE_BYTES - _SW_RESERVED)
    t.mem.write(fp_va, bytes(fp))
    t.mem.write(frame_va, bytes(frame))
    regs["rdi"] = info.signo
    regs["rsi"] = frame_va + SIGINFO
    regs["rdx"] = frame_va + UC
    regs["rax"] = 0
    regs["rsp"] = frame_va
    regs["rip"] = action.handler
    regs["eflags"] &= ~(_DF | _RF | _TF)
    load_registers(t, cpu, regs)
    cpu.engine.set_fp_state(FRESH_FP)


def restore(t: Thread, cpu: Cpu) -> int:
    """See `sigframe.restore`."""
    regs = registers_of(t, cpu)
    frame = read_frame(t, regs["rsp"] - 8, SIGINFO)
    set_blocked(t, struct.unpack_from("<Q", frame, SIGMASK)[0])
    values = _SIGCONTEXT.unpack_from(frame, MCONTEXT)
    kept_flags = regs["eflags"] & ~_FIX_EFLAGS
    regs.update(zip(_GREGS, values, strict=False))
    regs["eflags"] = kept_flags | regs["eflags"] & _FIX_EFLAGS
    fp_va = values[-1]
    fp = FRESH_FP if fp_va == 0 else t.mem.read(fp_va, FXSAVE_BYTES)
    if struct.unpack_from("<I", fp, _MXCSR_OFFSET)[0] & ~_MXCSR_MASK:
        raise LinuxError(Errno.EFAULT, "reserved MXCSR bits in the signal frame")
    load_registers(t, cpu, regs)
    cpu.engine.set_fp_state(fp)
    restore_altstack(t, frame, UC, regs["rsp"])
    return regs["rax"]
