"""Advisory file locks: records (of a process or of an open file), and whole files (flock).

    node.locks -> FileLocks: ranges [POSIX and OFD in one list], whole [flock]

Source: Linux fs/locks.c (`posix_lock_inode`, `flock_lock_inode`, `locks_remove_posix`); fcntl(2),
flock(2).
Differs from Linux: leases do not exist; who waits is told by one wait queue a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.vfs import VfsNode

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue

F_RDLCK, F_WRLCK, F_UNLCK = 0, 1, 2
OFFSET_MAX: Final = (1 << 63) - 1


@dataclass(slots=True)
class FileLock:
    """One lock.

    Attributes:
        kind: F_RDLCK or F_WRLCK.
        start, end: First and last byte.
        owner: Whose it is: the `FdTable` of a process (POSIX), or the `OpenFile` (OFD, flock).
        pid: What F_GETLK tells; -1 for OFD locks.
    """

    kind: int
    start: int
    end: int
    owner: Any
    pid: int

    def conflicts(self, other: FileLock) -> bool:
        """Whether both cannot be held: different owners, common bytes, one of them writes."""
        return (
            self.owner is not other.owner
            and self.start <= other.end
            and other.start <= self.end
            and F_WRLCK in (self.kind, other.kind)
        )


class FileLocks:
    """The locks of one file.

    Attributes:
        ranges: Record locks; those of one owner stand together, in order of their bytes.
        whole: Locks of flock(2).
    """

    __slots__ = ("kernel", "name", "ranges", "whole")

    def __init__(self, kernel: Any, name: str) -> None:
        self.kernel = kernel
        self.name = name
        self.ranges: list[FileLock] = []
        self.whole: list[FileLock] = []

    @property
    def queue(self) -> WaitQueue:
        """Where the end of locks is told; it is forgotten with its last waiter."""
        queue = self.kernel.tasks.wait_queue(self.name)
        queue.transient = True
        return queue

    def released(self) -> None:
        """Some lock fell or became weaker: those who wait look again."""
        queue = self.kernel.tasks.wait_queues.get(self.name)
        if queue is not None:
            queue.notify_all("unlock")

    def blocker(self, wanted: FileLock) -> FileLock | None:
        """The first record lock that conflicts."""
        return next((lock for lock in self.ranges if lock.conflicts(wanted)), None)

    def set_range(self, wanted: FileLock) -> None:
        """Give `wanted.owner` these bytes with this kind (F_UNLCK: none), replacing what it had.

        Neighbours of the same kind join, others are cut; the caller has looked for conflicts.
        """
        mine = [lock for lock in self.ranges if lock.owner is wanted.owner]
        place = next((i for i, lock in enumerate(self.ranges) if lock.owner is wanted.owner), None)
        first, last = wanted.start, wanted.end
        kept: list[FileLock] = []
        weaker = False
        for lock in mine:
            if lock.kind == wanted.kind and lock.end >= first - 1 and lock.start <= last + 1:
                first, last = min(first, lock.start), max(last, lock.end)
                continue
            if lock.end < wanted.start or lock.start > wanted.end:
                kept.append(lock)
                continue
            weaker = weaker or wanted.kind != F_WRLCK
            if lock.start < wanted.start:
                kept.append(FileLock(lock.kind, lock.start, wanted.start - 1, lock.owner, lock.pid))
            if lock.end > wanted.end:
                kept.append(FileLock(lock.kind, wanted.end + 1, lock.end, lock.owner, lock.pid))
        if wanted.kind != F_UNLCK:
            kept.append(FileLock(wanted.kind, first, last, wanted.owner, wanted.pid))
        kept.sort(key=lambda lock: lock.start)
        others = [lock for lock in self.ranges if lock.owner is not wanted.owner]
        at = len(others) if place is None else place
        self.ranges = others[:at] + kept + others[at:]
        if weaker:
            self.released()

    def drop_ranges(self, owner: Any) -> None:
        """All record locks of an owner fall."""
        kept = [lock for lock in self.ranges if lock.owner is not owner]
        if len(kept) != len(self.ranges):
            self.ranges = kept
            self.released()

    def set_whole(self, wanted: FileLock) -> bool:
        """flock: take, change or (F_UNLCK) drop the lock of an open file.

        A change gives the old lock up first, as Linux's does.

        Returns:
            False: another open file's lock is in the way.
        """
        mine = next((lock for lock in self.whole if lock.owner is wanted.owner), None)
        if mine is not None:
            if mine.kind == wanted.kind:
                return True
            self.whole.remove(mine)
            self.released()
        if wanted.kind == F_UNLCK:
            return True
        if any(lock.conflicts(wanted) for lock in self.whole):
            return False
        self.whole.append(wanted)
        return True

    def closed(self, owner: Any) -> None:
        """An open file is gone, and with it its OFD and flock locks."""
        self.drop_ranges(owner)
        kept = [lock for lock in self.whole if lock.owner is not owner]
        if len(kept) != len(self.whole):
            self.whole = kept
            self.released()


def locks_of(kernel: Any, node: VfsNode) -> FileLocks:
    """The locks of a node; made when they are first asked for."""
    if node.locks is None:
        node.locks = FileLocks(kernel, f"locks {node.fs.dev}:{node.attr.ino}")
    return node.locks
