"""The system-call log in strace's words.

Strings and structures have to be read while the call happens, so this listens to the debugger
(also during replays, where it hears the same calls again) and keeps the newest lines.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from arcetui.strace.formatter import Formatter, Pending

if TYPE_CHECKING:
    from kernel.control import MemoryReader, SignalInfoView
    from kernel.inspect.views import SyscallView

#: Lines kept. Older calls are shown with raw arguments.
KEPT = 4000


class StraceWords:
    """A `SyscallObserver` that keeps strace's line of each recent call."""

    def __init__(self, arch: str) -> None:
        self._formatter = Formatter(arch)
        self._pending: dict[int, Pending] = {}
        self._lines: OrderedDict[int, tuple[str, str]] = OrderedDict()

    def enter(self, call: SyscallView, memory: MemoryReader) -> None:
        """Decode the arguments as they are at the entry."""
        pending = self._formatter.enter(call, memory)
        self._pending[call.serial] = pending
        if len(self._pending) > KEPT:  # calls that never came back
            del self._pending[next(iter(self._pending))]
        self._keep(call.serial, pending.text, "")

    def exit(self, call: SyscallView, memory: MemoryReader) -> None:
        """Finish the line with what the kernel filled in."""
        pending = self._pending.pop(call.serial, None)
        text, result = self._formatter.parts(call, memory, pending)
        self._keep(call.serial, text, result)

    def signal(self, tid: int, signo: int, info: SignalInfoView) -> None:
        """Signals are shown by the timeline."""

    def exited(self, pid: int, status: int) -> None:
        """The status line says it."""

    def _keep(self, serial: int, text: str, result: str) -> None:
        self._lines[serial] = (text, result)
        self._lines.move_to_end(serial)
        if len(self._lines) > KEPT:
            self._lines.popitem(last=False)

    def call(self, view: SyscallView) -> tuple[str, str, bool]:
        """Text, result and whether it failed, for the pane."""
        failed = view.result is not None and -4096 < view.result < 0
        line = self._lines.get(view.serial)
        if line is None:
            raw = ", ".join(f"{a:#x}" for a in view.args)
            return f"{view.name}({raw})", "" if view.result is None else str(view.result), failed
        text, result = line
        return text, result if view.exit is not None else "", failed
