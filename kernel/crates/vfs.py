"""The virtual file system interface: what every file system offers, and what nodes are.

    VfsOps        one mounted file system: its root directory, its size, its device number
    VfsNodeOps    one node (inode) of it, whatever the kind
    VfsDir        base of directories: reading them as a file is EISDIR
    VfsNonDir     base of everything else: looking names up in it is ENOTDIR

Names are `str`; bytes that are no UTF-8 survive as surrogates (`decode_name`, `encode_name`).
Source: arceos-org/axfs_crates, axfs_vfs (VfsOps, VfsNodeOps, VfsNodeAttr, the two `impl_vfs_*`
macros of defaults). Differs: nodes carry owner, links and times as Linux's inodes do; a directory
gives stable cookies, so that entries may go while it is read.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError

NAME_MAX = 255
PATH_MAX = 4096
BLOCK_BYTES = 512
"""Unit of `VfsNodeAttr.blocks`, fixed by stat(2)."""


class VfsNodeType(enum.IntEnum):
    """Kind of node; the value is `st_mode >> 12`."""

    FIFO = 0o1
    CHAR_DEVICE = 0o2
    DIR = 0o4
    BLOCK_DEVICE = 0o6
    FILE = 0o10
    SYMLINK = 0o12
    SOCKET = 0o14


class Access(enum.IntFlag):
    """What a caller wants to do; the bits of one octal digit of a mode."""

    NONE = 0
    EXECUTE = 1
    WRITE = 2
    READ = 4


@dataclass(slots=True)
class VfsNodeAttr:
    """What stat(2) tells about a node. Times are nanoseconds since 1970.

    Attributes:
        ino: Inode number, unique in its file system.
        perm: The twelve permission bits.
        rdev: Device number of a device node, as `make_dev` packs it.
        blocks: Occupied space in units of 512 bytes.
    """

    ino: int
    kind: VfsNodeType
    perm: int
    nlink: int = 1
    uid: int = 0
    gid: int = 0
    rdev: int = 0
    size_bytes: int = 0
    blocks: int = 0
    block_bytes: int = 4096
    atime_ns: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    btime_ns: int = 0

    @property
    def mode(self) -> int:
        """`st_mode`: kind and permissions."""
        return self.kind << 12 | self.perm


class VfsDirEntry(NamedTuple):
    """One name of a directory; reading goes on after `cookie`."""

    name: str
    ino: int
    kind: VfsNodeType
    cookie: int


class FsStat(NamedTuple):
    """What statfs(2) tells about a file system; counts in blocks of `block_bytes`."""

    magic: int
    block_bytes: int
    blocks: int
    free_blocks: int
    files: int
    free_files: int


class Credentials(NamedTuple):
    """On whose behalf a node is accessed (Linux's fsuid, fsgid and supplementary groups)."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()


ROOT_USER = Credentials()


def make_dev(major: int, minor: int) -> int:
    """Pack a device number as Linux's 64-bit `dev_t`."""
    return (minor & 0xFF) | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12


def split_dev(dev: int) -> tuple[int, int]:
    """`(major, minor)` of a packed device number."""
    return (dev >> 8) & 0xFFF, (dev & 0xFF) | ((dev >> 12) & 0xFFF00)


def decode_name(raw: bytes) -> str:
    """A path or name from user memory, without loss."""
    return raw.decode("utf-8", "surrogateescape")


def encode_name(name: str) -> bytes:
    """The bytes `decode_name` read."""
    return name.encode("utf-8", "surrogateescape")


def permits(attr: VfsNodeAttr, wanted: int, who: Credentials) -> bool:
    """Whether mode bits allow `wanted` (`Access` bits) to `who`: generic_permission of Linux."""
    if who.uid == 0:
        # Root passes everything, but executes only what somebody may execute.
        needs_bit = wanted & Access.EXECUTE and attr.kind is not VfsNodeType.DIR
        return not needs_bit or bool(attr.perm & 0o111)
    if who.uid == attr.uid:
        granted = attr.perm >> 6
    elif attr.gid == who.gid or attr.gid in who.groups:
        granted = attr.perm >> 3
    else:
        granted = attr.perm
    return not wanted & ~granted & 7


class VfsOps:
    """One file system.

    Attributes:
        name: Its type as in /proc/mounts: "ramfs", "devtmpfs", "proc".
        dev: `st_dev` of its nodes.
        covered: The directory it is mounted on; None for the root file system.
    """

    __slots__ = ("covered", "dev", "name")

    def __init__(self, name: str, dev: int) -> None:
        self.name = name
        self.dev = dev
        self.covered: VfsNodeOps | None = None

    def root_dir(self) -> VfsDir:
        """The top directory."""
        raise NotImplementedError

    def statfs(self) -> FsStat:
        """Size and free space."""
        raise NotImplementedError

    def umount(self) -> None:
        """Called before the file system goes."""


class VfsNodeOps:
    """One node. Every operation has a default that fails as axfs_vfs's does.

    Attributes:
        fs: The file system it belongs to.
        attr: What stat tells; use `get_attr`, which brings it up to date.
        mounted: Root of the file system mounted here, or None.
        opens: How often it is held open (files, mappings); a node without links and without
            opens gives its storage back.
        attached: What the kernel form hangs on it: a FIFO's pipe, a terminal.
        locks: The kernel form's book of advisory locks; None before the first.
    """

    __slots__ = ("attached", "attr", "fs", "locks", "mounted", "opens")

    def __init__(self, fs: VfsOps, attr: VfsNodeAttr) -> None:
        self.fs = fs
        self.attr = attr
        self.mounted: VfsDir | None = None
        self.opens = 0
        self.attached: Any = None
        self.locks: Any = None

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.attr.kind is VfsNodeType.DIR

    @property
    def is_magic(self) -> bool:
        """Whether it is a link that leads to a node instead of a name (/proc/PID/exe, fd/N)."""
        return False

    def get_attr(self) -> VfsNodeAttr:
        """Metadata, up to date. The caller must not change it."""
        return self.attr

    def touch(self, now_ns: int) -> None:
        """Note a change of metadata."""
        self.attr.ctime_ns = now_ns

    def set_attr(
        self,
        now_ns: int,
        *,
        perm: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        atime_ns: int | None = None,
        mtime_ns: int | None = None,
    ) -> None:
        """Change metadata; None leaves a field as it is. The caller has checked permissions."""
        attr = self.attr
        if perm is not None:
            attr.perm = perm
        if uid is not None:
            attr.uid = uid
        if gid is not None:
            attr.gid = gid
        if atime_ns is not None:
            attr.atime_ns = atime_ns
        if mtime_ns is not None:
            attr.mtime_ns = mtime_ns
        self.touch(now_ns)

    def open(self) -> None:
        """Hold the node: an open file, a mapping."""
        self.opens += 1

    def release(self) -> None:
        """Drop one hold."""
        self.opens -= 1
        self.drop_if_unused()

    def drop_if_unused(self) -> None:
        """Give storage back if there is neither a name nor a holder; links or holds fell."""

    # -- contents -------------------------------------------------------------------------
    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Bytes from `offset`, shorter at the end of the file."""
        raise AxError(AxErrorKind.INVALID_INPUT, "not readable")

    def write_at(self, offset: int, data: bytes) -> int:
        """Write; gives the number of bytes that found room (at least one)."""
        raise AxError(AxErrorKind.INVALID_INPUT, "not writable")

    def truncate(self, size_bytes: int) -> None:
        """Cut or extend with zeros."""
        raise AxError(AxErrorKind.INVALID_INPUT, "not resizable")

    def fsync(self) -> None:
        """Bring contents to the device."""

    # -- names ----------------------------------------------------------------------------
    def parent(self) -> VfsDir | None:
        """The directory a directory stands in; None for a file system's root and for files."""
        return None

    def lookup(self, name: str) -> VfsNodeOps:
        """The node of one name (never "." or "..")."""
        raise AxError(AxErrorKind.UNSUPPORTED)

    def create(self, name: str, kind: VfsNodeType, perm: int, who: Credentials) -> VfsNodeOps:
        """Make a new node; the name must be free."""
        raise AxError(AxErrorKind.UNSUPPORTED)

    def remove(self, name: str) -> None:
        """Take a name away. The caller has checked kind and emptiness."""
        raise AxError(AxErrorKind.UNSUPPORTED)

    def read_dir(self, after: int) -> Iterator[VfsDirEntry]:
        """Entries whose cookie is above `after`, with "." and ".."; 0 = from the start."""
        raise AxError(AxErrorKind.UNSUPPORTED)

    # -- links ----------------------------------------------------------------------------
    def read_link(self) -> str:
        """Target of a symbolic link."""
        raise LinuxError(Errno.EINVAL, "not a symbolic link")

    def follow(self) -> VfsNodeOps | None:
        """The node a magic link (/proc/PID/fd/N) stands for; None: follow `read_link`."""
        return None


class VfsNonDir(VfsNodeOps):
    """Defaults of files, links and devices: they hold no names (ENOTDIR)."""

    __slots__ = ()

    def lookup(self, name: str) -> VfsNodeOps:
        raise AxError(AxErrorKind.NOT_A_DIRECTORY)

    def create(self, name: str, kind: VfsNodeType, perm: int, who: Credentials) -> VfsNodeOps:
        raise AxError(AxErrorKind.NOT_A_DIRECTORY)

    def remove(self, name: str) -> None:
        raise AxError(AxErrorKind.NOT_A_DIRECTORY)

    def read_dir(self, after: int) -> Iterator[VfsDirEntry]:
        raise AxError(AxErrorKind.NOT_A_DIRECTORY)


class VfsDir(VfsNodeOps):
    """Defaults of directories: they hold no bytes (EISDIR), and nothing can be changed (EROFS).

    Attributes:
        name: Its name in `up`; "" for a file system's root.
        up: Directory it stands in; None for a root and once it is removed.
    """

    __slots__ = ("name", "up")

    def __init__(self, fs: VfsOps, attr: VfsNodeAttr, name: str, up: VfsDir | None) -> None:
        super().__init__(fs, attr)
        self.name = name
        self.up = up

    def parent(self) -> VfsDir | None:
        return self.up

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        raise AxError(AxErrorKind.IS_A_DIRECTORY)

    def write_at(self, offset: int, data: bytes) -> int:
        raise AxError(AxErrorKind.IS_A_DIRECTORY)

    def truncate(self, size_bytes: int) -> None:
        raise AxError(AxErrorKind.IS_A_DIRECTORY)

    def create(self, name: str, kind: VfsNodeType, perm: int, who: Credentials) -> VfsNodeOps:
        raise LinuxError(Errno.EROFS)

    def remove(self, name: str) -> None:
        raise LinuxError(Errno.EROFS)

    def is_empty(self) -> bool:
        """Whether it has no names besides "." and ".."."""
        return not any(e.name not in (".", "..") for e in self.read_dir(0))

    def link(self, name: str, node: VfsNodeOps) -> None:
        """Give `node` one more name."""
        raise LinuxError(Errno.EPERM, "no hard links here")

    def symlink(self, name: str, target: str, who: Credentials) -> VfsNodeOps:
        """Make a symbolic link."""
        raise LinuxError(Errno.EPERM, "no symbolic links here")

    def rename(self, name: str, new_dir: VfsDir, new_name: str) -> None:
        """Move a name, replacing what has `new_name`. The caller has made all checks."""
        raise LinuxError(Errno.EROFS)

    def exchange(self, name: str, other_dir: VfsDir, other_name: str) -> None:
        """Swap two existing names. The caller has made all checks."""
        raise LinuxError(Errno.EINVAL)


VfsNode: TypeAlias = VfsNodeOps
"""Short name that signatures use."""
