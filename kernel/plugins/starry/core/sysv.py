"""System V IPC objects: shared memory segments, semaphore sets, message queues, found by key.

Source: Linux ipc/{util,shm,sem,msg}.c; sysvipc(7).
Differs from Linux: one namespace; who waits is told by one wait queue an object, first come first.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.core.identity import identity_of

if TYPE_CHECKING:
    from kernel.modules.axmm.shared import SharedPages
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.thread import Thread

IPC_CREAT, IPC_EXCL, IPC_NOWAIT = 0o1000, 0o2000, 0o4000
IPC_PRIVATE: Final = 0
IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO = range(4)
MAX_OBJECTS: Final = 32_000
OBJECT_BYTES: Final = 256
_SEQ_SHIFT: Final = 15


class IpcObject:
    """What all three kinds have.

    Attributes:
        ident: Its id; `seq` of it tells a new object from an old one in the same slot.
        key: IPC_PRIVATE for one that is found by id only.
        uid, gid, cuid, cgid: Owner and creator.
        mode: Nine permission bits.
        changed_s: Seconds since 1970 of the last change.
        is_removed: IPC_RMID was called.
    """

    def __init__(self, t: Thread, ident: int, key: int, mode: int, now_s: int) -> None:
        who = identity_of(t.process)
        self.kernel = t.kernel
        self.ident = ident
        self.key = key
        self.uid = self.cuid = who.euid
        self.gid = self.cgid = who.egid
        self.mode = mode & 0o777
        self.changed_s = now_s
        self.is_removed = False
        self.object_pa = t.kernel.alloc.alloc(OBJECT_BYTES, 16, type(self).__name__)

    def permits(self, t: Thread, wanted: int) -> bool:
        """Whether the caller may do what `wanted` says (bits as in a mode; `ipcperms`)."""
        who = identity_of(t.process)
        if who.euid == 0:
            return True
        wanted = (wanted >> 6 | wanted >> 3 | wanted) & 7
        granted = self.mode
        if who.euid in (self.cuid, self.uid):
            granted >>= 6
        elif {self.cgid, self.gid} & {who.egid, *who.groups}:
            granted >>= 3
        return not wanted & ~granted & 7

    def require(self, t: Thread, wanted: int) -> None:
        """Raise LinuxError EACCES unless `permits`."""
        if not self.permits(t, wanted):
            raise LinuxError(Errno.EACCES)

    def require_owner(self, t: Thread) -> None:
        """Raise LinuxError EPERM unless the caller is owner, creator or root."""
        if identity_of(t.process).euid not in (0, self.uid, self.cuid):
            raise LinuxError(Errno.EPERM)

    @property
    def queue(self) -> WaitQueue:
        """Who waits for a change; forgotten with its last waiter."""
        queue = self.kernel.tasks.wait_queue(f"{type(self).__name__} {self.ident}")
        queue.transient = True
        return queue

    def notify(self) -> None:
        """Something changed: those who wait look again."""
        queue = self.kernel.tasks.wait_queues.get(f"{type(self).__name__} {self.ident}")
        if queue is not None:
            queue.notify_all("ipc")

    def free(self) -> None:
        """Give the kernel memory back and wake all: it is gone."""
        self.is_removed = True
        if self.object_pa:
            self.kernel.alloc.dealloc(self.object_pa)
            self.object_pa = 0
        self.notify()


class ShmSegment(IpcObject):
    """A shared memory segment; it holds its pages until it is removed, attached areas do after."""

    def __init__(
        self, t: Thread, ident: int, key: int, mode: int, now_s: int, size: int, pages: SharedPages
    ) -> None:
        super().__init__(t, ident, key, mode, now_s)
        self.size_bytes = size
        self.pages = pages
        pages.hold()
        self.creator_pid = t.process.pid
        self.last_pid = 0
        self.attached_s = self.detached_s = 0

    @property
    def attaches(self) -> int:
        """Areas that map it (`shm_nattch`)."""
        return self.pages.owners - (0 if self.is_removed else 1)

    def remove(self) -> None:
        """IPC_RMID: no key any more; the memory goes with its last area."""
        self.key = IPC_PRIVATE
        self.free()
        self.pages.drop()


class SemaphoreSet(IpcObject):
    """Semaphores.

    Attributes:
        values, pids: Of each: its value, and who changed it last.
        waiting: What a thread waits for: (number, whether for zero), by thread id.
        used_s: Seconds since 1970 of the last semop.
    """

    def __init__(self, t: Thread, ident: int, key: int, mode: int, now_s: int, count: int) -> None:
        super().__init__(t, ident, key, mode, now_s)
        self.values = [0] * count
        self.pids = [0] * count
        self.waiting: dict[int, tuple[int, bool]] = {}
        self.used_s = 0


class MessageSet(IpcObject):
    """A message queue.

    Attributes:
        messages: (type, address, size) in order of arrival.
        used_bytes, limit_bytes: Text held, and the most it may hold.
    """

    def __init__(
        self, t: Thread, ident: int, key: int, mode: int, now_s: int, limit_bytes: int
    ) -> None:
        super().__init__(t, ident, key, mode, now_s)
        self.messages: deque[tuple[int, int, int]] = deque()
        self.used_bytes = 0
        self.limit_bytes = limit_bytes
        self.sent_s = self.received_s = 0
        self.sender_pid = self.receiver_pid = 0

    def put(self, kind: int, data: bytes) -> None:
        """Append a message.

        Raises:
            AxError: NO_MEMORY.
        """
        pa = self.kernel.alloc.alloc(48 + len(data), 8, "msg_msg")
        self.kernel.ram.write(pa + 48, data)
        self.messages.append((kind, pa, len(data)))
        self.used_bytes += len(data)
        self.notify()

    def take(self, index: int) -> bytes:
        """Remove a message; its bytes."""
        _, pa, size = self.messages[index]
        data = self.kernel.ram.read(pa + 48, size)
        del self.messages[index]
        self.kernel.alloc.dealloc(pa)
        self.used_bytes -= size
        self.notify()
        return data

    def free(self) -> None:
        while self.messages:
            self.take(0)
        super().free()


class IpcTable:
    """All objects of one kind.

    Attributes:
        objects: By id.
        created: How many there have been: the sequence number of the next.
    """

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}
        self.created = 0

    def purge(self) -> None:
        """Forget removed segments that nobody maps any more."""
        gone = [i for i, o in self.objects.items() if o.is_removed and not o.attaches]
        for ident in gone:
            del self.objects[ident]

    def get(self, ident: int) -> Any:
        """The object with an id.

        Raises:
            LinuxError: EINVAL: there is none; EIDRM: removed, though still mapped.
        """
        self.purge()
        found = self.objects.get(ident)
        if found is None:
            raise LinuxError(Errno.EINVAL)
        return found

    def by_key(self, key: int) -> Any:
        """The object with a key, or None."""
        self.purge()
        return next((o for o in self.objects.values() if o.key == key), None) if key else None

    def new_id(self) -> int:
        """An id for a new object: a free slot, and how many came before.

        Raises:
            LinuxError: ENOSPC.
        """
        used = {ident & ((1 << _SEQ_SHIFT) - 1) for ident in self.objects}
        if len(used) >= MAX_OBJECTS:
            raise LinuxError(Errno.ENOSPC)
        slot = next(i for i in range(MAX_OBJECTS) if i not in used)
        self.created += 1
        return slot | (self.created - 1 & 0xFFFF) << _SEQ_SHIFT

    def add(self, found: Any) -> int:
        """Take an object in; its id."""
        self.objects[found.ident] = found
        return found.ident


class SysvIpc:
    """The IPC objects of the machine.

    Attributes:
        shm, sem, msg: The tables.
        undo: What ends of processes give back: pid -> {(semaphore set, number): adjustment}.
    """

    def __init__(self) -> None:
        self.shm = IpcTable()
        self.sem = IpcTable()
        self.msg = IpcTable()
        self.undo: dict[int, dict[tuple[int, int], int]] = {}

    def process_ended(self, process: Process) -> None:
        """SEM_UNDO: take back what the process has done to semaphores."""
        for (ident, number), change in self.undo.pop(process.pid, {}).items():
            found = self.sem.objects.get(ident)
            if found is not None and change:
                found.values[number] = max(0, min(found.values[number] + change, 32767))
                found.pids[number] = process.pid
                found.notify()
