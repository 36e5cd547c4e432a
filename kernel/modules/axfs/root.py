"""The one tree: mounts, and the walk from a path to a node.

Source: ArceOS modules/axfs/src/root.rs (RootDirectory, MountPoint); rules of the walk after
path_resolution(7) and Linux's fs/namei.c.
Differs: ArceOS matches mounts by string prefix (so "/devices" would match "/dev"); here a mount
hangs on the node it covers. Symbolic links, "..", permissions and limits are Linux's.
"""

from __future__ import annotations

from typing import NamedTuple

from kernel.crates.errno import AxError, AxErrorKind, Errno, LinuxError
from kernel.crates.interface import Slot
from kernel.crates.vfs import (
    NAME_MAX,
    PATH_MAX,
    ROOT_USER,
    Access,
    Credentials,
    VfsDir,
    VfsNode,
    VfsNodeType,
    VfsOps,
    encode_name,
    permits,
)
from kernel.modules.axfs.proc_source import ProcSource
from kernel.modules.axfs.walk import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
    SCOPED,
    Place,
    Walk,
)

_TRIVIAL = ("", ".")


class MountPoint(NamedTuple):
    """One mounted file system, as /proc/mounts lists it."""

    path: str
    fs: VfsOps


class RootDirectory:
    """The file tree of one machine.

    Attributes:
        mounts: In the order they were made; the first is "/".
        proc: What /proc shows; the kernel form fills it.
        anon_inos: Inode numbers given to pipes and other things without a node.
    """

    __slots__ = ("anon_inos", "mounts", "proc", "root")

    def __init__(self, root_fs: VfsOps) -> None:
        self.mounts = [MountPoint("/", root_fs)]
        self.root = root_fs.root_dir()
        self.proc: Slot[ProcSource] = Slot("ProcSource")
        self.anon_inos = 0

    def new_anon_ino(self) -> int:
        """The next inode number for something without a node."""
        self.anon_inos += 1
        return self.anon_inos

    # -- mounts ---------------------------------------------------------------------------------

    def mount(self, path: str, fs: VfsOps) -> None:
        """Mount `fs` on an existing directory.

        Raises:
            AxError: INVALID_INPUT for "/", NOT_A_DIRECTORY, RESOURCE_BUSY where one is mounted.
        """
        place = self.parent_of(path)
        if place.name in ("", ".", ".."):
            raise AxError(AxErrorKind.INVALID_INPUT, f"cannot mount on {path!r}")
        node = place.dir.lookup(place.name)
        if not isinstance(node, VfsDir):
            raise AxError(AxErrorKind.NOT_A_DIRECTORY)
        if node.mounted is not None:
            raise AxError(AxErrorKind.RESOURCE_BUSY)
        node.mounted = fs.root_dir()
        fs.covered = node
        self.mounts.append(MountPoint(self.path_of(node.mounted), fs))

    def umount(self, path: str) -> None:
        """Take the file system mounted at `path` away.

        Raises:
            AxError: INVALID_INPUT where none is mounted.
        """
        node = self.lookup(path)
        covered = node.fs.covered
        if covered is None or covered.mounted is not node:
            raise AxError(AxErrorKind.INVALID_INPUT, f"{path} is no mount point")
        covered.mounted = None
        node.fs.covered = None
        self.mounts = [m for m in self.mounts if m.fs is not node.fs]
        node.fs.umount()

    # -- walking --------------------------------------------------------------------------------

    def lookup(
        self,
        path: str,
        cwd: VfsNode | None = None,
        *,
        follow: bool = True,
        who: Credentials = ROOT_USER,
        resolve: int = 0,
    ) -> VfsNode:
        """The node of `path`.

        Args:
            path: Absolute, or relative to `cwd`.
            cwd: Start of a relative path; default the root.
            follow: Whether a symbolic link at the end is followed.
            who: Must be allowed to search every directory on the way.
            resolve: RESOLVE_ bits of openat2(2).

        Raises:
            LinuxError: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
        """
        walk = Walk(who, resolve)
        return self._walk(path, self._base(path, cwd, walk), follow, walk)

    def parent_of(
        self,
        path: str,
        cwd: VfsNode | None = None,
        *,
        who: Credentials = ROOT_USER,
        resolve: int = 0,
    ) -> Place:
        """Where the last component of `path` is or would be; nothing is known about itself.

        Raises:
            LinuxError: As `lookup`, for the directories before it.
        """
        walk = Walk(who, resolve)
        return self._walk_parent(path, self._base(path, cwd, walk), walk)

    def child(self, place: Place) -> VfsNode | None:
        """The node at a place, or None if the name is free.

        A trailing slash makes a symbolic link be followed and anything but a directory ENOTDIR.
        """
        node = self.entry(place)
        if node is None:
            return None
        if place.trailing and node.attr.kind is VfsNodeType.SYMLINK:
            node = self._follow(node, place.dir, place.walk)
        if place.trailing and not node.is_dir:
            raise LinuxError(Errno.ENOTDIR)
        return node

    def entry(self, place: Place) -> VfsNode | None:
        """The node that has the name itself: no link is followed, slashes do not matter."""
        try:
            return self._step(place.dir, place.name, place.walk)
        except AxError as error:
            if error.kind is AxErrorKind.NOT_FOUND:
                return None
            raise

    def is_mount_point(self, node: VfsNode) -> bool:
        """Whether the node is the root of a mounted file system (or the root)."""
        return node is self.root or (node.fs.covered is not None and node is node.fs.root_dir())

    def behind_link(self, place: Place, node: VfsNode) -> Place | VfsNode:
        """Where a symbolic link found at `place` leads; its target need not exist.

        For O_CREAT through a dangling link. Magic links give their node.
        """
        magic = self._magic(node, place.walk)
        if magic is not None:
            return magic
        target = node.read_link()
        return self._walk_parent(target, self._base(target, place.dir, place.walk), place.walk)

    def _magic(self, link: VfsNode, walk: Walk) -> VfsNode | None:
        """Count a link; the node of a magic one.

        Raises:
            LinuxError: ELOOP: too many, or links are forbidden; EXDEV: it leaves the scope.
        """
        walk.count_link()
        if walk.resolve & RESOLVE_NO_SYMLINKS:
            raise LinuxError(Errno.ELOOP)
        if walk.resolve & RESOLVE_NO_MAGICLINKS and link.is_magic:
            raise LinuxError(Errno.ELOOP)
        if walk.resolve & (SCOPED | RESOLVE_NO_XDEV) and link.is_magic:
            raise LinuxError(Errno.EXDEV)
        return link.follow()

    def _base(self, path: str, cwd: VfsNode | None, walk: Walk) -> VfsNode:
        if not path:
            raise LinuxError(Errno.ENOENT, "empty path")
        if len(path) > PATH_MAX // 4 and len(encode_name(path)) >= PATH_MAX:
            raise LinuxError(Errno.ENAMETOOLONG)
        if walk.top is None:
            walk.top = self.root if cwd is None else cwd
        if path[0] != "/":
            return self.root if cwd is None else cwd
        if walk.resolve & RESOLVE_BENEATH:
            raise LinuxError(Errno.EXDEV)
        if walk.resolve & RESOLVE_IN_ROOT:
            return walk.top
        if walk.resolve & RESOLVE_NO_XDEV and walk.top.fs is not self.root.fs:
            raise LinuxError(Errno.EXDEV)
        return self.root

    def _walk(self, path: str, base: VfsNode, follow: bool, walk: Walk) -> VfsNode:
        place = self._walk_parent(path, base, walk)
        node = self._step(place.dir, place.name, walk)
        if node.attr.kind is VfsNodeType.SYMLINK and (follow or place.trailing):
            node = self._follow(node, place.dir, walk)
        if place.trailing and not node.is_dir:
            raise LinuxError(Errno.ENOTDIR)
        return node

    def _walk_parent(self, path: str, base: VfsNode, walk: Walk) -> Place:
        parts = [part for part in path.split("/") if part]
        node = base
        for name in parts[:-1]:
            above = node
            node = self._step(above, name, walk)
            if node.attr.kind is VfsNodeType.SYMLINK:
                node = self._follow(node, above, walk)
        if not isinstance(node, VfsDir):
            raise LinuxError(Errno.ENOTDIR)
        return Place(node, parts[-1] if parts else "", path[-1] == "/", walk)

    def _step(self, node: VfsNode, name: str, walk: Walk) -> VfsNode:
        """One component down (or up), across mounts."""
        found = self._next(node, name, walk)
        if walk.resolve & RESOLVE_NO_XDEV and found.fs is not node.fs:
            raise LinuxError(Errno.EXDEV)
        return found

    def _next(self, node: VfsNode, name: str, walk: Walk) -> VfsNode:
        who = walk.who
        if not node.is_dir:
            raise LinuxError(Errno.ENOTDIR)
        if who.uid and not permits(node.get_attr(), Access.EXECUTE, who):
            raise LinuxError(Errno.EACCES)
        if name in _TRIVIAL:
            return node
        if name == "..":
            if walk.resolve & SCOPED and node is walk.top:
                if walk.resolve & RESOLVE_BENEATH:
                    raise LinuxError(Errno.EXDEV)
                return node
            return self.above(node)
        if len(name) > NAME_MAX // 4 and len(encode_name(name)) > NAME_MAX:
            raise LinuxError(Errno.ENAMETOOLONG)
        child = node.lookup(name)
        while child.mounted is not None:
            child = child.mounted
        return child

    def above(self, node: VfsNode) -> VfsNode:
        """The directory above a directory; the root's is itself; a mount's is the covered one's."""
        while (up := node.parent()) is None:
            covered = node.fs.covered
            if covered is None or node is not node.fs.root_dir():
                return node
            node = covered
        return up

    def _follow(self, link: VfsNode, directory: VfsNode, walk: Walk) -> VfsNode:
        magic = self._magic(link, walk)
        if magic is not None:
            return magic
        target = link.read_link()
        return self._walk(target, self._base(target, directory, walk), True, walk)

    # -- names ----------------------------------------------------------------------------------

    def path_of(self, node: VfsNode) -> str:
        """Absolute path of a directory.

        Raises:
            LinuxError: ENOENT if it was removed.
        """
        names: list[str] = []
        while node is not self.root:
            if node.attr.nlink <= 0:
                raise LinuxError(Errno.ENOENT, "the directory is removed")
            up = node.parent()
            if up is None:
                covered = node.fs.covered
                if covered is None or node is not node.fs.root_dir():
                    raise LinuxError(Errno.ENOENT, "the directory is removed")
                node = covered
                continue
            assert isinstance(node, VfsDir)
            names.append(node.name)
            node = up
        return "/" + "/".join(reversed(names))

    def real_path(self, path: str, cwd: VfsNode | None = None) -> str:
        """The absolute path without links of an existing file, as /proc/PID/exe shows it.

        Raises:
            LinuxError: As `lookup`.
        """
        place = self.parent_of(path, cwd)
        while (node := self.child(place)) is not None and node.attr.kind is VfsNodeType.SYMLINK:
            behind = self.behind_link(place, node)
            if not isinstance(behind, Place):
                return path  # an open file, which need not have a name
            place = behind
        above = self.path_of(place.dir)
        return f"{above.rstrip('/')}/{place.name}" if place.name not in _TRIVIAL else above

    def add_file(self, path: str, data: bytes, perm: int = 0o644) -> VfsNode:
        """Put a file into the tree at boot, making the directories above it.

        An existing file of that name is replaced.
        """
        parts = [part for part in path.split("/") if part not in _TRIVIAL]
        node: VfsNode = self.root
        for name in parts[:-1]:
            try:
                node = self._step(node, name, Walk(ROOT_USER))
            except AxError:
                node = node.create(name, VfsNodeType.DIR, 0o755, ROOT_USER)
            if node.attr.kind is VfsNodeType.SYMLINK:
                node = self._follow(node, self.root, Walk(ROOT_USER))
        return install_file(node, parts[-1], data, perm)


def install_file(directory: VfsNode, name: str, data: bytes, perm: int) -> VfsNode:
    """Make a file with `data` in `directory`, replacing what has its name."""
    try:
        directory.lookup(name)
    except AxError:
        pass
    else:
        directory.remove(name)
    node = directory.create(name, VfsNodeType.FILE, perm, ROOT_USER)
    set_image = getattr(node, "set_image", None)
    if set_image is not None:
        set_image(data)
    elif data:
        node.write_at(0, data)
    return node
