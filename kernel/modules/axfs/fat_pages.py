"""The contents of a file on a FAT volume: a chain of clusters, which are frames of the disk.

Source: Linux fs/fat/file.c and cache.c; the clusters' frames are mapped by mmap as they are.
"""

from __future__ import annotations

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE
from kernel.modules.axfs.fat_volume import CLUSTER_BYTES, FatVolume
from kernel.modules.axfs.file_pages import PageSource

MAX_FILE_BYTES = (1 << 32) - 1


class FatPages:
    """The contents of a file: its clusters, which are frames of the disk.

    Attributes:
        chain: The clusters in order.
        alloc: Takes back the frames of clusters that are freed; whoever maps the file stands here.
    """

    __slots__ = ("alloc", "chain", "image", "size_bytes", "volume")

    def __init__(self, volume: FatVolume, first: int, size_bytes: int) -> None:
        self.volume = volume
        self.alloc: PageSource = volume.disk
        self.chain = volume.chain(first)
        self.size_bytes = size_bytes
        self.image = None  # nothing comes from outside the disk

    @property
    def resident_pages(self) -> int:
        """Clusters of the file."""
        return len(self.chain)

    def frame(self, index: int) -> int:
        """The frame of a page; the file ends in zeros up to a whole cluster."""
        self._reach((index + 1) << PAGE_SHIFT)
        return self.volume.frame(self.chain[index])

    def _reach(self, end: int) -> None:
        """Take clusters up to byte `end`. AxError: STORAGE_FULL."""
        while len(self.chain) * CLUSTER_BYTES < end:
            self.volume.grow(self.chain)

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Bytes from `offset`, shorter at the end of the file."""
        size = min(size_bytes, self.size_bytes - offset)
        parts: list[bytes] = []
        while size > 0:
            start = offset & PAGE_MASK
            take = min(PAGE_SIZE - start, size)
            index = self.volume.frame_index(self.chain[offset >> PAGE_SHIFT])
            parts.append(self.volume.disk.peek(index * PAGE_SIZE + start, take))
            offset += take
            size -= take
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> int:
        """Write as much as finds room; a gap before it fills with zeros, FAT has no holes.

        Raises:
            LinuxError: EFBIG.
            AxError: STORAGE_FULL when not one byte finds room.
        """
        if offset + len(data) > MAX_FILE_BYTES:
            raise LinuxError(Errno.EFBIG)
        ram, done = self.volume.disk.ram, 0
        while done < len(data):
            start = (offset + done) & PAGE_MASK
            take = min(PAGE_SIZE - start, len(data) - done)
            try:
                pa = self.frame((offset + done) >> PAGE_SHIFT)
            except AxError:
                if done:
                    break
                self._free(-(-self.size_bytes // CLUSTER_BYTES))
                raise
            ram.write(pa + start, data[done : done + take])
            done += take
        self.size_bytes = max(self.size_bytes, offset + done)
        return done

    def truncate(self, size_bytes: int) -> None:
        """Cut, or extend with zeros. LinuxError: EFBIG; AxError: STORAGE_FULL."""
        if size_bytes > MAX_FILE_BYTES:
            raise LinuxError(Errno.EFBIG)
        if size_bytes < self.size_bytes and size_bytes & PAGE_MASK:
            start = size_bytes & PAGE_MASK
            pa = self.volume.frame(self.chain[size_bytes >> PAGE_SHIFT])
            self.volume.disk.ram.zero(pa + start, PAGE_SIZE - start)
        keep = -(-size_bytes // CLUSTER_BYTES)
        had = len(self.chain)
        try:
            self._reach(size_bytes)
        except AxError:
            self._free(had)
            raise
        self._free(keep)
        self.size_bytes = size_bytes

    def _free(self, keep: int) -> None:
        """Give back all clusters but the first `keep`, with their frames."""
        disk = self.volume.disk
        for cluster in self.volume.cut(self.chain, keep):
            pa = disk.frames.get(self.volume.frame_index(cluster))
            if pa is not None:
                self.alloc.dealloc_pages(pa, 1)

    def clear(self) -> None:
        """Give everything back."""
        self.truncate(0)
