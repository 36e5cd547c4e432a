"""Namespaces: template, kernel and process namespaces apart; misuse explains itself."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventLog
from kernel.modules.axns import SLOT_BYTES, AxNs


class Memory:
    """A little physical memory."""

    def __init__(self, size_bytes: int = 1 << 16) -> None:
        self.data = bytearray(size_bytes)

    def read_u64(self, pa: int) -> int:
        return int.from_bytes(self.data[pa : pa + 8], "little")

    def write_u64(self, pa: int, value: int) -> None:
        self.data[pa : pa + 8] = value.to_bytes(8, "little")

    def copy(self, to: int, source: int, size_bytes: int) -> None:
        self.data[to : to + size_bytes] = self.data[source : source + size_bytes]


class Heap:
    """A bump allocator that knows what lives."""

    def __init__(self) -> None:
        self.next = 0x1000
        self.live: dict[int, str] = {}

    def alloc(self, size_bytes: int, align: int, what: str) -> int:
        pa = -(-self.next // align) * align
        self.next = pa + size_bytes
        self.live[pa] = what
        return pa

    def dealloc(self, pa: int) -> None:
        del self.live[pa]


class Thing:
    """A resource that knows when it ended."""

    def __init__(self) -> None:
        self.ended = 0

    def dropped(self) -> None:
        self.ended += 1


def machine(leaks: bool = False) -> tuple[AxNs, Any, Heap]:
    memory, heap = Memory(), Heap()
    axns = AxNs(memory, heap, EventLog(), 0x100, leaks)  # type: ignore[arg-type]
    axns.def_resource("FD_TABLE")
    axns.def_resource("FS_CONTEXT")
    return axns, memory, heap


def test_slots_lie_at_the_same_offset_everywhere() -> None:
    axns, _, _ = machine()
    one, two = axns.new_thread_local(), axns.new_thread_local()
    assert axns.resources == {"FD_TABLE": 0, "FS_CONTEXT": SLOT_BYTES}
    assert one.slot_pa("FS_CONTEXT") - one.base_pa == two.slot_pa("FS_CONTEXT") - two.base_pa
    assert one.base_pa % 64 == 0


def test_counts_are_in_ram_and_follow_sharing() -> None:
    axns, memory, heap = machine()
    one, two = axns.new_thread_local(), axns.new_thread_local()
    thing = Thing()
    one.init_new("FD_TABLE", thing, 100)
    pa = memory.read_u64(one.slot_pa("FD_TABLE") + 8)
    assert memory.read_u64(pa) == 1
    two.init_shared("FD_TABLE", one.share("FD_TABLE"))
    assert memory.read_u64(pa) == 2
    assert one.get("FD_TABLE") is two.get("FD_TABLE") is thing
    one.drop()
    assert memory.read_u64(pa) == 1
    assert not thing.ended
    two.drop()
    assert thing.ended == 1
    assert not heap.live


def test_the_template_stays_pristine() -> None:
    axns, memory, _ = machine()
    axns.kernel().init_new("FD_TABLE", Thing(), 8)
    assert not any(memory.data[0x100 : 0x100 + axns.section_bytes])
    fresh = axns.new_thread_local()
    assert fresh.arc("FD_TABLE") is None
    assert axns.kernel() is axns.kernel() is not fresh


@pytest.mark.parametrize(
    ("misuse", "words"),
    [
        (lambda ns: (ns.init_new("FD_TABLE", 1, 8), ns.init_new("FD_TABLE", 2, 8)), "twice"),
        (lambda ns: ns.get("FD_TABLE"), "before init_new or init_shared"),
        (lambda ns: ns.share("FD_TABLE"), "shared before it is initialised"),
        (lambda ns: (ns.drop(), ns.drop()), "dropped twice"),
        (lambda ns: ns.owner.def_resource("LATE"), "after a namespace was made"),
        (lambda ns: ns.owner.kernel().drop(), "never dropped"),
        (lambda ns: ns.owner.global_namespace(), "after it was copied"),
    ],
)
def test_misuse_is_a_panic_that_explains_itself(misuse: Any, words: str) -> None:
    axns, _, _ = machine()
    with pytest.raises(KernelPanic, match=words):
        misuse(axns.new_thread_local())


def test_a_unikernel_uses_the_section_itself() -> None:
    axns, memory, _ = machine()
    ns = axns.global_namespace()
    assert ns.base_pa == 0x100
    ns.init_new("FD_TABLE", 7, 8)
    assert memory.read_u64(0x100) == 1
    assert axns.current(None) is axns.current(object()) is ns
    with pytest.raises(KernelPanic, match="global namespace itself"):
        axns.new_thread_local()


def test_kernel_tasks_share_one_namespace() -> None:
    axns, _, _ = machine()

    class Ext:
        ns = axns.new_thread_local()

    assert axns.current(None) is axns.kernel()
    assert axns.current(Ext()) is Ext.ns


def test_leaks_as_arceos_does() -> None:
    axns, memory, heap = machine(leaks=True)
    one, two = axns.new_thread_local(), axns.new_thread_local()
    thing = Thing()
    one.init_new("FD_TABLE", thing, 100)
    two.init_shared("FD_TABLE", one.share("FD_TABLE"))
    arc = two.arc("FD_TABLE")
    assert arc is not None
    one.drop()
    assert not thing.ended
    two.drop()
    assert thing.ended == 1, "files are closed by hand, as Starry does"
    assert memory.read_u64(arc.pa) == 2, "the count is never given back"
    assert heap.live == {arc.pa: "Arc<FD_TABLE>"}
    assert axns.leaked == [(arc, 2)]
