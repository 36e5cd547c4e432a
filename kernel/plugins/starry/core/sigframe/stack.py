"""What the four frame layouts share: the stack they go on, and the head of struct ucontext.

Source: Linux include/linux/sched/signal.h (`sigsp`, `on_sig_stack`), kernel/signal.c
(`do_sigaltstack`, `__save_altstack`, `restore_altstack`).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.signal import SaFlags

if TYPE_CHECKING:
    from kernel.crates.signal import SigAction
    from kernel.machine.cpu import Cpu
    from kernel.plugins.starry.core.altstack import AltStack
    from kernel.plugins.starry.core.thread import Thread

U64: Final = (1 << 64) - 1  # addresses wrap around as registers do

#: uc_flags, uc_link, uc_stack {ss_sp, ss_flags, padding, ss_size}.
HEAD: Final = struct.Struct("<QQQIIQ")
STACK_OFFSET: Final = 16
#: On riscv, arm64 and loongarch uc_sigmask follows the head, with room for 1024 signals, and
#: uc_mcontext is aligned to 16 bytes.
GENERIC_SIGMASK_OFFSET: Final = 40
GENERIC_MCONTEXT_OFFSET: Final = 176


def pack_head(buffer: bytearray, at: int, uc_flags: int, alt: AltStack) -> None:
    """Write the head of struct ucontext at `at`."""
    HEAD.pack_into(buffer, at, uc_flags, 0, alt.sp, alt.flags, 0, alt.size_bytes)


def stack_top(alt: AltStack, sp: int, action: SigAction, frame_bytes: int) -> int:
    """Where the frame goes, downwards: the alternate stack's end or `sp`.

    Raises:
        LinuxError: EFAULT: the thread is on its alternate stack and would overflow it.
    """
    if alt.contains(sp) and not alt.contains(sp - frame_bytes):
        raise LinuxError(Errno.EFAULT, "the alternate signal stack is full")
    if action.flags & SaFlags.ONSTACK and alt.state(sp) == 0:
        return (alt.sp + alt.size_bytes) & U64
    return sp


def read_frame(t: Thread, sp: int, size_bytes: int, align: int = 1) -> bytes:
    """The bytes of a frame at `sp`.

    Raises:
        LinuxError: EFAULT: not readable, or not aligned.
    """
    if sp & (align - 1):
        raise LinuxError(Errno.EFAULT, "signal frame is not aligned")
    return t.mem.read(sp & U64, size_bytes)


def restore_altstack(t: Thread, frame: bytes, uc_offset: int, sp: int) -> None:
    """Take the alternate stack from a frame; values sigaltstack(2) would refuse are ignored."""
    _, _, ss_sp, flags, _, size_bytes = HEAD.unpack_from(frame, uc_offset)
    t.signal.altstack.change(t.arch.name, sp, ss_sp, flags, size_bytes)


def registers_of(t: Thread, cpu: Cpu) -> dict[str, int]:
    """The thread's user registers by name, pc included."""
    regs = dict(zip(t.arch.registers, cpu.engine.registers(), strict=True))
    regs[t.arch.pc] = cpu.pc
    return regs


def load_registers(t: Thread, cpu: Cpu, regs: dict[str, int]) -> None:
    """Make `regs` the thread's user registers."""
    cpu.engine.set_registers([regs[name] & U64 for name in t.arch.registers])
    cpu.pc = regs[t.arch.pc]
