"""The tree: mounts, the walk, ramfs directories, /dev and /proc."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from kernel.crates.errno import AxError, Errno, KernelError, LinuxError
from kernel.crates.vfs import ROOT_USER, Credentials, VfsDir, VfsNodeOps, VfsNodeType
from kernel.modules.axfs.init import build_root
from kernel.modules.axfs.ramfs import RamFs
from kernel.modules.axfs.root import RootDirectory


class FakeProc:
    """Two processes, the second looks."""

    def pids(self) -> list[int]:
        return [4, 7]

    def current_pid(self) -> int:
        return 7

    def text(self, pid: int, name: str) -> bytes:
        return f"{name} of {pid}\n".encode()

    def link(self, pid: int, name: str) -> str:
        return "/bin/prog" if name == "exe" else ""

    def fds(self, pid: int) -> list[int]:
        return [0, 12]

    def fd_link(self, pid: int, fd: int) -> tuple[str, VfsNodeOps | None]:
        return "pipe:[1]", None

    def fd_perm(self, pid: int, fd: int) -> int:
        return 0o500

    def system_text(self, name: str) -> bytes:
        return f"{name}!\n".encode()


@pytest.fixture
def root(host: Any) -> RootDirectory:
    tree = build_root(host, [("/bin/prog", b"\x7fELFx"), ("/data/deep/er/f.txt", b"hello")])
    tree.proc.fill(FakeProc())
    return tree


def errno_of(call: Any, *args: Any, **options: Any) -> Errno:
    with pytest.raises(KernelError) as caught:
        call(*args, **options)
    error = caught.value
    return error.errno if isinstance(error, LinuxError) else error.to_errno()  # type: ignore[union-attr]


def names(node: Any) -> list[str]:
    return [entry.name for entry in node.read_dir(0)]


def test_files_of_the_recipe(root: RootDirectory) -> None:
    assert root.lookup("/data/deep/er/f.txt").read_at(1, 9) == b"ello"
    assert root.lookup("/bin/prog").attr.perm == 0o755
    assert b"root:x:0:0" in root.lookup("/etc/passwd").read_at(0, 99)
    root.add_file("/data/deep/er/f.txt", b"new")
    assert root.lookup("data/../data/./deep//er/f.txt").read_at(0, 9) == b"new"


def test_dot_dot_crosses_mounts(root: RootDirectory) -> None:
    assert root.lookup("/..") is root.root
    assert root.lookup("/dev/pts/../..") is root.root
    assert root.lookup("/tmp/..") is root.root
    pts = root.lookup("/dev/pts")
    assert root.path_of(pts) == "/dev/pts"
    assert root.path_of(root.lookup("/proc/sys/vm")) == "/proc/sys/vm"
    assert root.path_of(root.root) == "/"
    assert [m.path for m in root.mounts] == ["/", "/dev", "/tmp", "/proc"]


def test_mounts_have_component_boundaries(root: RootDirectory, host: Any) -> None:
    root.root.create("devices", VfsNodeType.DIR, 0o755, ROOT_USER)
    assert "null" not in names(root.lookup("/devices"))
    root.mount("/devices", RamFs(host, 0, dev=9))
    assert errno_of(root.mount, "/devices", RamFs(host, 0)) == Errno.EBUSY
    assert errno_of(root.mount, "/", RamFs(host, 0)) == Errno.EINVAL
    assert errno_of(root.mount, "/etc/passwd", RamFs(host, 0)) == Errno.ENOTDIR
    root.umount("/devices")
    assert errno_of(root.umount, "/devices") == Errno.EINVAL
    assert root.lookup("/devices").fs is root.root.fs


def test_links(root: RootDirectory) -> None:
    tmp = root.lookup("/tmp")
    assert isinstance(tmp, VfsDir)
    tmp.symlink("self", "self", ROOT_USER)
    tmp.symlink("up", "../etc/passwd", ROOT_USER)
    tmp.symlink("abs", "/etc", ROOT_USER)
    tmp.symlink("gone", "nowhere", ROOT_USER)
    assert errno_of(root.lookup, "/tmp/self") == Errno.ELOOP
    assert root.lookup("/tmp/self", follow=False).attr.kind is VfsNodeType.SYMLINK
    assert root.lookup("/tmp/up") is root.lookup("/etc/passwd")
    assert root.lookup("/tmp/abs/passwd") is root.lookup("/etc/passwd")
    assert root.lookup("/tmp/abs/", follow=False).is_dir
    assert errno_of(root.lookup, "/tmp/gone") == Errno.ENOENT
    assert errno_of(root.lookup, "/tmp/up/") == Errno.ENOTDIR
    assert errno_of(root.lookup, "/tmp/up/x") == Errno.ENOTDIR


def test_links_that_double_stop_soon(root: RootDirectory) -> None:
    tmp = root.lookup("/tmp")
    assert isinstance(tmp, VfsDir)
    tmp.symlink("l0", ".", ROOT_USER)
    for level in range(1, 40):
        tmp.symlink(f"l{level}", f"l{level - 1}/l{level - 1}", ROOT_USER)
    assert errno_of(root.lookup, "/tmp/l39") == Errno.ELOOP
    assert root.lookup("/tmp/l4") is tmp


def test_limits_and_permissions(root: RootDirectory) -> None:
    assert errno_of(root.lookup, "") == Errno.ENOENT
    assert errno_of(root.lookup, "/" + "x" * 256) == Errno.ENAMETOOLONG
    assert errno_of(root.lookup, "/" + "ä" * 128) == Errno.ENAMETOOLONG
    assert errno_of(root.lookup, "/x" * 2048) == Errno.ENAMETOOLONG
    secret = root.root.create("secret", VfsNodeType.DIR, 0o700, ROOT_USER)
    secret.create("f", VfsNodeType.FILE, 0o644, ROOT_USER)
    somebody = Credentials(1000, 1000)
    assert errno_of(root.lookup, "/secret/f", who=somebody) == Errno.EACCES
    assert root.lookup("/secret", who=somebody) is secret


def test_devices(root: RootDirectory) -> None:
    assert root.lookup("/dev/null").read_at(0, 10) == b""
    assert root.lookup("/dev/null").write_at(0, b"abc") == 3
    assert root.lookup("/dev/zero").read_at(99, 3) == bytes(3)
    assert errno_of(root.lookup("/dev/full").write_at, 0, b"x") == Errno.ENOSPC
    assert len(root.lookup("/dev/urandom").read_at(0, 13)) == 13
    assert root.lookup("/dev/tty").attr.rdev == 5 << 8


def test_proc(root: RootDirectory) -> None:
    assert root.lookup("/proc/self").attr.ino == 7 << 16
    assert root.lookup("/proc/self/maps").read_at(0, 99) == b"maps of 7\n"
    assert root.lookup("/proc/4/comm").read_at(5, 99) == b"of 4\n"
    assert root.lookup("/proc/self/exe").attr.perm == 0o755
    link = root.lookup("/proc/self/fd/12", follow=False)
    assert (link.read_link(), link.get_attr().perm) == ("pipe:[1]", 0o500)
    assert root.lookup("/proc/meminfo").read_at(0, 99) == b"meminfo!\n"
    assert root.lookup("/proc/sys/net/core/somaxconn").read_at(0, 9) == b"4096\n"
    for path in ("/proc/5", "/proc/07", "/proc/self/fd/3", "/proc/self/fd/-1", "/proc/self/cwd"):
        assert errno_of(root.lookup, path) == Errno.ENOENT
    top = names(root.lookup("/proc"))
    assert top[:2] == [".", ".."]
    assert top[-2:] == ["4", "7"]
    for path in ("/proc", "/proc/self", "/proc/self/fd", "/proc/sys", "/proc/sys/kernel"):
        node = root.lookup(path)
        entries = list(node.read_dir(0))
        cookies = [entry.cookie for entry in entries]
        assert cookies == sorted(set(cookies))
        for entry in entries[2:]:
            found = root.lookup(entry.name, node, follow=False)
            assert (found.attr.ino, found.attr.kind) == (entry.ino, entry.kind), entry


def test_reading_a_directory_that_changes(root: RootDirectory) -> None:
    tmp = root.lookup("/tmp")
    for number in range(10):
        tmp.create(f"f{number}", VfsNodeType.FILE, 0o644, ROOT_USER)
    seen: list[str] = []
    cookie = 0
    while (entry := next(iter(tmp.read_dir(cookie)), None)) is not None:
        cookie = entry.cookie
        seen.append(entry.name)
        if entry.name.startswith("f"):
            tmp.remove(entry.name)  # as rm -r does
    assert seen[2:] == [f"f{number}" for number in range(10)]


def test_memory_comes_back(root: RootDirectory, host: Any) -> None:
    blocks, pages = len(host.alloc.blocks), len(host.alloc.pages)
    tmp = root.lookup("/tmp")
    assert isinstance(tmp, VfsDir)
    file = tmp.create("f", VfsNodeType.FILE, 0o644, ROOT_USER)
    file.write_at(0, bytes(10_000))
    tmp.link("g", file)
    tmp.symlink("s", "f", ROOT_USER)
    below = tmp.create("d", VfsNodeType.DIR, 0o755, ROOT_USER)
    file.open()
    for name in ("f", "g", "s", "d"):
        tmp.remove(name)
    assert file.read_at(0, 1) == b"\0"
    assert len(host.alloc.pages) == pages + 3
    file.release()
    assert (len(host.alloc.blocks), len(host.alloc.pages)) == (blocks, pages)
    assert errno_of(below.create, "x", VfsNodeType.FILE, 0o644, ROOT_USER) == Errno.ENOENT
    assert errno_of(root.path_of, below) == Errno.ENOENT


def test_too_many_nodes(root: RootDirectory) -> None:
    tmp = root.lookup("/tmp")
    assert isinstance(tmp.fs, RamFs)
    tmp.fs.node_count = 65536
    with pytest.raises(AxError) as caught:
        tmp.create("x", VfsNodeType.FILE, 0o644, ROOT_USER)
    assert caught.value.to_errno() == Errno.ENOSPC


def test_tree_pickles(root: RootDirectory) -> None:
    twin = pickle.loads(pickle.dumps(root))
    assert twin.lookup("/data/deep/er/f.txt").read_at(0, 9) == b"hello"
    assert twin.lookup("/tmp/..") is twin.root
