"""`struct msghdr` of sendmsg and recvmsg. Source: recvmsg(2), cmsg(3), strace's msghdr.c."""

from __future__ import annotations

from collections.abc import Callable

from arcetui.strace.call import Call
from arcetui.strace.tables import sockets as names
from arcetui.strace.text import addr, array, choice, flags, quote, struct

_HEADER = 16  # bytes of struct cmsghdr
_RIGHTS, _CREDENTIALS = 1, 2
_SOL_SOCKET = 1

#: show(call, address, length in bytes) -> an address of a socket
Address = Callable[[Call, int, int], str]


def msghdr(call: Call, value: int, address: Address, *, received: bool) -> str:
    """The whole structure.

    Args:
        call: The call it belongs to.
        value: Where it stands.
        address: Shows the peer's address.
        received: Whether the kernel filled it in: data is shown as far as the result goes.
    """
    got = call.unpack(value, "QI4xQQQQi")
    if got is None:
        return addr(value)
    name, name_size, vector, count, control, control_size, bits = got
    left = (call.result or 0) if received else 1 << 62
    fields = [
        f"msg_name={address(call, name, name_size) if name else 'NULL'}",
        f"msg_namelen={name_size}",
        f"msg_iov={_vector(call, vector, count, left)}",
        f"msg_iovlen={count}",
    ]
    if control_size:
        fields.append(f"msg_control={_control(call, control, control_size)}")
    fields.append(f"msg_controllen={control_size}")
    fields.append(f"msg_flags={flags(bits & 0xFFFFFFFF, names.MSG, 'MSG_???')}")
    return struct(*fields)


def _vector(call: Call, va: int, count: int, left: int) -> str:
    def one(data: bytes, _: int) -> str:
        nonlocal left
        base, size = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little")
        shown = min(size, max(left, 0))
        left -= shown
        return struct(f"iov_base={call.buffer(base, shown)}", f"iov_len={size}")

    return call.many(va, count, 16, one)


def _control(call: Call, va: int, size: int) -> str:
    """The control messages, one after the other at multiples of eight bytes."""
    data = call.read(va, min(size, 4096))
    if data is None:
        return addr(va)
    out: list[str] = []
    at = 0
    while at + _HEADER <= len(data) and len(out) < call.string_limit:
        length = int.from_bytes(data[at : at + 8], "little")
        level = int.from_bytes(data[at + 8 : at + 12], "little")
        kind = int.from_bytes(data[at + 12 : at + 16], "little")
        fields = [
            f"cmsg_len={length}",
            f"cmsg_level={choice(level, names.LEVELS, 'SOL_???')}",
            f"cmsg_type={_kind(level, kind)}",
        ]
        body = data[at + _HEADER : at + length]
        if length > _HEADER:
            fields.append(f"cmsg_data={_body(level, kind, body)}")
        out.append(struct(*fields))
        if length < _HEADER:
            break
        at += (length + 7) & ~7
    return array(out)


def _kind(level: int, kind: int) -> str:
    return choice(kind, names.SCM, "SCM_???") if level == _SOL_SOCKET else f"{kind:#x}"


def _body(level: int, kind: int, body: bytes) -> str:
    words = [int.from_bytes(body[i : i + 4], "little", signed=True) for i in range(0, len(body), 4)]
    if level == _SOL_SOCKET and kind == _RIGHTS:
        return array(map(str, words))
    if level == _SOL_SOCKET and kind == _CREDENTIALS and len(words) >= 3:
        return struct(f"pid={words[0]}", f"uid={words[1]}", f"gid={words[2]}")
    return quote(body)
