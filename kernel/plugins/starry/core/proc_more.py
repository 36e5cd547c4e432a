"""Smaller texts of /proc: descriptors, mounts with their numbers, devices, accounts.

Source: proc(5); Linux fs/proc/{base,fd,task_mmu,devices}.c, fs/proc_namespace.c.
Differs: numbers nobody measures here (bytes read, faults, interrupts) are 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.memory_area import DONTCOPY, LOCKED
from kernel.crates.page_table_entry import MappingFlags
from kernel.modules.axmm.shared import Shared
from kernel.plugins.starry.core.file import O_CLOEXEC

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.crates.memory_area import MemoryArea
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.starry import Starry
    from kernel.plugins.starry.core.thread import Thread

_FLAG_WORDS: Final = (
    (int(MappingFlags.READ), "rd"),
    (int(MappingFlags.WRITE), "wr"),
    (int(MappingFlags.EXECUTE), "ex"),
)


def fd_info(process: Process, fd: int) -> bytes:
    """/proc/PID/fdinfo/FD."""
    table = process.ns.get("FD_TABLE")
    file = table.get_any(fd)
    flags = file.flags | (O_CLOEXEC if table.is_cloexec(fd) else 0)
    attr, dev = file.get_attr()
    text = f"pos:\t{file.offset}\nflags:\t0{flags:o}\nmnt_id:\t{dev}\nino:\t{attr.ino}\n"
    return text.encode()


def thread_text(thread: Thread, name: str, text: bytes) -> bytes:
    """A text of the process as a thread's directory shows it."""
    comm = thread.task.name.encode("utf-8", "surrogateescape")
    if name == "comm":
        return comm + b"\n"
    if name == "stat":
        return b"%d (%s)%s" % (thread.tid, comm, text[text.rindex(b")") + 1 :])
    if name == "status":
        own = {b"Name": comm, b"Pid": b"%d" % thread.tid, b"NSpid": b"%d" % thread.tid}
        rows = [row.partition(b":\t") for row in text.splitlines()]
        return b"".join(b"%s:\t%s\n" % (key, own.get(key, value)) for key, _, value in rows)
    return text


def smaps_tail(area: MemoryArea, resident_kib: int) -> list[str]:
    """The rest of an area's block in /proc/PID/smaps."""
    is_shared = isinstance(area.backend, Shared)
    dirty = resident_kib if area.flags & MappingFlags.WRITE else 0
    sizes = (
        ("Shared_Clean", resident_kib - dirty if is_shared else 0),
        ("Shared_Dirty", dirty if is_shared else 0),
        ("Private_Clean", 0 if is_shared else resident_kib - dirty),
        ("Private_Dirty", 0 if is_shared else dirty),
        ("Referenced", resident_kib),
        ("Anonymous", 0 if is_shared else dirty),
        ("Swap", 0),
        ("Locked", resident_kib if area.vm_flags & LOCKED else 0),
    )
    words = [word for bit, word in _FLAG_WORDS if area.flags & bit]
    words += ["sh"] if is_shared else []
    words += [
        word for bit, word in zip((1, 2, 4), ("mr", "mw", "me"), strict=True) if area.may & bit
    ]
    words += ["gd"] if area.grows_down else []
    words += ["lo"] if area.vm_flags & LOCKED else []
    words += ["dc"] if area.vm_flags & DONTCOPY else []
    rows = [f"{name + ':':<16}{size:8d} kB" for name, size in sizes]
    return [*rows, f"VmFlags: {' '.join(words)}"]


def mount_info(process: Process) -> bytes:
    """/proc/PID/mountinfo."""
    rows: list[str] = []
    for number, mount in enumerate(process.starry.kernel.fs.mounts):
        above = 20 if number else 1
        name = mount.fs.name
        rows.append(
            f"{20 + number} {above} 0:{mount.fs.dev} / {mount.path} rw,relatime "
            f"- {name} {name} rw\n"
        )
    return "".join(rows).encode()


def _io(process: Process) -> bytes:
    names = ("rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes")
    return "".join(f"{name}: 0\n" for name in (*names, "cancelled_write_bytes")).encode()


def _sched_stat(process: Process) -> bytes:
    tasks = process.starry.kernel.tasks
    spent = sum(tasks.cpu_time_ns(thread.task) for thread in process.threads.values())
    turns = sum(thread.task.switches for thread in process.threads.values())
    return f"{spent} 0 {turns}\n".encode()


def _slack(process: Process) -> bytes:
    thread = next(iter(process.threads.values()), None)
    return f"{thread.timer_slack_ns if thread is not None else 50_000}\n".encode()


#: /proc/PID/NAME, besides those of `proc_texts`.
MORE_PROCESS_TEXTS: Final[dict[str, Callable[[Process], bytes]]] = {
    "cgroup": lambda process: b"0::/\n",
    "io": _io,
    "loginuid": lambda process: b"4294967295",
    "mountinfo": mount_info,
    "oom_score": lambda process: b"0\n",
    "oom_score_adj": lambda process: f"{process.oom_score_adj}\n".encode(),
    "personality": lambda process: f"{process.personality:08x}\n".encode(),
    "schedstat": _sched_stat,
    "timerslack_ns": _slack,
    "wchan": lambda process: b"0",
}


def _uuid(starry: Starry) -> bytes:
    """/proc/sys/kernel/random/uuid: version 4, a new one at each read."""
    raw = bytearray(starry.kernel.rng.random_bytes(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).encode() + b"\n"


def _interrupts(starry: Starry) -> bytes:
    cpus = len(starry.kernel.board.cpus)
    return ("    " + "".join(f"{'CPU' + str(cpu):>11}" for cpu in range(cpus)) + "\n").encode()


def _vmstat(starry: Starry) -> bytes:
    free = starry.kernel.alloc.available_pages
    return f"nr_free_pages {free}\npgfault {starry.faults}\npgmajfault 0\n".encode()


_DEVICES: Final = b"""Character devices:
  1 mem
  5 /dev/tty
  5 /dev/console
136 pts

Block devices:
"""

#: /proc/NAME, besides those of `proc_texts`, and what changes in /proc/sys.
MORE_SYSTEM_TEXTS: Final[dict[str, Callable[[Starry], bytes]]] = {
    "devices": lambda starry: _DEVICES,
    "interrupts": _interrupts,
    "partitions": lambda starry: b"major minor  #blocks  name\n\n",
    "swaps": lambda starry: b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
    "sys/kernel/random/uuid": _uuid,
    "vmstat": _vmstat,
}
