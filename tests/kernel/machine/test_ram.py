from __future__ import annotations

import os

import pytest

from kernel.machine.ram import Ram

BASE = 0x8000_0000


def test_words_are_little_endian_and_aligned():
    ram = Ram(BASE, 0x4000)
    ram.write_u64(BASE + 8, 0x1122334455667788)
    assert ram.read_u32(BASE + 8) == 0x55667788
    assert ram.read_u16(BASE + 14) == 0x1122
    assert ram.read_u8(BASE + 8) == 0x88
    assert ram.read(BASE + 8, 2) == b"\x88\x77"
    ram.write_u16(BASE, 0xBEEF)
    ram.write_u32(BASE + 4, 0xCAFE)
    assert ram.read_u64(BASE) == 0x0000CAFE_0000BEEF
    for bad in (BASE + 1, BASE + 4):
        with pytest.raises(IndexError):
            ram.read_u64(bad)


@pytest.mark.parametrize("size", [0x3000, 0x4000])
def test_outside_is_an_index_error(size: int):
    ram = Ram(BASE, size)
    for pa in (BASE - 8, BASE + size, BASE + 0x4000, 0, 1 << 60):
        for call in (ram.read_u8, ram.read_u16, ram.read_u32, ram.read_u64):
            with pytest.raises(IndexError):
                call(pa)
        for store in (ram.write_u8, ram.write_u16, ram.write_u32, ram.write_u64):
            with pytest.raises(IndexError):
                store(pa, 0)
    for bad in (
        lambda: ram.read(BASE + size - 4, 8),
        lambda: ram.write(BASE - 1, b"ab"),
        lambda: ram.zero(BASE, size + 1),
        lambda: ram.copy(BASE, BASE + 8, size),
    ):
        with pytest.raises(IndexError):
            bad()
    assert not ram.dirty


def test_marks_dirty_touched_and_code():
    ram = Ram(BASE, 0x8000)
    seen: list[int] = []
    ram.on_code_write = seen.append
    ram.exec_frames.add((BASE >> 12) + 1)
    ram.write(BASE + 0xFFC, b"12345678")
    assert ram.dirty == {BASE >> 12, (BASE >> 12) + 1} == ram.touched
    assert seen == [BASE + 0x1000]
    ram.dirty.clear()
    ram.write_u64(BASE + 0x1000, 1)
    ram.copy(BASE + 0x2000, BASE + 0x1000, 0x1000)
    assert ram.read_u64(BASE + 0x2000) == 1
    assert seen == [BASE + 0x1000] * 2
    assert ram.dirty == {(BASE >> 12) + 1, (BASE >> 12) + 2}


def test_zero_skips_frames_nobody_wrote():
    ram = Ram(BASE, 0x8000)
    ram.zero(BASE, 0x1000)
    ram.zero(BASE, 0x8000)
    assert not ram.dirty
    ram.write(BASE + 0x1800, b"x" * 0x1000)
    ram.dirty.clear()
    ram.zero(BASE + 0x1900, 0x800)
    assert ram.read(BASE + 0x1800, 0x100) == b"x" * 0x100
    assert ram.read(BASE + 0x1900, 0x800) == bytes(0x800)
    assert ram.read(BASE + 0x2100, 0x700) == b"x" * 0x700
    assert ram.dirty == {(BASE >> 12) + 1, (BASE >> 12) + 2}


def test_frames_round_trip():
    ram = Ram(BASE, 0x2000)
    data = bytes(range(256)) * 16
    ram.load_frame((BASE >> 12) + 1, data)
    assert ram.frame(BASE + 0x1234) == data
    with pytest.raises(ValueError, match="4096"):
        ram.load_frame(BASE >> 12, b"short")
    with pytest.raises(ValueError, match="multiples of 4096"):
        Ram(BASE + 1, 0x1000)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_write_here():
    ram = Ram(BASE, 0x1000)
    child = os.fork()
    if child == 0:
        ram.write_u64(BASE, 7)
        os._exit(0)
    os.waitpid(child, 0)
    assert ram.read_u64(BASE) == 0
