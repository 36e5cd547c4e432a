"""Physical memory of the board: one private anonymous mapping that all engines share.

Besides bytes, RAM keeps what the host needs to be quick and right: which frames changed since the
last snapshot, and which frames some engine translated code from (their translations must go when
the kernel writes there). Neither is machine state.

The mapping is private because a forked process must not share it with its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections.abc import Callable, Iterable

FRAME_SHIFT = 12
FRAME_BYTES = 1 << FRAME_SHIFT
_ZERO_FRAME = bytes(FRAME_BYTES)


def _nobody(_pa: int) -> None:
    """No engine has translated anything: a write into code concerns nobody."""


class Ram:
    """Little-endian physical memory; implements `crates.phys_memory.PhysMemory`.

    Attributes:
        base: Physical address of the first byte.
        size_bytes: Size; a multiple of 4 KiB.
        address: Host address of the first byte.
        mv: The bytes. Writing here directly bypasses all marks: engines and tests only.
        q: The same bytes as 64-bit words; word `(pa - base) >> 3`.
        dirty: Frame numbers (pa >> 12) written since whoever takes snapshots cleared the set.
            Guest writes come in when an engine's TLB is flushed, see `CpuEngine.dirty_frames`.
        touched: Frame numbers ever written or given to a guest to write. All others hold zeros.
        exec_frames: Frame numbers some engine may hold translated code of.
        on_code_write: Called with a frame's address after the kernel wrote into an exec frame.
    """

    __slots__ = (
        "_bad16",
        "_bad32",
        "_bad64",
        "_d",
        "_export",
        "_h",
        "_map",
        "address",
        "base",
        "dirty",
        "exec_frames",
        "mv",
        "on_code_write",
        "q",
        "size_bytes",
        "touched",
    )

    def __init__(self, base: int, size_bytes: int) -> None:
        if size_bytes <= 0 or (base | size_bytes) & (FRAME_BYTES - 1):
            raise ValueError(
                f"RAM of {size_bytes:#x} bytes at {base:#x}: both must be multiples of 4096"
            )
        self.base = base
        self.size_bytes = size_bytes
        self._map = _anonymous_mapping(size_bytes)
        self._export = ctypes.c_char.from_buffer(self._map)
        self.address = ctypes.addressof(self._export)
        self.mv = memoryview(self._map)
        self.q = self.mv.cast("Q")
        self._d = self.mv.cast("I")
        self._h = self.mv.cast("H")
        # One AND finds negative offsets, misaligned ones and most that are too large; the
        # memoryview's own check finds the rest.
        beyond = ~((1 << (size_bytes - 1).bit_length()) - 1)
        self._bad16 = beyond | 1
        self._bad32 = beyond | 3
        self._bad64 = beyond | 7
        self.dirty: set[int] = set()
        self.touched: set[int] = set()
        self.exec_frames: set[int] = set()
        self.on_code_write: Callable[[int], None] = _nobody

    # -- words ------------------------------------------------------------------------------

    def read_u8(self, pa: int) -> int:
        """The byte at `pa`."""
        offset = pa - self.base
        if offset < 0:
            raise self._error(pa, 1)
        return self.mv[offset]

    def read_u16(self, pa: int) -> int:
        """The 16-bit word at `pa`, which must be a multiple of 2."""
        offset = pa - self.base
        if offset & self._bad16:
            raise self._error(pa, 2)
        return self._h[offset >> 1]

    def read_u32(self, pa: int) -> int:
        """The 32-bit word at `pa`, which must be a multiple of 4."""
        offset = pa - self.base
        if offset & self._bad32:
            raise self._error(pa, 4)
        return self._d[offset >> 2]

    def read_u64(self, pa: int) -> int:
        """The 64-bit word at `pa`, which must be a multiple of 8."""
        offset = pa - self.base
        if offset & self._bad64:
            raise self._error(pa, 8)
        return self.q[offset >> 3]

    def write_u8(self, pa: int, value: int) -> None:
        """Store a byte, 0 to 255."""
        offset = pa - self.base
        if offset < 0:
            raise self._error(pa, 1)
        self.mv[offset] = value
        self._mark(pa >> FRAME_SHIFT)

    def write_u16(self, pa: int, value: int) -> None:
        """Store 16 bits; `value` must fit."""
        offset = pa - self.base
        if offset & self._bad16:
            raise self._error(pa, 2)
        self._h[offset >> 1] = value
        self._mark(pa >> FRAME_SHIFT)

    def write_u32(self, pa: int, value: int) -> None:
        """Store 32 bits; `value` must fit."""
        offset = pa - self.base
        if offset & self._bad32:
            raise self._error(pa, 4)
        self._d[offset >> 2] = value
        self._mark(pa >> FRAME_SHIFT)

    def write_u64(self, pa: int, value: int) -> None:
        """Store 64 bits; `value` must fit."""
        offset = pa - self.base
        if offset & self._bad64:
            raise self._error(pa, 8)
        self.q[offset >> 3] = value
        # _mark(), written out: this is the hottest store of the kernel
        frame = pa >> FRAME_SHIFT
        if frame not in self.dirty:
            self.dirty.add(frame)
            self.touched.add(frame)
        if frame in self.exec_frames:
            self.on_code_write(frame << FRAME_SHIFT)

    # -- ranges -----------------------------------------------------------------------------

    def read(self, pa: int, size_bytes: int) -> bytes:
        """Copy of `size_bytes` bytes."""
        offset = self._range(pa, size_bytes)
        return bytes(self.mv[offset : offset + size_bytes])

    def write(self, pa: int, data: bytes | bytearray | memoryview) -> None:
        """Store all of `data`."""
        size_bytes = len(data)
        if not size_bytes:
            return
        offset = self._range(pa, size_bytes)
        self.mv[offset : offset + size_bytes] = data
        self._mark_range(pa, size_bytes)

    def zero(self, pa: int, size_bytes: int) -> None:
        """Clear a range. Whole frames that nobody ever wrote cost nothing."""
        offset = self._range(pa, size_bytes)
        if size_bytes == FRAME_BYTES and not offset & (FRAME_BYTES - 1):
            if pa >> FRAME_SHIFT in self.touched:
                self.mv[offset : offset + FRAME_BYTES] = _ZERO_FRAME
                self._mark(pa >> FRAME_SHIFT)
            return
        done = 0
        while done < size_bytes:
            start = pa + done
            count = min(FRAME_BYTES - (start & (FRAME_BYTES - 1)), size_bytes - done)
            if start >> FRAME_SHIFT in self.touched:
                where = offset + done
                self.mv[where : where + count] = _ZERO_FRAME[:count]
                self._mark(start >> FRAME_SHIFT)
            done += count

    def copy(self, target_pa: int, source_pa: int, size_bytes: int) -> None:
        """Copy a range as if through a buffer: the two may overlap."""
        if not size_bytes:
            return
        source = self._range(source_pa, size_bytes)
        target = self._range(target_pa, size_bytes)
        self.mv[target : target + size_bytes] = self.mv[source : source + size_bytes]
        self._mark_range(target_pa, size_bytes)

    # -- frames, for snapshots ----------------------------------------------------------------

    def frame(self, pa: int) -> bytes:
        """Copy of the 4 KiB frame that contains `pa`."""
        return self.read(pa & ~(FRAME_BYTES - 1), FRAME_BYTES)

    def load_frame(self, number: int, data: bytes) -> None:
        """Store a whole frame by its number (pa >> 12); `data` is 4096 bytes."""
        if len(data) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, got {len(data)}")
        self.write(number << FRAME_SHIFT, data)

    def mark_dirty(self, frames: Iterable[int]) -> None:
        """Add frame numbers that an engine reports as written by its guest."""
        self.dirty.update(frames)
        self.touched.update(frames)

    def contains(self, pa: int, size_bytes: int = 1) -> bool:
        """Whether the range lies in this memory."""
        offset = pa - self.base
        return offset >= 0 and offset + size_bytes <= self.size_bytes

    # -- inside -----------------------------------------------------------------------------

    def _mark(self, frame: int) -> None:
        if frame not in self.dirty:
            self.dirty.add(frame)
            self.touched.add(frame)
        if frame in self.exec_frames:
            self.on_code_write(frame << FRAME_SHIFT)

    def _mark_range(self, pa: int, size_bytes: int) -> None:
        first, last = pa >> FRAME_SHIFT, (pa + size_bytes - 1) >> FRAME_SHIFT
        if first == last:
            self._mark(first)
            return
        for frame in range(first, last + 1):
            self._mark(frame)

    def _range(self, pa: int, size_bytes: int) -> int:
        offset = pa - self.base
        if offset < 0 or size_bytes < 0 or offset + size_bytes > self.size_bytes:
            raise self._error(pa, size_bytes)
        return offset

    def _error(self, pa: int, size_bytes: int) -> IndexError:
        if self.contains(pa, size_bytes):
            return IndexError(f"{size_bytes}-byte access at {pa:#x} is not aligned")
        end = self.base + self.size_bytes
        return IndexError(
            f"{size_bytes} bytes at {pa:#x} lie outside RAM [{self.base:#x}, {end:#x})"
        )


def _anonymous_mapping(size_bytes: int) -> mmap.mmap:
    # Python's own default is MAP_SHARED; hosts without these flags have no fork either.
    private = getattr(mmap, "MAP_PRIVATE", 0)
    anonymous = getattr(mmap, "MAP_ANONYMOUS", 0)
    if not (private and anonymous):
        return mmap.mmap(-1, size_bytes)
    mapping = mmap.mmap(-1, size_bytes, flags=private | anonymous)
    # Where the host has large pages, a guest's first touch of a frame costs a fifth.
    large_pages = getattr(mmap, "MADV_HUGEPAGE", 0)
    if large_pages:
        with contextlib.suppress(OSError):  # a host kernel built without them
            mapping.madvise(large_pages)
    return mapping
