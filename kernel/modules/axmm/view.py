"""What can be seen of an address space: its areas, a page walk, /proc/PID/maps. Changes nothing.

Source: Linux fs/proc/task_mmu.c (`show_map_vma`) for names and numbers.
"""

from __future__ import annotations

from kernel.crates.memory_area import MemoryArea
from kernel.crates.page_table_entry import access_word, perms_text
from kernel.crates.page_table_entry.pte_format import (
    EXECUTE,
    READ,
    RWX,
    USER,
    WRITE,
    PteFormat,
)
from kernel.crates.page_walk import Step, first_failure, walk_steps
from kernel.crates.vfs import split_dev
from kernel.crates.views import AddressSpaceView, AreaView, WalkStep, WalkView
from kernel.modules.axmm import fault
from kernel.modules.axmm.aspace import AddrSpace
from kernel.modules.axmm.backend import Alloc, FileNode
from kernel.modules.axmm.shared import Shared

_NO_DEV = (0, 0)
_SHMEM_DEV = (0, 1)  # Linux's internal shmem mount
_MAPS_COLUMN = 73  # where names begin


def address_space_view(space: AddrSpace, pid: int) -> AddressSpaceView:
    """All areas, in order."""
    return AddressSpaceView(
        space.ident,
        pid,
        space.root_pa,
        space.page_table.fmt.name,
        tuple(area_view(space, area) for area in space.areas),
        space.brk_start,
        space.brk,
    )


def area_view(space: AddrSpace, area: MemoryArea) -> AreaView:
    """One area."""
    offset, dev, inode = _file_of(area)
    is_shared = isinstance(area.backend, Shared)
    name = space.area_name(area)
    if is_shared and not name:
        name = "/dev/zero (deleted)"
    elif _is_deleted(area):
        name += " (deleted)"
    return AreaView(
        area.start,
        area.end,
        perms_text(area.flags) + ("s" if is_shared else "p"),
        offset,
        dev,
        inode,
        name,
        _kind(area, name, is_shared),
        str(area.backend),
        _resident(space, area),
    )


def _resident(space: AddrSpace, area: MemoryArea) -> int:
    """Resident 4 KiB pages."""
    leaves = space.page_table.leaves(area.start, area.end)
    return sum(leaf.size_bytes for leaf in leaves) >> 12


def _file_of(area: MemoryArea) -> tuple[int, tuple[int, int], int]:
    """(offset, device, inode) as the maps file has them."""
    backend = area.backend
    node: FileNode | None = None
    if isinstance(backend, Alloc) and backend.source is not None:
        node = backend.source.node
    elif isinstance(backend, Shared):
        node = backend.pages.node
        if node is None:
            return area.start + backend.delta, _SHMEM_DEV, backend.pages.ident
    if node is None or not isinstance(backend, Alloc | Shared):
        return 0, _NO_DEV, 0
    return area.start + backend.delta, split_dev(node.fs.dev), node.get_attr().ino


def _is_deleted(area: MemoryArea) -> bool:
    """Whether the file behind an area has no name any more."""
    backend = area.backend
    if isinstance(backend, Alloc) and backend.source is not None:
        return backend.source.node.get_attr().nlink <= 0
    if isinstance(backend, Shared) and backend.pages.node is not None:
        return backend.pages.node.get_attr().nlink <= 0
    return False


def _kind(area: MemoryArea, name: str, is_shared: bool) -> str:
    named = {"[heap]": "heap", "[stack]": "stack", "[vdso]": "vdso", "[sigtramp]": "vdso"}.get(name)
    if named or area.grows_down:
        return named or "stack"
    if is_shared:
        return "shared"
    if area.flags & EXECUTE:
        return "code"
    if not area.flags & RWX:
        return "guard"
    if isinstance(area.backend, Alloc) and area.backend.source is None and not name:
        return "anon"
    return "data" if area.flags & WRITE else "rodata"


def maps_text(space: AddrSpace) -> str:
    """/proc/PID/maps, to the byte."""
    lines: list[str] = []
    for area in space.areas:
        view = area_view(space, area)
        line = (
            f"{view.start:08x}-{view.end:08x} {view.perms} {view.offset:08x} "
            f"{view.dev[0]:02x}:{view.dev[1]:02x} {view.inode} "
        )
        lines.append(f"{line:<{_MAPS_COLUMN}}{view.name}\n" if view.name else f"{line}\n")
    return "".join(lines)


def explain(space: AddrSpace, va: int, access: int) -> WalkView:
    """The page walk for an access at `va`, with one sentence about it.

    The access is user mode's, or one at kernel privilege where programs run with it.
    """
    table = space.page_table
    fmt = table.fmt
    access = int(access)
    kernel = space.is_privileged
    steps = walk_steps(table, va, access, kernel=kernel) if fmt.va_is_valid(va) else ()
    failure = first_failure(table, va, access, kernel=kernel)
    last = steps[-1] if steps else None
    is_leaf = last is not None and fmt.is_leaf(last.entry, last.depth)
    size = fmt.levels[last.depth].page_size if last is not None and is_leaf else 0
    pa = last.target_pa + (va & (size - 1)) if last is not None and is_leaf else -1
    return WalkView(
        va,
        access_word(access),
        table.root_pa,
        fmt.name,
        tuple(_step_view(space, step) for step in steps),
        not failure,
        pa,
        size,
        _rights(space, steps) if is_leaf else "---",
        _sentence(space, va, access, failure, pa, size),
        () if last is None or is_leaf else _levels_below(fmt, last.depth),
    )


def _levels_below(fmt: PteFormat, depth: int) -> tuple[tuple[str, int, int], ...]:
    return tuple(
        (level.name, level.shift + level.index_bits - 1, level.shift)
        for level in fmt.levels[depth + 1 :]
    )


def _step_view(space: AddrSpace, step: Step) -> WalkStep:
    return WalkStep(
        step.level,
        step.table_pa,
        step.slot,
        step.va_hi,
        step.va_lo,
        step.entry_pa,
        step.entry,
        space.page_table.fmt.describe(step.entry, step.depth),
        step.role,
        step.target_pa,
    )


def _rights(space: AddrSpace, steps: tuple[Step, ...]) -> str:
    """What programs may do, all levels together."""
    fmt = space.page_table.fmt
    check = fmt.check_kernel if space.is_privileged else fmt.check
    allowed = (READ, WRITE, EXECUTE)
    flags = sum(
        access
        for access in allowed
        if not any(check(step.entry, access, step.depth) for step in steps)
    )
    return perms_text(flags)


def _sentence(space: AddrSpace, va: int, access: int, failure: str, pa: int, size: int) -> str:
    word, where = access_word(access), fault.place(space, va)
    if not failure:
        names = {1 << 12: "4 KiB", 1 << 21: "2 MiB", 1 << 30: "1 GiB"}
        return f"{word} of {va:#x} reaches {pa:#x} in a {names[size]} page, {where}"
    area = space.areas.find(va)
    need = access if space.is_privileged else access | USER
    if area is None or space.page_table.fmt.effective[area.flags] & need != need:
        after = "the access ends in a fault"
    elif pa >= 0 and access & WRITE:
        after = "the page is copied or unlocked on a write fault"
    else:
        after = "the page comes on the first touch"
    return f"{word} of {va:#x} stops: {failure}; {where}; {after}"
