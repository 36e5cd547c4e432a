"""The alternate signal stack of a thread, sigaltstack(2).

Source: Linux kernel/signal.c `do_sigaltstack`, include/linux/sched/signal.h `sas_ss_flags`.
"""

from __future__ import annotations

from typing import Final

SS_ONSTACK: Final = 1
SS_DISABLE: Final = 2
SS_AUTODISARM: Final = 1 << 31

#: Smallest alternate stack accepted, MINSIGSTKSZ of the architecture.
MIN_STACK_BYTES: Final = {
    "x86_64": 2048,
    "riscv64": 2048,
    "aarch64": 5120,
    "loongarch64": 4096,
}


class AltStack:
    """Where handlers with SA_ONSTACK run; size 0 means none.

    Attributes:
        sp: Lowest address.
        flags: As given to sigaltstack, SS_AUTODISARM included.
        size_bytes: Length.
    """

    __slots__ = ("flags", "size_bytes", "sp")

    def __init__(self, sp: int = 0, flags: int = 0, size_bytes: int = 0) -> None:
        self.sp = sp
        self.flags = flags
        self.size_bytes = size_bytes

    def covers(self, sp: int) -> bool:
        """Whether `sp` lies in it (`__on_sig_stack`)."""
        return 0 < sp - self.sp <= self.size_bytes

    def contains(self, sp: int) -> bool:
        """Whether a thread with stack pointer `sp` runs on it (`on_sig_stack`)."""
        return not self.flags & SS_AUTODISARM and self.covers(sp)

    def state(self, sp: int) -> int:
        """`SS_DISABLE`, `SS_ONSTACK` or 0 (free to use) for a thread with stack pointer `sp`."""
        if not self.size_bytes:
            return SS_DISABLE
        return SS_ONSTACK if self.contains(sp) else 0

    def change(self, arch: str, sp: int, new_sp: int, flags: int, size_bytes: int) -> str:
        """Set a new stack, for a thread whose stack pointer is `sp`.

        Returns:
            "" or the name of the error: EPERM (in use), EINVAL (flags), ENOMEM (too small).
        """
        if self.contains(sp):
            return "EPERM"
        mode = flags & ~SS_AUTODISARM
        if mode not in (0, SS_ONSTACK, SS_DISABLE):
            return "EINVAL"
        if mode == SS_DISABLE:
            new_sp = size_bytes = 0
        elif size_bytes < MIN_STACK_BYTES[arch]:
            return "ENOMEM"
        self.sp, self.flags, self.size_bytes = new_sp, flags, size_bytes
        return ""

    def disarm(self) -> None:
        """Forget it (`sas_ss_reset`)."""
        self.sp, self.flags, self.size_bytes = 0, SS_DISABLE, 0

    def copy(self) -> AltStack:
        """That of a forked child."""
        return AltStack(self.sp, self.flags, self.size_bytes)
