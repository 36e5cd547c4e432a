"""Signal calls: rt_sigaction(2) and its family, kill(2)."""

from __future__ import annotations

from arcetui.strace import structs
from arcetui.strace.call import Call, Spec
from arcetui.strace.calls.io import mask_with_size
from arcetui.strace.results import number
from arcetui.strace.scalars import arg, filled, int32, one_of, pointer, signo, uint64
from arcetui.strace.tables import signals as signal_names
from arcetui.strace.text import addr

SIG = arg("sig", signo)
SIZE = arg("sigsetsize", uint64)


#: Bytes from the stack pointer at rt_sigreturn to the mask saved in the signal frame.
_FRAME_MASK = {
    "x86_64": 0x128,
    "riscv64": 128 + 5 * 8,
    "aarch64": 128 + 5 * 8,
    "loongarch64": 128 + 5 * 8,
}


def mask_in_frame(call: Call, value: int) -> str:
    """What rt_sigreturn restores: the mask saved in the frame at the stack pointer.

    The stack pointer is no argument; a caller that knows it passes it as the first one.
    """
    got = call.unpack(value + _FRAME_MASK[call.arch], "Q") if value else None
    return "{mask=[]}" if got is None else f"{{mask={signal_names.sigset(got[0])}}}"


def pending(call: Call, value: int) -> str:
    """rt_sigpending's set."""
    got = call.unpack(value, "Q")
    return addr(value) if got is None else signal_names.sigset(got[0])


CALLS: dict[str, Spec] = {
    "rt_sigaction": Spec(
        (
            arg("signum", signo),
            arg("act", structs.sigaction),
            filled("oldact", structs.sigaction),
            SIZE,
        ),
        number,
    ),
    "rt_sigprocmask": Spec(
        (
            arg("how", one_of(signal_names.HOW, "SIG_???")),
            arg("set", mask_with_size(3)),
            filled("oldset", mask_with_size(3)),
            SIZE,
        ),
        number,
    ),
    "rt_sigpending": Spec((filled("set", pending), SIZE), number),
    "rt_sigsuspend": Spec((arg("mask", mask_with_size(1)), SIZE), number),
    "rt_sigtimedwait": Spec(
        (
            arg("set", mask_with_size(3)),
            filled("info", structs.siginfo_pointer),
            arg("timeout", structs.timespec),
            SIZE,
        ),
        number,
    ),
    "rt_sigreturn": Spec((arg("frame", mask_in_frame),), number),
    "rt_sigqueueinfo": Spec(
        (arg("tgid", int32), SIG, arg("info", structs.siginfo_pointer)), number
    ),
    "rt_tgsigqueueinfo": Spec(
        (arg("tgid", int32), arg("tid", int32), SIG, arg("info", structs.siginfo_pointer)), number
    ),
    "sigaltstack": Spec((arg("ss", structs.stack), filled("old_ss", structs.stack)), number),
    "kill": Spec((arg("pid", int32), SIG), number),
    "tkill": Spec((arg("tid", int32), SIG), number),
    "tgkill": Spec((arg("tgid", int32), arg("tid", int32), SIG), number),
    "pause": Spec((), number),
    "restart_syscall": Spec((), number),
    "userfaultfd": Spec((arg("flags", pointer),), number),
}
