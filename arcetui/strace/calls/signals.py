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


def restored_mask(_: Call, value: int) -> str:
    """What rt_sigreturn restores. It takes no argument: the formatter gives the mask as one."""
    return f"{{mask={signal_names.sigset(value)}}}"


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
    "rt_sigreturn": Spec((filled("mask", restored_mask, even_failed=True),), number),
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
