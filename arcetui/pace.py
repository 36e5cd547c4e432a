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
SLICE_SECONDS = 0.02
MOST_INSNS = 100_000
LEAST_INSNS = 1_000
#: The first slice: what the program does is not known yet, and a short one costs little.
FIRST_INSNS = 10_000


class Pumped(Protocol):
    """The part of a debugger that moves."""

    def pump(self, max_insns: int) -> Stopped | None:
        """Do a slice of the goal."""
        ...


class Pace:
    """Chooses the next slice from what the last one took.

    Attributes:
        insns: Instructions of the next slice.
    """

    def __init__(self) -> None:
        self.insns = FIRST_INSNS

    def pump(self, debugger: Pumped) -> Stopped | None:
        """Do a slice of the goal; the stop, or None when there is more to do."""
        start = time.monotonic()
        stopped = debugger.pump(self.insns)
        self.took(time.monotonic() - start)
        return stopped

    def took(self, seconds: float) -> None:
        """The slice lasted so long: the next is shorter or longer."""
        if seconds > SLICE_SECONDS:
            fitting = int(self.insns * SLICE_SECONDS / seconds)
            self.insns = max(fitting, self.insns // 8, LEAST_INSNS)
        elif seconds < SLICE_SECONDS / 2:
            self.insns = min(self.insns * 2, MOST_INSNS)
