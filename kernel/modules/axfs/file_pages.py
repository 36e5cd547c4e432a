"""Contents of an in-memory file: pages in RAM frames, holes, and an initial image.

A page that was ever written stands in a frame of guest RAM (page usage "file cache"), so
snapshots see files as part of RAM and the page strip shows them. Pages nobody wrote come from
the immutable `FileImage` the file started with, and beyond it they are holes that read as zeros.
Models Linux's tmpfs/page cache (mm/shmem.c); ArceOS's axfs_ramfs keeps a Vec<u8> instead.
"""

from __future__ import annotations

from typing import Protocol

from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE
from kernel.crates.phys_memory import PhysMemory

USAGE = "file cache"


class PageSource(Protocol):
    """What files need of axalloc's GlobalAllocator."""

    def alloc_pages(self, count: int, align_bytes: int = 4096, usage: str = "user") -> int: ...
    def dealloc_pages(self, pa: int, count: int, usage: str = "user") -> None: ...


class PageBudget:
    """A ceiling on the frames of one file system.

    Attributes:
        limit_pages: How many frames its files may fill together.
        used_pages: How many they fill.
    """

    __slots__ = ("limit_pages", "used_pages")

    def __init__(self, limit_pages: int) -> None:
        self.limit_pages = limit_pages
        self.used_pages = 0


class FileImage:
    """Immutable initial contents. Snapshots may keep it by reference: it never changes."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class FilePages:
    """Sparse bytes of one file.

    Attributes:
        size_bytes: Length of the file.
        frames: Page index -> physical address of its frame.
        image: What the file started with; valid up to `image_bytes`, which only shrinks.
    """

    __slots__ = ("alloc", "budget", "frames", "image", "image_bytes", "ram", "size_bytes")

    def __init__(self, ram: PhysMemory, alloc: PageSource, budget: PageBudget) -> None:
        self.ram = ram
        self.alloc = alloc
        self.budget = budget
        self.frames: dict[int, int] = {}
        self.image: FileImage | None = None
        self.image_bytes = 0
        self.size_bytes = 0

    def set_image(self, image: FileImage) -> None:
        """Start with `image` as the contents; only for a file that is empty."""
        self.image = image
        self.image_bytes = self.size_bytes = len(image.data)

    @property
    def resident_pages(self) -> int:
        """Pages that hold data: frames, and pages of the image."""
        if not self.image_bytes:
            return len(self.frames)
        image_pages = (self.image_bytes + PAGE_MASK) >> PAGE_SHIFT
        beyond = sum(1 for index in self.frames if index >= image_pages)
        return image_pages + beyond

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Bytes from `offset`, shorter at the end of the file."""
        size = min(size_bytes, self.size_bytes - offset)
        if size <= 0:
            return b""
        if not self.frames:
            return self._image_part(offset, size)
        parts: list[bytes] = []
        while size > 0:
            start = offset & PAGE_MASK
            take = min(PAGE_SIZE - start, size)
            pa = self.frames.get(offset >> PAGE_SHIFT)
            parts.append(
                self.ram.read(pa + start, take)
                if pa is not None
                else self._image_part(offset, take)
            )
            offset += take
            size -= take
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _image_part(self, offset: int, size: int) -> bytes:
        """`size` bytes of the image, zeros beyond it."""
        if self.image is None or offset >= self.image_bytes:
            return bytes(size)
        data = self.image.data[offset : min(offset + size, self.image_bytes)]
        return data if len(data) == size else data + bytes(size - len(data))

    def write(self, offset: int, data: bytes) -> int:
        """Write as much as finds room.

        Returns:
            Bytes written, at least one unless `data` is empty.

        Raises:
            AxError: STORAGE_FULL when not one byte finds room.
        """
        done = 0
        size = len(data)
        while done < size:
            start = (offset + done) & PAGE_MASK
            take = min(PAGE_SIZE - start, size - done)
            index = (offset + done) >> PAGE_SHIFT
            pa = self.frames.get(index)
            if pa is None:
                try:
                    pa = self.frame(index)
                except AxError:
                    if done:
                        break
                    raise
            self.ram.write(pa + start, data if take == size else data[done : done + take])
            done += take
        if offset + done > self.size_bytes and done:
            self.size_bytes = offset + done
        return done

    def frame(self, index: int) -> int:
        """The frame of a page, filled from image or zeros if it had none.

        This is what a shared mapping maps.

        Raises:
            AxError: STORAGE_FULL.
        """
        pa = self.frames.get(index)
        if pa is not None:
            return pa
        if self.budget.used_pages >= self.budget.limit_pages:
            raise AxError(AxErrorKind.STORAGE_FULL, "the file system's limit")
        try:
            pa = self.alloc.alloc_pages(1, PAGE_SIZE, USAGE)
        except AxError as error:
            raise AxError(AxErrorKind.STORAGE_FULL, "no free frame") from error
        self.budget.used_pages += 1
        start = index << PAGE_SHIFT
        if start < self.image_bytes:
            self.ram.write(pa, self._image_part(start, PAGE_SIZE))
        else:
            self.ram.zero(pa, PAGE_SIZE)
        self.frames[index] = pa
        return pa

    def truncate(self, size_bytes: int) -> None:
        """Cut, or extend with a hole."""
        if size_bytes < self.size_bytes:
            keep = (size_bytes + PAGE_MASK) >> PAGE_SHIFT
            for index in [i for i in self.frames if i >= keep]:
                self.drop_frame(index)
            pa = self.frames.get(size_bytes >> PAGE_SHIFT)
            if pa is not None and size_bytes & PAGE_MASK:
                # What is cut reads as zeros if the file grows again.
                start = size_bytes & PAGE_MASK
                self.ram.zero(pa + start, PAGE_SIZE - start)
            self.image_bytes = min(self.image_bytes, size_bytes)
        self.size_bytes = size_bytes

    def punch(self, offset: int, end: int) -> None:
        """Make `offset <= byte < end` read as zeros, giving whole pages back.

        Raises:
            AxError: STORAGE_FULL: a page of the image has to become a frame for it.
        """
        end = min(end, self.size_bytes)
        if end <= offset:
            return
        first, last = offset >> PAGE_SHIFT, (end + PAGE_MASK) >> PAGE_SHIFT
        image_pages = (self.image_bytes + PAGE_MASK) >> PAGE_SHIFT
        held = [i for i in self.frames if first <= i < last]
        for index in sorted({*held, *range(first, min(last, image_pages))}):
            start = max(offset, index << PAGE_SHIFT)
            stop = min(end, (index + 1) << PAGE_SHIFT)
            if stop - start == PAGE_SIZE and index >= image_pages:
                self.drop_frame(index)
            else:
                self.ram.zero(self.frame(index) + (start & PAGE_MASK), stop - start)

    def drop_frame(self, index: int) -> None:
        """Give one frame back."""
        pa = self.frames.pop(index, None)
        if pa is not None:
            self.alloc.dealloc_pages(pa, 1, USAGE)
            self.budget.used_pages -= 1

    def clear(self) -> None:
        """Give everything back."""
        self.truncate(0)

    def next_data(self, offset: int) -> int | None:
        """First offset at or after `offset` that is no hole (SEEK_DATA); None if none is left."""
        if offset >= self.size_bytes:
            return None
        if offset < self.image_bytes:
            return offset
        index = offset >> PAGE_SHIFT
        later = [i for i in self.frames if i >= index]
        if not later:
            return None
        found = max(offset, min(later) << PAGE_SHIFT)
        return found if found < self.size_bytes else None

    def next_hole(self, offset: int) -> int:
        """First offset at or after `offset` in a hole (SEEK_HOLE); the end counts as one."""
        while offset < self.size_bytes:
            if offset < self.image_bytes:
                offset = self.image_bytes
                if not offset & PAGE_MASK:
                    continue
            if offset >> PAGE_SHIFT not in self.frames and offset >= (
                self.image_bytes + PAGE_MASK & ~PAGE_MASK
            ):
                return offset
            offset = (offset | PAGE_MASK) + 1
        return self.size_bytes
