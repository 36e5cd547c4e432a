"""What /proc shows of Starry's processes: the implementation of `axfs.proc_source.ProcSource`.

Every text is made from the live objects when it is read. Layouts after proc(5) and Linux
fs/proc/{array,base,meminfo}.c; fields that mean nothing here are 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.signal import SIG_DFL, SIG_IGN
from kernel.crates.user_ptr import UserMemory
from kernel.crates.vfs import VfsNodeOps
from kernel.modules.axmm.view import maps_text
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.limits import INFINITY, Resource

if TYPE_CHECKING:
    from kernel.modules.axruntime.kernel import Kernel
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.starry import Starry

_TICK_NS: Final = 10_000_000
_MAX_STRINGS: Final = 1 << 20
_STATES: Final = {"RUNNING": "R (running)", "READY": "R (running)", "BLOCKED": "S (sleeping)"}
_LIMIT_NAMES: Final = (
    ("Max cpu time", "seconds", Resource.CPU),
    ("Max file size", "bytes", Resource.FSIZE),
    ("Max data size", "bytes", Resource.DATA),
    ("Max stack size", "bytes", Resource.STACK),
    ("Max core file size", "bytes", Resource.CORE),
    ("Max resident set", "bytes", Resource.RSS),
    ("Max processes", "processes", Resource.NPROC),
    ("Max open files", "files", Resource.NOFILE),
    ("Max locked memory", "bytes", Resource.MEMLOCK),
    ("Max address space", "bytes", Resource.AS),
    ("Max file locks", "locks", Resource.LOCKS),
    ("Max pending signals", "signals", Resource.SIGPENDING),
    ("Max msgqueue size", "bytes", Resource.MSGQUEUE),
    ("Max nice priority", "", Resource.NICE),
    ("Max realtime priority", "", Resource.RTPRIO),
    ("Max realtime timeout", "us", Resource.RTTIME),
)
_FILESYSTEMS: Final = b"nodev\tramfs\nnodev\tdevtmpfs\nnodev\tproc\nnodev\tpipefs\n"
_CPU_LINES: Final[dict[str, str]] = {
    "x86_64": "vendor_id\t: GenuineIntel\nmodel name\t: arcetui virtual CPU\ncpu MHz\t\t: 200.000\n"
    "flags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm\n",
    "riscv64": "hart\t\t: {0}\nisa\t\t: rv64imafdc_zicntr_zicsr_zifencei\nmmu\t\t: sv39\n",
    "aarch64": "BogoMIPS\t: 125.00\nFeatures\t: fp asimd cpuid\nCPU implementer\t: 0x00\n"
    "CPU architecture: 8\n",
    "loongarch64": "package\t\t\t: 0\ncore\t\t\t: {0}\nCPU Family\t\t: Loongson-64bit\n"
    "Model Name\t\t: arcetui virtual CPU\n",
}


class ProcInfo:
    """Texts and links of one machine's processes."""

    __slots__ = ("kernel",)

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    @property
    def _starry(self) -> Starry:
        return self.kernel.plugin

    def _process(self, pid: int) -> Process:
        found = self._starry.processes.get(pid)
        if found is None:
            raise LinuxError(Errno.ESRCH)
        return found

    # -- ProcSource -----------------------------------------------------------------------------

    def pids(self) -> list[int]:
        return sorted(self._starry.processes)

    def current_pid(self) -> int:
        thread = self._starry.threads.get(self.kernel.events.tid)
        return thread.process.pid if thread is not None else self._starry.main_pid

    def text(self, pid: int, name: str) -> bytes:
        process = self._process(pid)
        if name == "cmdline":
            return self._strings(process, process.argv)
        if name == "environ":
            return self._strings(process, process.envp)
        if name == "auxv":
            return self._strings(process, process.auxv)
        if name == "comm":
            return f"{process.name}\n".encode("utf-8", "surrogateescape")
        if name == "mounts":
            return self._mounts()
        if name == "limits":
            return _limits_text(process)
        if name == "status":
            return self._status(process)
        if name == "statm":
            size, resident = _memory_kib(process)
            return f"{size // 4} {resident // 4} 0 0 0 {size // 4} 0\n".encode()
        if name == "stat":
            return self._stat(process)
        return b"" if process.is_zombie else maps_text(process.aspace).encode()

    def link(self, pid: int, name: str) -> str:
        process = self._process(pid)
        if name == "exe":
            return process.exe_path
        if name == "root" or process.is_zombie:
            return "/"
        return process.ns.get("FS_CONTEXT").cwd_path

    def fds(self, pid: int) -> list[int]:
        process = self._process(pid)
        return [] if process.is_zombie else list(process.ns.get("FD_TABLE").objects.ids())

    def fd_link(self, pid: int, fd: int) -> tuple[str, VfsNodeOps | None]:
        file = self._process(pid).ns.get("FD_TABLE").get_any(fd)
        node = file.node
        gone = node is not None and not node.attr.nlink and not file.path.endswith("(deleted)")
        return file.path + (" (deleted)" if gone else ""), node

    def system_text(self, name: str) -> bytes:
        kernel = self.kernel
        if name == "meminfo":
            return self._meminfo()
        if name == "cpuinfo":
            return self._cpuinfo()
        if name == "filesystems":
            return _FILESYSTEMS
        if name == "cmdline":
            return b"console=tty0\n"
        if name == "version":
            return b"Linux version 6.6.0-arcetui (arcetui) #1 SMP\n"
        if name == "loadavg":
            running = len(self._starry.threads)
            return f"0.00 0.00 0.00 1/{running} {max(self.pids(), default=0)}\n".encode()
        seconds = kernel.events.time_ns / 1e9
        if name == "uptime":
            return f"{seconds:.2f} 0.00\n".encode()
        ticks = kernel.events.time_ns // _TICK_NS
        cpus = len(kernel.board.cpus)
        lines = [f"cpu  {ticks * cpus} 0 0 0 0 0 0 0 0 0"]
        lines += [f"cpu{index} {ticks} 0 0 0 0 0 0 0 0 0" for index in range(cpus)]
        boot = kernel.config.epoch_offset_ns // 1_000_000_000
        lines += ["ctxt 0", f"btime {boot}", f"processes {len(self.pids())}", "procs_running 1"]
        return ("\n".join(lines) + "\n").encode()

    # -- texts ----------------------------------------------------------------------------------

    def _strings(self, process: Process, where: tuple[int, int]) -> bytes:
        """Bytes of the process's own stack, as the program may have changed them."""
        start, end = where
        if process.is_zombie or end <= start:
            return b""
        try:
            return UserMemory(process).read(start, min(end - start, _MAX_STRINGS))
        except (LinuxError, AxError):
            return b""

    def _mounts(self) -> bytes:
        lines = [f"{m.fs.name} {m.path} {m.fs.name} rw,relatime 0 0" for m in self.kernel.fs.mounts]
        return ("\n".join(lines) + "\n").encode()

    def _meminfo(self) -> bytes:
        alloc = self.kernel.alloc
        total = self.kernel.ram.size_bytes >> 10
        free = alloc.available_pages * 4
        rows = (
            ("MemTotal", total),
            ("MemFree", free),
            ("MemAvailable", free),
            ("Buffers", 0),
            ("Cached", 0),
            ("SwapCached", 0),
            ("SwapTotal", 0),
            ("SwapFree", 0),
            ("KernelStack", len(self._starry.threads) * 256),
            ("CommitLimit", total),
            ("VmallocTotal", 0),
        )
        return "".join(f"{name + ':':<15} {value:>8} kB\n" for name, value in rows).encode()

    def _cpuinfo(self) -> bytes:
        rest = _CPU_LINES[self.kernel.arch.name]
        return "".join(
            f"processor\t: {index}\n{rest.format(index)}\n"
            for index in range(len(self.kernel.board.cpus))
        ).encode()

    def _state(self, process: Process) -> str:
        if process.is_zombie:
            return "Z (zombie)"
        task = self.kernel.tasks.tasks.get(process.pid)
        return _STATES.get(task.state.name if task is not None else "", "S (sleeping)")

    def _status(self, process: Process) -> bytes:
        ids = identity_of(process)
        size, resident = _memory_kib(process)
        pending = process.signal.pending.mask
        threads = tuple(process.threads.values())
        blocked = threads[0].signal.blocked if threads else 0
        own = threads[0].signal.pending.mask if threads else 0
        handlers = [process.signal.actions[signo].handler for signo in range(1, 65)]
        ignored = sum(1 << i for i, h in enumerate(handlers) if h == SIG_IGN)
        caught = sum(1 << i for i, h in enumerate(handlers) if h not in (SIG_IGN, SIG_DFL))
        cpus = len(self.kernel.board.cpus)
        groups = "".join(f"{group} " for group in ids.groups)
        umask = 0 if process.is_zombie else process.ns.get("FS_CONTEXT").umask
        fds = 0 if process.is_zombie else 64
        capabilities = 0x1FF_FFFF_FFFF if ids.is_root else 0
        return (
            f"Name:\t{process.name}\nUmask:\t{umask:04o}\nState:\t{self._state(process)}\n"
            f"Tgid:\t{process.pid}\nNgid:\t0\nPid:\t{process.pid}\nPPid:\t{process.ppid}\n"
            f"TracerPid:\t0\n"
            f"Uid:\t{ids.ruid}\t{ids.euid}\t{ids.suid}\t{ids.fsuid}\n"
            f"Gid:\t{ids.rgid}\t{ids.egid}\t{ids.sgid}\t{ids.fsgid}\n"
            f"FDSize:\t{fds}\nGroups:\t{groups}\n"
            f"VmPeak:\t{size:>8} kB\nVmSize:\t{size:>8} kB\n"
            f"VmHWM:\t{resident:>8} kB\nVmRSS:\t{resident:>8} kB\n"
            f"Threads:\t{max(len(threads), 1)}\n"
            f"SigQ:\t0/{process.limits.soft(Resource.SIGPENDING)}\n"
            f"SigPnd:\t{own:016x}\nShdPnd:\t{pending:016x}\nSigBlk:\t{blocked:016x}\n"
            f"SigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\n"
            f"CapInh:\t{0:016x}\nCapPrm:\t{capabilities:016x}\nCapEff:\t{capabilities:016x}\n"
            f"CapBnd:\t{0x1FF_FFFF_FFFF:016x}\nCapAmb:\t{0:016x}\n"
            f"NoNewPrivs:\t{process.no_new_privs}\nSeccomp:\t0\n"
            f"Cpus_allowed:\t{(1 << cpus) - 1:x}\n"
            f"Cpus_allowed_list:\t{'0' if cpus == 1 else f'0-{cpus - 1}'}\n"
            f"Mems_allowed_list:\t0\n"
        ).encode("utf-8", "surrogateescape")

    def _stat(self, process: Process) -> bytes:
        size, resident = _memory_kib(process)
        tasks = self.kernel.tasks
        task = tasks.tasks.get(process.pid)
        ticks = tasks.cpu_time_ns(task) // _TICK_NS if task is not None else 0
        fields = [0] * 52
        values = {
            4: process.ppid,
            5: process.pgid,
            6: process.sid,
            7: 136 << 8,
            8: process.pgid,
            14: ticks,
            18: 20 + identity_of(process).nice,
            19: identity_of(process).nice,
            20: max(len(process.threads), 1),
            22: process.start_ns // _TICK_NS,
            23: size << 10,
            24: resident // 4,
            25: process.limits.soft(Resource.RSS),
            26: process.image[0],
            27: process.image[1],
            38: process.exit_signal,
            47: 0 if process.is_zombie else process.brk_start,
            48: process.argv[0],
            49: process.argv[1],
            50: process.envp[0],
            51: process.envp[1],
            52: process.exit_status,
        }
        for number, value in values.items():
            fields[number - 1] = value
        rest = " ".join(map(str, fields[3:]))
        text = f"{process.pid} ({process.name}) {self._state(process)[0]} {rest}\n"
        return text.encode("utf-8", "surrogateescape")


def _memory_kib(process: Process) -> tuple[int, int]:
    """(mapped, resident) KiB of a process."""
    if process.is_zombie:
        return 0, 0
    space = process.aspace
    size = resident = 0
    for area in space.areas:
        size += area.end - area.start
        resident += sum(leaf.size_bytes for leaf in space.page_table.leaves(area.start, area.end))
    return size >> 10, resident >> 10


def _limits_text(process: Process) -> bytes:
    rows = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}"]
    for name, unit, resource in _LIMIT_NAMES:
        soft, hard = (
            "unlimited" if value == INFINITY else str(value)
            for value in process.limits.get(resource)
        )
        rows.append(f"{name:<25} {soft:<20} {hard:<20} {unit:<10}")
    return ("\n".join(rows) + "\n").encode()
