"""Which engines may hold code translated from a frame, and which may write it.

Unicorn notices a store into translated code only when that very TLB entry also allows execution,
and granting execution on data pages makes all stores slow. So a frame is either executed or
written: an engine that wants the other takes the frame over, and the engines that had it forget
it. Only a page mapped writable and executable, used by one engine alone, may be both ("mixed");
there Unicorn's own check works.

The protocol is the one measured in Unicorn 2.1.4 with one and two mappings of a frame, several
engines and kernel writes.
"""

from __future__ import annotations

from typing import Protocol

from kernel.machine.engine import Access
from kernel.machine.ram import FRAME_SHIFT, Ram

_READ = int(Access.READ)
_WRITE = int(Access.WRITE)
_EXECUTE = int(Access.EXECUTE)
#: `grant` says: another use of the frame has to end first, see `FrameOwnership.resolve`.
CONFLICT = 0


class Owner(Protocol):
    """An engine, as its group sees it.

    Attributes:
        bit: 1 << its place in the group.
        written: Frames it was granted WRITE on since its last TLB flush.
        mixed: Those of `written` that it may also hold code of.
    """

    bit: int
    written: set[int]
    mixed: set[int]

    def flush_tlb(self) -> None: ...
    def invalidate_frame(self, pa: int) -> None: ...


class FrameOwnership:
    """The write-or-execute rule over the frames of one RAM and all engines on it.

    Attributes:
        executors: Frame number -> bits of the engines that may hold code of it.
        lent: Frames an engine may execute and write for one instruction, which it runs alone.
    """

    __slots__ = ("executors", "lent", "owners", "ram")

    def __init__(self, ram: Ram) -> None:
        self.ram = ram
        self.owners: list[Owner] = []
        self.executors: dict[int, int] = {}
        self.lent: set[int] = set()
        ram.on_code_write = self.code_written

    def join(self, owner: Owner) -> int:
        """Take a new engine in; returns its bit."""
        self.owners.append(owner)
        return 1 << (len(self.owners) - 1)

    def grant(self, owner: Owner, frame: int, perms: int, access: int) -> int:
        """Permissions a TLB entry may have, or CONFLICT.

        Args:
            owner: The engine that asks.
            frame: Frame number.
            perms: What the page table allows; includes `access`.
            access: The access that missed.
        """
        if access == _READ:
            if frame in owner.written and perms & _WRITE:
                return perms if frame in owner.mixed else perms & ~_EXECUTE
            return _READ
        if access == _WRITE:
            executors = self.executors.get(frame)
            if not executors:
                owner.written.add(frame)
                self.ram.touched.add(frame)
                return perms & ~_EXECUTE
            if frame in self.lent:
                owner.written.add(frame)
                self.ram.touched.add(frame)
                return perms & ~_EXECUTE
            if executors == owner.bit and perms & _EXECUTE:
                owner.written.add(frame)
                owner.mixed.add(frame)
                self.ram.touched.add(frame)
                return perms
            return CONFLICT
        for other in self.owners:
            mine = other is owner and (frame in owner.mixed or frame in self.lent)
            if frame in other.written and not mine:
                return CONFLICT
        self.executors[frame] = self.executors.get(frame, 0) | owner.bit
        self.ram.exec_frames.add(frame)
        return perms if frame in owner.mixed else perms & ~_WRITE

    def resolve(self, frame: int, access: int) -> None:
        """End the use of a frame that stands in the way of `access`; no engine may be running."""
        if access == _WRITE:
            self.code_written(frame << FRAME_SHIFT)
            return
        for other in self.owners:
            if frame in other.written:
                other.flush_tlb()

    def code_written(self, pa: int) -> None:
        """The bytes of a frame changed, or will: everyone forgets code translated from it."""
        frame = pa >> FRAME_SHIFT
        executors = self.executors.pop(frame, 0)
        self.ram.exec_frames.discard(frame)
        for owner in self.owners:
            if executors & owner.bit:
                owner.invalidate_frame(frame << FRAME_SHIFT)
