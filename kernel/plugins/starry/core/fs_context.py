"""Where a process is in the tree: current directory and umask, a namespaced resource (FS_CONTEXT).

Source: ArceOS axfs (CURRENT_DIR, CURRENT_DIR_PATH); Linux's fs_struct, clone(CLONE_FS).
Differs: the path is derived from the directory, so it stays right when a directory is renamed.
"""

from __future__ import annotations

from typing import Final

from kernel.crates.vfs import VfsNode
from kernel.modules.axfs.root import RootDirectory


class FsContext:
    """Current directory and file-mode creation mask.

    Attributes:
        root: The tree.
        cwd: Current directory; held open.
        umask: Permission bits that new files do not get.
    """

    __slots__ = ("cwd", "root", "umask")
    MODEL_BYTES: Final = 64

    def __init__(self, root: RootDirectory, cwd: VfsNode | None = None, umask: int = 0o022) -> None:
        self.root = root
        self.cwd = root.root if cwd is None else cwd
        self.umask = umask
        self.cwd.open()

    @property
    def cwd_path(self) -> str:
        """Absolute path of the current directory.

        Raises:
            LinuxError: ENOENT if it was removed.
        """
        return self.root.path_of(self.cwd)

    def set_cwd(self, node: VfsNode) -> None:
        """Go to another directory."""
        node.open()
        self.cwd.release()
        self.cwd = node

    def copy(self) -> FsContext:
        """That of a forked child."""
        return FsContext(self.root, self.cwd, self.umask)

    def dropped(self) -> None:
        """The last namespace that referred to it has let go (axns calls this)."""
        self.cwd.release()
