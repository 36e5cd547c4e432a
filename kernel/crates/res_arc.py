"""Shared ownership with counts that can be seen: `Arc` payloads in kernel memory.

A payload block is `strong: u64, weak: u64, data`, as Rust's `ArcInner` has it; the counts live
there, in RAM, and nowhere else. `ResArc` is the slot of a namespace that holds one reference
(S000 3.1.3): it is initialised once, shared or not, and dereferenced.

Source: ArceOS modules/axns/src/lib.rs; S000 codes 4 to 7.
Differs: a slot can be dropped; ArceOS leaks the Arcs of a dropped namespace.
"""

from __future__ import annotations

from typing import Any, Protocol

from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind, EventSink
from kernel.crates.phys_memory import PhysMemory

ARC_HEADER_BYTES = 16


class ByteHeap(Protocol):
    """The kernel's byte allocator."""

    def alloc(self, size_bytes: int, align: int, what: str, /) -> int: ...
    def dealloc(self, pa: int, /) -> None: ...


class ArcHeap:
    """Makes Arcs: knows the memory, the allocator and where to report."""

    __slots__ = ("alloc", "events", "mem")

    def __init__(self, mem: PhysMemory, alloc: ByteHeap, events: EventSink) -> None:
        self.mem = mem
        self.alloc = alloc
        self.events = events

    def new(self, resource: str, value: Any, data_bytes: int) -> Arc:
        """Put `value`, modelled as `data_bytes` bytes, behind a new Arc with strong count 1."""
        pa = self.alloc.alloc(ARC_HEADER_BYTES + data_bytes, 8, f"Arc<{resource}>")
        self.mem.write_u64(pa, 1)
        self.mem.write_u64(pa + 8, 1)
        self.events.emit(EventKind.ARC_NEW, resource, pa, 1)
        return Arc(self, resource, value, pa)


class Arc:
    """One payload; every holder has the same `Arc` object. `pa` is 0 once it is freed."""

    __slots__ = ("heap", "pa", "resource", "value")

    def __init__(self, heap: ArcHeap, resource: str, value: Any, pa: int) -> None:
        self.heap = heap
        self.resource = resource
        self.value = value
        self.pa = pa

    @property
    def strong(self) -> int:
        """The strong count, read from RAM."""
        return self.heap.mem.read_u64(self.pa) if self.pa else 0

    def share(self) -> Arc:
        """Take another strong reference (`Arc::clone`)."""
        count = self.strong + 1
        if count == 1:
            raise KernelPanic(f"Arc<{self.resource}> is shared after it was freed")
        self.heap.mem.write_u64(self.pa, count)
        self.heap.events.emit(EventKind.ARC_SHARE, self.resource, self.pa, count)
        return self

    def drop(self) -> bool:
        """Give one strong reference back; True if it was the last and the payload is freed."""
        count = self.strong - 1
        if count < 0:
            raise KernelPanic(f"Arc<{self.resource}> is dropped more often than shared")
        pa = self.pa
        self.heap.mem.write_u64(pa, count)
        if count == 0:
            self.pa = 0
            self.heap.alloc.dealloc(pa)
        self.heap.events.emit(EventKind.ARC_DROP, self.resource, pa, count)
        return count == 0


class ResArc:
    """A namespace's slot for one resource: empty until initialised, then one reference."""

    __slots__ = ("arc", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.arc: Arc | None = None

    @property
    def is_inited(self) -> bool:
        """Whether it holds a reference."""
        return self.arc is not None

    def init(self, arc: Arc) -> None:
        """Store a reference (`init_new` with a fresh Arc, `init_shared` with a shared one)."""
        if self.arc is not None:
            raise KernelPanic(
                f"resource {self.name} is initialised twice: a namespace gets each resource once, "
                "by init_new or by init_shared"
            )
        self.arc = arc

    def deref(self) -> Any:
        """The resource itself."""
        if self.arc is None:
            raise KernelPanic(
                f"resource {self.name} is used before init_new or init_shared: the current "
                "namespace never received it"
            )
        return self.arc.value

    def share(self) -> Arc:
        """Another reference to the resource, for `init` in another namespace."""
        if self.arc is None:
            raise KernelPanic(f"resource {self.name} is shared before it is initialised")
        return self.arc.share()
