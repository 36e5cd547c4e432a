"""Architectural state of a LoongArch64 CPU in user mode, as bytes and by register name.

The reservation of LL is no part of what is saved: an exception return clears it.
"""

from __future__ import annotations

import struct
from typing import Final

from kernel.machine.arch import LOONGARCH64

#: Cells of `State.cells`.
FCSR, LL_BIT, LL_ADDRESS, LL_VALUE, PC = range(5)
CELLS: Final = 5
#: r0 to r31, and one more where results for r0 may go.
GPRS: Final = 33

FCSR_MASKS: Final = (0x1F1F_031F, 0x1F, 0x1F1F_0000, 0x300)
"""The bits fcsr0 to fcsr3 show: all, enables, flags and causes, rounding mode."""

MASK64: Final = (1 << 64) - 1
_STATE: Final = struct.Struct("<32Q32Q8BQQ")
_FLOAT: Final = struct.Struct("<32Q8BII")
_GPR: Final = {name: i for i, name in enumerate(LOONGARCH64.registers[:32])}
_FPR: Final = {name: i for i, name in enumerate(LOONGARCH64.fp_registers)}
_FCC: Final = {f"fcc{i}": i for i in range(8)}


class State:
    """Registers of one CPU.

    Attributes:
        r: General registers; index 0 is always 0.
        f: FP registers, 64 bits each.
        fcc: Condition flags, 0 or 1.
        cells: FCSR, the reservation (held, address, value), pc.
    """

    __slots__ = ("cells", "f", "fcc", "r")

    def __init__(
        self,
        r: list[int] | memoryview,
        f: list[int] | memoryview,
        fcc: list[int] | memoryview,
        cells: list[int] | memoryview,
    ) -> None:
        self.r = r
        self.f = f
        self.fcc = fcc
        self.cells = cells

    # -- by name ------------------------------------------------------------------------------

    def get(self, name: str) -> int:
        """A register by ABI name; also fcc (a byte per flag), fcc0 to fcc7 and fcsr.

        Raises:
            KeyError: There is no such register.
        """
        if name in _GPR:
            return self.r[_GPR[name]]
        if name == "pc":
            return self.cells[PC]
        if name in _FPR:
            return self.f[_FPR[name]]
        if name == "fcsr":
            return self.cells[FCSR]
        if name == "fcc":
            return int.from_bytes(bytes(self.fcc), "little")
        if name in _FCC:
            return self.fcc[_FCC[name]]
        raise KeyError(f"loongarch64 has no register {name!r}")

    def set(self, name: str, value: int) -> None:
        """The reverse of `get`; values are cut to the register's width."""
        value &= MASK64
        if name in _GPR:
            if name != "zero":
                self.r[_GPR[name]] = value
        elif name == "pc":
            self.cells[PC] = value
        elif name in _FPR:
            self.f[_FPR[name]] = value
        elif name == "fcsr":
            self.cells[FCSR] = value & FCSR_MASKS[0]
        elif name == "fcc":
            for i in range(8):
                self.fcc[i] = value >> 8 * i & 1
        elif name in _FCC:
            self.fcc[_FCC[name]] = value & 1
        else:
            raise KeyError(f"loongarch64 has no register {name!r}")

    def registers(self) -> list[int]:
        """In the order of `Arch.registers`."""
        return [*self.r[:32], self.cells[PC]]

    def set_registers(self, values: list[int]) -> None:
        """The reverse of `registers`."""
        if len(values) != 33:
            raise ValueError(f"loongarch64 has 33 registers, got {len(values)}")
        r = self.r
        for i in range(1, 32):
            r[i] = values[i] & MASK64
        self.cells[PC] = values[32] & MASK64

    # -- as bytes -------------------------------------------------------------------------------

    def fp_state(self) -> bytes:
        """Layout "loongarch": see `Arch.fp_layout`."""
        return _FLOAT.pack(*self.f, *self.fcc, self.cells[FCSR], 0)

    def set_fp_state(self, state: bytes) -> None:
        """The reverse of `fp_state`."""
        values = _FLOAT.unpack(state)
        for i in range(32):
            self.f[i] = values[i]
        for i in range(8):
            self.fcc[i] = values[32 + i] & 1
        self.cells[FCSR] = values[40] & FCSR_MASKS[0]

    def save(self) -> bytes:
        """Everything but the reservation."""
        cells = self.cells
        return _STATE.pack(*self.r[:32], *self.f, *self.fcc, cells[FCSR], cells[PC])

    def restore(self, state: bytes) -> None:
        """The reverse of `save`; clears the reservation."""
        if len(state) != _STATE.size:
            raise ValueError(f"a CPU state of {len(state)} bytes is not one of loongarch64")
        values = _STATE.unpack(state)
        r, f, fcc, cells = self.r, self.f, self.fcc, self.cells
        for i in range(32):
            r[i] = values[i]
            f[i] = values[32 + i]
        for i in range(8):
            fcc[i] = values[64 + i]
        cells[FCSR], cells[PC] = values[72], values[73]
        cells[LL_BIT] = cells[LL_ADDRESS] = cells[LL_VALUE] = 0


def saved_registers(state: bytes) -> list[int]:
    """The registers of a saved state in the order of `Arch.registers`."""
    values = _STATE.unpack(state)
    return [*values[:32], values[-1]]


def blank() -> bytes:
    """The state of a new program: all zero, rounding to nearest."""
    return bytes(_STATE.size)


def read_fcsr(fcsr: int, number: int) -> int:
    """What movfcsr2gr reads from fcsr0 to fcsr3."""
    return fcsr & FCSR_MASKS[number]


def write_fcsr(fcsr: int, number: int, value: int) -> int:
    """FCSR after movgr2fcsr to fcsr0 to fcsr3."""
    mask = FCSR_MASKS[number]
    return fcsr & ~mask | value & mask
