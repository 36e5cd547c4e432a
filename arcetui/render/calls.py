"""System calls as text, when only their views are at hand (strings as they are in memory now)."""

from __future__ import annotations

from arcetui.render.row import Row, row
from arcetui.strace.call import MemoryReader
from arcetui.strace.formatter import Formatter
from kernel.inspect.views import SyscallView


def call_row(call: SyscallView, formatter: Formatter, memory: MemoryReader) -> Row:
    """One call in strace's format, with its serial number before it."""
    pending = formatter.enter(call, memory)
    if call.result is None:
        head, result, style = pending.entry, "...", "dim"
    else:
        head, result = formatter.parts(call, memory, pending)
        style = "error" if -4096 < call.result < 0 else "good"
    name, _, rest = head.partition("(")
    return row(
        (f"#{call.serial:<5} ", "dim"),
        (name, "syscall"),
        (f"({rest:<{max(38 - len(name), 0)}}", "arg"),
        " = ",
        (result, style),
    )


def calls(views: tuple[SyscallView, ...], formatter: Formatter, memory: MemoryReader) -> list[Row]:
    """Several calls, oldest first."""
    return [call_row(call, formatter, memory) for call in views]
