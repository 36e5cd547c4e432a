"""Messages over sockets: send(2), recv(2), sendmsg(2), recvmsg(2).

Source: Linux net/socket.c, net/unix/af_unix.c, net/core/{scm,sock}.c; cmsg(3), socket(7).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_uint32
from kernel.plugins.starry.api.iovec import IoVec, fetch, import_iovec, store, total_bytes
from kernel.plugins.starry.api.socket import (
    find_socket,
    pack_name,
    read_address,
    socket_of,
    store_address,
    unix_name,
)
from kernel.plugins.starry.api.transfer import SIGPIPE, signal_self
from kernel.plugins.starry.core.file import OpenFile, WouldBlock
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.skb import Message, drop_files
from kernel.plugins.starry.core.socket import Socket

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

MSG_OOB, MSG_PEEK, MSG_CTRUNC, MSG_TRUNC = 0x1, 0x2, 0x8, 0x20
MSG_DONTWAIT, MSG_WAITALL, MSG_NOSIGNAL = 0x40, 0x100, 0x4000
MSG_CMSG_CLOEXEC: Final = 0x4000_0000
_MSGHDR: Final = struct.Struct("<QI4xQQQQi4x")  # name, its size, iov, count, control, size, flags
_CMSG: Final = struct.Struct("<Qii")
_SOL_SOCKET, _SCM_RIGHTS, _SCM_CREDENTIALS = 1, 1, 2
_MAX_FILES: Final = 253
_MAX_CONTROL: Final = 1 << 20
_SNDTIMEO, _RCVTIMEO, _PASSCRED = 21, 20, 16


@dataclass(slots=True)
class _Header:
    """A struct msghdr."""

    name: int
    name_size: int
    pieces: IoVec
    control: int
    control_size: int


def _header(t: Thread, va: int) -> _Header:
    name, name_size, iov, count, control, size, _ = _MSGHDR.unpack(t.mem.read(va, _MSGHDR.size))
    if count > 1024:
        raise LinuxError(Errno.EMSGSIZE)
    return _Header(name, name_size, import_iovec(t, iov, count), control, size)


def _one(t: Thread, va: int, size: int) -> IoVec:
    return [(va, min(size, 0x7FFF_F000))]


def _wait(t: Thread, file: OpenFile, sock: Socket, flags: int, option: int, done: int) -> int:
    """Block, or give up: O_NONBLOCK, MSG_DONTWAIT, a time limit, a signal.

    Raises:
        LinuxError: EAGAIN, EINTR, ERESTARTSYS.
    """
    limit_ns = sock.options.get(option, 0)
    if file.is_nonblocking or flags & MSG_DONTWAIT or t.resumed is WaitOutcome.TIMEOUT:
        if done:
            return done
        raise LinuxError(Errno.EAGAIN)
    if t.resumed is WaitOutcome.SIGNAL:
        if done:
            return done
        raise LinuxError(Errno.EINTR if limit_ns else Errno.ERESTARTSYS)
    deadline = t.kernel.events.time_ns + limit_ns if limit_ns else None
    why = "input from" if option == _RCVTIMEO else "room in"
    return t.block(f"{why} {file.path}", sock.wait_queues(), deadline, state=done)


# -- sending -------------------------------------------------------------------------------------


def _control_files(t: Thread, header: _Header) -> tuple[OpenFile, ...]:
    """The files of SCM_RIGHTS messages, one more reference each.

    Raises:
        LinuxError: EINVAL, EBADF.
    """
    raw = t.mem.read(header.control, min(header.control_size, _MAX_CONTROL))
    at = 0
    files: list[OpenFile] = []
    while at + _CMSG.size <= len(raw):
        size, level, kind = _CMSG.unpack_from(raw, at)
        if size < _CMSG.size or at + size > len(raw):
            raise LinuxError(Errno.EINVAL)
        if level == _SOL_SOCKET and kind == _SCM_RIGHTS:
            count = (size - _CMSG.size) // 4
            files += [t.fds.get_any(fd) for fd in struct.unpack_from(f"<{count}i", raw, at + 16)]
        elif level == _SOL_SOCKET and kind != _SCM_CREDENTIALS:
            raise LinuxError(Errno.EINVAL)
        at += size + 7 & ~7
    if len(files) > _MAX_FILES:
        raise LinuxError(Errno.EINVAL)
    return tuple(file.share() for file in files)


def _send(t: Thread, fd: int, header: _Header, flags: int) -> int:
    file, sock = socket_of(t, fd)
    done = t.wait_state or 0 if t.resumed else 0
    other: Socket | None = None
    if flags & MSG_OOB:
        raise LinuxError(Errno.EOPNOTSUPP)
    if header.name and header.name_size:
        if sock.needs_connection:
            raise LinuxError(Errno.EISCONN if sock.was_connected else Errno.EOPNOTSUPP)
        name = unix_name(*read_address(t, header.name, header.name_size))
        other = find_socket(t, name, sock.kind_number)
        if other.peer is not None and other.peer is not sock:
            raise LinuxError(Errno.EPERM)
    total = total_bytes(header.pieces)
    files = () if done or not header.control_size else _control_files(t, header)
    try:
        while True:
            data = fetch(t, header.pieces, done, min(total - done, 256 << 10)) if total else b""
            done += sock.send(data, files, other)
            files = ()
            if done >= total or not sock.is_stream:
                return done
    except WouldBlock:
        for held in files:
            held.drop()
        return _wait(t, file, sock, flags, _SNDTIMEO, done)
    except LinuxError as error:
        for held in files:
            held.drop()
        if done:
            return done
        if error.errno == Errno.EPIPE and sock.is_stream and not flags & MSG_NOSIGNAL:
            signal_self(t, SIGPIPE)
        raise


def sys_sendto(
    t: Thread, fd: int, buf: int, size: int, flags: int, address: int, address_size: int
) -> int:
    """sendto(2), and with it send(2)."""
    name_size = address_size if address else 0
    return _send(t, fd, _Header(address, name_size, _one(t, buf, size), 0, 0), as_uint32(flags))


def sys_sendmsg(t: Thread, fd: int, message: int, flags: int) -> int:
    """sendmsg(2): open files may go along."""
    socket_of(t, fd)
    return _send(t, fd, _header(t, message), as_uint32(flags))


# -- receiving -----------------------------------------------------------------------------------


def _receive(
    t: Thread, fd: int, pieces: IoVec, flags: int
) -> tuple[int, Message | None, int] | int:
    """Take bytes into user memory.

    Returns:
        (bytes, the message they are from, MSG_ flags); or what `Thread.block` gives.
    """
    file, sock = socket_of(t, fd)
    done = t.wait_state or 0 if t.resumed else 0
    if flags & MSG_OOB:
        raise LinuxError(Errno.EOPNOTSUPP if not sock.is_stream else Errno.EINVAL)
    room = total_bytes(pieces)
    size_before = sock.rx[0].size if sock.rx else 0
    try:
        data, message = sock.receive(room - done, peek=bool(flags & MSG_PEEK))
    except WouldBlock:
        waited = _wait(t, file, sock, flags, _RCVTIMEO, done)
        return waited if waited != done or not done else (done, None, 0)
    got = store(t, pieces, done, data) if data else 0
    done += got
    if message is None:
        return done, None, 0
    if sock.is_stream:
        if flags & MSG_WAITALL and done < room and not flags & MSG_PEEK and not message.files:
            if sock.rx or sock.shut & 1:
                more = _again(t, sock, pieces, done)
                return done + more, message, 0
            waited = _wait(t, file, sock, flags, _RCVTIMEO, done)
            return (done, message, 0) if waited == done else waited
        return done, message, 0
    if size_before > room:
        return (size_before if flags & MSG_TRUNC else done), message, MSG_TRUNC
    return done, message, 0


def _again(t: Thread, sock: Socket, pieces: IoVec, done: int) -> int:
    """More of a stream for MSG_WAITALL: what is there already."""
    data, _ = sock.receive(total_bytes(pieces) - done)
    return store(t, pieces, done, data) if data else 0


def sys_recvfrom(
    t: Thread, fd: int, buf: int, size: int, flags: int, address: int, address_size: int
) -> int:
    """recvfrom(2), and with it recv(2)."""
    flags = as_uint32(flags)
    found = _receive(t, fd, _one(t, buf, size), flags)
    if isinstance(found, int):
        return found
    done, message, _ = found
    if message is not None and not flags & MSG_PEEK:
        drop_files(message)
    if address:
        if message is not None and message.name:
            store_address(t, message.name, address, address_size)
        else:
            t.mem.write_u32(address_size, 0)
    return done


def _install_files(t: Thread, message: Message, room: int, flags: int) -> tuple[bytes, int]:
    """Descriptors for the files of a message: the control message, and MSG_CTRUNC if some are lost.

    Linux closes those that find no room.
    """
    fit = max(0, (room - _CMSG.size) // 4)
    files, message.files = message.files, ()
    numbers: list[int] = []
    lost = False
    for file in files:
        if len(numbers) >= fit or lost:
            lost = True
            file.drop()
            continue
        try:
            limit = t.process.limits.soft(Resource.NOFILE)
            numbers.append(t.fds.add(file, bool(flags & MSG_CMSG_CLOEXEC), limit))
        except LinuxError:
            lost = True
    if not numbers:
        return b"", MSG_CTRUNC if lost else 0
    size = _CMSG.size + 4 * len(numbers)
    body = struct.pack(f"<{len(numbers)}i", *numbers)
    raw = _CMSG.pack(size, _SOL_SOCKET, _SCM_RIGHTS) + body
    padded = raw.ljust(min(size + 7 & ~7, room), b"\0")
    return padded, MSG_CTRUNC if lost else 0


def sys_recvmsg(t: Thread, fd: int, va: int, flags: int) -> int:
    """recvmsg(2): with the sender's ids (SO_PASSCRED) and files."""
    flags = as_uint32(flags)
    _, sock = socket_of(t, fd)
    header = _header(t, va)
    found = _receive(t, fd, header.pieces, flags)
    if isinstance(found, int):
        return found
    done, message, out_flags = found
    control = b""
    if message is not None:
        if sock.options.get(_PASSCRED) and header.control_size >= _CMSG.size + 12:
            ids = struct.pack("<3i", *message.ids)
            control = (_CMSG.pack(28, _SOL_SOCKET, _SCM_CREDENTIALS) + ids).ljust(32, b"\0")
        if message.files and not flags & MSG_PEEK:
            more, cut = _install_files(t, message, header.control_size - len(control), flags)
            control += more
            out_flags |= cut
    if control:
        t.mem.write(header.control, control)
    name_size = 0
    if header.name and message is not None and message.name:
        raw = pack_name(message.name)
        t.mem.write(header.name, raw[: header.name_size])
        name_size = len(raw)
    t.mem.write_u32(va + 8, name_size)
    t.mem.write_u64(va + 40, len(control))
    t.mem.write_u32(va + 48, out_flags | flags & MSG_CMSG_CLOEXEC)
    return done


def _many(
    t: Thread, fd: int, vector: int, count: int, flags: int, call: Handler, stops: bool
) -> int:
    """Sendmmsg and recvmmsg: one after the other until one would wait or fails."""
    total = min(as_uint32(count), 1024)
    done = 0
    while done < total:
        va = vector + 64 * done
        try:
            got = call(t, fd, va, flags | MSG_DONTWAIT if done and stops else flags)
        except LinuxError:
            if done:
                break
            raise
        if got < 0:
            return got
        t.mem.write_u32(va + 56, got)
        done += 1
    return done


def sys_sendmmsg(t: Thread, fd: int, vector: int, count: int, flags: int) -> int:
    """sendmmsg(2)."""
    return _many(t, fd, vector, count, as_uint32(flags), sys_sendmsg, stops=True)


def sys_recvmmsg(t: Thread, fd: int, vector: int, count: int, flags: int, timeout: int) -> int:
    """recvmmsg(2): gives what is there once one message has come; the timeout is not looked at."""
    return _many(t, fd, vector, count, as_uint32(flags), sys_recvmsg, stops=True)


CALLS: dict[str, Handler] = {
    "sendto": sys_sendto,
    "recvfrom": sys_recvfrom,
    "sendmsg": sys_sendmsg,
    "recvmsg": sys_recvmsg,
    "sendmmsg": sys_sendmmsg,
    "recvmmsg": sys_recvmmsg,
}
