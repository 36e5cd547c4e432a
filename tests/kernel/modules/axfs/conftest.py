"""Memory, allocator and clock for file systems on their own."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.rng import SplitMix64


class FakeRam:
    base = 0x8000_0000

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.data = bytearray(b"\xa5" * size_bytes)  # never zeroed by chance

    def read(self, pa: int, size: int) -> bytes:
        return bytes(self.data[pa - self.base : pa - self.base + size])

    def write(self, pa: int, data: bytes) -> None:
        self.data[pa - self.base : pa - self.base + len(data)] = data

    def zero(self, pa: int, size: int) -> None:
        self.write(pa, bytes(size))


class FakeAlloc:
    def __init__(self, ram: FakeRam) -> None:
        self.free = list(range(ram.base, ram.base + ram.size_bytes, 4096))
        self.pages: set[int] = set()
        self.blocks: dict[int, str] = {}
        self.serial = 0

    def alloc_pages(self, count: int, align_bytes: int = 4096, usage: str = "user") -> int:
        if not self.free:
            raise AxError(AxErrorKind.NO_MEMORY)
        pa = self.free.pop(0)
        self.pages.add(pa)
        return pa

    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None:
        self.pages.remove(pa)
        self.free.append(pa)

    def alloc(self, size_bytes: int, align_bytes: int = 8, what: str = "bytes") -> int:
        self.serial += 1
        self.blocks[self.serial] = what
        return self.serial

    def dealloc(self, pa: int) -> None:
        del self.blocks[pa]


class FakeEvents:
    time_ns = 0

    def emit(self, kind: Any, *fields: Any) -> None:
        self.time_ns += 1


class FakeConfig:
    epoch_offset_ns = 1_000_000_000_000


class Host:
    """What `build_root` and the file systems ask of a kernel."""

    def __init__(self, ram_bytes: int = 1 << 20) -> None:
        self.ram = FakeRam(ram_bytes)
        self.alloc = FakeAlloc(self.ram)
        self.events = FakeEvents()
        self.rng = SplitMix64(7)
        self.config = FakeConfig()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture(scope="session")
def host_class() -> type[Host]:
    return Host
