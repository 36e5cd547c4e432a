"""Per-CPU timers: what is due when.

Source: ArceOS modules/axtask/src/timers.rs and the timer_list crate: a binary heap with lazy
cancellation by ticket.
"""

from __future__ import annotations

import heapq

from kernel.machine.cpu import NEVER_NS


class TimerList:
    """Deadlines of one CPU, each with a ticket and the task id or timer it belongs to."""

    __slots__ = ("heap", "next_ticket")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, str, int]] = []  # (deadline ns, ticket, kind, id)
        self.next_ticket = 1

    def set(self, deadline_ns: int, kind: str, ident: int) -> int:
        """Add a timer; its ticket."""
        ticket = self.next_ticket
        self.next_ticket += 1
        heapq.heappush(self.heap, (deadline_ns, ticket, kind, ident))
        return ticket

    def cancel(self, ticket: int) -> None:
        """Remove the timer with `ticket`, if it is still there."""
        kept = [entry for entry in self.heap if entry[1] != ticket]
        if len(kept) != len(self.heap):
            heapq.heapify(kept)
            self.heap = kept

    def next_deadline_ns(self) -> int:
        """The earliest deadline; `NEVER_NS` if none."""
        return self.heap[0][0] if self.heap else NEVER_NS

    def expire_one(self, now_ns: int) -> tuple[int, int, str, int] | None:
        """Take out the earliest timer if it is due."""
        if self.heap and self.heap[0][0] <= now_ns:
            return heapq.heappop(self.heap)
        return None
