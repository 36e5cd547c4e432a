"""The application's memory as the kernel's functions use it: the same address space, no checks.

A pointer is followed as it is. One that leads nowhere is a page fault at kernel privilege, and that
is the end; so the functions below raise a `ProgramPanic` in words instead of an error number.
Source: S000 table 2.1: one privilege level, one address space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import ProgramPanic
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE, U64_MASK
from kernel.crates.page_table_entry import access_word
from kernel.crates.page_walk import first_failure
from kernel.modules.axmm import fault

if TYPE_CHECKING:
    from kernel.modules.axmm.aspace import AddrSpace

_READ: Final = 1
_WRITE: Final = 2
#: Longest string a function takes.
STRING_BYTES: Final = 4096


def why_not(space: AddrSpace, va: int, access: int) -> str:
    """Which check of the page walk stops an access at kernel privilege, and where that is."""
    failure = first_failure(space.page_table, va, access, kernel=True)
    reason = failure or "the page table allows it, but there is no memory at that address"
    return f"{access_word(access)} of {va:#x} failed: {reason}; {fault.place(space, va)}"


class AppMemory:
    """Memory behind an application's pointers.

    Attributes:
        space: The one address space.
        caller: Name of the function that follows the pointer, for messages.
    """

    __slots__ = ("caller", "space")

    def __init__(self, space: AddrSpace) -> None:
        self.space = space
        self.caller = ""

    def _pa(self, va: int, access: int) -> int:
        table = self.space.page_table
        leaf = table.find(va) if self.space.contains_range(va, 1) else None
        if leaf is not None and table.fmt.flag_bits(leaf.entry) & access:
            pa = table.fmt.paddr(leaf.entry) + (va & (leaf.size_bytes - 1))
            ram = self.space.ram
            if ram.base <= pa < ram.base + ram.size_bytes:
                return pa
        raise ProgramPanic(
            f"{self.caller} was given a pointer that leads nowhere: "
            f"{why_not(self.space, va, access)}"
        )

    def read(self, va: int, size_bytes: int) -> bytes:
        """Copy out of the application."""
        parts: list[bytes] = []
        while size_bytes > 0:
            piece = min(PAGE_SIZE - (va & PAGE_MASK), size_bytes)
            parts.append(self.space.ram.read(self._pa(va, _READ), piece))
            va = va + piece & U64_MASK
            size_bytes -= piece
        return b"".join(parts)

    def write(self, va: int, data: bytes) -> None:
        """Copy into the application."""
        done = 0
        while done < len(data):
            piece = min(PAGE_SIZE - (va & PAGE_MASK), len(data) - done)
            self.space.ram.write(self._pa(va, _WRITE), data[done : done + piece])
            va = va + piece & U64_MASK
            done += piece

    def check(self, va: int, size_bytes: int) -> None:
        """Touch a buffer that will be written later, page by page."""
        done = 0
        while done < size_bytes:
            self._pa(va + done & U64_MASK, _WRITE)
            done += PAGE_SIZE - (va + done & PAGE_MASK)

    def read_u32(self, va: int) -> int:
        """Four bytes, little-endian."""
        return int.from_bytes(self.read(va, 4), "little")

    def read_u64(self, va: int) -> int:
        """Eight bytes."""
        return int.from_bytes(self.read(va, 8), "little")

    def write_u64(self, va: int, value: int) -> None:
        """Eight bytes."""
        self.write(va, (value & U64_MASK).to_bytes(8, "little"))

    def read_cstr(self, va: int) -> bytes:
        """A string without its NUL."""
        parts: list[bytes] = []
        left = STRING_BYTES
        while left > 0:
            piece = min(PAGE_SIZE - (va & PAGE_MASK), left)
            data = self.space.ram.read(self._pa(va, _READ), piece)
            end = data.find(0)
            if end >= 0:
                parts.append(data[:end])
                return b"".join(parts)
            parts.append(data)
            va = va + piece & U64_MASK
            left -= piece
        raise ProgramPanic(
            f"{self.caller} was given a string at {va - STRING_BYTES:#x} that does not end within "
            f"{STRING_BYTES} bytes"
        )
