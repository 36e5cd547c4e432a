"""ramfs: files, directories, links and special files in memory.

Each node takes its modelled size from the byte allocator ("VfsNode"), and file pages are frames
(`file_pages`), so a bounded amount of RAM holds it all. Serves as the root file system and /tmp.
Source: arceos-org/axfs_crates, axfs_ramfs; behaviour after Linux's tmpfs (mm/shmem.c), whose
magic number statfs gives.
Differs: hard links, times, owners, rename across directories, ENOSPC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.event import EventSink
from kernel.crates.phys_memory import PhysMemory
from kernel.crates.vfs import (
    Credentials,
    FsStat,
    VfsDir,
    VfsDirEntry,
    VfsNode,
    VfsNodeAttr,
    VfsNodeType,
    VfsNonDir,
    VfsOps,
    encode_name,
)
from kernel.modules.axfs.file_pages import FileImage, FilePages, PageBudget, PageSource

TMPFS_MAGIC = 0x0102_1994
NODE_BYTES = 192
"""Modelled size of a node: what ArceOS's ramfs FileNode and its Arc and Mutex come to."""
DEFAULT_LIMIT_BYTES = 64 << 20
MAX_NODES = 65536
DIR_ENTRY_BYTES = 20
"""What one name adds to a directory's size, as on tmpfs."""


# Seals, fcntl(2).
F_SEAL_SEAL = 0x01
F_SEAL_SHRINK = 0x02
F_SEAL_GROW = 0x04
F_SEAL_WRITE = 0x08
F_SEAL_FUTURE_WRITE = 0x10
F_SEAL_EXEC = 0x20


class FsAllocator(PageSource, Protocol):
    """What file systems need of axalloc: pages for contents, bytes for nodes."""

    def alloc(self, size_bytes: int, align_bytes: int = 8, what: str = ...) -> int: ...
    def dealloc(self, pa: int) -> None: ...


class FsClock(EventSink, Protocol):
    """The event log seen as sink and as clock."""

    time_ns: int


class FsHost(Protocol):
    """The part of the kernel that file systems are built on."""

    @property
    def ram(self) -> PhysMemory: ...
    @property
    def alloc(self) -> FsAllocator: ...
    @property
    def events(self) -> FsClock: ...


class RamFs(VfsOps):
    """A file system whose files live in RAM frames.

    Attributes:
        budget: Ceiling on its frames.
        node_count: Nodes alive.
    """

    __slots__ = ("_root", "alloc", "budget", "epoch_ns", "events", "next_ino", "node_count", "ram")

    def __init__(
        self,
        host: FsHost,
        epoch_ns: int,
        *,
        name: str = "ramfs",
        dev: int = 1,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        root_perm: int = 0o755,
    ) -> None:
        super().__init__(name, dev)
        self.ram = host.ram
        self.alloc = host.alloc
        self.events = host.events
        self.epoch_ns = epoch_ns
        self.budget = PageBudget(limit_bytes >> 12)
        self.next_ino = 1
        self.node_count = 0
        self._root = self.new_root(root_perm)

    def new_root(self, perm: int) -> RamDir:
        """Its top directory, made once."""
        return RamDir(self, perm, Credentials(), "", None)

    def root_dir(self) -> VfsDir:
        return self._root

    def now_ns(self) -> int:
        """Wall-clock time for the stamps of nodes."""
        return self.epoch_ns + self.events.time_ns

    def statfs(self) -> FsStat:
        free = self.budget.limit_pages - self.budget.used_pages
        return FsStat(
            TMPFS_MAGIC,
            4096,
            self.budget.limit_pages,
            free,
            MAX_NODES,
            MAX_NODES - self.node_count,
        )

    def new_attr(self, kind: VfsNodeType, perm: int, who: Credentials) -> VfsNodeAttr:
        """Metadata of a new node with the next inode number."""
        now = self.now_ns()
        ino = self.next_ino
        self.next_ino += 1
        return VfsNodeAttr(
            ino,
            kind,
            perm,
            uid=who.uid,
            gid=who.gid,
            atime_ns=now,
            mtime_ns=now,
            ctime_ns=now,
            btime_ns=now,
        )

    def new_object(self) -> int:
        """Kernel memory of one node.

        Raises:
            AxError: STORAGE_FULL.
        """
        if self.node_count >= MAX_NODES:
            raise AxError(AxErrorKind.STORAGE_FULL, "too many files")
        try:
            pa = self.alloc.alloc(NODE_BYTES, 8, "VfsNode")
        except AxError as error:
            raise AxError(AxErrorKind.STORAGE_FULL, "no kernel memory for a node") from error
        self.node_count += 1
        return pa

    def drop_object(self, pa: int) -> None:
        """Give the kernel memory of one node back."""
        self.node_count -= 1
        self.alloc.dealloc(pa)

    def unnamed_file(self, perm: int, who: Credentials) -> RamFile:
        """A file in no directory (memfd); gone with its last holder."""
        node = RamFile(self, perm, who)
        node.attr.nlink = 0
        return node


class RamNonDir(VfsNonDir):
    """What all nodes but directories share: a kernel object that goes with the last holder."""

    __slots__ = ("home", "object_pa")

    def __init__(self, fs: RamFs, kind: VfsNodeType, perm: int, who: Credentials) -> None:
        self.object_pa = fs.new_object()
        self.home = fs
        super().__init__(fs, fs.new_attr(kind, perm, who))

    def drop_if_unused(self) -> None:
        """Give everything back once there is neither a name nor a holder."""
        if self.opens <= 0 and self.attr.nlink <= 0 and self.object_pa:
            self.clear()
            self.home.drop_object(self.object_pa)
            self.object_pa = 0

    def clear(self) -> None:
        """Give the contents back."""


class RamFile(RamNonDir):
    """A regular file.

    Attributes:
        seals: F_SEAL_ bits, which forbid changes.
        is_linkable: Without a name it may still be given one (O_TMPFILE).
    """

    __slots__ = ("is_linkable", "pages", "seals")

    def __init__(self, fs: RamFs, perm: int, who: Credentials) -> None:
        super().__init__(fs, VfsNodeType.FILE, perm, who)
        self.seals = F_SEAL_SEAL
        self.is_linkable = False
        self.pages = FilePages(fs.ram, fs.alloc, fs.budget)

    def get_attr(self) -> VfsNodeAttr:
        attr = self.attr
        attr.size_bytes = self.pages.size_bytes
        attr.blocks = self.pages.resident_pages * 8
        return attr

    def set_image(self, data: bytes) -> None:
        """Give an empty file its initial contents."""
        self.pages.set_image(FileImage(data))

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        if self.attr.atime_ns <= self.attr.mtime_ns:
            self.attr.atime_ns = self.home.now_ns()  # relatime: the first read after a change
        return self.pages.read(offset, size_bytes)

    def write_at(self, offset: int, data: bytes) -> int:
        if self.seals != F_SEAL_SEAL:
            if self.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
                raise LinuxError(Errno.EPERM, "sealed")
            if self.seals & F_SEAL_GROW and offset + len(data) > self.pages.size_bytes:
                raise LinuxError(Errno.EPERM, "sealed")
        done = self.pages.write(offset, data)
        self.modified()
        return done

    def truncate(self, size_bytes: int) -> None:
        old = self.pages.size_bytes
        if (self.seals & F_SEAL_GROW and size_bytes > old) or (
            self.seals & F_SEAL_SHRINK and size_bytes < old
        ):
            raise LinuxError(Errno.EPERM, "sealed")
        self.pages.truncate(size_bytes)
        self.modified()

    def modified(self) -> None:
        """Stamp a change of the contents."""
        self.attr.mtime_ns = self.attr.ctime_ns = self.home.now_ns()

    def clear(self) -> None:
        self.pages.clear()


class RamSymlink(RamNonDir):
    """A symbolic link; the target is in the node, as tmpfs does for short ones."""

    __slots__ = ("target",)

    def __init__(self, fs: RamFs, target: str, who: Credentials) -> None:
        super().__init__(fs, VfsNodeType.SYMLINK, 0o777, who)
        self.target = target
        self.attr.size_bytes = len(encode_name(target))

    def read_link(self) -> str:
        return self.target


class RamSpecial(RamNonDir):
    """A FIFO, a socket's name or a device's name: the kernel form gives it behaviour."""

    __slots__ = ()


class RamDir(VfsDir):
    """A directory: names in the order they were made, each with a cookie that never repeats."""

    __slots__ = ("home", "known", "next_cookie", "object_pa")

    def __init__(
        self, fs: RamFs, perm: int, who: Credentials, name: str, up: VfsDir | None
    ) -> None:
        self.object_pa = fs.new_object()
        self.home = fs
        super().__init__(fs, fs.new_attr(VfsNodeType.DIR, perm, who), name, up)
        self.attr.nlink = 2
        self.known: dict[str, tuple[int, VfsNode]] = {}
        self.next_cookie = 3  # 1 and 2 are "." and ".."

    @property
    def names(self) -> dict[str, tuple[int, VfsNode]]:
        """Name -> (cookie, node)."""
        return self.known

    def get_attr(self) -> VfsNodeAttr:
        self.attr.size_bytes = DIR_ENTRY_BYTES * (2 + len(self.names))
        return self.attr

    def lookup(self, name: str) -> VfsNode:
        found = self.names.get(name)
        if found is None:
            raise AxError(AxErrorKind.NOT_FOUND)
        return found[1]

    def read_dir(self, after: int) -> Iterator[VfsDirEntry]:
        if after < 1:
            yield VfsDirEntry(".", self.attr.ino, VfsNodeType.DIR, 1)
        if after < 2:
            above = self.up or self
            yield VfsDirEntry("..", above.attr.ino, VfsNodeType.DIR, 2)
        for name, (cookie, node) in self.names.items():
            if cookie > after:
                yield VfsDirEntry(name, node.attr.ino, node.attr.kind, cookie)

    def is_empty(self) -> bool:
        return not self.names

    def create(self, name: str, kind: VfsNodeType, perm: int, who: Credentials) -> VfsNode:
        self._require_alive()
        if self.attr.perm & 0o2000:  # set-group-ID directories hand their group down
            who = who._replace(gid=self.attr.gid)
            perm |= 0o2000 if kind is VfsNodeType.DIR else 0
        node: VfsNode
        if kind is VfsNodeType.DIR:
            node = RamDir(self.home, perm, who, name, self)
        elif kind is VfsNodeType.FILE:
            node = RamFile(self.home, perm, who)
        else:
            node = RamSpecial(self.home, kind, perm, who)
        self.adopt(name, node)
        return node

    def symlink(self, name: str, target: str, who: Credentials) -> VfsNode:
        self._require_alive()
        node = RamSymlink(self.home, target, who)
        self.adopt(name, node)
        return node

    def link(self, name: str, node: VfsNode) -> None:
        self._require_alive()
        assert isinstance(node, RamNonDir)
        node.attr.nlink += 1
        node.touch(self.home.now_ns())
        self.adopt(name, node)

    def remove(self, name: str) -> None:
        _, node = self.names.pop(name)
        self._changed()
        node.touch(self.home.now_ns())
        if isinstance(node, RamDir):
            self.attr.nlink -= 1
            node.attr.nlink = 0  # its ".." still leads up
        else:
            node.attr.nlink -= 1
        node.drop_if_unused()

    def rename(self, name: str, new_dir: VfsDir, new_name: str) -> None:
        assert isinstance(new_dir, RamDir)
        if new_name in new_dir.names:
            new_dir.remove(new_name)
        new_dir.adopt(new_name, self.detach(name))

    def exchange(self, name: str, other_dir: VfsDir, other_name: str) -> None:
        assert isinstance(other_dir, RamDir)
        mine, other = self.detach(name), other_dir.detach(other_name)
        self.adopt(name, other)
        other_dir.adopt(other_name, mine)

    def drop_if_unused(self) -> None:
        """Give the kernel object back once the directory is removed and nobody holds it."""
        if self.opens <= 0 and self.attr.nlink <= 0 and self.object_pa:
            self.home.drop_object(self.object_pa)
            self.object_pa = 0

    def _require_alive(self) -> None:
        if self.attr.nlink <= 0:
            raise AxError(AxErrorKind.NOT_FOUND, "the directory is removed")

    def adopt(self, name: str, node: VfsNode) -> None:
        """Give a node of this file system a name here; the name must be free."""
        self.names[name] = (self.next_cookie, node)
        self.next_cookie += 1
        if isinstance(node, RamDir):
            self.attr.nlink += 1
            node.up = self
            node.name = name
        self._changed()

    def detach(self, name: str) -> VfsNode:
        """Take a name away without dropping the node."""
        _, node = self.names.pop(name)
        if isinstance(node, RamDir):
            self.attr.nlink -= 1
        node.touch(self.home.now_ns())
        self._changed()
        return node

    def _changed(self) -> None:
        self.attr.mtime_ns = self.attr.ctime_ns = self.home.now_ns()
