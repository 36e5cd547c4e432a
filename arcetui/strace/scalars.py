"""How one plain argument reads: numbers, addresses, flags, names, strings."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from arcetui.strace.call import Arg, Call, Decode
from arcetui.strace.tables import files as file_names
from arcetui.strace.tables.signals import signal, sigset
from arcetui.strace.text import (
    Table,
    addr,
    as_int32,
    as_int64,
    choice,
    flags,
    hexa,
    lookup,
    octal,
)

AT_FDCWD = -100
#: No program has more open files; a mad one may claim so.
MOST_BITS = 1024
#: Values whose words a decoder keeps: programs use the same few again and again.
_REMEMBERED = 256


def int32(_: Call, value: int) -> str:
    """A C `int`."""
    return str(as_int32(value))


def uint32(_: Call, value: int) -> str:
    """A C `unsigned int`."""
    return str(value & 0xFFFFFFFF)


def int64(_: Call, value: int) -> str:
    """A C `long`."""
    return str(as_int64(value))


def uint64(_: Call, value: int) -> str:
    """A C `size_t`."""
    return str(value)


def hex32(_: Call, value: int) -> str:
    """A C `unsigned int` in hexadecimal."""
    return hexa(value & 0xFFFFFFFF)


def hex64(_: Call, value: int) -> str:
    """A C `unsigned long` in hexadecimal."""
    return hexa(value)


def pointer(_: Call, value: int) -> str:
    """An address."""
    return addr(value)


def user_id(_: Call, value: int) -> str:
    """A uid or gid; -1 stands for "leave as it is"."""
    value &= 0xFFFFFFFF
    return "-1" if value == 0xFFFFFFFF else str(value)


def dirfd(_: Call, value: int) -> str:
    """A directory descriptor."""
    number = as_int32(value)
    return "AT_FDCWD" if number == AT_FDCWD else str(number)


def path(call: Call, value: int) -> str:
    """A file name."""
    return call.path(value)


def string(call: Call, value: int) -> str:
    """A NUL-terminated string that is no file name."""
    return call.string(value)


def file_mode(_: Call, value: int) -> str:
    """Permission bits as octal."""
    return octal(value & 0xFFFF)


def symbolic_mode(value: int) -> str:
    """File type and permissions: `S_IFREG|S_ISUID|0755`."""
    kind = lookup(value & 0o170000, file_names.FILE_TYPES) if value & 0o170000 else ""
    if value & 0o170000 and not kind:
        return octal(value)
    parts = [kind] if kind else []
    parts += [
        name
        for bit, name in ((0o4000, "S_ISUID"), (0o2000, "S_ISGID"), (0o1000, "S_ISVTX"))
        if value & bit
    ]
    return "|".join([*parts, octal(value & 0o777 & ~0o170000)])


def node_mode(_: Call, value: int) -> str:
    """The mode of mknod."""
    return symbolic_mode(value & 0xFFFF)


def device(value: int) -> str:
    """A device number: `makedev(0x88, 0)`."""
    major = (value >> 8 & 0xFFF) | (value >> 32 & ~0xFFF & 0xFFFFFFFF)
    minor = (value & 0xFF) | (value >> 12 & 0xFFFFFF00)
    return f"makedev({hexa(major)}, {hexa(minor)})"


def signo(_: Call, value: int) -> str:
    """A signal number."""
    return signal(as_int32(value))


def open_flags_text(value: int, arch: str) -> str:
    """The flags of open: access mode first."""
    value &= 0xFFFFFFFF
    rest = value & ~3
    mode = lookup(value & 3, file_names.ACCMODE)
    if not rest:
        return mode
    names = file_names.OPEN_AARCH64 if arch == "aarch64" else file_names.OPEN
    return f"{mode}|{flags(rest, names, '')}"


def open_flags(call: Call, value: int) -> str:
    """The flags of open."""
    return open_flags_text(value, call.arch)


def flag_set(names: Table, unknown: str, bits: int = 32) -> Decode:
    """A decoder of a set of flags."""
    mask = (1 << bits) - 1

    @lru_cache(_REMEMBERED)
    def words(value: int) -> str:
        return flags(value, names, unknown)

    def decode(_: Call, value: int) -> str:
        return words(value & mask)

    return decode


def one_of(names: Table, unknown: str, bits: int = 32) -> Decode:
    """A decoder of one of several named values."""
    mask = (1 << bits) - 1

    @lru_cache(_REMEMBERED)
    def words(value: int) -> str:
        return choice(value, names, unknown)

    def decode(_: Call, value: int) -> str:
        return words(value & mask)

    return decode


def indirect(layout: str, show: Callable[[int], str] = str) -> Decode:
    """A pointer to one number: `[7]`."""

    def decode(call: Call, value: int) -> str:
        got = call.unpack(value, layout)
        return addr(value) if got is None else f"[{show(got[0])}]"

    return decode


def set_bits(data: bytes, count: int) -> list[int]:
    """Numbers below `count` whose bits are set in a bitmap; at most `MOST_BITS`."""
    out: list[int] = []
    for at, byte in enumerate(data):
        if byte:
            out += [at * 8 + bit for bit in range(8) if byte >> bit & 1]
            if len(out) > MOST_BITS:
                break
    return [number for number in out if number < count]


def signal_mask(call: Call, value: int, size: int = 8) -> str:
    """A pointer to a signal set of `size` bytes."""
    if size != 8:
        return addr(value)
    got = call.unpack(value, "Q")
    return addr(value) if got is None else sigset(got[0])


def read_buffer(call: Call, value: int) -> str:
    """Bytes the kernel gave: as many as the result says."""
    return call.buffer(value, call.result or 0)


def sized_buffer(size_index: int) -> Decode:
    """Bytes the program gives; their number stands in another argument."""

    def decode(call: Call, value: int) -> str:
        return call.buffer(value, call.args[size_index])

    return decode


def arg(name: str, decode: Decode, index: int = -1) -> Arg:
    """An argument the program gives."""
    return Arg(name, decode, False, index)


def filled(name: str, decode: Decode, index: int = -1, *, even_failed: bool = False) -> Arg:
    """An argument the kernel fills in: shown after the call; an address if the call failed."""
    if even_failed:
        return Arg(name, decode, True, index)

    def after(call: Call, value: int) -> str:
        if call.failed or call.result is None:
            return addr(value)
        return decode(call, value)

    return Arg(name, after, True, index)


FD = arg("fd", int32)
DIRFD = arg("dirfd", dirfd)
PATH = arg("pathname", path)
