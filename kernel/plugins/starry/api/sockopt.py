"""Socket options: getsockopt(2), setsockopt(2).

Source: Linux net/core/sock.c (sk_setsockopt, sk_getsockopt); socket(7).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_int32
from kernel.plugins.starry.api.socket import socket_of
from kernel.plugins.starry.core.socket import AF_UNIX, BUFFER_BYTES, Socket

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_SOL_SOCKET: Final = 1
_REUSEADDR, _TYPE, _ERROR, _DONTROUTE, _BROADCAST, _SNDBUF, _RCVBUF = range(2, 9)
_KEEPALIVE, _OOBINLINE, _LINGER, _REUSEPORT = 9, 10, 13, 15
_PASSCRED, _PEERCRED, _RCVLOWAT, _RCVTIMEO, _SNDTIMEO = 16, 17, 18, 20, 21
_ACCEPTCONN, _PROTOCOL, _DOMAIN = 30, 38, 39
_SNDBUF_MIN: Final = 4608
_RCVBUF_MIN: Final = 2304
_FLAGS: Final = (
    _REUSEADDR, _DONTROUTE, _BROADCAST, _KEEPALIVE, _OOBINLINE, _REUSEPORT, _PASSCRED,
)  # fmt: skip
_TIMES: Final = (_RCVTIMEO, _SNDTIMEO)
_NS: Final = 1_000_000_000


def sys_setsockopt(t: Thread, fd: int, level: int, name: int, value: int, size: int) -> int:
    """setsockopt(2)."""
    _, sock = socket_of(t, fd)
    level, name, length = as_int32(level), as_int32(name), as_int32(size)
    if length < 0:
        raise LinuxError(Errno.EINVAL)
    if level != _SOL_SOCKET:
        raise LinuxError(Errno.EOPNOTSUPP)
    if length < 4:
        raise LinuxError(Errno.EINVAL)
    number = as_int32(t.mem.read_u32(value))
    if name in _TIMES:
        if length < 16:
            raise LinuxError(Errno.EINVAL)
        seconds, micros = struct.unpack("<2q", t.mem.read(value, 16))
        if not 0 <= micros < 1_000_000:
            raise LinuxError(Errno.EDOM)
        sock.options[name] = max(0, seconds) * _NS + micros * 1000
    elif name in (_SNDBUF, _RCVBUF):
        least = _SNDBUF_MIN if name == _SNDBUF else _RCVBUF_MIN
        sock.options[name] = max(min(number, BUFFER_BYTES) * 2, least)
    elif name == _LINGER:
        if length < 8:
            raise LinuxError(Errno.EINVAL)
        sock.options[name] = struct.unpack("<2i", t.mem.read(value, 8))
    elif name == _RCVLOWAT:
        sock.options[name] = number if number > 0 else 1
    elif name in _FLAGS:
        sock.options[name] = int(bool(number))
    else:
        raise LinuxError(Errno.ENOPROTOOPT)
    return 0


def _value(sock: Socket, name: int) -> bytes:
    """What an option is.

    Raises:
        LinuxError: ENOPROTOOPT.
    """
    if name in _TIMES:
        seconds, nanos = divmod(sock.options.get(name, 0), _NS)
        return struct.pack("<2q", seconds, nanos // 1000)
    if name == _LINGER:
        return struct.pack("<2i", *sock.options.get(name, (0, 0)))
    if name == _PEERCRED:
        return struct.pack("<3i", *sock.peer_ids)
    if name == _ERROR:
        error, sock.error = sock.error, 0
        return struct.pack("<i", error)
    fixed = {
        _TYPE: sock.kind_number,
        _ACCEPTCONN: int(sock.backlog is not None),
        _DOMAIN: AF_UNIX,
        _PROTOCOL: 0,
        _SNDBUF: sock.options.get(_SNDBUF, BUFFER_BYTES),
        _RCVBUF: sock.options.get(_RCVBUF, BUFFER_BYTES),
        _RCVLOWAT: sock.options.get(_RCVLOWAT, 1),
    }
    if name in fixed:
        return struct.pack("<i", fixed[name])
    if name in _FLAGS:
        return struct.pack("<i", sock.options.get(name, 0))
    raise LinuxError(Errno.ENOPROTOOPT)


def sys_getsockopt(t: Thread, fd: int, level: int, name: int, value: int, size_va: int) -> int:
    """getsockopt(2)."""
    _, sock = socket_of(t, fd)
    if as_int32(level) != _SOL_SOCKET:
        raise LinuxError(Errno.EOPNOTSUPP)
    room = as_int32(t.mem.read_u32(size_va))
    if room < 0:
        raise LinuxError(Errno.EINVAL)
    raw = _value(sock, as_int32(name))[:room]
    t.mem.write(value, raw)
    t.mem.write_u32(size_va, len(raw))
    return 0


CALLS: dict[str, Handler] = {"setsockopt": sys_setsockopt, "getsockopt": sys_getsockopt}
