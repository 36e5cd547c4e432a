"""User buffers of read and write calls: one buffer, or the pieces of an iovec array.

Bytes are moved in chunks, so a huge count never makes the host allocate that much; a buffer that
is only partly mapped moves what it can, as Linux's iov_iter does.
Source: Linux lib/iov_iter.c `import_iovec`, fs/read_write.c (MAX_RW_COUNT), readv(2).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, TypeAlias

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.user_ptr import READ, WRITE

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

MAX_RW_COUNT: Final = 0x7FFF_F000
"""Bytes one call moves at most; a larger count is cut (read(2), Notes)."""
CHUNK_BYTES: Final = 256 << 10
"""Bytes moved through host memory at a time."""
IOV_MAX: Final = 1024
_SSIZE_MAX: Final = (1 << 63) - 1

IoVec: TypeAlias = "list[tuple[int, int]]"
"""Pieces of user memory: (address, length)."""


def check_range(t: Thread, va: int, size_bytes: int) -> None:
    """Linux's access_ok: the range lies in the user half; says nothing about mappings.

    Raises:
        LinuxError: EFAULT.
    """
    if va + size_bytes > t.starry.layout.end:
        raise LinuxError(Errno.EFAULT)


def one_buffer(t: Thread, va: int, count: int) -> IoVec:
    """The buffer of read(2) and write(2).

    Raises:
        LinuxError: EFAULT.
    """
    check_range(t, va, count)
    return [(va, min(count, MAX_RW_COUNT))]


def import_iovec(t: Thread, va: int, count: int) -> IoVec:
    """The pieces an iovec array in user memory describes.

    Raises:
        LinuxError: EINVAL: too many, or a length is negative; EFAULT.
    """
    if count > IOV_MAX:
        raise LinuxError(Errno.EINVAL)
    if not count:
        return []
    raw = t.mem.read(va, 16 * count)
    pieces: IoVec = []
    left = MAX_RW_COUNT
    for base, length in struct.iter_unpack("<QQ", raw):
        if length > _SSIZE_MAX:
            raise LinuxError(Errno.EINVAL)
        check_range(t, base, length)
        pieces.append((base, min(length, left)))
        left -= pieces[-1][1]
    return pieces


def total_bytes(pieces: IoVec) -> int:
    """Length of all pieces together."""
    if len(pieces) == 1:
        return pieces[0][1]
    return sum(length for _, length in pieces)


def _span(pieces: IoVec, skip: int, size_bytes: int) -> IoVec:
    """The pieces that bytes `skip <= i < skip + size_bytes` stand in."""
    found: IoVec = []
    for base, length in pieces:
        if skip >= length:
            skip -= length
            continue
        take = min(length - skip, size_bytes)
        if not take:
            break
        found.append((base + skip, take))
        size_bytes -= take
        skip = 0
    return found


def fetch(t: Thread, pieces: IoVec, skip: int, size_bytes: int) -> bytes:
    """Read user bytes from position `skip`; short where memory cannot be read.

    Raises:
        LinuxError: EFAULT: not even one byte.
    """
    mem = t.mem
    parts: list[bytes] = []
    for va, length in _span(pieces, skip, size_bytes):
        try:
            parts.append(mem.read(va, length))
        except (LinuxError, AxError):
            usable = mem.usable(va, length, READ)
            if not usable and not parts:
                raise LinuxError(Errno.EFAULT) from None
            parts.append(mem.read(va, usable))
            break
    return parts[0] if len(parts) == 1 else b"".join(parts)


def store(t: Thread, pieces: IoVec, skip: int, data: bytes) -> int:
    """Write to user memory at position `skip`; how many bytes reached it.

    Raises:
        LinuxError: EFAULT: not even one byte did.
    """
    mem = t.mem
    done = 0
    for va, length in _span(pieces, skip, len(data)):
        part = data if length == len(data) else data[done : done + length]
        try:
            mem.write(va, part)
        except (LinuxError, AxError):
            # What lies before the bad page is stored already.
            done += mem.usable(va, length, WRITE)
            if not done:
                raise LinuxError(Errno.EFAULT) from None
            break
        done += length
    return done
