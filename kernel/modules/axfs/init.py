"""Assembling the tree at boot: mounts, usual files, and the program's own.

Source: ArceOS modules/axfs/src/{lib,root,mounts}.rs (`init_rootfs`: main file system, then /dev,
/tmp, /proc). The usual files are what C libraries look for (passwd(5), hosts(5), nsswitch).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from kernel.crates.phys_memory import PhysMemory
from kernel.crates.vfs import ROOT_USER, VfsNodeType, VfsOps, make_dev
from kernel.modules.axfs.devfs import DevFs, Entropy
from kernel.modules.axfs.laid_tree import LaidFs, TreeEntry, build_tree, without
from kernel.modules.axfs.procfs import ProcFs
from kernel.modules.axfs.ramfs import FsAllocator, FsClock, RamFs
from kernel.modules.axfs.root import RootDirectory

USUAL_FILES: tuple[tuple[str, bytes], ...] = (
    ("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("/etc/group", b"root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("/etc/hostname", b"arceos\n"),
    ("/etc/hosts", b"127.0.0.1\tlocalhost\n127.0.1.1\tarceos\n"),
    ("/etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files\n"),
    ("/etc/shells", b"/bin/sh\n"),
)
MOUNT_POINTS = ("/dev", "/proc", "/tmp")
DIRECTORIES = ("/bin", "/dev", "/etc", "/home", "/proc", "/root", "/tmp", "/usr", "/var")


class FsConfig(Protocol):
    """The platform constant file systems need."""

    @property
    def epoch_offset_ns(self) -> int: ...


class KernelLike(Protocol):
    """The part of the kernel the tree is built on."""

    @property
    def ram(self) -> PhysMemory: ...
    @property
    def alloc(self) -> FsAllocator: ...
    @property
    def events(self) -> FsClock: ...
    @property
    def rng(self) -> Entropy: ...
    @property
    def config(self) -> FsConfig: ...


def build_root(
    kernel: KernelLike,
    files: Iterable[tuple[str, bytes]] = (),
    limit_bytes: int | None = None,
    tree: tuple[TreeEntry, ...] = (),
    rootfs: str = "ramfs",
) -> RootDirectory:
    """The tree a machine starts with.

    Args:
        kernel: Memory, events, randomness.
        files: (absolute path, contents) to place; executable if they start as ELF or "#!" does.
        limit_bytes: What the files of `/` may fill, and those of /tmp; default a half of RAM,
            at most 64 MiB.
        tree: A host directory's contents; they take the place of the usual tree.
        rootfs: What stands at /: "ramfs", or "fat" on a RAM disk; /tmp is in memory in any case.
    """
    epoch_ns = kernel.config.epoch_offset_ns
    most = kernel.ram.size_bytes // 2
    limit = min(64 << 20, most) if limit_bytes is None else limit_bytes
    main, tmp = _memory_file_systems(kernel, epoch_ns, limit, tree)
    root_fs: VfsOps = main
    if rootfs == "fat":
        from kernel.modules.axfs.fatfs import FatFs  # seldom wanted, and much to load

        root_fs = FatFs(kernel, epoch_ns, dev=make_dev(1, 0), limit_bytes=limit)
    root = RootDirectory(root_fs)
    for path in MOUNT_POINTS if tree else DIRECTORIES:
        root.root.create(path[1:], VfsNodeType.DIR, 0o755, ROOT_USER)
    root.mount("/dev", DevFs(kernel, epoch_ns, kernel.rng, dev=5))
    root.mount("/tmp", tmp)
    root.mount("/proc", ProcFs(root.proc, kernel.events, epoch_ns, dev=4))
    for path, data in () if tree else USUAL_FILES:
        root.add_file(path, data)
    for path, data in files:
        root.add_file(path, data, 0o755 if data[:4] == b"\x7fELF" or data[:2] == b"#!" else 0o644)
    return root


def _memory_file_systems(
    kernel: KernelLike, epoch_ns: int, limit: int, tree: tuple[TreeEntry, ...]
) -> tuple[RamFs, RamFs]:
    """What is mounted at / and /tmp: plain, or over the names of a host's tree.

    What the tree has at /dev and /proc stays hidden: those belong to the kernel.
    """
    if not tree:
        tmp = RamFs(kernel, epoch_ns, dev=2, limit_bytes=limit, root_perm=0o1777)
        return RamFs(kernel, epoch_ns, dev=1, limit_bytes=limit), tmp
    base = build_tree(tree)
    for path in MOUNT_POINTS[:-1]:
        base, _ = without(base, path[1:])
    base, below_tmp = without(base, "tmp")
    main = LaidFs(kernel, epoch_ns, base, dev=1, limit_bytes=limit)
    if below_tmp is None or below_tmp.entry.kind != "dir":
        return main, RamFs(kernel, epoch_ns, dev=2, limit_bytes=limit, root_perm=0o1777)
    return main, LaidFs(kernel, epoch_ns, below_tmp, dev=2, limit_bytes=limit, root_perm=0o1777)
