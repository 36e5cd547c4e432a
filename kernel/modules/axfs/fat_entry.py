"""Directory entries of FAT: short names, long names, dates.

Source: Microsoft, "FAT: General Overview of On-Disk Format" 1.03; ECMA-107.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

ENTRY_BYTES = 32
ATTR_READ_ONLY = 0x01
ATTR_VOLUME = 0x08
ATTR_DIRECTORY = 0x10
ATTR_ARCHIVE = 0x20
ATTR_LONG_NAME = 0x0F
FREE = 0xE5
END = 0x00
MAX_NAME_UNITS = 255

_SHORT = struct.Struct("<11sBBBHHHHHHHI")
_LONG = struct.Struct("<B10sBBB12sH4s")
_LONG_CHARS = 13
_LAST_LONG = 0x40
_ALLOWED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$%'-_@~`!(){}^#&"
_NS = 1_000_000_000


@dataclass(slots=True)
class Entry:
    """One file or directory as its entries describe it.

    Attributes:
        name: The long name, or the short one where there is no other.
        short: The eleven bytes of the short name.
        slot: Index of its first entry in the directory; `count` entries belong to it.
        cluster: First cluster; 0 for an empty file.
    """

    name: str
    short: bytes
    attributes: int
    cluster: int
    size_bytes: int
    mtime_ns: int
    btime_ns: int
    atime_ns: int
    slot: int = 0
    count: int = 1


def checksum(short: bytes) -> int:
    """What ties long-name entries to their short name."""
    total = 0
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    return total


def pack_time(time_ns: int) -> tuple[int, int, int]:
    """(date, time, hundredths above the two seconds) of nanoseconds since 1970."""
    moment = datetime.fromtimestamp(max(time_ns, 315_532_800 * _NS) // _NS, UTC)
    date = (min(moment.year, 2107) - 1980) << 9 | moment.month << 5 | moment.day
    clock = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return date, clock, moment.second % 2 * 100 + time_ns % _NS // 10_000_000


def unpack_time(date: int, clock: int = 0, hundredths: int = 0) -> int:
    """Nanoseconds since 1970; an impossible date is 1980."""
    try:
        moment = datetime(
            (date >> 9) + 1980,
            date >> 5 & 15,
            date & 31,
            clock >> 11,
            clock >> 5 & 63,
            (clock & 31) * 2,
            tzinfo=UTC,
        )
    except ValueError:
        return 315_532_800 * _NS
    return int(moment.timestamp()) * _NS + hundredths * 10_000_000


def pack(entry: Entry) -> bytes:
    """The short-name entry."""
    mdate, mtime, _ = pack_time(entry.mtime_ns)
    bdate, btime, hundredths = pack_time(entry.btime_ns)
    adate, _, _ = pack_time(entry.atime_ns)
    return _SHORT.pack(
        entry.short,
        entry.attributes,
        0,
        hundredths,
        btime,
        bdate,
        adate,
        entry.cluster >> 16,
        mtime,
        mdate,
        entry.cluster & 0xFFFF,
        entry.size_bytes,
    )


def pack_with_name(entry: Entry) -> bytes:
    """All entries: the long name's, if it needs one, then the short one."""
    if entry.name == plain_name(entry.short):
        return pack(entry)
    raw = entry.name.encode("utf-16-le", "surrogatepass")
    count = -(-len(raw) // (2 * _LONG_CHARS))
    if len(raw) % (2 * _LONG_CHARS):
        raw += b"\0\0"
    raw = raw.ljust(count * 2 * _LONG_CHARS, b"\xff")
    tie = checksum(entry.short)
    parts: list[bytes] = []
    for order in range(count, 0, -1):
        piece = raw[(order - 1) * 26 : order * 26]
        number = order | (_LAST_LONG if order == count else 0)
        parts.append(
            _LONG.pack(number, piece[:10], ATTR_LONG_NAME, 0, tie, piece[10:22], 0, piece[22:])
        )
    return b"".join((*parts, pack(entry)))


def plain_name(short: bytes) -> str:
    """The short name as text, with its dot."""
    stem, extension = short[:8].rstrip(b" "), short[8:].rstrip(b" ")
    if stem[:1] == b"\x05":
        stem = b"\xe5" + stem[1:]
    text = stem.decode("latin-1")
    return f"{text}.{extension.decode('latin-1')}" if extension else text


def short_name(name: str, taken: set[bytes]) -> bytes:
    """A short name for `name` that is not taken: itself if it is one, else NAME~N."""
    stem, _, extension = name.rpartition(".")
    if not stem:
        stem, extension = name, ""
    raw_stem, raw_ext = _squeeze(stem), _squeeze(extension)
    whole = raw_stem.ljust(8) + raw_ext.ljust(3)
    fits = len(raw_stem) <= 8 and len(raw_ext) <= 3
    if fits and plain_name(whole[:11]) == name.upper() and whole[:11] not in taken:
        return whole[:11]
    for number in range(1, 1_000_000):
        tail = b"~%d" % number
        candidate = (raw_stem[: 8 - len(tail)] + tail).ljust(8) + raw_ext[:3].ljust(3)
        if candidate not in taken:
            return candidate
    raise AssertionError("a directory cannot hold so many names")


def _squeeze(text: str) -> bytes:
    """Upper case, only what short names may have."""
    raw = text.upper().encode("ascii", "replace").replace(b" ", b"").replace(b".", b"")
    return bytes(byte if byte in _ALLOWED else ord("_") for byte in raw)


def parse(data: bytes) -> Iterator[Entry]:
    """All entries of a directory's bytes, "." and ".." and the volume's label left out."""
    pieces: list[bytes] = []
    first = 0
    for slot in range(len(data) // ENTRY_BYTES):
        raw = data[slot * ENTRY_BYTES : (slot + 1) * ENTRY_BYTES]
        if raw[0] == END:
            return
        if raw[0] == FREE:
            pieces = []
            continue
        if raw[11] & 0x3F == ATTR_LONG_NAME:
            fields = _LONG.unpack(raw)
            if fields[0] & _LAST_LONG:
                pieces, first = [], slot
            pieces.insert(0, fields[1] + fields[5] + fields[7])
            continue
        entry = _unpack(raw)
        if pieces:
            entry.name = _long_name(pieces) or entry.name
            entry.slot, entry.count = first, slot - first + 1
        else:
            entry.slot = slot
        pieces = []
        if not entry.attributes & ATTR_VOLUME and entry.short[:1] != b".":
            yield entry


def _long_name(pieces: list[bytes]) -> str:
    raw = b"".join(pieces)
    units = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if b"\0\0" in units:
        units = units[: units.index(b"\0\0")]
    return b"".join(units).decode("utf-16-le", "surrogatepass")


def _unpack(raw: bytes) -> Entry:
    short, attributes, _, hundredths, btime, bdate, adate, high, mtime, mdate, low, size = (
        _SHORT.unpack(raw)
    )
    return Entry(
        name=plain_name(short),
        short=short,
        attributes=attributes,
        cluster=high << 16 | low,
        size_bytes=size,
        mtime_ns=unpack_time(mdate, mtime),
        btime_ns=unpack_time(bdate, btime, hundredths),
        atime_ns=unpack_time(adate),
    )
