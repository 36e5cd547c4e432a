"""TLB maintenance: which CPUs have to forget a translation.

ArceOS: axhal::arch::flush_tlb (local CPU only). Differs: every CPU that uses the page table forgets
at once, in the same virtual instant, an interrupt to each other one; the engines know only a full
flush.
"""

from __future__ import annotations

from kernel.crates.event import EventKind
from kernel.machine.board import Board


class Tlb:
    """Flushes translations of a page table wherever it is loaded."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def flush(self, root_pa: int, va: int = -1) -> None:
        """Forget translations of the table at `root_pa`: of one page, or all with `va` -1."""
        events = self.board.events
        remote: list[int] = []
        for cpu in self.board.cpus:
            if cpu.root_pa == root_pa:
                cpu.engine.flush_tlb()
                if cpu.index != events.cpu_id:
                    remote.append(cpu.index)
        events.emit(EventKind.TLB_FLUSH, root_pa, va)
        for index in remote:
            events.emit(EventKind.IPI, events.cpu_id, index, "TLB shootdown")
