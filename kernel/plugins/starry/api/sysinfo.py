"""What system this is: uname(2), sysinfo(2), and the calls only a machine's owner may make.

Source: Linux kernel/sys.c, kernel/printk, kernel/reboot.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.plugins.starry.api.abi import Handler
from kernel.plugins.starry.core.timespec import NS_PER_SECOND, now_ns
from kernel.plugins.starry.core.uts import DOMAINNAME, NODENAME, RELEASE, SYSNAME, VERSION

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_FIELD_BYTES: Final = 65

_REBOOT_MAGIC1: Final = 0xFEE1_DEAD
#: uptime, loads[3], total, free, shared, buffers, swap total and free, procs, high total and
#: free, unit.
_SYSINFO: Final = struct.Struct("<q3Q6QH6x2QI4x")


def utsname(machine: str) -> bytes:
    """A struct new_utsname, 390 bytes."""
    words = (SYSNAME, NODENAME, RELEASE, VERSION, machine, DOMAINNAME)
    return b"".join(word.encode().ljust(_FIELD_BYTES, b"\0") for word in words)


def sys_uname(t: Thread, buf: int) -> int:
    """Name and version of the system."""
    t.mem.write(buf, utsname(t.arch.name))
    return 0


def sys_sysinfo(t: Thread, info: int) -> int:
    """Uptime, memory and number of processes; the load is not measured."""
    alloc = t.kernel.alloc
    uptime = -(-now_ns(t) // NS_PER_SECOND)
    total = alloc.total_pages * PAGE_SIZE
    free = alloc.available_pages * PAGE_SIZE
    words = (uptime, 0, 0, 0, total, free, 0, 0, 0, 0)
    t.mem.write(info, _SYSINFO.pack(*words, len(t.starry.threads), 0, 0, 1))
    return 0


def sys_sethostname(t: Thread, name: int, size: int) -> int:
    """Refused: the name is part of the machine's description."""
    del t, name, size
    raise LinuxError(Errno.EPERM)


def sys_syslog(t: Thread, kind: int, buf: int, size: int) -> int:
    """Refused: the kernel's log is for the person at the debugger."""
    del t, kind, buf, size
    raise LinuxError(Errno.EPERM)


def sys_reboot(t: Thread, magic1: int, magic2: int, command: int, arg: int) -> int:
    """Refused."""
    del t, magic2, command, arg
    if magic1 & 0xFFFF_FFFF != _REBOOT_MAGIC1:
        raise LinuxError(Errno.EINVAL)
    raise LinuxError(Errno.EPERM)


def sys_vhangup(t: Thread) -> int:
    """Refused: there is no terminal to hang up."""
    del t
    raise LinuxError(Errno.EPERM)


CALLS: dict[str, Handler] = {
    "reboot": sys_reboot,
    "sethostname": sys_sethostname,
    "setdomainname": sys_sethostname,
    "sysinfo": sys_sysinfo,
    "syslog": sys_syslog,
    "uname": sys_uname,
    "vhangup": sys_vhangup,
}
