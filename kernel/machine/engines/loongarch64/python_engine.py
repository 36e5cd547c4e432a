"""The plain-Python back end: always there, and the reference for the other one."""

from __future__ import annotations

from typing import Final

from kernel.machine.engine import RunResult, Stop, Translator
from kernel.machine.engines.loongarch64.code_frames import CodeFrames
from kernel.machine.engines.loongarch64.engine_base import (
    NO_EXITS,
    CodeStore,
    LoongArchEngine,
)
from kernel.machine.engines.loongarch64.guest_stop import GuestStop
from kernel.machine.engines.loongarch64.python_code import MAX_INSNS, Block
from kernel.machine.engines.loongarch64.state import CELLS, GPRS, State
from kernel.machine.ram import FRAME_SHIFT, Ram

#: Compiled blocks of one page, by pc: whole runs, and single instructions.
_Page = tuple[dict[int, Block], dict[int, Block]]
#: Page number, frame number, exits in the page.
_Key = tuple[int, int, frozenset[int]]
_MOST_PAGES: Final = 4096


class PythonEngine(LoongArchEngine):
    """Runs guest code as compiled Python functions, see `python_code`."""

    def __init__(self, ram: Ram, translator: Translator, code: CodeFrames) -> None:
        super().__init__(State([0] * GPRS, [0] * 32, [0] * 8, [0] * CELLS), ram, translator, code)
        self._blocks: dict[int, Block] = {}  # what the present mapping has at each pc
        self._current: dict[int, _Page] = {}  # by page number
        self._pages: dict[_Key, _Page] = {}  # all that was compiled
        self._by_frame: dict[int, list[_Key]] = {}

    def run(self, pc: int, budget: int) -> RunResult:
        """See `CpuEngine.run`."""
        self._budget = left = budget
        blocks, exits = self._blocks, self.exits
        if exits and pc in exits:
            return self._ended(Stop.EXIT, pc, 0)
        while left > 0:
            block = blocks.get(pc)
            try:
                if block is None:
                    block = self._find(pc, 0)
                if block.insns > left:
                    block = self._find(pc, 1)
            except GuestStop as stop:
                return self._stopped(stop, pc, budget - left)
            if exits and pc in exits:  # mapped, that is
                return self._ended(Stop.EXIT, pc, budget - left)
            try:
                pc, left, is_call = block.run(left)
            except (GuestStop, CodeStore) as stop:
                pc, done = block.where(stop.__traceback__)
                left = self._left - done
                if isinstance(stop, GuestStop):
                    return self._stopped(stop, pc, budget - left)
                try:
                    pc, left, is_call = self._store_to_code(pc, left)
                except GuestStop as other:
                    return self._stopped(other, pc, budget - left)
            if is_call:
                return self._ended(Stop.SYSCALL, pc, budget - left)
        return self._ended(Stop.BUDGET, pc, budget)

    def _store_to_code(self, pc: int, left: int) -> tuple[int, int, int]:
        word = self.ram.read_u32((self._code_frame(pc) << FRAME_SHIFT) + (pc & 0xFFF))
        return self._run_alone(pc, word, left)

    # -- compiled code --------------------------------------------------------------------------

    def _find(self, pc: int, single: int) -> Block:
        """The block at `pc`; with `single` 1, its first instruction only."""
        page = self._current.get(pc >> FRAME_SHIFT)
        if page is None:
            page = self._enter(pc)
        block = page[single].get(pc)
        if block is None:
            exits = self.exits
            block = self._compile(pc, None, 1 if single else MAX_INSNS, exits)
            page[single][pc] = block
        if not single:
            self._blocks[pc] = block
        return block

    def _enter(self, pc: int) -> _Page:
        """The page of `pc` in the present mapping."""
        number, frame = pc >> FRAME_SHIFT, self._code_frame(pc)
        exits = NO_EXITS
        if self.exits:
            exits = frozenset(va for va in self.exits if va >> FRAME_SHIFT == number)
        key = (number, frame, exits)
        page = self._pages.get(key)
        if page is None:
            if len(self._pages) >= _MOST_PAGES:
                self._forget_all()
            page = self._pages[key] = ({}, {})
            self._by_frame.setdefault(frame, []).append(key)
        self._current[number] = page
        return page

    def _forget_all(self) -> None:
        self._pages.clear()
        self._by_frame.clear()
        self._leave_mapping()

    def _leave_mapping(self) -> None:
        self._blocks.clear()
        self._current.clear()

    def forget_code(self, frame: int) -> None:
        """See `code_frames.CodeUser`."""
        keys = self._by_frame.pop(frame, None)
        if keys is not None:
            for key in keys:
                del self._pages[key]
            self._leave_mapping()

    def flush_tlb(self) -> None:
        """See `CpuEngine.flush_tlb`."""
        super().flush_tlb()
        self._leave_mapping()

    def set_exits(self, addresses: frozenset[int]) -> None:
        """See `CpuEngine.set_exits`."""
        if addresses != self.exits:
            super().set_exits(addresses)
            self._leave_mapping()
