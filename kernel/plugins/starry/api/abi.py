"""What every system-call handler needs: raw argument conversion and its own shape.

A handler is a plain function `sys_NAME(t: Thread, a, b, ...) -> int`. It gets as many raw 64-bit
registers as it has parameters besides the thread, unsigned; it returns the result or raises
`LinuxError`/`AxError`. C's integer parameters use only the low 32 bits: convert with `as_int32`
or `as_uint32`, as Linux's SYSCALL_DEFINE does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kernel.plugins.starry.core.thread import BLOCKED, NO_RETURN

#: A system-call handler; the first argument is the calling `Thread`.
Handler = Callable[..., int]

#: The merged table's entry: (handler, number of register arguments).
Entry = tuple[Handler, int]

U64: Final = (1 << 64) - 1
U32: Final = 0xFFFF_FFFF

__all__ = [
    "BLOCKED",
    "NO_RETURN",
    "U32",
    "U64",
    "Entry",
    "Handler",
    "arg_count",
    "as_int32",
    "as_int64",
    "as_uint32",
]


def as_int32(raw: int) -> int:
    """A C `int` parameter: the low 32 bits, signed."""
    raw &= 0xFFFF_FFFF
    return raw - 0x1_0000_0000 if raw & 0x8000_0000 else raw


def as_uint32(raw: int) -> int:
    """A C `unsigned int` parameter: the low 32 bits."""
    return raw & 0xFFFF_FFFF


def as_int64(raw: int) -> int:
    """A C `long` parameter: 64 bits, signed."""
    return raw - (1 << 64) if raw >> 63 else raw


def arg_count(handler: Any) -> int:
    """How many register arguments a handler takes: its parameters besides the thread."""
    code = handler.__code__
    return code.co_argcount - 1
