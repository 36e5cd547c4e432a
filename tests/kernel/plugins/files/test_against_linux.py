"""The same random file operations here and on the host's tmpfs must give the same errno."""

# The system calls themselves are compared, so pathlib would be in the way:
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH109, PTH115, PTH116, PTH208, PTH211

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from kernel.crates.errno import LinuxError

pytestmark = pytest.mark.skipif(
    not Path("/dev/shm").is_dir() or os.geteuid() != 0, reason="needs root and a host tmpfs"
)
NAMES = ["a", "b", "c", "a/x", "a/y", "b/x", "b/y", "a/x/z", "c/x", "a/x/z/w"]
ODD = ["", ".", "..", "a/", "b//", "./a", "a/.", "a/..", "a/../b", "x" * 256, "a/x/", "c/", "..."]
TARGETS = ["a", "b", "../a", "c", "loop", "x/", ".", "a/x", "missing", "/tmp/w/a", ""]
FLAGS = [0, 1, 2, 0o100, 0o101, 0o300, 0o301, 0o1001, 0o1102, 0o200000, 0o400000, 0o200101, 0o2002,
         0o10000000, 0o12000000, 0o3, 0o1000, 0o400100, 0o200300, 0o401000]  # fmt: skip


OPERATIONS = ["mkdir", "rmdir", "unlink", "symlink", "symlink", "link", "rename", "rename", "open",
              "open", "write", "truncate", "stat", "lstat", "readlink", "list",
              "access"]  # fmt: skip


class Host:
    """Does an operation below a directory of the host."""

    def __init__(self, top: str) -> None:
        self.top = top

    def path(self, name: str) -> str:
        return name.replace("/tmp/w", self.top) if name.startswith("/tmp/w") else name

    def do(self, op: str, *args: Any) -> Any:
        try:
            return getattr(self, op)(*args)
        except OSError as error:
            return f"E{error.errno}"

    def mkdir(self, a: str) -> Any:
        os.mkdir(self.path(a), 0o755)

    def rmdir(self, a: str) -> Any:
        os.rmdir(self.path(a))

    def unlink(self, a: str) -> Any:
        os.unlink(self.path(a))

    def symlink(self, target: str, a: str) -> Any:
        os.symlink(self.path(target), self.path(a))

    def link(self, a: str, b: str) -> Any:
        os.link(self.path(a), self.path(b), follow_symlinks=False)

    def rename(self, a: str, b: str) -> Any:
        os.rename(self.path(a), self.path(b))

    def open(self, a: str, flags: int) -> Any:
        os.close(os.open(self.path(a), flags, 0o644))

    def write(self, a: str, size: int) -> Any:
        fd = os.open(self.path(a), os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            return os.pwrite(fd, b"z" * size, size)
        finally:
            os.close(fd)

    def truncate(self, a: str, size: int) -> Any:
        os.truncate(self.path(a), size)

    def stat(self, a: str) -> Any:
        return self._facts(os.stat(self.path(a)))

    def lstat(self, a: str) -> Any:
        return self._facts(os.lstat(self.path(a)))

    def _facts(self, s: os.stat_result) -> Any:
        is_dir = s.st_mode >> 12 == 4
        is_link = s.st_mode >> 12 == 10
        return (s.st_mode, s.st_nlink, "-" if is_dir or is_link else s.st_size, s.st_uid)

    def readlink(self, a: str) -> Any:
        return os.readlink(self.path(a)).replace(self.top, "/tmp/w")

    def list(self, a: str) -> Any:
        return sorted(os.listdir(self.path(a))) if a else None

    def chdir(self, a: str) -> Any:
        os.chdir(self.path(a))
        return os.getcwd().replace(self.top, "/tmp/w")

    def access(self, a: str, mode: int) -> Any:
        return os.access(self.path(a), mode)


class Ours:
    """Does the same here."""

    def __init__(self, guest: Any) -> None:
        self.g = guest

    def do(self, op: str, *args: Any) -> Any:
        try:
            return getattr(self, op)(*args)
        except LinuxError as error:
            return f"E{int(error.errno)}"

    def mkdir(self, a: str) -> Any:
        self.g("mkdir", a, 0o755)

    def rmdir(self, a: str) -> Any:
        self.g("rmdir", a)

    def unlink(self, a: str) -> Any:
        self.g("unlink", a)

    def symlink(self, target: str, a: str) -> Any:
        self.g("symlink", target, a)

    def link(self, a: str, b: str) -> Any:
        self.g("link", a, b)

    def rename(self, a: str, b: str) -> Any:
        self.g("rename", a, b)

    def open(self, a: str, flags: int) -> Any:
        self.g("close", self.g("open", a, flags, 0o644))

    def write(self, a: str, size: int) -> Any:
        fd = self.g("open", a, 0o101, 0o644)
        try:
            return self.g("pwrite64", fd, b"z" * size, size, size)
        finally:
            self.g("close", fd)

    def truncate(self, a: str, size: int) -> Any:
        self.g("truncate", a, size)

    def stat(self, a: str) -> Any:
        return self._facts("stat", a)

    def lstat(self, a: str) -> Any:
        return self._facts("lstat", a)

    def _facts(self, call: str, a: str) -> Any:
        buf = self.g.room(144)
        self.g(call, a, buf)
        raw = self.g.get(buf, 144)
        mode = int.from_bytes(raw[24:28], "little")
        size = int.from_bytes(raw[48:56], "little")
        return (
            mode,
            int.from_bytes(raw[16:24], "little"),
            "-" if mode >> 12 in (4, 10) else size,
            int.from_bytes(raw[28:32], "little"),
        )

    def readlink(self, a: str) -> Any:
        buf = self.g.room(512)
        return self.g.get(buf, self.g("readlink", a, buf, 512)).decode()

    def list(self, a: str) -> Any:
        if not a:
            return None
        fd = self.g("open", a, 0, 0)
        names: list[str] = []
        try:
            buf = self.g.room(4096)
            while size := self.g("getdents64", fd, buf, 200):
                raw = self.g.get(buf, size)
                while raw:
                    length = int.from_bytes(raw[16:18], "little")
                    names.append(raw[19:length].split(b"\0")[0].decode())
                    raw = raw[length:]
        finally:
            self.g("close", fd)
        return sorted(set(names) - {".", ".."})

    def chdir(self, a: str) -> Any:
        self.g("chdir", a)
        buf = self.g.room(4096)
        return self.g.get(buf, self.g("getcwd", buf, 4096) - 1).decode()

    def access(self, a: str, mode: int) -> Any:
        try:
            return self.g("access", a, mode) == 0
        except LinuxError:
            return False


def _random_op(rng: random.Random) -> tuple[Any, ...]:
    def name() -> str:
        base = rng.choice(NAMES) if rng.random() < 0.85 else rng.choice(ODD)
        return f"/tmp/w/{base}" if rng.random() < 0.3 and base else base

    op = rng.choice(OPERATIONS)
    if op in ("link", "rename"):
        return op, name(), name()
    if op == "symlink":
        return op, rng.choice(TARGETS), name()
    if op == "open":
        return op, name(), rng.choice(FLAGS)
    if op == "write":
        return op, name(), rng.choice([1, 10, 5000])
    if op == "truncate":
        return op, name(), rng.choice([0, 3, 4096, 100000])
    if op == "access":
        return op, name(), rng.randrange(8)
    return op, name()


@pytest.mark.parametrize("seed", range(10))
def test_same_as_host(guest: Any, seed: int) -> None:
    rng = random.Random(seed)
    top = tempfile.mkdtemp(dir="/dev/shm")
    before = Path.cwd()
    old_umask = os.umask(0o022)
    try:
        host, ours = Host(f"{top}/w"), Ours(guest)
        os.chmod(top, 0o1777)
        os.mkdir(f"{top}/w", 0o700)
        guest("mkdir", "/tmp/w", 0o700)
        host.do("chdir", "/tmp/w")
        ours.do("chdir", "/tmp/w")
        history: list[Any] = []
        for _ in range(500):
            op = _random_op(rng)
            theirs, mine = host.do(*op), ours.do(*op)
            history.append((op, theirs))
            assert mine == theirs, f"after {history[-12:]}"
        assert guest.kernel.fs.lookup("/tmp").fs.node_count < 60
    finally:
        os.chdir(before)
        os.umask(old_umask)
        shutil.rmtree(top)
