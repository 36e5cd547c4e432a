"""The console. Source: ArceOS api/arceos_api/src/imp/mod.rs (`stdio`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.event import EventKind
from kernel.plugins.unikernel.core.thread import AppThread

if TYPE_CHECKING:
    pass


def write_console(t: AppThread, data: bytes, stream: int) -> int:
    """Send bytes out; how many."""
    kernel = t.form.kernel
    if data:
        kernel.hal.write_bytes(data, stream)
        kernel.events.emit(EventKind.CONSOLE_WRITE, len(data))
    return len(data)


def read_console(t: AppThread, buffer: int, size: int) -> int:
    """Wait for input and take what there is; 0 at its end."""
    kernel = t.form.kernel
    console = kernel.board.console
    if not size:
        return 0
    t.mem.check(buffer, size)
    if not console.rx:
        if console.eof or console.kinds[0] == "null":
            return 0
        return t.block("console input", (kernel.console_wait,))
    data = kernel.hal.read_bytes(size)
    kernel.events.emit(EventKind.CONSOLE_READ, len(data))
    t.mem.write(buffer, data)
    return len(data)


def ax_console_write_bytes(t: AppThread, data: int, size: int) -> int:
    """Write to the console; how many bytes."""
    return write_console(t, t.mem.read(data, size), 1)


def ax_console_read_bytes(t: AppThread, buffer: int, size: int) -> int:
    """Read from the console, at least one byte; 0 at the end of input."""
    return read_console(t, buffer, size)


CALLS = {
    "ax_console_write_bytes": ax_console_write_bytes,
    "ax_console_read_bytes": ax_console_read_bytes,
}
