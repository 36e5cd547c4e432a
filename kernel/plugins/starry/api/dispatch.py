"""The system-call table: every family's `CALLS`, merged, by number, per architecture.

Source: starry-next src/syscall.rs (one big `match`).
Differs: the table is data; a number without a handler is -ENOSYS, as Linux answers it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from kernel.crates.errno import KernelPanic
from kernel.plugins.starry import api
from kernel.plugins.starry.api.abi import U32, Handler, arg_count
from kernel.plugins.starry.api.numbers import NAMES, NUMBERS, syscall_name


class SyscallTable:
    """The system calls of one architecture. Pickled by reference: it is code, not state.

    Attributes:
        arch: Linux's name of the architecture.
        entries: (handler, number of register arguments) by number.
        sigreturn_nr: The number of rt_sigreturn.
    """

    __slots__ = ("arch", "entries", "sigreturn_nr")

    def __init__(self, arch: str, handlers: dict[str, Handler]) -> None:
        self.arch = arch
        self.sigreturn_nr = NUMBERS[arch]["rt_sigreturn"]
        self.entries: dict[int, tuple[Handler, int]] = {}
        for name, nr in NUMBERS[arch].items():
            handler = handlers.get(name)
            if handler is not None:
                self.entries[nr] = (handler, arg_count(handler))

    def __reduce__(self) -> tuple[Any, ...]:
        return syscall_table, (self.arch,)

    def truncate(self, nr: int) -> int:
        """The number as Linux takes it: x86_64 and aarch64 look at 32 bits of the register."""
        return nr & U32 if self.arch in ("x86_64", "aarch64") else nr

    def name(self, nr: int) -> str:
        """The Linux name of a number."""
        return syscall_name(self.arch, nr)

    def names(self) -> dict[int, str]:
        """All Linux names by number, of calls that are here or not."""
        return NAMES[self.arch]


def merge_calls() -> dict[str, Handler]:
    """The handlers of all families by Linux name: of every module of `api` that has CALLS.

    Raises:
        KernelPanic: Two families have the same call, or a name Linux does not know.
    """
    merged: dict[str, Handler] = {}
    known = {name for table in NUMBERS.values() for name in table}
    for family in sorted(module.name for module in pkgutil.iter_modules(api.__path__)):
        if family == "dispatch":
            continue
        module = importlib.import_module(f"{api.__name__}.{family}")
        calls: dict[str, Handler] = getattr(module, "CALLS", {})
        for name, handler in calls.items():
            if name in merged:
                raise KernelPanic(f"system call {name} is implemented twice")
            if name not in known:
                raise KernelPanic(f"{family} exports {name}, which is no Linux system call")
            merged[name] = handler
    return merged


@cache
def syscall_table(arch: str) -> SyscallTable:
    """The table of `arch`; made once, it never changes."""
    return SyscallTable(arch, merge_calls())
