"""Signal frames: what a handler finds on its stack, byte for byte as Linux lays it out.

One module per architecture, each with `setup` (build the frame and point the registers at the
handler) and `restore` (rt_sigreturn). Both raise `LinuxError(EFAULT)` when the user stack cannot be
written or read, or holds nonsense; the caller then forces SIGSEGV.

Source: Linux arch/{x86,riscv,arm64,loongarch}/kernel/signal*.c, uapi/asm/sigcontext.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.plugins.starry.core.sigframe import aarch64, loongarch64, riscv64, x86_64

if TYPE_CHECKING:
    from kernel.crates.siginfo import SigInfo
    from kernel.crates.signal import SigAction
    from kernel.machine.cpu import Cpu
    from kernel.plugins.starry.core.thread import Thread

_FRAMES: Final = {
    "x86_64": x86_64,
    "riscv64": riscv64,
    "aarch64": aarch64,
    "loongarch64": loongarch64,
}

#: Number of restart_syscall(2).
RESTART_SYSCALL: Final = {"x86_64": 219, "riscv64": 128, "aarch64": 128, "loongarch64": 128}

#: Architectures whose struct sigaction has a restorer field.
HAS_RESTORER: Final = frozenset({"x86_64", "aarch64"})


def setup(t: Thread, cpu: Cpu, info: SigInfo, action: SigAction, mask: int) -> None:
    """Build the frame for `info` and enter `action.handler`; `mask` is restored on return.

    Raises:
        LinuxError: EFAULT: the stack cannot take the frame; nothing but its bytes changed.
    """
    _FRAMES[t.arch.name].setup(t, cpu, info, action, mask)


def restore(t: Thread, cpu: Cpu) -> int:
    """Undo `setup` from the frame at the stack pointer; gives the result register's value.

    Raises:
        LinuxError: EFAULT: no readable, valid frame there.
    """
    return _FRAMES[t.arch.name].restore(t, cpu)
