"""The kernel's way to user memory: copy in, copy out, strings and arrays of pointers.

Source: starry-next api/src/ptr.rs (`UserPtr`, `UserConstPtr`, `get_as_null_terminated`); Linux
copy_from_user. Differs: a checked access returns bytes instead of a reference, and misaligned
addresses are as good as aligned ones, as under Linux.

Every access goes page by page through the owner's current address space, which brings pages in on
demand. An address that cannot be used is EFAULT; what was stored before it stays stored.
"""

from __future__ import annotations

from struct import Struct
from typing import Protocol

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE, U64_MASK
from kernel.crates.phys_memory import PhysMemory

READ, WRITE = 1, 2
_U16, _U32, _U64 = Struct("<H"), Struct("<I"), Struct("<Q")


class UserSpace(Protocol):
    """What user memory needs of an address space; axmm's AddrSpace has it."""

    @property
    def ram(self) -> PhysMemory: ...

    def user_pa(self, va: int, access: int) -> int:
        """Physical address of `va` for a user access; LinuxError EFAULT."""
        ...


class SpaceOwner(Protocol):
    """Whose memory it is; execve may replace the space."""

    @property
    def aspace(self) -> UserSpace: ...


class UserMemory:
    """User memory of `owner`. Addresses are unsigned 64-bit; all methods raise LinuxError EFAULT.

    Attributes:
        owner: The process (anything with `aspace`).
    """

    __slots__ = ("owner",)

    def __init__(self, owner: SpaceOwner) -> None:
        self.owner = owner

    # Bytes.

    def read(self, va: int, size_bytes: int) -> bytes:
        """Copy in."""
        space = self.owner.aspace
        if (va & PAGE_MASK) + size_bytes <= PAGE_SIZE:
            if not size_bytes:
                return b""
            return space.ram.read(space.user_pa(va, READ), size_bytes)
        parts: list[bytes] = []
        while size_bytes > 0:
            piece = min(PAGE_SIZE - (va & PAGE_MASK), size_bytes)
            parts.append(space.ram.read(space.user_pa(va, READ), piece))
            va = (va + piece) & U64_MASK
            size_bytes -= piece
        return b"".join(parts)

    def write(self, va: int, data: bytes | bytearray | memoryview) -> None:
        """Copy out."""
        space = self.owner.aspace
        size = len(data)
        if (va & PAGE_MASK) + size <= PAGE_SIZE:
            if size:
                space.ram.write(space.user_pa(va, WRITE), data)
            return
        view = memoryview(data)
        done = 0
        while done < size:
            piece = min(PAGE_SIZE - (va & PAGE_MASK), size - done)
            space.ram.write(space.user_pa(va, WRITE), view[done : done + piece])
            va = (va + piece) & U64_MASK
            done += piece

    def usable(self, va: int, size_bytes: int, access: int = READ) -> int:
        """How many of the bytes from `va` can be accessed before the first that cannot.

        Brings the pages in. read(2) and write(2) move so many and fail only with 0.
        """
        space = self.owner.aspace
        done = 0
        try:
            while done < size_bytes:
                space.user_pa((va + done) & U64_MASK, access)
                done += PAGE_SIZE - ((va + done) & PAGE_MASK)
        except LinuxError:
            pass
        return min(done, size_bytes)

    def zero(self, va: int, size_bytes: int) -> None:
        """Clear a range (clear_user)."""
        space = self.owner.aspace
        while size_bytes > 0:
            piece = min(PAGE_SIZE - (va & PAGE_MASK), size_bytes)
            space.ram.zero(space.user_pa(va, WRITE), piece)
            va = (va + piece) & U64_MASK
            size_bytes -= piece

    # Numbers.

    def read_u8(self, va: int) -> int:
        """One byte."""
        return self.read(va, 1)[0]

    def read_u16(self, va: int) -> int:
        """Two bytes, little-endian; any alignment, as for all sizes."""
        return int.from_bytes(self.read(va, 2), "little")

    def read_u32(self, va: int) -> int:
        """Four bytes."""
        return int.from_bytes(self.read(va, 4), "little")

    def read_u64(self, va: int) -> int:
        """Eight bytes."""
        return int.from_bytes(self.read(va, 8), "little")

    def write_u8(self, va: int, value: int) -> None:
        """One byte; the value is cut to size, as for all sizes."""
        self.write(va, bytes((value & 0xFF,)))

    def write_u16(self, va: int, value: int) -> None:
        """Two bytes, little-endian."""
        self.write(va, _U16.pack(value & 0xFFFF))

    def write_u32(self, va: int, value: int) -> None:
        """Four bytes."""
        self.write(va, _U32.pack(value & 0xFFFF_FFFF))

    def write_u64(self, va: int, value: int) -> None:
        """Eight bytes."""
        self.write(va, _U64.pack(value & U64_MASK))

    # Strings and arrays.

    def read_cstr(self, va: int, limit: int = 4096, too_long: Errno = Errno.ENAMETOOLONG) -> bytes:
        """A string without its NUL.

        Args:
            va: Where it begins.
            limit: Most bytes, with the NUL.
            too_long: Raised as LinuxError when no NUL is found in them.

        Raises:
            LinuxError: EFAULT, or `too_long`.
        """
        space = self.owner.aspace
        parts: list[bytes] = []
        while limit > 0:
            piece = min(PAGE_SIZE - (va & PAGE_MASK), limit)
            data = space.ram.read(space.user_pa(va, READ), piece)
            end = data.find(0)
            if end >= 0:
                parts.append(data[:end])
                return b"".join(parts)
            parts.append(data)
            va = (va + piece) & U64_MASK
            limit -= piece
        raise LinuxError(too_long, "a string is too long")

    def read_ptr_array(self, va: int, limit: int = 1 << 16) -> list[int]:
        """The pointers before the first NULL (argv, envp).

        Raises:
            LinuxError: EFAULT, or E2BIG when there are more than `limit`.
        """
        found: list[int] = []
        while True:
            pointer = self.read_u64(va)
            if pointer == 0:
                return found
            if len(found) >= limit:
                raise LinuxError(Errno.E2BIG, "too many strings")
            found.append(pointer)
            va = (va + 8) & U64_MASK

    def read_struct(self, va: int, layout: Struct) -> tuple[int, ...]:
        """Fields of a structure of integers."""
        return layout.unpack(self.read(va, layout.size))
