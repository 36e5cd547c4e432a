"""Sizes and durability: truncate(2), fallocate(2), fsync(2), posix_fadvise(2), mount(2).

Source: Linux fs/open.c, fs/sync.c, mm/fadvise.c, mm/shmem.c `shmem_fallocate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.memory_addr import PAGE_SHIFT, align_up
from kernel.crates.vfs import Access, VfsNode, VfsNodeType
from kernel.modules.axfs.file_pages import FilePages
from kernel.modules.axfs.ramfs import (
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_WRITE,
    RamFile,
)
from kernel.modules.axmm.backend import WHOLE_FILE, Alloc
from kernel.plugins.starry.api.abi import Handler, as_int32, as_int64, as_uint32
from kernel.plugins.starry.api.paths import (
    AT_FDCWD,
    credentials,
    lookup_at,
    read_path,
    require,
)
from kernel.plugins.starry.api.transfer import (
    MAX_OFFSET,
    SIGXFSZ,
    drop_privilege_bits,
    signal_self,
)
from kernel.plugins.starry.core.limits import Resource

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

FALLOC_KEEP_SIZE: Final = 1
FALLOC_PUNCH_HOLE: Final = 2
FALLOC_ZERO_RANGE: Final = 0x10


def cut_file(t: Thread, node: VfsNode, size: int) -> None:
    """Set a file's size; private mappings lose their pages beyond it, too."""
    shrinks = size < node.get_attr().size_bytes
    node.truncate(size)
    if not shrinks:
        return
    first = align_up(size)
    for space in list(t.process.aspace.frames.spaces.values()):
        for area in list(space.areas):
            backend = area.backend
            source = backend.source if isinstance(backend, Alloc) else None
            if source is None or source.node is not node or source.size_bytes != WHOLE_FILE:
                continue
            assert isinstance(backend, Alloc)
            start = max(area.start, first - backend.delta)
            if start < area.end:
                space.discard(start, area.end - start)


def _resize(t: Thread, node: VfsNode, size: int) -> int:
    """Cut or extend a regular file within RLIMIT_FSIZE."""
    if size > node.get_attr().size_bytes and size > t.process.limits.soft(Resource.FSIZE):
        signal_self(t, SIGXFSZ)
        raise LinuxError(Errno.EFBIG)
    cut_file(t, node, size)
    drop_privilege_bits(t, node)
    return 0


def sys_truncate(t: Thread, path: int, length: int) -> int:
    """truncate(2)."""
    size = as_int64(length)
    if size < 0:
        raise LinuxError(Errno.EINVAL)
    node = lookup_at(t, AT_FDCWD, read_path(t, path))
    if node.is_dir:
        raise LinuxError(Errno.EISDIR)
    if node.attr.kind is not VfsNodeType.FILE:
        raise LinuxError(Errno.EINVAL)
    require(node.get_attr(), Access.WRITE, credentials(t))
    return _resize(t, node, size)


def sys_ftruncate(t: Thread, fd: int, length: int) -> int:
    """ftruncate(2)."""
    size = as_int64(length)
    if size < 0:
        raise LinuxError(Errno.EINVAL)
    file = t.fds.get(as_uint32(fd))
    node = file.node
    if node is None or node.attr.kind is not VfsNodeType.FILE or not file.writable:
        raise LinuxError(Errno.EINVAL)
    return _resize(t, node, size)


def sys_fallocate(t: Thread, fd: int, mode: int, offset: int, length: int) -> int:
    """fallocate(2)."""
    mode, start, size = as_int32(mode), as_int64(offset), as_int64(length)
    file = t.fds.get(as_uint32(fd))
    if start < 0 or size <= 0:
        raise LinuxError(Errno.EINVAL)
    if mode not in (0, FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, FALLOC_ZERO_RANGE):
        raise LinuxError(Errno.EOPNOTSUPP)
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    node = file.node
    if node is None or node.attr.kind is VfsNodeType.FIFO:
        raise LinuxError(Errno.ESPIPE)
    if node.is_dir:
        raise LinuxError(Errno.EISDIR)
    if not isinstance(node, RamFile):
        raise LinuxError(Errno.ENODEV)
    if start + size > MAX_OFFSET:
        raise LinuxError(Errno.EFBIG)
    _allocate(t, node, mode, start, start + size)
    return 0


def _allocate(t: Thread, node: RamFile, mode: int, start: int, end: int) -> None:
    """Punch, zero or extend."""
    pages = node.pages
    if mode & FALLOC_PUNCH_HOLE and node.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
        raise LinuxError(Errno.EPERM)
    if node.seals & F_SEAL_GROW and not mode & FALLOC_KEEP_SIZE and end > pages.size_bytes:
        raise LinuxError(Errno.EPERM)
    if end > pages.size_bytes and not mode & FALLOC_KEEP_SIZE:
        limit = t.process.limits.soft(Resource.FSIZE)
        if end > limit:
            signal_self(t, SIGXFSZ)
            raise LinuxError(Errno.EFBIG)
    if mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE):
        pages.punch(start, end)
    if not mode & FALLOC_PUNCH_HOLE:
        _take_pages(pages, start >> PAGE_SHIFT, (end - 1) >> PAGE_SHIFT)
    if not mode & FALLOC_KEEP_SIZE and end > pages.size_bytes:
        _resize(t, node, end)
    else:
        node.modified()


def _take_pages(pages: FilePages, first: int, last: int) -> None:
    """Give every page from `first` to `last` a frame.

    Raises:
        AxError: STORAGE_FULL; then none keeps one (`shmem_undo_range`).
    """
    budget = pages.budget
    image_pages = pages.image_bytes >> PAGE_SHIFT
    held = sum(1 for index in pages.frames if first <= index <= last)
    if last - first + 1 - held > budget.limit_pages - budget.used_pages:
        raise AxError(AxErrorKind.STORAGE_FULL)
    new: list[int] = []
    try:
        for index in range(max(first, image_pages), last + 1):
            if index not in pages.frames:
                pages.frame(index)
                new.append(index)
    except AxError:
        for index in new:
            pages.drop_frame(index)
        raise


# -- durability and hints ------------------------------------------------------------------------


def sys_fsync(t: Thread, fd: int) -> int:
    """fsync(2), fdatasync(2)."""
    node = t.fds.get(as_uint32(fd)).node
    if node is None or node.attr.kind in (VfsNodeType.FIFO, VfsNodeType.CHAR_DEVICE):
        raise LinuxError(Errno.EINVAL)
    node.fsync()
    return 0


def sys_sync(t: Thread) -> int:
    """sync(2): everything is in memory."""
    return 0


def sys_syncfs(t: Thread, fd: int) -> int:
    """syncfs(2)."""
    t.fds.get(as_uint32(fd))
    return 0


def sys_sync_file_range(t: Thread, fd: int, offset: int, length: int, flags: int) -> int:
    """sync_file_range(2)."""
    node = t.fds.get(as_uint32(fd)).node
    start, size = as_int64(offset), as_int64(length)
    if as_uint32(flags) & ~7 or start < 0 or size < 0 or start + size > MAX_OFFSET:
        raise LinuxError(Errno.EINVAL)
    if node is None or node.attr.kind in (VfsNodeType.FIFO, VfsNodeType.CHAR_DEVICE):
        raise LinuxError(Errno.ESPIPE)
    return 0


def sys_fadvise64(t: Thread, fd: int, offset: int, length: int, advice: int) -> int:
    """fadvise64(2): checked; there is nothing to read ahead."""
    node = t.fds.get(as_uint32(fd)).node
    if node is None or node.attr.kind is VfsNodeType.FIFO:
        raise LinuxError(Errno.ESPIPE)
    if as_int64(length) < 0 or not 0 <= as_int32(advice) <= 5:
        raise LinuxError(Errno.EINVAL)
    return 0


def sys_readahead(t: Thread, fd: int, offset: int, count: int) -> int:
    """readahead(2)."""
    file = t.fds.get(as_uint32(fd))
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    if file.node is None or file.node.attr.kind is not VfsNodeType.FILE:
        raise LinuxError(Errno.EINVAL)
    return 0


# -- mounts --------------------------------------------------------------------------------------


def sys_mount(t: Thread, source: int, target: int, kind: int, flags: int, data: int) -> int:
    """mount(2): the tree is fixed."""
    raise LinuxError(Errno.EPERM)


def sys_umount2(t: Thread, target: int, flags: int) -> int:
    """umount2(2): the tree is fixed."""
    raise LinuxError(Errno.EPERM)


def sys_chroot(t: Thread, path: int) -> int:
    """chroot(2): refused."""
    lookup_at(t, AT_FDCWD, read_path(t, path))
    raise LinuxError(Errno.EPERM)


CALLS: dict[str, Handler] = {
    "truncate": sys_truncate,
    "ftruncate": sys_ftruncate,
    "fallocate": sys_fallocate,
    "fsync": sys_fsync,
    "fdatasync": sys_fsync,
    "sync": sys_sync,
    "syncfs": sys_syncfs,
    "sync_file_range": sys_sync_file_range,
    "fadvise64": sys_fadvise64,
    "readahead": sys_readahead,
    "mount": sys_mount,
    "umount2": sys_umount2,
    "chroot": sys_chroot,
}
