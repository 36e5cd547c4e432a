"""Descriptors, flags, limits and struct layouts."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kernel.crates.errno import Errno
from kernel.plugins.starry.core.limits import Resource

O_CREAT, O_RDWR, O_CLOEXEC, O_APPEND, O_NONBLOCK, O_PATH = (
    0o100, 2, 0o2000000, 0o2000, 0o4000, 0o10000000,
)  # fmt: skip


def test_lowest_free_number(guest: Any) -> None:
    a, b = guest.open("/etc/passwd"), guest.open("/etc/group")
    assert (a, b) == (3, 4)
    guest("close", a)
    assert guest("dup", b) == 3
    assert guest("fcntl", b, 0, 10) == 10
    assert guest("fcntl", b, 1030, 10) == 11
    assert guest("fcntl", 11, 1) == 1
    assert guest("fcntl", 10, 1) == 0
    assert guest.err("close", 99) == Errno.EBADF
    assert guest.err("close", -1) == Errno.EBADF


def test_dup_shares_the_offset(guest: Any) -> None:
    fd = guest.open("/etc/passwd")
    twin = guest("dup3", fd, 40, O_CLOEXEC)
    assert guest.read(fd, 4) == b"root"
    assert guest.read(twin, 3) == b":x:"
    assert guest("lseek", fd, 0, 1) == 7
    assert guest.err("dup3", fd, fd, 0) == Errno.EINVAL
    assert guest.err("dup3", fd, 50, 1) == Errno.EINVAL
    assert guest.err("dup2", fd, 1024) == Errno.EBADF
    assert guest.err("dup2", 77, 77) == Errno.EBADF
    assert guest("dup2", fd, fd) == fd


def test_limits(guest: Any) -> None:
    guest.t.process.limits.set(Resource.NOFILE, 4, 1024)
    assert guest.open("/etc/passwd") == 3
    assert guest.err("openat", -100, "/etc/passwd", 0, 0) == Errno.EMFILE
    assert guest.err("dup", 0) == Errno.EMFILE
    assert guest.err("fcntl", 0, 0, 4) == Errno.EINVAL
    assert guest.err("pipe2", guest.room(8), 0) == Errno.EMFILE
    assert list(guest.t.fds.objects.ids()) == [0, 1, 2, 3]
    guest("close", 3)
    guest.t.process.limits.set(Resource.FSIZE, 10, 10)
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    assert guest.write(fd, b"123456789012") == 10
    assert guest.err("write", fd, b"x", 1) == Errno.EFBIG
    assert guest.t.signal.pending.mask == 1 << 24  # SIGXFSZ
    assert guest.err("ftruncate", fd, 11) == Errno.EFBIG


def test_status_flags(guest: Any) -> None:
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR | O_CLOEXEC)
    assert guest("fcntl", fd, 3) == 0o100002
    assert guest("fcntl", fd, 4, O_APPEND | O_NONBLOCK | O_CREAT | 1) == 0
    assert guest("fcntl", fd, 3) == 0o106002
    assert guest("fcntl", fd, 1) == 1
    assert guest("ioctl", fd, 0x5450, 0) == 0  # FIONCLEX
    assert guest("fcntl", fd, 1) == 0
    assert guest("ioctl", fd, 0x5421, guest.put(struct.pack("<i", 0))) == 0
    assert guest("fcntl", fd, 3) == 0o102002
    assert guest.err("fcntl", fd, 999) == Errno.EINVAL


def test_aarch64_numbers_flags_its_own_way(guest_class: Any) -> None:
    guest = guest_class("aarch64")
    assert guest.err("openat", -100, "/etc/passwd", 0o40000, 0) == Errno.ENOTDIR  # O_DIRECTORY
    fd = guest("openat", -100, "/etc", 0o40000, 0)
    assert guest("fcntl", fd, 3) == 0o440000
    guest("symlinkat", "etc", -100, "/link")
    assert guest.err("openat", -100, "/link", 0o100000, 0) == Errno.ELOOP  # O_NOFOLLOW


def test_o_path(guest: Any) -> None:
    fd = guest.open("/etc/passwd", O_PATH)
    assert guest.err("read", fd, guest.scratch, 1) == Errno.EBADF
    assert guest.err("ioctl", fd, 0x5401, 0) == Errno.EBADF
    assert guest.err("fchmod", fd, 0) == Errno.EBADF
    assert guest("fcntl", fd, 3) == O_PATH
    assert guest("fstat", fd, guest.room(144)) == 0
    etc = guest.open("/etc", O_PATH)
    assert guest("faccessat", etc, "passwd", 4) == 0
    assert guest("fchdir", etc) == 0
    link = guest.open("/dev/fd", O_PATH | 0o400000)
    buf = guest.room(64)
    assert guest.get(buf, guest("readlinkat", link, "", buf, 64)) == b"/proc/self/fd"


def test_close_range(guest: Any) -> None:
    for number in (5, 6, 7):
        guest("dup2", 0, number)
    assert guest("close_range", 6, 0xFFFF_FFFF, 4) == 0
    assert [guest("fcntl", fd, 1) for fd in (5, 6, 7)] == [0, 1, 1]
    assert guest("close_range", 6, 0xFFFF_FFFF, 0) == 0
    assert list(guest.t.fds.objects.ids()) == [0, 1, 2, 5]
    assert guest.err("close_range", 3, 2, 0) == Errno.EINVAL


def test_fork_and_exec_of_the_table(guest: Any) -> None:
    table = guest.t.fds
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR | O_CLOEXEC)
    child = table.copy()
    file = table.get(fd)
    assert child.get(fd) is file
    assert file.refs == 2
    child.close_on_exec()
    assert list(child.objects.ids()) == [0, 1, 2]
    child.dropped()
    assert file.refs == 1
    assert table.get(0).refs == 6  # opened once; the kernel namespace has its table of it too


def test_locks_are_granted(guest: Any) -> None:
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    lock = guest.put(struct.pack("<hh4xqqi4x", 1, 0, 0, 0, 0))
    assert guest("fcntl", fd, 6, lock) == 0
    assert guest("fcntl", fd, 5, lock) == 0
    assert struct.unpack("<h", guest.get(lock, 2)) == (2,)  # F_UNLCK
    reader = guest.open("/tmp/f")
    bad = guest.put(struct.pack("<hh4xqqi4x", 1, 0, 0, 0, 0))
    assert guest.err("fcntl", reader, 6, bad) == Errno.EBADF
    assert guest.err("fcntl", fd, 6, guest.put(struct.pack("<hh4xqqi4x", 7, 0, 0, 0, 0))) == 22
    assert guest("flock", fd, 2 | 4) == 0
    assert guest.err("flock", fd, 3) == Errno.EINVAL


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
def test_stat_layouts(guest_class: Any, arch: str) -> None:
    try:
        guest = guest_class(arch)
    except ValueError as error:
        pytest.skip(str(error))  # an engine that is not installed
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR, 0o640)
    guest.write(fd, b"x" * 5000)
    guest("fchown", fd, 5, 6)
    buf = guest.room(256)
    guest("fstat", fd, buf)
    raw = guest.get(buf, 144)
    if arch == "x86_64":
        dev, ino, nlink, mode, uid, gid, rdev, size, blksize, blocks = struct.unpack_from(
            "<QQQIII4xQqqq", raw
        )
        mtime = struct.unpack_from("<qq", raw, 88)
    else:
        dev, ino, mode, nlink, uid, gid, rdev, size, blksize, blocks = struct.unpack_from(
            "<QQIIIIQ8xqi4xq", raw
        )
        mtime = struct.unpack_from("<qq", raw, 88)
    assert (nlink, mode, uid, gid, rdev, size, blksize, blocks) == (
        1, 0o100640, 5, 6, 0, 5000, 4096, 16,
    )  # fmt: skip
    assert mtime[0] == 1_748_736_000
    guest("statx", fd, "", 0x1000, 0xFFF, buf)
    raw = guest.get(buf, 256)
    mask, blksize, _, nlink, uid, gid, mode, ino_x, size, blocks = struct.unpack_from(
        "<IIQIIIH2xQQQ", raw
    )
    assert mask & 0xFFF == 0xFFF
    assert (blksize, nlink, uid, gid, mode, ino_x, size, blocks) == (
        4096, 1, 5, 6, 0o100640, ino, 5000, 16,
    )  # fmt: skip
    assert struct.unpack_from("<qI", raw, 112) == mtime  # stx_mtime
    assert dev == 2


def test_getdents_records(guest: Any) -> None:
    guest("mkdir", "/tmp/d", 0o755)
    for name in ("a", "bb", "ccccccccc"):
        guest("close", guest.open(f"/tmp/d/{name}", O_CREAT))
    fd = guest.open("/tmp/d", 0o200000)
    buf = guest.room(512)
    size = guest("getdents64", fd, buf, 512)
    raw, found = guest.get(buf, size), []
    while raw:
        _, _, length, kind = struct.unpack_from("<QqHB", raw)
        assert length % 8 == 0
        found.append((raw[19:length].split(b"\0")[0], kind))
        raw = raw[length:]
    assert found == [(b".", 4), (b"..", 4), (b"a", 8), (b"bb", 8), (b"ccccccccc", 8)]
    assert guest("getdents64", fd, buf, 512) == 0
    guest("lseek", fd, 0, 0)
    assert guest.err("getdents64", fd, buf, 20) == Errno.EINVAL
    size = guest("getdents", fd, buf, 512)
    record = guest.get(buf, size)
    length = struct.unpack_from("<H", record, 16)[0]
    assert record[18:20] == b".\0"
    assert record[length - 1] == 4
    guest("unlinkat", -100, "/tmp/d/a", 0)
    for name in ("bb", "ccccccccc"):
        guest("unlink", f"/tmp/d/{name}")
    guest("rmdir", "/tmp/d")
    assert guest.err("getdents64", fd, buf, 512) == Errno.ENOENT
    assert guest.err("getdents64", 0, buf, 512) == Errno.ENOTDIR


def test_times(guest: Any) -> None:
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    node = guest.kernel.fs.lookup("/tmp/f")
    times = guest.put(struct.pack("<4q", 5, 6, 7, 0x3FFF_FFFE))
    before = node.attr.mtime_ns
    assert guest("utimensat", -100, "/tmp/f", times, 0) == 0
    assert (node.attr.atime_ns, node.attr.mtime_ns) == (5_000_000_006, before)
    assert guest("utimensat", fd, 0, 0, 0) == 0
    assert node.attr.atime_ns > before
    assert guest.err("utimensat", fd, 0, guest.put(struct.pack("<4q", 0, -1, 0, 0)), 0) == 22
    assert guest.err("utimensat", -100, 0, 0, 0) == Errno.EFAULT
    guest("utimes", "/tmp/f", guest.put(struct.pack("<4q", 1, 2, 3, 4)))
    assert (node.attr.atime_ns, node.attr.mtime_ns) == (1_000_002_000, 3_000_004_000)
    guest("utime", "/tmp/f", guest.put(struct.pack("<2q", 8, 9)))
    assert node.attr.mtime_ns == 9_000_000_000


def test_modes_and_umask(guest: Any) -> None:
    assert guest("umask", 0o077) == 0o022
    assert guest("umask", 0o027) == 0o077
    guest("close", guest.open("/tmp/f", O_CREAT, 0o666))
    node = guest.kernel.fs.lookup("/tmp/f")
    assert node.attr.perm == 0o640
    guest("chmod", "/tmp/f", 0o4755)
    guest("chown", "/tmp/f", 3, 0xFFFF_FFFF)
    assert (node.attr.perm, node.attr.uid, node.attr.gid) == (0o755, 3, 0)
    assert guest.err("getxattr", "/tmp/f", "user.x", 0, 0) == Errno.ENODATA
    assert guest.err("getxattr", "/tmp/f", "odd", 0, 0) == Errno.EOPNOTSUPP
    assert guest("listxattr", "/tmp/f", 0, 0) == 0


def test_another_user(guest: Any) -> None:
    from kernel.plugins.starry.core.identity import identity_of

    guest("close", guest.open("/tmp/mine", O_CREAT, 0o600))
    ids = identity_of(guest.t.process)
    ids.ruid = ids.euid = ids.fsuid = 1000
    assert guest.err("openat", -100, "/tmp/mine", 0, 0) == Errno.EACCES
    assert guest.err("unlink", "/tmp/mine") == Errno.EPERM  # sticky
    assert guest.err("mkdir", "/new", 0o755) == Errno.EACCES
    assert guest.err("chmod", "/tmp/mine", 0o666) == Errno.EPERM
    assert guest.err("access", "/tmp/mine", 4) == Errno.EACCES
    assert guest.err("truncate", "/tmp/mine", 0) == Errno.EACCES
    assert guest.err("mknod", "/tmp/dev", 0o020666, 259) == Errno.EPERM
    assert guest("mkdir", "/tmp/ours", 0o755) == 0
    assert guest.kernel.fs.lookup("/tmp/ours").attr.uid == 1000
