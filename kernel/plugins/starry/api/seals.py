"""Seals of files in memory: fcntl(2) F_ADD_SEALS, F_GET_SEALS.

Source: Linux mm/memfd.c (`memfd_add_seals`), mm/shmem.c. Files made by open(2) have F_SEAL_SEAL, as
on tmpfs: nothing can be added to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.modules.axfs.ramfs import (
    F_SEAL_EXEC,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    RamFile,
)
from kernel.modules.axmm.shared import Shared, SharedPages

if TYPE_CHECKING:
    from kernel.plugins.starry.core.file import OpenFile
    from kernel.plugins.starry.core.thread import Thread

F_ADD_SEALS, F_GET_SEALS = 1033, 1034
_ALL: Final = (
    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC
)
_WRITE: Final = 2
_READ_EXEC: Final = 5


def seals(t: Thread, file: OpenFile, cmd: int, wanted: int) -> int:
    """Tell the seals of a file, or add some.

    Raises:
        LinuxError: EINVAL: no file in memory, unknown seal; EPERM: not writable or sealed against
            it; EBUSY: it is mapped writable.
    """
    node = file.node
    if cmd == F_GET_SEALS:
        if not isinstance(node, RamFile):
            raise LinuxError(Errno.EINVAL)
        return node.seals
    if not file.writable:
        raise LinuxError(Errno.EPERM)
    if wanted & ~_ALL or not isinstance(node, RamFile):
        raise LinuxError(Errno.EINVAL)
    if node.seals & F_SEAL_SEAL:
        raise LinuxError(Errno.EPERM)
    if wanted & F_SEAL_WRITE and not node.seals & F_SEAL_WRITE and _is_mapped_writable(t, node):
        raise LinuxError(Errno.EBUSY)
    if wanted & F_SEAL_EXEC and node.attr.perm & 0o111:
        wanted |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE
    node.seals |= wanted
    return 0


def _is_mapped_writable(t: Thread, node: RamFile) -> bool:
    """Whether some process has a shared mapping of the file that may be written."""
    pages = node.attached
    if not isinstance(pages, SharedPages):
        return False
    return any(
        isinstance(area.backend, Shared) and area.backend.pages is pages and area.may & _WRITE
        for process in t.starry.processes.values()
        if not process.is_zombie
        for area in process.aspace.areas
    )


def may_protect(file: OpenFile | None, prot: int, *, shared: bool) -> int:
    """What mprotect may ever allow in the area.

    Raises:
        LinuxError: EPERM: the file is sealed against writing.
    """
    if not shared or file is None:
        return 7
    if isinstance(file.node, RamFile) and file.node.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
        if prot & _WRITE:
            raise LinuxError(Errno.EPERM, "sealed")
        return _READ_EXEC
    return 7 if file.writable else _READ_EXEC
