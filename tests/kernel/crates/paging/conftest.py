"""A flat memory and a frame source that notices double use."""

from __future__ import annotations

import struct

import pytest

from kernel.crates.errno import AxError, AxErrorKind

BASE = 0x8000_0000


class FlatMemory:
    def __init__(self, size_bytes: int = 4 << 20, base: int = BASE) -> None:
        self.base, self.size_bytes = base, size_bytes
        self.data = bytearray(size_bytes)

    def read(self, pa: int, size_bytes: int) -> bytes:
        at = pa - self.base
        if at < 0 or at + size_bytes > self.size_bytes:
            raise IndexError(hex(pa))
        return bytes(self.data[at : at + size_bytes])

    def write(self, pa: int, data: bytes | bytearray | memoryview) -> None:
        at = pa - self.base
        if at < 0 or at + len(data) > self.size_bytes:
            raise IndexError(hex(pa))
        self.data[at : at + len(data)] = data

    def read_u8(self, pa: int) -> int:
        return self.read(pa, 1)[0]

    def read_u16(self, pa: int) -> int:
        return struct.unpack("<H", self.read(pa, 2))[0]

    def read_u32(self, pa: int) -> int:
        return struct.unpack("<I", self.read(pa, 4))[0]

    def read_u64(self, pa: int) -> int:
        return struct.unpack("<Q", self.read(pa, 8))[0]

    def write_u8(self, pa: int, value: int) -> None:
        self.write(pa, bytes((value,)))

    def write_u16(self, pa: int, value: int) -> None:
        self.write(pa, struct.pack("<H", value))

    def write_u32(self, pa: int, value: int) -> None:
        self.write(pa, struct.pack("<I", value))

    def write_u64(self, pa: int, value: int) -> None:
        self.write(pa, struct.pack("<Q", value))

    def zero(self, pa: int, size_bytes: int) -> None:
        self.write(pa, bytes(size_bytes))

    def copy(self, target_pa: int, source_pa: int, size_bytes: int) -> None:
        self.write(target_pa, self.read(source_pa, size_bytes))


class Frames:
    """Gives frames from the bottom of the memory; freed frames are scribbled over."""

    def __init__(self, memory: FlatMemory, limit: int = 1 << 30) -> None:
        self.memory, self.limit = memory, limit
        self.free = list(range(memory.base, memory.base + memory.size_bytes, 4096))[::-1]
        self.live: dict[int, str] = {}

    def alloc_pages(self, count: int, align_bytes: int = 4096, usage: str = "user") -> int:
        assert count == 1
        if not self.free or len(self.live) >= self.limit:
            raise AxError(AxErrorKind.NO_MEMORY)
        pa = self.free.pop()
        self.live[pa] = usage
        self.memory.write(pa, b"\xa5" * 4096)
        return pa

    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None:
        assert self.live.pop(pa) == usage
        self.memory.write(pa, b"\x5a" * 4096)
        self.free.append(pa)


@pytest.fixture(scope="session")
def flat_memory() -> type[FlatMemory]:
    return FlatMemory


@pytest.fixture(scope="session")
def frame_source() -> type[Frames]:
    return Frames
