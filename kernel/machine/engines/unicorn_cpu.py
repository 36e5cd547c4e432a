"""A Unicorn engine in user mode, and its registers; `unicorn_engine` makes it run programs."""

from __future__ import annotations

import ctypes
import weakref

from kernel.machine.engines import library
from kernel.machine.engines.calibration import calibrate
from kernel.machine.engines.registers import Batch, Single
from kernel.machine.engines.target import Target
from kernel.machine.ram import FRAME_BYTES, Ram

_MASK64 = (1 << 64) - 1
_MASK128 = (1 << 128) - 1
_CODE_BUFFER_BYTES = 32 << 20
_STATE_SLOT_BYTES = 16
#: While the window is open, this much plus a physical address is a fetchable virtual address.
WINDOW_VA = 0xFFFF_F000_0000_0000
#: Physical page with the engine's own code, far above any RAM.
STUB_PA = 1 << 40
_LOAD_AT, _USER_AT = 32, 64
_ZERO = ctypes.c_uint64(0)


class UnicornCpu:
    """The library's engine for one CPU.

    The subclass answers TLB fills; while `_is_window` is set, with the window only.
    """

    note = ""

    def __init__(self, target: Target, ram: Ram) -> None:
        self.target = target
        self.arch = target.arch
        self.ram = ram
        self._is_window = True
        self._syscall: list[int] | None = None  # number and arguments, until a register changes
        self._start = ctypes.c_uint64()
        self._limit = ctypes.c_size_t()
        self._handle = library.open_engine(
            target.uc_arch, target.uc_mode, target.uc_model, target.page_size, _CODE_BUFFER_BYTES
        )
        weakref.finalize(self, library.close, self._handle).atexit = False
        library.map_host(self._handle, ram.base, ram.size_bytes, ram.address)
        parts = (target.self_loop, target.bad_load, target.user_stub)
        stub = b"".join(part.ljust(_LOAD_AT, b"\0") for part in parts)
        library.map_private(self._handle, STUB_PA, FRAME_BYTES, stub)
        self._make_registers()

    def _make_registers(self) -> None:
        target, arch, handle = self.target, self.arch, self._handle
        ids = target.ids
        self._single = Single(handle)
        self._pc_id = ids[arch.pc]
        self._return_id = ids[arch.ret]
        self._general = Batch(handle, [ids[name] for name in arch.registers])
        call = [arch.syscall_nr, *arch.syscall_args]
        self._call = Batch(handle, [ids[name] for name in call])
        trapped = [arch.pc, *call]
        if target.syscall_clobbers:
            trapped.append(arch.flags)
        self._trapped = Batch(handle, [ids[name] for name in trapped])
        self._clobbers = Batch(handle, [ids[name] for name in target.syscall_clobbers])
        both = ids | target.wide_ids
        self._state = Batch(handle, [both[name] for name in target.state], _STATE_SLOT_BYTES)
        self._float = Batch(handle, [both[name] for name in target.fp_names], _STATE_SLOT_BYTES)
        blank = bytearray(_STATE_SLOT_BYTES * len(target.state))
        for name, value in target.defaults.items():
            at = _STATE_SLOT_BYTES * target.state.index(name)
            blank[at : at + 8] = value.to_bytes(8, "little")
        self._blank = bytes(blank)

    def _enter_user_mode(self) -> None:
        """Calibrate, drop to user mode, and keep the pristine context to go back to."""
        target, handle = self.target, self._handle
        stub = WINDOW_VA + STUB_PA
        address = handle.value or 0
        offsets = calibrate(
            target.uc_arch,
            address,
            lambda count: self._burst(stub, count),
            lambda: self._burst(stub + _LOAD_AT, 50),
            target.bad_address,
        )
        self._counter = ctypes.c_size_t.from_address(address + offsets.counter)
        self._bad_va = ctypes.c_uint64.from_address(address + offsets.bad_address)
        target.prepare(self._single, stub + _USER_AT)
        if target.user_stub:
            status = self._burst(stub + _USER_AT, 2)
            if status != library.OK:
                raise RuntimeError(f"the CPU emulator did not enter user mode (error {status})")
        library.flush_tlb(handle)
        self._pristine = library.save_context(handle)
        weakref.finalize(self, library.free_context, self._pristine).atexit = False
        self.reset()

    def _burst(self, pc: int, limit: int) -> int:
        """Execute from `pc`, at most `limit` instructions; the library's status."""
        self._start.value = pc
        self._limit.value = limit
        return library.emu_start(self._handle, self._start, _ZERO, _ZERO, self._limit)

    # -- registers ------------------------------------------------------------------------------

    def syscall_args(self) -> list[int]:
        """See `CpuEngine.syscall_args`."""
        known = self._syscall
        return self._call.read() if known is None else known[:]

    def set_return(self, value: int) -> None:
        """See `CpuEngine.set_return`."""
        self._syscall = None
        self._single.write(self._return_id, value & _MASK64)

    def get(self, register: str) -> int:
        """See `CpuEngine.get`; knows FP and SIMD registers and their control registers too."""
        number = self.target.ids.get(register)
        if number is not None:
            return self._single.read(number)
        return self._single.read_wide(self._wide_id(register))

    def set(self, register: str, value: int) -> None:
        """See `CpuEngine.set`; values are cut to the register's width."""
        self._syscall = None
        number = self.target.ids.get(register)
        if number is not None:
            self._single.write(number, self.target.clean(register, value & _MASK64))
        else:
            self._single.write_wide(self._wide_id(register), value & _MASK128)

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
        return self.target.pack_fp(self._float.read_state())

    def set_fp_state(self, state: bytes) -> None:
        """See `CpuEngine.set_fp_state`."""
        self._float.write_state(self.target.unpack_fp(state))

    def save(self) -> bytes:
        """See `CpuEngine.save`."""
        return self._state.read_state()

    def saved_registers(self, state: bytes) -> list[int]:
        """See `CpuEngine.saved_registers`."""
        starts = [_STATE_SLOT_BYTES * self.target.state.index(n) for n in self.arch.registers]
        return [int.from_bytes(state[at : at + 8], "little") for at in starts]

    def restore(self, state: bytes) -> None:
        """See `CpuEngine.restore`."""
        self._syscall = None
        library.context_restore(self._handle, self._pristine)
        self._state.write_state(state)

    def reset(self) -> None:
        """See `CpuEngine.reset`."""
        self.restore(self._blank)
