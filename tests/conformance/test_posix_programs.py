"""Threads and semaphores of the Open POSIX Test Suite: each program ends as on Linux.

Linux is this host with its own build, for every architecture, because qemu-user has neither robust
nor priority-inheriting futexes. A program that hangs on Linux has to be told as a deadlock here.
`build_posix.py` builds them; what is not there is skipped.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from kernel.control import Panicked
from tests.conformance.oracle import Command, linux_runner, programs_home, run_here, run_linux

HANGS = -1
CASES = [
    ("x86_64", 1, "cfs"), ("x86_64", 4, "rr"), ("x86_64-glibc", 2, "cfs"), ("riscv64", 4, "cfs"),
    ("aarch64", 2, "rr"), ("loongarch64", 2, "cfs"),
]  # fmt: skip
#: What they do is undefined, or depends on more than the kernel.
LEFT_OUT = {
    "pthread_barrier_wait-6-1": "waits on a barrier that was never made",
    "pthread_cond_init-1-3": "shares a private condition variable between processes",
    "sem_unlink-4-1": "reads a name that was never written",
    "sem_unlink-2-2": "executes the computer's ls",
    "sem_post-8-1": "two of its processes race for the semaphore where there are two CPUs",
    "pthread_create-1-6": "runs without end with glibc, on Linux too",
    **dict.fromkeys(
        (
            "pthread_spin_lock-1-1",
            "pthread_spin_lock-1-2",
            "pthread_spin_lock-3-1",
            "pthread_spin_lock-3-2",
            "pthread_spin_unlock-1-2",
        ),
        "spins for seconds of virtual time",
    ),
}


def status_on_linux(path: Path) -> int:
    try:
        return run_linux("x86_64", path, Command(path.name), timeout_s=20).status
    except subprocess.TimeoutExpired:
        return HANGS


@cache
def statuses(home: Path) -> dict[str, int]:
    """How every program in a directory ends on this host."""
    paths = [path for path in sorted(home.iterdir()) if path.name not in LEFT_OUT]
    with ThreadPoolExecutor(8) as pool:
        return {p.name: s for p, s in zip(paths, pool.map(status_on_linux, paths), strict=True)}


def status_here(path: Path, cpus: int, scheduler: str) -> int:
    try:
        command = Command(path.name, cpus=cpus, scheduler=scheduler)
        return run_here(path.read_bytes(), command).status
    except Panicked as panic:
        assert "deadlock" in str(panic)
        return HANGS


@pytest.mark.parametrize(("target", "cpus", "scheduler"), CASES)
def test_ends_as_on_linux(target: str, cpus: int, scheduler: str) -> None:
    home = programs_home() / target / "posix"
    native = programs_home() / (target if target.startswith("x86_64") else "x86_64") / "posix"
    if not home.exists() or not native.exists():
        pytest.skip(f"no {target}/posix: build it with tests/conformance/build_posix.py")
    if linux_runner("x86_64") != []:
        pytest.skip("this host runs no x86_64 programs")
    want = statuses(native)
    names = [path.name for path in sorted(home.iterdir()) if path.name in want]
    differing: dict[str, tuple[int, int]] = {}
    for name in names:
        here = status_here(home / name, cpus, scheduler)
        tries = 1
        while here != want[name] and tries < 3:  # a busy host makes some of them fail on Linux
            want[name] = status_on_linux(native / name)
            tries += 1
        if here != want[name]:
            differing[name] = (want[name], here)
    assert not differing, "name: (Linux, here)"
