"""What there is in /proc: the names, and the texts that never change. Source: proc(5)."""

from __future__ import annotations

PID_FILES = (
    "auxv",
    "cgroup",
    "cmdline",
    "comm",
    "environ",
    "io",
    "limits",
    "loginuid",
    "maps",
    "mountinfo",
    "mounts",
    "oom_score",
    "oom_score_adj",
    "personality",
    "schedstat",
    "smaps",
    "stat",
    "statm",
    "status",
    "timerslack_ns",
    "wchan",
)
PID_LINKS = ("cwd", "exe", "root")
SYSTEM_FILES = (
    "cmdline",
    "cpuinfo",
    "devices",
    "filesystems",
    "interrupts",
    "loadavg",
    "meminfo",
    "partitions",
    "stat",
    "swaps",
    "uptime",
    "version",
    "vmstat",
)
#: Fixed texts: those ArceOS's procfs has, and what C libraries read. None: made by the kernel form.
SYS_TEXTS: dict[str, bytes | None] = {
    "sys/fs/file-max": b"1024\n",
    "sys/fs/nr_open": b"1048576\n",
    "sys/fs/pipe-max-size": b"1048576\n",
    "sys/kernel/cap_last_cap": b"40\n",
    "sys/kernel/core_pattern": b"core\n",
    "sys/kernel/hostname": b"arceos\n",
    "sys/kernel/ngroups_max": b"65536\n",
    "sys/kernel/osrelease": b"6.6.0-arcetui\n",
    "sys/kernel/ostype": b"Linux\n",
    "sys/kernel/pid_max": b"32768\n",
    "sys/kernel/random/boot_id": b"00000000-0000-4000-8000-000000000001\n",
    "sys/kernel/random/entropy_avail": b"256\n",
    "sys/kernel/random/uuid": None,
    "sys/kernel/randomize_va_space": b"0\n",
    "sys/kernel/shmmax": b"18446744073692774399\n",
    "sys/kernel/threads-max": b"32768\n",
    "sys/kernel/version": b"#1 SMP PREEMPT_DYNAMIC Sun Jun  1 00:00:00 UTC 2025\n",
    "sys/net/core/somaxconn": b"4096\n",
    "sys/vm/max_map_count": b"65530\n",
    "sys/vm/overcommit_memory": b"0\n",
    "sys/vm/swappiness": b"60\n",
}
#: Files of a process that can be written.
WRITABLE_FILES = ("comm", "oom_score_adj", "timerslack_ns")
