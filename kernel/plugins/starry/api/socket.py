"""Sockets of the UNIX domain: socket(2), socketpair(2), bind(2), listen(2), connect(2), accept(2).

Source: Linux net/socket.c, net/unix/af_unix.c, whose order of checks these follow; unix(7).
Differs from Linux: there is no network; other families are EAFNOSUPPORT.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import Access, VfsNodeType, decode_name
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.api.paths import (
    credentials,
    require,
    require_writable_dir,
)
from kernel.plugins.starry.core.file import O_CLOEXEC, O_NONBLOCK, O_RDWR, OpenFile
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.socket import (
    AF_UNIX,
    SHUT_RD,
    SHUT_WR,
    SOCK_DGRAM,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    Socket,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_TYPES: Final = (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET)
_SOCK_RAW: Final = 3
_ADDRESS_BYTES: Final = 110
_STORAGE_BYTES: Final = 128
_FAMILIES: Final = 46
_SOMAXCONN: Final = 4096


def ids_of(t: Thread) -> tuple[int, int, int]:
    """(pid, uid, gid) of the caller, as SO_PEERCRED tells them."""
    who = identity_of(t.process)
    return t.process.pid, who.euid, who.egid


def socket_of(t: Thread, fd: int) -> tuple[OpenFile, Socket]:
    """The socket behind a descriptor.

    Raises:
        LinuxError: EBADF, ENOTSOCK.
    """
    file = t.fds.get(as_int32(fd))
    if not isinstance(file.file, Socket):
        raise LinuxError(Errno.ENOTSOCK)
    return file, file.file


def install(t: Thread, sock: Socket, flags: int) -> int:
    """Give a socket a descriptor; SOCK_CLOEXEC and SOCK_NONBLOCK are O_ flags."""
    name = f"socket:[{sock.attr.ino}]"
    file = OpenFile(t.kernel.alloc, sock, O_RDWR | flags & O_NONBLOCK, name)
    return t.fds.add(file, bool(flags & O_CLOEXEC), t.process.limits.soft(Resource.NOFILE))


def _new(t: Thread, family: int, kind: int, protocol: int) -> tuple[int, int]:
    """Check the arguments of socket and socketpair; type and flags.

    Raises:
        LinuxError: EINVAL, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT.
    """
    family, kind, protocol = as_int32(family), as_int32(kind), as_int32(protocol)
    flags = kind & ~0xF
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        raise LinuxError(Errno.EINVAL)
    kind &= 0xF
    if not 0 <= family < _FAMILIES:
        raise LinuxError(Errno.EAFNOSUPPORT)
    if kind > 10:
        raise LinuxError(Errno.EINVAL)
    if family != AF_UNIX:
        raise LinuxError(Errno.EAFNOSUPPORT)
    if protocol not in (0, AF_UNIX):
        raise LinuxError(Errno.EPROTONOSUPPORT)
    if kind == _SOCK_RAW:
        kind = SOCK_DGRAM
    if kind not in _TYPES:
        raise LinuxError(Errno.ESOCKTNOSUPPORT)
    return kind, flags


def sys_socket(t: Thread, family: int, kind: int, protocol: int) -> int:
    """socket(2)."""
    number, flags = _new(t, family, kind, protocol)
    return install(t, Socket(t.kernel, number, ids_of(t)), flags)


def sys_socketpair(t: Thread, family: int, kind: int, protocol: int, pair: int) -> int:
    """socketpair(2)."""
    number, flags = _new(t, family, kind, protocol)
    t.mem.write(pair, bytes(8))
    left, right = (Socket(t.kernel, number, ids_of(t)) for _ in range(2))
    left.pair_with(right)
    first = install(t, left, flags)
    try:
        second = install(t, right, flags)
    except LinuxError:
        t.fds.close(first)
        raise
    t.mem.write(pair, struct.pack("<2i", first, second))
    return 0


# -- addresses -----------------------------------------------------------------------------------


def read_address(t: Thread, va: int, size: int) -> tuple[int, bytes]:
    """(family, the rest) of a socket address.

    Raises:
        LinuxError: EINVAL, EFAULT.
    """
    length = as_int32(size)
    if not 0 <= length <= _STORAGE_BYTES:
        raise LinuxError(Errno.EINVAL)
    raw = t.mem.read(va, length)
    return (int.from_bytes(raw[:2], "little") if length >= 2 else -1), raw[2:]


def unix_name(family: int, rest: bytes) -> bytes:
    """The name in an address: a path without NUL, or an abstract name with its leading NUL.

    Raises:
        LinuxError: EINVAL.
    """
    if family != AF_UNIX or not 0 < len(rest) <= _ADDRESS_BYTES - 2:
        raise LinuxError(Errno.EINVAL)
    return rest if rest[0] == 0 else rest.split(b"\0", 1)[0]


def pack_name(name: bytes) -> bytes:
    """The sockaddr_un of a name; only the family for none."""
    text = name if not name or name[0] == 0 else name + b"\0"
    return struct.pack("<H", AF_UNIX) + text


def store_address(t: Thread, name: bytes, va: int, size_va: int) -> None:
    """Write an address as far as there is room, and how long it is.

    Raises:
        LinuxError: EINVAL: negative room; EFAULT.
    """
    raw = pack_name(name)
    room = as_int32(t.mem.read_u32(size_va))
    if room < 0:
        raise LinuxError(Errno.EINVAL)
    t.mem.write(va, raw[:room])
    t.mem.write_u32(size_va, len(raw))


def find_socket(t: Thread, name: bytes, kind: int) -> Socket:
    """The socket that has a name.

    Raises:
        LinuxError: ECONNREFUSED: nobody; EPROTOTYPE: of another type; ENOENT, EACCES ...
    """
    if name[0] == 0:
        found = t.starry.socket_names.get(name)
    else:
        who = credentials(t)
        node = t.kernel.fs.lookup(decode_name(name), t.fs.cwd, who=who)
        require(node.get_attr(), Access.WRITE, who)
        found = node.attached if node.attr.kind is VfsNodeType.SOCKET else None
    if not isinstance(found, Socket):
        raise LinuxError(Errno.ECONNREFUSED)
    if found.kind_number != kind:
        raise LinuxError(Errno.EPROTOTYPE)
    return found


def sys_bind(t: Thread, fd: int, address: int, size: int) -> int:
    """bind(2): makes a file of kind socket, or takes an abstract name."""
    _, sock = socket_of(t, fd)
    family, rest = read_address(t, address, size)
    if family == AF_UNIX and not rest:
        return 0 if sock.name else _bind_any(t, sock)
    name = unix_name(family, rest)
    if name[0] == 0:
        if sock.name:
            raise LinuxError(Errno.EINVAL)
        if name in t.starry.socket_names:
            raise LinuxError(Errno.EADDRINUSE)
        t.starry.socket_names[name] = sock
        sock.name = name
        return 0
    who = credentials(t)
    place = t.kernel.fs.parent_of(decode_name(name), t.fs.cwd, who=who)
    if place.name in ("", ".", "..") or t.kernel.fs.entry(place) is not None:
        raise LinuxError(Errno.EADDRINUSE)
    if sock.name:
        raise LinuxError(Errno.EINVAL)
    require_writable_dir(place.dir, who)
    node = place.dir.create(place.name, VfsNodeType.SOCKET, 0o777 & ~t.fs.umask, who)
    node.attached = sock
    sock.node, sock.name = node, name
    return 0


def _bind_any(t: Thread, sock: Socket) -> int:
    """An abstract name of five hex digits that nobody has."""
    number = sock.attr.ino
    while (name := b"\0%05x" % (number & 0xFFFFF)) in t.starry.socket_names:
        number += 1
    t.starry.socket_names[name] = sock
    sock.name = name
    return 0


def sys_getsockname(t: Thread, fd: int, address: int, size: int) -> int:
    """getsockname(2)."""
    _, sock = socket_of(t, fd)
    store_address(t, sock.name, address, size)
    return 0


def sys_getpeername(t: Thread, fd: int, address: int, size: int) -> int:
    """getpeername(2)."""
    _, sock = socket_of(t, fd)
    if sock.peer is None:
        raise LinuxError(Errno.ENOTCONN)
    store_address(t, sock.peer.name, address, size)
    return 0


# -- connections ---------------------------------------------------------------------------------


def sys_listen(t: Thread, fd: int, backlog: int) -> int:
    """listen(2)."""
    _, sock = socket_of(t, fd)
    if not sock.needs_connection:
        raise LinuxError(Errno.EOPNOTSUPP)
    if not sock.name or sock.was_connected:
        raise LinuxError(Errno.EINVAL)
    if sock.backlog is None:
        sock.backlog = deque()
    sock.limit = min(as_uint32(backlog), _SOMAXCONN)
    sock.ids = ids_of(t)
    sock.queue.notify_all("listen")
    return 0


def sys_connect(t: Thread, fd: int, address: int, size: int) -> int:
    """connect(2): waits while the listener's queue is full."""
    file, sock = socket_of(t, fd)
    family, rest = read_address(t, address, size)
    if not sock.needs_connection:
        return _aim(t, sock, family, rest)
    listener = find_socket(t, unix_name(family, rest), sock.kind_number)
    if listener.backlog is None or listener.shut & SHUT_RD:
        raise LinuxError(Errno.ECONNREFUSED)
    if sock.backlog is not None:
        raise LinuxError(Errno.EINVAL)
    if sock.was_connected:
        raise LinuxError(Errno.EISCONN)
    if len(listener.backlog) > listener.limit:
        if file.is_nonblocking:
            raise LinuxError(Errno.EAGAIN)
        if t.resumed is WaitOutcome.SIGNAL:
            raise LinuxError(Errno.ERESTARTSYS)
        return t.block("the listener's queue", (listener.queue,))
    server = Socket(t.kernel, sock.kind_number, listener.ids)
    server.name = listener.name
    sock.ids = ids_of(t)
    sock.pair_with(server)
    listener.backlog.append(server)
    listener.queue.notify_all("connection")
    sock.queue.notify_all("connected")
    return 0


def _aim(t: Thread, sock: Socket, family: int, rest: bytes) -> int:
    """Set, or with AF_UNSPEC forget, where datagrams go."""
    if family == 0:
        sock.peer = None
        return 0
    target = find_socket(t, unix_name(family, rest), sock.kind_number)
    if target.peer is not None and target.peer is not sock:
        raise LinuxError(Errno.EPERM)
    sock.peer = target
    return 0


def sys_accept4(t: Thread, fd: int, address: int, size: int, flags: int) -> int:
    """accept4(2)."""
    flags = as_uint32(flags)
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        raise LinuxError(Errno.EINVAL)
    file, sock = socket_of(t, fd)
    if not sock.needs_connection:
        raise LinuxError(Errno.EOPNOTSUPP)
    if sock.backlog is None:
        raise LinuxError(Errno.EINVAL)
    if not sock.backlog:
        if file.is_nonblocking:
            raise LinuxError(Errno.EAGAIN)
        if t.resumed is WaitOutcome.SIGNAL:
            raise LinuxError(Errno.ERESTARTSYS)
        if sock.shut & SHUT_RD:
            raise LinuxError(Errno.EINVAL)
        return t.block(f"a connection to {file.path}", (sock.queue,))
    found = sock.backlog.popleft()
    sock.queue.notify_all("accepted")
    fd_new = install(t, found, flags)
    if address:
        try:
            store_address(t, found.peer.name if found.peer else b"", address, size)
        except LinuxError:
            t.fds.close(fd_new)
            raise
    return fd_new


def sys_accept(t: Thread, fd: int, address: int, size: int) -> int:
    """accept(2)."""
    return sys_accept4(t, fd, address, size, 0)


def sys_shutdown(t: Thread, fd: int, how: int) -> int:
    """shutdown(2)."""
    _, sock = socket_of(t, fd)
    number = as_int32(how)
    if not 0 <= number <= 2:
        raise LinuxError(Errno.EINVAL)
    sock.shutdown((SHUT_RD, SHUT_WR, SHUT_RD | SHUT_WR)[number])
    return 0


CALLS: dict[str, Handler] = {
    "socket": sys_socket,
    "socketpair": sys_socketpair,
    "bind": sys_bind,
    "listen": sys_listen,
    "connect": sys_connect,
    "accept": sys_accept,
    "accept4": sys_accept4,
    "shutdown": sys_shutdown,
    "getsockname": sys_getsockname,
    "getpeername": sys_getpeername,
}
