"""Socket calls: socket(2), bind(2), send(2), recv(2); and extended attributes."""

from __future__ import annotations

from arcetui.strace.call import Call, Spec
from arcetui.strace.calls.io import pipe_pair
from arcetui.strace.msghdr import msghdr
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
    return f"{text}|{flags(value & ~0xF, names.FLAGS, 'SOCK_???')}" if value & ~0xF else text


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
    if size == 2:
        return struct(name)  # the kernel's address of a socket without a name, or one cut short
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
    if call.args[1] & 0xFFFFFFFF == 6:
        return choice(value & 0xFFFFFFFF, names.TCP_OPTIONS, "TCP_???")
    return hexa(value & 0xFFFFFFFF)


def option_value(call: Call, value: int) -> str:
    """What getsockopt gave: a number, or a peer's credentials."""
    if (call.args[1] & 0xFFFFFFFF, call.args[2] & 0xFFFFFFFF) == (1, 17):
        got = call.unpack(value, "iII")
        return (
            addr(value)
            if got is None
            else struct(f"pid={got[0]}", f"uid={got[1]}", f"gid={got[2]}")
        )
    return indirect("i")(call, value)


def received(call: Call, value: int) -> str:
    """Recvfrom's data; with MSG_TRUNC the result may be larger than the buffer."""
    return call.buffer(value, min(call.result or 0, call.args[2]))


def changed_length(call: Call, value: int) -> str:
    """The length of an address: what the program gave, and what the kernel made of it."""
    if call.result is None or call.before is None or not value:
        return addr(value)
    now = call.unpack(value, "i")
    if call.failed or now is None or now[0] == call.before:
        return f"[{call.before}]"
    return f"[{call.before} => {now[0]}]"


def message_in(call: Call, value: int) -> str:
    """Sendmsg's structure."""
    return msghdr(call, value, sockaddr, received=False)


def message_out(call: Call, value: int) -> str:
    """Recvmsg's structure."""
    return msghdr(call, value, sockaddr, received=True)


SOCKET = (arg("domain", one_of(names.FAMILIES, "AF_???")), arg("type", kind))
LENGTH_IN = arg("addrlen", int32)
LENGTH_OUT = filled("addrlen", changed_length, even_failed=True)
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
        (
            FD,
            filled("addr", address_out),
            LENGTH_OUT,
            arg("flags", flag_set(names.FLAGS, "SOCK_???")),
        ),
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
            filled("buf", received),
            arg("len", uint64),
            MSG_FLAGS,
            filled("src_addr", receive_address),
            LENGTH_OUT,
        ),
        number,
    ),
    "sendmsg": Spec((FD, arg("msg", message_in), MSG_FLAGS), number),
    "recvmsg": Spec((FD, filled("msg", message_out), MSG_FLAGS), number),
    "setsockopt": Spec((FD, LEVEL, OPTION, arg("optval", indirect("i")), LENGTH_IN), number),
    "getsockopt": Spec(
        (FD, LEVEL, OPTION, filled("optval", option_value), filled("optlen", indirect("i"))), number
    ),
    "shutdown": Spec((FD, arg("how", one_of(names.SHUT, "SHUT_???"))), number),
}
