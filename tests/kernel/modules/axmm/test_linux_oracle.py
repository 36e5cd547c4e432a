"""The same random memory calls on the host's Linux and here: equal /proc/PID/maps."""

from __future__ import annotations

import ctypes
import platform
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel.crates.errno import AxError
from kernel.modules.axmm.backend import Alloc
from kernel.modules.axmm.view import maps_text


def _kernel() -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    return tuple(map(int, found.groups())) if found else (0,)


pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or _kernel() < (6, 12),
    reason="asks the host's Linux; the rules of joining are those of 6.12 and later",
)
BASE, PAGES, PAGE = 0x10_0000_0000, 48, 4096
PRIVATE, FIXED, ANONYMOUS, NORESERVE = 2, 0x10, 0x20, 0x4000
MAYMOVE, MREMAP_FIXED = 1, 2


class Host:
    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        for name, count in (("mmap", 6), ("munmap", 2), ("mprotect", 3), ("mremap", 5)):
            function = getattr(self.libc, name)
            function.restype = ctypes.c_long
            function.argtypes = [ctypes.c_long] * count

    def maps(self) -> list[str]:
        found: list[str] = []
        for line in Path("/proc/self/maps").read_text().splitlines():
            start = int(line.split("-")[0], 16)
            if BASE <= start < BASE + PAGES * PAGE:
                found.append(line.strip())
        return found

    def is_writable(self, page: int) -> bool:
        for line in self.maps():
            low, high, perms = re.match(r"(\w+)-(\w+) (\S+)", line).groups()  # type: ignore[union-attr]
            if int(low, 16) <= BASE + page * PAGE < int(high, 16):
                return perms[1] == "w"
        return False


def ours(space: Any) -> list[str]:
    return [line.strip() for line in maps_text(space).splitlines()]


@pytest.mark.parametrize("seed", range(12))
def test_maps_equal_linux(machine_of: Any, seed: int) -> None:
    rng, host, machine = random.Random(seed), Host(), machine_of("x86_64")
    space, mem = machine.space, machine.mem()
    libc = host.libc
    assert not host.maps()
    done: list[str] = []
    try:
        for _ in range(120):
            first, count = rng.randrange(PAGES - 8), rng.randrange(1, 8)
            start, size = BASE + first * PAGE, count * PAGE
            prot = rng.choice((0, 1, 3, 3, 3, 5))
            what = rng.choice(("mmap", "mmap", "munmap", "mprotect", "touch", "touch", "mremap"))
            done.append(f"{what} {first} {count} {prot}")
            if what == "mmap":
                flags = PRIVATE | FIXED | ANONYMOUS
                assert libc.mmap(start, size, prot, flags, -1, 0) == start
                space.map(start, size, prot | 8, Alloc(), unmap_overlap=True)
            elif what == "munmap":
                assert libc.munmap(start, size) == 0
                space.unmap(start, size)
            elif what == "mprotect":
                result = libc.mprotect(start, size, prot)
                try:
                    space.protect(start, size, prot | 8)
                    assert result == 0
                except AxError:
                    assert result == -1
            elif what == "touch":
                for page in range(first, first + count):
                    if host.is_writable(page):
                        ctypes.memset(BASE + page * PAGE, 1, 1)
                        mem.write_u8(BASE + page * PAGE, 1)
            else:
                _mremap(rng, libc, space, start, size)
            assert ours(space) == host.maps(), done[-1]
            machine.check()
    finally:
        libc.munmap(BASE, PAGES * PAGE)


def _mremap(rng: random.Random, libc: Any, space: Any, start: int, size: int) -> None:
    target = BASE + rng.randrange(PAGES - 8) * PAGE
    if target < start + size and start < target + size:
        return
    area = space.areas.find(start)
    if area is None or area.end < start + size:
        return
    libc.mremap(start, size, size, MAYMOVE | MREMAP_FIXED, target)
    space.unmap(target, size)
    space.move_area(start, size, target, size)
