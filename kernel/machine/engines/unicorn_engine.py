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

import ctypes
from collections.abc import Iterable
from typing import Any

from unicorn.unicorn_const import UC_HOOK_INSN, UC_HOOK_INTR, UC_HOOK_TLB_FILL
from unicorn.x86_const import UC_X86_INS_SYSCALL

from kernel.machine import clock
from kernel.machine.engine import Access, Cause, RunResult, Stop, Translator
from kernel.machine.engines import binding
from kernel.machine.engines.calibration import calibrate
from kernel.machine.engines.exits import Exits
from kernel.machine.engines.ownership import CONFLICT, FrameOwnership
from kernel.machine.engines.registers import RegisterBatch, StateBatch
from kernel.machine.engines.target import STATUS_ILLEGAL, STATUS_REFUSED, Target
from kernel.machine.ram import FRAME_BYTES, FRAME_SHIFT, Ram

_EXECUTE = int(Access.EXECUTE)
_PAGE = ~(FRAME_BYTES - 1)
_MASK64 = (1 << 64) - 1
_CODE_BUFFER_BYTES = 32 << 20
#: While `_window` is open, this much plus a physical address is a fetchable virtual address.
_WINDOW_VA = 0xFFFF_F000_0000_0000
#: Physical page with the engine's own code, far above any RAM.
_STUB_PA = 1 << 40
_NO_TRAP = -1
_SYSCALL = -2

# why a TLB fill was refused
_FAULT, _BUS, _CONFLICT, _EXITS = range(4)
_STOPS = (Stop.FAULT, Stop.BUS)


class UnicornEngine:
    """One emulated CPU; implements `engine.CpuEngine`.

    Attributes:
        arch: The architecture.
        time_base_ns: Virtual time at the start of the next `run`; set by the board.
        bit, written, mixed: See `ownership.Owner`.
    """

    def __init__(
        self, target: Target, ram: Ram, translator: Translator, owners: FrameOwnership
    ) -> None:
        self.target = target
        self.arch = target.arch
        self.ram = ram
        self.translator = translator
        self.time_base_ns = 0
        self.written: set[int] = set()
        self.mixed: set[int] = set()
        self._owners = owners
        self._low = ram.base >> FRAME_SHIFT
        self._high = (ram.base + ram.size_bytes) >> FRAME_SHIFT
        self._trap = _NO_TRAP
        self._refused: tuple[int, int, int] | None = None
        self._error: BaseException | None = None
        self._window = True
        self._syscall: list[int] | None = None
        self._syscall_trap = target.syscall_trap
        self._host_dependent: dict[int, tuple[int, ...]] = {}  # frame -> offsets of instructions
        self._done = 0
        self._pc = 0
        self._open()
        self._make_registers()
        self._enter_user_mode()
        self._window = False
        self.exits = Exits(self)
        self.bit = owners.join(self)

    # -- creation -------------------------------------------------------------------------------

    def _open(self) -> None:
        target = self.target
        self._uc: Any = binding.open_engine(
            target.uc_arch, target.uc_mode, target.uc_model, target.page_size, _CODE_BUFFER_BYTES
        )
        self._handle: ctypes.c_void_p = self._uc._uch  # noqa: SLF001 - the binding's raw handle
        self._uc.mem_map_ptr(self.ram.base, self.ram.size_bytes, 7, self.ram.address)
        self._uc.mem_map(_STUB_PA, FRAME_BYTES, 7)
        fill = binding.TLB_FILL(self._fill)
        interrupt = binding.INTERRUPT(self._interrupt)
        system_call = binding.INSTRUCTION(self._system_call)
        self._callbacks = (fill, interrupt, system_call)  # the library holds no reference
        binding.add_hook(self._handle, UC_HOOK_TLB_FILL, fill)
        binding.add_hook(self._handle, UC_HOOK_INTR, interrupt)
        if target.syscall_trap == _SYSCALL:
            binding.add_hook(self._handle, UC_HOOK_INSN, system_call, UC_X86_INS_SYSCALL)

    def _make_registers(self) -> None:
        target, arch, handle = self.target, self.arch, self._handle
        ids = target.ids
        self._value = ctypes.c_uint64()
        self._value_at = ctypes.byref(self._value)
        self._pc_id = ids[arch.pc]
        self._return_id = ids[arch.ret]
        self._general = RegisterBatch(handle, [ids[name] for name in arch.registers])
        trapped = [arch.pc, arch.syscall_nr, *arch.syscall_args]
        if target.syscall_clobbers:
            trapped.append(arch.flags)
        self._trapped = RegisterBatch(handle, [ids[name] for name in trapped])
        self._arguments = RegisterBatch(handle, [ids[name] for name in trapped[1:8]])
        self._clobbers = RegisterBatch(handle, [ids[name] for name in target.syscall_clobbers])
        all_ids = ids | target.wide_ids
        self._state = StateBatch(handle, [all_ids[name] for name in target.state])
        self._float = StateBatch(handle, [all_ids[name] for name in target.fp_names])

    def _enter_user_mode(self) -> None:
        """Calibrate, drop to user mode, and keep the pristine context to go back to."""
        target, uc = self.target, self._uc
        stub = _WINDOW_VA + _STUB_PA
        code = b"".join(
            part.ljust(32, b"\0") for part in (target.self_loop, target.bad_load, target.user_stub)
        )
        uc.mem_write(_STUB_PA, code)
        handle = self._handle
        offsets = calibrate(
            target.uc_arch,
            handle.value or 0,
            lambda count: binding.emu_start(handle, stub, 0, 0, count),
            lambda: binding.emu_start(handle, stub + 32, 0, 0, 50),
            target.bad_address,
        )
        self._counter = ctypes.c_size_t.from_address((handle.value or 0) + offsets.counter)
        self._bad_va = ctypes.c_uint64.from_address((handle.value or 0) + offsets.bad_address)
        target.prepare(uc, stub + 64)
        if target.user_stub:
            status = binding.emu_start(handle, stub + 64, 0, 0, 2)
            if status or self._error:
                raise RuntimeError(f"Unicorn did not enter user mode (error {status})")
        binding.flush_tlb(handle)
        self._context = uc.context_save()
        self._pristine = self._context.context
        blank = bytearray(self._state.size_bytes)
        for name, value in target.defaults.items():
            at = 16 * target.state.index(name)
            blank[at : at + 8] = value.to_bytes(8, "little")
        self._blank = bytes(blank)
        self.reset()

    # -- callbacks: run inside the library; they record and never raise ---------------------------

    def _fill(self, _uc: int, va: int, kind: int, entry: Any, _data: int) -> bool:
        try:
            access = 1 << (kind - binding.FILL_BASE)
            if self._window:
                if va < _WINDOW_VA or access != _EXECUTE:
                    return False
                entry[0], entry[1] = va - _WINDOW_VA, _EXECUTE
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

    def _interrupt(self, uc: int, number: int, _data: int) -> None:
        self._trap = number
        binding.emu_stop(uc)

    def _system_call(self, uc: int, _data: int) -> None:
        self._trap = _SYSCALL
        binding.emu_stop(uc)

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
            status = binding.emu_start(self._handle, pc, 0, 0, budget - done)
            counted = self._counter.value
            if self._trap == self._syscall_trap:
                return self._on_syscall(done + counted)
            binding.reg_read(self._handle, self._pc_id, self._value_at)
            pc = self._value.value
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
        if self._trap != _NO_TRAP or status == STATUS_ILLEGAL:
            return self._on_trap(counted, pc, done)
        refused = self._refused
        if pc in self.exits.armed and (refused is None or refused[1] == _EXECUTE):
            return Stop.EXIT if done + counted < budget else Stop.BUDGET, None, done + counted, pc
        if pc in self.exits.watched and (refused is None or refused[1] == _EXECUTE):
            return self._on_watched(done + counted, pc, budget)
        if refused is None or status != STATUS_REFUSED:
            idle = self.target.idle_insn
            if idle and self.code_at(pc - len(idle), len(idle)) == idle:
                return self._go_on(done + counted, pc)
            return Stop.EXCEPTION, (Cause.HALT, 0), done + counted, pc
        va, access, why = refused
        done += counted if access == _EXECUTE else counted - 1
        if why >= _CONFLICT:
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
            return self._go_on(done + counted, self.get(self.arch.pc))
        why, detail, executed, pc = result
        return why, detail, done + executed, pc

    def _on_watched(self, done: int, pc: int, budget: int) -> RunResult | None:
        """Stopped before an instruction whose result would depend on the host."""
        if done >= budget:
            return self._go_on(done, pc)
        if not self.target.emulate(self, pc, done):
            return Stop.EXCEPTION, (Cause.HALT, 0), done, pc
        return self._go_on(done + 1, self.get(self.arch.pc))

    def _make_way(self, va: int, access: int, why: int) -> None:
        if why == _EXITS:
            self.exits.arm_page(va)
            return
        found = self.translator.translate(va, access)
        if found >= 0:
            self._owners.resolve(found >> FRAME_SHIFT, access)

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
                status = binding.emu_start(self._handle, pc, 0, 0, limit)
                counted = self._counter.value
                start, pc = pc, self.get(self.arch.pc)
                refused = self._refused
                is_fetch = refused is not None and refused[1] == _EXECUTE
                if self._trap == _NO_TRAP and counted > limit:
                    done += limit
                elif self._trap == _NO_TRAP and pc != start and pc in zone:
                    done += counted  # at the fence
                elif is_near and pc == start and is_fetch and status == STATUS_REFUSED:
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
        binding.set_exits(self._handle, addresses)

    def forget_code(self, pa: int) -> None:
        """Forget code translated from the frame at `pa`, and the TLB."""
        start = _WINDOW_VA + (pa & _PAGE)
        self._window = True
        binding.remove_code(self._handle, start, start + FRAME_BYTES)
        self._window = False
        self._host_dependent.pop(pa >> FRAME_SHIFT, None)
        self._drop_tlb()

    def _drop_tlb(self) -> None:
        binding.flush_tlb(self._handle)
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

    # -- registers ---------------------------------------------------------------------------------

    def syscall_args(self) -> list[int]:
        """See `CpuEngine.syscall_args`."""
        known = self._syscall
        return self._arguments.read() if known is None else known[:]

    def set_return(self, value: int) -> None:
        """See `CpuEngine.set_return`."""
        self._syscall = None
        self._value.value = value & _MASK64
        binding.reg_write(self._handle, self._return_id, self._value_at)

    def get(self, register: str) -> int:
        """See `CpuEngine.get`; knows FP and SIMD registers and their control registers too."""
        number = self.target.ids.get(register)
        if number is not None:
            self._value.value = 0
            binding.reg_read(self._handle, number, self._value_at)
            return self._value.value
        wide = (ctypes.c_uint64 * 2)()
        binding.reg_read(self._handle, self._wide_id(register), ctypes.byref(wide))
        return wide[0] | wide[1] << 64

    def set(self, register: str, value: int) -> None:
        """See `CpuEngine.set`; values are cut to the register's width."""
        self._syscall = None
        number = self.target.ids.get(register)
        if number is not None:
            self._value.value = self.target.clean(register, value & _MASK64)
            binding.reg_write(self._handle, number, self._value_at)
            return
        wide = (ctypes.c_uint64 * 2)(value & _MASK64, value >> 64 & _MASK64)
        binding.reg_write(self._handle, self._wide_id(register), ctypes.byref(wide))

    def _wide_id(self, register: str) -> int:
        number = self.target.wide_ids.get(register)
        if number is None:
            raise KeyError(f"{self.arch.name} has no register {register!r}")
        return number

    def registers(self) -> list[int]:
        """See `CpuEngine.registers`."""
        return self._general.read()

    def set_registers(self, values: list[int]) -> None:
        """See `CpuEngine.set_registers`."""
        self._syscall = None
        clean = self.target.clean
        names = self.arch.registers
        self._general.write(
            [clean(name, value & _MASK64) for name, value in zip(names, values, strict=True)]
        )

    def fp_state(self) -> bytes:
        """See `CpuEngine.fp_state`."""
        return self.target.pack_fp(self._float.read())

    def set_fp_state(self, state: bytes) -> None:
        """See `CpuEngine.set_fp_state`."""
        self._float.write(self.target.unpack_fp(state))

    def save(self) -> bytes:
        """See `CpuEngine.save`."""
        return self._state.read()

    def restore(self, state: bytes) -> None:
        """See `CpuEngine.restore`."""
        self._syscall = None
        binding.context_restore(self._handle, self._pristine)
        self._state.write(state)

    def reset(self) -> None:
        """See `CpuEngine.reset`."""
        self.restore(self._blank)

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
