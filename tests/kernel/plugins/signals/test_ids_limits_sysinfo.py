"""Ids, groups, sessions, limits, usage, uname, sysinfo, getrandom, priorities."""

from __future__ import annotations

import struct
from typing import Any

from kernel.crates.errno import Errno
from kernel.plugins.starry.api import ids, limits, priority, random, sysinfo
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.limits import INFINITY

BUF, BUF2, BAD = 0x10_0000, 0x10_1000, 0xDEAD_0000
KEEP = 0xFFFF_FFFF
U64 = (1 << 64) - 1


def test_root_and_leaving_it(x86: Any) -> None:
    assert x86.call(ids.sys_getuid) == x86.call(ids.sys_geteuid) == 0
    assert x86.call(ids.sys_getgid) == x86.call(ids.sys_getegid) == 0
    assert x86.call(ids.sys_setuid, KEEP) == -Errno.EINVAL
    assert x86.call(ids.sys_setresuid, 1000, 1001, 0) == 0
    assert x86.call(ids.sys_getresuid, BUF, BUF + 4, BUF + 8) == 0
    assert struct.unpack("<3I", x86.mem.read(BUF, 12)) == (1000, 1001, 0)
    assert x86.call(ids.sys_setuid, 5) == -Errno.EPERM
    assert x86.call(ids.sys_setresuid, KEEP, 5, KEEP) == -Errno.EPERM
    assert x86.call(ids.sys_setfsuid, 77) == 1001
    assert x86.call(ids.sys_setfsuid, 1000) == 1001
    assert x86.call(ids.sys_setuid, 0) == 0  # the saved id is root's
    assert x86.call(ids.sys_geteuid) == 0
    assert x86.call(ids.sys_setuid, 9) == 0
    assert x86.call(ids.sys_setuid, 0) == -Errno.EPERM


def test_setreuid_saves(x86: Any) -> None:
    assert x86.call(ids.sys_setreuid, KEEP, 1000) == 0
    who = identity_of(x86.process)
    assert (who.ruid, who.euid, who.suid) == (0, 1000, 1000)
    assert x86.call(ids.sys_setreuid, KEEP, 0) == 0
    assert (who.ruid, who.euid, who.suid) == (0, 0, 1000)


def test_group_ids(x86: Any) -> None:
    assert x86.call(ids.sys_setresgid, 1, 2, 3) == 0
    assert x86.call(ids.sys_getresgid, BUF, BUF + 4, BUF + 8) == 0
    assert struct.unpack("<3I", x86.mem.read(BUF, 12)) == (1, 2, 3)
    assert x86.call(ids.sys_setgid, 7) == 0 and x86.call(ids.sys_getegid) == 7


def test_supplementary_groups(x86: Any) -> None:
    x86.mem.write(BUF, struct.pack("<3I", 30, 10, 20))
    assert x86.call(ids.sys_setgroups, 3, BUF) == 0
    assert x86.call(ids.sys_getgroups, 0, BAD) == 3
    assert x86.call(ids.sys_getgroups, 2, BUF) == -Errno.EINVAL
    assert x86.call(ids.sys_getgroups, 5, BUF2) == 3
    assert struct.unpack("<3I", x86.mem.read(BUF2, 12)) == (10, 20, 30)
    assert x86.call(ids.sys_setgroups, 70_000, BUF) == -Errno.EINVAL
    assert x86.call(ids.sys_setgroups, 1, BAD) == -Errno.EFAULT


def test_children_inherit_ids(x86: Any) -> None:
    x86.call(ids.sys_setuid, 12)
    child = x86.fork(x86.process)
    assert identity_of(child).euid == 12
    identity_of(child).euid = 13
    assert identity_of(x86.process).euid == 12


def test_process_groups(x86: Any) -> None:
    mine = x86.process.pid
    child = x86.fork(x86.process)
    assert x86.call(ids.sys_getpgid, 0) == x86.call(ids.sys_getpgrp) == 2
    assert x86.call(ids.sys_getsid, 0) == 2
    assert x86.call(ids.sys_setpgid, 0, 0) == 0
    assert x86.call(ids.sys_getpgrp) == mine
    assert x86.call(ids.sys_setpgid, child.pid, mine) == 0
    assert x86.call(ids.sys_getpgid, child.pid) == mine
    assert x86.call(ids.sys_setpgid, 0, U64) == -Errno.EINVAL
    assert x86.call(ids.sys_setpgid, 999, 0) == -Errno.ESRCH
    assert x86.call(ids.sys_setpgid, child.pid, 999) == -Errno.EPERM
    child.has_execed = True
    assert x86.call(ids.sys_setpgid, child.pid, 0) == -Errno.EACCES
    assert x86.call(ids.sys_getpgid, 999) == -Errno.ESRCH
    assert x86.call(ids.sys_setsid) == -Errno.EPERM  # it leads a group
    thread = next(iter(child.threads.values()))
    assert x86.call(ids.sys_setsid, thread=thread) == child.pid
    assert x86.call(ids.sys_getsid, child.pid) == child.pid


def test_capabilities(x86: Any) -> None:
    x86.mem.write(BUF, struct.pack("<Ii", 0x20080522, 0))
    assert x86.call(ids.sys_capget, BUF, BUF2) == 0
    assert struct.unpack("<6I", x86.mem.read(BUF2, 24)) == (KEEP, KEEP, 0, 0x1FF, 0x1FF, 0)
    x86.mem.write(BUF, struct.pack("<Ii", 1, 0))
    assert x86.call(ids.sys_capget, BUF, BUF2) == -Errno.EINVAL
    assert x86.mem.read_u32(BUF) == 0x20080522
    x86.mem.write(BUF, struct.pack("<Ii", 1, 0))
    assert x86.call(ids.sys_capget, BUF, 0) == 0
    assert x86.call(ids.sys_capset, BUF, BUF2) == 0


def test_limits(x86: Any) -> None:
    assert x86.call(limits.sys_getrlimit, 3, BUF) == 0
    assert struct.unpack("<QQ", x86.mem.read(BUF, 16)) == (8 << 20, INFINITY)
    assert x86.call(limits.sys_getrlimit, 16, BUF) == -Errno.EINVAL
    x86.mem.write(BUF, struct.pack("<QQ", 100, 50))
    assert x86.call(limits.sys_setrlimit, 7, BUF) == -Errno.EINVAL
    assert x86.call(limits.sys_setrlimit, 16, BAD) == -Errno.EFAULT
    x86.mem.write(BUF, struct.pack("<QQ", 100, 1 << 21))
    assert x86.call(limits.sys_prlimit64, 0, 7, BUF, 0) == -Errno.EPERM
    x86.mem.write(BUF, struct.pack("<QQ", 100, 200))
    assert x86.call(limits.sys_prlimit64, 0, 7, BUF, BUF2) == 0
    assert struct.unpack("<QQ", x86.mem.read(BUF2, 16)) == (1024, 1 << 20)
    assert x86.call(limits.sys_prlimit64, x86.process.pid, 7, 0, BUF2) == 0
    assert struct.unpack("<QQ", x86.mem.read(BUF2, 16)) == (100, 200)
    assert x86.call(limits.sys_prlimit64, 999, 7, 0, BUF2) == -Errno.ESRCH
    assert x86.call(limits.sys_prlimit64, 0, 99, 0, 0) == -Errno.EINVAL


def test_usage(x86: Any) -> None:
    x86.thread.task.cpu_time_ns = 1_500_000_000
    assert x86.call(limits.sys_getrusage, 0, BUF) == 0
    assert struct.unpack("<4q", x86.mem.read(BUF, 32)) == (1, 500_000, 0, 0)
    assert x86.call(limits.sys_getrusage, U64, BUF) == 0
    assert x86.mem.read(BUF, 144) == bytes(144)
    assert x86.call(limits.sys_getrusage, 2, BUF) == -Errno.EINVAL
    x86.events.time_ns = 2_000_000_000
    assert x86.call(limits.sys_times, BUF) == 200
    assert struct.unpack("<4q", x86.mem.read(BUF, 32)) == (150, 0, 0, 0)


def test_uname(machine: Any) -> None:
    assert machine.call(sysinfo.sys_uname, BUF) == 0
    raw = machine.mem.read(BUF, 390)
    words = [raw[i : i + 65].split(b"\0")[0].decode() for i in range(0, 390, 65)]
    assert words[0] == "Linux" and words[1] == "arceos"
    assert int(words[2].split(".")[0]) >= 5
    assert words[4] == machine.arch.name and words[5] == "(none)"
    assert machine.call(sysinfo.sys_uname, BAD) == -Errno.EFAULT


def test_sysinfo(x86: Any) -> None:
    x86.events.time_ns = 1_500_000_000
    assert x86.call(sysinfo.sys_sysinfo, BUF) == 0
    raw = x86.mem.read(BUF, 112)
    assert struct.unpack_from("<q", raw) == (2,)
    assert struct.unpack_from("<2Q", raw, 32) == (1000 * 4096, 900 * 4096)
    assert struct.unpack_from("<H", raw, 80) == (1,)
    assert struct.unpack_from("<I", raw, 104) == (1,)


def test_refused(x86: Any) -> None:
    assert x86.call(sysinfo.sys_sethostname, BUF, 3) == -Errno.EPERM
    assert x86.call(sysinfo.sys_syslog, 3, BUF, 3) == -Errno.EPERM
    assert x86.call(sysinfo.sys_reboot, 0, 0, 0, 0) == -Errno.EINVAL
    assert x86.call(sysinfo.sys_reboot, 0xFEE1_DEAD, 0, 0, 0) == -Errno.EPERM


def test_getrandom(x86: Any) -> None:
    assert x86.call(random.sys_getrandom, BUF, 100, 1) == 100
    first = x86.mem.read(BUF, 100)
    assert len(set(first)) > 30
    assert x86.call(random.sys_getrandom, BUF, 100, 0) == 100
    assert x86.mem.read(BUF, 100) != first
    assert x86.call(random.sys_getrandom, BUF, 1, 8) == -Errno.EINVAL
    assert x86.call(random.sys_getrandom, BUF, 1, 6) == -Errno.EINVAL
    assert x86.call(random.sys_getrandom, BAD, 1, 0) == -Errno.EFAULT
    assert x86.call(random.sys_getrandom, BAD, 0, 0) == 0
    assert x86.call(random.sys_getrandom, BUF + 0x2000, 0x9000, 0) == 0x2000  # as far as it goes


def test_priorities(x86: Any) -> None:
    assert x86.call(priority.sys_getpriority, 0, 0) == 20
    assert x86.call(priority.sys_setpriority, 0, 0, 100) == 0
    assert x86.call(priority.sys_getpriority, 0, x86.thread.tid) == 1
    assert x86.call(priority.sys_getpriority, 9, 0) == -Errno.EINVAL
    assert x86.call(priority.sys_getpriority, 0, 999) == -Errno.ESRCH
    assert x86.call(priority.sys_sched_getscheduler, 0) == 0
    x86.mem.write_u32(BUF, 10)
    assert x86.call(priority.sys_sched_setscheduler, 0, 1, BUF) == 0
    assert x86.call(priority.sys_sched_getscheduler, x86.thread.tid) == 1
    assert x86.call(priority.sys_sched_getparam, 0, BUF2) == 0
    assert x86.mem.read_u32(BUF2) == 10
    assert x86.call(priority.sys_sched_setscheduler, 0, 0, BUF) == -Errno.EINVAL
    assert x86.call(priority.sys_sched_get_priority_max, 2) == 99
    assert x86.call(priority.sys_sched_get_priority_min, 0) == 0
    assert x86.call(priority.sys_sched_get_priority_min, 4) == -Errno.EINVAL
