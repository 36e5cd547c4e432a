"""The terminal's line discipline, redirected standard descriptors, /proc of a real process."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kernel.crates.errno import Errno
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.core.stdio import console_input, terminal_of

TCGETS, TCSETS = 0x5401, 0x5402
ICANON, ECHO, ISIG = 2, 8, 1


def modes(guest: Any) -> list[int]:
    va = guest.room(36)
    guest("ioctl", 0, TCGETS, va)
    return list(guest.get(va, 36))


def set_lflag(guest: Any, clear: int, minimum: int = 1, tenths: int = 0) -> None:
    raw = bytearray(modes(guest))
    lflag = struct.unpack_from("<I", raw, 12)[0] & ~clear
    struct.pack_into("<I", raw, 12, lflag)
    raw[17 + 6], raw[17 + 5] = minimum, tenths
    guest("ioctl", 0, TCSETS, bytes(raw))


def test_output_gets_carriage_returns(guest: Any) -> None:
    assert guest.write(1, b"a\nb\n") == 4
    assert guest.output == b"a\r\nb\r\n"
    assert guest.write(2, b"!") == 1
    iov = guest.put(struct.pack("<4Q", guest.put(b"x1"), 2, guest.put(b"y2\n"), 3))
    assert guest("writev", 1, iov, 2) == 5
    assert guest.output.endswith(b"!x1y2\r\n")


def test_default_modes(guest: Any) -> None:
    raw = bytes(modes(guest))
    iflag, oflag, cflag, lflag = struct.unpack_from("<4I", raw)
    assert (iflag, oflag, cflag, lflag) == (0o42400, 0o5, 0o2277, 0o105073)
    assert raw[17:24] == bytes((3, 28, 127, 21, 4, 0, 1))


def test_lines(guest: Any, blocked: Any) -> None:
    with pytest.raises(blocked) as waits:
        guest.read(0)
    assert waits.value.queues == ["console"]
    guest.type(b"hel")
    with pytest.raises(blocked):
        guest.again()
    guest.type(b"lo\rmore\n")
    assert guest.again() == 6
    assert guest.read(0, 3) == b"mor"
    assert guest.read(0) == b"e\n"
    assert guest.output == b"hello\r\nmore\r\n"


def test_editing(guest: Any) -> None:
    guest.type(b"abx\x7fc\n")
    assert guest.read(0) == b"abc\n"
    assert guest.output == b"abx\b \bc\r\n"
    guest.type(b"one two\x17six\n")
    assert guest.read(0) == b"one six\n"
    guest.type(b"junk\x15ok\n")
    assert guest.read(0) == b"ok\n"
    guest.type(b"\xc3\xa4\x7fb\n")  # a character of two bytes goes at once
    assert guest.read(0) == b"b\n"
    guest.type(b"\x16\x03\n")  # ^V ^C
    assert guest.read(0) == b"\x03\n"
    guest.type(b"x" * 5000 + b"\n")
    line = b""
    while not line.endswith(b"\n"):
        line += guest.read(0, 3000)
    assert len(line) <= 4096


def test_end_of_file(guest: Any, blocked: Any) -> None:
    guest.type(b"par\x04tial\n\x04")
    assert guest.read(0) == b"par"
    assert guest.read(0) == b"tial\n"
    assert guest.read(0) == b""
    with pytest.raises(blocked):
        guest.read(0)
    guest.type(b"tail")
    guest.kernel.board.console.eof = True
    assert guest.again() == 4
    assert guest.read(0) == b""
    assert guest.read(0) == b""


def test_interrupt_character(guest: Any) -> None:
    guest.type(b"half\x03")
    console_input(guest.kernel)
    assert guest.t.process.signal.pending.mask == 1 << 1
    assert guest.output == b"half^C"
    assert terminal_of(guest.kernel).line == b""  # type: ignore[union-attr]
    set_lflag(guest, ISIG)
    guest.type(b"\x1c\n")
    assert guest.read(0) == b"\x1c\n"


def test_raw_mode(guest: Any, blocked: Any) -> None:
    set_lflag(guest, ICANON | ECHO)
    with pytest.raises(blocked):
        guest.read(0)
    guest.type(b"q")
    assert guest.again() == 1
    assert guest.output == b""
    set_lflag(guest, 0, minimum=3)
    guest.type(b"ab")
    with pytest.raises(blocked):
        guest.read(0)
    guest.type(b"c")
    assert guest.again() == 3
    set_lflag(guest, 0, minimum=0)
    assert guest.read(0) == b""
    set_lflag(guest, 0, minimum=0, tenths=5)
    with pytest.raises(blocked) as waits:
        guest.read(0)
    assert waits.value.deadline_ns == guest.kernel.events.time_ns + 500_000_000
    assert guest.again(WaitOutcome.TIMEOUT) == 0
    set_lflag(guest, 0, minimum=4, tenths=1)
    guest.type(b"xy")
    with pytest.raises(blocked) as waits:
        guest.read(0)
    assert waits.value.deadline_ns is not None
    assert guest.again(WaitOutcome.TIMEOUT) == 2


def test_half_a_line_becomes_readable_in_raw_mode(guest: Any, blocked: Any) -> None:
    guest.type(b"half")
    with pytest.raises(blocked):
        guest.read(0)
    set_lflag(guest, ICANON)
    assert guest.read(0) == b"half"


def test_ioctls(guest: Any) -> None:
    buf = guest.room(64)
    guest("ioctl", 1, 0x5413, buf)
    assert struct.unpack("<4H", guest.get(buf, 8)) == (24, 80, 0, 0)
    guest("ioctl", 1, 0x5414, struct.pack("<4H", 50, 132, 0, 0))
    assert guest.kernel.board.console.window == (132, 50)
    guest("ioctl", 0, 0x540F, buf)
    assert struct.unpack("<i", guest.get(buf, 4)) == (guest.t.process.pgid,)
    assert guest.err("ioctl", 0, 0x5410, struct.pack("<i", 999)) == Errno.ESRCH
    guest.type(b"abc\n")
    guest("ioctl", 0, 0x541B, buf)
    assert struct.unpack("<i", guest.get(buf, 4)) == (4,)
    assert guest.err("ioctl", 0, 0x1234, buf) == Errno.ENOTTY
    file = guest.open("/etc/passwd")
    assert guest.err("ioctl", file, TCGETS, buf) == Errno.ENOTTY
    guest("fstat", 1, buf := guest.room(144))
    mode, rdev = struct.unpack("<I", guest.get(buf + 24, 4))[0], guest.get(buf + 40, 8)
    assert (mode, int.from_bytes(rdev, "little")) == (0o020620, 136 << 8)
    link = guest.get(buf, guest("readlink", "/proc/self/fd/1", buf, 99))
    assert link == b"/dev/pts/0"
    tty = guest.open("/dev/tty", 2)
    assert guest.write(tty, b"again") == 5
    assert guest.output.endswith(b"again")


@pytest.mark.parametrize(("kind", "mode"), [("pipe", 0o010600), ("file", 0o100644)])
def test_redirected(guest_class: Any, blocked: Any, kind: str, mode: int) -> None:
    guest = guest_class(stdio=(kind, kind, "null"))
    assert guest.write(1, b"a\n") == 2
    assert guest.write(2, b"nowhere") == 7
    assert guest.output == b"a\n"
    assert guest.err("ioctl", 1, TCGETS, guest.room(64)) == Errno.ENOTTY
    buf = guest.room(144)
    guest("fstat", 1, buf)
    assert struct.unpack("<I", guest.get(buf + 24, 4)) == (mode,)
    with pytest.raises(blocked):
        guest.read(0)
    guest.type(b"no line")
    assert guest.again() == 7
    guest.kernel.board.console.eof = True
    assert guest.read(0) == b""
    seek = guest.err("lseek", 1, 0, 1)
    assert seek == (Errno.ESPIPE if kind == "pipe" else 2)
    assert guest.err("openat", -100, "/dev/tty", 2, 0) == Errno.ENXIO
    assert guest.err("write", 0, b"x", 1) == Errno.EBADF


def test_partly_mapped_buffers(guest: Any) -> None:
    end = guest.scratch + 0x10000
    guest.t.mem.write(end - 4, b"tail")
    assert guest("write", 1, end - 4, 100) == 4
    assert guest.output == b"tail"
    assert guest.err("write", 1, end + 4096, 1) == Errno.EFAULT
    assert guest.err("write", 1, 1 << 63, 1) == Errno.EFAULT
    fd = guest.open("/etc/passwd")
    assert guest("read", fd, end - 4, 100) == 4
    assert guest("lseek", fd, 0, 1) == 4
    assert guest.err("read", fd, end, 1) == Errno.EFAULT
    assert guest.err("read", fd, guest.scratch, 1 << 63) == Errno.EFAULT
    assert guest("read", fd, guest.scratch, 1 << 30) > 0
    assert guest.err("readv", fd, guest.put(struct.pack("<2Q", 0, 1 << 63)), 1) == Errno.EINVAL
    assert guest.err("readv", fd, 0, 1025) == Errno.EINVAL
    assert guest("write", guest.open("/dev/null", 1), 1, 1 << 40) == 0x7FFFF000


def test_proc(guest: Any) -> None:
    def text(path: str) -> bytes:
        fd = guest.open(path)
        data = b""
        while part := guest.read(fd, 500):
            data += part
        guest("close", fd)
        return data

    assert text("/proc/self/cmdline") == b"/bin/prog\0"
    assert b"/bin/prog" in text("/proc/self/maps")
    assert b"Name:\tprog\n" in text("/proc/self/status")
    assert text(f"/proc/{guest.t.process.pid}/comm") == b"prog\n"
    assert len(text("/proc/self/stat").split()) == 52
    assert text("/proc/meminfo").startswith(b"MemTotal: ")
    assert b"processor\t: 0" in text("/proc/cpuinfo")
    for name in ("uptime", "stat", "version", "loadavg", "filesystems", "mounts", "cmdline"):
        assert text(f"/proc/{name}")
    for name in ("limits", "statm", "environ", "auxv", "smaps"):
        assert text(f"/proc/self/{name}") or name == "environ"
    buf = guest.room(256)
    assert guest.get(buf, guest("readlink", "/proc/self/exe", buf, 256)) == b"/bin/prog"
    assert guest.get(buf, guest("readlink", "/proc/self/cwd", buf, 256)) == b"/"
    assert text("/proc/self/exe")[:4] == b"\x7fELF"
    fd = guest.open("/tmp/gone", 0o102)
    guest.write(fd, b"still here")
    guest("unlink", "/tmp/gone")
    size = guest("readlink", f"/proc/self/fd/{fd}", buf, 256)
    assert guest.get(buf, size) == b"/tmp/gone (deleted)"
    assert text(f"/proc/self/fd/{fd}") == b"still here"
    guest("close", fd)


def test_everything_comes_back(guest: Any) -> None:
    """Frames, kernel bytes and wait queues after a file's life."""
    alloc = guest.kernel.alloc
    guest.write(1, b"warm up the pages of the stack")
    before = (alloc.used_pages, len(alloc.live), len(guest.kernel.tasks.wait_queues))
    fd = guest.open("/tmp/f", 0o102)
    guest("write", fd, guest.scratch, 30_000)
    memory = guest("memfd_create", "name", 1)
    guest.write(memory, b"unnamed")
    va = guest.room(8)
    guest("pipe2", va, 0)
    guest("write", fd + 3, guest.scratch, 20_000)
    event = guest("eventfd2", 1, 0)
    guest("unlink", "/tmp/f")
    for number in (fd, memory, fd + 2, fd + 3, event):
        guest("close", number)
    after = (alloc.used_pages, len(alloc.live), len(guest.kernel.tasks.wait_queues))
    assert after == before


def test_limit_of_the_file_system(guest: Any) -> None:
    fd = guest.open("/tmp/big", 0o102)
    budget = guest.kernel.fs.lookup("/tmp").fs.budget
    budget.limit_pages = 4
    assert guest("write", fd, guest.scratch, 0xF000) == 4 * 4096
    assert guest.err("write", fd, guest.scratch, 1) == Errno.ENOSPC
    assert guest.err("fallocate", fd, 0, 0, 1 << 30) == Errno.ENOSPC
    assert guest("ftruncate", fd, 1 << 40) == 0
    assert guest("fallocate", fd, 3, 0, 1 << 40) == 0
    assert budget.used_pages == 0
    assert guest.write(fd, b"room again") == 10
