"""What the session tells the screen: pictures of the machine, and how far a search came."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from arcetui.messages import SnapshotReady

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from arcetui.machine import Machine
    from arcetui.state import Interests, Snapshot
    from kernel.control import Stopped

#: Seconds over which the speed of a running program is measured.
MEASURED_SECONDS = 0.25


class Reporter:
    """Makes snapshots and posts them.

    Args:
        post: Sends a message to the screen; callable from any thread.
    """

    def __init__(self, post: Callable[[Message], Any]) -> None:
        self._post = post
        self._last: Snapshot | None = None
        self._rate = 0.0
        self._mark = (0.0, 0)

    def begin(self, debugger: Any) -> None:
        """A movement begins: measure its speed from here on."""
        self._mark = (time.monotonic(), debugger.machine().instructions)

    def show(
        self,
        machine: Machine,
        interests: Interests,
        *,
        running: bool,
        measured: bool,
        stopped: Stopped | None,
        speed: str,
        error: str,
        waits_s: float,
    ) -> None:
        """Capture what the screen wants to see, and post it."""
        taken = machine.capture.take(
            interests,
            running=running,
            stopped=stopped,
            rate=self._measure(machine.debugger) if measured else 0.0,
            speed=speed,
            error=error,
        )
        self._last = replace(taken, waits_s=waits_s) if waits_s else taken
        self._post(SnapshotReady(self._last))

    def show_search(self, machine: Machine) -> None:
        """Post the last picture again, with how far a search backward came.

        The machine itself is replayed in the meantime, stretch by stretch: nothing to look at.
        """
        if self._last is None:
            return
        found = machine.debugger.searched()
        progress = "searching back"
        if found is not None:
            first, origin = found
            part = 100 * (origin.event - first.event) // max(origin.event, 1)
            progress = f"searching back: came to {first}, {part} % of the past"
        self._post(SnapshotReady(replace(self._last, running=True, progress=progress)))

    def _measure(self, debugger: Any) -> float:
        """Instructions a second since the last look."""
        now, count = time.monotonic(), debugger.machine().instructions
        then, before = self._mark
        if now - then > MEASURED_SECONDS:
            self._rate = max(count - before, 0) / (now - then)
            self._mark = (now, count)
        return self._rate


def sentence_of(error: BaseException) -> str:
    """An exception in one sentence; for an unexpected one also where it came from."""
    text = str(error) or type(error).__name__
    if type(error).__name__ in ("LoadError", "CommandError", "FileNotFoundError", "ValueError"):
        return text.splitlines()[0]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno})" if frames else ""
    return f"emulator error: {type(error).__name__}: {text.splitlines()[0]}{where}"
