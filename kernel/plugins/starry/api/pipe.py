"""pipe(2) and eventfd(2).

Source: Linux fs/pipe.c, fs/eventfd.c; starry-next api/src/imp/fs/pipe.rs.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_uint32
from kernel.plugins.starry.api.paths import wall_clock_ns
from kernel.plugins.starry.core.eventfd import EventFd
from kernel.plugins.starry.core.file import (
    O_CLOEXEC,
    O_DIRECT,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    OpenFile,
)
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.pipe import new_pipe

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

EFD_SEMAPHORE: Final = 1
_AARCH64_O_DIRECT: Final = 0o200000


def sys_pipe2(t: Thread, fds: int, flags: int) -> int:
    """pipe2(2). With O_DIRECT every write is a packet; only the writer keeps that flag."""
    flags = as_uint32(flags)
    direct = _AARCH64_O_DIRECT if t.arch.name == "aarch64" else O_DIRECT
    if flags & ~(O_CLOEXEC | O_NONBLOCK | direct):
        raise LinuxError(Errno.EINVAL)
    kernel, table = t.kernel, t.fds
    limit = t.process.limits.soft(Resource.NOFILE)
    reader, writer = new_pipe(kernel, kernel.fs.new_anon_ino(), wall_clock_ns(t))
    name = reader.pipe.name
    kept = flags & O_NONBLOCK
    if flags & direct:
        writer.packets = True
    cloexec = bool(flags & O_CLOEXEC)
    ends = (
        OpenFile(kernel.alloc, reader, O_RDONLY | kept, name),
        OpenFile(kernel.alloc, writer, O_WRONLY | kept | O_DIRECT * writer.packets, name),
    )
    try:
        first = table.add(ends[0], cloexec, limit)
    except LinuxError:
        ends[1].drop()
        raise
    try:
        second = table.add(ends[1], cloexec, limit)
    except LinuxError:
        table.close(first)
        raise
    try:
        t.mem.write(fds, struct.pack("<2i", first, second))
    except LinuxError:
        table.close(first)
        table.close(second)
        raise
    return 0


def sys_pipe(t: Thread, fds: int) -> int:
    """pipe(2)."""
    return sys_pipe2(t, fds, 0)


def sys_eventfd2(t: Thread, initial: int, flags: int) -> int:
    """eventfd2(2)."""
    flags = as_uint32(flags)
    if flags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE):
        raise LinuxError(Errno.EINVAL)
    kernel = t.kernel
    event = EventFd(
        kernel, kernel.fs.new_anon_ino(), as_uint32(initial), bool(flags & EFD_SEMAPHORE)
    )
    file = OpenFile(kernel.alloc, event, O_RDWR | flags & O_NONBLOCK, "anon_inode:[eventfd]")
    return t.fds.add(file, bool(flags & O_CLOEXEC), t.process.limits.soft(Resource.NOFILE))


def sys_eventfd(t: Thread, initial: int) -> int:
    """eventfd(2)."""
    return sys_eventfd2(t, initial, 0)


CALLS: dict[str, Handler] = {
    "pipe": sys_pipe,
    "pipe2": sys_pipe2,
    "eventfd": sys_eventfd,
    "eventfd2": sys_eventfd2,
}
