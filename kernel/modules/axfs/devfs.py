"""/dev: null, zero, full, random, urandom, tty, console, pts and the usual links.

Source: arceos-org/axfs_crates, axfs_devfs (null, zero, urandom); numbers and behaviour after
Linux's drivers/char/{mem,random}.c and Documentation/admin-guide/devices.txt.
Differs: full, random, tty and console, which ArceOS has not. A terminal's behaviour is hung on
its node by the kernel form (`VfsNodeOps.attached`).
"""

from __future__ import annotations

from typing import Protocol

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.vfs import ROOT_USER, VfsNodeAttr, VfsNodeType, VfsNonDir, make_dev
from kernel.modules.axfs.ramfs import FsHost, RamDir, RamFs

TTY_DEV = make_dev(5, 0)
CONSOLE_DEV = make_dev(5, 1)
PTS_DEV = make_dev(136, 0)
TERMINALS = (TTY_DEV, CONSOLE_DEV, PTS_DEV)


class Entropy(Protocol):
    """The machine's generator (`crates.rng.SplitMix64`)."""

    def random_bytes(self, size_bytes: int) -> bytes: ...


class DeviceNode(VfsNonDir):
    """A character device. Reading and writing know no position."""

    __slots__ = ()


class NullDev(DeviceNode):
    """/dev/null: always at its end, swallows everything."""

    __slots__ = ()

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        return b""

    def write_at(self, offset: int, data: bytes) -> int:
        return len(data)


class ZeroDev(DeviceNode):
    """/dev/zero: endless zeros."""

    __slots__ = ()

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        return bytes(size_bytes)

    def write_at(self, offset: int, data: bytes) -> int:
        return len(data)


class FullDev(ZeroDev):
    """/dev/full: zeros to read, never room to write."""

    __slots__ = ()

    def write_at(self, offset: int, data: bytes) -> int:
        raise AxError(AxErrorKind.STORAGE_FULL, "/dev/full")


class RandomDev(DeviceNode):
    """/dev/random and /dev/urandom: bytes of the machine's seeded generator."""

    __slots__ = ("rng",)

    def __init__(self, fs: RamFs, attr: VfsNodeAttr, rng: Entropy) -> None:
        super().__init__(fs, attr)
        self.rng = rng

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        return self.rng.random_bytes(size_bytes)

    def write_at(self, offset: int, data: bytes) -> int:
        return len(data)


class TerminalDev(DeviceNode):
    """A terminal's name; `attached` is the kernel form's terminal."""

    __slots__ = ()


class DevFs(RamFs):
    """A ramfs that starts with the devices (Linux's devtmpfs is a tmpfs, too)."""

    __slots__ = ()

    def __init__(self, host: FsHost, epoch_ns: int, rng: Entropy, dev: int) -> None:
        super().__init__(host, epoch_ns, name="devtmpfs", dev=dev, limit_bytes=1 << 20)
        root = self.root_dir()
        assert isinstance(root, RamDir)
        for name, number, cls in (
            ("null", make_dev(1, 3), NullDev),
            ("zero", make_dev(1, 5), ZeroDev),
            ("full", make_dev(1, 7), FullDev),
        ):
            root.adopt(name, cls(self, self._device(number, 0o666)))
        for name, number in (("random", make_dev(1, 8)), ("urandom", make_dev(1, 9))):
            root.adopt(name, RandomDev(self, self._device(number, 0o666), rng))
        root.adopt("tty", TerminalDev(self, self._device(TTY_DEV, 0o666)))
        root.adopt("console", TerminalDev(self, self._device(CONSOLE_DEV, 0o600)))
        who = ROOT_USER
        pts = root.create("pts", VfsNodeType.DIR, 0o755, who)
        assert isinstance(pts, RamDir)
        pts.adopt("0", TerminalDev(self, self._device(PTS_DEV, 0o620)))
        root.create("shm", VfsNodeType.DIR, 0o1777, who)
        root.symlink("fd", "/proc/self/fd", who)
        for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
            root.symlink(name, f"/proc/self/fd/{number}", who)

    def _device(self, number: int, perm: int) -> VfsNodeAttr:
        """Metadata of a character device."""
        attr = self.new_attr(VfsNodeType.CHAR_DEVICE, perm, ROOT_USER)
        attr.rdev = number
        return attr
