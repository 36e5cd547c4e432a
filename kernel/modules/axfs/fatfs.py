"""FAT behind VfsOps and VfsNodeOps: a file system on a block device.

Names, sizes, times and contents stand on the disk and nowhere else but in the inode cache, which is
written through. FAT has no owners, permissions or links: those of an inode live as long as it is
cached (until the machine ends), symbolic and hard links are refused, names ignore case.
Source: ArceOS modules/axfs/src/fs/fatfs.rs (there through crate fatfs); Linux fs/fat (vfat).
The driver is the kernel's own: libraries for FAT keep state of their own and ask the host for the
time, so that a machine could not be taken back to an earlier moment.
"""

from __future__ import annotations

from collections.abc import Iterator

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.memory_addr import PAGE_SHIFT
from kernel.crates.vfs import (
    Credentials,
    FsStat,
    VfsDir,
    VfsDirEntry,
    VfsNode,
    VfsNodeAttr,
    VfsNodeType,
    VfsNonDir,
    VfsOps,
)
from kernel.modules.axdriver import BLOCK_BYTES, RamDisk
from kernel.modules.axfs import fat_entry
from kernel.modules.axfs.fat_entry import ENTRY_BYTES, Entry
from kernel.modules.axfs.fat_pages import FatPages
from kernel.modules.axfs.fat_slots import FatSlots
from kernel.modules.axfs.fat_volume import (
    CLUSTER_BYTES,
    CLUSTERS,
    TOTAL_BLOCKS,
    FatVolume,
)
from kernel.modules.axfs.ramfs import FsHost

MSDOS_MAGIC = 0x4D44
_TWO_SECONDS = 2_000_000_000
#: Names that MS-DOS gave to devices; Linux refuses them, too.
_DEVICES = (
    *("aux", "con", "nul", "prn"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
)


class FatFs(VfsOps):
    """A mounted FAT volume.

    Attributes:
        volume: The disk's structures.
        next_ino: FAT has no inode numbers; the cache gives them.
    """

    __slots__ = ("_root", "disk", "epoch_ns", "events", "next_ino", "volume")

    def __init__(self, host: FsHost, epoch_ns: int, *, dev: int, limit_bytes: int) -> None:
        super().__init__("vfat", dev)
        self.events = host.events
        self.epoch_ns = epoch_ns
        limit_frames = limit_bytes >> PAGE_SHIFT
        self.disk = RamDisk(host.ram, host.alloc, host.events, TOTAL_BLOCKS, limit_frames)
        self.volume = FatVolume(self.disk)
        self.volume.format()
        self.next_ino = 1
        now = self.now_ns()
        top = Entry("", bytes(11), fat_entry.ATTR_DIRECTORY, 0, 0, now, now, now)
        self._root = FatDir(self, top, None, 0o755, Credentials())

    def root_dir(self) -> VfsDir:
        return self._root

    def statfs(self) -> FsStat:
        limit = min(CLUSTERS, self.disk.limit_frames)
        free = max(limit - self.volume.used, 0)
        return FsStat(MSDOS_MAGIC, CLUSTER_BYTES, limit, free, 0, 0)

    def now_ns(self) -> int:
        """Wall-clock time, in the steps FAT can note."""
        now = self.epoch_ns + self.events.time_ns
        return now - now % _TWO_SECONDS

    def new_attr(self, entry: Entry, perm: int, who: Credentials) -> VfsNodeAttr:
        """An inode for what a directory entry describes."""
        ino = self.next_ino
        self.next_ino += 1
        is_dir = bool(entry.attributes & fat_entry.ATTR_DIRECTORY)
        return VfsNodeAttr(
            ino,
            VfsNodeType.DIR if is_dir else VfsNodeType.FILE,
            perm,
            uid=who.uid,
            gid=who.gid,
            size_bytes=entry.size_bytes,
            atime_ns=entry.atime_ns,
            mtime_ns=entry.mtime_ns,
            ctime_ns=entry.mtime_ns,
            btime_ns=entry.btime_ns,
        )

    def new_node(self, entry: Entry, up: FatDir, perm: int, who: Credentials) -> FatDir | FatFile:
        """The node of an entry of directory `up`."""
        if entry.attributes & fat_entry.ATTR_DIRECTORY:
            return FatDir(self, entry, up, perm, who)
        return FatFile(self, entry, up, perm, who)


class FatFile(VfsNonDir):
    """A regular file.

    Attributes:
        entry: Its directory entry; written through.
        up: Directory it stands in; None once its name is gone.
    """

    __slots__ = ("entry", "home", "pages", "up")

    def __init__(
        self, fs: FatFs, entry: Entry, up: FatDir | None, perm: int, who: Credentials
    ) -> None:
        super().__init__(fs, fs.new_attr(entry, perm, who))
        self.home = fs
        self.entry = entry
        self.up = up
        self.pages = FatPages(fs.volume, entry.cluster, entry.size_bytes)

    def get_attr(self) -> VfsNodeAttr:
        self.attr.size_bytes = self.pages.size_bytes
        self.attr.blocks = len(self.pages.chain) * (CLUSTER_BYTES // BLOCK_BYTES)
        return self.attr

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        return self.pages.read(offset, size_bytes)

    def write_at(self, offset: int, data: bytes) -> int:
        try:
            return self.pages.write(offset, data)
        finally:
            self.modified()

    def truncate(self, size_bytes: int) -> None:
        self.pages.truncate(size_bytes)
        self.modified()

    def modified(self) -> None:
        """Note a change of the contents: in the inode, and in the entry on the disk."""
        self.attr.mtime_ns = self.attr.ctime_ns = self.home.now_ns()
        self.write_back()

    def touch(self, now_ns: int) -> None:
        self.attr.ctime_ns = now_ns - now_ns % _TWO_SECONDS
        self.write_back()

    def write_back(self) -> None:
        """Bring the entry on the disk up to date."""
        entry = self.entry
        entry.size_bytes = self.pages.size_bytes
        entry.cluster = self.pages.chain[0] if self.pages.chain else 0
        entry.mtime_ns, entry.atime_ns = self.attr.mtime_ns, self.attr.atime_ns
        if self.up is not None:
            self.up.write_entry(entry)

    def drop_if_unused(self) -> None:
        """Free the clusters once there is neither a name nor a holder."""
        if self.opens <= 0 and self.attr.nlink <= 0:
            self.pages.clear()


class FatDir(VfsDir):
    """A directory: entries in clusters, or in the fixed area of the root directory.

    Attributes:
        nodes: The inode cache: (cookie, node) by name; complete once it was read.
        slots: Its entries on the disk.
    """

    __slots__ = ("entry", "home", "next_cookie", "nodes", "slots")

    def __init__(
        self, fs: FatFs, entry: Entry, up: FatDir | None, perm: int, who: Credentials
    ) -> None:
        super().__init__(fs, fs.new_attr(entry, perm, who), entry.name, up)
        self.home = fs
        self.entry = entry
        self.slots = FatSlots(fs.volume, entry.cluster)
        self.attr.nlink = 2
        self.next_cookie = 3
        self.nodes: dict[str, tuple[int, FatDir | FatFile]] = {}
        for each in fat_entry.parse(self.slots.read()):
            self.remember(fs.new_node(each, self, 0o755, who))

    def write_entry(self, entry: Entry) -> None:
        """Bring the short-name entry of a node up to date."""
        self.slots.write(entry.slot + entry.count - 1, fat_entry.pack(entry))

    def insert(self, entry: Entry) -> None:
        """Give an entry its place on the disk. AxError: STORAGE_FULL."""
        self.slots.insert(entry, {node.entry.short for _, node in self.nodes.values()})

    def write_dots(self) -> None:
        """The entries "." and ".." of a directory that is new or has moved."""
        above = self.up
        up = above.entry.cluster if isinstance(above, FatDir) else 0
        data = bytearray()
        for short, cluster in ((b".", self.entry.cluster), (b"..", up)):
            dots = Entry(
                "",
                short.ljust(11),
                fat_entry.ATTR_DIRECTORY,
                cluster,
                0,
                self.attr.mtime_ns,
                self.attr.btime_ns,
                self.attr.atime_ns,
            )
            data += fat_entry.pack(dots)
        self.slots.write(0, bytes(data))

    # -- names ----------------------------------------------------------------------------------

    def remember(self, node: FatDir | FatFile) -> None:
        """Put a node into the inode cache."""
        self.nodes[node.entry.name] = (self.next_cookie, node)
        self.next_cookie += 1
        if isinstance(node, FatDir):
            self.attr.nlink += 1

    def find(self, name: str) -> tuple[str, FatDir | FatFile] | None:
        """The cached node of a name, long or short, whatever its case, and the name as written."""
        name = name.rstrip(".")
        found = self.nodes.get(name)
        if found is not None:
            return name, found[1]
        folded = name.casefold()
        for known, (_, node) in self.nodes.items():
            short = fat_entry.plain_name(node.entry.short)
            if folded in (known.casefold(), short.casefold()):
                return known, node
        return None

    def get_attr(self) -> VfsNodeAttr:
        self.attr.size_bytes = self.slots.capacity * ENTRY_BYTES
        self.attr.blocks = self.attr.size_bytes // BLOCK_BYTES
        return self.attr

    def lookup(self, name: str) -> VfsNode:
        found = self.find(name)
        if found is None:
            raise AxError(AxErrorKind.NOT_FOUND)
        return found[1]

    def read_dir(self, after: int) -> Iterator[VfsDirEntry]:
        if after < 1:
            yield VfsDirEntry(".", self.attr.ino, VfsNodeType.DIR, 1)
        if after < 2:
            above = self.up or self
            yield VfsDirEntry("..", above.attr.ino, VfsNodeType.DIR, 2)
        for name, (cookie, node) in self.nodes.items():
            if cookie > after:
                yield VfsDirEntry(name, node.attr.ino, node.attr.kind, cookie)

    def is_empty(self) -> bool:
        return not self.nodes

    def create(self, name: str, kind: VfsNodeType, perm: int, who: Credentials) -> VfsNode:
        if self.attr.nlink <= 0:
            raise AxError(AxErrorKind.NOT_FOUND, "the directory is removed")
        if kind not in (VfsNodeType.FILE, VfsNodeType.DIR):
            raise LinuxError(Errno.EPERM, "FAT holds files and directories only")
        name = _checked(name)
        fs, now = self.home, self.home.now_ns()
        is_dir = kind is VfsNodeType.DIR
        chain: list[int] = []
        if is_dir:
            fs.volume.grow(chain)
        attributes = fat_entry.ATTR_DIRECTORY if is_dir else fat_entry.ATTR_ARCHIVE
        entry = Entry(name, b"", attributes, chain[0] if chain else 0, 0, now, now, now)
        try:
            self.insert(entry)
        except AxError:
            _give_back(fs, chain)
            raise
        node = fs.new_node(entry, self, perm, who)
        if isinstance(node, FatDir):
            node.write_dots()
        self.remember(node)
        self.changed()
        return node

    def remove(self, name: str) -> None:
        node = self._detach(name)
        node.attr.nlink = 0
        node.up = None
        node.touch(self.home.now_ns())
        node.drop_if_unused()

    def _detach(self, name: str) -> FatDir | FatFile:
        """Take a name away, on the disk too, without dropping the node."""
        found = self.find(name)
        if found is None:
            raise AxError(AxErrorKind.NOT_FOUND)
        known, node = found
        del self.nodes[known]
        if isinstance(node, FatDir):
            self.attr.nlink -= 1
        self.slots.erase(node.entry)
        self.changed()
        return node

    def rename(self, name: str, new_dir: VfsDir, new_name: str) -> None:
        assert isinstance(new_dir, FatDir)
        new_name = _checked(new_name)
        found, target = self.find(name), new_dir.find(new_name)
        if found is not None and target is not None and target[1] is not found[1]:
            new_dir.remove(new_name)
        node = self._detach(name)
        node.entry.name = new_name
        new_dir.insert(node.entry)
        node.up = new_dir
        if isinstance(node, FatDir):
            node.name = new_name
            node.write_dots()
        new_dir.remember(node)
        new_dir.changed()
        node.touch(self.home.now_ns())

    def drop_if_unused(self) -> None:
        """Free the clusters once the directory is removed and nobody holds it."""
        if self.opens <= 0 and self.attr.nlink <= 0:
            _give_back(self.home, self.slots.chain)

    def changed(self) -> None:
        """Stamp a change of the names."""
        self.attr.mtime_ns = self.attr.ctime_ns = self.home.now_ns()


def _give_back(fs: FatFs, chain: list[int]) -> None:
    """Free the clusters of a directory."""
    for cluster in fs.volume.cut(chain, 0):
        pa = fs.disk.frames.get(fs.volume.frame_index(cluster))
        if pa is not None:
            fs.disk.dealloc_pages(pa, 1)


def _checked(name: str) -> str:
    """The name as vfat keeps it: without dots at its end.

    Raises:
        LinuxError: EINVAL; ENOENT, nothing but dots; ENAMETOOLONG.
    """
    name = name.rstrip(".")
    if not name:
        raise LinuxError(Errno.ENOENT)
    is_device = name.partition(".")[0].casefold() in _DEVICES
    if is_device or name[-1] == " " or any(c in '"*:<>?|\\' or c < " " for c in name):
        raise LinuxError(Errno.EINVAL, "a name FAT cannot hold")
    if len(name.encode("utf-16-le", "surrogatepass")) > 2 * fat_entry.MAX_NAME_UNITS:
        raise LinuxError(Errno.ENAMETOOLONG)
    return name
