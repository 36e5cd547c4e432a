"""Unicorn registers in batches: one C call reads or writes a whole list of them.

`reg_read_batch` of the Python binding is slower than single reads; the C function behind it, with
buffers made once, is the fastest way there is (about a microsecond for all registers of a CPU).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from unicorn.unicorn_py3.unicorn import uclib

_read_batch = uclib.uc_reg_read_batch
_write_batch = uclib.uc_reg_write_batch


class RegisterBatch:
    """A list of registers of one engine, at most 64 bits each.

    Attributes:
        values: The buffer (an array of c_uint64) that `load` fills and `store` takes.
    """

    __slots__ = ("_args", "_handle", "values")

    def __init__(self, handle: ctypes.c_void_p, ids: Sequence[int]) -> None:
        count = len(ids)
        self._handle = handle
        self.values = (ctypes.c_uint64 * count)()
        start = ctypes.addressof(self.values)
        pointers = (ctypes.c_void_p * count)(*(start + 8 * i for i in range(count)))
        self._args = ((ctypes.c_int * count)(*ids), pointers, count)

    def read(self) -> list[int]:
        """Read all registers of the list."""
        ids, pointers, count = self._args
        _read_batch(self._handle, ids, pointers, count)
        return self.values[:]

    def write(self, values: Sequence[int]) -> None:
        """Write all registers of the list; each value is 0 .. 2**64-1."""
        ids, pointers, count = self._args
        self.values[:] = values
        _write_batch(self._handle, ids, pointers, count)


class StateBatch:
    """A list of registers of any width as one byte string, 16 bytes each: a CPU's whole state."""

    __slots__ = ("_args", "_buffer", "_handle", "size_bytes")

    def __init__(self, handle: ctypes.c_void_p, ids: Sequence[int]) -> None:
        count = len(ids)
        self._handle = handle
        self.size_bytes = 16 * count
        self._buffer = (ctypes.c_uint8 * self.size_bytes)()
        start = ctypes.addressof(self._buffer)
        pointers = (ctypes.c_void_p * count)(*(start + 16 * i for i in range(count)))
        self._args = ((ctypes.c_int * count)(*ids), pointers, count)

    def read(self) -> bytes:
        """All registers; unused bytes of a slot are zero."""
        ids, pointers, count = self._args
        ctypes.memset(self._buffer, 0, self.size_bytes)
        _read_batch(self._handle, ids, pointers, count)
        return bytes(self._buffer)

    def write(self, state: bytes) -> None:
        """Write what `read` gave.

        Raises:
            ValueError: `state` has another size: it is of another architecture or version.
        """
        if len(state) != self.size_bytes:
            raise ValueError(
                f"CPU state of {len(state)} bytes; this engine's has {self.size_bytes}"
            )
        ids, pointers, count = self._args
        ctypes.memmove(self._buffer, state, self.size_bytes)
        _write_batch(self._handle, ids, pointers, count)
