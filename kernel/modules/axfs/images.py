"""The unchanged file images a tree holds: large bytes that snapshots name instead of copying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel.modules.axfs.ramfs import RamFs

if TYPE_CHECKING:
    from kernel.modules.axfs.laid_tree import LaidNode
    from kernel.modules.axfs.root import RootDirectory


def images(fs: RootDirectory) -> dict[str, Any]:
    """All images by a name that stays the same."""
    found: dict[str, Any] = {}
    for path, node in _files(fs.root, ""):
        image = getattr(getattr(node, "pages", None), "image", None)
        if image is not None:
            found[f"file {path}"] = image
    for mount in fs.mounts:
        base: LaidNode | None = getattr(mount.fs, "base", None)
        for node in base.all_nodes() if base is not None else ():
            found[f"laid {mount.fs.dev} {node.number}"] = node
            if node.image is not None:
                found[f"laid file {mount.fs.dev} {node.number}"] = node.image
    return found


def _files(directory: Any, path: str) -> list[tuple[str, Any]]:
    """All regular files of a ramfs tree, depth first, by path."""
    found: list[tuple[str, Any]] = []
    if getattr(directory, "base", None) is not None:
        return found  # names of a laid tree that nobody has asked for yet
    for entry in list(directory.read_dir(0)):
        if entry.name in (".", ".."):
            continue
        node = directory.lookup(entry.name)
        where = f"{path}/{entry.name}"
        mounted = getattr(node, "mounted", None)
        if mounted is not None:
            if isinstance(mounted.fs, RamFs):  # the others have no file images
                found += _files(mounted, where)
        elif node.is_dir:
            found += _files(node, where)
        else:
            found.append((where, node))
    return found
