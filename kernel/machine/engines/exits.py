"""Addresses at which an engine stops before executing: breakpoints, without cost to a run.

The engine also stops for itself, at instructions that would read the host's clock ("watched").

Unicorn looks at its exit list while it translates, so code translated before an address was added
or removed has to be forgotten. It also fetches from every listed address after each burst; an
address whose page is not mapped would make that fail. Hence only addresses that translate are
listed ("armed"); the others are armed when their page is first fetched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from kernel.machine.engine import Access, Translator
from kernel.machine.ram import FRAME_BYTES, FRAME_SHIFT

_EXECUTE = int(Access.EXECUTE)
_PAGE = ~(FRAME_BYTES - 1)


class Stoppable(Protocol):
    """The part of an engine that exits need."""

    translator: Translator

    def owns(self, found: int) -> bool:
        """Whether a translation is of a frame in RAM."""
        ...

    def load_exits(self, addresses: Iterable[int]) -> None:
        """Give the library its exit list."""
        ...

    def forget_code(self, pa: int) -> None:
        """Forget code translated from a frame, and all translations of addresses."""
        ...


class Exits:
    """The exit addresses of one engine.

    Attributes:
        wanted: Virtual addresses to stop at, in the present address space.
        armed: Those the library knows of.
        watched: Virtual addresses where the engine stops for itself.
    """

    __slots__ = ("_engine", "_is_stale", "_placed", "_waiting", "armed", "wanted", "watched")

    def __init__(self, engine: Stoppable) -> None:
        self._engine = engine
        self.wanted: frozenset[int] = frozenset()
        self.armed: frozenset[int] = frozenset()
        self.watched: set[int] = set()
        self._waiting: set[int] = set()  # pages (page-aligned va) of addresses not armed
        self._placed: dict[int, set[int]] = {}  # va -> frames whose code stops there
        self._is_stale = False

    def replace(self, addresses: frozenset[int]) -> None:
        """Stop at these addresses from now on."""
        if addresses == self.wanted:
            return
        for va in sorted(self.wanted - addresses):
            for pa in sorted(self._placed.pop(va, ())):
                self._engine.forget_code(pa)
        self.wanted = addresses
        if addresses:
            self._is_stale = True
        else:
            self._load(frozenset())

    def translations_changed(self) -> None:
        """Another address space, or pages were unmapped: arm anew before the next burst."""
        self._is_stale = bool(self.wanted)
        if self.watched:  # each page says again what it holds when it is fetched
            self.watched.clear()
            self._publish()

    def refresh(self) -> None:
        """Arm what can be armed, if anything may have changed."""
        if self._is_stale:
            self._is_stale = False
            self._load(self.wanted)

    def need_arming(self, va: int) -> bool:
        """Whether the page of `va`, about to be fetched, has exits that are not armed."""
        return va & _PAGE in self._waiting

    def arm_page(self, va: int) -> None:
        """Arm the exits of the page of `va`, which translates now."""
        page = va & _PAGE
        self._load(self.armed | {exit_va for exit_va in self.wanted if exit_va & _PAGE == page})

    def watch(self, page: int, offsets: tuple[int, ...]) -> bool:
        """Stop at these offsets of `page`, about to be fetched.

        Returns:
            Whether any is new: `arm_page` must be called before the page is fetched.
        """
        addresses = {page + offset for offset in offsets}
        if addresses <= self.watched:
            return False
        self.watched |= addresses
        return True

    def fence(self, addresses: Iterable[int], pa: int) -> None:
        """Stop at `addresses` too for a while; `pa` is the frame they lie in."""
        self._engine.forget_code(pa)
        self._publish(addresses)

    def unfence(self, pa: int) -> None:
        """End of `fence`."""
        self._engine.forget_code(pa)
        self._publish()

    def _load(self, candidates: frozenset[int]) -> None:
        """Arm those of `candidates` that translate; the rest of `wanted` waits."""
        engine = self._engine
        armed: list[int] = []
        for va in sorted(candidates):
            found = engine.translator.translate(va, _EXECUTE)
            if not engine.owns(found):
                continue
            armed.append(va)
            pa = found >> FRAME_SHIFT << FRAME_SHIFT
            placed = self._placed.setdefault(va, set())
            if pa not in placed:
                placed.add(pa)
                engine.forget_code(pa)
        self.armed = frozenset(armed)
        self._waiting = {va & _PAGE for va in self.wanted - self.armed}
        self._publish()

    def _publish(self, more: Iterable[int] = ()) -> None:
        self._engine.load_exits(sorted(self.armed.union(self.watched, more)))
