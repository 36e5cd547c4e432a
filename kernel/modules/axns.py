"""Resource namespaces: one implementation of a resource, three models of ownership.

The `axns_resource` section holds one slot per resource at a fixed offset; a namespace is a copy of
the section with the same offsets, whose slots point to Arc payloads.

    template           the section itself; stays pristine, every block is copied from it
    kernel namespace   one copy, made at first use, of all tasks without a TaskExt
    process namespaces one copy each; clone fills the slots by init_new or init_shared

A Unikernel needs no copies: its one global namespace is the section itself (`global_namespace`).

Source: ArceOS modules/axns/src/lib.rs; S000 3.1.3, codes 3 to 7.
Differs: dropping a namespace drops its Arcs; ArceOS frees the block only and leaks them, which
`leaks` shows (open files are closed all the same, as Starry's do_exit does by hand).
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
    """One namespace: a block in kernel memory with a slot per resource.

    Attributes:
        ident: Number for people; 0 is the global namespace.
        base_pa: The block.
        is_allocated: Whether the block comes from the heap; the global one is the section.
        slots: By name, in the order of their offsets.
    """

    def __init__(self, owner: AxNs, ident: int, base_pa: int, is_allocated: bool = True) -> None:
        self.owner = owner
        self.ident = ident
        self.base_pa = base_pa
        self.is_allocated = is_allocated
        self.slots = {name: ResArc(name) for name in owner.resources}

    def get(self, name: str) -> Any:
        """The resource `name` of this namespace."""
        return self.slots[name].deref()

    def arc(self, name: str) -> Arc | None:
        """The Arc in slot `name`, or None."""
        return self.slots[name].arc

    def slot_pa(self, name: str) -> int:
        """Physical address of slot `name`: base plus the resource's offset."""
        return self.base_pa + self.owner.resources[name]

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

    def take(self, name: str, other: AxNamespace) -> None:
        """Hold `other`'s reference instead of the present one; `other`'s slot becomes empty."""
        arc = other.slots[name].arc
        if arc is None:
            raise KernelPanic(f"resource {name} is taken from a namespace without it")
        other.slots[name].arc = None
        slot_pa = other.slot_pa(name)
        self.owner.mem.write_u64(slot_pa, 0)
        self.owner.mem.write_u64(slot_pa + 8, 0)
        self._release(name)
        self._store(name, arc)

    def _store(self, name: str, arc: Arc) -> None:
        self.slots[name].init(arc)
        slot_pa = self.slot_pa(name)
        self.owner.mem.write_u64(slot_pa, 1)
        self.owner.mem.write_u64(slot_pa + 8, arc.pa)

    def _release(self, name: str) -> None:
        """Empty one slot; the resource's `dropped` runs with its last reference."""
        slot = self.slots[name]
        arc, slot.arc = slot.arc, None
        if arc is None:
            return
        slot_pa = self.slot_pa(name)
        self.owner.mem.write_u64(slot_pa, 0)
        self.owner.mem.write_u64(slot_pa + 8, 0)
        value = arc.value
        if self.owner.leaks:
            is_last = self.owner.leak(arc)
        else:
            is_last = arc.drop()
        if is_last and hasattr(value, "dropped"):
            value.dropped()

    def drop(self) -> None:
        """Release every resource, then the block.

        Raises:
            KernelPanic: It is the global or the kernel namespace, or dropped already.
        """
        if self.owner.namespaces.get(self.ident) is not self:
            raise KernelPanic(f"namespace {self.ident} is dropped twice")
        if self is self.owner.kernel_namespace or not self.is_allocated:
            raise KernelPanic("the kernel's own namespace is never dropped")
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
        namespaces: Living namespaces by number.
        kernel_namespace: That of all kernel tasks; made at first use.
        leaks: Whether dropped namespaces leak their Arcs, as ArceOS's do.
        leaked: (Arc, references) that nobody will ever give back.
    """

    def __init__(
        self,
        mem: PhysMemory,
        alloc: ByteHeap,
        events: EventLog,
        template_pa: int,
        leaks: bool = False,
    ) -> None:
        self.mem = mem
        self.events = events
        self.heap = ArcHeap(mem, alloc, events)
        self.template_pa = template_pa
        self.resources: dict[str, int] = {}
        self.namespaces: dict[int, AxNamespace] = {}
        self.next_ident = 1
        self.kernel_namespace: AxNamespace | None = None
        self.leaks = leaks
        self.leaked: list[tuple[Arc, int]] = []

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
        """A new namespace: a byte copy of the pristine section (S000 code 6 `new_local`).

        Raises:
            KernelPanic: The section is in use itself, so that a copy would not begin empty.
            AxError: NO_MEMORY.
        """
        if 0 in self.namespaces:
            raise KernelPanic(
                "a namespace is copied from a section that is the global namespace itself: "
                "its resources would seem initialised, without a reference of their own"
            )
        size = self.section_bytes
        pa = self.heap.alloc.alloc(size, BLOCK_ALIGN, "AxNamespace")
        self.mem.copy(pa, self.template_pa, size)
        namespace = AxNamespace(self, self.next_ident, pa)
        self.namespaces[self.next_ident] = namespace
        self.next_ident += 1
        self.events.emit(EventKind.NS_NEW, namespace.ident, pa, size)
        return namespace

    def kernel(self) -> AxNamespace:
        """The kernel tasks' namespace (S000 code 7 `KERNEL_NS_BASE`)."""
        if self.kernel_namespace is None:
            self.kernel_namespace = self.new_thread_local()
        return self.kernel_namespace

    def global_namespace(self) -> AxNamespace:
        """The only namespace of a Unikernel: the section itself (ArceOS `AxNamespace::global`).

        Raises:
            KernelPanic: Namespaces were copied from the section already.
        """
        found = self.namespaces.get(0)
        if found is None:
            if self.namespaces:
                raise KernelPanic("the section is used as a namespace after it was copied")
            found = AxNamespace(self, 0, self.template_pa, is_allocated=False)
            self.namespaces[0] = found
            self.events.emit(EventKind.NS_NEW, 0, self.template_pa, self.section_bytes)
        return found

    def current(self, task_ext: Any) -> AxNamespace:
        """The namespace in force for a task (S000 code 7 `current_namespace_base`).

        Args:
            task_ext: What the kernel form hung on the task; None for kernel tasks.
        """
        if 0 in self.namespaces:
            return self.namespaces[0]
        return self.kernel() if task_ext is None else task_ext.ns

    def leak(self, arc: Arc) -> bool:
        """Forget a reference without giving it back; whether no namespace holds one any more."""
        for index, (other, count) in enumerate(self.leaked):
            if other is arc:
                self.leaked[index] = (arc, count + 1)
                break
        else:
            self.leaked.append((arc, 1))
        return all(
            slot.arc is not arc for ns in self.namespaces.values() for slot in ns.slots.values()
        )
