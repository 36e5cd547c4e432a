"""The texts of /proc, made from the live system when they are read.

Source: proc(5); Linux fs/proc/{array,base,task_mmu,stat,meminfo,uptime,loadavg}.c for the formats.
Differs: numbers nobody measures here (faults, I/O, loads) are 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.page_table_entry import MappingFlags
from kernel.crates.signal import NSIG, SIG_DFL, SIG_IGN, bit
from kernel.modules.axmm.shared import Shared
from kernel.modules.axmm.view import area_view, maps_text
from kernel.modules.axtask.task import TaskState
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.limits import INFINITY
from kernel.plugins.starry.core.proc_more import (
    MORE_PROCESS_TEXTS,
    MORE_SYSTEM_TEXTS,
    smaps_tail,
)
from kernel.plugins.starry.core.uts import RELEASE, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.starry import Starry

_TICK_NS: Final = 10_000_000
_NS: Final = 1_000_000_000
_CAPS: Final = (1 << 41) - 1
_WRITE: Final = int(MappingFlags.WRITE)
_EXECUTE: Final = int(MappingFlags.EXECUTE)

#: Name, unit, in the order of `Resource`.
_LIMITS: Final = (
    ("Max cpu time", "seconds"),
    ("Max file size", "bytes"),
    ("Max data size", "bytes"),
    ("Max stack size", "bytes"),
    ("Max core file size", "bytes"),
    ("Max resident set", "bytes"),
    ("Max processes", "processes"),
    ("Max open files", "files"),
    ("Max locked memory", "bytes"),
    ("Max address space", "bytes"),
    ("Max file locks", "locks"),
    ("Max pending signals", "signals"),
    ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""),
    ("Max realtime priority", ""),
    ("Max realtime timeout", "us"),
)


# -- of a process --------------------------------------------------------------------------------


def _memory(process: Process, bounds: tuple[int, int]) -> bytes:
    """User memory between two addresses, as far as it is resident."""
    parts = bytearray()
    start, end = bounds
    while start < end:
        size = min(PAGE_SIZE - start % PAGE_SIZE, end - start)
        if not process.aspace.is_mapped(start):
            break
        parts += process.aspace.read(start, size)
        start += size
    return bytes(parts)


def _state(process: Process) -> tuple[str, str]:
    """State letter and word of a process."""
    if process.is_zombie:
        return "Z", "zombie"
    if process.signal.stopped:
        return "T", "stopped"
    states = [thread.task.state for thread in process.threads.values()]
    if TaskState.RUNNING in states or TaskState.READY in states:
        return "R", "running"
    return "S", "sleeping"


def _pages(aspace: AddrSpace) -> tuple[int, int, int, int, int, int]:
    """Pages (size, resident, resident shared or of files, code, data, stack)."""
    size = resident = shared = code = data = stack = 0
    for area in aspace.areas:
        view = area_view(aspace, area)
        pages = area.size_bytes // PAGE_SIZE
        size += pages
        resident += view.resident_pages
        if isinstance(area.backend, Shared) or (view.inode and not area.flags & _WRITE):
            shared += view.resident_pages
        if area.grows_down:
            stack += pages
        elif area.flags & _EXECUTE and view.inode:
            code += pages
        elif area.flags & _WRITE and not isinstance(area.backend, Shared):
            data += pages
    return size, resident, shared, code, data, stack


def comm(process: Process) -> bytes:
    """/proc/PID/comm."""
    return process.name.encode("utf-8", "surrogateescape") + b"\n"


def stat(process: Process) -> bytes:
    """/proc/PID/stat: 52 fields."""
    starry = process.starry
    tasks = starry.kernel.tasks
    ticks = sum(tasks.cpu_time_ns(t.task) for t in process.threads.values()) // _TICK_NS
    nice = next((thread.nice for thread in process.threads.values()), 0)
    size, resident, *_ = _pages(process.aspace)
    start, end = process.image
    limit = process.limits.table[5][0]
    head = (process.ppid, process.pgid, process.sid, 0, -1, 0x400000, 0, 0, 0, 0, ticks, 0, 0, 0)
    sched = (20 + nice, nice, len(process.threads), 0, process.start_ns // _TICK_NS)
    memory = (size * PAGE_SIZE, resident, limit, start, end, process.auxv[0], 0, 0)
    signals = (0, 0, 0, 0, 0, 0, 0, process.exit_signal, 0, 0, 0, 0, 0, 0)
    tail = (start, end, process.brk_start, *process.argv, *process.envp, process.exit_status)
    numbers = (*head, *sched, *memory, *signals, *tail)
    text = f"{process.pid} ({process.name}) {_state(process)[0]} {' '.join(map(str, numbers))}\n"
    return text.encode("utf-8", "surrogateescape")


def statm(process: Process) -> bytes:
    """/proc/PID/statm, in pages."""
    size, resident, shared, code, data, stack = _pages(process.aspace)
    return f"{size} {resident} {shared} {code} 0 {data + stack} 0\n".encode()


def _signal_sets(process: Process) -> list[tuple[str, int]]:
    shared = process.signal
    ignored = caught = 0
    for signo in range(1, NSIG + 1):
        handler = shared.actions[signo].handler
        if handler == SIG_IGN:
            ignored |= bit(signo)
        elif handler != SIG_DFL:
            caught |= bit(signo)
    first = next(iter(process.threads.values()), None)
    return [
        ("SigPnd", first.signal.pending.mask if first else 0),
        ("ShdPnd", shared.pending.mask),
        ("SigBlk", first.signal.blocked if first else 0),
        ("SigIgn", ignored),
        ("SigCgt", caught),
    ]


def status(process: Process) -> bytes:
    """/proc/PID/status."""
    letter, word = _state(process)
    who = identity_of(process)
    size, resident, shared, code, data, stack = _pages(process.aspace)
    umask = process.ns.get("FS_CONTEXT").umask
    lines = [
        f"Name:\t{process.name}",
        f"Umask:\t{umask:04o}",
        f"State:\t{letter} ({word})",
        f"Tgid:\t{process.pid}",
        "Ngid:\t0",
        f"Pid:\t{process.pid}",
        f"PPid:\t{process.ppid}",
        "TracerPid:\t0",
        f"Uid:\t{who.ruid}\t{who.euid}\t{who.suid}\t{who.fsuid}",
        f"Gid:\t{who.rgid}\t{who.egid}\t{who.sgid}\t{who.fsgid}",
        "FDSize:\t64",
        "Groups:\t" + "".join(f"{group} " for group in who.groups),
        f"NStgid:\t{process.pid}",
        f"NSpid:\t{process.pid}",
        f"NSpgid:\t{process.pgid}",
        f"NSsid:\t{process.sid}",
    ]
    pages = (
        ("VmPeak", size),
        ("VmSize", size),
        ("VmLck", 0),
        ("VmPin", 0),
        ("VmHWM", resident),
        ("VmRSS", resident),
        ("RssAnon", resident - shared),
        ("RssFile", shared),
        ("RssShmem", 0),
        ("VmData", data),
        ("VmStk", stack),
        ("VmExe", code),
        ("VmLib", 0),
        ("VmPTE", 0),
        ("VmSwap", 0),
    )
    lines += [f"{name}:\t{count * PAGE_SIZE >> 10:8d} kB" for name, count in pages]
    lines += [f"Threads:\t{len(process.threads)}", "SigQ:\t0/4096"]
    lines += [f"{name}:\t{mask:016x}" for name, mask in _signal_sets(process)]
    caps = _CAPS if who.is_root else 0
    for name, mask in (("Inh", 0), ("Prm", caps), ("Eff", caps), ("Bnd", _CAPS), ("Amb", 0)):
        lines.append(f"Cap{name}:\t{mask:016x}")
    cpus = len(process.starry.kernel.board.cpus)
    lines += [
        f"NoNewPrivs:\t{process.no_new_privs}",
        "Seccomp:\t0",
        f"Cpus_allowed:\t{(1 << cpus) - 1:x}",
        "Cpus_allowed_list:\t" + ("0" if cpus == 1 else f"0-{cpus - 1}"),
        "Mems_allowed:\t1",
        "Mems_allowed_list:\t0",
        f"voluntary_ctxt_switches:\t{sum(t.task.switches for t in process.threads.values())}",
        "nonvoluntary_ctxt_switches:\t0",
    ]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def limits(process: Process) -> bytes:
    """/proc/PID/limits."""
    rows = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n"]
    for (name, unit), pair in zip(_LIMITS, process.limits.table, strict=True):
        soft, hard = ("unlimited" if value == INFINITY else str(value) for value in pair)
        rows.append(f"{name:<25} {soft:<20} {hard:<20} {unit:<10}\n")
    return "".join(rows).encode()


def mounts(process: Process) -> bytes:
    """/proc/PID/mounts."""
    tree = process.starry.kernel.fs
    rows = [f"{m.fs.name} {m.path} {m.fs.name} rw,relatime 0 0\n" for m in tree.mounts]
    return "".join(rows).encode()


def smaps(process: Process) -> bytes:
    """/proc/PID/smaps: the maps with sizes."""
    aspace = process.aspace
    rows: list[str] = []
    for line, area in zip(maps_text(aspace).splitlines(), aspace.areas, strict=True):
        resident = area_view(aspace, area).resident_pages * PAGE_SIZE >> 10
        rows += [
            line,
            f"Size:           {area.size_bytes >> 10:8d} kB",
            "KernelPageSize:        4 kB",
            "MMUPageSize:           4 kB",
            f"Rss:            {resident:8d} kB",
            f"Pss:            {resident:8d} kB",
            *smaps_tail(area, resident),
        ]
    return ("\n".join(rows) + "\n").encode("utf-8", "surrogateescape")


#: /proc/PID/NAME for every name of `procfs.PID_FILES`.
PROCESS_TEXTS: Final[dict[str, Callable[[Process], bytes]]] = {
    **MORE_PROCESS_TEXTS,
    "auxv": lambda process: _memory(process, process.auxv),
    "cmdline": lambda process: _memory(process, process.argv),
    "comm": comm,
    "environ": lambda process: _memory(process, process.envp),
    "limits": limits,
    "maps": lambda process: maps_text(process.aspace).encode("utf-8", "surrogateescape"),
    "mounts": mounts,
    "smaps": smaps,
    "stat": stat,
    "statm": statm,
    "status": status,
}


# -- of the system -------------------------------------------------------------------------------


def cmdline(starry: Starry) -> bytes:
    """/proc/cmdline."""
    return f"arch={starry.kernel.arch.name} platform={starry.kernel.config.platform}\n".encode()


def cpuinfo(starry: Starry) -> bytes:
    """/proc/cpuinfo: one block a CPU, as short as its readers allow."""
    arch = starry.kernel.arch.name
    blocks: list[str] = []
    for cpu in starry.kernel.board.cpus:
        lines = [f"processor\t: {cpu.index}"]
        if arch == "x86_64":
            lines += ["vendor_id\t: GenuineIntel", "model name\t: Westmere E56xx/L56xx/X56xx"]
            lines += ["cpu MHz\t\t: 200.000", f"cpu cores\t: {len(starry.kernel.board.cpus)}"]
        elif arch == "riscv64":
            lines += [f"hart\t\t: {cpu.index}", "isa\t\t: rv64imafdc", "mmu\t\t: sv39"]
        elif arch == "aarch64":
            lines += ["BogoMIPS\t: 125.00", "Features\t: fp asimd aes pmull sha1 sha2 crc32 cpuid"]
            lines += ["CPU implementer\t: 0x41", "CPU architecture: 8", "CPU part\t: 0xd08"]
        else:
            lines += ["CPU Family\t\t: Loongson-64bit", "Model Name\t\t: Loongson-3A5000"]
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks).encode()


def filesystems(starry: Starry) -> bytes:
    """/proc/filesystems."""
    names = {mount.fs.name: None for mount in starry.kernel.fs.mounts}
    return "".join(f"nodev\t{name}\n" for name in names).encode()


def loadavg(starry: Starry) -> bytes:
    """/proc/loadavg: the load is not measured."""
    last = max(starry.threads, default=0)
    return f"0.00 0.00 0.00 1/{len(starry.threads)} {last}\n".encode()


def _used_kib(starry: Starry) -> dict[str, int]:
    """Memory by what its frames are used for, from the allocator's own marks."""
    used: dict[str, int] = {}
    for _, frames, word in starry.kernel.alloc.usage.runs():
        used[word] = used.get(word, 0) + (frames * PAGE_SIZE >> 10)
    return used


def meminfo(starry: Starry) -> bytes:
    """/proc/meminfo."""
    alloc = starry.kernel.alloc
    total = alloc.total_pages * PAGE_SIZE >> 10
    free = alloc.available_pages * PAGE_SIZE >> 10
    used = _used_kib(starry)
    rows = (
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", used.get("file cache", 0)),
        ("SwapCached", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", used.get("user", 0)),
        ("Mapped", used.get("user", 0)),
        ("Shmem", used.get("shared", 0)),
        ("Slab", used.get("heap", 0)),
        ("SReclaimable", 0),
        ("SUnreclaim", used.get("heap", 0)),
        ("KernelStack", used.get("kstack", 0)),
        ("PageTables", used.get("page table", 0)),
        ("CommitLimit", total >> 1),
        ("Committed_AS", total - free),
        ("VmallocTotal", 34359738367),
        ("VmallocUsed", 0),
        ("HugePages_Total", 0),
        ("Hugepagesize", 2048),
    )
    return "".join(f"{name + ':':<16}{kib:8d} kB\n" for name, kib in rows).encode()


def system_stat(starry: Starry) -> bytes:
    """/proc/stat: clock ticks per CPU, all of them as user time."""
    cpus = starry.kernel.board.cpus
    ticks = [cpu.clock_ns // _TICK_NS for cpu in cpus]
    rows = [f"cpu  {sum(ticks)} 0 0 0 0 0 0 0 0 0\n"]
    rows += [f"cpu{i} {tick} 0 0 0 0 0 0 0 0 0\n" for i, tick in enumerate(ticks)]
    rows.append("intr 0\n")
    rows.append(f"ctxt {sum(t.task.switches for t in starry.threads.values())}\n")
    rows.append(f"btime {starry.kernel.config.epoch_offset_ns // _NS}\n")
    rows.append(f"processes {max(starry.threads, default=0)}\n")
    rows.append(f"procs_running 1\nprocs_blocked 0\nsoftirq {' '.join('0' * 11)}\n")
    return "".join(rows).encode()


def uptime(starry: Starry) -> bytes:
    """/proc/uptime: seconds since boot, and idle."""
    hundredths = starry.kernel.tasks.now_ns() // _TICK_NS
    return f"{hundredths // 100}.{hundredths % 100:02d} 0.00\n".encode()


def version(starry: Starry) -> bytes:
    """/proc/version."""
    return f"Linux version {RELEASE} (arcetui) {VERSION}\n".encode()


#: /proc/NAME for every name of `procfs.SYSTEM_FILES`.
SYSTEM_TEXTS: Final[dict[str, Callable[[Starry], bytes]]] = {
    **MORE_SYSTEM_TEXTS,
    "cmdline": cmdline,
    "cpuinfo": cpuinfo,
    "filesystems": filesystems,
    "loadavg": loadavg,
    "meminfo": meminfo,
    "stat": system_stat,
    "uptime": uptime,
    "version": version,
}
