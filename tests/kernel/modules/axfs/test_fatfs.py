"""FAT: a model for contents and names, fsck.fat as a judge of the medium, programs as usual."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kernel.control import Debugger, Goal, GoalKind, Recipe, StopReason
from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.vfs import ROOT_USER, VfsNodeType
from kernel.modules.axfs import fat_entry
from kernel.modules.axfs.fat_entry import Entry
from kernel.modules.axfs.fatfs import FatDir, FatFile, FatFs

SAMPLES = Path(__file__).parents[4] / "samples"
FSCK = shutil.which("fsck.fat") or shutil.which("fsck.fat", path="/sbin:/usr/sbin")


def machine(arch: str = "riscv64", name: str = "hello", **options: Any) -> Debugger:
    elf = (SAMPLES / "bin" / arch / name).read_bytes()
    return Debugger(Recipe(elf, f"/{name}", rootfs="fat", **options))


def root_of(debugger: Debugger) -> FatDir:
    root = debugger._system.kernel.fs.root
    assert isinstance(root, FatDir)
    return root


def image(fs: FatFs) -> bytes:
    return fs.disk.peek(0, fs.disk.blocks * 512)


def check_medium(fs: FatFs, tmp_path: Path) -> None:
    """Let somebody else's checker look at the disk, if there is one."""
    if FSCK is None:
        return
    path = tmp_path / "disk.img"
    path.write_bytes(image(fs))
    done = subprocess.run([FSCK, "-n", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def reread(fs: FatFs, directory: FatDir) -> dict[str, Any]:
    """The tree as the medium has it, without the inode cache."""
    found: dict[str, Any] = {}
    for entry in fat_entry.parse(directory.slots.read()):
        node = fs.new_node(entry, directory, 0o755, ROOT_USER)
        if isinstance(node, FatDir):
            found[entry.name] = reread(fs, node)
        else:
            found[entry.name] = node.read_at(0, 1 << 30)
    return found


def test_a_storm_against_a_model(tmp_path: Path) -> None:
    rng = random.Random(4)
    root = root_of(machine())
    fs = root.home
    top = root.create("storm", VfsNodeType.DIR, 0o755, ROOT_USER)
    assert isinstance(top, FatDir)
    model: dict[str, bytes] = {}
    names = ["a", "B.TXT", "long name with spaces.text", "Grüße", "x" * 200, "UPPER", "lower.c"]
    names += [f"file number {number}" for number in range(20)]
    for _ in range(600):
        name = rng.choice(names)
        what = rng.randrange(6)
        if name not in model:
            top.create(name, VfsNodeType.FILE, 0o644, ROOT_USER)
            model[name] = b""
        node = top.lookup(name)
        if what == 0:
            top.remove(name)
            del model[name]
        elif what == 1:
            size = rng.randrange(20000)
            node.truncate(size)
            model[name] = model[name][:size].ljust(size, b"\0")
        elif what == 2 and (other := rng.choice(names)) != name:
            top.rename(name, top, other)
            model[other] = model.pop(name)
        else:
            at, data = rng.randrange(12000), rng.randbytes(rng.randrange(1, 9000))
            assert node.write_at(at, data) == len(data)
            old = model[name].ljust(at, b"\0")
            model[name] = old[:at] + data + old[at + len(data) :]
    assert reread(fs, top) == model
    for name, data in model.items():
        assert top.lookup(name).read_at(0, 1 << 30) == data
    check_medium(fs, tmp_path)
    before = fs.volume.used
    for name in list(model):
        top.remove(name)
    root.remove("storm")
    assert fs.volume.used < before
    assert len(fs.disk.owners) == len(fs.disk.frames)
    check_medium(fs, tmp_path)


def test_directories_move_and_grow(tmp_path: Path) -> None:
    root = root_of(machine())
    one = root.create("one", VfsNodeType.DIR, 0o755, ROOT_USER)
    two = root.create("two", VfsNodeType.DIR, 0o755, ROOT_USER)
    assert isinstance(one, FatDir) and isinstance(two, FatDir)
    for number in range(200):  # more than one cluster of entries
        one.create(f"a rather long name {number}", VfsNodeType.FILE, 0o644, ROOT_USER)
    assert len(one.slots.chain) > 1
    root.rename("one", two, "inside")
    assert two.lookup("inside") is one
    assert len(list(one.read_dir(0))) == 202
    check_medium(root.home, tmp_path)


def test_what_fat_cannot_hold() -> None:
    root = root_of(machine())
    with pytest.raises(LinuxError):
        root.symlink("link", "/etc", ROOT_USER)
    with pytest.raises(LinuxError):
        root.create("pipe", VfsNodeType.FIFO, 0o644, ROOT_USER)
    with pytest.raises(LinuxError):
        root.create("what?", VfsNodeType.FILE, 0o644, ROOT_USER)
    assert root.lookup("ETC") is root.lookup("etc")


def test_names_are_those_of_vfat() -> None:
    """Dots at the end fall off, the short name is a name too, devices of MS-DOS are refused."""
    root = root_of(machine())
    node = root.create("Hello World.TXT.", VfsNodeType.FILE, 0o644, ROOT_USER)
    assert root.lookup("HELLOW~1.TXT") is node
    assert root.lookup("hello world.txt..") is node
    assert [entry.name for entry in root.read_dir(2)][-1] == "Hello World.TXT"
    with pytest.raises(LinuxError) as dots:
        root.create("...", VfsNodeType.FILE, 0o644, ROOT_USER)
    assert dots.value.errno is Errno.ENOENT
    for name in ("con", "Nul.txt", "COM7", "lpt1.x", "end "):
        with pytest.raises(LinuxError) as refused:
            root.create(name, VfsNodeType.FILE, 0o644, ROOT_USER)
        assert refused.value.errno is Errno.EINVAL, name
    root.create("com0", VfsNodeType.FILE, 0o644, ROOT_USER)
    root.create("console", VfsNodeType.FILE, 0o644, ROOT_USER)


def test_an_open_file_outlives_its_name() -> None:
    root = root_of(machine())
    node = root.create("gone", VfsNodeType.FILE, 0o644, ROOT_USER)
    assert isinstance(node, FatFile)
    node.write_at(0, b"still here" * 1000)
    node.open()
    used = root.home.volume.used
    root.remove("gone")
    assert node.read_at(0, 10) == b"still here"
    node.release()
    assert root.home.volume.used == used - 3


def test_a_full_disk_says_so(tmp_path: Path) -> None:
    root = root_of(machine(memory_bytes=16 << 20))
    node = root.create("big", VfsNodeType.FILE, 0o644, ROOT_USER)
    written = 0
    with pytest.raises(AxError) as caught:
        while True:
            written += node.write_at(written, bytes(1 << 20))
    assert caught.value.kind is AxErrorKind.STORAGE_FULL
    assert node.get_attr().size_bytes == written
    assert 7 << 20 < written <= 8 << 20, "half of the memory is the disk's"
    root.remove("big")
    check_medium(root.home, tmp_path)


def test_names_come_back_from_entries() -> None:
    for name in ("A", "readme.txt", "Mixed.Case.name", "é", "x" * 255, "sp ace", "a.b.c.d"):
        entry = Entry(name, b"", fat_entry.ATTR_ARCHIVE, 7, 5, 0, 0, 0)
        entry.short = fat_entry.short_name(name, set())
        (back,) = fat_entry.parse(fat_entry.pack_with_name(entry))
        assert (back.name, back.cluster, back.size_bytes) == (name, 7, 5)
    stamp = 1_748_779_262 * 1_000_000_000
    date, clock, _ = fat_entry.pack_time(stamp)
    assert fat_entry.unpack_time(date, clock) == stamp


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
@pytest.mark.parametrize("name", ["fileread", "filemap", "systour"])
def test_programs_run_alike_and_time_goes_back(arch: str, name: str, tmp_path: Path) -> None:
    on_fat = machine(arch, name)
    elf = (SAMPLES / "bin" / arch / name).read_bytes()
    in_memory = Debugger(Recipe(elf, f"/{name}"))
    start, digest = on_fat.position, on_fat.digest()
    for each in (on_fat, in_memory):
        assert each.run(Goal(GoalKind.CONTINUE)).reason is StopReason.EXITED
    assert on_fat.console() == in_memory.console()
    end, last = on_fat.position, on_fat.digest()
    medium = image(root_of(on_fat).home)
    on_fat.goto(start)
    assert on_fat.digest() == digest
    on_fat.goto(end)
    assert on_fat.digest() == last
    assert image(root_of(on_fat).home) == medium
    check_medium(root_of(on_fat).home, tmp_path)
