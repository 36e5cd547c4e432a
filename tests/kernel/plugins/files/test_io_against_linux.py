"""Random reads, writes, seeks and cuts of one file, here and on the host's tmpfs."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest

from kernel.crates.errno import LinuxError

pytestmark = pytest.mark.skipif(
    not Path("/dev/shm").is_dir() or not hasattr(os, "SEEK_DATA"), reason="needs a host tmpfs"
)
SIZES = [0, 1, 3, 4095, 4096, 4097, 9000]
OFFSETS = [-1, 0, 1, 4095, 4096, 5000, 12288, 30000, 1 << 40]
FLAGS = [os.O_RDWR, os.O_RDWR | os.O_APPEND, os.O_WRONLY, os.O_RDONLY]


def host(fd: int, op: tuple[Any, ...]) -> Any:
    name, *args = op
    try:
        if name == "read":
            return os.read(fd, args[0])
        if name == "write":
            return os.write(fd, args[0])
        if name == "pread64":
            return os.pread(fd, args[0], args[1])
        if name == "pwrite64":
            return os.pwrite(fd, args[0], args[1])
        if name == "lseek":
            return os.lseek(fd, *args)
        if name == "ftruncate":
            return os.ftruncate(fd, *args) or 0
        return os.fstat(fd).st_size
    except OSError as error:
        return f"E{error.errno}"


def ours(guest: Any, fd: int, op: tuple[Any, ...]) -> Any:
    name, *args = op
    try:
        if name in ("read", "pread64"):
            buf = guest.scratch + 0x9000
            return guest.get(buf, guest(name, fd, buf, *args))
        if name in ("write", "pwrite64"):
            return guest(name, fd, args[0], len(args[0]), *args[1:])
        if name == "size":
            buf = guest.room(144)
            guest("fstat", fd, buf)
            return int.from_bytes(guest.get(buf + 48, 8), "little")
        return guest(name, fd, *args)
    except LinuxError as error:
        return f"E{int(error.errno)}"


def random_op(rng: random.Random) -> tuple[Any, ...]:
    name = rng.choice(
        ["read", "write", "pread64", "pwrite64", "lseek", "lseek", "ftruncate", "size"]
    )
    offset = rng.choice(OFFSETS) + rng.choice([0, 0, 7])
    if name == "read":
        return name, rng.choice(SIZES)
    if name == "write":
        return name, rng.randbytes(rng.choice(SIZES))
    if name == "pread64":
        return name, rng.choice(SIZES), offset
    if name == "pwrite64":
        # Far away is for seeking only: the host would keep what we limit.
        return name, rng.randbytes(rng.choice(SIZES)), min(offset, 40000)
    if name == "lseek":
        return name, min(offset, 50000), rng.randrange(6)
    if name == "ftruncate":
        return name, min(offset, 60000)
    return (name,)


@pytest.mark.parametrize("seed", range(8))
def test_same_as_host(guest: Any, seed: int) -> None:
    rng = random.Random(seed)
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        guest("close", guest.open("/tmp/f", 0o102))
        pairs = [(os.open(file.name, flags), guest.open("/tmp/f", flags)) for flags in FLAGS]
        history: list[Any] = []
        for _ in range(600):
            theirs, mine = pairs[0] if rng.random() < 0.6 else rng.choice(pairs)
            op = random_op(rng)
            expected, found = host(theirs, op), ours(guest, mine, op)
            history.append((mine, op[0], op[1:] if op[0] == "lseek" else len(op)))
            assert found == expected, history[-10:]
        for fd, _ in pairs:
            os.close(fd)
