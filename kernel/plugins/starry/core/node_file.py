"""Files, directories and plain devices: a VFS node behind a descriptor.

Source: starry-next api/src/file/fs.rs (File, Directory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.event import EventKind
from kernel.crates.vfs import VfsNode, VfsNodeType
from kernel.plugins.starry.core.file import FileLike

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_KINDS = {
    VfsNodeType.DIR: "directory",
    VfsNodeType.CHAR_DEVICE: "device",
    VfsNodeType.SYMLINK: "link",
}


class NodeFile(FileLike):
    """A node read and written at offsets.

    Attributes:
        node: The node; the `OpenFile` holds it open.
        path: Name for events.
    """

    __slots__ = ("node", "path")
    seekable = True

    def __init__(self, node: VfsNode, path: str) -> None:
        self.node = node
        self.path = path

    @property
    def kind(self) -> str:  # type: ignore[override]  # the same word, computed
        """Word for listings."""
        return _KINDS.get(self.node.attr.kind, "file")

    def pread(self, t: Thread, size_bytes: int, offset: int) -> bytes:
        data = self.node.read_at(offset, size_bytes)
        t.kernel.events.emit(EventKind.FILE_READ, self.path, offset, len(data))
        return data

    def pwrite(self, t: Thread, data: bytes, offset: int) -> int:
        done = self.node.write_at(offset, data)
        t.kernel.events.emit(EventKind.FILE_WRITE, self.path, offset, done)
        return done
