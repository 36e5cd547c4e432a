"""What instructions raise when they cannot complete, and the TLB they look addresses up in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

PAGE_FAULT: Final = -1
BUS_FAULT: Final = -2


class GuestStop(Exception):
    """An instruction cannot complete.

    Attributes:
        cause: A `Cause`, or PAGE_FAULT, or BUS_FAULT for a page outside RAM.
        address: What the exception is about; for faults the first byte of the page.
        access: For faults the `Access`.
    """

    def __init__(self, cause: int, address: int = 0, access: int = 0) -> None:
        super().__init__(cause, address, access)
        self.cause = cause
        self.address = address
        self.access = access


class Offsets(dict[int, int]):
    """Page number -> offset in RAM minus virtual address; asks when a page is missing."""

    def __init__(self, find: Callable[[int], int]) -> None:
        super().__init__()
        self.find = find

    def __missing__(self, page: int) -> int:
        return self.find(page)
