"""A table of objects with small integer ids, where a new object takes the lowest free id.

Source: Starry-OS/flatten_objects (a bitmap beside an array); used for file descriptors, where
POSIX demands the lowest free number. Here the bitmap is one Python integer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FlattenObjects(Generic[T]):
    """At most `capacity` objects under ids 0 .. capacity - 1."""

    __slots__ = ("_slots", "_used", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._slots: list[T | None] = []
        self._used = 0  # bit i: id i is taken

    def __len__(self) -> int:
        return self._used.bit_count()

    def get(self, ident: int) -> T | None:
        """The object with this id, or None."""
        return self._slots[ident] if 0 <= ident < len(self._slots) else None

    def lowest_free(self, minimum: int = 0) -> int:
        """The lowest free id that is at least `minimum`; may be `capacity` or above."""
        above = self._used >> minimum
        return minimum + (~above & (above + 1)).bit_length() - 1

    def add(self, value: T, minimum: int = 0, end: int | None = None) -> int | None:
        """Store under the lowest free id in `minimum <= id < end`.

        Returns:
            The id, or None when the table is full up to `end` (default: the capacity).
        """
        ident = self.lowest_free(minimum)
        limit = self.capacity if end is None else min(end, self.capacity)
        if ident >= limit:
            return None
        self.put(ident, value)
        return ident

    def put(self, ident: int, value: T) -> T | None:
        """Store under a given id; gives back what was there.

        Raises:
            IndexError: The id is outside the table.
        """
        if not 0 <= ident < self.capacity:
            raise IndexError(f"id {ident} is outside 0..{self.capacity - 1}")
        slots = self._slots
        if ident >= len(slots):
            slots.extend([None] * (ident + 1 - len(slots)))
        old, slots[ident] = slots[ident], value
        self._used |= 1 << ident
        return old

    def remove(self, ident: int) -> T | None:
        """Free an id; gives back what was there, or None."""
        old = self.get(ident)
        if old is not None:
            self._slots[ident] = None
            self._used &= ~(1 << ident)
        return old

    def ids(self) -> Iterator[int]:
        """Taken ids in ascending order."""
        return (ident for ident, value in enumerate(self._slots) if value is not None)

    def items(self) -> Iterator[tuple[int, T]]:
        """Ids and objects in ascending order of ids."""
        return ((i, value) for i, value in enumerate(self._slots) if value is not None)
