"""/proc: files whose contents are made when they are read.

    /proc/self -> PID        /proc/PID/{exe,cwd,root}        links
    /proc/PID/{maps,...}     /proc/PID/fd/N                  magic links
    /proc/PID/fdinfo/N       /proc/PID/task/TID              the same for one thread
    /proc/{meminfo,...}      /proc/sys/...                   texts

The texts come from the kernel form through `ProcSource`. Nodes are made on every lookup and hold
no state, so a process that ends leaves nothing behind. Source: proc(5); ArceOS mounts a static
ramfs here (modules/axfs/src/mounts.rs).
Differs: a text is made at each read call, where Linux keeps it from the first read of an open file.
"""

from __future__ import annotations

from collections.abc import Iterator

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.interface import Slot
from kernel.crates.vfs import (
    Credentials,
    FsStat,
    VfsDir,
    VfsDirEntry,
    VfsNode,
    VfsNodeAttr,
    VfsNodeOps,
    VfsNodeType,
    VfsNonDir,
    VfsOps,
)
from kernel.modules.axfs.proc_mem import ProcMem
from kernel.modules.axfs.proc_names import (
    PID_FILES,
    PID_LINKS,
    SYS_TEXTS,
    SYSTEM_FILES,
    WRITABLE_FILES,
)
from kernel.modules.axfs.proc_source import ProcSource
from kernel.modules.axfs.ramfs import FsClock

PROC_MAGIC = 0x9FA0
_GONE = " (deleted)"
_SELF_LINKS = {"self": "{0}", "thread-self": "{0}", "mounts": "self/mounts"}
# Inode numbers by place: fixed ones below 1 << 16, then 1 << 16 per process.
_INO_PID = 16
_INO_MEM, _INO_FD_DIR, _INO_FDINFO_DIR, _INO_TASK_DIR, _INO_TID_DIR = range(0x100, 0x105)
_INO_TID = 0xE00
_INO_FDINFO = 0x800
_INO_FD = 0x200
_INO_SYS = 0x1000


class ProcFs(VfsOps):
    """The process file system.

    Attributes:
        source: Where the texts come from; an unfilled slot shows an empty /proc.
    """

    __slots__ = ("_root", "epoch_ns", "events", "source")

    def __init__(self, source: Slot[ProcSource], events: FsClock, epoch_ns: int, dev: int) -> None:
        super().__init__("proc", dev)
        self.source = source
        self.events = events
        self.epoch_ns = epoch_ns
        self._root = ProcRoot(self)

    def root_dir(self) -> VfsDir:
        return self._root

    def statfs(self) -> FsStat:
        return FsStat(PROC_MAGIC, 4096, 0, 0, 0, 0)

    def attr(self, ino: int, kind: VfsNodeType, perm: int) -> VfsNodeAttr:
        """Metadata of a node; all times are the present."""
        now = self.epoch_ns + self.events.time_ns
        nlink = 2 if kind is VfsNodeType.DIR else 1
        attr = VfsNodeAttr(ino, kind, perm, nlink, atime_ns=now, mtime_ns=now, ctime_ns=now)
        attr.block_bytes = 1024
        return attr


class ProcText(VfsNonDir):
    """A text: of a process or thread (`pid`), of the system (`pid` 0), or fixed (`fixed`)."""

    __slots__ = ("fixed", "name", "pid", "proc")

    def __init__(
        self, proc: ProcFs, ino: int, pid: int, name: str, fixed: bytes | None = None
    ) -> None:
        perm = 0o644 if pid and name in WRITABLE_FILES else 0o444
        super().__init__(proc, proc.attr(ino, VfsNodeType.FILE, perm))
        self.proc = proc
        self.pid = pid
        self.name = name
        self.fixed = fixed

    def truncate(self, size_bytes: int) -> None:
        """O_TRUNC on a text does nothing."""

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        text = self.fixed
        if text is None:
            source = self.proc.source.get()
            text = source.text(self.pid, self.name) if self.pid else source.system_text(self.name)
        return text[offset : offset + size_bytes]

    def write_at(self, offset: int, data: bytes) -> int:
        if not self.pid or self.name not in WRITABLE_FILES:
            raise AxError(AxErrorKind.IO)
        self.proc.source.get().write(self.pid, self.name, data)
        return len(data)


class ProcLink(VfsNonDir):
    """self, exe, cwd, root, or an open descriptor (`fd` not negative)."""

    __slots__ = ("fd", "name", "pid", "proc")

    def __init__(self, proc: ProcFs, ino: int, pid: int, name: str, fd: int = -1) -> None:
        perm = 0o777 if fd < 0 else proc.source.get().fd_perm(pid, fd)
        super().__init__(proc, proc.attr(ino, VfsNodeType.SYMLINK, perm))
        self.proc = proc
        self.pid = pid
        self.name = name
        self.fd = fd
        self.attr.size_bytes = 64 if fd >= 0 else 0

    @property
    def is_magic(self) -> bool:
        return bool(self.pid)

    def read_link(self) -> str:
        source = self.proc.source.get()
        if not self.pid:
            pid = source.current_pid()
            return _SELF_LINKS[self.name].format(pid)
        if self.fd >= 0:
            text, node = source.fd_link(self.pid, self.fd)
            is_gone = node is not None and not node.attr.nlink
            return f"{text} (deleted)" if is_gone and not text.endswith(_GONE) else text
        target = source.link(self.pid, self.name)
        if not target:
            raise AxError(AxErrorKind.NOT_FOUND)
        return target

    def follow(self) -> VfsNodeOps | None:
        return self.proc.source.get().fd_link(self.pid, self.fd)[1] if self.fd >= 0 else None


class ProcDir(VfsDir):
    """A directory of /proc: lookup of single names below, listing from `entries`."""

    __slots__ = ("proc",)

    def __init__(
        self, proc: ProcFs, ino: int, name: str, up: VfsDir | None, perm: int = 0o555
    ) -> None:
        super().__init__(proc, proc.attr(ino, VfsNodeType.DIR, perm), name, up)
        self.proc = proc

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        """Name, inode number and kind of each entry, always in the same order."""
        raise NotImplementedError

    def create(self, name: str, kind: VfsNodeType, perm: int, who: Credentials) -> VfsNode:
        raise AxError(AxErrorKind.NOT_FOUND, "nothing can be made in /proc")

    def symlink(self, name: str, target: str, who: Credentials) -> VfsNode:
        raise AxError(AxErrorKind.NOT_FOUND, "nothing can be made in /proc")

    def remove(self, name: str) -> None:
        raise LinuxError(Errno.EPERM)

    def rename(self, name: str, new_dir: VfsDir, new_name: str) -> None:
        raise AxError(AxErrorKind.NOT_FOUND, "nothing can be made in /proc")

    def read_dir(self, after: int) -> Iterator[VfsDirEntry]:
        if after < 1:
            yield VfsDirEntry(".", self.attr.ino, VfsNodeType.DIR, 1)
        if after < 2:
            yield VfsDirEntry("..", (self.up or self).attr.ino, VfsNodeType.DIR, 2)
        # The inode number is the cookie: it does not move when processes come and go.
        for name, ino, kind in self.entries():
            if ino + 2 > after:
                yield VfsDirEntry(name, ino, kind, ino + 2)


class ProcRoot(ProcDir):
    """/proc itself."""

    __slots__ = ()

    def __init__(self, proc: ProcFs) -> None:
        super().__init__(proc, 1, "", None)

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        yield "self", 2, VfsNodeType.SYMLINK
        yield "thread-self", 3, VfsNodeType.SYMLINK
        yield "mounts", 4, VfsNodeType.SYMLINK
        yield "sys", 5, VfsNodeType.DIR
        for number, name in enumerate(SYSTEM_FILES):
            yield name, 16 + number, VfsNodeType.FILE
        if self.proc.source.is_filled:
            for pid in self.proc.source.get().pids():
                yield str(pid), pid << _INO_PID, VfsNodeType.DIR

    def lookup(self, name: str) -> VfsNode:
        proc = self.proc
        if name == "sys":
            return ProcSysDir(proc, 5, "sys", self)
        if proc.source.is_filled:
            source = proc.source.get()
            if name in ("self", "thread-self") and source.current_pid():
                return ProcLink(proc, 2 if name == "self" else 3, 0, name)
            if name == "mounts" and source.current_pid():
                return ProcLink(proc, 4, 0, name)
            if name in SYSTEM_FILES:
                return ProcText(proc, 16 + SYSTEM_FILES.index(name), 0, name)
            if name.isascii() and name.isdigit() and len(name) < 10 and str(int(name)) == name:
                pid = int(name)
                if pid in source.pids():
                    return ProcPidDir(proc, pid, self)
        raise AxError(AxErrorKind.NOT_FOUND)


class ProcPidDir(ProcDir):
    """/proc/PID, or /proc/PID/task/TID (`is_thread`; `pid` is the thread's id then)."""

    __slots__ = ("is_thread", "pid")

    def __init__(self, proc: ProcFs, pid: int, up: VfsDir, is_thread: bool = False) -> None:
        ino = (pid << _INO_PID) + (_INO_TID_DIR if is_thread else 0)
        super().__init__(proc, ino, str(pid), up)
        self.pid = pid
        self.is_thread = is_thread

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        base = (self.pid << _INO_PID) + (_INO_TID if self.is_thread else 0)
        for number, name in enumerate(PID_FILES):
            yield name, base + 1 + number, VfsNodeType.FILE
        for number, name in enumerate(PID_LINKS):
            yield name, base + 0x80 + number, VfsNodeType.SYMLINK
        yield "mem", base + _INO_MEM, VfsNodeType.FILE
        yield "fd", base + _INO_FD_DIR, VfsNodeType.DIR
        yield "fdinfo", base + _INO_FDINFO_DIR, VfsNodeType.DIR
        if not self.is_thread:
            yield "task", base + _INO_TASK_DIR, VfsNodeType.DIR

    def lookup(self, name: str) -> VfsNode:
        for known, ino, kind in self.entries():
            if known != name:
                continue
            if name == "mem":
                return ProcMem(self.proc, ino, self.pid)
            if kind is VfsNodeType.FILE:
                return ProcText(self.proc, ino, self.pid, name)
            if kind is VfsNodeType.SYMLINK:
                return ProcLink(self.proc, ino, self.pid, name)
            if name == "task":
                return ProcTaskDir(self.proc, ino, self.pid, self)
            return ProcFdDir(self.proc, ino, self.pid, self, name)
        raise AxError(AxErrorKind.NOT_FOUND)


class ProcTaskDir(ProcDir):
    """/proc/PID/task: a directory for each thread."""

    __slots__ = ("pid",)

    def __init__(self, proc: ProcFs, ino: int, pid: int, up: VfsDir) -> None:
        super().__init__(proc, ino, "task", up)
        self.pid = pid

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        for tid in self.proc.source.get().tids(self.pid):
            yield str(tid), (tid << _INO_PID) + _INO_TID_DIR, VfsNodeType.DIR

    def lookup(self, name: str) -> VfsNode:
        for known, _, _ in self.entries():
            if known == name:
                return ProcPidDir(self.proc, int(name), self, is_thread=True)
        raise AxError(AxErrorKind.NOT_FOUND)


class ProcFdDir(ProcDir):
    """/proc/PID/fd, and fdinfo with a text for each descriptor."""

    __slots__ = ("pid",)

    def __init__(self, proc: ProcFs, ino: int, pid: int, up: VfsDir, name: str) -> None:
        super().__init__(proc, ino, name, up, 0o500 if name == "fd" else 0o555)
        self.pid = pid

    def _fds(self) -> list[int]:
        return self.proc.source.get().fds(self.pid)

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        is_text = self.name == "fdinfo"
        base = (self.pid << _INO_PID) + (_INO_FDINFO if is_text else _INO_FD)
        for fd in self._fds():
            yield str(fd), base + fd, VfsNodeType.FILE if is_text else VfsNodeType.SYMLINK

    def lookup(self, name: str) -> VfsNode:
        if name.isascii() and name.isdigit() and len(name) < 7 and str(int(name)) == name:
            fd = int(name)
            if fd in self._fds():
                if self.name == "fdinfo":
                    ino = (self.pid << _INO_PID) + _INO_FDINFO + fd
                    return ProcText(self.proc, ino, self.pid, f"fdinfo/{fd}")
                ino = (self.pid << _INO_PID) + _INO_FD + fd
                return ProcLink(self.proc, ino, self.pid, name, fd)
        raise AxError(AxErrorKind.NOT_FOUND)


class ProcSysDir(ProcDir):
    """/proc/sys and what is below; `path` without the leading slash."""

    __slots__ = ("path",)

    def __init__(self, proc: ProcFs, ino: int, path: str, up: VfsDir) -> None:
        super().__init__(proc, ino, path.rpartition("/")[2], up)
        self.path = path

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        prefix = self.path + "/"
        depth = 0x100 * prefix.count("/")
        last = ""
        for number, path in enumerate(SYS_TEXTS):
            if path.startswith(prefix):
                name, _, rest = path[len(prefix) :].partition("/")
                if name != last:
                    kind = VfsNodeType.DIR if rest else VfsNodeType.FILE
                    yield name, _INO_SYS + depth + number, kind
                last = name

    def lookup(self, name: str) -> VfsNode:
        for known, ino, kind in self.entries():
            if known == name:
                path = f"{self.path}/{name}"
                if kind is VfsNodeType.DIR:
                    return ProcSysDir(self.proc, ino, path, self)
                return ProcText(self.proc, ino, 0, path, SYS_TEXTS[path])
        raise AxError(AxErrorKind.NOT_FOUND)
