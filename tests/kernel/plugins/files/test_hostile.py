"""Random arguments: only results and errnos may come out of any file call."""

from __future__ import annotations

import importlib
import random
import time
from typing import Any

from kernel.crates.errno import AxError, LinuxError
from kernel.modules.axtask.task import WaitOutcome

FAMILIES = ["attr", "copy", "cwd", "dir", "fd", "fsctl", "io", "ioctl", "open", "pipe", "poll"]
FAMILIES += ["stat"]
TUPLES = 20_000
U64 = (1 << 64) - 1
ODD = [0, 1, 2, 3, 7, 8, 16, 24, 255, 4095, 4096, 4097, 65536, 1 << 31, (1 << 31) - 1, 1 << 32,
       1 << 40, 1 << 47, 1 << 62, (1 << 63) - 1, 1 << 63, U64, U64 - 99, U64 - 1,
       0x5401, 0x5402, 0x5404, 0x540B, 0x540F, 0x5410, 0x5413, 0x5414, 0x541B, 0x5421, 0x802C542A,
       0o100, 0o101, 0o102, 0o2102, 0o4000, 0o1102, 0o200000, 0o10000000, 0x1000,
       0x100]  # fmt: skip
PATHS = ["/tmp", "/tmp/f", "f", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/tty",
         "/proc/self/maps", "/proc/self/fd/0", "/proc/self/fd", "/proc", "/", "..", "/tmp/fifo",
         "", "/tmp/dir", "/tmp/dir/x", "/proc/self/stat", "/proc/cpuinfo", "/etc/passwd", "x/y",
         "/tmp/link", "/dev/fd/1", "user.x", "/proc/sys/vm"]  # fmt: skip


def handlers() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for family in FAMILIES:
        calls = importlib.import_module(f"kernel.plugins.starry.api.{family}").CALLS
        found += sorted(calls.items())
    return found


def storm(guest: Any, seed: int, rounds: int, names: list[tuple[str, Any]]) -> dict[str, int]:
    rng = random.Random(seed)
    page = guest.scratch + 0x4000
    places = [guest.put(path) for path in PATHS]
    guest("mknod", "/tmp/fifo", 0o010644, 0)
    guest("mkdir", "/tmp/dir", 0o755)
    guest("symlink", "/tmp/link", "/tmp/link")

    def argument() -> int:
        kind = rng.random()
        if kind < 0.08:
            return U64 - 99  # AT_FDCWD
        if kind < 0.25:
            return rng.randrange(-2, 12) & U64
        if kind < 0.5:
            return rng.choice(places)
        if kind < 0.7:
            return page + rng.choice([0, 1, 8, 100, 0x4000 - 3, 0xC000, 0xBFF9])
        if kind < 0.95:
            return rng.choice(ODD)
        return rng.getrandbits(64)

    outcomes: dict[str, int] = {}
    for round_number in range(rounds):
        name, handler = names[round_number % len(names)]
        if not round_number % 500:
            guest.t.mem.write(page, rng.randbytes(2048) + bytes(2048))
            guest.t.process.signal.pending.flush(U64)
            guest.t.signal.pending.flush(U64)
        count = handler.__code__.co_argcount - 1
        args = tuple(argument() for _ in range(count))
        guest.t.resumed, guest.t.wait_state = WaitOutcome.NONE, None
        begun = time.perf_counter()
        try:
            result = handler(guest.t, *args)
            outcomes[name] = outcomes.get(name, 0) + 1
            assert isinstance(result, int), (name, args)
            if result == -(1 << 65) and rng.random() < 0.5:  # waits: a signal comes
                guest.t.resumed = WaitOutcome.SIGNAL
                handler(guest.t, *args)
        except (LinuxError, AxError):
            pass
        assert time.perf_counter() - begun < 5, f"{name}{args} takes too long"
    return outcomes


def test_random_arguments(guest: Any) -> None:
    outcomes = storm(guest, 1, TUPLES, handlers())
    assert len(outcomes) > 50  # the storm is not all errors


def test_random_arguments_on_aarch64(guest_class: Any) -> None:
    storm(guest_class("aarch64", stdio=("pipe", "file", "null")), 2, 4000, handlers())
