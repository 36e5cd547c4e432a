"""Unicorn registers, singly and in batches: one C call reads or writes a whole list of them.

With buffers and arguments made once, all registers of a CPU take half a microsecond.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from kernel.machine.engines.library import (
    reg_read,
    reg_read_batch,
    reg_write,
    reg_write_batch,
)


class Batch:
    """A list of registers of one engine, in slots of `slot_bytes` (8, or 16 for any width)."""

    __slots__ = ("_buffer", "_count", "_handle", "_ids", "_keep", "_pointers", "bytes", "words")

    def __init__(self, handle: ctypes.c_void_p, ids: Sequence[int], slot_bytes: int = 8) -> None:
        count = len(ids)
        self._handle = handle
        self._buffer = (ctypes.c_uint64 * (max(1, count) * slot_bytes // 8))()
        start = ctypes.addressof(self._buffer)
        id_array = (ctypes.c_int * count)(*ids)
        pointers = (ctypes.c_void_p * count)(*(start + slot_bytes * i for i in range(count)))
        self._keep = (id_array, pointers)
        self._ids = ctypes.c_void_p(ctypes.addressof(id_array))
        self._pointers = ctypes.c_void_p(ctypes.addressof(pointers))
        self._count = ctypes.c_int(count)
        self.bytes = memoryview(self._buffer).cast("B")
        self.words = self.bytes.cast("Q")

    def load(self) -> None:
        """CPU to buffer."""
        reg_read_batch(self._handle, self._ids, self._pointers, self._count)

    def store(self) -> None:
        """Buffer to CPU."""
        reg_write_batch(self._handle, self._ids, self._pointers, self._count)

    def read(self) -> list[int]:
        """The values, of slots of 8 bytes."""
        reg_read_batch(self._handle, self._ids, self._pointers, self._count)
        return self.words.tolist()

    def write(self, values: Sequence[int]) -> None:
        """Write slots of 8 bytes; each value is 0 .. 2**64-1."""
        for i, value in enumerate(values):
            self.words[i] = value
        reg_write_batch(self._handle, self._ids, self._pointers, self._count)

    def read_state(self) -> bytes:
        """The buffer as bytes; what a register does not fill of its slot is zero."""
        reg_read_batch(self._handle, self._ids, self._pointers, self._count)
        return self.bytes.tobytes()

    def write_state(self, state: bytes) -> None:
        """Write what `read_state` gave.

        Raises:
            ValueError: `state` has another size: it is of another architecture or version.
        """
        if len(state) != len(self.bytes):
            raise ValueError(
                f"CPU state of {len(state)} bytes; this engine's has {len(self.bytes)}"
            )
        self.bytes[:] = state
        reg_write_batch(self._handle, self._ids, self._pointers, self._count)


class Single:
    """Access to any one register of one engine."""

    __slots__ = ("_address", "_buffer", "_handle", "_words")

    def __init__(self, handle: ctypes.c_void_p) -> None:
        self._handle = handle
        self._buffer = (ctypes.c_uint64 * 2)()
        self._address = ctypes.c_void_p(ctypes.addressof(self._buffer))
        self._words = memoryview(self._buffer).cast("B").cast("Q")

    def read(self, number: int) -> int:
        """A register of at most 64 bits."""
        words = self._words
        words[0] = 0
        reg_read(self._handle, number, self._address)
        return words[0]

    def write(self, number: int, value: int) -> None:
        """Write a register of at most 64 bits; `value` is 0 .. 2**64-1."""
        self._words[0] = value
        reg_write(self._handle, number, self._address)

    def read_wide(self, number: int) -> int:
        """A register of up to 128 bits."""
        words = self._words
        words[0] = words[1] = 0
        reg_read(self._handle, number, self._address)
        return words[0] | words[1] << 64

    def write_wide(self, number: int, value: int) -> None:
        """Write a register of up to 128 bits; `value` is 0 .. 2**128-1."""
        self._words[0] = value & (1 << 64) - 1
        self._words[1] = value >> 64
        reg_write(self._handle, number, self._address)

    def read_msr(self, number: int, msr: int) -> int:
        """An x86 model-specific register; `number` is UC_X86_REG_MSR."""
        self._words[0] = msr  # struct { u32 rid; u64 value }
        reg_read(self._handle, number, self._address)
        return self._words[1]

    def write_msr(self, number: int, msr: int, value: int) -> None:
        """Write an x86 model-specific register."""
        self._words[0], self._words[1] = msr, value
        reg_write(self._handle, number, self._address)

    def read_system(self, number: int, encoding: int) -> int:
        """An Arm system register; `number` is UC_ARM64_REG_CP_REG, `encoding` as in MRS."""
        register = _SystemRegister.encoded(encoding)
        reg_read(self._handle, number, ctypes.byref(register))
        return register.value

    def write_system(self, number: int, encoding: int, value: int) -> None:
        """Write an Arm system register."""
        register = _SystemRegister.encoded(encoding)
        register.value = value
        reg_write(self._handle, number, ctypes.byref(register))


class _SystemRegister(ctypes.Structure):
    """`uc_arm64_cp_reg`."""

    _fields_ = [
        ("crn", ctypes.c_uint32),
        ("crm", ctypes.c_uint32),
        ("op0", ctypes.c_uint32),
        ("op1", ctypes.c_uint32),
        ("op2", ctypes.c_uint32),
        ("value", ctypes.c_uint64),
    ]
    value: int

    @classmethod
    def encoded(cls, encoding: int) -> _SystemRegister:
        return cls(
            encoding >> 7 & 15, encoding >> 3 & 15, encoding >> 14, encoding >> 11 & 7, encoding & 7
        )
