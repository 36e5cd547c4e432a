"""A tree of the host laid under a file system: `--root`.

The host's files were read once, when the machine was described (`Recipe.tree`); here they are an
immutable `LaidNode` tree that snapshots name instead of copying. `LaidFs` is a ramfs over it, as
overlayfs(5) lays a writable layer over a read-only one: a directory gets the nodes of its names
when it is first looked at (as Linux fills its inode cache), and a file's pages stand in guest RAM
once they are written. Nothing is ever written to the host.
Source: overlayfs(5) for what writes and removals mean; ramfs for everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kernel.crates.errno import AxError
from kernel.crates.vfs import ROOT_USER, VfsDir, VfsNode
from kernel.modules.axfs.file_pages import FileImage
from kernel.modules.axfs.ramfs import FsHost, RamDir, RamFile, RamFs, RamSymlink


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One name of the tree to lay.

    Attributes:
        path: Absolute path in the guest's tree, without symbolic links before the last name.
        kind: "dir", "file", "symlink", or "link": one more name of a file given before.
        mode: The twelve permission bits.
        data: Contents of a file.
        target: What a symlink says; the path of the first name for a "link".
        mtime_ns: Time of the last change, since 1970.
    """

    path: str
    kind: str
    mode: int = 0o755
    data: bytes = b""
    target: str = ""
    mtime_ns: int = 0


class LaidNode:
    """One file, directory or link of the tree; never changes once the tree is built.

    Attributes:
        number: Counts from 1 in the order of the entries: its name in snapshots.
        names: How many names a file has.
        image: Contents of a file.
        children: Name -> node, of a directory.
    """

    __slots__ = ("children", "entry", "image", "names", "number")

    def __init__(self, number: int, entry: TreeEntry) -> None:
        self.number = number
        self.entry = entry
        self.names = 1
        self.image = FileImage(entry.data) if entry.kind == "file" else None
        self.children: dict[str, LaidNode] = {}

    def all_nodes(self) -> Iterator[LaidNode]:
        """This node and everything below, each once a name."""
        yield self
        for child in self.children.values():
            yield from child.all_nodes()


def build_tree(entries: Iterable[TreeEntry]) -> LaidNode:
    """The tree of entries; directories that are missing on the way are made.

    Raises:
        ValueError: A "link" whose target was not given before.
    """
    root = LaidNode(0, TreeEntry("/", "dir"))
    by_path = {"/": root}
    number = 0
    for entry in entries:
        number += 1
        if entry.path == "/":
            root.entry = entry
            continue
        if entry.kind == "link":
            node = by_path.get(entry.target)
            if node is None or node.image is None:
                raise ValueError(f"{entry.path}: no file {entry.target} to link to")
            node.names += 1
        else:
            node = LaidNode(number, entry)
        above, _, name = entry.path.rpartition("/")
        _directory(by_path, above or "/", number).children[name] = node
        by_path[entry.path] = node
    return root


def _directory(by_path: dict[str, LaidNode], path: str, number: int) -> LaidNode:
    found = by_path.get(path)
    if found is not None:
        return found
    above, _, name = path.rpartition("/")
    # Entries come in order, so a directory nobody listed gets a number no entry has.
    node = LaidNode(-number, TreeEntry(path, "dir"))
    _directory(by_path, above or "/", number).children[name] = node
    by_path[path] = node
    return node


class LaidFs(RamFs):
    """A ramfs over a laid tree.

    Attributes:
        base: The tree.
        linked: Nodes of files with several names, by their number in the tree.
    """

    __slots__ = ("base", "linked")

    def __init__(self, host: FsHost, epoch_ns: int, base: LaidNode, **options: Any) -> None:
        self.base = base
        self.linked: dict[int, RamFile] = {}
        super().__init__(host, epoch_ns, **options)

    def new_root(self, perm: int) -> RamDir:
        return LaidDir(self, self.base, perm, "", None)

    def new_node(self, base: LaidNode, up: LaidDir, name: str) -> VfsNode:
        """The node of one name of the tree.

        Raises:
            AxError: STORAGE_FULL.
        """
        entry = base.entry
        if entry.kind == "dir":
            return LaidDir(self, base, entry.mode, name, up)
        if entry.kind == "symlink":
            link = RamSymlink(self, entry.target, ROOT_USER)
            self.stamp(link, entry)
            return link
        known = self.linked.get(base.number)
        if known is not None:
            return known
        node = RamFile(self, entry.mode, ROOT_USER)
        assert base.image is not None
        node.pages.set_image(base.image)
        self.stamp(node, entry)
        if base.names > 1:
            node.attr.nlink = base.names
            self.linked[base.number] = node
        return node

    @staticmethod
    def stamp(node: VfsNode, entry: TreeEntry) -> None:
        """Give a node the time of its file on the host."""
        attr = node.attr
        attr.atime_ns = attr.mtime_ns = attr.ctime_ns = attr.btime_ns = entry.mtime_ns


class LaidDir(RamDir):
    """A directory of the tree: its names get nodes when they are first asked for.

    Attributes:
        base: Where its names come from; None once they have nodes.
    """

    __slots__ = ("base",)

    def __init__(self, fs: LaidFs, base: LaidNode, perm: int, name: str, up: VfsDir | None) -> None:
        self.base: LaidNode | None = None
        super().__init__(fs, perm, ROOT_USER, name, up)
        if base.entry.mtime_ns:
            fs.stamp(self, base.entry)
        self.attr.nlink += sum(1 for c in base.children.values() if c.entry.kind == "dir")
        self.base = base

    @property
    def names(self) -> dict[str, tuple[int, VfsNode]]:
        if self.base is not None:
            self._fill(self.base)
        return self.known

    def adopt(self, name: str, node: VfsNode) -> None:
        _ = self.names  # the cookies of the tree's names come first
        super().adopt(name, node)

    def _fill(self, base: LaidNode) -> None:
        """Make nodes for all names; all or none.

        Raises:
            AxError: STORAGE_FULL.
        """
        fs = self.home
        assert isinstance(fs, LaidFs)
        made: dict[str, tuple[int, VfsNode]] = {}
        fresh: list[Any] = []
        try:
            for name, child in base.children.items():
                before = fs.node_count
                node = fs.new_node(child, self, name)
                if fs.node_count != before:
                    fresh.append(node)
                made[name] = (3 + len(made), node)
        except AxError:
            for node in fresh:
                fs.drop_object(node.object_pa)
            fs.linked = {n: node for n, node in fs.linked.items() if node not in fresh}
            raise
        self.base = None
        self.known = made
        self.next_cookie = 3 + len(made)


def without(base: LaidNode, name: str) -> tuple[LaidNode, LaidNode | None]:
    """A tree without one of its top names, and what stood there."""
    if name not in base.children:
        return base, None
    rest = LaidNode(base.number, base.entry)
    rest.children = {k: v for k, v in base.children.items() if k != name}
    return rest, base.children[name]
