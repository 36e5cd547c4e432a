"""Runs a native x86_64 program under ptrace and shows its calls to a formatter.

The oracle for the formatter is the real strace on the same program; this gives the formatter the
same calls and the same memory that strace sees.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
_GETREGS, _SYSCALL, _SETOPTIONS, _GETSIGINFO, _TRACEME = 12, 24, 0x4200, 0x4202, 0
_ORDER = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
    "fs_base gs_base ds es fs gs"
)
_REGS = _ORDER.split()
_ARGS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")


@dataclass(frozen=True)
class Seen:
    serial: int
    tid: int
    nr: int
    name: str
    args: tuple[int, ...]
    result: int | None


class Recorder:
    def __init__(self, argv: list[str], names: dict[int, str], cwd: str) -> None:
        self.names = names
        self.pid = os.fork()
        if not self.pid:
            os.chdir(cwd)
            _libc.personality(0x40000)
            _libc.ptrace(_TRACEME, 0, None, None)
            null = os.open("/dev/null", os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            os.closerange(3, 64)
            os.execve(argv[0], argv, {})
        os.waitpid(self.pid, 0)
        _libc.ptrace(_SETOPTIONS, self.pid, None, 1)
        self.mem = os.open(f"/proc/{self.pid}/mem", os.O_RDONLY)

    def memory(self, va: int, size: int) -> bytes:
        try:
            return os.pread(self.mem, size, va)
        except (OSError, OverflowError):
            return b""

    def regs(self) -> dict[str, int]:
        buffer = (ctypes.c_uint64 * len(_REGS))()
        _libc.ptrace(_GETREGS, self.pid, None, ctypes.addressof(buffer))
        return dict(zip(_REGS, buffer, strict=True))

    def run(
        self,
        enter: Callable[[Seen], None],
        leave: Callable[[Seen], None],
        on_signal: Callable[[int, bytes], None],
        ended: Callable[[int], None],
    ) -> None:
        serial, inside, deliver = 0, None, 0
        while True:
            _libc.ptrace(_SYSCALL, self.pid, None, deliver)
            deliver = 0
            _, status = os.waitpid(self.pid, 0)
            if not os.WIFSTOPPED(status):
                ended(status)
                os.close(self.mem)
                return
            stop = os.WSTOPSIG(status)
            if stop != signal.SIGTRAP | 0x80:
                deliver = stop
                info = (ctypes.c_char * 128)()
                _libc.ptrace(_GETSIGINFO, self.pid, None, ctypes.addressof(info))
                on_signal(stop, bytes(info))
                continue
            regs = self.regs()
            if inside is None:
                serial += 1
                nr = regs["orig_rax"]
                name = self.names.get(nr, "")
                args = tuple(regs[r] for r in _ARGS)
                inside = Seen(serial, self.pid, nr, name, args, None)
                enter(inside)
            else:
                result = regs["rax"]
                result -= (1 << 64) if result >> 63 else 0
                leave(Seen(serial, self.pid, inside.nr, inside.name, inside.args, result))
                inside = None
