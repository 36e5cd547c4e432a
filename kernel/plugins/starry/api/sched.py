"""Where a thread runs: sched_yield(2), CPU affinity, getcpu(2), membarrier(2).

Source: Linux kernel/sched/core.c, kernel/sys.c, kernel/sched/membarrier.c; ArceOS axtask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_MASK_BYTES: Final = 8  # nr_cpu_ids up to 64: one word
_MEMBARRIER_QUERY: Final = 0
_MEMBARRIER_CMDS: Final = 0x1FF & ~0x1A0  # GLOBAL .. PRIVATE_EXPEDITED pairs, no SYNC_CORE, RSEQ
_MEMBARRIER_EXPEDITED_NEED: Final = {2: 4, 8: 16}  # command: registration it needs


def sys_sched_yield(t: Thread) -> int:
    """Let others run first."""
    t.kernel.tasks.yield_current(t.task)
    return 0


def _target(t: Thread, pid: int) -> Thread:
    """The thread with this id; 0 means the caller.

    Raises:
        LinuxError: ESRCH.
    """
    pid = as_int32(pid)
    if pid == 0:
        return t
    found = t.starry.threads.get(pid)
    if found is None:
        raise LinuxError(Errno.ESRCH)
    return found


def sys_sched_setaffinity(t: Thread, pid: int, size: int, mask_ptr: int) -> int:
    """Name the CPUs a thread may run on."""
    size = as_uint32(size)
    raw = t.mem.read(mask_ptr, min(size, _MASK_BYTES))
    target = _target(t, pid)
    mask = int.from_bytes(raw, "little") & t.kernel.tasks.full_mask
    if not mask:
        raise LinuxError(Errno.EINVAL, "no such CPU")
    t.kernel.tasks.set_affinity(target.task, mask)
    return 0


def sys_sched_getaffinity(t: Thread, pid: int, size: int, mask_ptr: int) -> int:
    """The CPUs a thread may run on; how many bytes the kernel's mask has."""
    size = as_uint32(size)
    if size * 8 < len(t.kernel.board.cpus) or size & (_MASK_BYTES - 1):
        raise LinuxError(Errno.EINVAL)
    target = _target(t, pid)
    count = min(size, _MASK_BYTES)
    t.mem.write(mask_ptr, target.task.cpumask.to_bytes(_MASK_BYTES, "little")[:count])
    return count


def sys_getcpu(t: Thread, cpu_ptr: int, node_ptr: int) -> int:
    """The CPU and NUMA node the caller runs on."""
    if cpu_ptr:
        t.mem.write_u32(cpu_ptr, t.cpu.index)
    if node_ptr:
        t.mem.write_u32(node_ptr, 0)
    return 0


def sys_membarrier(t: Thread, command: int, flags: int) -> int:
    """Memory barriers on all CPUs: memory is one and in order here, so only checks are left."""
    command, flags = as_int32(command), as_uint32(flags)
    if flags:
        raise LinuxError(Errno.EINVAL)
    if command == _MEMBARRIER_QUERY:
        return _MEMBARRIER_CMDS
    if command < 0 or command & (command - 1) or not command & _MEMBARRIER_CMDS:
        raise LinuxError(Errno.EINVAL)
    process = t.process
    needed = _MEMBARRIER_EXPEDITED_NEED.get(command)
    if command == 8 and needed is not None and not process.membarrier & needed:
        raise LinuxError(Errno.EPERM, "not registered")
    process.membarrier |= command
    return 0


CALLS: dict[str, Handler] = {
    "getcpu": sys_getcpu,
    "membarrier": sys_membarrier,
    "sched_getaffinity": sys_sched_getaffinity,
    "sched_setaffinity": sys_sched_setaffinity,
    "sched_yield": sys_sched_yield,
}
