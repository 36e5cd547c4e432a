"""System V IPC objects: what shared memory, semaphore sets and message queues have in common.

    IpcSpace -> IpcTable (shm, sem, msg) -> IpcObject: key, identifier, owner, permissions

An identifier is `slot + (sequence << 15)`: a slot that is used again gets another one.
Source: Linux ipc/util.c (`ipcget`, `ipc_addid`, `ipcperms`, `ipc_update_perm`); sysvipc(7).
Differs from Linux: there is one IPC namespace.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.timespec import now_ns, realtime_offset_ns

if TYPE_CHECKING:
    from kernel.plugins.starry.core.mqueue import MessageQueue
    from kernel.plugins.starry.core.sysv_msg import MsgQueue
    from kernel.plugins.starry.core.sysv_sem import SemSet
    from kernel.plugins.starry.core.sysv_shm import ShmSegment
    from kernel.plugins.starry.core.thread import Thread

IPC_PRIVATE: Final = 0
IPC_CREAT: Final = 0o1000
IPC_EXCL: Final = 0o2000
IPC_NOWAIT: Final = 0o4000
IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO = range(4)
READ: Final = 0o444
WRITE: Final = 0o222
_SLOT_BITS: Final = 15
_SLOT_MASK: Final = (1 << _SLOT_BITS) - 1
_MAX_SEQUENCE: Final = 0xFFFF
_PERM: Final = struct.Struct("<iIIIIIHH4xQQ")  # struct ipc64_perm
PERM_BYTES: Final = _PERM.size
_NS: Final = 1_000_000_000


def wall_seconds(t: Thread) -> int:
    """Seconds since 1970."""
    return (now_ns(t) + realtime_offset_ns(t)) // _NS


class IpcObject:
    """One object.

    Attributes:
        key: What others find it by; 0 (IPC_PRIVATE): nobody does.
        mode: Permission bits, and the flags of its kind.
        uid, gid: Owner. cuid, cgid: who made it.
        ctime: Last change, seconds.
        slot, sequence, ident: Its place in the table, and its identifier.
        object_pa: Its modelled kernel memory.
    """

    __slots__ = (
        "cgid",
        "ctime",
        "cuid",
        "gid",
        "ident",
        "key",
        "mode",
        "object_pa",
        "sequence",
        "slot",
        "uid",
    )

    def __init__(self, t: Thread, key: int, mode: int, size_bytes: int, what: str) -> None:
        who = identity_of(t.process)
        self.key = key
        self.mode = mode & 0o777
        self.uid = self.cuid = who.euid
        self.gid = self.cgid = who.egid
        self.ctime = wall_seconds(t)
        self.slot = self.sequence = self.ident = 0
        self.object_pa = t.kernel.alloc.alloc(size_bytes, 16, what)

    def check(self, t: Thread, wanted: int) -> None:
        """Whether the caller may do what the mode bits `wanted` say, in any of their places.

        Raises:
            LinuxError: EACCES.
        """
        who = identity_of(t.process)
        asked = (wanted >> 6 | wanted >> 3 | wanted) & 7
        granted = self.mode
        if who.euid in (self.cuid, self.uid):
            granted >>= 6
        elif who.egid in (self.cgid, self.gid) or {self.cgid, self.gid} & set(who.groups):
            granted >>= 3
        if asked & ~granted & 7 and not who.is_root:
            raise LinuxError(Errno.EACCES)

    def check_owner(self, t: Thread) -> None:
        """Only owner, creator and root may change or remove it.

        Raises:
            LinuxError: EPERM.
        """
        who = identity_of(t.process)
        if who.euid not in (self.cuid, self.uid) and not who.is_root:
            raise LinuxError(Errno.EPERM)

    def unpack_perm(self, t: Thread, raw: bytes) -> None:
        """IPC_SET: take owner and permissions from a struct ipc64_perm."""
        _, self.uid, self.gid, _, _, mode, *_ = _PERM.unpack_from(raw)
        self.mode = self.mode & ~0o777 | mode & 0o777
        self.ctime = wall_seconds(t)

    def pack(self, t: Thread) -> bytes:
        """The structure that describes an object of its kind."""
        raise NotImplementedError

    def pack_perm(self) -> bytes:
        """Its struct ipc64_perm."""
        owners = self.uid, self.gid, self.cuid, self.cgid
        return _PERM.pack(self.key, *owners, self.mode, self.sequence, 0, 0, 0)


T = TypeVar("T", bound=IpcObject)


class IpcTable(Generic[T]):
    """All objects of a kind.

    Attributes:
        objects: By slot.
        limit: How many there may be.
        sequence: Of the next object; grows when one is removed.
    """

    __slots__ = ("limit", "objects", "sequence")

    def __init__(self, limit: int) -> None:
        self.objects: dict[int, T] = {}
        self.limit = limit
        self.sequence = 0

    @property
    def last_slot(self) -> int:
        """The highest slot in use, 0 if there is none."""
        return max(self.objects, default=0)

    def existing(self, t: Thread, key: int, flags: int) -> T | None:
        """What a `*get` call finds by its key; None: it makes a new one.

        Raises:
            LinuxError: ENOENT, EEXIST; ENOSPC: none can be made.
        """
        found = None
        if key != IPC_PRIVATE:
            found = next((each for each in self.objects.values() if each.key == key), None)
            if found is None and not flags & IPC_CREAT:
                raise LinuxError(Errno.ENOENT)
        if found is not None and flags & IPC_CREAT and flags & IPC_EXCL:
            raise LinuxError(Errno.EEXIST)
        if found is None and len(self.objects) >= self.limit:
            raise LinuxError(Errno.ENOSPC)
        return found

    def add(self, new: T) -> int:
        """Take a new object in, at the lowest free slot; its identifier."""
        slot = next(number for number in range(self.limit + 1) if number not in self.objects)
        new.slot = slot
        new.sequence = self.sequence & _MAX_SEQUENCE
        new.ident = slot | new.sequence << _SLOT_BITS
        self.objects[slot] = new
        return new.ident

    def get(self, ident: int) -> T:
        """The object with an identifier.

        Raises:
            LinuxError: EINVAL.
        """
        found = self.objects.get(ident & _SLOT_MASK) if ident >= 0 else None
        if found is None or found.ident != ident:
            raise LinuxError(Errno.EINVAL)
        return found

    def at(self, slot: int) -> T:
        """The object in a slot (SHM_STAT and its kin).

        Raises:
            LinuxError: EINVAL.
        """
        found = self.objects.get(slot & _SLOT_MASK)
        if found is None:
            raise LinuxError(Errno.EINVAL)
        return found

    def stat(self, t: Thread, ident: int, buf: int, *, slot: bool, any_reader: bool) -> int:
        """IPC_STAT and its kin: write an object's structure to `buf`; what the call returns.

        With `slot`, `ident` is one, and the object's identifier is returned; `any_reader` asks for
        no permission (SHM_STAT_ANY and its kin).

        Raises:
            LinuxError: EINVAL, EACCES, EFAULT.
        """
        found = self.at(ident) if slot else self.get(ident)
        if not any_reader:
            found.check(t, READ)
        t.mem.write(buf, found.pack(t))
        return found.ident if slot else 0

    def remove(self, t: Thread, gone: T) -> None:
        """An object goes."""
        del self.objects[gone.slot]
        self.sequence += 1
        t.kernel.alloc.dealloc(gone.object_pa)


class IpcSpace:
    """The machine's IPC objects.

    Attributes:
        shm, sem, msg: System V tables.
        undo: SEM_UNDO by process: adjustments of each semaphore of a set, by its identifier.
        mqueues: POSIX message queues by name.
    """

    __slots__ = ("mqueues", "msg", "sem", "shm", "undo")

    def __init__(self) -> None:
        self.shm: IpcTable[ShmSegment] = IpcTable(4096)
        self.sem: IpcTable[SemSet] = IpcTable(32000)
        self.msg: IpcTable[MsgQueue] = IpcTable(32000)
        self.undo: dict[int, dict[int, list[int]]] = {}
        self.mqueues: dict[bytes, MessageQueue] = {}
