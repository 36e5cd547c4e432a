"""TLB maintenance: which CPUs have to forget a translation.

ArceOS: axhal::arch::flush_tlb (local CPU only). Differs: every CPU that uses the page table forgets
at once, in the same virtual instant; the architecture's engines know only a full flush.
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
        for cpu in self.board.cpus:
            if cpu.root_pa == root_pa:
                cpu.engine.flush_tlb()
        self.board.events.emit(EventKind.TLB_FLUSH, root_pa, va)
