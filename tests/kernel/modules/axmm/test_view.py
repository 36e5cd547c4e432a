"""What is shown: areas, /proc/PID/maps, page walks; and the kernel's own space."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kernel.crates.event import EventKind, HalfWay
from kernel.machine.arch import ARCHES
from kernel.machine.ram import Ram
from kernel.modules.axalloc.global_allocator import GlobalAllocator
from kernel.modules.axconfig import CONFIGS, image_layout
from kernel.modules.axhal.qemu_virt import QemuVirt
from kernel.modules.axmm.aspace import AddrSpace
from kernel.modules.axmm.backend import Alloc, FileSource
from kernel.modules.axmm.frames import FrameTable
from kernel.modules.axmm.kernel_space import new_kernel_aspace
from kernel.modules.axmm.shared import Shared, SharedPages
from kernel.modules.axmm.view import address_space_view, maps_text

R, W, X, U = 1, 2, 4, 8
RW = R | W | U
A = 0x40_0000


def lab(machine: Any) -> Any:
    space = machine.space
    node = machine.file(b"\x7fELF" * 4096)
    space.map(A, 0x2000, R | X | U, Alloc(False, FileSource(node, 0x1000)), "/bin/lab")
    space.map(A + 0x2000, 0x1000, RW, Alloc(False, FileSource(node, 0x3000)), "/bin/lab")
    space.map(A + 0x3000, 0x1000, RW, Alloc())
    space.brk_start = space.brk = A + 0x10000
    space.map(A + 0x10000, 0x3000, RW, Alloc())
    space.brk = A + 0x13000
    space.map(0x2000_0000, 0x1000, RW, Shared(SharedPages(machine.frames, ident=9)))
    space.map(0x2000_2000, 0x1000, U, Alloc())
    space.map(0x3_FFFF_E000, 0x2000, RW, Alloc(), grows_down=True)
    space.stack_start = 0x3_FFFF_FF00
    return space


def test_maps_to_the_byte(machine: Any) -> None:
    assert maps_text(lab(machine)) == (
        "00400000-00402000 r-xp 00001000 08:03 77                                 /bin/lab\n"
        "00402000-00403000 rw-p 00003000 08:03 77                                 /bin/lab\n"
        "00403000-00404000 rw-p 00000000 00:00 0 \n"
        "00410000-00413000 rw-p 00000000 00:00 0                                  [heap]\n"
        "20000000-20001000 rw-s 00000000 00:01 9                                  "
        "/dev/zero (deleted)\n"
        "20002000-20003000 ---p 00000000 00:00 0 \n"
        "3ffffe000-400000000 rw-p 00000000 00:00 0                                [stack]\n"
    )


def test_area_views(machine: Any) -> None:
    view = address_space_view(lab(machine), 5)
    assert [a.kind for a in view.areas] == [
        "code",
        "data",
        "anon",
        "heap",
        "shared",
        "guard",
        "stack",
    ]
    assert [a.resident_pages for a in view.areas] == [2, 0, 0, 0, 0, 0, 0]
    assert view.areas[4].backend == "Shared"
    assert view == address_space_view(machine.space, 5)
    assert view.pid == 5
    assert view.brk == A + 0x13000


def test_walks_in_words(machine: Any) -> None:
    space = lab(machine)
    levels = [level.name for level in space.page_table.fmt.levels]
    view = space.explain(A + 0x123, X)
    assert view.ok
    assert view.perms == "r-x" or machine.fmt == "loongarch64"
    assert [step.level for step in view.steps] == levels
    assert [step.role for step in view.steps] == ["table"] * (len(levels) - 1) + ["page 4K"]
    assert view.pa == machine.hardware(A, X) + 0x123
    assert view.page_size_bytes == 4096
    assert "reaches" in view.sentence
    for above, below in zip(view.steps, view.steps[1:], strict=False):
        assert above.target_pa == below.table_pa
        assert above.va_lo == below.va_hi + 1
    view = space.explain(A + 0x2000, R)
    assert not view.ok
    assert view.pa == -1
    assert view.sentence.endswith("the page comes on the first touch")
    view = space.explain(A, W)
    assert not view.ok
    assert view.pa >= 0
    assert view.sentence.endswith("the access ends in a fault")
    machine.mem().write(A + 0x3000, b"x")
    child = space.clone_or_err(2)
    view = child.explain(A + 0x3000, W)
    assert view.sentence.endswith("copied or unlocked on a write fault")
    assert not space.explain(1 << 60, R).steps


@pytest.mark.parametrize("name", list(ARCHES))
def test_the_kernel_s_own_space(name: str) -> None:
    config = CONFIGS[name]
    ram = Ram(config.ram_base, 32 << 20)
    from kernel.crates.event import EventLog

    events = EventLog()
    control = GlobalAllocator.control_bytes("tlsf", ram.size_bytes >> 12)
    layout = image_layout(config.kernel_base, control, ram.size_bytes >> 12)
    free = ram.base + ram.size_bytes - layout.free_pa
    alloc = GlobalAllocator(ram, events, layout.free_pa, free, "tlsf", layout.control_pa)
    frames = FrameTable(ram, alloc, layout.frames_pa)
    tlb = SimpleNamespace(flush=lambda *_: None)
    hal: Any = QemuVirt.__new__(QemuVirt)
    board: Any = SimpleNamespace(
        config=config,
        layout=layout,
        ram=ram,
        arch=ARCHES[name],
        events=events,
        alloc=alloc,
        tlb=tlb,
        frames=frames,
        hal=hal,
    )
    hal.board, hal.config = board, config
    kernel = new_kernel_aspace(board)
    offset = config.phys_virt_offset
    text = next(s for s in layout.sections if s[0] == ".text")
    pa, flags, _ = kernel.page_table.query(text[1] + offset + 5)
    assert (pa, flags & 15) == (text[1] + 5, R | X)
    for section, start, size, perms in layout.sections:
        view = kernel.explain(start + offset + size - 1, R)
        assert "kernel only" in view.sentence
        assert view.sentence.count(f"{perms} {section}") == 1
    last = ram.base + ram.size_bytes - 1
    assert kernel.page_table.query(last + offset)[0] == last
    assert kernel.page_table.query(last + offset)[2] > 4096
    for start, _, _ in config.mmio:
        flags = kernel.page_table.query(start + offset)[1]
        assert flags & (16 | 32) or name == "riscv64"  # there the memory map decides, not entries
    kernel.protect(last + offset - 0xFFF, 0x1000, R | W | 32)  # DMA memory
    assert kernel.page_table.query(last + offset)[2] == 4096
    if not config.has_split_tables:
        user = AddrSpace(
            1,
            config.user_base,
            config.user_size,
            ARCHES[name].page_table,
            ram,
            events,
            alloc,
            tlb,
            frames,
        )
        user.copy_mappings_from(kernel)
        assert user.page_table.query(last + offset)[0] == last
        user.map(0x1000, 0x1000, RW, Alloc(True))
        used = alloc.used_pages
        user.destroy()
        assert alloc.used_pages < used
        assert kernel.page_table.query(last + offset)[0] == last


def test_stopping_half_way_leaves_things_as_they_are(machine_of: Any) -> None:
    machine = machine_of("sv39")
    space, events = machine.space, machine.events
    space.map(A, 0x4000, RW, Alloc(True))
    events.record()
    events.alarm, events.stop_inside = events.count + 2, True
    machine.tlb.flushes.clear()
    with pytest.raises(HalfWay):
        space.unmap(A, 0x4000)
    assert events.count == events.alarm
    assert events.events(0, 1 << 60)[-1].kind is EventKind.PTE_CLEAR
    assert not machine.tlb.flushes
    assert machine.hardware(A + 0x1000, R) == -1
    assert machine.hardware(A + 0x2000, R) >= 0
    assert space.explain(A, R).sentence
