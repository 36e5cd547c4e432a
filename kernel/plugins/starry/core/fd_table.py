"""The table of descriptors, a namespaced resource (FD_TABLE).

Source: starry-next api/src/file/mod.rs (FD_TABLE: FlattenObjects of 1024); dup(2), fcntl(2).
Differs: close-on-exec is a bit per descriptor; descriptors share an `OpenFile`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventKind, EventSink
from kernel.crates.flatten_objects import FlattenObjects
from kernel.plugins.starry.core.file import O_PATH, OpenFile

if TYPE_CHECKING:
    from kernel.modules.axruntime.kernel import Kernel

MAX_FDS: Final = 1024
"""Size of the table, as starry-next's; RLIMIT_NOFILE may only be lower."""


class FdTable:
    """The descriptors of a process (or of several that share it, CLONE_FILES).

    Attributes:
        objects: Open files by number.
        cloexec: Bit fd: closed at execve.
    """

    __slots__ = ("cloexec", "events", "objects")
    MODEL_BYTES: Final = 16 * MAX_FDS + MAX_FDS // 8
    """Kernel memory of the table behind its Arc: slots and bitmap, as in starry-next."""

    def __init__(self, events: EventSink) -> None:
        self.events = events
        self.objects: FlattenObjects[OpenFile] = FlattenObjects(MAX_FDS)
        self.cloexec = 0

    @classmethod
    def new_stdio(cls, kernel: Kernel) -> FdTable:
        """The first process's table: descriptors 0, 1, 2 as the console's kinds say."""
        from kernel.plugins.starry.core.stdio import open_stdio  # it uses this class

        table = cls(kernel.events)
        open_stdio(kernel, table)
        return table

    def get(self, fd: int) -> OpenFile:
        """The open file, not one opened with O_PATH (Linux `fdget`).

        Raises:
            LinuxError: EBADF.
        """
        found = self.objects.get(fd)
        if found is None or found.flags & O_PATH:
            raise LinuxError(Errno.EBADF)
        return found

    def get_any(self, fd: int) -> OpenFile:
        """The open file, also one opened with O_PATH (Linux `fdget_raw`).

        Raises:
            LinuxError: EBADF.
        """
        found = self.objects.get(fd)
        if found is None:
            raise LinuxError(Errno.EBADF)
        return found

    def add(self, file: OpenFile, cloexec: bool, limit: int = MAX_FDS, minimum: int = 0) -> int:
        """Install under the lowest free number; takes over the caller's reference.

        Raises:
            LinuxError: EMFILE, and the reference is dropped.
        """
        fd = self.objects.add(file, minimum, limit)
        if fd is None:
            file.drop()
            raise LinuxError(Errno.EMFILE)
        self._mark(fd, cloexec)
        self.events.emit(EventKind.FD_OPEN, fd, file.path)
        return fd

    def duplicate(self, fd: int, cloexec: bool, limit: int, minimum: int = 0) -> int:
        """One more number for an open file, the lowest free one from `minimum`."""
        file = self.get_any(fd)
        new_fd = self.objects.add(file, minimum, limit)
        if new_fd is None:
            raise LinuxError(Errno.EMFILE)
        file.share()
        self._mark(new_fd, cloexec)
        self.events.emit(EventKind.FD_DUP, fd, new_fd, file.path)
        return new_fd

    def replace(self, fd: int, new_fd: int, cloexec: bool) -> int:
        """Make `new_fd` refer to what `fd` does, closing what it was (dup2)."""
        file = self.get_any(fd).share()
        old = self.objects.put(new_fd, file)
        self._mark(new_fd, cloexec)
        if old is not None:
            self._let_go(old)
        self.events.emit(EventKind.FD_DUP, fd, new_fd, file.path)
        return new_fd

    def _let_go(self, file: OpenFile) -> None:
        """A number no longer refers to a file: this process's record locks on it fall."""
        if file.node is not None and file.node.locks is not None:
            file.node.locks.drop_ranges(self)
        file.drop()

    def close(self, fd: int) -> None:
        """Free a number.

        Raises:
            LinuxError: EBADF.
        """
        file = self.objects.remove(fd)
        if file is None:
            raise LinuxError(Errno.EBADF)
        self._mark(fd, False)
        path = file.path
        self._let_go(file)
        self.events.emit(EventKind.FD_CLOSE, fd, path)

    def _mark(self, fd: int, cloexec: bool) -> None:
        if cloexec:
            self.cloexec |= 1 << fd
        elif self.cloexec:
            self.cloexec &= ~(1 << fd)

    def is_cloexec(self, fd: int) -> bool:
        """Whether the number is closed at execve."""
        return bool(self.cloexec >> fd & 1)

    def set_cloexec(self, fd: int, on: bool) -> None:
        """Set or clear close-on-exec of an open number."""
        self._mark(fd, on)

    def copy(self) -> FdTable:
        """The table of a forked child: same open files, one more reference each."""
        child = FdTable(self.events)
        for fd, file in self.objects.items():
            child.objects.put(fd, file.share())
        child.cloexec = self.cloexec
        return child

    def close_on_exec(self) -> None:
        """Close what is marked so."""
        for fd in [fd for fd in self.objects.ids() if self.is_cloexec(fd)]:
            self.close(fd)

    def close_all(self) -> None:
        """Close everything: the last process that used the table ends."""
        for fd in list(self.objects.ids()):
            self.close(fd)

    def dropped(self) -> None:
        """The last namespace that referred to it has let go (axns calls this)."""
        self.close_all()

    def __len__(self) -> int:
        return len(self.objects)
