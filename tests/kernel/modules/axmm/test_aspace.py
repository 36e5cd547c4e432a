"""AddrSpace: mapping, faults and their sentences, rights, PROT_NONE, stacks, memory running out."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.modules.axmm.backend import Alloc, FileSource
from kernel.modules.axmm.fault import FaultKind

R, W, X, U = 1, 2, 4, 8
RW, RX = R | W | U, R | X | U
A = 0x1_0000_0000


def test_lazy_memory_comes_on_touch(machine: Any) -> None:
    space, mem = machine.space, machine.mem()
    space.map(A, 0x4000, RW, Alloc())
    assert machine.hardware(A, R) == -1
    assert space.handle_page_fault(A + 0x1234, W).handled
    assert machine.hardware(A + 0x1000, W) >= 0
    assert machine.hardware(A, R) == -1
    assert mem.read(A + 0x1FF0, 32) == bytes(32)
    mem.write(A + 0xFF0, b"x" * 32)
    assert space.read(A + 0xFF0, 32) == b"x" * 32
    machine.check()
    space.unmap(A, 0x4000)
    assert machine.hardware(A + 0x1000, R) == -1
    with pytest.raises(LinuxError) as caught:
        mem.read_u8(A)
    assert caught.value.errno is Errno.EFAULT
    space.destroy()
    assert not machine.alloc.live
    assert not machine.alloc.blocks


def test_map_errors(machine: Any) -> None:
    space = machine.space
    space.map(A, 0x2000, RW, Alloc(True))
    for start, size, kind in (
        (A + 0x1000, 0x1000, AxErrorKind.ALREADY_EXISTS),
        (A + 1, 0x1000, AxErrorKind.INVALID_INPUT),
        (A, 0, AxErrorKind.INVALID_INPUT),
        (0, 0x1000, AxErrorKind.INVALID_INPUT),
        (space.end - 0x1000, 0x2000, AxErrorKind.INVALID_INPUT),
    ):
        node = machine.file(b"abc")
        with pytest.raises(AxError) as caught:
            space.map(start, size, RW, Alloc(False, FileSource(node, 0)))
        assert caught.value.kind is kind
        assert node.opens == 0
    machine.check()


def test_sentences(machine: Any) -> None:
    space = machine.space
    space.map(A, 0x2000, R | U, Alloc(True), "/bin/true")
    level = space.page_table.fmt.levels[-1].name
    out = space.handle_page_fault(A + 0x1008, W)
    assert out.kind is FaultKind.SEGV_ACCERR
    assert f"write of {A + 0x1008:#x} failed: {level}[1] " in out.sentence
    assert "the page is read-only" in out.sentence
    assert out.sentence.endswith(f"in VMA {A:#x}-{A + 0x2000:#x} r-- /bin/true")
    out = space.handle_page_fault(A + 0x2000, R)
    assert out.kind is FaultKind.SEGV_MAPERR
    assert "in no VMA, 0x1 bytes past the end of VMA" in out.sentence
    assert "bytes before VMA" in space.handle_page_fault(A - 8, R).sentence
    out = space.handle_page_fault(0, R)
    assert out.kind is FaultKind.SEGV_MAPERR
    assert "outside the address space" in out.sentence
    out = space.handle_page_fault(A, X)
    assert out.kind is FaultKind.SEGV_ACCERR
    assert "not executable" in out.sentence
    assert space.handle_page_fault(0x7FFF_FFFF_FFFF_FFFF, R).kind is FaultKind.SEGV_MAPERR


def test_rights_follow_mprotect(machine: Any) -> None:
    space, mem = machine.space, machine.mem()
    space.map(A, 0x5000, RW, Alloc())
    mem.write(A, b"a" * 0x3000)
    machine.tlb.flushes.clear()
    space.protect(A + 0x1000, 0x2000, R | U)
    assert machine.tlb.flushes == [(space.root_pa, -1)]
    assert [(a.start - A, a.end - A, a.flags) for a in space.areas] == [
        (0, 0x1000, RW),
        (0x1000, 0x3000, R | U),
        (0x3000, 0x5000, RW),
    ]
    assert machine.hardware(A + 0x1000, W) == -1
    assert machine.hardware(A + 0x1000, R) >= 0
    machine.tlb.flushes.clear()
    space.protect(A + 0x1000, 0x2000, RW)
    assert not machine.tlb.flushes  # more rights: nobody holds a wrong translation
    assert len(list(space.areas)) == 1
    assert machine.hardware(A + 0x2000, W) >= 0
    with pytest.raises(AxError) as caught:
        space.protect(A + 0x4000, 0x2000, R | U)
    assert caught.value.kind is AxErrorKind.NO_MEMORY
    assert [a.flags for a in space.areas] == [RW, R | U]  # the part before the gap is changed
    machine.check()


def test_prot_none_keeps_its_content(machine: Any) -> None:
    space, mem = machine.space, machine.mem()
    space.map(A, 0x3000, RW, Alloc())
    mem.write(A + 0x1000, b"kept")
    pa = machine.hardware(A + 0x1000, R)
    space.protect(A, 0x3000, U)
    assert all(machine.hardware(A + 0x1000, access) == -1 for access in (R, W, X))
    assert space.page_table.query(A + 0x1000)[0] == pa
    out = space.handle_page_fault(A + 0x1000, R)
    assert out.kind is FaultKind.SEGV_ACCERR
    assert "PROT_NONE" in out.sentence
    space.protect(A, 0x3000, RW)
    assert machine.hardware(A + 0x1000, R) == pa
    assert mem.read(A + 0x1000, 4) == b"kept"
    space.protect(A, 0x3000, U)
    machine.check()
    space.unmap(A, 0x3000)
    machine.check()
    assert "user" not in machine.alloc.live.values()


def test_write_only_can_be_read(machine: Any) -> None:
    machine.space.map(A, 0x1000, W | U, Alloc())
    machine.mem().write_u64(A, 5)
    assert machine.hardware(A, R) >= 0
    assert machine.space.check_region_access(A, 0x1000, R)


def test_code_is_there_before_it_is_fetched(machine: Any) -> None:
    space = machine.space
    space.map(A, 0x4000, RX, Alloc())
    assert all(machine.hardware(A + n, X) >= 0 for n in range(0, 0x4000, 0x1000))
    space.map(A + 0x10_0000, 0x2000, RW, Alloc())
    space.protect(A + 0x10_0000, 0x2000, RX)
    assert machine.hardware(A + 0x10_1000, X) >= 0
    entry = space.page_table.find(A + 0x10_1000).entry
    space.discard(A, 0x4000)
    assert machine.hardware(A + 0x3000, X) >= 0
    machine.hardware(A + 0x10_1000, X)
    assert space.page_table.find(A + 0x10_1000).entry == entry  # a fetch changes nothing


def test_stack_grows_within_its_limit(machine: Any) -> None:
    space = machine.space
    top = 0x3_0000_0000
    space.stack_limit_bytes = 0x40_0000
    space.map(top - 0x2000, 0x2000, RW, Alloc(), grows_down=True)
    space.stack_start = top - 16
    assert space.handle_page_fault(top - 0x10_0000, W).handled
    [area] = list(space.areas)
    assert (area.start, area.end) == (top - 0x10_0000, top)
    out = space.handle_page_fault(top - 0x40_0001, W)
    assert out.kind is FaultKind.SEGV_MAPERR
    assert "limit of 4096 KiB" in out.sentence
    assert "[stack]" in out.sentence
    space.map(top - 0x30_0000, 0x1000, RW, Alloc())
    out = space.handle_page_fault(top - 0x20_0000, W)
    assert out.kind is FaultKind.SEGV_MAPERR
    assert "too close" in out.sentence
    assert space.handle_page_fault(top - 0x1F_F000, W).handled
    machine.check()


def test_mmap_places_as_linux(machine: Any) -> None:
    space, top = machine.space, 0x2_0000_0000
    assert space.find_mmap_area(0, 0x3000, 0x10000, top) == top - 0x3000
    space.map(top - 0x3000, 0x3000, RW, Alloc())
    assert space.find_mmap_area(0, 0x1000, 0x10000, top) == top - 0x4000
    assert space.find_mmap_area(A + 5, 0x1000, 0x10000, top) == A + 0x1000
    assert space.find_mmap_area(top - 0x2000, 0x1000, 0x10000, top) == top - 0x4000
    space.map(A, 0x1000, RW, Alloc(), grows_down=True)
    assert space.find_mmap_area(A - 0x1000, 0x1000, 0x10000, top) == top - 0x4000


def test_file_pages_and_their_end(machine: Any) -> None:
    space, mem = machine.space, machine.mem()
    node = machine.file(b"\x11" * 0x1800)
    space.map(A, 0x4000, RW, Alloc(False, FileSource(node, 0)), "/f")
    assert node.opens == 1
    assert mem.read(A + 0x17F0, 0x20) == b"\x11" * 16 + bytes(16)
    mem.write(A, b"private")
    assert node.read_at(0, 7) == b"\x11" * 7
    out = space.handle_page_fault(A + 0x2000, R)
    assert out.kind is FaultKind.BUS_ADRERR
    assert out.sentence.endswith("/f beyond the end of its file")
    space.unmap(A + 0x1000, 0x1000)
    assert node.opens == 1
    space.unmap(A, 0x4000)
    assert node.opens == 0
    # A loader's source: so many bytes of the file, then zeros without end.
    space.map(A, 0x3000, RW, Alloc(False, FileSource(node, 0x1000, 0x700)))
    assert mem.read(A + 0x6F0, 0x20) == b"\x11" * 16 + bytes(16)
    assert mem.read(A + 0x2000, 4) == bytes(4)
    space.destroy()
    assert node.opens == 0


def test_mincore_and_dontneed(machine: Any) -> None:
    space, mem = machine.space, machine.mem()
    space.map(A, 0x4000, RW, Alloc())
    mem.write(A + 0x1000, b"x")
    assert space.residency(A, 0x4000) == b"\0\1\0\0"
    space.discard(A, 0x4000)
    assert space.residency(A, 0x4000) == bytes(4)
    assert mem.read(A + 0x1000, 1) == b"\0"
    with pytest.raises(AxError) as caught:
        space.residency(A, 0x5000)
    assert caught.value.kind is AxErrorKind.NO_MEMORY
    machine.check()


def test_mremap_moves_entries(machine: Any) -> None:
    space, mem = machine.space, machine.mem()
    space.map(A, 0x4000, RW, Alloc())
    mem.write(A + 0x1000, b"moved")
    pa = machine.hardware(A + 0x1000, R)
    space.move_area(A + 0x1000, 0x2000, A + 0x20_0000, 0x3000)
    assert machine.hardware(A + 0x20_0000, R) == pa
    assert machine.hardware(A + 0x1000, R) == -1
    assert mem.read(A + 0x20_0000, 5) == b"moved"
    assert [(a.start - A, a.end - A) for a in space.areas] == [
        (0, 0x1000),
        (0x3000, 0x4000),
        (0x20_0000, 0x20_3000),
    ]
    assert space.grow_area(A + 0x20_3000, A + 0x20_5000)
    mem.write(A + 0x20_4000, b"x")
    assert not space.grow_area(A + 0x1000, A + 0x4000)
    with pytest.raises(AxError):
        space.move_area(A, 0x1000, A + 0x20_0000, 0x1000)
    node = machine.file(bytes(range(256)) * 32)
    space.map(A + 0x40_0000, 0x2000, R | U, Alloc(False, FileSource(node, 0)))
    space.move_area(A + 0x40_0000, 0x2000, A + 0x60_0000, 0x2000)
    assert mem.read(A + 0x60_1000, 8) == bytes(range(8))
    assert node.opens == 1
    machine.check()
    space.destroy()
    assert not machine.alloc.blocks
    assert node.opens == 0


def test_areas_of_the_heap_join(machine: Any) -> None:
    space = machine.space
    space.brk_start = space.brk = A
    space.map(A, 0x1000, RW, Alloc())
    space.map(A + 0x1000, 0x3000, RW, Alloc(), "[heap]")
    space.brk = A + 0x4000
    [area] = list(space.areas)
    assert space.area_name(area) == "[heap]"


@pytest.mark.parametrize("limit", range(12))
def test_memory_running_out(machine_of: Any, limit: int) -> None:
    machine = machine_of("sv39")
    space, mem = machine.space, machine.mem()
    space.map(A, 0x2000, RW, Alloc())
    mem.write(A, b"first")
    machine.alloc.limit = len(machine.alloc.live) + limit
    space.map(A + (1 << 30), 0x4000, RW, Alloc(True))  # populating takes what there is
    machine.check()
    out = [space.handle_page_fault(A + (1 << 31) + n, W).kind for n in (0,)]
    assert out == [FaultKind.SEGV_MAPERR]
    kinds = {space.handle_page_fault(A + (1 << 30) + n, W).kind for n in range(0, 0x4000, 0x1000)}
    assert kinds <= {FaultKind.HANDLED, FaultKind.OOM}
    assert (kinds == {FaultKind.HANDLED}) == (limit >= 6)
    try:
        child = space.clone_or_err(2)
        child.destroy()
    except AxError as error:
        assert error.kind is AxErrorKind.NO_MEMORY
    machine.check()
    assert mem.read(A, 5) == b"first"
    mem.write(A, b"again")  # the last owner needs no frame
    machine.alloc.limit = 1 << 30
    space.destroy()
    assert not machine.alloc.live
    assert not machine.alloc.blocks


def test_write_breaks_through_rights(machine: Any) -> None:
    space = machine.space
    space.map(A, 0x2000, RX, Alloc())
    space.write(A + 0xFFE, b"code")
    assert space.read(A + 0xFFE, 4) == b"code"
    space.map(A + 0x10000, 0x1000, R | U, Alloc())
    with pytest.raises(AxError) as caught:
        space.read(A + 0x10000, 1)  # nobody touched it
    assert caught.value.kind is AxErrorKind.BAD_ADDRESS
    space.populate_area(A + 0x10000, 0x1000, R)
    assert space.read(A + 0x10000, 1) == b"\0"
    with pytest.raises(AxError):
        space.populate_area(A + 0x10000, 0x2000, R)


def test_unmap_and_execve(machine: Any) -> None:
    space = machine.space
    space.map(A, 0x4000, RW, Alloc(True))
    space.map(A + (1 << 32), 0x4000, RW, Alloc(True))
    space.unmap_user_areas()
    assert list(space.areas) == []
    assert list(machine.alloc.live) == [space.root_pa]
    space.map(A, 0x1000, RW, Alloc(True))
    machine.check()


def test_events_have_one_flush_per_operation(machine: Any) -> None:
    space, events = machine.space, machine.events
    space.map(A, 0x8000, RW, Alloc(True))
    events.record()
    machine.tlb.flushes.clear()
    space.unmap(A, 0x8000)
    kinds = [e.kind for e in events.events(0, 1 << 60)]
    assert kinds.count(EventKind.PTE_CLEAR) == 8
    assert len(machine.tlb.flushes) == 1
    space.map(A, 0x1000, RW, Alloc())
    events.record()
    space.handle_page_fault(A, W)
    first = events.events(0, 1 << 60)[0]
    assert first.kind is EventKind.PAGE_WALK
    assert first["va"] == A
    assert "nothing is mapped" in first["outcome"]


def test_an_observer_changes_nothing(machine: Any) -> None:
    space = machine.space
    space.map(A, 0x4000, RW, Alloc())
    machine.mem().write(A, b"x")
    before = machine.ram.read(machine.ram.base, machine.ram.size_bytes)
    count = machine.events.count
    for va in (A, A + 0x1000, 0, A + 0x5000, 1 << 63):
        for access in (R, W, X):
            view = space.explain(va, access)
            assert view.ok == (machine.space.page_table.find(va) is not None and access != X)
            assert view.sentence
    assert space.fmt()
    assert machine.events.count == count
    assert machine.ram.read(machine.ram.base, machine.ram.size_bytes) == before


def test_a_space_can_be_pickled(machine: Any) -> None:
    """Hosts objects go by reference, as the snapshot does it."""
    space = machine.space
    space.map(A, 0x4000, RW, Alloc(True))
    hosts = {"ram": machine.ram, "events": machine.events, "tlb": machine.tlb}
    import io

    class Saver(pickle.Pickler):
        def persistent_id(self, obj: object) -> str | None:
            return next((name for name, host in hosts.items() if host is obj), None)

    class Loader(pickle.Unpickler):
        def persistent_load(self, pid: str) -> object:
            return hosts[pid]

    out = io.BytesIO()
    Saver(out).dump(space)
    copy = Loader(io.BytesIO(out.getvalue())).load()
    assert copy.fmt() == space.fmt()
    assert copy.frames.spaces[1] is copy
    copy.unmap(A, 0x4000)
