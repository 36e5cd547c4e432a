"""Calls that move data or wait for it: read(2), write(2), lseek(2), poll(2), ioctl(2), pipe(2)."""

from __future__ import annotations

from typing import cast

from arcetui.strace import structs
from arcetui.strace.call import Arg, Call, Decode, Spec
from arcetui.strace.results import number, poll, select
from arcetui.strace.scalars import (
    FD,
    arg,
    filled,
    flag_set,
    hex64,
    indirect,
    int32,
    int64,
    one_of,
    pointer,
    read_buffer,
    set_bits,
    signal_mask,
    sized_buffer,
    uint32,
    uint64,
)
from arcetui.strace.tables import files as file_names
from arcetui.strace.tables import terminal as tty_names
from arcetui.strace.text import addr, array, as_int32, choice, flags, hexa, lookup, struct

COUNT = arg("count", uint64)
OFFSET = arg("offset", int64)
TIMESPEC = arg("tmo_p", structs.timespec)


def pipe_pair(call: Call, value: int) -> str:
    """The two descriptors of a new pipe."""
    got = call.unpack(value, "ii")
    return addr(value) if got is None else array(map(str, got))


def fd_bits(call: Call, value: int) -> str:
    """A set of select: `[0 3]`."""
    count = min(max(as_int32(call.args[0]), 0), 1024 * 1024)
    data = call.read(value, (count + 63) // 64 * 8)
    if not data:
        return addr(value)
    return "[" + " ".join(map(str, set_bits(data, count))) + "]"


def mask_with_size(size_index: int) -> Decode:
    """A signal set whose size stands in another argument."""

    def decode(call: Call, value: int) -> str:
        return signal_mask(call, value, call.args[size_index])

    return decode


def pselect_mask(call: Call, value: int) -> str:
    """pselect6's last argument: a pointer to a set and its size."""
    got = call.unpack(value, "QQ")
    if got is None:
        return addr(value)
    return struct(f"sigmask={signal_mask(call, got[0], got[1])}", f"sigsetsize={got[1]}")


def epoll_event(call: Call, value: int) -> str:
    """`struct epoll_event *`; packed on x86_64 only."""
    got = call.unpack(value, "IQ" if call.arch == "x86_64" else "I4xQ")
    return addr(value) if got is None else epoll_event_text(*got)


def epoll_event_text(events: int, data: int) -> str:
    """`{events=EPOLLIN, data=0x3}`."""
    shown = f"data={{u32={data & 0xFFFFFFFF}, u64={data}}}"
    return struct(f"events={flags(events, file_names.EPOLL_EVENTS, 'EPOLL???')}", shown)


def epoll_events(call: Call, value: int) -> str:
    """The events epoll_wait gave."""
    size, split = (12, 4) if call.arch == "x86_64" else (16, 8)

    def one(data: bytes, _: int) -> str:
        return epoll_event_text(
            int.from_bytes(data[:4], "little"), int.from_bytes(data[split:], "little")
        )

    return call.many(value, call.result or 0, size, one)


# -- ioctl ------------------------------------------------------------------------------------


def termios(call: Call, value: int) -> str:
    """`struct termios *`, abbreviated."""
    got = call.unpack(value, "IIII20x")
    if got is None:
        return addr(value)
    iflag, oflag, cflag, lflag = got
    delays: list[str] = []
    for mask, names in tty_names.DELAYS:
        delays.append(lookup(oflag & mask, names))
        oflag &= ~mask
    rest = cflag & ~(0x100F | 0x100F0000 | 0x30)
    baud = [choice(cflag & 0x100F, tty_names.BAUD, "B???")]
    if cflag & 0x100F0000:
        baud.append(choice((cflag & 0x100F0000) >> 16, tty_names.BAUD, "B???") + "<<IBSHIFT")
    baud.append(lookup(cflag & 0x30, tty_names.CSIZE))
    return struct(
        f"c_iflag={flags(iflag, tty_names.IFLAG, '')}",
        "c_oflag=" + "|".join(delays + ([flags(oflag, tty_names.OFLAG, "")] if oflag else [])),
        "c_cflag=" + "|".join(baud + ([flags(rest, tty_names.CFLAG, "")] if rest else [])),
        f"c_lflag={flags(lflag, tty_names.LFLAG, '')}",
        "...",
    )


def winsize(call: Call, value: int) -> str:
    """`struct winsize *`."""
    got = call.unpack(value, "HHHH")
    if got is None:
        return addr(value)
    names = ("ws_row", "ws_col", "ws_xpixel", "ws_ypixel")
    return struct(*[f"{name}={number_}" for name, number_ in zip(names, got, strict=True)])


_NO_ARGUMENT = frozenset(
    {0x540C, 0x540D, 0x541D, 0x5422, 0x5427, 0x5428, 0x5437, 0x5450, 0x5451, 0x541F}
)
_IOCTL_OUT: dict[int, Decode] = {
    0x5401: termios,
    0x802C542A: termios,
    0x5413: winsize,
    0x540F: indirect("i"),
    0x5429: indirect("i"),
    0x5424: indirect("i"),
    0x541B: indirect("i"),
    0x5411: indirect("i"),
    0x80045430: indirect("I"),
}
_IOCTL_IN: dict[int, Decode] = {
    **dict.fromkeys((0x5402, 0x5403, 0x5404, 0x402C542B, 0x402C542C, 0x402C542D), termios),
    0x5414: winsize,
    **dict.fromkeys((0x5410, 0x5421, 0x5452, 0x5423, 0x5420, 0x40045431), indirect("i")),
    0x540A: one_of(tty_names.TCXONC, "TC???", 64),
    0x540B: one_of(tty_names.TCFLSH, "TC???", 64),
    **dict.fromkeys((0x5409, 0x5425, 0x540E), int32),
}


def ioctl_request(_: Call, value: int) -> str:
    """The request: by name, or taken apart as `_IOC(...)`."""
    value &= 0xFFFFFFFF
    name = lookup(value, tty_names.IOCTLS)
    if name:
        return name
    ways = {0: "_IOC_NONE", 1: "_IOC_WRITE", 2: "_IOC_READ", 3: "_IOC_READ|_IOC_WRITE"}
    kind, nr, size = value >> 8 & 0xFF, value & 0xFF, value >> 16 & 0x3FFF
    return f"_IOC({ways[value >> 30]}, {hexa(kind)}, {hexa(nr)}, {hexa(size)})"


def _ioctl(call: Call) -> tuple[Arg, ...]:
    request = call.args[1] & 0xFFFFFFFF
    head = (FD, arg("request", ioctl_request))
    if request in _NO_ARGUMENT:
        return head
    if request in _IOCTL_OUT:
        return (*head, filled("argp", _IOCTL_OUT[request]))
    return (*head, arg("argp", _IOCTL_IN.get(request, raw_argument)))


def raw_argument(_: Call, value: int) -> str:
    """An ioctl argument of unknown kind."""
    return f"{value:#x}" if value else "0"


def _vector(count_index: int, filled_in: bool) -> Decode:
    return cast(Decode, structs.iovecs(count_index, filled_in=filled_in))


READV = (FD, filled("iov", _vector(2, True), even_failed=True), arg("iovcnt", uint64))
WRITEV = (FD, arg("iov", _vector(2, False)), arg("iovcnt", uint64))
READ = (FD, filled("buf", read_buffer), COUNT)
WRITE = (FD, arg("buf", sized_buffer(2)), COUNT)
#: preadv and preadv2 pass the offset in two halves; the kernel ignores the high one on 64 bits.
V_OFFSET = arg("offset", int64, 3)
RWF = arg("flags", flag_set(file_names.RWF, "RWF_???"), 5)

CALLS: dict[str, Spec] = {
    "read": Spec(READ, number),
    "write": Spec(WRITE, number),
    "pread64": Spec((*READ, OFFSET), number),
    "pwrite64": Spec((*WRITE, OFFSET), number),
    "readv": Spec(READV, number),
    "writev": Spec(WRITEV, number),
    "preadv": Spec((*READV, V_OFFSET), number),
    "pwritev": Spec((*WRITEV, V_OFFSET), number),
    "preadv2": Spec((*READV, V_OFFSET, RWF), number),
    "pwritev2": Spec((*WRITEV, V_OFFSET, RWF), number),
    "lseek": Spec((FD, OFFSET, arg("whence", one_of(file_names.SEEK, "SEEK_???"))), number),
    "getdents64": Spec((FD, filled("dirp", structs.dirents), COUNT), number),
    "sendfile": Spec(
        (arg("out_fd", int32), arg("in_fd", int32), arg("offset", indirect("q")), COUNT), number
    ),
    "splice": Spec(
        (
            arg("fd_in", int32),
            arg("off_in", indirect("q")),
            arg("fd_out", int32),
            arg("off_out", indirect("q")),
            arg("len", uint64),
            arg("flags", flag_set(file_names.SPLICE, "SPLICE_F_???")),
        ),
        number,
    ),
    "tee": Spec(
        (
            arg("fd_in", int32),
            arg("fd_out", int32),
            arg("len", uint64),
            arg("flags", flag_set(file_names.SPLICE, "SPLICE_F_???")),
        ),
        number,
    ),
    "vmsplice": Spec(
        (*WRITEV, arg("flags", flag_set(file_names.SPLICE, "SPLICE_F_???"))),
        number,
    ),
    "copy_file_range": Spec(
        (
            arg("fd_in", int32),
            arg("off_in", indirect("q")),
            arg("fd_out", int32),
            arg("off_out", indirect("q")),
            arg("len", uint64),
            arg("flags", hex64),
        ),
        number,
    ),
    "pipe": Spec((filled("pipefd", pipe_pair),), number),
    "pipe2": Spec(
        (filled("pipefd", pipe_pair), arg("flags", flag_set(file_names.OPEN, "O_???"))), number
    ),
    "ioctl": Spec((), number, _ioctl),
    "poll": Spec((arg("fds", structs.pollfds), arg("nfds", uint32), arg("timeout", int32)), poll),
    "ppoll": Spec(
        (
            arg("fds", structs.pollfds),
            arg("nfds", uint32),
            TIMESPEC,
            arg("sigmask", mask_with_size(4)),
            arg("sigsetsize", uint64),
        ),
        poll,
    ),
    "select": Spec(
        (
            arg("nfds", int32),
            arg("readfds", fd_bits),
            arg("writefds", fd_bits),
            arg("exceptfds", fd_bits),
            arg("timeout", structs.timeval),
        ),
        select,
    ),
    "pselect6": Spec(
        (
            arg("nfds", int32),
            arg("readfds", fd_bits),
            arg("writefds", fd_bits),
            arg("exceptfds", fd_bits),
            arg("timeout", structs.timespec),
            arg("sigmask", pselect_mask),
        ),
        select,
    ),
    "epoll_create": Spec((arg("size", int32),), number),
    "epoll_create1": Spec((arg("flags", flag_set(file_names.EPOLL_CREATE, "EPOLL_???")),), number),
    "epoll_ctl": Spec(
        (
            arg("epfd", int32),
            arg("op", one_of(file_names.EPOLL_OPS, "EPOLL_CTL_???")),
            FD,
            arg("event", epoll_event),
        ),
        number,
    ),
    "epoll_wait": Spec(
        (
            arg("epfd", int32),
            filled("events", epoll_events),
            arg("maxevents", int32),
            arg("timeout", int32),
        ),
        number,
    ),
    "epoll_pwait": Spec(
        (
            arg("epfd", int32),
            filled("events", epoll_events),
            arg("maxevents", int32),
            arg("timeout", int32),
            arg("sigmask", mask_with_size(5)),
            arg("sigsetsize", uint64),
        ),
        number,
    ),
    "eventfd2": Spec(
        (arg("initval", uint32), arg("flags", flag_set(file_names.EVENTFD, "EFD_???"))), number
    ),
    "eventfd": Spec((arg("initval", uint32),), number),
    "signalfd4": Spec(
        (
            FD,
            arg("mask", mask_with_size(2)),
            arg("sizemask", uint64),
            arg("flags", flag_set(file_names.SIGNALFD, "SFD_???")),
        ),
        number,
    ),
    "vhangup": Spec((), number),
    "io_uring_setup": Spec((arg("entries", uint32), arg("params", pointer)), number),
}
