"""`CpuEngine` on Unicorn: exact, deterministic execution of user mode.

How it is made to be exact (measured with Unicorn 2.1.4):

- every burst runs with an instruction limit, so that all translated code counts; the executed
  number comes from the library's own counter (`calibration`);
- page tables are walked here (virtual-TLB mode); a refused fill stops before the instruction;
- system calls and exceptions stop the engine, nothing is handled inside a callback;
- code is real user mode, reached once at creation through a stub outside RAM;
- `ownership` keeps translated code and memory in step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kernel.machine import clock
from kernel.machine.engine import Access, Cause, RunResult, Stop, Translator
from kernel.machine.engines import library
from kernel.machine.engines.exits import Exits
from kernel.machine.engines.ownership import CONFLICT, FrameOwnership
from kernel.machine.engines.target import Target
from kernel.machine.engines.unicorn_cpu import WINDOW_VA, UnicornCpu
from kernel.machine.ram import FRAME_BYTES, FRAME_SHIFT, Ram

_WRITE, _EXECUTE = int(Access.WRITE), int(Access.EXECUTE)
_PAGE = ~(FRAME_BYTES - 1)
_FILL_BASE = library.FILL_BASE
_NO_TRAP = -1
_SYSCALL = -2

# why a TLB fill was refused
_FAULT, _BUS, _CONFLICT, _EXITS = range(4)
_STOPS = (Stop.FAULT, Stop.BUS)


class UnicornEngine(UnicornCpu):
    """One emulated CPU; implements `engine.CpuEngine`.

    Attributes:
        arch: The architecture.
        time_base_ns: Virtual time at the start of the next `run`; set by the board.
        exits: Where to stop.
        bit, written, mixed: See `ownership.Owner`.
    """

    def __init__(
        self, target: Target, ram: Ram, translator: Translator, owners: FrameOwnership
    ) -> None:
        super().__init__(target, ram)
        self.translator = translator
        self.time_base_ns = 0
        self.written: set[int] = set()
        self.mixed: set[int] = set()
        self._owners = owners
        self._low = ram.base >> FRAME_SHIFT
        self._high = (ram.base + ram.size_bytes) >> FRAME_SHIFT
        self._host_dependent: dict[int, tuple[int, ...]] = {}  # frame -> offsets of instructions
        # What the callbacks leave for `run`:
        self._trap = _NO_TRAP
        self._refused: tuple[int, int, int] | None = None  # va, access, why
        self._error: BaseException | None = None
        # Where `run` goes on after `_examine`:
        self._done = 0
        self._pc = 0
        fill = library.TLB_FILL(self._fill)
        interrupt = library.INTERRUPT(self._interrupt)
        system_call = library.INSTRUCTION(self._system_call)
        self._callbacks = (fill, interrupt, system_call)  # the library holds no reference
        library.add_hook(self._handle, library.HOOK_TLB_FILL, fill)
        library.add_hook(self._handle, library.HOOK_INTERRUPT, interrupt)
        if target.syscall_instruction:
            library.add_hook(
                self._handle, library.HOOK_INSTRUCTION, system_call, target.syscall_instruction
            )
        self._syscall_trap = target.syscall_trap
        self._enter_user_mode()
        self._raise()
        self._is_window = False
        self.exits = Exits(self)
        self.bit = owners.join(self)

    # -- callbacks: run inside the library; they record and never raise ---------------------------

    def _fill(self, _uc: int, va: int, kind: int, entry: Any, _data: int) -> bool:
        try:
            access = 1 << (kind - _FILL_BASE)
            if self._is_window:
                if va < WINDOW_VA or access != _EXECUTE:
                    return False
                entry[0], entry[1] = va - WINDOW_VA, _EXECUTE
                return True
            found = self.translator.translate(va, access)
            frame = found >> FRAME_SHIFT
            if not self._low <= frame < self._high:
                return self._refuse(va, access, _FAULT if found < 0 else _BUS)
            if access == _EXECUTE and self.exits.need_arming(va):
                return self._refuse(va, access, _EXITS)
            perms = self._owners.grant(self, frame, found & 7, access)
            if perms == CONFLICT:
                return self._refuse(va, access, _CONFLICT)
            if access == _EXECUTE and self._has_news(va, frame):
                return self._refuse(va, access, _EXITS)
            entry[0], entry[1] = frame << FRAME_SHIFT, perms
            return True
        except BaseException as error:  # would be lost in the library; `run` raises it
            self._error = error
            return False

    def _has_news(self, va: int, frame: int) -> bool:
        """Whether the page holds host-dependent instructions that are not stopped at yet."""
        pattern = self.target.host_dependent
        if pattern is None:
            return False
        offsets = self._host_dependent.get(frame)
        if offsets is None:
            code = self.ram.read(frame << FRAME_SHIFT, FRAME_BYTES)
            offsets = tuple(found.start() for found in pattern.finditer(code))
            self._host_dependent[frame] = offsets
        return bool(offsets) and self.exits.watch(va & _PAGE, offsets)

    def _refuse(self, va: int, access: int, why: int) -> bool:
        # After a burst the library fetches from exit addresses again: only the first counts.
        if self._refused is None:
            self._refused = (va, access, why)
        return False

    def _interrupt(self, _uc: int, number: int, _data: int) -> None:
        self._trap = number
        library.emu_stop(self._handle)

    def _system_call(self, _uc: int, _data: int) -> None:
        self._trap = _SYSCALL
        library.emu_stop(self._handle)

    # -- running --------------------------------------------------------------------------------

    def run(self, pc: int, budget: int) -> RunResult:
        """See `CpuEngine.run`."""
        exits = self.exits
        if exits.wanted:
            exits.refresh()
            if pc in exits.wanted:
                return Stop.EXIT, None, 0, pc
        self._syscall = None
        done = 0
        while True:
            self._trap = _NO_TRAP
            self._refused = None
            status = self._burst(pc, budget - done)
            counted = self._counter.value
            if self._trap == self._syscall_trap:
                return self._on_syscall(done + counted)
            pc = self._single.read(self._pc_id)
            if self._trap == _NO_TRAP and counted > budget - done and self._error is None:
                return Stop.BUDGET, None, budget, pc
            result = self._examine(status, counted, pc, budget, done)
            if result is not None:
                return result
            done, pc = self._done, self._pc
            if done >= budget:
                return Stop.BUDGET, None, done, pc
            if pc in exits.armed:
                return Stop.EXIT, None, done, pc

    def _go_on(self, done: int, pc: int) -> None:
        """Let `run` continue at `pc`, `done` instructions after its start."""
        self._done, self._pc = done, pc

    def _on_syscall(self, executed: int) -> RunResult:
        values = self._trapped.read()
        if self._error is not None:
            self._raise()
        if self.target.syscall_clobbers:
            self._clobbers.write((values[0], values[8]))
        self._syscall = values[1:8]
        return Stop.SYSCALL, None, executed, values[0]

    def _examine(
        self, status: int, counted: int, pc: int, budget: int, done: int
    ) -> RunResult | None:
        """Why a burst ended early; None after `_go_on`."""
        if self._error is not None:
            self._raise()
        if self._trap != _NO_TRAP or status == library.ERR_ILLEGAL:
            return self._on_trap(counted, pc, done)
        refused = self._refused
        if pc in self.exits.armed and (refused is None or refused[1] == _EXECUTE):
            return Stop.EXIT if done + counted < budget else Stop.BUDGET, None, done + counted, pc
        if pc in self.exits.watched and (refused is None or refused[1] == _EXECUTE):
            return self._on_watched(done + counted, pc, budget)
        if refused is None or status != library.ERR_REFUSED:
            idle = self.target.idle_insn
            if idle and self.code_at(pc - len(idle), len(idle)) == idle:
                return self._go_on(done + counted, pc)
            return Stop.EXCEPTION, (Cause.HALT, 0), done + counted, pc
        va, access, why = refused
        done += counted if access == _EXECUTE else counted - 1
        if why >= _CONFLICT:
            if access == _WRITE and self._is_code_of(pc, va):
                return self._store_to_own_code(pc, va, budget, done)
            self._make_way(va, access, why)
            return self._go_on(done, pc)
        if access != _EXECUTE:
            full = self._bad_va.value
            return _STOPS[why], (full if full & _PAGE == va & _PAGE else va, access), done, pc
        if done >= budget:  # ended just before the fetch: it is not to be served yet
            return self._go_on(done, pc)
        if va & _PAGE == pc & _PAGE:
            return _STOPS[why], (pc, access), done, pc
        return self._approach(pc, va & _PAGE, _STOPS[why], budget, done)

    def _on_trap(self, counted: int, pc: int, done: int) -> RunResult | None:
        result = self.target.classify(self, self._trap, counted, pc, done)
        if result is None:
            return self._go_on(done + counted, self._single.read(self._pc_id))
        why, detail, executed, pc = result
        return why, detail, done + executed, pc

    def _on_watched(self, done: int, pc: int, budget: int) -> RunResult | None:
        """Stopped before an instruction whose result would depend on the host."""
        if done >= budget:
            return self._go_on(done, pc)
        if not self.target.emulate(self, pc, done):
            return Stop.EXCEPTION, (Cause.HALT, 0), done, pc
        return self._go_on(done + 1, self._single.read(self._pc_id))

    def _make_way(self, va: int, access: int, why: int) -> None:
        if why == _EXITS:
            self.exits.arm_page(va)
            return
        found = self.translator.translate(va, access)
        if found >= 0:
            self._owners.resolve(found >> FRAME_SHIFT, access)

    def _is_code_of(self, pc: int, va: int) -> bool:
        """Whether the instruction at `pc` lies in the frame behind `va`, mapped elsewhere."""
        frame = self.translator.translate(va, _WRITE) >> FRAME_SHIFT
        ends = (pc, pc + self.arch.max_insn_bytes - 1)
        return frame in [self.translator.translate(at, _EXECUTE) >> FRAME_SHIFT for at in ends]

    def _store_to_own_code(self, pc: int, va: int, budget: int, done: int) -> RunResult | None:
        """Run an instruction that writes, through another mapping, the frame it lies in.

        Taking the frame over for the store would take away the instruction, and the other way
        round for ever. For this one both are allowed, and its code is forgotten right after.
        """
        owners = self._owners
        while True:
            owners.resolve(self.translator.translate(va, _WRITE) >> FRAME_SHIFT, _WRITE)
            owners.lent.add(self.translator.translate(va, _WRITE) >> FRAME_SHIFT)
            self._trap = _NO_TRAP
            self._refused = None
            status = self._burst(pc, 1)
            counted = self._counter.value
            lent = sorted(owners.lent)
            for frame in lent:
                owners.resolve(frame, _WRITE)
            refused = self._refused
            if refused is None or refused[1:] != (_WRITE, _CONFLICT):
                break
            va = refused[0]  # the store reaches into a second such page
            if self.translator.translate(va, _WRITE) >> FRAME_SHIFT in lent:
                break
        owners.lent.clear()
        pc = self._single.read(self._pc_id)
        if self._trap == _NO_TRAP and counted > 1 and self._error is None:
            return self._go_on(done + 1, pc)
        if self._trap == self._syscall_trap:
            return self._on_syscall(done + counted)
        return self._examine(status, counted, pc, budget, done)

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _approach(self, pc: int, page: int, why: Stop, budget: int, done: int) -> RunResult | None:
        """Run up to the instruction that truly needs the missing `page`.

        Translation of the block at `pc`, in the page before, ran ahead into `page`. The
        instruction that needs it starts less than `max_insn_bytes` before it. With stops at all
        those addresses translated blocks end there; from then on, one instruction at a time.
        """
        align = self.arch.insn_align
        zone = range(page - self.arch.max_insn_bytes + align, page + align, align)
        before = self.translator.translate(page - FRAME_BYTES, _EXECUTE)
        if not self.owns(before):  # cannot be: the block started there
            return why, (page, _EXECUTE), done, pc
        frame = before & _PAGE
        try:
            while done < budget and pc != page and pc not in self.exits.armed:
                is_near = pc in zone
                limit = 1 if is_near else budget - done
                self.exits.fence([va for va in zone if va != pc], frame)
                self._trap = _NO_TRAP
                self._refused = None
                status = self._burst(pc, limit)
                counted = self._counter.value
                start, pc = pc, self._single.read(self._pc_id)
                refused = self._refused
                is_fetch = refused is not None and refused[1] == _EXECUTE
                if self._trap == _NO_TRAP and counted > limit:
                    done += limit
                elif self._trap == _NO_TRAP and pc != start and pc in zone:
                    done += counted  # at the fence
                elif is_near and pc == start and is_fetch and status == library.ERR_REFUSED:
                    return why, (page, _EXECUTE), done, pc
                else:
                    break
                if is_near and pc not in zone:
                    return self._go_on(done, pc)
            else:
                if pc == page and done < budget and pc not in self.exits.armed:
                    return why, (page, _EXECUTE), done, pc
                return self._go_on(done, pc)
        finally:
            self.exits.unfence(frame)
        if self._trap == self._syscall_trap:
            return self._on_syscall(done + counted)
        return self._examine(status, counted, pc, budget, done)

    # -- what target and exits ask for -------------------------------------------------------------

    def owns(self, found: int) -> bool:
        """Whether the translation `found` is of a frame in RAM."""
        return self._low <= found >> FRAME_SHIFT < self._high

    def load_exits(self, addresses: Iterable[int]) -> None:
        """See `exits.Stoppable`."""
        library.set_exits(self._handle, addresses)

    def forget_code(self, pa: int) -> None:
        """Forget code translated from the frame at `pa`, and the TLB."""
        start = WINDOW_VA + (pa & _PAGE)
        self._is_window = True
        library.remove_code(self._handle, start, start + FRAME_BYTES)
        self._is_window = False
        self._host_dependent.pop(pa >> FRAME_SHIFT, None)
        self._drop_tlb()

    def _drop_tlb(self) -> None:
        library.flush_tlb(self._handle)
        if self.written:
            self.ram.mark_dirty(self.written)
            self.written.clear()
            self.mixed.clear()

    def code_at(self, pc: int, size_bytes: int) -> bytes:
        """See `target.Hart`."""
        code = b""
        while len(code) < size_bytes:
            va = pc + len(code)
            found = self.translator.translate(va, _EXECUTE)
            if not self.owns(found):
                break
            count = min(size_bytes - len(code), FRAME_BYTES - (va & ~_PAGE))
            code += self.ram.read((found & _PAGE) + (va & ~_PAGE), count)
        return code

    def instructions(self, executed: int) -> int:
        """See `target.Hart`."""
        return self.time_base_ns // clock.NS_PER_INSN + executed

    def ticks(self, executed: int) -> int:
        """See `target.Hart`."""
        now_ns = self.time_base_ns + clock.instructions_to_ns(executed)
        return clock.ticks_at(now_ns, self.arch.timer_hz)

    # -- caches ------------------------------------------------------------------------------------

    def flush_tlb(self) -> None:
        """See `CpuEngine.flush_tlb`. Frames the guest wrote go to `ram.dirty`."""
        self._drop_tlb()
        self.exits.translations_changed()

    def invalidate_frame(self, pa: int) -> None:
        """See `CpuEngine.invalidate_frame`."""
        self.forget_code(pa)

    def set_exits(self, addresses: frozenset[int]) -> None:
        """See `CpuEngine.set_exits`."""
        self.exits.replace(addresses)

    def dirty_frames(self) -> set[int]:
        """See `CpuEngine.dirty_frames`; those before the last flush are in `ram.dirty`."""
        return set(self.written)
