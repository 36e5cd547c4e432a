"""A machine of RAM, a small allocator that notices mistakes, and address spaces."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.event import EventLog
from kernel.crates.page_table_entry import FORMATS
from kernel.crates.user_ptr import UserMemory
from kernel.machine.mmu import Mmu
from kernel.machine.ram import Ram
from kernel.modules.axmm.aspace import AddrSpace
from kernel.modules.axmm.frames import FrameTable

RAM_BASE = 0x8000_0000


class BumpAllocator:
    def __init__(self, ram: Ram, first_pa: int) -> None:
        end = ram.base + ram.size_bytes - (1 << 20)
        self.free = list(range(first_pa, end, 4096))[::-1]
        self.live: dict[int, str] = {}
        self.blocks: dict[int, str] = {}
        self.next_block = end
        self.limit = 1 << 30

    def alloc_pages(self, count: int, align_bytes: int = 4096, usage: str = "user") -> int:
        assert count == 1
        if not self.free or len(self.live) >= self.limit:
            raise AxError(AxErrorKind.NO_MEMORY)
        pa = self.free.pop()
        self.live[pa] = usage
        return pa

    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None:
        assert self.live.pop(pa) == usage
        self.free.append(pa)

    def alloc(self, size_bytes: int, align_bytes: int, what: str) -> int:
        self.next_block += 128
        self.blocks[self.next_block] = what
        return self.next_block

    def dealloc(self, pa: int) -> None:
        del self.blocks[pa]


class CountingTlb:
    def __init__(self) -> None:
        self.flushes: list[tuple[int, int]] = []

    def flush(self, root_pa: int, va: int = -1) -> None:
        self.flushes.append((root_pa, va))


class FilePages:
    """The shape of axfs's FilePages."""

    def __init__(self, machine: Machine, data: bytes) -> None:
        self.machine, self.alloc = machine, machine.alloc
        self.size_bytes = 0
        self.frames: dict[int, int] = {}
        self.write(0, data)

    def frame(self, index: int) -> int:
        if index not in self.frames:
            self.frames[index] = pa = self.alloc.alloc_pages(1, 4096, "file cache")
            self.machine.ram.zero(pa, 4096)
        return self.frames[index]

    def read(self, offset: int, size: int) -> bytes:
        end = min(offset + size, self.size_bytes)
        pages = range(offset >> 12, (end + 4095) >> 12)
        data = b"".join(self.machine.ram.read(self.frame(i), 4096) for i in pages)
        return data[offset & 4095 :][: max(end - offset, 0)]

    def write(self, offset: int, data: bytes) -> None:
        for i, byte in enumerate(data, offset):
            self.machine.ram.write(self.frame(i >> 12) + (i & 4095), bytes((byte,)))
        self.size_bytes = max(self.size_bytes, offset + len(data))

    def truncate(self, size: int) -> None:
        for index in [i for i in self.frames if i >= (size + 4095) >> 12]:
            self.alloc.dealloc_pages(self.frames.pop(index), 1, "file cache")
        self.size_bytes = size


class File:
    """The shape of axfs's RamFile."""

    def __init__(self, machine: Machine, data: bytes, ino: int = 77) -> None:
        self.pages = FilePages(machine, data)
        self.attached: Any = None
        self.opens = 0
        self.fs = SimpleNamespace(dev=0x803)
        self.attr = SimpleNamespace(ino=ino, size_bytes=len(data), nlink=1)

    def get_attr(self) -> Any:
        self.attr.size_bytes = self.pages.size_bytes
        return self.attr

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        return self.pages.read(offset, size_bytes)

    def write_at(self, offset: int, data: bytes) -> int:
        self.pages.write(offset, data)
        return len(data)

    def open(self) -> None:
        self.opens += 1

    def release(self) -> None:
        self.opens -= 1


class Machine:
    def __init__(self, fmt: str, merge: bool = True, ram_bytes: int = 16 << 20) -> None:
        self.fmt = fmt
        self.ram = Ram(RAM_BASE, ram_bytes)
        self.events = EventLog()
        table = RAM_BASE
        self.alloc = BumpAllocator(self.ram, RAM_BASE + FrameTable.bytes_needed(ram_bytes))
        self.tlb = CountingTlb()
        self.frames = FrameTable(self.ram, self.alloc, table)
        self.space = self.new_space(1, merge)
        self.mmu = Mmu(fmt, self.ram)

    def new_space(self, ident: int, merge: bool = True) -> AddrSpace:
        return AddrSpace(
            ident,
            0x1000,
            0x3F_FFFF_F000,
            self.fmt,
            self.ram,
            self.events,
            self.alloc,
            self.tlb,
            self.frames,
            merge,
        )

    def mem(self, space: AddrSpace | None = None) -> UserMemory:
        return UserMemory(SimpleNamespace(aspace=space or self.space))

    def hardware(self, va: int, access: int, space: AddrSpace | None = None) -> int:
        """What the board's MMU says: frame address or -1."""
        self.mmu.root = (space or self.space).root_pa
        found = self.mmu.translate(va, access)
        return found if found < 0 else found & -4096

    def file(self, data: bytes) -> File:
        return File(self, data)

    def check(self) -> None:
        """Counts, frames and entries agree, in all spaces together."""
        owners: dict[int, int] = {}
        for space in self.frames.spaces.values():
            seen = 0
            for area in space.areas:
                assert area.start < area.end
                for leaf in space.page_table.leaves(area.start, area.end):
                    pa = space.page_table.fmt.paddr(leaf.entry)
                    owners[pa] = owners.get(pa, 0) + 1
                    seen += 1
            assert seen == sum(1 for _ in space.page_table.leaves(space.base, space.end))
        for pa, usage in self.alloc.live.items():
            if usage == "user":
                assert self.frames.count(pa) == owners.get(pa, 0) > 0
        for pa, count in owners.items():
            extra = 1 if self.alloc.live[pa] == "shared" else 0
            assert self.frames.count(pa) == count + extra


@pytest.fixture(params=list(FORMATS))
def machine(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param)


@pytest.fixture(scope="session")
def machine_of() -> type[Machine]:
    return Machine
