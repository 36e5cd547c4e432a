"""--root: a host directory under the guest's /; nothing outside it is seen, nothing is written."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from arcetui import root_tree
from arcetui.options import UsageError, parse
from arcetui.program import make_recipe
from arcetui.root_tree import GuestTree, read_tree, skipped_note
from kernel.control import Debugger, Goal, GoalKind, TreeEntry
from kernel.modules.axfs.laid_tree import build_tree

BUSYBOX = Path("/usr/bin/busybox")
needs_busybox = pytest.mark.skipif(not BUSYBOX.exists(), reason="no static busybox here")
STDIO = ("null", "pipe", "pipe")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with one of everything that could lead out of it."""
    top = tmp_path / "root"
    for name in ("bin", "etc", "sub/deep", "tmp", "dev", "proc"):
        (top / name).mkdir(parents=True)
    (tmp_path / "outside").write_text("outside\n")
    (top / "etc/passwd").write_text("guest\n")
    (top / "data").write_text("data\n")
    (top / "tmp/t").write_text("temporary\n")
    (top / "dev/null").write_text("no device\n")
    os.link(top / "data", top / "sub/other-name")
    (top / "absolute").symlink_to("/etc/passwd")
    (top / "upward").symlink_to("../" * 40 + "etc/passwd")
    (top / "outward").symlink_to(tmp_path / "outside")
    (top / "loop").symlink_to("loop")
    (top / "out-dir").symlink_to(tmp_path)
    os.mkfifo(top / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(top / "sub/socket"))
    if BUSYBOX.exists():
        shutil.copy(BUSYBOX, top / "bin/busybox")
        for name in ("cat", "sh", "ls"):
            (top / "bin" / name).symlink_to("busybox")
        script = top / "script"
        script.write_text("#!/bin/cat\nthe script\n")
        script.chmod(0o755)
    return top


def picture(top: Path) -> list[tuple[str, int, int, int]]:
    """Names, modes, sizes and times of a host directory."""
    found = sorted(top.rglob("*"))
    return [(str(p), (s := p.lstat()).st_mode, s.st_size, s.st_mtime_ns) for p in found]


def run(tree: Path, *words: str) -> tuple[str, str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "arcetui", "run", "--root", str(tree), *words],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.stdout, done.stderr, done.returncode


def test_scan_follows_no_link_and_opens_nothing_special(tree: Path) -> None:
    scan = read_tree(str(tree))
    kinds = {entry.path: entry.kind for entry in scan.entries}
    assert kinds["/out-dir"] == kinds["/outward"] == kinds["/loop"] == "symlink"
    assert not [path for path in kinds if path.startswith("/out-dir/")]
    assert kinds["/data"] == "file" and kinds["/sub/other-name"] == "link"
    assert dict(scan.skipped) == {
        "/fifo": "FIFO",
        "/sub/socket": "socket",
        "/dev": "the kernel's own",
        "/proc": "the kernel's own",
    }
    assert "/fifo (FIFO)" in skipped_note(scan) and "/dev" not in skipped_note(scan)
    assert not [entry for entry in scan.entries if entry.data == b"outside\n"]


def test_scan_twice_is_the_same(tree: Path) -> None:
    assert read_tree(str(tree)).entries == read_tree(str(tree)).entries


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_is_left_out(tree: Path) -> None:
    (tree / "data").chmod(0)
    (tree / "sub").chmod(0)
    assert ("/data", "permission denied") in read_tree(str(tree)).skipped


@pytest.mark.parametrize(
    ("limit", "value", "says"),
    [("MAX_FILES", 5, "more than 5 files"), ("MAX_BYTES", 7, "MiB"), ("MAX_DEPTH", 0, "deeper")],
)
def test_limits(
    tree: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, says: str
) -> None:
    monkeypatch.setattr(root_tree, limit, value)
    with pytest.raises(UsageError, match=says):
        read_tree(str(tree))


def test_bad_directories(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("file", "missing", "nul\0"):
        with pytest.raises(UsageError, match="--root"):
            read_tree(f"{tmp_path}/{name}")


def test_paths_are_the_guests(tree: Path) -> None:
    guest = GuestTree(read_tree(str(tree)).entries)

    def data(path: str) -> bytes | None:
        entry = guest.find(path)
        return None if entry is None else guest.contents(entry)

    assert data("/absolute") == data("/upward") == data("sub/../absolute") == b"guest\n"
    assert data("/sub/other-name") == b"data\n"
    assert data("/loop") is data("/outward") is data("/out-dir/outside") is None
    assert data("/data/x") is None


def test_scripts_lead_to_programs() -> None:
    def script(text: bytes) -> GuestTree:
        return GuestTree(
            [TreeEntry("/s", "file", 0o755, text), TreeEntry("/p", "file", 0o755, b"\x7fELF")]
        )

    assert script(b"#! /p x\n").program("/s") == b"\x7fELF"
    assert script(b"").program("/none") is None
    for text, says in ((b"#!/q\n", "interpreter"), (b"#!\n", "names no"), (b"#!/s\n", "script to")):
        with pytest.raises(UsageError, match=says):
            script(text).program("/s")
    with pytest.raises(UsageError, match="executable"):
        GuestTree([TreeEntry("/s", "file", 0o644)]).program("s")


def test_directories_nobody_listed_are_made() -> None:
    base = build_tree([TreeEntry("/a/b/c", "file", 0o644, b"x"), TreeEntry("/a/d", "dir")])
    assert [node.entry.path for node in base.all_nodes()] == ["/", "/a", "/a/b", "/a/b/c", "/a/d"]
    with pytest.raises(ValueError, match="no file"):
        build_tree([TreeEntry("/x", "link", target="/y")])


@needs_busybox
@pytest.mark.parametrize(
    ("words", "out", "err"),
    [
        (("/bin/cat", "/absolute", "/upward", "/tmp/t"), "guest\nguest\ntemporary\n", ""),
        (("bin/cat", "/outward"), "", "No such file"),
        (("/bin/cat", "/out-dir/outside"), "", "No such file"),
        (("/bin/cat", "/loop"), "", "Too many levels"),
        (("/bin/cat", "/fifo"), "", "No such file"),
        (("/bin/cat", "/dev/null"), "", ""),
        (("/script",), "#!/bin/cat\nthe script\n", ""),
        (("/bin/busybox", "readlink", "/proc/self/exe"), "/bin/busybox\n", ""),
        (("/bin/sh", "-c", "echo more >> data; read x < sub/other-name; echo $x; read y < new"),
         "data\n", "new"),
    ],
)  # fmt: skip
def test_guest_sees_its_own_tree(tree: Path, words: tuple[str, ...], out: str, err: str) -> None:
    before = picture(tree)
    stdout, stderr, _ = run(tree, *words)
    assert stdout == out
    assert err in stderr
    assert picture(tree) == before


@needs_busybox
def test_program_named_by_its_host_path(tree: Path) -> None:
    out, _, status = run(tree, str(tree / "bin/cat"), "/data")
    assert (out, status) == ("data\n", 0)


def test_missing_program(tree: Path) -> None:
    _, stderr, status = run(tree, "/bin/nothing")
    assert status != 0 and "neither in the tree" in stderr


@needs_busybox
def test_going_back_over_writes(tree: Path) -> None:
    """The same run again gives the same machine, files written in between or not."""
    script = "echo 1 >data; echo 2 >sub/deep/new; read x <data; echo $x"
    options = parse(["run", "--root", str(tree), "/bin/sh", "-c", script])

    def machine() -> Debugger:
        return Debugger(make_recipe(options, STDIO, (80, 24)))

    debugger = machine()
    start, begin = debugger.position, debugger.digest()
    debugger.run(Goal(GoalKind.CONTINUE))
    end, last = debugger.position, debugger.digest()
    debugger.goto(start)
    assert debugger.digest() == begin
    debugger.goto(end)
    assert debugger.digest() == last
    again = machine()
    again.run(Goal(GoalKind.CONTINUE))
    assert again.digest() == last
