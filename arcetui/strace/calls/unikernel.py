"""Functions of the kernel that programs of the Unikernel form call; samples/arceos/arceos.h."""

from __future__ import annotations

from arcetui.strace.call import Call, Spec
from arcetui.strace.calls.io import COUNT, OFFSET
from arcetui.strace.calls.system import random_bytes
from arcetui.strace.results import address, number
from arcetui.strace.scalars import (
    FD,
    arg,
    filled,
    hex64,
    int32,
    int64,
    one_of,
    open_flags,
    path,
    pointer,
    read_buffer,
    sized_buffer,
    string,
    uint32,
    uint64,
)
from arcetui.strace.tables import files as file_names

_FOREVER = (1 << 64) - 1
_PATH = arg("path", path)
_MUTEX = arg("mutex", pointer)
_WORD = arg("word", pointer)
_CODE = arg("code", int32)
_SIZE = arg("size", uint64)


def limit(_: Call, value: int) -> str:
    """A timeout in nanoseconds."""
    return "AX_FOREVER" if value == _FOREVER else str(value)


CALLS: dict[str, Spec] = {
    "ax_terminate": Spec((arg("status", int32),), number),
    "ax_cpu_num": Spec((), number),
    "ax_random": Spec((filled("buffer", random_bytes), _SIZE), number),
    "ax_monotonic_time": Spec((), number),
    "ax_wall_time": Spec((), number),
    "ax_sleep_until": Spec((arg("deadline", uint64),), number),
    "ax_alloc": Spec((_SIZE, arg("align", uint64)), address),
    "ax_dealloc": Spec((arg("block", pointer),), number),
    "ax_console_write_bytes": Spec((arg("data", sized_buffer(1)), _SIZE), number),
    "ax_console_read_bytes": Spec((filled("buffer", read_buffer), _SIZE), number),
    "ax_spawn": Spec(
        (
            arg("entry", pointer),
            arg("argument", pointer),
            arg("name", string),
            arg("stack", uint64),
        ),
        number,
    ),
    "ax_exit": Spec((_CODE,), number),
    "ax_wait_for_exit": Spec((arg("task", int64),), number),
    "ax_yield_now": Spec((), number),
    "ax_current_task_id": Spec((), number),
    "ax_set_current_priority": Spec((arg("priority", int32),), number),
    "ax_set_current_affinity": Spec((arg("mask", hex64),), number),
    "ax_mutex_lock": Spec((_MUTEX,), number),
    "ax_mutex_unlock": Spec((_MUTEX,), number),
    "ax_wait_queue_wait": Spec((_WORD, arg("value", uint32), arg("timeout", limit)), number),
    "ax_wait_queue_wake": Spec((_WORD, arg("count", uint32)), number),
    "ax_open": Spec((_PATH, arg("flags", open_flags)), number),
    "ax_close": Spec((FD,), number),
    "ax_read": Spec((FD, filled("buffer", read_buffer), COUNT), number),
    "ax_write": Spec((FD, arg("data", sized_buffer(2)), COUNT), number),
    "ax_lseek": Spec((FD, OFFSET, arg("whence", one_of(file_names.SEEK, "SEEK_???"))), number),
    "ax_mkdir": Spec((_PATH,), number),
    "ax_remove": Spec((_PATH,), number),
    "ax_chdir": Spec((_PATH,), number),
    "ax_getcwd": Spec((filled("buffer", path), _SIZE), number),
}
