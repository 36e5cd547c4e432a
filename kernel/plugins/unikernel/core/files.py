"""The resources of the one namespace: open files and the current directory.

Source: ArceOS api/arceos_posix_api/src/imp/{fd_ops,fs,stdio}.rs; modules/axfs/src/fops.rs.
Differs: standard input reads the console's receiver as it is, without echo or line editing (the
application does its own, as ArceOS's shell); a descriptor is a file and its position in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.flatten_objects import FlattenObjects
from kernel.crates.vfs import VfsNode

if TYPE_CHECKING:
    from kernel.modules.axruntime.kernel import Kernel

AX_FILE_LIMIT: Final = 1024
O_ACCMODE: Final = 0o3
O_WRONLY: Final = 0o1
O_RDWR: Final = 0o2
O_CREAT: Final = 0o100
O_EXCL: Final = 0o200
O_TRUNC: Final = 0o1000
O_APPEND: Final = 0o2000
_FLAGS = ((O_CREAT, "O_CREAT"), (O_EXCL, "O_EXCL"), (O_TRUNC, "O_TRUNC"), (O_APPEND, "O_APPEND"))


class OpenFile:
    """One open file, or an end of the console.

    Attributes:
        node: The file; None for the console.
        stream: Of the console: 0 input, 1 output, 2 error output.
        offset: Position of the next read or write.
    """

    __slots__ = ("flags", "node", "offset", "path", "stream")

    def __init__(self, path: str, flags: int, node: VfsNode | None, stream: int = 0) -> None:
        self.path = path
        self.flags = flags
        self.node = node
        self.stream = stream
        self.offset = 0

    @property
    def kind(self) -> str:
        """Word for listings."""
        if self.node is None:
            return "console"
        return "directory" if self.node.is_dir else "file"

    @property
    def flags_text(self) -> str:
        """Flags in words."""
        words = [("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")[self.flags & O_ACCMODE]]
        return "|".join(words + [name for bit, name in _FLAGS if self.flags & bit])

    @property
    def is_readable(self) -> bool:
        """Whether it was opened for reading."""
        return self.flags & O_ACCMODE != O_WRONLY

    @property
    def is_writable(self) -> bool:
        """Whether it was opened for writing."""
        return self.flags & O_ACCMODE in (O_WRONLY, O_RDWR)


class FileTable:
    """Open files by descriptor: the resource FD_TABLE."""

    MODEL_BYTES: Final = 8 * AX_FILE_LIMIT + 128

    __slots__ = ("kernel", "objects")

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.objects: FlattenObjects[OpenFile] = FlattenObjects(AX_FILE_LIMIT)
        for stream, path in enumerate(("stdin", "stdout", "stderr")):
            self.objects.add(OpenFile(path, O_WRONLY if stream else 0, None, stream))

    def describe(self) -> str:
        """For the namespace pane."""
        return "descriptors " + " ".join(str(fd) for fd in self.objects.ids())

    def get(self, fd: int) -> OpenFile:
        """An open file.

        Raises:
            LinuxError: EBADF: there is none with that descriptor.
        """
        file = self.objects.get(fd)
        if file is None:
            raise LinuxError(Errno.EBADF, f"descriptor {fd} is not open")
        return file

    def add(self, file: OpenFile) -> int:
        """Take an open file in; its descriptor.

        Raises:
            LinuxError: EMFILE: the table is full.
        """
        fd = self.objects.add(file)
        if fd is None:
            raise LinuxError(Errno.EMFILE, "all descriptors are in use")
        if file.node is not None:
            file.node.open()
        self.kernel.events.emit(EventKind.FD_OPEN, fd, file.path)
        return fd

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        file = self.get(fd)
        self.objects.remove(fd)
        if file.node is not None:
            file.node.release()
        self.kernel.events.emit(EventKind.FD_CLOSE, fd, file.path)


class CurrentDir:
    """The resource CURRENT_DIR.

    Attributes:
        node: The directory.
    """

    MODEL_BYTES: Final = 64

    __slots__ = ("kernel", "node")

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.node: VfsNode = kernel.fs.root

    @property
    def path(self) -> str:
        """Its path; "(removed)" once it has none."""
        try:
            return self.kernel.fs.path_of(self.node)
        except LinuxError:
            return "(removed)"

    def describe(self) -> str:
        """For the namespace pane."""
        return f"directory {self.path}"
