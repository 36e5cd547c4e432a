"""A FAT16 volume on a block device: boot sector, allocation table, clusters.

A cluster is 4 KiB and aligned to the disk's frames, so that on a RAM disk the page of a file is a
frame of the disk: shared mappings map the medium itself (as Linux's DAX does with persistent
memory), and nothing has to be written back.
Source: Microsoft, "FAT: General Overview of On-Disk Format" 1.03.
"""

from __future__ import annotations

import struct

from kernel.crates.errno import AxError, AxErrorKind
from kernel.modules.axdriver import BLOCK_BYTES, BLOCKS_PER_FRAME, RamDisk

CLUSTER_BYTES = BLOCKS_PER_FRAME * BLOCK_BYTES
RESERVED_BLOCKS = 8
FAT_BLOCKS = 64
FATS = 2
ROOT_ENTRIES = 512
ROOT_BLOCK = RESERVED_BLOCKS + FATS * FAT_BLOCKS
DATA_BLOCK = ROOT_BLOCK + ROOT_ENTRIES * 32 // BLOCK_BYTES
CLUSTERS = 16376  # a multiple of 8 just below what one table of 64 blocks can name
TOTAL_BLOCKS = DATA_BLOCK + CLUSTERS * BLOCKS_PER_FRAME
FIRST_CLUSTER = 2
LAST = 0xFFFF
_MEDIA = 0xF8
_BOOT = struct.Struct("<3s8sHBHBHHBHHHIIBBBI11s8s")


class FatVolume:
    """One formatted disk.

    Attributes:
        used: Clusters in use.
        hint: Where the search for a free cluster goes on.
    """

    __slots__ = ("disk", "hint", "used")

    def __init__(self, disk: RamDisk) -> None:
        self.disk = disk
        self.used = 0
        self.hint = FIRST_CLUSTER

    def format(self, label: bytes = b"NO NAME") -> None:
        """Write an empty file system (mkfs.fat)."""
        boot = _BOOT.pack(
            b"\xeb\x3c\x90",
            b"ARCETUI ",
            BLOCK_BYTES,
            BLOCKS_PER_FRAME,
            RESERVED_BLOCKS,
            FATS,
            ROOT_ENTRIES,
            0,
            _MEDIA,
            FAT_BLOCKS,
            32,
            2,
            0,
            TOTAL_BLOCKS,
            0x80,
            0,
            0x29,
            0x2025_0601,
            label.ljust(11),
            b"FAT16   ",
        )
        self.disk.write_block(0, boot.ljust(510, b"\0") + b"\x55\xaa")
        self._write_entry(0, 0xFF00 | _MEDIA)
        self._write_entry(1, LAST)

    # -- the allocation table -------------------------------------------------------------------

    def next(self, cluster: int) -> int:
        """The entry of a cluster: the following one, 0 if free, 0xFFF8 and above at the end."""
        raw = self.disk.peek(RESERVED_BLOCKS * BLOCK_BYTES + 2 * cluster, 2)
        return int.from_bytes(raw, "little")

    def _write_entry(self, cluster: int, value: int) -> None:
        """Set an entry in all copies of the table, a block at a time."""
        block, at = divmod(2 * cluster, BLOCK_BYTES)
        for copy in range(FATS):
            where = RESERVED_BLOCKS + copy * FAT_BLOCKS + block
            data = bytearray(self.disk.read_block(where))
            data[at : at + 2] = value.to_bytes(2, "little")
            self.disk.write_block(where, bytes(data))

    def chain(self, cluster: int) -> list[int]:
        """All clusters of a chain; it ends where the table makes no sense."""
        found: list[int] = []
        while FIRST_CLUSTER <= cluster < FIRST_CLUSTER + CLUSTERS and len(found) < CLUSTERS:
            found.append(cluster)
            cluster = self.next(cluster)
        return found

    def grow(self, chain: list[int]) -> int:
        """Append a free cluster, zeroed, to a chain.

        Raises:
            AxError: STORAGE_FULL.
        """
        for step in range(CLUSTERS):
            cluster = FIRST_CLUSTER + (self.hint - FIRST_CLUSTER + step) % CLUSTERS
            if self.next(cluster) == 0:
                break
        else:
            raise AxError(AxErrorKind.STORAGE_FULL, "no free cluster")
        self.disk.frame(self.frame_index(cluster))
        self._write_entry(cluster, LAST)
        if chain:
            self._write_entry(chain[-1], cluster)
        chain.append(cluster)
        self.hint = cluster + 1
        self.used += 1
        return cluster

    def cut(self, chain: list[int], keep: int) -> list[int]:
        """Free all but the first `keep` clusters; the freed ones (their frames stay for now)."""
        freed = chain[keep:]
        del chain[keep:]
        if freed and chain:
            self._write_entry(chain[-1], LAST)
        for cluster in freed:
            self._write_entry(cluster, 0)
        self.used -= len(freed)
        return freed

    # -- clusters -------------------------------------------------------------------------------

    def frame_index(self, cluster: int) -> int:
        """Which frame of the disk a cluster is."""
        return DATA_BLOCK // BLOCKS_PER_FRAME + cluster - FIRST_CLUSTER

    def frame(self, cluster: int) -> int:
        """The frame of a cluster in use."""
        return self.disk.frame(self.frame_index(cluster))

    def first_block(self, cluster: int) -> int:
        """A cluster's first block."""
        return self.frame_index(cluster) * BLOCKS_PER_FRAME
