"""What only riscv64 has: riscv_flush_icache(2), riscv_hwprobe.

Source: Linux arch/riscv/kernel/sys_riscv.c, sys_hwprobe.c; Documentation/arch/riscv/hwprobe.rst.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_FLUSH_LOCAL: Final = 1
_PAIR: Final = struct.Struct("<qQ")
_MAX_PAIRS: Final = 4096
#: Key -> value: no vendor, architecture or implementation id; rv64ima with F, D and C; quick
#: misaligned accesses; no cache-block size to zero.
_KNOWN: Final = {0: 0, 1: 0, 2: 0, 3: 1, 4: 3, 5: 3, 6: 0}


def sys_riscv_flush_icache(t: Thread, start: int, end: int, flags: int) -> int:
    """Make written instructions seen: the engine watches writes into code itself."""
    if flags & ~_FLUSH_LOCAL:
        raise LinuxError(Errno.EINVAL)
    return 0


def sys_riscv_hwprobe(
    t: Thread, pairs: int, count: int, set_bytes: int, cpus: int, flags: int
) -> int:
    """Tell what the CPUs can do; a key that is not known becomes -1."""
    if flags or (cpus and not set_bytes) or count > _MAX_PAIRS:
        raise LinuxError(Errno.EINVAL)
    for at in range(pairs, pairs + count * _PAIR.size, _PAIR.size):
        key, _ = _PAIR.unpack(t.mem.read(at, _PAIR.size))
        found = _KNOWN.get(key)
        t.mem.write(at, _PAIR.pack(-1, 0) if found is None else _PAIR.pack(key, found))
    return 0


CALLS: dict[str, Handler] = {
    "riscv_flush_icache": sys_riscv_flush_icache,
    "riscv_hwprobe": sys_riscv_hwprobe,
}
