"""One emulated CPU: the state around the engine that executes its instructions."""

from __future__ import annotations

from typing import Any, NamedTuple

from kernel.machine.engine import CpuEngine, Stop
from kernel.machine.mmu import Mmu

NEVER_NS = 1 << 62


class Trap(NamedTuple):
    """A trap the CPU took and the kernel has not handled yet.

    Attributes:
        why: SYSCALL, FAULT, EXCEPTION or BUS.
        detail: As `CpuEngine.run` gave it.
    """

    why: Stop
    detail: tuple[int, int] | None


class Cpu:
    """A CPU's state. The engine and MMU are host tools; `context` holds their state in snapshots.

    Attributes:
        index: CPU number, from 0.
        pc: Where the user context goes on.
        clock_ns: This CPU's virtual time.
        instructions: User instructions it has executed.
        root_pa: Page-table root in use; 0 before the first.
        current: The task it runs (axtask's business); None before boot.
        is_user: Whether `current` has user code to go on with (not idle).
        pending: Trap to handle before going on.
        deadline_ns: Next timer interrupt.
        traps: Traps taken; every `BREATH_TRAPS` the reservation is cleared.
        context: The engine's state, only inside a snapshot.
    """

    #: What a snapshot keeps of a CPU; the engine's state is in `context`.
    STATE = (
        "pc",
        "clock_ns",
        "instructions",
        "root_pa",
        "is_user",
        "pending",
        "deadline_ns",
        "traps",
        "context",
        "current",
    )
    __slots__ = (
        "clock_ns",
        "context",
        "current",
        "deadline_ns",
        "engine",
        "index",
        "instructions",
        "is_user",
        "mmu",
        "pc",
        "pending",
        "root_pa",
        "traps",
    )

    def __init__(self, index: int, engine: CpuEngine, mmu: Mmu) -> None:
        self.index = index
        self.engine = engine
        self.mmu = mmu
        self.pc = 0
        self.clock_ns = 0
        self.instructions = 0
        self.root_pa = 0
        self.current: Any = None
        self.is_user = False
        self.pending: Trap | None = None
        self.deadline_ns = NEVER_NS
        self.traps = 0
        self.context: bytes | None = None

    def set_root(self, root_pa: int) -> None:
        """Load a page-table root (CR3, satp, TTBR0, PGDL) and forget the TLB if it changed."""
        if root_pa != self.root_pa:
            self.root_pa = root_pa
            self.mmu.root = root_pa
            self.engine.flush_tlb()

    def freeze(self) -> None:
        """Put the engine's state into `context`, for a snapshot."""
        self.engine.set(self.engine.arch.pc, self.pc)
        self.context = self.engine.save()

    def thaw(self) -> None:
        """Give `context` back to the engine, after a restore."""
        if self.context is not None:
            self.engine.restore(self.context)
        self.mmu.root = self.root_pa
        self.engine.flush_tlb()
