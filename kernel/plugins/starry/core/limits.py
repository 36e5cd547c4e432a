"""Resource limits of a process, getrlimit(2).

Source: Linux include/asm-generic/resource.h (numbers and INIT_RLIMITS), kernel/fork.c
`fork_init` (NPROC, SIGPENDING from the memory size), kernel/sys.c `do_prlimit`.
"""

from __future__ import annotations

import enum
from typing import Final

INFINITY: Final = (1 << 64) - 1
#: /proc/sys/fs/nr_open: NOFILE's hard limit cannot exceed it.
NR_OPEN: Final = 1 << 20
_THREAD_BYTES: Final = 16 << 10


class Resource(enum.IntEnum):
    """What is limited; the same numbers on all four architectures."""

    CPU = 0
    FSIZE = 1
    DATA = 2
    STACK = 3
    CORE = 4
    RSS = 5
    NPROC = 6
    NOFILE = 7
    MEMLOCK = 8
    AS = 9
    LOCKS = 10
    SIGPENDING = 11
    MSGQUEUE = 12
    NICE = 13
    RTPRIO = 14
    RTTIME = 15


class ResourceLimits:
    """(soft, hard) limit of every resource; shared by a process's threads, copied by fork.

    Attributes:
        table: Pairs, index = `Resource`.
    """

    __slots__ = ("table",)

    def __init__(self, memory_bytes: int = 128 << 20) -> None:
        unlimited = (INFINITY, INFINITY)
        self.table: list[tuple[int, int]] = [unlimited] * len(Resource)
        threads = memory_bytes // (8 * _THREAD_BYTES) // 2  # half of Linux's max_threads
        self.table[Resource.STACK] = (8 << 20, INFINITY)
        self.table[Resource.CORE] = (0, INFINITY)
        self.table[Resource.NPROC] = (threads, threads)
        self.table[Resource.NOFILE] = (1024, NR_OPEN)
        self.table[Resource.MEMLOCK] = (8 << 20, 8 << 20)
        self.table[Resource.SIGPENDING] = (threads, threads)
        self.table[Resource.MSGQUEUE] = (819_200, 819_200)
        self.table[Resource.NICE] = (0, 0)
        self.table[Resource.RTPRIO] = (0, 0)

    def soft(self, resource: Resource) -> int:
        """The limit in force."""
        return self.table[resource][0]

    def get(self, resource: int) -> tuple[int, int]:
        """(soft, hard)."""
        return self.table[resource]

    def set(self, resource: int, soft: int, hard: int) -> None:
        """Change a limit; the caller has checked the values."""
        self.table[resource] = (soft, hard)

    def copy(self) -> ResourceLimits:
        """Those of a forked child."""
        twin = ResourceLimits()
        twin.table = list(self.table)
        return twin
