"""The LLVM back end: native code runs the usual cases, this driver answers the rest.

Decoded pages belong to frames and serve all engines of a machine and all address spaces. A record
whose handler is `slow` brings the driver in; that is how exits are set, too.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from kernel.machine.engine import RunResult, Stop, Translator
from kernel.machine.engines.loongarch64 import llvm_layout as at
from kernel.machine.engines.loongarch64.code_frames import CodeFrames
from kernel.machine.engines.loongarch64.engine_base import CodeStore, LoongArchEngine
from kernel.machine.engines.loongarch64.guest_stop import GuestStop
from kernel.machine.engines.loongarch64.llvm_library import Library
from kernel.machine.engines.loongarch64.state import CELLS, GPRS, MASK64, State
from kernel.machine.ram import FRAME_SHIFT, Ram

_LINE: Final = 64
_PC: Final = at.PC_AT >> 3
_LEFT: Final = at.LEFT >> 3
_REASON: Final = at.REASON >> 3
_ADDRESS: Final = at.ADDRESS >> 3
_ACCESS: Final = at.ACCESS >> 3
_CODE_TLB: Final = at.CODE_TLB >> 3
_DATA_TLB: Final = at.DATA_TLB >> 3
_TLBS: Final = slice(at.CODE_TLB, at.CPU_BYTES)


def _blank_tlbs() -> bytes:
    """Both TLBs without an entry."""
    q = memoryview(bytearray(at.CPU_BYTES)).cast("Q")
    for i in range(at.CODE_TLB_ENTRIES):
        q[_CODE_TLB + 2 * i] = at.NO_TAG
    for i in range(at.DATA_TLB_ENTRIES):
        q[_DATA_TLB + 4 * i] = q[_DATA_TLB + 4 * i + 1] = at.NO_TAG
    return bytes(q.cast("B")[_TLBS])


_BLANK_TLBS: Final = _blank_tlbs()


class _Memory:
    """Host memory at an address that is a multiple of a cache line.

    Attributes:
        address: Where it is.
        view: Its bytes.
    """

    __slots__ = ("_buffer", "address", "view")

    def __init__(self, size_bytes: int) -> None:
        self._buffer = ctypes.create_string_buffer(size_bytes + _LINE)
        start = ctypes.addressof(self._buffer)
        skipped = -start % _LINE
        self.address = start + skipped
        self.view = memoryview(self._buffer).cast("B")[skipped : skipped + size_bytes]


class DecodedPages:
    """The decoded pages of one machine.

    Attributes:
        pages: By frame number.
        engines: Those that use them.
    """

    __slots__ = ("_free", "_library", "_ram", "engines", "pages")

    def __init__(self, library: Library, ram: Ram) -> None:
        self._library = library
        self._ram = ram
        self._free: list[_Memory] = []
        self.pages: dict[int, _Memory] = {}
        self.engines: list[LlvmEngine] = []

    def get(self, frame: int) -> _Memory:
        """The page of a frame."""
        page = self.pages.get(frame)
        if page is None:
            page = self._free.pop() if self._free else _Memory(at.PAGE_BYTES)
            host = self._ram.address + (frame << FRAME_SHIFT) - self._ram.base
            page.view[at.PAGE_HOST : at.PAGE_HOST + 8] = host.to_bytes(8, "little")
            self._library.reset(page.address)
            self.pages[frame] = page
        return page

    def drop(self, frame: int) -> bool:
        """Forget the page of a frame; whether there was one. No engine may point to it then."""
        page = self.pages.pop(frame, None)
        if page is not None:
            self._free.append(page)
        return page is not None

    def set_handler(self, frame: int, offset: int, handler: int) -> None:
        """Replace the handler of the instruction at `offset` in the frame, if it is decoded."""
        page = self.pages.get(frame)
        if page is not None:
            start = at.FIRST_RECORD + (offset >> 2) * at.RECORD_BYTES
            page.view[start : start + 8] = handler.to_bytes(8, "little")


class LlvmEngine(LoongArchEngine):
    """Runs guest code in native code; implements `engine.CpuEngine`."""

    def __init__(
        self,
        ram: Ram,
        translator: Translator,
        code: CodeFrames,
        library: Library,
        decoded: DecodedPages,
    ) -> None:
        self._memory = _Memory(at.CPU_BYTES)
        view = self._memory.view
        q: memoryview[int] = view.cast("Q")
        registers = q[: at.FPR >> 3]
        state = State(
            registers[:GPRS],
            q[at.FPR >> 3 : at.FCC >> 3],
            view[at.FCC : at.FCC + 8],
            q[at.STATE_CELLS >> 3 : (at.STATE_CELLS >> 3) + CELLS],
        )
        super().__init__(state, ram, translator, code)
        self._q: Any = q
        self._cpu = self._memory.address
        self._native = library.run
        self._library = library
        self._decoded = decoded
        self._host = ram.address
        self._traps: set[tuple[int, int]] = set()  # (frame, offset) where this engine stops
        self._has_entries = True
        self.drop_tlb()
        decoded.engines.append(self)

    # -- running --------------------------------------------------------------------------------

    def run(self, pc: int, budget: int) -> RunResult:
        """See `CpuEngine.run`."""
        if self.exits and pc in self.exits:
            return self._ended(Stop.EXIT, pc, 0)
        q = self._q
        q[_PC] = pc
        self._native(self._cpu, budget)
        reason = q[_REASON]
        if reason == at.BUDGET:
            return Stop.BUDGET, None, budget, q[_PC]
        self._budget = budget
        while True:
            left = q[_LEFT]
            if reason == at.SYSCALL:
                pc = q[_PC] = q[_PC] + 4 & MASK64
                return Stop.SYSCALL, None, budget - left, pc
            result = self._serve(reason, q[_PC], left)
            if result is not None:
                return result
            left = self._left
            if not left:
                return Stop.BUDGET, None, budget, q[_PC]
            self._native(self._cpu, left)
            reason = q[_REASON]
            if reason == at.BUDGET:
                return Stop.BUDGET, None, budget, q[_PC]

    def _serve(self, reason: int, pc: int, left: int) -> RunResult | None:
        """Do what native code could not; None: go on with `_left` instructions."""
        self._left = left
        done = self._budget - left
        try:
            if reason == at.MISS and self._fill_data():
                return None
            if reason == at.CODE_MISS:
                self._fill_code(pc)
                return None
            if pc in self.exits:
                return self._ended(Stop.EXIT, pc, done)
            frame = self._code_frame(pc)
            word = self.ram.read_u32((frame << FRAME_SHIFT) + (pc & 0xFFF))
            pc, self._left, is_call = self._run_alone(pc, word, left)
        except GuestStop as stop:
            return self._stopped(stop, pc, done)
        self._q[_PC] = pc
        if is_call:  # an exit of another CPU stood on it
            return self._ended(Stop.SYSCALL, pc, done + 1)
        return None

    def _fill_data(self) -> bool:
        """Answer a miss of the data TLB; False if the instruction has to be done otherwise."""
        q = self._q
        self._address = address = q[_ADDRESS]
        is_write = q[_ACCESS] == at.WRITING
        page = address >> FRAME_SHIFT
        try:
            offset = (self.wt if is_write else self.rt)[page]
        except CodeStore:
            return False
        entry = _DATA_TLB + 4 * (page + (page >> at.DATA_TLB_BITS) & at.DATA_TLB_ENTRIES - 1)
        tag = page << FRAME_SHIFT
        mine = entry + is_write
        if q[mine] == tag:  # no miss: the access crosses into the next page
            return False
        other = entry + 1 - is_write
        if q[other] != tag:
            q[other] = at.NO_TAG
        q[mine] = tag
        q[entry + 2] = self._host + offset & MASK64
        self._has_entries = True
        return True

    def _fill_code(self, pc: int) -> None:
        """Answer a miss of the code TLB."""
        frame = self._code_frame(pc)
        page = self._decoded.get(frame)
        number = pc >> FRAME_SHIFT
        for va in self.exits:
            if va >> FRAME_SHIFT == number:
                self._traps.add((frame, va & 0xFFF))
        for place in self._traps:
            if place[0] == frame:
                self._decoded.set_handler(frame, place[1], self._library.slow)
        spread = number ^ number >> at.CODE_TLB_BITS
        entry = _CODE_TLB + 2 * (spread & at.CODE_TLB_ENTRIES - 1)
        self._q[entry] = number << FRAME_SHIFT
        self._q[entry + 1] = page.address
        self._has_entries = True

    # -- caches ---------------------------------------------------------------------------------

    def drop_tlb(self) -> None:
        """Empty the native TLBs."""
        if self._has_entries:
            self._memory.view[_TLBS] = _BLANK_TLBS
            self._has_entries = False

    def flush_tlb(self) -> None:
        """See `CpuEngine.flush_tlb`."""
        super().flush_tlb()
        self.drop_tlb()

    def forbid_writes(self, frame: int) -> None:
        """See `code_frames.CodeUser`."""
        super().forbid_writes(frame)
        if frame in self.written:
            self.drop_tlb()

    def forget_code(self, frame: int) -> None:
        """See `code_frames.CodeUser`."""
        # The first engine told drops the page; but all may have it in their TLBs.
        self._decoded.drop(frame)
        self.drop_tlb()

    def set_exits(self, addresses: frozenset[int]) -> None:
        """See `CpuEngine.set_exits`."""
        if addresses == self.exits:
            return
        super().set_exits(addresses)
        for frame, offset in self._traps:
            self._decoded.set_handler(frame, offset, self._library.decode)
        self._traps.clear()
        for engine in self._decoded.engines:  # others may stop at the same places
            engine.drop_tlb()
