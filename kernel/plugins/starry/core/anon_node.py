"""The node behind /proc/PID/fd/N of a file without a name: a pipe, an eventfd, the console.

Opening it opens the pipe once more; other anonymous files refuse (ENXIO).
Source: Linux fs/pipe.c (`fifo_open`, which asks `is_pipe`) and fs/libfs.c (`no_open`).
Differs: a console that stands for a regular file of the host is not cut by O_TRUNC.
"""

from __future__ import annotations

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import FsStat, VfsDir, VfsNonDir, VfsOps
from kernel.plugins.starry.core.file import ANON_DEV, O_ACCMODE, O_RDONLY, O_WRONLY, FileLike
from kernel.plugins.starry.core.pipe import PipeEnd
from kernel.plugins.starry.core.stdio import ConsoleFile

PIPEFS_MAGIC = 0x5049_5045


class AnonFs(VfsOps):
    """The file system anonymous files are said to be on; it has no tree."""

    __slots__ = ()

    def root_dir(self) -> VfsDir:
        raise LinuxError(Errno.ENOTDIR)

    def statfs(self) -> FsStat:
        return FsStat(PIPEFS_MAGIC, 4096, 0, 0, 0, 0)


class AnonNode(VfsNonDir):
    """The node of an open file that has none; it holds no state of its own.

    Attributes:
        file: What it stands for.
        path: Its name in listings, such as "pipe:[7]".
    """

    __slots__ = ("file", "path")

    def __init__(self, file: FileLike, path: str) -> None:
        super().__init__(AnonFs("pipefs", ANON_DEV), file.get_attr())
        self.file = file
        self.path = path

    def truncate(self, size_bytes: int) -> None:
        """O_TRUNC has nothing to cut."""

    def open_again(self, flags: int) -> FileLike:
        """What one more open of the file gives.

        Raises:
            LinuxError: ENXIO: it cannot be opened, or not this way.
        """
        mode = flags & O_ACCMODE
        if isinstance(self.file, PipeEnd):
            return PipeEnd(self.file.pipe, mode != O_WRONLY, mode != O_RDONLY)
        if isinstance(self.file, ConsoleFile) and mode == (O_WRONLY if self.file.fd else O_RDONLY):
            return self.file
        raise LinuxError(Errno.ENXIO)
