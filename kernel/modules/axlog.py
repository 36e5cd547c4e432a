"""The kernel's log: a level and a line, as an event and in a bounded ring.

ArceOS: axlog, whose `LogIf` asks the runtime for time, CPU and task; here the event carries them.
"""

from __future__ import annotations

from collections import deque

from kernel.crates.event import EventKind, EventLog

LEVELS = ("error", "warn", "info", "debug", "trace")
KEPT_LINES = 256


class AxLog:
    """Keeps the last `KEPT_LINES` lines as (time in ns, CPU, level, text)."""

    __slots__ = ("events", "lines", "max_level")

    def __init__(self, events: EventLog, max_level: str = "info") -> None:
        self.events = events
        self.max_level = LEVELS.index(max_level)
        self.lines: deque[tuple[int, int, str, str]] = deque(maxlen=KEPT_LINES)

    def __call__(self, level: str, text: str) -> None:
        """Log one line; see `log`."""
        self.log(level, text)

    def log(self, level: str, text: str) -> None:
        """Log one line; ignored above the maximum level."""
        if LEVELS.index(level) > self.max_level:
            return
        events = self.events
        self.lines.append((events.time_ns, events.cpu_id, level, text))
        events.emit(EventKind.LOG, level, text)

    def warn(self, text: str) -> None:
        """Log at level warn."""
        self.log("warn", text)

    def info(self, text: str) -> None:
        """Log at level info."""
        self.log("info", text)
