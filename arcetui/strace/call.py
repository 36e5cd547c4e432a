"""One system call while it is printed: raw arguments, guest memory, and how each argument reads."""

from __future__ import annotations

import struct as _struct
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from arcetui.strace.errors import error_of
from arcetui.strace.text import addr, quote

#: memory(va, n) -> bytes, shorter where unmapped.
MemoryReader: TypeAlias = Callable[[int, int], bytes]

PATH_MAX = 4096


class Call:
    """The arguments and the memory one call's decoders read from.

    Attributes:
        result: None at the entry and for a call that never returned.
        string_limit: Longest string shown in bytes; paths are never cut.
        before: The number that stood at the entry where the kernel puts another, if noted.
        missed: Set when memory could not be read: the page may come in during the call.
    """

    __slots__ = ("arch", "args", "before", "memory", "missed", "name", "result", "string_limit")

    def __init__(
        self,
        name: str,
        args: tuple[int, ...],
        memory: MemoryReader,
        arch: str = "x86_64",
        string_limit: int = 32,
    ) -> None:
        self.name = name
        self.args = args
        self.memory = memory
        self.arch = arch
        self.result: int | None = None
        self.string_limit = string_limit
        self.missed = False
        self.before: int | None = None

    @property
    def failed(self) -> bool:
        """Whether the call returned an error (or was interrupted)."""
        return error_of(self.result) is not None

    def read(self, va: int, size: int) -> bytes | None:
        """Exactly `size` bytes, or None if not all are readable."""
        if not va or size < 0 or va + size > 1 << 64:
            return None
        data = self.memory(va, size)
        if len(data) == size:
            return data
        self.missed = True
        return None

    def unpack(self, va: int, layout: str) -> tuple[int, ...] | None:
        """Values of a little-endian C layout (`struct` syntax without the byte order)."""
        data = self.read(va, _struct.calcsize("<" + layout))
        return None if data is None else _struct.unpack("<" + layout, data)

    def cstring(self, va: int, limit: int) -> tuple[bytes, bool] | None:
        """A string up to its NUL, at most `limit` bytes.

        Returns:
            (bytes, whether its end was found); None if its start or end is unreadable.
        """
        out = bytearray()
        while 0 < va < 1 << 64 and len(out) < limit:
            part = self.memory(va, min(limit - len(out), 4096 - (va & 4095)))
            end = part.find(0)
            if end >= 0:
                return bytes(out + part[:end]), True
            if not part:
                self.missed = True
                return None
            out += part
            va += len(part)
        return (bytes(out), False) if out else None

    def path(self, va: int) -> str:
        """A file name, in full."""
        found = self.cstring(va, PATH_MAX)
        if found is None:
            return addr(va)
        return quote(found[0]) if found[1] else quote(found[0][: PATH_MAX - 1]) + "..."

    def string(self, va: int, limit: int = 0) -> str:
        """A NUL-terminated string cut at the string limit."""
        size = limit or self.string_limit
        found = self.cstring(va, size + 1)
        if found is None:
            return addr(va)
        data = found[0]
        return quote(data) if len(data) <= size else quote(data[:size]) + "..."

    def buffer(self, va: int, size: int, *, force_hex: bool = False) -> str:
        """`size` bytes of data, cut at the string limit."""
        if not va:
            return "NULL"
        shown = min(size, self.string_limit)
        data = b"" if not shown else self.read(va, shown)
        if data is None:
            return addr(va)
        return quote(data, force_hex=force_hex) + ("..." if size > shown else "")

    def many(self, va: int, count: int, size: int, one: Callable[[bytes, int], str]) -> str:
        """An array of `count` elements of `size` bytes; `one(bytes, va)` shows an element."""
        if not va:
            return "NULL"
        if not count:
            return "[]"
        out: list[str] = []
        for i in range(count):
            at = va + i * size
            if i >= self.string_limit:
                out.append("...")
                break
            data = self.read(at, size)
            if data is None:
                if not i:
                    return addr(va)
                out.append(f"... /* {at:#x} */")
                break
            out.append(one(data, at))
        return "[" + ", ".join(out) + "]"


Decode: TypeAlias = Callable[[Call, int], str]
#: decode(call, raw value) -> text

Result: TypeAlias = Callable[[Call, int], str]
#: result(call, non-negative or raw result) -> text after "= "


class Arg(NamedTuple):
    """One argument: its name in the manual, how it reads, and whether the kernel fills it in."""

    name: str
    decode: Decode
    out: bool = False
    at: int = -1  # which raw argument; -1 = by position
    label: bool = False  # print `name=` before the value


class Spec(NamedTuple):
    """How one system call reads.

    Attributes:
        args: In the order they are printed.
        result: How the result reads.
        vary: For calls whose arguments depend on others; gives `args` instead.
    """

    args: tuple[Arg, ...]
    result: Result
    vary: Callable[[Call], tuple[Arg, ...]] | None = None

    def arguments(self, call: Call) -> tuple[Arg, ...]:
        """The arguments of this very call."""
        return self.args if self.vary is None else self.vary(call)
