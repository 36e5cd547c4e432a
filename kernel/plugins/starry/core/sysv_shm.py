"""System V shared memory segments: pages with an identifier.

Source: Linux ipc/shm.c. A segment is one more owner of its `SharedPages`; removed, it lives on
while somebody has it attached.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.modules.axmm.shared import Shared, SharedPages
from kernel.plugins.starry.core.sysv import IpcObject, IpcTable, wall_seconds

if TYPE_CHECKING:
    from kernel.modules.axalloc.global_allocator import GlobalAllocator
    from kernel.plugins.starry.core.thread import Thread

SHM_DEST: Final = 0o1000
SHM_LOCKED: Final = 0o2000
_SEGMENT_BYTES: Final = 256  # struct shmid_kernel
_TAIL: Final = struct.Struct("<Qqqqii3Q")


class ShmSegment(IpcObject):
    """One segment.

    Attributes:
        size_bytes: As asked for.
        pages: Its memory.
        atime, dtime: Last attach and detach, seconds; 0 never.
        cpid, lpid: Who made it, and who attached or detached last.
    """

    __slots__ = ("alloc", "atime", "cpid", "dtime", "lpid", "pages", "size_bytes", "table")

    def __init__(self, t: Thread, key: int, size_bytes: int, mode: int) -> None:
        super().__init__(t, key, mode, _SEGMENT_BYTES, "shmid_kernel")
        self.alloc: GlobalAllocator = t.kernel.alloc
        self.table: IpcTable[ShmSegment] = t.starry.ipc.shm
        self.size_bytes = size_bytes
        self.pages = SharedPages(t.process.aspace.frames, size_bytes=size_bytes)
        self.pages.hold()
        self.pages.keeper = self
        self.atime = self.dtime = 0
        self.cpid, self.lpid = t.process.pid, 0

    def attached(self, t: Thread) -> int:
        """How many areas of all processes map it."""
        spaces = t.process.aspace.frames.spaces.values()
        return sum(
            isinstance(area.backend, Shared) and area.backend.pages is self.pages
            for space in spaces
            for area in space.areas
        )

    def remove(self) -> None:
        """IPC_RMID: nobody finds it by key any more; the last detach takes it away."""
        if not self.mode & SHM_DEST:
            self.key = 0
            self.mode |= SHM_DEST
            self.pages.drop()

    def pages_gone(self) -> None:
        """Nobody owns the pages any more."""
        self.table.objects.pop(self.slot, None)
        self.table.sequence += 1
        self.alloc.dealloc(self.object_pa)

    def touch(self, t: Thread, *, is_attach: bool) -> None:
        """Note who attached or detached, and when."""
        self.lpid = t.process.pid
        if is_attach:
            self.atime = wall_seconds(t)
        else:
            self.dtime = wall_seconds(t)

    def pack(self, t: Thread) -> bytes:
        """Its struct shmid64_ds."""
        times = self.atime, self.dtime, self.ctime
        tail = _TAIL.pack(self.size_bytes, *times, self.cpid, self.lpid, self.attached(t), 0, 0)
        return self.pack_perm() + tail
