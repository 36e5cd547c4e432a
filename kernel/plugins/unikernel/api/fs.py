"""Files. Source: ArceOS api/arceos_posix_api/src/imp/{fs,fd_ops}.rs; arceos_api's fs group.

Descriptors are of the one namespace, so every thread has the same. Failures are negative error
numbers, as in arceos_posix_api.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel.crates.errno import Errno, LinuxError, ProgramPanic
from kernel.crates.event import EventKind
from kernel.crates.vfs import ROOT_USER, VfsNode, VfsNodeType, decode_name
from kernel.plugins.unikernel.api.stdio import read_console, write_console
from kernel.plugins.unikernel.core.files import (
    O_APPEND,
    O_CREAT,
    O_EXCL,
    O_TRUNC,
    CurrentDir,
    FileTable,
    OpenFile,
)

if TYPE_CHECKING:
    from kernel.plugins.unikernel.core.thread import AppThread

_SIGN_BIT = 1 << 63


def _files(t: AppThread) -> FileTable:
    return t.ns.get("FD_TABLE")


def _cwd(t: AppThread) -> CurrentDir:
    return t.ns.get("CURRENT_DIR")


def _file(t: AppThread, fd: int) -> OpenFile:
    return _files(t).get(fd & 0xFFFF_FFFF)


def ax_open(t: AppThread, path: int, flags: int) -> int:
    """Open a file, making it with O_CREAT; a descriptor."""
    name = decode_name(t.mem.read_cstr(path))
    fs, cwd = t.form.kernel.fs, _cwd(t)
    place = fs.parent_of(name, cwd.node, who=ROOT_USER)
    found: VfsNode | None = fs.child(place)
    if found is not None and flags & O_CREAT and flags & O_EXCL:
        raise LinuxError(Errno.EEXIST)
    if found is None and not flags & O_CREAT:
        raise LinuxError(Errno.ENOENT)
    node: VfsNode
    if found is None:
        node = place.dir.create(place.name, VfsNodeType.FILE, 0o644, ROOT_USER)
        t.form.events.emit(EventKind.FS_CHANGE, "create", name)
    elif found.attr.kind is VfsNodeType.SYMLINK:
        node = fs.lookup(name, cwd.node)
    else:
        node = found
    file = OpenFile(name, flags & 0xFFFF_FFFF, node)
    if node.is_dir and file.is_writable:
        raise LinuxError(Errno.EISDIR)
    fd = _files(t).add(file)
    if flags & O_TRUNC and file.is_writable and not node.is_dir:
        node.truncate(0)
    return fd


def ax_close(t: AppThread, fd: int) -> int:
    """Close a descriptor."""
    _files(t).close(fd & 0xFFFF_FFFF)
    return 0


def ax_read(t: AppThread, fd: int, buffer: int, size: int) -> int:
    """Read from a file or the console; how many bytes, 0 at the end."""
    file = _file(t, fd)
    if not file.is_readable:
        raise LinuxError(Errno.EBADF, "not open for reading")
    if file.node is None:
        return read_console(t, buffer, size)
    if size > t.form.kernel.ram.size_bytes:
        raise ProgramPanic(f"ax_read was asked for {size} bytes, more than there is memory")
    data = file.node.read_at(file.offset, size)
    t.mem.write(buffer, data)
    t.form.events.emit(EventKind.FILE_READ, file.path, file.offset, len(data))
    file.offset += len(data)
    return len(data)


def ax_write(t: AppThread, fd: int, data: int, size: int) -> int:
    """Write to a file or the console; how many bytes."""
    file = _file(t, fd)
    if not file.is_writable:
        raise LinuxError(Errno.EBADF, "not open for writing")
    if size > t.form.kernel.ram.size_bytes:
        raise ProgramPanic(f"ax_write was given {size} bytes, more than there is memory")
    contents = t.mem.read(data, size)
    if file.node is None:
        return write_console(t, contents, file.stream)
    if file.flags & O_APPEND:
        file.offset = file.node.get_attr().size_bytes
    written = file.node.write_at(file.offset, contents) if contents else 0
    t.form.events.emit(EventKind.FILE_WRITE, file.path, file.offset, written)
    file.offset += written
    return written


def ax_lseek(t: AppThread, fd: int, offset: int, whence: int) -> int:
    """Move a file's position; the new one."""
    file = _file(t, fd)
    if file.node is None:
        raise LinuxError(Errno.ESPIPE)
    base = {0: 0, 1: file.offset, 2: file.node.get_attr().size_bytes}.get(whence & 0xFFFF_FFFF)
    position = -1 if base is None else base + offset - ((offset & _SIGN_BIT) << 1)
    if position < 0:
        raise LinuxError(Errno.EINVAL)
    file.offset = position
    return position


def ax_mkdir(t: AppThread, path: int) -> int:
    """Make a directory."""
    name = decode_name(t.mem.read_cstr(path))
    fs = t.form.kernel.fs
    place = fs.parent_of(name, _cwd(t).node, who=ROOT_USER)
    if fs.entry(place) is not None:
        raise LinuxError(Errno.EEXIST)
    place.dir.create(place.name, VfsNodeType.DIR, 0o755, ROOT_USER)
    t.form.events.emit(EventKind.FS_CHANGE, "mkdir", name)
    return 0


def ax_remove(t: AppThread, path: int) -> int:
    """Take a file's or an empty directory's name away."""
    name = decode_name(t.mem.read_cstr(path))
    fs = t.form.kernel.fs
    place = fs.parent_of(name, _cwd(t).node, who=ROOT_USER)
    node: Any = fs.entry(place)
    if node is None:
        raise LinuxError(Errno.ENOENT)
    if place.name in ("", ".", "..") or fs.is_mount_point(node):
        raise LinuxError(Errno.EBUSY)
    if node.is_dir and not node.is_empty():
        raise LinuxError(Errno.ENOTEMPTY)
    place.dir.remove(place.name)
    t.form.events.emit(EventKind.FS_CHANGE, "remove", name)
    return 0


def ax_chdir(t: AppThread, path: int) -> int:
    """Change the current directory: that of all threads."""
    cwd = _cwd(t)
    node = t.form.kernel.fs.lookup(decode_name(t.mem.read_cstr(path)), cwd.node)
    if not node.is_dir:
        raise LinuxError(Errno.ENOTDIR)
    cwd.node = node
    return 0


def ax_getcwd(t: AppThread, buffer: int, size: int) -> int:
    """Write the current directory's path; its length without the NUL."""
    path = _cwd(t).path.encode()
    if size <= len(path):
        raise LinuxError(Errno.ERANGE)
    t.mem.write(buffer, path + b"\0")
    return len(path)


CALLS = {
    "ax_open": ax_open,
    "ax_close": ax_close,
    "ax_read": ax_read,
    "ax_write": ax_write,
    "ax_lseek": ax_lseek,
    "ax_mkdir": ax_mkdir,
    "ax_remove": ax_remove,
    "ax_chdir": ax_chdir,
    "ax_getcwd": ax_getcwd,
}
