"""open(2), openat2(2), creat(2).

Source: Linux fs/open.c, fs/namei.c (path_openat, may_open, do_last);
starry-next api/src/imp/fs/fd_ops.rs.
Differs from Linux: file leases do not exist.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import (
    Access,
    Credentials,
    VfsDir,
    VfsNode,
    VfsNodeType,
)
from kernel.modules.axfs.devfs import TERMINALS, DeviceNode
from kernel.modules.axfs.ramfs import RamFs
from kernel.modules.axfs.walk import RESOLVE_BENEATH, RESOLVE_CACHED, RESOLVE_IN_ROOT, Place
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_uint32
from kernel.plugins.starry.api.fsctl import cut_file
from kernel.plugins.starry.api.paths import (
    AT_FDCWD,
    base_of,
    credentials,
    read_path,
    require,
    require_writable_dir,
)
from kernel.plugins.starry.core.anon_node import AnonNode
from kernel.plugins.starry.core.exec import is_running
from kernel.plugins.starry.core.file import (
    O_ACCMODE,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_EXCL,
    O_LARGEFILE,
    O_NOCTTY,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
    FileLike,
    OpenFile,
)
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.node_file import NodeFile
from kernel.plugins.starry.core.pipe import Pipe, PipeEnd
from kernel.plugins.starry.core.tty_file import open_tty

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_VALID: Final = 0o37777703  # VALID_OPEN_FLAGS
_TMPFILE_BIT: Final = 0o20000000
_NOT_KEPT: Final = O_CREAT | O_EXCL | 0o400 | O_TRUNC | O_CLOEXEC  # O_NOCTTY too
_PATH_KEPT: Final = O_PATH | O_DIRECTORY | O_NOFOLLOW
_OPEN_HOW_BYTES: Final = 24
_WANTED: Final = (Access.READ, Access.WRITE, Access.READ | Access.WRITE, Access.READ | Access.WRITE)

#: aarch64's bits of the four flags it numbers in its own way.
_AARCH64: Final = (
    (0o40000, O_DIRECTORY),
    (0o100000, O_NOFOLLOW),
    (0o200000, O_DIRECT),
    (0o400000, O_LARGEFILE),
)
_AARCH64_MASK: Final = 0o740000


def generic_flags(arch: str, flags: int) -> int:
    """An architecture's open flags as asm-generic numbers them."""
    if arch != "aarch64":
        return flags
    found = flags & ~_AARCH64_MASK
    for theirs, generic in _AARCH64:
        if flags & theirs:
            found |= generic
    return found


def arch_flags(arch: str, flags: int) -> int:
    """asm-generic open flags as an architecture numbers them (F_GETFL)."""
    if arch != "aarch64":
        return flags
    found = flags & ~_AARCH64_MASK
    for theirs, generic in _AARCH64:
        if flags & generic:
            found |= theirs
    return found


# -- finding or making the node ------------------------------------------------------------------


def _start(t: Thread, dirfd: int, path: str, resolve: int) -> VfsNode | None:
    """Where the walk starts: a root by RESOLVE_IN_ROOT counts for absolute paths, too."""
    return base_of(t, dirfd, "." if resolve & RESOLVE_IN_ROOT else path)


def _create(t: Thread, place: Place, mode: int, who: Credentials) -> VfsNode:
    """Make the regular file O_CREAT asks for."""
    require_writable_dir(place.dir, who)
    perm = mode & 0o7777 & ~t.fs.umask
    return place.dir.create(place.name, VfsNodeType.FILE, perm, who)


def _find_or_create(
    t: Thread, place: Place, flags: int, mode: int, who: Credentials
) -> tuple[VfsNode, bool]:
    """The node an O_CREAT open means, and whether it is new."""
    root = t.kernel.fs
    while True:
        is_dots = place.name in ("", ".", "..")
        if place.trailing or is_dots:
            is_taken = is_dots and flags & O_EXCL
            raise LinuxError(
                Errno.EEXIST if is_taken and not (place.trailing and place.name) else Errno.EISDIR
            )
        node = root.child(place)
        if node is None:
            return _create(t, place, mode, who), True
        if flags & O_EXCL:
            raise LinuxError(Errno.EEXIST)
        if node.attr.kind is not VfsNodeType.SYMLINK:
            return node, False
        if flags & O_NOFOLLOW:
            raise LinuxError(Errno.ELOOP)
        found = root.behind_link(place, node)
        if not isinstance(found, Place):
            return found, False
        place = found


def _find(t: Thread, dirfd: int, path: str, flags: int, who: Credentials, resolve: int) -> VfsNode:
    """The node an open without O_CREAT means."""
    follow = not flags & O_NOFOLLOW
    base = _start(t, dirfd, path, resolve)
    node = t.kernel.fs.lookup(path, base, follow=follow, who=who, resolve=resolve)
    if node.attr.kind is VfsNodeType.SYMLINK and not flags & O_PATH:
        raise LinuxError(Errno.ELOOP)
    return node


def _may_open(node: VfsNode, flags: int, who: Credentials) -> None:
    """Kind and permission checks of an existing node (Linux `may_open`)."""
    wanted = _WANTED[flags & O_ACCMODE]
    if flags & O_TRUNC:
        wanted |= Access.WRITE
    if node.is_dir and wanted & Access.WRITE:
        raise LinuxError(Errno.EISDIR)
    require(node.get_attr(), wanted, who)
    if flags & 0o1000000 and who.uid not in (0, node.attr.uid):  # O_NOATIME
        raise LinuxError(Errno.EPERM)


# -- opening -------------------------------------------------------------------------------------


def _check_flags(flags: int) -> int:
    """Normalise asm-generic flags as `build_open_flags` does."""
    flags &= _VALID
    if flags & _TMPFILE_BIT:
        if flags & O_TMPFILE != O_TMPFILE or not flags & O_ACCMODE:
            raise LinuxError(Errno.EINVAL)
        if flags & O_CREAT:
            raise LinuxError(Errno.EINVAL)
    if flags & O_PATH:
        return flags & (_PATH_KEPT | O_CLOEXEC)
    if flags & O_CREAT and flags & O_DIRECTORY:
        raise LinuxError(Errno.EINVAL)
    return flags


def _new_unnamed(t: Thread, dirfd: int, path: str, flags: int, mode: int, resolve: int) -> VfsNode:
    """O_TMPFILE: a file without a name in a directory's file system; link(2) may give it one.

    Raises:
        LinuxError: ENOTDIR, EACCES; EOPNOTSUPP: the file system cannot.
    """
    who = credentials(t)
    base = _start(t, dirfd, path, resolve)
    directory = t.kernel.fs.lookup(path, base, who=who, resolve=resolve)
    if not isinstance(directory, VfsDir):
        raise LinuxError(Errno.ENOTDIR)
    require_writable_dir(directory, who)
    fs = directory.fs
    if not isinstance(fs, RamFs):
        raise LinuxError(Errno.EOPNOTSUPP)
    node = fs.unnamed_file(mode & 0o7777 & ~t.fs.umask, who)
    node.is_linkable = not flags & O_EXCL
    return node


def do_open(t: Thread, dirfd: int, path_va: int, flags: int, mode: int, resolve: int = 0) -> int:
    """Open a path.

    Args:
        t: The calling thread.
        dirfd: Raw descriptor argument, or AT_FDCWD.
        path_va: User address of the path.
        flags: asm-generic flags, which are looked at before the path.
        mode: Permissions of a new file.
        resolve: RESOLVE_ bits of openat2(2).

    Returns:
        The new descriptor; or what `Thread.block` returns while a FIFO waits for its other end.
    """
    flags = _check_flags(flags)
    path = read_path(t, path_va)
    if t.resumed:
        return _resume_fifo(t, flags)
    limit = t.process.limits.soft(Resource.NOFILE)
    if t.fds.objects.lowest_free() >= min(limit, t.fds.objects.capacity):
        raise LinuxError(Errno.EMFILE)
    who = credentials(t)
    is_new = False
    if flags & _TMPFILE_BIT:
        node, is_new = _new_unnamed(t, dirfd, path, flags, mode, resolve), True
        flags &= ~O_TMPFILE
        path = f"{path.rstrip('/')}/#{node.attr.ino} (deleted)"
    elif flags & O_CREAT:
        base = _start(t, dirfd, path, resolve)
        place = t.kernel.fs.parent_of(path, base, who=who, resolve=resolve)
        node, is_new = _find_or_create(t, place, flags, mode, who)
        if node.is_dir:
            raise LinuxError(Errno.EISDIR)
    else:
        node = _find(t, dirfd, path, flags, who, resolve)
    if flags & O_DIRECTORY and not node.is_dir:
        raise LinuxError(Errno.ENOTDIR)
    if not is_new and not flags & O_PATH:
        _may_open(node, flags, who)
        if flags & (O_WRONLY | O_RDWR) and is_running(t.starry, node):
            raise LinuxError(Errno.ETXTBSY)
    file = open_node(t, node, path, flags)
    if flags & O_TRUNC and not is_new and node.attr.kind is VfsNodeType.FILE:
        cut_file(t, node, 0)
    if isinstance(file.file, PipeEnd) and not isinstance(node, AnonNode):
        return _wait_for_peer(t, file, flags)
    return t.fds.add(file, bool(flags & O_CLOEXEC), limit)


def open_node(t: Thread, node: VfsNode, path: str, flags: int) -> OpenFile:
    """An open file for a node whose permissions have been checked."""
    kept = flags & ~_NOT_KEPT
    name = _full_name(t, node, path)
    if flags & O_PATH:
        file: FileLike = NodeFile(node, name)
    else:
        kept |= O_LARGEFILE
        file = _behaviour(t, node, name, flags)
    return OpenFile(t.kernel.alloc, file, kept, name, node)


def _full_name(t: Thread, node: VfsNode, path: str) -> str:
    """What /proc/PID/fd shows: the absolute path as far as it is known."""
    if isinstance(node, AnonNode):
        return node.path
    if node.is_dir:
        return t.kernel.fs.path_of(node)
    if node.attr.rdev in TERMINALS and node.attr.kind is VfsNodeType.CHAR_DEVICE:
        return path
    if path.startswith("/"):
        return path
    try:
        base = t.fs.cwd_path
    except LinuxError:
        return path
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return f"{base.rstrip('/')}/{path}"


def _behaviour(t: Thread, node: VfsNode, name: str, flags: int) -> FileLike:
    """What reading and writing an opened node means, by its kind."""
    if isinstance(node, AnonNode):
        return node.open_again(flags)
    kind = node.attr.kind
    if kind is VfsNodeType.FIFO:
        return _open_fifo(t, node, name, flags)
    if kind is VfsNodeType.CHAR_DEVICE and node.attr.rdev in TERMINALS:
        return open_tty(t, node, bool(flags & O_NOCTTY))
    if kind in (VfsNodeType.SOCKET, VfsNodeType.BLOCK_DEVICE):
        raise LinuxError(Errno.ENXIO)
    if kind is VfsNodeType.CHAR_DEVICE and not isinstance(node, DeviceNode):
        raise LinuxError(Errno.ENXIO)  # mknod made a name of a device nobody drives
    return NodeFile(node, name)


# -- FIFOs ---------------------------------------------------------------------------------------


def _open_fifo(t: Thread, node: VfsNode, name: str, flags: int) -> PipeEnd:
    """One end of a named pipe; the pipe lives while ends are open."""
    mode = flags & O_ACCMODE
    pipe = node.attached
    if not isinstance(pipe, Pipe) or not (pipe.readers or pipe.writers):
        if mode == O_WRONLY and flags & O_NONBLOCK:
            raise LinuxError(Errno.ENXIO)
        node.attached = pipe = Pipe(t.kernel, node.attr, f"fifo:[{node.fs.dev}:{node.attr.ino}]")
    elif mode == O_WRONLY and flags & O_NONBLOCK and not pipe.readers:
        raise LinuxError(Errno.ENXIO)
    return PipeEnd(pipe, mode in (O_RDONLY, O_RDWR), mode in (O_WRONLY, O_RDWR))


def _wait_for_peer(t: Thread, file: OpenFile, flags: int) -> int:
    """fifo(7): an open waits for the other end, unless O_NONBLOCK or O_RDWR."""
    end = file.file
    assert isinstance(end, PipeEnd)
    pipe = end.pipe
    others = pipe.writers if end.is_reader else pipe.readers
    if others or flags & O_NONBLOCK:
        return t.fds.add(file, bool(flags & O_CLOEXEC), t.process.limits.soft(Resource.NOFILE))
    seen = pipe.opened_w if end.is_reader else pipe.opened_r
    return t.block(f"the other end of {file.path}", end.wait_queues(), state=(file, seen))


def _resume_fifo(t: Thread, flags: int) -> int:
    """An open that waited for the other end of a FIFO goes on."""
    waiting: tuple[Any, int] = t.wait_state
    file, seen = waiting
    end: PipeEnd = file.file
    opened = end.pipe.opened_w if end.is_reader else end.pipe.opened_r
    if opened != seen:
        return t.fds.add(file, bool(flags & O_CLOEXEC), t.process.limits.soft(Resource.NOFILE))
    if t.resumed == WaitOutcome.SIGNAL:
        file.drop()
        raise LinuxError(Errno.ERESTARTSYS)
    return t.block(f"the other end of {file.path}", end.wait_queues(), state=(file, seen))


# -- the calls -----------------------------------------------------------------------------------


def sys_openat(t: Thread, dirfd: int, path: int, flags: int, mode: int) -> int:
    """openat(2)."""
    return do_open(t, dirfd, path, generic_flags(t.arch.name, as_uint32(flags)), mode)


def sys_open(t: Thread, path: int, flags: int, mode: int) -> int:
    """open(2)."""
    return sys_openat(t, AT_FDCWD, path, flags, mode)


def sys_creat(t: Thread, path: int, mode: int) -> int:
    """creat(2)."""
    return do_open(t, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode)


def sys_openat2(t: Thread, dirfd: int, path: int, how: int, size: int) -> int:
    """openat2(2): strict about flags, and the walk can be confined."""
    if size < _OPEN_HOW_BYTES:
        raise LinuxError(Errno.EINVAL)
    if size > 4096:
        raise LinuxError(Errno.E2BIG)
    raw = t.mem.read(how, size)
    if any(raw[_OPEN_HOW_BYTES:]):
        raise LinuxError(Errno.E2BIG)
    raw_flags, mode, resolve = struct.unpack_from("<3Q", raw)
    if raw_flags >> 32:
        raise LinuxError(Errno.EINVAL)
    flags = generic_flags(t.arch.name, raw_flags)
    if flags & ~_VALID or mode & ~0o7777 or resolve & ~0x3F:
        raise LinuxError(Errno.EINVAL)
    if mode and not flags & (O_CREAT | _TMPFILE_BIT):
        raise LinuxError(Errno.EINVAL)
    if resolve & RESOLVE_BENEATH and resolve & RESOLVE_IN_ROOT:
        raise LinuxError(Errno.EINVAL)
    if flags & O_PATH and flags & ~(_PATH_KEPT | O_CLOEXEC):
        raise LinuxError(Errno.EINVAL)
    if resolve & RESOLVE_CACHED and flags & (O_TRUNC | O_CREAT | O_TMPFILE):
        raise LinuxError(Errno.EAGAIN)
    return do_open(t, dirfd, path, flags, mode, resolve)


CALLS: dict[str, Handler] = {
    "open": sys_open,
    "openat": sys_openat,
    "openat2": sys_openat2,
    "creat": sys_creat,
}
