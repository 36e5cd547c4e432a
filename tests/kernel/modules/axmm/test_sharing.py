"""Fork and shared memory: copy-on-write, deep copies, MAP_SHARED, files seen both ways."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kernel.crates.errno import AxError, AxErrorKind, LinuxError
from kernel.crates.event import EventKind
from kernel.modules.axmm.backend import Alloc, FileSource
from kernel.modules.axmm.fault import FaultKind
from kernel.modules.axmm.shared import Shared, SharedPages

R, W, X, U = 1, 2, 4, 8
RW = R | W | U
A = 0x1_0000_0000


@pytest.mark.parametrize("cow", [True, False])
def test_fork_isolates(machine: Any, cow: bool) -> None:
    parent, mem = machine.space, machine.mem()
    parent.map(A, 0x4000, RW, Alloc())
    parent.map(A + 0x10000, 0x2000, R | X | U, Alloc())
    mem.write(A, b"before")
    mem.write(A + 0x1000, b"second")
    frames = len(machine.alloc.live)
    child = parent.clone_or_err(2, cow)
    machine.check()
    child_mem = machine.mem(child)
    assert child_mem.read(A, 6) == b"before"
    tables = sum(usage == "page table" for usage in machine.alloc.live.values())
    copied = len(machine.alloc.live) - frames - tables // 2
    assert copied == (0 if cow else 4)
    assert (machine.hardware(A, W) == -1) == cow
    assert machine.hardware(A + 0x10000, X, child) >= 0
    child_mem.write(A, b"child ")
    mem.write(A + 0x1000, b"parent")
    assert mem.read(A, 6) == b"before"
    assert child_mem.read(A + 0x1000, 6) == b"second"
    machine.check()
    child.destroy()
    machine.check()
    assert mem.read(A, 6) == b"before"
    mem.write(A, b"alone!")
    machine.check()


def test_copy_on_write_events(machine: Any) -> None:
    parent, mem = machine.space, machine.mem()
    parent.map(A, 0x1000, RW, Alloc())
    mem.write(A, b"x")
    child = parent.clone_or_err(2)
    machine.events.record()
    assert child.handle_page_fault(A, W).handled
    assert parent.handle_page_fault(A, W).handled  # the last owner: only unlocked
    kinds = [event.kind for event in machine.events.events(0, 1 << 60)]
    assert kinds.count(EventKind.COW_COPY) == 1
    assert kinds.count(EventKind.PTE_PROTECT) == 1


def test_mprotect_does_not_undo_copy_on_write(machine: Any) -> None:
    parent, mem = machine.space, machine.mem()
    parent.map(A, 0x1000, RW, Alloc())
    mem.write(A, b"one")
    child = parent.clone_or_err(2)
    for rights in (U, R | U, RW):
        child.protect(A, 0x1000, rights)
    assert machine.hardware(A, W, child) == -1
    machine.mem(child).write(A, b"two")
    assert mem.read(A, 3) == b"one"
    parent.protect(A, 0x1000, R | U)
    child2 = parent.clone_or_err(3)
    child2.write(A, b"pok")  # a debugger's write
    assert mem.read(A, 3) == b"one"
    machine.check()


def test_a_tree_of_forks(machine_of: Any) -> None:
    rng = random.Random(5)
    machine = machine_of("x86_64")
    spaces = {1: machine.space}
    model = {1: bytearray(0x8000)}
    machine.space.map(A, 0x8000, RW, Alloc())
    next_ident = 2
    for _ in range(400):
        ident = rng.choice(list(spaces))
        space, data = spaces[ident], model[ident]
        what = rng.random()
        if what < 0.6:
            at = rng.randrange(0x8000 - 64)
            text = rng.randbytes(rng.randrange(1, 64))
            machine.mem(space).write(A + at, text)
            data[at : at + len(text)] = text
        elif what < 0.75 and len(spaces) < 6:
            spaces[next_ident] = space.clone_or_err(next_ident, rng.random() < 0.8)
            model[next_ident] = bytearray(data)
            next_ident += 1
        elif what < 0.85 and len(spaces) > 1:
            space.destroy()
            del spaces[ident], model[ident]
        else:
            at = rng.randrange(8) * 0x1000
            space.discard(A + at, 0x1000)
            data[at : at + 0x1000] = bytes(0x1000)
        machine.check()
        for number, other in spaces.items():
            assert machine.mem(other).read(A, 0x8000) == model[number]
    for space in spaces.values():
        space.destroy()
    assert not machine.alloc.live
    assert not machine.alloc.blocks


def test_shared_anonymous_memory(machine: Any) -> None:
    parent, mem = machine.space, machine.mem()
    pages = SharedPages(machine.frames)
    parent.map(A, 0x3000, RW, Shared(pages))
    mem.write(A + 0x1000, b"early")
    child = parent.clone_or_err(2)
    child_mem = machine.mem(child)
    assert child_mem.read(A + 0x1000, 5) == b"early"
    child_mem.write(A + 0x2000, b"late")
    assert mem.read(A + 0x2000, 4) == b"late"
    pa = machine.hardware(A + 0x1000, R)
    assert machine.frames.count(pa) == 3  # two entries and the memory itself
    machine.check()
    parent.unmap(A, 0x2000)
    parent.discard(A + 0x2000, 0x1000)
    assert mem.read(A + 0x2000, 4) == b"late"
    parent.unmap(A + 0x2000, 0x1000)
    assert child_mem.read(A + 0x1000, 5) == b"early"
    machine.check()
    child.destroy()
    assert "shared" not in machine.alloc.live.values()


def test_a_file_and_its_shared_mapping_are_one(machine: Any) -> None:
    space, mem = machine.space, machine.mem()
    node = machine.file(b"0123456789" * 500)
    space.map(A, 0x3000, RW, Shared(SharedPages.of_file(machine.frames, node), 0), "/f")
    assert mem.read(A, 10) == b"0123456789"
    mem.write(A + 2, b"MAP")
    assert node.read_at(0, 6) == b"01MAP5"
    node.write_at(4, b"file")
    assert mem.read(A, 8) == b"01MAfile"
    assert space.handle_page_fault(A + 0x2000, R).kind is FaultKind.BUS_ADRERR
    other = machine.new_space(2)
    other.map(A, 0x1000, RW, Shared(SharedPages.of_file(machine.frames, node), 0x1000))
    machine.mem(other).write(A, b"second page")
    assert node.read_at(0x1000, 6) == b"second"
    mem.read(A + 0x1000, 1)
    machine.check()
    node.pages.truncate(0x800)  # the second page leaves all page tables
    for each in (space, other):
        assert each.page_table.find(A if each is other else A + 0x1000) is None
    assert space.handle_page_fault(A + 0x1000, R).kind is FaultKind.BUS_ADRERR
    machine.check()
    space.unmap(A, 0x3000)
    assert node.opens == 1
    assert node.attached is not None
    other.destroy()
    assert node.opens == 0
    assert node.attached is None
    assert node.pages.alloc is machine.alloc
    assert node.read_at(0, 8) == b"01MAfile"


def test_what_cannot_be_mapped(machine_of: Any) -> None:
    machine = machine_of("sv39")
    with pytest.raises(LinuxError):
        SharedPages.of_file(machine.frames, object())
    node = machine.file(b"x")
    machine.space.map(
        A, 0x1000, R | U, Shared(SharedPages.of_file(machine.frames, node)), "/f", may=R | X
    )
    with pytest.raises(AxError) as caught:
        machine.space.protect(A, 0x1000, RW)
    assert caught.value.kind is AxErrorKind.PERMISSION_DENIED


def test_a_private_file_mapping_is_forked(machine: Any) -> None:
    parent, mem = machine.space, machine.mem()
    node = machine.file(b"abcd" * 2048)
    parent.map(A, 0x2000, RW, Alloc(False, FileSource(node, 0)))
    mem.write(A, b"mine")
    child = parent.clone_or_err(2)
    assert machine.mem(child).read(A, 8) == b"mineabcd"
    assert machine.mem(child).read(A + 0x1000, 4) == b"abcd"  # read by the child itself
    parent.destroy()
    assert node.opens == 1
    child.destroy()
    assert node.opens == 0
