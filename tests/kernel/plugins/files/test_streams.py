"""Pipes, FIFOs, eventfd, poll and select, sendfile."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kernel.crates.errno import Errno, LinuxError
from kernel.modules.axtask.task import WaitOutcome

O_NONBLOCK = 0o4000


def pipe(guest: Any, flags: int = 0) -> tuple[int, int]:
    va = guest.room(8)
    guest("pipe2", va, flags)
    found: tuple[int, int] = struct.unpack("<2i", guest.get(va, 8))
    return found


def test_bytes_in_order(guest: Any, blocked: Any) -> None:
    r, w = pipe(guest)
    assert (r, w) == (3, 4)
    assert guest.write(w, b"hello ") == 6
    assert guest.write(w, b"world") == 5
    assert guest.read(r, 8) == b"hello wo"
    assert guest.read(r, 100) == b"rld"
    with pytest.raises(blocked) as waits:
        guest.read(r)
    assert waits.value.queues == ["pipe:[1] readers"]
    guest.t._thread.fds.get(w).file.write(guest.t, b"late")
    assert guest.again() == 4
    guest("close", w)
    assert guest.read(r) == b""
    assert guest.err("write", r, b"x", 1) == Errno.EBADF
    assert guest.err("lseek", r, 0, 0) == Errno.ESPIPE
    assert guest.err("pread64", r, guest.scratch, 1, 0) == Errno.ESPIPE


def test_broken_pipe(guest: Any) -> None:
    r, w = pipe(guest)
    guest("close", r)
    assert guest.err("write", w, b"x", 1) == Errno.EPIPE
    assert guest.t.signal.pending.mask == 1 << 12
    assert guest.write(w, b"") == 0


def test_full_pipe(guest: Any, blocked: Any) -> None:
    r, w = pipe(guest)
    used = guest.kernel.alloc.used_pages
    buf = guest.scratch + 0x4000
    for _ in range(15):
        assert guest("write", w, buf, 4096) == 4096
    assert guest("write", w, buf, 4000) == 4000
    assert guest.kernel.alloc.used_pages == used + 16
    with pytest.raises(blocked):  # 96 bytes are free, but 100 must not be torn
        guest("write", w, buf, 100)
    assert guest("write", w, buf, 96) == 96
    guest("fcntl", w, 4, O_NONBLOCK)
    assert guest.err("write", w, buf, 1) == Errno.EAGAIN
    guest("read", r, buf, 4096)
    assert guest("write", w, buf, 8192) == 4096
    guest("fcntl", w, 4, 0)
    guest("read", r, buf, 4096)
    with pytest.raises(blocked):
        guest("write", w, buf, 9000)
    assert guest.t.wait_state == 4096
    # Draining lets it go on from where it was.
    guest.t.fds.get(r).file.pipe.take(1 << 20)
    assert guest.again() == 9000
    assert guest("ioctl", r, 0x541B, buf) == 0
    assert struct.unpack("<i", guest.get(buf, 4)) == (9000 - 4096,)
    guest("close", r)
    guest("close", w)
    assert guest.kernel.alloc.used_pages <= used
    assert "pipe:[1] readers" not in guest.kernel.tasks.wait_queues


def test_interrupted(guest: Any, blocked: Any) -> None:
    r, w = pipe(guest)
    with pytest.raises(blocked):
        guest.read(r)
    with pytest.raises(LinuxError) as caught:
        guest.again(WaitOutcome.SIGNAL)
    assert caught.value.errno == Errno.ERESTARTSYS
    buf = guest.scratch + 0x4000
    with pytest.raises(blocked):
        for _ in range(17):
            guest("write", w, buf, 5000)
    assert 0 < guest.t.wait_state < 5000
    assert guest.again(WaitOutcome.SIGNAL) == guest.t.wait_state


def test_sizes(guest: Any) -> None:
    r, w = pipe(guest)
    assert guest("fcntl", r, 1032) == 65536
    assert guest("fcntl", w, 1031, 5000) == 8192
    assert guest("fcntl", r, 1032) == 8192
    assert guest.err("fcntl", r, 1031, 1 << 30) == Errno.EPERM
    assert guest.err("fcntl", 0, 1032) == Errno.EBADF
    stat = guest.room(144)
    guest("fstat", r, stat)
    assert struct.unpack("<I", guest.get(stat + 24, 4)) == (0o010600,)


def test_a_bad_buffer_loses_nothing(guest: Any) -> None:
    r, w = pipe(guest)
    guest.write(w, b"abcdef")
    assert guest.err("read", r, 8, 4) == Errno.EFAULT
    assert guest.err("write", w, 8, 4) == Errno.EFAULT


def test_poll(guest: Any, blocked: Any) -> None:
    r, w = pipe(guest)
    fds = guest.put(struct.pack("<ihHihHihHihH", r, 1, 0, w, 4, 0, -1, 1, 7, 99, 1, 0))
    assert guest("poll", fds, 4, -1) == 2
    assert struct.unpack("<6xH6xH6xH6xH", guest.get(fds, 32)) == (0, 4, 0, 0x20)
    only = guest.put(struct.pack("<ihH", r, 1, 0))
    assert guest("poll", only, 1, 0) == 0
    with pytest.raises(blocked) as waits:
        guest("poll", only, 1, 50)
    now = guest.kernel.events.time_ns
    assert waits.value.deadline_ns == now + 50_000_000
    assert guest.again(WaitOutcome.TIMEOUT) == 0
    with pytest.raises(blocked):
        guest("poll", only, 1, -1)
    guest.t.fds.get(w).file.write(guest.t, b"x")
    assert guest.again() == 1
    guest.read(r)
    guest("close", w)
    assert guest("poll", only, 1, -1) == 1
    assert struct.unpack("<6xH", guest.get(only, 8)) == (0x10,)
    with pytest.raises(blocked):
        guest("poll", 0, 0, 10)
    with pytest.raises(LinuxError) as caught:
        guest.again(WaitOutcome.SIGNAL)
    assert caught.value.errno == Errno.ERESTARTNOHAND
    assert guest.err("poll", 0, 2000, 0) == Errno.EINVAL


def test_ppoll_mask_and_rest(guest: Any, blocked: Any) -> None:
    r, _ = pipe(guest)
    fds = guest.put(struct.pack("<ihH", r, 1, 0))
    timeout = guest.put(struct.pack("<qq", 1, 0))
    mask = guest.put(struct.pack("<Q", 1 << 9))
    with pytest.raises(blocked):
        guest("ppoll", fds, 1, timeout, mask, 8)
    assert guest.t.signal.blocked == 1 << 9
    assert guest.t.signal.saved_mask == 0
    guest.kernel.events.time_ns += 400_000_000
    guest.t.fds.get(r).file.pipe.writers = 0
    assert guest.again() == 1
    seconds, nanos = struct.unpack("<qq", guest.get(timeout, 16))
    assert seconds == 0
    assert 590_000_000 < nanos <= 600_000_000
    assert guest.err("ppoll", fds, 1, timeout, mask, 4) == Errno.EINVAL


def test_select(guest: Any, blocked: Any) -> None:
    r, w = pipe(guest)
    reads, writes = guest.put(struct.pack("<Q", 1 << r)), guest.put(struct.pack("<Q", 1 << w))
    assert guest("select", 10, reads, writes, 0, 0) == 1
    assert guest.get(reads, 8) == bytes(8)
    assert guest.get(writes, 8) == struct.pack("<Q", 1 << w)
    timeout = guest.put(struct.pack("<qq", 0, 5000))
    with pytest.raises(blocked) as waits:
        guest("select", 10, guest.put(struct.pack("<Q", 1 << r)), 0, 0, timeout)
    assert waits.value.deadline_ns == guest.kernel.events.time_ns + 5_000_000
    assert guest.again(WaitOutcome.TIMEOUT) == 0
    assert guest.err("select", 64, guest.put(struct.pack("<Q", 1 << 60)), 0, 0, 0) == 9
    assert guest.err("select", -1, 0, 0, 0, 0) == Errno.EINVAL
    zero = guest.put(bytes(16))
    assert guest("pselect6", 0, 0, 0, 0, zero, 0) == 0


def test_fifo(guest: Any, blocked: Any) -> None:
    guest("mknod", "/tmp/fifo", 0o010644, 0)
    assert guest.err("open", "/tmp/fifo", 1 | O_NONBLOCK, 0) == Errno.ENXIO
    with pytest.raises(blocked):
        guest("open", "/tmp/fifo", 0, 0)
    waiting, state = guest.pending, guest.t.wait_state
    writer = guest("open", "/tmp/fifo", 1, 0)
    guest.pending, guest.t.wait_state = waiting, state
    reader = guest.again()
    guest.write(writer, b"through")
    assert guest.read(reader) == b"through"
    both = guest("open", "/tmp/fifo", 2, 0)
    guest.write(both, b"x")
    assert guest.read(both) == b"x"
    for fd in (writer, reader, both):
        guest("close", fd)
    assert not guest.kernel.fs.lookup("/tmp/fifo").attached.buffers


def test_eventfd(guest: Any, blocked: Any) -> None:
    fd = guest("eventfd2", 3, 0)
    assert guest.read(fd, 8) == struct.pack("<Q", 3)
    with pytest.raises(blocked):
        guest.read(fd, 8)
    guest.write(fd, struct.pack("<Q", 2))
    guest.write(fd, struct.pack("<Q", 5))
    assert guest.read(fd, 8) == struct.pack("<Q", 7)
    assert guest.err("read", fd, guest.scratch, 4) == Errno.EINVAL
    assert guest.err("write", fd, struct.pack("<Q", (1 << 64) - 1), 8) == Errno.EINVAL
    one = guest("eventfd2", 2, 1 | O_NONBLOCK)
    assert guest.read(one, 8) == struct.pack("<Q", 1)
    assert guest.read(one, 8) == struct.pack("<Q", 1)
    assert guest.err("read", one, guest.scratch, 8) == Errno.EAGAIN


def test_sendfile_and_copy(guest: Any) -> None:
    source = guest.open("/etc/passwd")
    size = len(guest.read(source, 4096))
    target = guest.open("/tmp/copy", 0o102)
    offset = guest.put(struct.pack("<q", 5))
    assert guest("sendfile", target, source, offset, 1 << 40) == size - 5
    assert struct.unpack("<q", guest.get(offset, 8)) == (size,)
    r, w = pipe(guest)
    guest("lseek", source, 0, 0)
    assert guest("sendfile", w, source, 0, 10) == 10
    assert guest.read(r) == b"root:x:0:0"
    assert guest.err("sendfile", w, r, 0, 10) == Errno.EINVAL
    again = guest.open("/tmp/again", 0o102)
    guest("lseek", target, 0, 0)
    assert guest("copy_file_range", target, 0, again, 0, 1 << 30, 0) == size - 5
    assert guest.err("copy_file_range", target, 0, r, 0, 1, 0) == Errno.EINVAL
    assert guest.err("splice", r, 0, w, 0, 1, 0) == Errno.EINVAL


def test_opening_a_pipe_again_through_proc(guest: Any, blocked: Any) -> None:
    r, w = pipe(guest)
    again = guest.open(f"/proc/self/fd/{r}", 0o1)  # the reader's link, opened for writing
    guest("close", w)
    assert guest.write(again, b"more") == 4
    assert guest.read(r) == b"more"
    with pytest.raises(blocked):  # one writer is left
        guest.read(r)
    guest("close", again)
    assert guest.read(r) == b""
    assert guest.open(f"/dev/fd/{r}", 0o1) == w  # an anonymous pipe does not wait for readers
    link = guest.room(64)
    size = guest("readlink", guest.put(f"/proc/self/fd/{w}"), link, 64)
    assert guest.get(link, size) == b"pipe:[1]"


def test_opening_anonymous_files_again(guest: Any) -> None:
    event = guest("eventfd2", 0, 0)
    assert guest.err("open", guest.put(f"/proc/self/fd/{event}"), 0, 0) == Errno.ENXIO


def test_standard_streams_by_name(guest_class: Any) -> None:
    guest = guest_class(stdio=("pipe", "pipe", "pipe"))
    out = guest.open("/dev/stdout", 0o1001)  # as a shell's > does
    assert guest.write(out, b"to the host") == 11
    assert guest.output == b"to the host"
    assert guest.err("open", guest.put("/dev/stdout"), 0, 0) == Errno.ENXIO
