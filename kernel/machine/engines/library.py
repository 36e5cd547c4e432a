"""Unicorn's C library, called directly.

The library comes with the `unicorn` package, whose Python binding is not imported: that takes as
long as a small program runs, and its calls cost 1 to 5 microseconds. Through ctypes with prepared
arguments they cost a fraction. Numbers are those of release 2.1.4; a test compares them with the
binding's.

Functions without `argtypes` are the hot ones: ctypes passes their arguments as they are, so
callers give ctypes objects for everything but small integers.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

OK, ERR_ILLEGAL, ERR_REFUSED = 0, 10, 21
HOOK_INTERRUPT, HOOK_INSTRUCTION, HOOK_TLB_FILL = 1, 2, 1 << 17
#: `access` of a TLB fill is this plus the place of the bit in `Access`.
FILL_BASE = 16

_CTL_PAGE_SIZE, _CTL_USE_EXITS, _CTL_EXITS, _CTL_CPU_MODEL = 1, 4, 6, 7
_CTL_REMOVE_CODE, _CTL_TLB_FLUSH, _CTL_TLB_TYPE, _CTL_BUFFER_SIZE = 9, 11, 12, 13
_TLB_VIRTUAL = 1
_PERMS_ALL = 7
_NAMES = {"win32": "unicorn.dll", "cygwin": "cygunicorn.dll", "darwin": "libunicorn.2.dylib"}
_DEFAULT_NAME = "libunicorn.so.2"

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


def _load() -> ctypes.CDLL:
    package = importlib.util.find_spec("unicorn")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError(
            "the CPU emulator library is missing; install it: pip install unicorn==2.1.4"
        )
    path = Path(package.submodule_search_locations[0]) / "lib"
    path /= _NAMES.get(sys.platform, _DEFAULT_NAME)
    if not path.exists():  # built elsewhere: let the binding look for it
        from unicorn.unicorn_py3.unicorn import uclib

        path = Path(uclib._name)  # noqa: SLF001 - where ctypes keeps the path
    return ctypes.CDLL(str(path))


_lib = _load()
emu_start: Any = _lib.uc_emu_start
emu_stop: Any = _lib.uc_emu_stop
reg_read: Any = _lib.uc_reg_read
reg_write: Any = _lib.uc_reg_write
reg_read_batch: Any = _lib.uc_reg_read_batch
reg_write_batch: Any = _lib.uc_reg_write_batch
context_restore: Any = _lib.uc_context_restore
close: Any = _lib.uc_close
_ctl: Any = _lib.uc_ctl
_hook_add: Any = _lib.uc_hook_add
# Variable arguments: the fixed ones have to be declared for some hosts' calling conventions.
_ctl.argtypes = (ctypes.c_void_p, ctypes.c_int)
_hook_add.argtypes = (
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
)
_lib.uc_mem_map.argtypes = (ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint32)
_lib.uc_mem_map_ptr.argtypes = (*_lib.uc_mem_map.argtypes, ctypes.c_void_p)
_lib.uc_mem_write.argtypes = (
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_char_p,
    ctypes.c_uint64,
)


def _check(status: int, what: str) -> None:
    if status != OK:
        raise RuntimeError(f"the CPU emulator library failed to {what} (error {status})")


def _write_code(control: int, arguments: int) -> int:
    return 1 << 30 | arguments << 26 | control


_FLUSH = _write_code(_CTL_TLB_FLUSH, 0)
_REMOVE = _write_code(_CTL_REMOVE_CODE, 2)
_EXITS = _write_code(_CTL_EXITS, 2)


def open_engine(
    arch: int, mode: int, model: int, page_size: int, buffer_bytes: int
) -> ctypes.c_void_p:
    """A new engine in virtual-TLB mode that stops at exit addresses only.

    Args:
        arch: UC_ARCH_*.
        mode: UC_MODE_*.
        model: UC_CPU_*.
        page_size: 0 for the architecture's default.
        buffer_bytes: Size of the buffer for translated code (the default maps 1 GiB).
    """
    handle = ctypes.c_void_p()
    _check(_lib.uc_open(arch, mode, ctypes.byref(handle)), "start")
    settings = (
        (_CTL_CPU_MODEL, model),
        (_CTL_PAGE_SIZE, page_size),
        (_CTL_BUFFER_SIZE, buffer_bytes),
        (_CTL_TLB_TYPE, _TLB_VIRTUAL),
        (_CTL_USE_EXITS, 1),
    )
    for control, value in settings:
        if value:
            status = _ctl(handle, _write_code(control, 1), ctypes.c_uint32(value))
            _check(status, f"accept setting {control}")
    set_exits(handle, ())
    return handle


def map_host(handle: ctypes.c_void_p, pa: int, size_bytes: int, address: int) -> None:
    """Let host memory be the physical memory at `pa`."""
    status = _lib.uc_mem_map_ptr(handle, pa, size_bytes, _PERMS_ALL, address)
    _check(status, "map memory")


def map_private(handle: ctypes.c_void_p, pa: int, size_bytes: int, data: bytes) -> None:
    """Give the engine physical memory of its own, beginning with `data`."""
    _check(_lib.uc_mem_map(handle, pa, size_bytes, _PERMS_ALL), "map memory")
    _check(_lib.uc_mem_write(handle, pa, data, len(data)), "write memory")


def add_hook(handle: ctypes.c_void_p, kind: int, callback: Any, instruction: int = 0) -> None:
    """Install a callback for all addresses; the caller keeps `callback` alive."""
    hook = ctypes.c_size_t()
    extra = (ctypes.c_int(instruction),) if instruction else ()
    pointer = ctypes.cast(callback, ctypes.c_void_p)
    # begin > end: everywhere
    status = _hook_add(handle, ctypes.byref(hook), kind, pointer, None, 1, 0, *extra)
    _check(status, "install a hook")


def save_context(handle: ctypes.c_void_p) -> ctypes.c_void_p:
    """The whole CPU context, privilege level included; it lives as long as the process."""
    context = ctypes.c_void_p()
    _check(_lib.uc_context_alloc(handle, ctypes.byref(context)), "allocate a context")
    _check(_lib.uc_context_save(handle, context), "save a context")
    return context


def free_context(context: ctypes.c_void_p) -> None:
    """Free what `save_context` gave."""
    _lib.uc_context_free(context)


def flush_tlb(handle: ctypes.c_void_p) -> None:
    """Forget all TLB entries."""
    _ctl(handle, _FLUSH)


def remove_code(handle: ctypes.c_void_p, start_va: int, end_va: int) -> None:
    """Forget code translated from a fetchable range, which lies in one page."""
    _ctl(handle, _REMOVE, ctypes.c_uint64(start_va), ctypes.c_uint64(end_va))


def set_exits(handle: ctypes.c_void_p, addresses: Iterable[int]) -> None:
    """Replace the addresses at which execution stops."""
    values = list(addresses)
    array = (ctypes.c_uint64 * max(1, len(values)))(*values)
    _ctl(handle, _EXITS, ctypes.byref(array), ctypes.c_size_t(len(values)))
