"""UserMemory over a small space of scattered pages."""

from __future__ import annotations

from struct import Struct
from typing import Any

import pytest

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.user_ptr import UserMemory


class Space:
    """Pages 1, 2 and 4 are mapped, out of order; page 4 is read-only."""

    def __init__(self, ram: Any) -> None:
        self.ram = ram
        self.pages = {1: ram.base + 0x5000, 2: ram.base + 0x2000, 4: ram.base + 0x9000}

    def user_pa(self, va: int, access: int) -> int:
        page = va >> 12
        if page not in self.pages or (page == 4 and access & 2):
            raise LinuxError(Errno.EFAULT)
        return self.pages[page] + (va & 0xFFF)


class Owner:
    def __init__(self, ram: Any) -> None:
        self.aspace = Space(ram)


@pytest.fixture
def mem(flat_memory: Any) -> UserMemory:
    return UserMemory(Owner(flat_memory()))


def test_across_pages(mem: UserMemory) -> None:
    data = bytes(range(256)) * 30
    mem.write(0x1800, data[:0x1800])
    assert mem.read(0x1800, 0x1800) == data[:0x1800]
    mem.write_u64(0x1FFC, 0x1122334455667788)
    assert mem.read_u32(0x1FFC) == 0x55667788
    assert mem.read_u64(0x1FFC) == 0x1122334455667788
    mem.zero(0x1F00, 0x200)
    assert mem.read(0x1F00, 0x200) == bytes(0x200)


def test_faults_leave_what_was_stored(mem: UserMemory) -> None:
    with pytest.raises(LinuxError) as caught:
        mem.write(0x2FF0, b"x" * 32)
    assert caught.value.errno is Errno.EFAULT
    assert mem.read(0x2FF0, 16) == b"x" * 16
    for bad in (0, 0x3000, 0x5000, (1 << 64) - 4):
        with pytest.raises(LinuxError):
            mem.read(bad, 8)
    with pytest.raises(LinuxError):
        mem.write_u8(0x4000, 1)
    assert mem.read(0x7777, 0) == b""
    mem.write(0x7777, b"")


def test_usable(mem: UserMemory) -> None:
    assert mem.usable(0x1800, 0x10000) == 0x1800
    assert mem.usable(0x1800, 5) == 5
    assert mem.usable(0x3000, 5) == 0
    assert mem.usable(0x4000, 5, 2) == 0
    assert mem.usable(0x4000, 5, 1) == 5


def test_strings(mem: UserMemory) -> None:
    mem.write(0x1FFE, b"hello\0")
    assert mem.read_cstr(0x1FFE) == b"hello"
    with pytest.raises(LinuxError) as caught:
        mem.read_cstr(0x1FFE, 5)
    assert caught.value.errno is Errno.ENAMETOOLONG
    mem.write(0x2FFE, b"no")
    with pytest.raises(LinuxError) as caught:
        mem.read_cstr(0x2FFE)
    assert caught.value.errno is Errno.EFAULT


def test_arrays_and_structs(mem: UserMemory) -> None:
    mem.write(0x1FF0, Struct("<4Q").pack(1, 2, 3, 0))
    assert mem.read_ptr_array(0x1FF0) == [1, 2, 3]
    with pytest.raises(LinuxError) as caught:
        mem.read_ptr_array(0x1FF0, 2)
    assert caught.value.errno is Errno.E2BIG
    assert mem.read_struct(0x1FF0, Struct("<QI")) == (1, 2)
    mem.write_u16(0x1000, 0x12345)
    assert mem.read_u16(0x1000) == 0x2345
    assert mem.read_u8(0x1001) == 0x23
