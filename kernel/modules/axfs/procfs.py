"""/proc: files whose contents are made when they are read.

    /proc/self -> PID        /proc/PID/{exe,cwd,root}        links
    /proc/PID/{maps,...}     /proc/PID/fd/N                  magic links
    /proc/{meminfo,...}      /proc/sys/...                   texts

The texts come from the kernel form through `ProcSource`. Nodes are made on every lookup and hold
no state, so a process that ends leaves nothing behind. Source: proc(5); ArceOS mounts a static
ramfs here (modules/axfs/src/mounts.rs).
Differs: a text is made at each read call, where Linux keeps it from the first read of an open file.
"""

from __future__ import annotations

from collections.abc import Iterator

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.interface import Slot
from kernel.crates.vfs import (
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
from kernel.modules.axfs.proc_source import ProcSource
from kernel.modules.axfs.ramfs import FsClock

PROC_MAGIC = 0x9FA0
PID_FILES = (
    "auxv",
    "cmdline",
    "comm",
    "environ",
    "limits",
    "maps",
    "mounts",
    "smaps",
    "stat",
    "statm",
    "status",
)
PID_LINKS = ("cwd", "exe", "root")
SYSTEM_FILES = (
    "cmdline",
    "cpuinfo",
    "filesystems",
    "loadavg",
    "meminfo",
    "stat",
    "uptime",
    "version",
)
#: Fixed texts: those ArceOS's procfs has, and what C libraries read.
SYS_TEXTS: dict[str, bytes] = {
    "sys/fs/file-max": b"1024\n",
    "sys/fs/pipe-max-size": b"1048576\n",
    "sys/kernel/hostname": b"arceos\n",
    "sys/kernel/osrelease": b"6.6.0-arcetui\n",
    "sys/kernel/ostype": b"Linux\n",
    "sys/kernel/pid_max": b"32768\n",
    "sys/kernel/random/boot_id": b"00000000-0000-4000-8000-000000000001\n",
    "sys/net/core/somaxconn": b"4096\n",
    "sys/vm/max_map_count": b"65530\n",
    "sys/vm/overcommit_memory": b"0\n",
}
_GONE = " (deleted)"
_SELF_LINKS = {"self": "{0}", "thread-self": "{0}", "mounts": "self/mounts"}
# Inode numbers by place: fixed ones below 1 << 16, then 1 << 16 per process.
_INO_PID = 16
_INO_FD_DIR = 0x100
_INO_FD = 0x200


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
    """A text: of a process (`pid`), of the system (`pid` 0), or fixed (`fixed`)."""

    __slots__ = ("fixed", "name", "pid", "proc")

    def __init__(
        self, proc: ProcFs, ino: int, pid: int, name: str, fixed: bytes | None = None
    ) -> None:
        super().__init__(proc, proc.attr(ino, VfsNodeType.FILE, 0o444))
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

    def __init__(self, proc: ProcFs, ino: int, name: str, up: VfsDir | None) -> None:
        super().__init__(proc, proc.attr(ino, VfsNodeType.DIR, 0o555), name, up)
        self.proc = proc

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        """Name, inode number and kind of each entry, always in the same order."""
        raise NotImplementedError

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
    """/proc/PID."""

    __slots__ = ("pid",)

    def __init__(self, proc: ProcFs, pid: int, up: VfsDir) -> None:
        super().__init__(proc, pid << _INO_PID, str(pid), up)
        self.pid = pid

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        base = self.attr.ino
        for number, name in enumerate(PID_FILES):
            yield name, base + 1 + number, VfsNodeType.FILE
        for number, name in enumerate(PID_LINKS):
            yield name, base + 0x80 + number, VfsNodeType.SYMLINK
        yield "fd", base + _INO_FD_DIR, VfsNodeType.DIR

    def lookup(self, name: str) -> VfsNode:
        for known, ino, kind in self.entries():
            if known != name:
                continue
            if kind is VfsNodeType.FILE:
                return ProcText(self.proc, ino, self.pid, name)
            if kind is VfsNodeType.SYMLINK:
                return ProcLink(self.proc, ino, self.pid, name)
            return ProcFdDir(self.proc, ino, self.pid, self)
        raise AxError(AxErrorKind.NOT_FOUND)


class ProcFdDir(ProcDir):
    """/proc/PID/fd."""

    __slots__ = ("pid",)

    def __init__(self, proc: ProcFs, ino: int, pid: int, up: VfsDir) -> None:
        super().__init__(proc, ino, "fd", up)
        self.pid = pid

    def _fds(self) -> list[int]:
        source = self.proc.source.get()
        return source.fds(self.pid) if self.pid in source.pids() else []

    def entries(self) -> Iterator[tuple[str, int, VfsNodeType]]:
        for fd in self._fds():
            yield str(fd), (self.pid << _INO_PID) + _INO_FD + fd, VfsNodeType.SYMLINK

    def lookup(self, name: str) -> VfsNode:
        if name.isascii() and name.isdigit() and len(name) < 7 and str(int(name)) == name:
            fd = int(name)
            if fd in self._fds():
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
        last = ""
        for number, path in enumerate(SYS_TEXTS):
            if path.startswith(prefix):
                name, _, rest = path[len(prefix) :].partition("/")
                if name != last:
                    yield (
                        name,
                        0x1000 + number + (0x100 * prefix.count("/") if rest else 0),
                        (VfsNodeType.DIR if rest else VfsNodeType.FILE),
                    )
                last = name

    def lookup(self, name: str) -> VfsNode:
        for known, ino, kind in self.entries():
            if known == name:
                path = f"{self.path}/{name}"
                if kind is VfsNodeType.DIR:
                    return ProcSysDir(self.proc, ino, path, self)
                return ProcText(self.proc, ino, 0, name, SYS_TEXTS[path])
        raise AxError(AxErrorKind.NOT_FOUND)
