"""memfd_create(2). Source: Linux mm/memfd.c."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import decode_name
from kernel.modules.axfs.ramfs import F_SEAL_EXEC, F_SEAL_SEAL, RamFs
from kernel.plugins.starry.api.abi import Handler, as_uint32
from kernel.plugins.starry.api.paths import credentials
from kernel.plugins.starry.core.file import O_LARGEFILE, O_RDWR, OpenFile
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.node_file import NodeFile

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_MFD_ALLOW_SEALING, _MFD_HUGETLB, _MFD_NOEXEC_SEAL, _MFD_EXEC = 2, 4, 8, 16


def sys_memfd_create(t: Thread, name: int, flags: int) -> int:
    """memfd_create(2): an unnamed file in memory."""
    flags = as_uint32(flags)
    if flags & ~0x1F or (flags & _MFD_EXEC and flags & _MFD_NOEXEC_SEAL):
        raise LinuxError(Errno.EINVAL)
    raw = t.mem.read_cstr(name, 250, Errno.EINVAL)
    if flags & _MFD_HUGETLB:
        raise LinuxError(Errno.ENOENT, "there are no huge pages")
    fs = t.kernel.fs.root.fs
    if not isinstance(fs, RamFs):
        raise LinuxError(Errno.ENOSYS)
    node = fs.unnamed_file(0o666 if flags & _MFD_NOEXEC_SEAL else 0o777, credentials(t))
    if flags & (_MFD_ALLOW_SEALING | _MFD_NOEXEC_SEAL):
        node.seals &= ~F_SEAL_SEAL
    if flags & _MFD_NOEXEC_SEAL:
        node.seals |= F_SEAL_EXEC
    label = f"/memfd:{decode_name(raw)} (deleted)"
    file = OpenFile(t.kernel.alloc, NodeFile(node, label), O_RDWR | O_LARGEFILE, label, node)
    return t.fds.add(file, bool(flags & 1), t.process.limits.soft(Resource.NOFILE))


CALLS: dict[str, Handler] = {"memfd_create": sys_memfd_create}
