"""What a debugger with no machine behind it shows of its kernel: walks, heaps, queues, sharing."""

from __future__ import annotations

from dataclasses import replace

from kernel.inspect.hal import HalView
from kernel.inspect.house import ComponentView, HouseView
from kernel.inspect.position import Position
from kernel.inspect.scheduling import (
    ReadyQueueView,
    SchedulingView,
    TaskStateView,
    WaitQueueView,
)
from kernel.inspect.sharing import (
    CellView,
    EdgeView,
    NamespaceView,
    SharingView,
    SlotView,
    TaskSharingView,
)
from kernel.inspect.sharing_origin import OriginView
from kernel.inspect.views import (
    AllocatorsView,
    BitmapLevelView,
    BlockView,
    ByteAllocView,
    FreeListView,
    PageAllocView,
    WalkStep,
    WalkView,
)

EVERY = 10  # steps between calls


class FakeLooks:
    """Views that are functions of the step number `n` and of the `calls` so far."""

    n: int
    calls: int

    def walk(self, va, access="read", pid=None):
        bits = (
            ("P", True, "present"),
            ("W", False, "writable"),
            ("U", True, "user"),
            ("A", True, "accessed"),
        )
        steps = tuple(
            WalkStep(
                level,
                0x80001000 + i * 4096,
                va >> shift & 511,
                shift + 8,
                shift,
                0x80001000 + i * 4096 + (va >> shift & 511) * 8,
                (0x80002000 + i * 4096) | 0x27,
                bits,
                "page 4K" if shift == 12 else "table",
                0x80002000 + i * 4096,
            )
            for i, (level, shift) in enumerate((("PML4", 39), ("PDPT", 30), ("PD", 21), ("PT", 12)))
        )
        return WalkView(
            va,
            access,
            0x80001000,
            "x86_64",
            steps,
            True,
            0x80005000 | va & 4095,
            4096,
            "r-x",
            "allowed: every level is present and gives user mode the right",
        )

    def allocators(self):
        used = 400 + self.calls
        pages = PageAllocView(
            0x80000000,
            32768,
            used,
            (
                BitmapLevelView((0xFFFE,)),
                BitmapLevelView((0xFFFF,) * 8),
                BitmapLevelView((0, 0x0FFF) + (0xFFFF,) * 126),
                BitmapLevelView((0,) * 20 + (0xFFFF,) * 2028),
            ),
            (
                (0, 64, "kernel image"),
                (64, 256, "heap"),
                (320, 20, "page table"),
                (340, used - 340, "user"),
            ),
            32000,
        )
        blocks = tuple(BlockView(0x80100000 + i * 64, 64, i % 3 == 0, 0) for i in range(90))
        heap = ByteAllocView(
            "TLSF",
            1 << 20,
            20000 + self.calls * 64,
            19000,
            (
                FreeListView("fl 3 sl 4", 640, (0x80100100, 0x80100800)),
                FreeListView("fl 9 sl 1", 1 << 19, (0x80180000,)),
            ),
            ((0x80100000, 1 << 20),),
            0b1000001000,
            (),
            blocks,
        )
        return AllocatorsView(
            pages, heap, ((0x80100040, 512, "TaskInner"), (0x80100300, 64, "MemoryArea"))
        )

    def scheduling(self):
        running = TaskStateView(
            4, 4, 3, "prog", "process", "Running", 0, 1, "place 1", "", (), 0, self.n * 5, 1, 0,
            None, (), (),
        )  # fmt: skip
        waiting = replace(
            running, tid=5, role="thread", state="Blocked", waiting_for="futex: futex 0x402000",
            waiting_on=("futex 1:0x402000",), blocked=("INT",), pending=("TERM",),
        )  # fmt: skip
        ready = replace(running, tid=6, role="thread", state="Ready")
        queue = ReadyQueueView(
            0, "FIFO", 4, False, False, "", ((6, "place 1"),), (), "it has waited longest",
            "no task is preempted", False, self.n * 5, 0, 10**7,
        )  # fmt: skip
        wait = WaitQueueView(
            "futex 1:0x402000", "futex", 0x402000, 4, 0x80000004, (5,), 4, "the word names it"
        )
        tasks = (running, waiting, ready)
        return SchedulingView(self.n * 5, 10**7, tasks, (queue,), (wait,), (), False)

    def sharing(self):
        cell = CellView("FD_TABLE", "A", 1, 1, 0x80000100, "descriptors 0 1 2")
        task = TaskSharingView(4, 4, "prog", 1, (cell,))
        edge = EdgeView(4, 1, 0x80000200, "FD_TABLE", 0x80000200, 0x80000100, 1, "descriptors")
        return SharingView(("FD_TABLE",), (task,), (edge,), ())

    def sharing_origin(self, tid, resource):
        return OriginView(Position(4), 1, "made") if self.n >= EVERY else None

    def namespaces(self):
        slot = SlotView("FD_TABLE", 0, True, 0x80000100, 1, 1, "descriptors")
        return (NamespaceView(1, "process 4", 4, 0x80000200, 64, (slot,), bytes(64)),)

    def house(self):
        part = ComponentView("axmm", "backbone", 100, True, 1)
        return HouseView(1, "mmap", (part,), ("axmm",), (("backbone", 100),))

    def hal(self):
        return HalView("axhal", "fake", (), (), ())
