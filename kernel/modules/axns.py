"""Resource namespaces: one implementation of a resource, three models of ownership.

The `axns_resource` section holds one slot per resource at a fixed offset; a namespace is a copy of
the section with the same offsets, whose slots point to Arc payloads. Template (the pristine
section), kernel namespace and process namespaces are three different things.

Source: ArceOS modules/axns/src/lib.rs; S000 3.1.3.
"""

from __future__ import annotations

from typing import Any

from kernel.crates.errno import KernelPanic
from kernel.crates.event import EventKind, EventLog
from kernel.crates.memory_addr import align_up
from kernel.crates.phys_memory import PhysMemory
from kernel.crates.res_arc import Arc, ArcHeap, ByteHeap, ResArc

SLOT_BYTES = 16  # a ResArc: LazyInit flag and pointer
BLOCK_ALIGN = 64


class AxNamespace:
    """One namespace: a block in kernel memory with a slot per resource."""

    def __init__(self, owner: AxNs, ident: int, base_pa: int) -> None:
        self.owner = owner
        self.ident = ident
        self.base_pa = base_pa
        self.slots = {name: ResArc(name) for name in owner.resources}

    def get(self, name: str) -> Any:
        """The resource `name` of this namespace."""
        return self.slots[name].deref()

    def arc(self, name: str) -> Arc | None:
        """The Arc in slot `name`, or None."""
        return self.slots[name].arc

    def init_new(self, name: str, value: Any, data_bytes: int) -> None:
        """Give this namespace a resource of its own, modelled as `data_bytes` bytes."""
        self._store(name, self.owner.heap.new(name, value, data_bytes))

    def init_shared(self, name: str, arc: Arc) -> None:
        """Give this namespace a reference taken with `share`."""
        self._store(name, arc)

    def share(self, name: str) -> Arc:
        """A new reference to this namespace's resource."""
        return self.slots[name].share()

    def replace(self, name: str, value: Any, data_bytes: int) -> None:
        """Drop the present reference and hold a new resource instead (unshare)."""
        self._release(name)
        self.init_new(name, value, data_bytes)

    def _store(self, name: str, arc: Arc) -> None:
        self.slots[name].init(arc)
        slot_pa = self.base_pa + self.owner.resources[name]
        self.owner.mem.write_u64(slot_pa, 1)
        self.owner.mem.write_u64(slot_pa + 8, arc.pa)

    def _release(self, name: str) -> None:
        """Empty one slot; the resource's `dropped` runs with its last reference."""
        slot = self.slots[name]
        arc, slot.arc = slot.arc, None
        if arc is None:
            return
        slot_pa = self.base_pa + self.owner.resources[name]
        self.owner.mem.write_u64(slot_pa, 0)
        self.owner.mem.write_u64(slot_pa + 8, 0)
        value = arc.value
        if arc.drop() and hasattr(value, "dropped"):
            value.dropped()

    def drop(self) -> None:
        """Release every resource, then the block."""
        for name in self.slots:
            self._release(name)
        self.owner.heap.alloc.dealloc(self.base_pa)
        self.owner.namespaces.pop(self.ident, None)
        self.owner.events.emit(EventKind.NS_DROP, self.ident, self.base_pa)


class AxNs:
    """All namespaces of a machine and the section they are copied from.

    Attributes:
        resources: Offset of each resource in the section, by name, in link order.
        template_pa: The pristine section.
        kernel: The namespace of all kernel tasks; made at first use.
    """

    def __init__(
        self, mem: PhysMemory, alloc: ByteHeap, events: EventLog, template_pa: int
    ) -> None:
        self.mem = mem
        self.events = events
        self.heap = ArcHeap(mem, alloc, events)
        self.template_pa = template_pa
        self.resources: dict[str, int] = {}
        self.namespaces: dict[int, AxNamespace] = {}
        self.next_ident = 1
        self.kernel_namespace: AxNamespace | None = None

    def def_resource(self, name: str) -> None:
        """Declare a resource (ArceOS `def_resource!`): the next slot of the section.

        Raises:
            KernelPanic: A namespace exists already, or the name is taken.
        """
        if self.namespaces:
            raise KernelPanic(f"resource {name} is declared after a namespace was made")
        if name in self.resources:
            raise KernelPanic(f"resource {name} is declared twice")
        self.resources[name] = len(self.resources) * SLOT_BYTES

    @property
    def section_bytes(self) -> int:
        """Size of the section, and so of every namespace block."""
        return align_up(max(len(self.resources), 1) * SLOT_BYTES, BLOCK_ALIGN)

    def new_thread_local(self) -> AxNamespace:
        """A new namespace: a byte copy of the pristine section (S000 code 6 `new_local`)."""
        size = self.section_bytes
        pa = self.heap.alloc.alloc(size, BLOCK_ALIGN, "AxNamespace")
        self.mem.copy(pa, self.template_pa, size)
        namespace = AxNamespace(self, self.next_ident, pa)
        self.namespaces[self.next_ident] = namespace
        self.next_ident += 1
        self.events.emit(EventKind.NS_NEW, namespace.ident, pa, size)
        return namespace

    def kernel(self) -> AxNamespace:
        """The kernel tasks' namespace."""
        if self.kernel_namespace is None:
            self.kernel_namespace = self.new_thread_local()
        return self.kernel_namespace
