"""Calls made in the first thread's name: what the oracle programs cannot or need not show."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kernel.crates.errno import Errno
from kernel.crates.event import EventKind
from kernel.modules.axtask.task import TaskState, WaitOutcome
from kernel.plugins.starry.api.abi import BLOCKED
from kernel.plugins.starry.core.futex import in_wake_order

RW, PRIVATE_ANON, FIXED = 3, 0x22, 0x10
FREE = 0x1000_0000


def test_mappings_go_down_from_the_top(guest: Any) -> None:
    top = guest.starry.layout.mmap_top
    first = guest("mmap", 0, 0x1000, RW, PRIVATE_ANON, -1, 0)
    second = guest("mmap", 0, 0x3000, RW, PRIVATE_ANON, -1, 0)
    assert (first, second) == (top - 0x1000, top - 0x4000)
    assert guest("munmap", first, 0x1000) == 0
    assert guest("mmap", 0, 0x1000, RW, PRIVATE_ANON, -1, 0) == first


def test_a_piece_larger_than_all_memory_is_refused_unless_unreserved(guest: Any) -> None:
    huge = 64 << 20
    assert guest("mmap", 0, huge, RW, PRIVATE_ANON, -1, 0) == -Errno.ENOMEM
    assert guest("mmap", 0, huge, RW, PRIVATE_ANON | 0x4000, -1, 0) > 0
    assert guest("mmap", 0, huge, 0, PRIVATE_ANON, -1, 0) > 0


def test_populate_brings_pages_in_at_once(guest: Any) -> None:
    va = guest("mmap", FREE, 0x4000, RW, PRIVATE_ANON | FIXED | 0x8000, -1, 0)
    assert all(guest.aspace.is_mapped(va + at) for at in range(0, 0x4000, 0x1000))
    assert guest("mmap", FREE, 0x4000, 0, PRIVATE_ANON | FIXED | 0x8000, -1, 0) == va
    assert not guest.aspace.is_mapped(va)


def test_map_32bit_stays_low_and_leaves_brk_alone(guest: Any) -> None:
    va = guest("mmap", 0, 0x1000, RW, PRIVATE_ANON | 0x40, -1, 0)
    assert va == 0x8000_0000 - 0x1000
    start = guest("brk", 0)
    assert guest("brk", start + 0x10_0000) == start + 0x10_0000


def test_brk_reports_events_and_gives_zeroed_memory(guest: Any) -> None:
    guest.system.board.events.record()
    start = guest("brk", 0)
    assert guest("brk", start + 100) == start + 100
    guest.t.mem.write(start, b"x" * 100)
    assert guest("brk", start) == start
    assert guest("brk", start + 100) == start + 100
    assert guest.t.mem.read(start, 100) == bytes(100)
    events = guest.system.board.events.events(0, 1 << 60)
    brks = [(e["old"], e["new"]) for e in events if e.kind is EventKind.BRK]
    assert brks == [(start, start + 100), (start + 100, start), (start, start + 100)]
    assert guest("brk", guest.starry.layout.stack_top) == start + 100


def test_mremap_moves_frames_without_copying(guest: Any) -> None:
    va = guest("mmap", FREE, 0x2000, RW, PRIVATE_ANON | FIXED, -1, 0)
    guest.t.mem.write(va, b"moved")
    pa = guest.aspace.page_table.find(va).entry
    new = guest("mremap", va, 0x2000, 0x8000, 3, FREE + 0x10_0000)
    assert new == FREE + 0x10_0000
    assert guest.aspace.page_table.find(new).entry == pa
    assert guest.t.mem.read(new, 5) == b"moved"
    assert not guest.aspace.areas.overlaps(va, va + 0x2000)


def test_futex_waits_and_is_woken(guest: Any) -> None:
    va = guest("mmap", FREE, 0x1000, RW, PRIVATE_ANON | FIXED, -1, 0)
    assert guest("futex", va, 0x80, 1, 0, 0, 0) == -Errno.EAGAIN
    assert guest("futex", va, 0x80, 0, 0, 0, 0) == BLOCKED
    assert guest.t.task.state is TaskState.BLOCKED
    assert guest("futex", va, 0x81, 5, 0, 0, 0) == 1
    assert guest.t.task.outcome is WaitOutcome.WOKEN
    guest.t.resumed = WaitOutcome.WOKEN
    assert guest("futex", va, 0x80, 0, 0, 0, 0) == 0
    assert not any(name.startswith("futex") for name in guest.kernel.tasks.wait_queues)


def test_futex_wakes_real_time_waiters_by_priority(guest: Any) -> None:
    policies = {1: (0, 0), 2: (1, 5), 3: (2, 7), 4: (3, 0), 5: (1, 7)}  # other, FIFO, RR, batch
    threads = {tid: SimpleNamespace(policy=policy) for tid, policy in policies.items()}
    t: Any = SimpleNamespace(starry=SimpleNamespace(threads=threads))
    queue: Any = SimpleNamespace(waiters=(4, 1, 2, 3, 9, 5))
    assert in_wake_order(t, queue) == [3, 5, 2, 4, 1, 9]


def test_futex_bitsets_choose_and_requeue_moves(guest: Any) -> None:
    va = guest("mmap", FREE, 0x1000, RW, PRIVATE_ANON | FIXED, -1, 0)
    assert guest("futex", va, 9, 0, 0, 0, 0b100) == BLOCKED
    assert guest("futex", va, 10, 1, 0, 0, 0b011) == 0
    assert guest("futex", va, 3, 0, 1, va + 4, 0) == 1
    assert guest("futex", va, 1, 1, 0, 0, 0) == 0
    assert guest("futex", va + 4, 10, 1, 0, 0, 0b110) == 1


@pytest.mark.parametrize(
    ("outcome", "has_timeout", "errno"),
    [
        (WaitOutcome.TIMEOUT, True, Errno.ETIMEDOUT),
        (WaitOutcome.SIGNAL, True, Errno.EINTR),
        (WaitOutcome.SIGNAL, False, Errno.ERESTARTSYS),
    ],
)
def test_futex_waits_end_otherwise(
    guest: Any, outcome: WaitOutcome, has_timeout: bool, errno: Errno
) -> None:
    va = guest("mmap", FREE, 0x1000, RW, PRIVATE_ANON | FIXED, -1, 0)
    guest.t.resumed = outcome
    assert guest("futex", va, 0, 0, va + 64 if has_timeout else 0, 0, 0) == -errno


def test_robust_list_and_tid_address(guest: Any) -> None:
    va = guest("mmap", FREE, 0x1000, RW, PRIVATE_ANON | FIXED, -1, 0)
    assert guest("set_robust_list", va, 24) == 0
    assert guest("get_robust_list", 0, va + 8, va + 16) == 0
    assert (guest.t.mem.read_u64(va + 8), guest.t.mem.read_u64(va + 16)) == (va, 24)
    assert guest("get_robust_list", 12345, va, va) == -Errno.ESRCH
    assert guest("set_tid_address", va) == guest.t.tid == guest("gettid")


def test_rseq_tells_the_cpu_and_aborts_a_critical_section(guest: Any) -> None:
    from kernel.plugins.starry.core.faults import resume_rseq

    va = guest("mmap", FREE, 0x1000, RW, PRIVATE_ANON | FIXED, -1, 0)
    guest.t.mem.write_u64(va, 0xFFFF_FFFF_0000_0000)
    assert guest("rseq", va, 32, 0, 0x53) == 0
    assert guest.t.mem.read_u64(va) == 0
    section, abort = va + 64, va + 0x104
    guest.t.mem.write_u32(abort - 4, 0x53)
    for at, value in ((8, 0x40_0200), (16, 0x20), (24, abort)):
        guest.t.mem.write_u64(section + at, value)
    guest.t.mem.write_u64(va + 8, section)
    guest.cpu.pc = 0x40_0210
    resume_rseq(guest.t, guest.cpu)
    assert guest.cpu.pc == abort and guest.t.mem.read_u64(va + 8) == 0
    assert guest("rseq", va, 32, 1, 0x53) == 0
    assert guest("rseq", va, 32, 1, 0x53) == -Errno.EINVAL


def test_proc_shows_the_process(guest: Any) -> None:
    fs = guest.kernel.fs
    pid = guest.t.process.pid

    def read(path: str) -> str:
        return fs.lookup(path).read_at(0, 1 << 16).decode("latin-1")

    maps = read("/proc/self/maps")
    assert maps.splitlines()[0].startswith("00400000-00401000 r-xp 00000000 ")
    assert maps.splitlines()[0].endswith(" /bin/prog")
    assert "[stack]" in maps
    assert read(f"/proc/{pid}/cmdline") == "/bin/prog\0"
    assert read("/proc/self/comm") == "prog\n"
    stat = read("/proc/self/stat").split()
    assert (stat[0], stat[1], len(stat)) == (str(pid), "(prog)", 52)
    assert f"Pid:\t{pid}\n" in read("/proc/self/status")
    assert "Max stack size            8388608" in read("/proc/self/limits")
    assert read("/proc/self/statm").count(" ") == 6
    for name in ("auxv", "environ", "mounts", "smaps"):
        assert read(f"/proc/self/{name}") is not None
    for name in ("cmdline", "cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime"):
        assert read(f"/proc/{name}")
    assert "Linux version" in read("/proc/version")
    assert fs.lookup("/proc/self/exe").attr.kind.name == "FILE"


def test_mincore_over_an_enormous_range_costs_nothing(guest: Any) -> None:
    size = 1 << 40
    va = guest("mmap", 0, size, RW, PRIVATE_ANON | 0x4000, -1, 0)
    vec = guest("mmap", FREE, 0x1000, RW, PRIVATE_ANON | FIXED, -1, 0)
    assert guest("mincore", va, size, vec) == -Errno.EFAULT  # after the first step's bytes
    assert guest("mincore", 0, guest.aspace.end, vec) == -Errno.ENOMEM
