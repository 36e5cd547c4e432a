"""epoll: a set of files and which of their events matter.

Level-triggered items are ready while `poll` says so. Edge-triggered ones are ready once per notice
on the file's wait queues (`WaitQueue.noticed`), which every change of `poll` gives. What became
ready first is reported first; level-triggered items then go to the end of the line.

Source: Linux fs/eventpoll.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import VfsNodeAttr, VfsNodeType
from kernel.plugins.starry.core.file import POLLERR, POLLHUP, READABLE, FileLike, OpenFile

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue

EPOLLEXCLUSIVE: Final = 1 << 28
EPOLLWAKEUP: Final = 1 << 29
EPOLLONESHOT: Final = 1 << 30
EPOLLET: Final = 1 << 31
_ALWAYS: Final = 0x8 | 0x10  # EPOLLERR, EPOLLHUP
_PRIVATE: Final = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET
_MAX_NESTS: Final = 4


class EpollItem:
    """One watched file.

    Attributes:
        events: What matters, with the flags above; only flags are left after a one-shot event.
        data: The program's own 64 bits.
        seen: The notice that was last reported (edge-triggered); -1: none.
        entered: When it joined the ready list by being reported (level-triggered); 0: it did not.
    """

    __slots__ = ("data", "entered", "events", "fd", "file", "seen")

    def __init__(self, fd: int, file: OpenFile, events: int, data: int) -> None:
        self.fd = fd
        self.file = file
        self.events = events
        self.data = data
        self.seen = -1
        self.entered = 0

    def noticed(self) -> int:
        """When its file last told of a change."""
        return max((queue.noticed for queue in self.file.file.wait_queues()), default=0)

    def place(self) -> int:
        """Since when it is in the ready list."""
        return self.entered or self.noticed()

    def ready(self) -> int:
        """The events to report now."""
        wanted = self.events & ~_PRIVATE
        if not wanted:
            return 0
        mask = self.file.file.poll() & (wanted | POLLERR | POLLHUP)
        if mask and self.events & EPOLLET and self.seen == self.noticed():
            return 0
        return mask


class EpollFile(FileLike):
    """The set.

    Attributes:
        items: By descriptor; several if it was closed and stands for another file now.
    """

    __slots__ = ("attr", "items", "kernel", "queue")
    kind = "epoll"
    ignores_seek = True

    def __init__(self, kernel: Any, ino: int) -> None:
        self.kernel = kernel
        self.items: dict[int, list[EpollItem]] = {}
        self.attr = VfsNodeAttr(ino, VfsNodeType.FILE, 0o600)
        self.queue: WaitQueue = kernel.tasks.wait_queue(f"epoll:[{ino}]")

    def living(self) -> list[EpollItem]:
        """All items; those whose file was closed are dropped."""
        found: list[EpollItem] = []
        for fd, items in list(self.items.items()):
            kept = [item for item in items if item.file.refs > 0]
            if len(kept) != len(items):
                if kept:
                    self.items[fd] = kept
                else:
                    del self.items[fd]
            found += kept
        return found

    def find(self, fd: int, file: OpenFile) -> EpollItem | None:
        """The item of a descriptor."""
        self.living()
        return next((item for item in self.items.get(fd, ()) if item.file is file), None)

    def add(self, fd: int, file: OpenFile, events: int, data: int) -> None:
        """Watch a file.

        Raises:
            LinuxError: EEXIST; ELOOP: epolls watch each other.
        """
        if self.find(fd, file) is not None:
            raise LinuxError(Errno.EEXIST)
        if isinstance(file.file, EpollFile) and file.file.reaches(self, _MAX_NESTS):
            raise LinuxError(Errno.ELOOP)
        self.items.setdefault(fd, []).append(EpollItem(fd, file, events | _ALWAYS, data))
        self.queue.notify_all("epoll_ctl")

    def reaches(self, other: EpollFile, depth: int) -> bool:
        """Whether it watches `other`, or too deep a nest of others."""
        if self is other or not depth:
            return True
        nested = [item.file.file for item in self.living()]
        return any(isinstance(f, EpollFile) and f.reaches(other, depth - 1) for f in nested)

    def modify(self, item: EpollItem, events: int, data: int) -> None:
        """Change what matters; an edge is reported anew."""
        item.events, item.data, item.seen, item.entered = events | _ALWAYS, data, -1, 0
        self.queue.notify_all("epoll_ctl")

    def remove(self, item: EpollItem) -> None:
        """Watch no more."""
        items = self.items[item.fd]
        items.remove(item)
        if not items:
            del self.items[item.fd]

    def collect(self, limit: int) -> list[tuple[int, int]]:
        """Up to `limit` (events, data); reported items go to the end of the line."""
        found: list[tuple[int, int]] = []
        for item in sorted(self.living(), key=EpollItem.place):
            if len(found) == limit:
                break
            mask = item.ready()
            item.entered = 0
            if not mask:
                continue
            found.append((mask, item.data))
            if item.events & EPOLLET:
                item.seen = item.noticed()
            else:
                item.entered = self.kernel.events.count
            if item.events & EPOLLONESHOT:
                item.events &= _PRIVATE
        return found

    def poll(self) -> int:
        return READABLE if any(item.ready() for item in self.living()) else 0

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        queues = {self.queue.name: self.queue}
        for item in self.living():
            if item.events & ~_PRIVATE:
                for queue in item.file.file.wait_queues():
                    queues[queue.name] = queue
        return tuple(queues.values())

    def get_attr(self) -> VfsNodeAttr:
        return self.attr

    def close(self) -> None:
        self.kernel.tasks.drop_wait_queue(self.queue)
