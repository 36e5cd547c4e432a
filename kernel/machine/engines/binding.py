"""The few calls of Unicorn's C library that run often, without the binding's wrappers.

A wrapper call costs 1 to 5 microseconds; through ctypes with prepared arguments it is a fraction.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import Uc, UcError, uclib

emu_start = uclib.uc_emu_start
emu_stop = uclib.uc_emu_stop
reg_read = uclib.uc_reg_read
reg_write = uclib.uc_reg_write
context_restore = uclib.uc_context_restore
_ctl = uclib.uc_ctl

#: Kinds of TLB fill; minus `FILL_BASE`, the place of the bit in `Access`.
FILL_BASE = const.UC_MEM_READ
TLB_FILL = ctypes.CFUNCTYPE(
    ctypes.c_bool,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.c_void_p,
)
INTERRUPT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
INSTRUCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


def _write_code(control: int, arguments: int) -> int:
    return const.UC_CTL_IO_WRITE << 30 | arguments << 26 | control


_TLB_FLUSH = _write_code(const.UC_CTL_TLB_FLUSH, 0)
_REMOVE_CODE = _write_code(const.UC_CTL_TB_REMOVE_CACHE, 2)
_SET_EXITS = _write_code(const.UC_CTL_UC_EXITS, 2)


def flush_tlb(handle: ctypes.c_void_p) -> None:
    """Forget all TLB entries."""
    _ctl(handle, _TLB_FLUSH)


def remove_code(handle: ctypes.c_void_p, start_va: int, end_va: int) -> None:
    """Forget code translated from a fetchable range, which lies in one page."""
    _ctl(handle, _REMOVE_CODE, ctypes.c_uint64(start_va), ctypes.c_uint64(end_va))


def set_exits(handle: ctypes.c_void_p, addresses: Iterable[int]) -> None:
    """Replace the addresses at which execution stops."""
    values = list(addresses)
    array = (ctypes.c_uint64 * max(1, len(values)))(*values)
    _ctl(handle, _SET_EXITS, array, ctypes.c_size_t(len(values)))


def add_hook(handle: ctypes.c_void_p, kind: int, callback: Any, instruction: int = 0) -> None:
    """Install a callback for all addresses; the caller keeps `callback` alive.

    Raises:
        UcError: The library refused.
    """
    hook = ctypes.c_size_t()
    extra = (ctypes.c_int(instruction),) if instruction else ()
    begin, end = ctypes.c_uint64(1), ctypes.c_uint64(0)  # begin > end: everywhere
    status = uclib.uc_hook_add(handle, ctypes.byref(hook), kind, callback, None, begin, end, *extra)
    if status:
        raise UcError(status)


def open_engine(arch: int, mode: int, model: int, page_size: int, buffer_bytes: int) -> Uc:
    """A new engine in virtual-TLB mode that stops at exit addresses only.

    Args:
        arch: UC_ARCH_*.
        mode: UC_MODE_*.
        model: UC_CPU_*.
        page_size: 0 for the architecture's default.
        buffer_bytes: Size of the buffer for translated code (the default maps 1 GiB).
    """
    uc = Uc(arch, mode, model)
    if page_size:
        uc.ctl_set_page_size(page_size)
    uc.ctl_set_tcg_buffer_size(buffer_bytes)
    uc.ctl_set_tlb_mode(const.UC_TLB_VIRTUAL)
    uc.ctl_exits_enabled(True)
    uc.ctl_set_exits([])
    return uc
