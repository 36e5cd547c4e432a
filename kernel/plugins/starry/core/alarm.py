"""Timers of programs beside setitimer: POSIX timers and timerfd, on any clock.

Both are an `Alarm`: a due time on a clock, a period, and one entry in axtask's timer list. What
happens at the due time is the owner's business.

Source: Linux kernel/time/posix-timers.c, fs/timerfd.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from kernel.plugins.starry.core.itimer import process_cpu_ns
from kernel.plugins.starry.core.timespec import (
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.starry import Starry
    from kernel.plugins.starry.core.thread import Thread

#: The kind of these timers in axtask's timer list.
KIND: Final = "alarm"
_WALL: Final = (CLOCK_REALTIME, CLOCK_REALTIME_ALARM, CLOCK_TAI)


class Owner(Protocol):
    """Whose alarm it is."""

    def alarm_due(self) -> None:
        """The due time has come."""
        ...


class Alarm:
    """A timer.

    Attributes:
        ident: Its number among all alarms.
        clock: Clock id.
        due_ns: When it expires, on its own clock; 0: it is not armed.
        interval_ns: Period; 0: once.
    """

    __slots__ = ("clock", "cpu_id", "due_ns", "ident", "interval_ns", "owner", "starry", "thread")

    def __init__(self, t: Thread, clock: int, owner: Owner) -> None:
        starry = t.starry
        self.starry: Starry = starry
        self.thread: Any = t
        self.clock = clock
        self.owner = owner
        starry.next_alarm += 1
        self.ident = starry.next_alarm
        self.due_ns = 0
        self.interval_ns = 0
        self.cpu_id = 0
        starry.alarms[self.ident] = (self, 0)

    def clock_ns(self) -> int:
        """The time on its clock."""
        tasks = self.starry.kernel.tasks
        if self.clock == CLOCK_PROCESS_CPUTIME_ID:
            return process_cpu_ns(self.thread.process)
        if self.clock == CLOCK_THREAD_CPUTIME_ID:
            return tasks.cpu_time_ns(self.thread.task)
        now = self.starry.events.time_ns
        return now + self.starry.kernel.config.epoch_offset_ns if self.clock in _WALL else now

    def get(self) -> tuple[int, int]:
        """(time left, interval) in nanoseconds; (0, 0) left when it is not armed."""
        if not self.due_ns:
            return 0, self.interval_ns
        left = self.due_ns - self.clock_ns()
        if left <= 0 and self.interval_ns:
            left += -(left // self.interval_ns) * self.interval_ns
        return max(left, 1), self.interval_ns

    def set(self, value_ns: int, interval_ns: int, *, absolute: bool) -> None:
        """Arm it, or disarm it with `value_ns` 0."""
        self.disarm()
        self.interval_ns = interval_ns if value_ns else 0
        if value_ns:
            self.due_ns = value_ns if absolute else self.clock_ns() + value_ns
            self.arm()

    def arm(self) -> None:
        """Put it into the running CPU's timer list."""
        tasks = self.starry.kernel.tasks
        left = max(self.due_ns - self.clock_ns(), 0)
        self.cpu_id = tasks.events.cpu_id
        at_ns = self.starry.events.time_ns + left
        ticket = tasks.set_timer(self.cpu_id, at_ns, KIND, self.ident)
        self.starry.alarms[self.ident] = (self, ticket)

    def disarm(self) -> None:
        """Take it out of the timer list."""
        _, ticket = self.starry.alarms[self.ident]
        if ticket:
            self.starry.kernel.tasks.cancel_timer(self.cpu_id, ticket)
            self.starry.alarms[self.ident] = (self, 0)
        self.due_ns = 0

    def expirations(self) -> int:
        """How many due times have passed; moves the next one into the future. Arms nothing."""
        if not self.due_ns:
            return 0
        late = self.clock_ns() - self.due_ns
        if late < 0:
            return 0
        if not self.interval_ns:
            self.due_ns = 0
            return 1
        count = late // self.interval_ns + 1
        self.due_ns += count * self.interval_ns
        return count

    def delete(self) -> None:
        """Forget it."""
        self.disarm()
        del self.starry.alarms[self.ident]


def handle_timer(starry: Starry, ident: int) -> None:
    """An alarm's entry in the timer list has expired."""
    found = starry.alarms.get(ident)
    if found is None:
        return
    alarm, _ = found
    starry.alarms[ident] = (alarm, 0)
    if alarm.due_ns > alarm.clock_ns():  # CPU time that has not passed yet
        alarm.arm()
    elif alarm.due_ns:
        alarm.owner.alarm_due()
