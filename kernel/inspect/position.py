"""A point in the life of a machine."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A totally ordered point in a run.

    Attributes:
        event: Number of kernel events so far. With `insns` 0 the point is right after that event,
            which may be in the middle of a system call.
        insns: User instructions executed (on all CPUs together) since that event.
    """

    event: int
    insns: int = 0

    def __str__(self) -> str:
        return f"{self.event}+{self.insns}" if self.insns else str(self.event)

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read `EVENT` or `EVENT+INSNS`.

        Raises:
            ValueError: It is neither.
        """
        event, _, insns = text.partition("+")
        position = cls(int(event, 0), int(insns, 0) if insns else 0)
        if position < (0, 0) or position.insns < 0:
            raise ValueError(f"position {text!r} is negative")
        return position
