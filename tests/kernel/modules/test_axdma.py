"""axdma: page and pool requests, the uncached mapping, bus addresses."""

from __future__ import annotations

import pytest

from kernel.crates.errno import AxError, AxErrorKind, KernelPanic
from kernel.crates.event import NullSink
from kernel.crates.page_table_entry import MappingFlags
from kernel.machine.ram import Ram
from kernel.modules.axalloc import GlobalAllocator
from kernel.modules.axdma import DmaAllocator, DMAInfo

BASE = 0x8000_0000
VIRT = 0xFFFF_FFC0_0000_0000
UNCACHED = MappingFlags.READ | MappingFlags.WRITE | MappingFlags.UNCACHED
CACHED = MappingFlags.READ | MappingFlags.WRITE


class Space:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int, MappingFlags]] = []

    def protect(self, start: int, size_bytes: int, flags: MappingFlags) -> None:
        self.calls.append((start, size_bytes, flags))


def make(kind: str = "tlsf") -> tuple[GlobalAllocator, DmaAllocator, Space]:
    ram = Ram(BASE, 4 << 20)
    start = BASE + 0x10_0000
    alloc = GlobalAllocator(ram, NullSink(), start, BASE + (4 << 20) - start, kind, BASE)
    dma, space = DmaAllocator(alloc, VIRT, 0x1000_0000), Space()
    dma.kernel_space.fill(space)
    return alloc, dma, space


def test_pages_are_uncached_while_in_use() -> None:
    alloc, dma, space = make()
    used = alloc.used_pages
    info = dma.alloc_coherent(5000, 0x2000)
    assert info.cpu_addr % 0x2000 == 0
    assert info.bus_addr - 0x1000_0000 == info.cpu_addr - VIRT
    assert space.calls == [(info.cpu_addr, 0x2000, UNCACHED)]
    assert [run[2] for run in alloc.view().pages.owners][-1] == "dma"
    dma.dealloc_coherent(info, 5000, 0x2000)
    assert space.calls[1:] == [(info.cpu_addr, 0x2000, CACHED)]
    assert alloc.used_pages == used


@pytest.mark.parametrize("kind", ["tlsf", "slab", "buddy"])
def test_small_requests_share_a_pool_filled_once(kind: str) -> None:
    alloc, dma, space = make(kind)
    got: list[DMAInfo] = []
    with pytest.raises(AxError) as failure:
        while True:
            got.append(dma.alloc_coherent(1000, 16))
    assert failure.value.kind is AxErrorKind.NO_MEMORY
    assert [size for _, size, _ in space.calls] == [0x4000]
    if kind != "slab":  # a slab's set of 64 blocks of 1 KiB does not fit into four pages
        assert 12 <= len(got) <= 16
    for info in got:
        dma.dealloc_coherent(info, 1000, 16)
    for _ in got:
        dma.alloc_coherent(1000, 16)
    assert alloc.mismatched_frees == 0


def test_bad_requests() -> None:
    alloc, dma, _ = make()
    with pytest.raises(KernelPanic):
        dma.dealloc_coherent(DMAInfo(0, 0), 8)
    with pytest.raises(AxError):
        dma.alloc_coherent(0)
    with pytest.raises(RuntimeError):
        DmaAllocator(alloc, VIRT).alloc_coherent(4096)
