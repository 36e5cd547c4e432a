"""Declare low, fill high: how a lower layer calls a higher one.

ArceOS has `crate_interface` (`def_interface!` below, `impl_interface` above) and linkme slices.
Here the lower layer declares a `Protocol` and a `Slot` for it; boot fills the slot.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """A place for one implementation, filled once."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._value: T | None = None

    def fill(self, value: T) -> None:
        """Put the implementation in.

        Raises:
            RuntimeError: The slot is filled already.
        """
        if self._value is not None:
            raise RuntimeError(f"interface {self.name} is implemented twice")
        self._value = value

    @property
    def is_filled(self) -> bool:
        """Whether an implementation was given."""
        return self._value is not None

    def get(self) -> T:
        """The implementation.

        Raises:
            RuntimeError: Nobody filled the slot.
        """
        if self._value is None:
            raise RuntimeError(f"interface {self.name} has no implementation")
        return self._value
