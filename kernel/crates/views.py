"""View types that lower layers fill themselves: address spaces, page walks, allocators.

Frozen values, tuples inside, nothing of the live machine. `kernel.inspect.views` re-exports them
beside the views it composes. Addresses are plain integers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AreaView:
    """One VMA. `perms` as in /proc/PID/maps: rwxp or rwxs."""

    start: int
    end: int
    perms: str
    offset: int
    dev: tuple[int, int]
    inode: int
    name: str  # a path, [heap], [stack], [vdso] ..., or ""
    kind: str  # code, rodata, data, heap, stack, anon, guard, vdso, shared
    backend: str  # "Alloc", "Alloc populated", "Linear", "Shared", "File"
    resident_pages: int

    @property
    def size_bytes(self) -> int:
        """Length in bytes."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class AddressSpaceView:
    """One address space: of a process (`pid`), or the kernel's (`pid` 0)."""

    aspace: int
    pid: int
    root_pa: int
    format: str
    areas: tuple[AreaView, ...]
    brk_start: int = 0
    brk: int = 0


@dataclass(frozen=True, slots=True)
class WalkStep:
    """One level of a page walk.

    Attributes:
        level: Architecture's name of the table: PML4, PDPT, PD, PT; L2, L1, L0; dir3 ...
        table_pa: Physical address of the table.
        index: Entry looked at; `va_hi`, `va_lo` are the address bits that gave it (inclusive).
        entry_pa: Physical address of the entry.
        entry: Raw 64-bit value.
        bits: Decoded bits, (name, is set, meaning), most interesting first.
        role: "table", "page 4K", "page 2M", "page 1G", "not present", "invalid".
        target_pa: What the entry points to; 0 when not present.
    """

    level: str
    table_pa: int
    index: int
    va_hi: int
    va_lo: int
    entry_pa: int
    entry: int
    bits: tuple[tuple[str, bool, str], ...]
    role: str
    target_pa: int


@dataclass(frozen=True, slots=True)
class WalkView:
    """A page walk for one address and access.

    Attributes:
        ok: Whether the access is allowed.
        pa: Physical address; -1 unless mapped.
        page_size_bytes: Size of the page that maps it; 0 if none.
        perms: What programs may do there, "r-x"; "---" if not mapped.
        sentence: One sentence: what the walk found, or which check failed at which level and in
            or beside which VMA.
        rest: Of a walk that stopped early the levels it did not come to: name, highest and lowest
            bit of the address that index them.
    """

    va: int
    access: str  # "read", "write", "execute"
    root_pa: int
    format: str
    steps: tuple[WalkStep, ...]
    ok: bool
    pa: int
    page_size_bytes: int
    perms: str
    sentence: str
    rest: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class BitmapLevelView:
    """One level of the 16-ary bitmap tree: `words[i]` covers 16 children; bit 1 = free."""

    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PageAllocView:
    """The bitmap page allocator.

    Attributes:
        base_pa: Physical address of page 0 of the bitmap.
        levels: Root first, leaves last; read from RAM.
        owners: Runs of pages in use, (first page, pages, usage).
        largest_free_run: In pages.
    """

    base_pa: int
    total_pages: int
    used_pages: int
    levels: tuple[BitmapLevelView, ...]
    owners: tuple[tuple[int, int, str], ...]
    largest_free_run: int


@dataclass(frozen=True, slots=True)
class FreeListView:
    """One free list of a byte allocator, head first."""

    label: str  # "order 12", "class 64", "fl 3 sl 17"
    block_bytes: int  # size of a block in it; for TLSF the lower bound
    blocks: tuple[int, ...]  # physical addresses
    total_blocks: int = 0  # slab: free and used together


@dataclass(frozen=True, slots=True)
class BlockView:
    """One physical block of a TLSF pool, in address order."""

    pa: int
    size_bytes: int
    is_free: bool
    prev_pa: int


@dataclass(frozen=True, slots=True)
class ByteAllocView:
    """The byte allocator.

    Attributes:
        name: "TLSF", "slab" or "buddy".
        used_bytes: As the allocator itself counts; `requested_bytes` what was asked for.
        free_lists: Non-empty lists; buddy and slab give all of theirs.
        pools: (pa, size_bytes) of the memory it was given.
        fl_bitmap, sl_bitmaps: TLSF only.
        blocks: TLSF only: the physical chain of every pool.
        broken: Why lists and blocks cannot be shown: a program at kernel privilege has overwritten
            them; "" as a rule.
    """

    name: str
    total_bytes: int
    used_bytes: int
    requested_bytes: int
    free_lists: tuple[FreeListView, ...]
    pools: tuple[tuple[int, int], ...]
    fl_bitmap: int = 0
    sl_bitmaps: tuple[int, ...] = ()
    blocks: tuple[BlockView, ...] = ()
    under: ByteAllocView | None = None  # slab: the buddy heap below it
    broken: str = ""


@dataclass(frozen=True, slots=True)
class AllocatorsView:
    """Both allocators of axalloc."""

    pages: PageAllocView
    bytes: ByteAllocView
    live: tuple[tuple[int, int, str], ...]  # (pa, size_bytes, what) of kernel objects


@dataclass(frozen=True, slots=True)
class FdView:
    """One open file descriptor."""

    fd: int
    kind: str  # file, directory, pipe, tty, null ...
    what: str  # path or description
    flags: str  # O_RDONLY|O_CLOEXEC ...
    offset: int
    refs: int


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process."""

    pid: int
    ppid: int
    name: str
    exe: str
    threads: tuple[int, ...]
    aspace: int
    cwd: str
    umask: int
    fds: tuple[FdView, ...]
    signals: tuple[tuple[str, str], ...]  # (SIGNAME, "handler 0x..." | "ignored" | "blocked" ...)
    limits: tuple[tuple[str, int, int], ...]
    exit_status: int | None
