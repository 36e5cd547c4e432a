"""Who I am and how I end: getpid(2), exit(2), set_tid_address(2), robust lists, rseq(2).

Source: Linux kernel/sys.c, kernel/exit.c, kernel/fork.c, kernel/futex/syscalls.c, kernel/rseq.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import NO_RETURN, Handler, as_int32, as_uint32
from kernel.plugins.starry.core.process import exit_process, exit_thread
from kernel.plugins.starry.core.stack_image import RSEQ_ALIGN

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_ROBUST_LIST_HEAD_BYTES: Final = 24
_RSEQ_BYTES: Final = 32  # the original size; larger ones are accepted too
_RSEQ_FLAG_UNREGISTER: Final = 1
_RSEQ_CPU_UNINITIALIZED: Final = 0xFFFF_FFFF


def sys_getpid(t: Thread) -> int:
    """Process id."""
    return t.process.pid


def sys_getppid(t: Thread) -> int:
    """The parent's process id."""
    return t.process.ppid


def sys_gettid(t: Thread) -> int:
    """Thread id."""
    return t.tid


def sys_set_tid_address(t: Thread, address: int) -> int:
    """Name the word to clear when the thread ends; the thread id."""
    t.clear_child_tid = address
    return t.tid


def sys_exit(t: Thread, code: int) -> int:
    """End the thread."""
    exit_thread(t, (code & 0xFF) << 8)
    return NO_RETURN


def sys_exit_group(t: Thread, code: int) -> int:
    """End the process."""
    exit_process(t, (code & 0xFF) << 8)
    return NO_RETURN


# -- robust futex lists --------------------------------------------------------------------------


def sys_set_robust_list(t: Thread, head: int, size: int) -> int:
    """Name the list of robust mutexes the thread holds."""
    if size != _ROBUST_LIST_HEAD_BYTES:
        raise LinuxError(Errno.EINVAL)
    t.robust_list = (head, size)
    return 0


def sys_get_robust_list(t: Thread, pid: int, head_ptr: int, size_ptr: int) -> int:
    """The list of a thread; 0 means the caller."""
    pid = as_int32(pid)
    thread = t if pid == 0 else t.starry.threads.get(pid)
    if thread is None:
        raise LinuxError(Errno.ESRCH)
    t.mem.write_u64(size_ptr, _ROBUST_LIST_HEAD_BYTES)
    t.mem.write_u64(head_ptr, thread.robust_list[0])
    return 0


# -- restartable sequences -----------------------------------------------------------------------


def sys_rseq(t: Thread, area: int, length: int, flags: int, signature: int) -> int:
    """Register or unregister the thread's area for restartable sequences."""
    length, flags, signature = as_uint32(length), as_int32(flags), as_uint32(signature)
    old_area, old_length, old_signature = t.rseq
    if flags & _RSEQ_FLAG_UNREGISTER:
        if flags & ~_RSEQ_FLAG_UNREGISTER or not old_area or area != old_area:
            raise LinuxError(Errno.EINVAL)
        if length != old_length:
            raise LinuxError(Errno.EINVAL)
        if signature != old_signature:
            raise LinuxError(Errno.EPERM)
        t.mem.write(area, struct.pack("<IIQQ", 0, _RSEQ_CPU_UNINITIALIZED, 0, 0))
        t.rseq = (0, 0, 0)
        return 0
    if flags:
        raise LinuxError(Errno.EINVAL)
    if old_area:
        if area != old_area or length != old_length:
            raise LinuxError(Errno.EINVAL)
        raise LinuxError(Errno.EPERM if signature != old_signature else Errno.EBUSY)
    if area % RSEQ_ALIGN or length < _RSEQ_BYTES:
        raise LinuxError(Errno.EINVAL)
    cpu = t.cpu.index
    t.mem.write(area, struct.pack("<II", cpu, cpu))
    if length >= _RSEQ_BYTES:
        t.mem.write(area + 20, struct.pack("<II", 0, 0))  # node_id, mm_cid
    t.rseq = (area, length, signature)
    t.rseq_cpu = cpu
    return 0


CALLS: dict[str, Handler] = {
    "exit": sys_exit,
    "exit_group": sys_exit_group,
    "get_robust_list": sys_get_robust_list,
    "getpid": sys_getpid,
    "getppid": sys_getppid,
    "gettid": sys_gettid,
    "rseq": sys_rseq,
    "set_robust_list": sys_set_robust_list,
    "set_tid_address": sys_set_tid_address,
}
