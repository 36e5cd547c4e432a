"""How far a running machine is moved between two looks at the queue: by time, not by instructions.

A hundred thousand instructions are a millisecond of computing, but half a second of system calls
and task switches. The reader of keys waits for the slice to end, so it is made to fit.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kernel.control import Stopped

#: What a slice should last at most.
SLICE_SECONDS = 0.01
MOST_INSNS = 100_000
LEAST_INSNS = 1_000
#: While the program waits, the queue is heard at once, and requests for pictures so often.
LOOK_SECONDS = 0.05
#: Every SLICE_SECONDS, for the thread that draws: it waits long for Python's lock otherwise.
YIELD_SECONDS = 0.0001
#: The first slice: what the program does is not known yet, and a short one costs little.
FIRST_INSNS = 10_000


class Pumped(Protocol):
    """The part of a debugger that moves."""

    def pump(self, max_insns: int) -> Stopped | None:
        """Do a slice of the goal."""
        ...

    def idle_seconds(self) -> float:
        """Virtual time that will be skipped next while a task waits for input."""
        ...


class Pace:
    """Chooses the next slice from what the last one took.

    A program that waits for a key, but not for ever, waits in real time: who types would always
    come too late otherwise.

    Attributes:
        insns: Instructions of the next slice.
    """

    def __init__(self) -> None:
        self.insns = FIRST_INSNS
        self._rests_until = 0.0
        self._yielded = 0.0

    def pump(self, debugger: Pumped) -> Stopped | None:
        """Do a slice of the goal; the stop, or None when there is more to do."""
        start = time.monotonic()
        if start < self._rests_until:
            return None
        stopped = debugger.pump(self.insns)
        end = time.monotonic()
        self.took(end - start)
        if stopped is None and (idle := debugger.idle_seconds()):
            self._rests_until = end + idle
        elif stopped is None and end > self._yielded + SLICE_SECONDS:
            time.sleep(YIELD_SECONDS)
            self._yielded = time.monotonic()
        return stopped

    @property
    def waits_s(self) -> float:
        """How long there is nothing to do but to wait for input."""
        return max(self._rests_until - time.monotonic(), 0.0)

    @property
    def rest_seconds(self) -> float:
        """The same, a look's time at most."""
        return min(self.waits_s, LOOK_SECONDS)

    def wake(self) -> None:
        """There is input, or another goal."""
        self._rests_until = 0.0

    def took(self, seconds: float) -> None:
        """The slice lasted so long: the next is shorter or longer."""
        if seconds > SLICE_SECONDS:
            fitting = int(self.insns * SLICE_SECONDS / seconds)
            self.insns = max(fitting, self.insns // 8, LEAST_INSNS)
        elif seconds < SLICE_SECONDS / 2:
            self.insns = min(self.insns * 2, MOST_INSNS)
