"""The entries of a FAT directory on the disk: 32-byte slots in clusters, or in the root's area.

Source: Microsoft, "FAT: General Overview of On-Disk Format" 1.03; Linux fs/fat/dir.c.
"""

from __future__ import annotations

from kernel.crates.errno import AxError, AxErrorKind
from kernel.modules.axdriver import BLOCK_BYTES
from kernel.modules.axfs import fat_entry
from kernel.modules.axfs.fat_entry import ENTRY_BYTES, Entry
from kernel.modules.axfs.fat_volume import CLUSTER_BYTES, ROOT_BLOCK, ROOT_ENTRIES, FatVolume


class FatSlots:
    """One directory's slots.

    Attributes:
        chain: Its clusters; empty for the root directory, which has a fixed area.
    """

    __slots__ = ("chain", "is_root", "volume")

    def __init__(self, volume: FatVolume, first: int) -> None:
        self.volume = volume
        self.is_root = first == 0
        self.chain = volume.chain(first)

    @property
    def capacity(self) -> int:
        """How many entries there is room for."""
        return ROOT_ENTRIES if self.is_root else len(self.chain) * CLUSTER_BYTES // ENTRY_BYTES

    def _place(self, slot: int) -> tuple[int, int]:
        """(block, byte in it) of an entry."""
        at = slot * ENTRY_BYTES
        if self.is_root:
            return ROOT_BLOCK + at // BLOCK_BYTES, at % BLOCK_BYTES
        block = self.volume.first_block(self.chain[at // CLUSTER_BYTES])
        return block + at % CLUSTER_BYTES // BLOCK_BYTES, at % BLOCK_BYTES

    def read(self) -> bytes:
        """The whole directory as it stands on the disk."""
        disk, volume = self.volume.disk, self.volume
        if self.is_root:
            return disk.peek(ROOT_BLOCK * BLOCK_BYTES, ROOT_ENTRIES * ENTRY_BYTES)
        return b"".join(
            disk.peek(volume.first_block(cluster) * BLOCK_BYTES, CLUSTER_BYTES)
            for cluster in self.chain
        )

    def write(self, slot: int, data: bytes) -> None:
        """Write entries from `slot` on, block by block."""
        disk = self.volume.disk
        for at in range(0, len(data), ENTRY_BYTES):
            block, offset = self._place(slot + at // ENTRY_BYTES)
            raw = bytearray(disk.read_block(block))
            raw[offset : offset + ENTRY_BYTES] = data[at : at + ENTRY_BYTES]
            disk.write_block(block, bytes(raw))

    def _find_room(self, count: int) -> int:
        """First of `count` free slots in a row, growing the directory if it may.

        Raises:
            AxError: STORAGE_FULL.
        """
        data = self.read()
        free = 0
        for slot in range(self.capacity):
            first = data[slot * ENTRY_BYTES]
            free = free + 1 if first in (fat_entry.FREE, fat_entry.END) else 0
            if free == count:
                return slot - count + 1
        if self.is_root:
            raise AxError(AxErrorKind.STORAGE_FULL, "the root directory is full")
        start = self.capacity - free
        while self.capacity - start < count:
            self.volume.grow(self.chain)
        return start

    def insert(self, entry: Entry, taken: set[bytes]) -> None:
        """Write an entry with its long name into free slots; `taken`: short names in use.

        Raises:
            AxError: STORAGE_FULL.
        """
        entry.short = fat_entry.short_name(entry.name, taken)
        data = fat_entry.pack_with_name(entry)
        entry.count = len(data) // ENTRY_BYTES
        entry.slot = self._find_room(entry.count)
        self.write(entry.slot, data)

    def erase(self, entry: Entry) -> None:
        """Mark an entry's slots free."""
        disk = self.volume.disk
        for slot in range(entry.slot, entry.slot + entry.count):
            block, offset = self._place(slot)
            raw = bytearray(disk.read_block(block))
            raw[offset] = fat_entry.FREE
            disk.write_block(block, bytes(raw))
