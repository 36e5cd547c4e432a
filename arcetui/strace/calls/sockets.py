"""Socket calls: socket(2), bind(2), send(2), recv(2); and extended attributes."""

from __future__ import annotations

from arcetui.strace.call import Call, Spec
from arcetui.strace.calls.io import pipe_pair
from arcetui.strace.results import number
from arcetui.strace.scalars import (
    FD,
    PATH,
    arg,
    filled,
    flag_set,
    indirect,
    int32,
    one_of,
    pointer,
    read_buffer,
    sized_buffer,
    string,
    uint64,
)
from arcetui.strace.tables import files as file_names
from arcetui.strace.tables import sockets as names
from arcetui.strace.text import addr, choice, flags, hexa, quote, struct


def kind(_: Call, value: int) -> str:
    """A socket type with its flags."""
    value &= 0xFFFFFFFF
    text = choice(value & 0xF, names.KINDS, "SOCK_???")
    return f"{text}|{flags(value & ~0xF, names.FLAGS, '')}" if value & ~0xF else text


def protocol(call: Call, value: int) -> str:
    """The protocol: named for internet sockets."""
    if call.args[0] & 0xFFFFFFFF in {2, 10}:
        return choice(value & 0xFFFFFFFF, names.PROTOCOLS, "IPPROTO_???")
    return str(value & 0xFFFFFFFF)


def sockaddr(call: Call, va: int, size: int) -> str:
    """`struct sockaddr *` of `size` bytes."""
    data = call.read(va, min(size, 128)) if size >= 2 else None
    if data is None:
        return addr(va)
    family = int.from_bytes(data[:2], "little")
    name = f"sa_family={choice(family, names.FAMILIES, 'AF_???')}"
    if family == 1:
        path = data[2:].split(b"\0")[0]
        return struct(name, f"sun_path={quote(path)}" if path else f"sun_path=@{quote(data[3:])}")
    port = f"htons({int.from_bytes(data[2:4], 'big')})"
    if family == 2 and len(data) >= 8:
        ip = ".".join(map(str, data[4:8]))
        return struct(name, f"sin_port={port}", f'sin_addr=inet_addr("{ip}")')
    if family == 10 and len(data) >= 24:
        from ipaddress import IPv6Address

        return struct(
            name,
            f"sin6_port={port}",
            f"sin6_flowinfo=htonl({hexa(int.from_bytes(data[4:8], 'big'))})",
            f'inet_pton(AF_INET6, "{IPv6Address(data[8:24])}", &sin6_addr)',
            f"sin6_scope_id={int.from_bytes(data[24:28], 'little')}",
        )
    return struct(name, f"sa_data={quote(data[2:])}")


def address_in(call: Call, value: int) -> str:
    """An address the program gives; its length is the next argument."""
    return sockaddr(call, value, call.args[2] & 0xFFFFFFFF)


def address_out(call: Call, value: int) -> str:
    """An address the kernel gives; a pointer to its length is the next argument."""
    got = call.unpack(call.args[2], "I")
    return sockaddr(call, value, got[0]) if got else addr(value)


def send_address(call: Call, value: int) -> str:
    """Sendto's address."""
    return sockaddr(call, value, call.args[5] & 0xFFFFFFFF)


def receive_address(call: Call, value: int) -> str:
    """Recvfrom's address."""
    got = call.unpack(call.args[5], "I")
    return sockaddr(call, value, got[0]) if got else addr(value)


def option(call: Call, value: int) -> str:
    """A socket option of its level."""
    if call.args[1] & 0xFFFFFFFF == 1:
        return choice(value & 0xFFFFFFFF, names.OPTIONS, "SO_???")
    return hexa(value & 0xFFFFFFFF)


SOCKET = (arg("domain", one_of(names.FAMILIES, "AF_???")), arg("type", kind))
LENGTH_IN = arg("addrlen", int32)
LENGTH_OUT = filled("addrlen", indirect("i"))
MSG_FLAGS = arg("flags", flag_set(names.MSG, "MSG_???"))
LEVEL = arg("level", one_of(names.LEVELS, "SOL_???"))
OPTION = arg("optname", option)
NAME = arg("name", string)
XATTR_FLAGS = arg("flags", flag_set(file_names.XATTR, "XATTR_???"))


def _xattr() -> dict[str, Spec]:
    """The calls of one family of extended attributes; the kinds differ in their first argument."""
    out: dict[str, Spec] = {}
    for prefix, first in (("", PATH), ("l", PATH), ("f", FD)):
        value, size = filled("value", read_buffer), arg("size", uint64)
        out[f"{prefix}getxattr"] = Spec((first, NAME, value, size), number)
        out[f"{prefix}setxattr"] = Spec(
            (first, NAME, arg("value", sized_buffer(3)), size, XATTR_FLAGS), number
        )
        out[f"{prefix}listxattr"] = Spec((first, filled("list", read_buffer), size), number)
        out[f"{prefix}removexattr"] = Spec((first, NAME), number)
    return out


CALLS: dict[str, Spec] = {
    **_xattr(),
    "socket": Spec((*SOCKET, arg("protocol", protocol)), number),
    "socketpair": Spec((*SOCKET, arg("protocol", protocol), filled("sv", pipe_pair)), number),
    "bind": Spec((FD, arg("addr", address_in), LENGTH_IN), number),
    "connect": Spec((FD, arg("addr", address_in), LENGTH_IN), number),
    "listen": Spec((FD, arg("backlog", int32)), number),
    "accept": Spec((FD, filled("addr", address_out), LENGTH_OUT), number),
    "accept4": Spec(
        (FD, filled("addr", address_out), LENGTH_OUT, arg("flags", flag_set(names.FLAGS, ""))),
        number,
    ),
    "getsockname": Spec((FD, filled("addr", address_out), LENGTH_OUT), number),
    "getpeername": Spec((FD, filled("addr", address_out), LENGTH_OUT), number),
    "sendto": Spec(
        (
            FD,
            arg("buf", sized_buffer(2)),
            arg("len", uint64),
            MSG_FLAGS,
            arg("dest_addr", send_address),
            LENGTH_IN,
        ),
        number,
    ),
    "recvfrom": Spec(
        (
            FD,
            filled("buf", read_buffer),
            arg("len", uint64),
            MSG_FLAGS,
            filled("src_addr", receive_address),
            LENGTH_OUT,
        ),
        number,
    ),
    "sendmsg": Spec((FD, arg("msg", pointer), MSG_FLAGS), number),
    "recvmsg": Spec((FD, arg("msg", pointer), MSG_FLAGS), number),
    "setsockopt": Spec((FD, LEVEL, OPTION, arg("optval", indirect("i")), LENGTH_IN), number),
    "getsockopt": Spec((FD, LEVEL, OPTION, filled("optval", indirect("i")), LENGTH_OUT), number),
    "shutdown": Spec((FD, arg("how", one_of(names.SHUT, "SHUT_???"))), number),
}
