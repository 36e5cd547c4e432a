"""What both back ends of the LoongArch64 engine share: registers, TLB, exits, ends of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel.machine import clock
from kernel.machine.arch import LOONGARCH64
from kernel.machine.engine import Access, Cause, RunResult, Stop, Translator
from kernel.machine.engines.loongarch64.code_frames import CodeFrames
from kernel.machine.engines.loongarch64.guest_stop import (
    BUS_FAULT,
    PAGE_FAULT,
    GuestStop,
    Offsets,
)
from kernel.machine.engines.loongarch64.state import MASK64, PC, State, blank, saved_registers
from kernel.machine.ram import FRAME_SHIFT, Ram

if TYPE_CHECKING:
    from kernel.machine.engines.loongarch64.python_code import Block

_READ: Final = int(Access.READ)
_WRITE: Final = int(Access.WRITE)
_EXECUTE: Final = int(Access.EXECUTE)
_STOPS: Final = {PAGE_FAULT: Stop.FAULT, BUS_FAULT: Stop.BUS}
_CALL: Final = tuple(
    LOONGARCH64.registers.index(name)
    for name in (LOONGARCH64.syscall_nr, *LOONGARCH64.syscall_args)
)
_RESULT: Final = LOONGARCH64.registers.index(LOONGARCH64.ret)
NO_EXITS: Final[frozenset[int]] = frozenset()


class CodeStore(Exception):
    """A store goes to a frame that holds decoded code."""


class LoongArchEngine:
    """The part of `engine.CpuEngine` that does not depend on the back end.

    Attributes:
        state: The registers.
        rt, wt: The TLB, for reading and for writing: page number -> offset in RAM minus address.
        written: Frames it was let write since the last TLB flush.
        exits: Addresses to stop at.
        note: See `engine.CpuEngine`.
    """

    arch = LOONGARCH64
    note = ""

    def __init__(self, state: State, ram: Ram, translator: Translator, code: CodeFrames) -> None:
        self.state = state
        self.ram = ram
        self.translator = translator
        self.code = code
        self.time_base_ns = 0
        self.written: set[int] = set()
        self.exits = NO_EXITS
        self.rt = Offsets(self._find_read)
        self.wt = Offsets(self._find_write)
        self._low = ram.base >> FRAME_SHIFT
        self._high = (ram.base + ram.size_bytes) >> FRAME_SHIFT
        self._names: dict[str, Any] = {}  # globals of compiled code, made when there is any
        self._may_store_code = False
        self._budget = 0
        self._left = 0  # as `failed` was told
        self._address = 0
        self._alone: dict[tuple[int, int], Block] = {}  # (pc, word) -> that instruction
        code.users.append(self)

    # -- TLB ------------------------------------------------------------------------------------

    def _frame(self, va: int, access: int) -> int:
        """Frame number of the page at `va`."""
        found = self.translator.translate(va, access)
        frame = found >> FRAME_SHIFT
        if not self._low <= frame < self._high:
            raise GuestStop(PAGE_FAULT if found < 0 else BUS_FAULT, va, access)
        return frame

    def _find_read(self, page: int) -> int:
        frame = self._frame(page << FRAME_SHIFT, _READ)
        offset = (frame - self._low - page) << FRAME_SHIFT
        self.rt[page] = offset
        return offset

    def _find_write(self, page: int) -> int:
        frame = self._frame(page << FRAME_SHIFT, _WRITE)
        if frame in self.code.frames:
            if not self._may_store_code:
                raise CodeStore
            self.code.code_written(frame << FRAME_SHIFT)
        offset = (frame - self._low - page) << FRAME_SHIFT
        self.written.add(frame)
        self.ram.touched.add(frame)
        self.wt[page] = offset
        return offset

    def _code_frame(self, pc: int) -> int:
        """The frame to fetch `pc` from, entered as code."""
        if pc & 3:
            raise GuestStop(Cause.MISALIGNED, pc)
        frame = self._frame(pc, _EXECUTE)
        self.code.add(frame)
        return frame

    def forbid_writes(self, frame: int) -> None:
        """See `code_frames.CodeUser`."""
        if frame in self.written:
            self.wt.clear()

    def forget_code(self, frame: int) -> None:
        """See `code_frames.CodeUser`."""
        raise NotImplementedError

    def flush_tlb(self) -> None:
        """See `CpuEngine.flush_tlb`. Frames the guest wrote go to `ram.dirty`."""
        self.rt.clear()
        self.wt.clear()
        if self.written:
            self.ram.mark_dirty(self.written)
            self.written.clear()

    def invalidate_frame(self, pa: int) -> None:
        """See `CpuEngine.invalidate_frame`."""
        self.forget_code(pa >> FRAME_SHIFT)

    def dirty_frames(self) -> set[int]:
        """See `CpuEngine.dirty_frames`; those before the last flush are in `ram.dirty`."""
        return set(self.written)

    # -- running --------------------------------------------------------------------------------

    def run(self, pc: int, budget: int) -> RunResult:
        """See `CpuEngine.run`."""
        raise NotImplementedError

    def ticks(self, left: int) -> int:
        """See `python_names.Clock`."""
        executed = self._budget - left
        now_ns = self.time_base_ns + clock.instructions_to_ns(executed)
        return clock.ticks_at(now_ns, self.arch.timer_hz)

    def failed(self, left: int, address: int) -> None:
        """See `python_names.Clock`."""
        self._left = left
        self._address = address

    def _compile(self, pc: int, word: int | None, limit: int, stops: frozenset[int]) -> Block:
        """The code at `pc` as a function; `word` instead of what stands there."""
        # Not needed by native code until something rare turns up: not a part of its start.
        from kernel.machine.engines.loongarch64.python_code import Writer
        from kernel.machine.engines.loongarch64.python_names import bind_floats, names_for

        if not self._names:
            self._names = names_for(self.state, self.ram, self, self.rt, self.wt)
        offset = 0
        if word is None:
            offset = (self._code_frame(pc) - self._low - (pc >> FRAME_SHIFT)) << FRAME_SHIFT

        def read(va: int) -> int:
            return self.ram.read_u32(va + offset + self.ram.base) if word is None else word

        writer = Writer(pc, read, limit, stops)
        bind_floats(self._names, writer.floats)
        return writer.compile(self._names)

    def _run_alone(self, pc: int, word: int, left: int) -> tuple[int, int, int]:
        """Execute one instruction, whatever it stores to; as `python_code.Function`."""
        block = self._alone.get((pc, word))
        if block is None:
            if len(self._alone) >= 4096:
                self._alone.clear()
            block = self._alone[pc, word] = self._compile(pc, word, 1, NO_EXITS)
        self._may_store_code = True
        try:
            return block.run(left)
        finally:
            self._may_store_code = False

    def _stopped(self, stop: GuestStop, pc: int, executed: int) -> RunResult:
        """End of a run at an instruction that cannot complete."""
        self.state.cells[PC] = pc
        why = _STOPS.get(stop.cause)
        if why is None:
            return Stop.EXCEPTION, (stop.cause, stop.address), executed, pc
        address = stop.address
        if stop.access != _EXECUTE and self._address >> FRAME_SHIFT == address >> FRAME_SHIFT:
            address = self._address
        return why, (address, stop.access), executed, pc

    def _ended(self, why: Stop, pc: int, executed: int) -> RunResult:
        self.state.cells[PC] = pc
        return why, None, executed, pc

    def set_exits(self, addresses: frozenset[int]) -> None:
        """See `CpuEngine.set_exits`."""
        self.exits = addresses

    # -- registers ------------------------------------------------------------------------------

    def syscall_args(self) -> list[int]:
        """See `CpuEngine.syscall_args`."""
        r = self.state.r
        return [r[i] for i in _CALL]

    def set_return(self, value: int) -> None:
        """See `CpuEngine.set_return`."""
        self.state.r[_RESULT] = value & MASK64

    def get(self, register: str) -> int:
        """See `CpuEngine.get`; knows f0 to f31, fcc0 to fcc7, fcc and fcsr too."""
        return self.state.get(register)

    def set(self, register: str, value: int) -> None:
        """See `CpuEngine.set`."""
        self.state.set(register, value)

    def registers(self) -> list[int]:
        """See `CpuEngine.registers`."""
        return self.state.registers()

    def set_registers(self, values: list[int]) -> None:
        """See `CpuEngine.set_registers`."""
        self.state.set_registers(values)

    def fp_state(self) -> bytes:
        """See `CpuEngine.fp_state`."""
        return self.state.fp_state()

    def set_fp_state(self, state: bytes) -> None:
        """See `CpuEngine.set_fp_state`."""
        self.state.set_fp_state(state)

    def save(self) -> bytes:
        """See `CpuEngine.save`."""
        return self.state.save()

    def saved_registers(self, state: bytes) -> list[int]:
        """See `CpuEngine.saved_registers`."""
        return saved_registers(state)

    def restore(self, state: bytes) -> None:
        """See `CpuEngine.restore`."""
        self.state.restore(state)

    def reset(self) -> None:
        """See `CpuEngine.reset`."""
        self.state.restore(blank())
