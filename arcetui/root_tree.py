"""`--root DIR`: read a host directory once, as the entries the guest's tree is made from.

Every step is relative to an open directory and follows no symbolic link (openat(2) with
O_NOFOLLOW), so nothing outside DIR is ever opened; links are entries with a text, which only the
guest resolves, inside its own tree. Devices, FIFOs and sockets are not opened but left out.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arcetui.options import UsageError
from arcetui.render.row import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel.control import TreeEntry

MAX_FILES = 20_000
MAX_BYTES = 256 << 20
MAX_DEPTH = 100
MAX_LINKS = 40  # as the guest's walk
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: if a FIFO takes the file's place after the look at it, opening it must not wait.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(slots=True)
class Scan:
    """What has been read so far.

    Attributes:
        top: DIR as the user wrote it.
        skipped: (guest path, why) of what was left out.
    """

    top: str
    entries: list[TreeEntry] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    size_bytes: int = 0
    first_names: dict[tuple[int, int], str] = field(default_factory=dict)

    def add(self, entry: TreeEntry) -> None:
        """Keep an entry.

        Raises:
            UsageError: There are too many.
        """
        self.entries.append(entry)
        if len(self.entries) > MAX_FILES:
            raise UsageError(
                f"--root {self.top}: has more than {MAX_FILES} files; choose a smaller directory"
            )


def read_tree(top: str) -> Scan:
    """Everything below a directory, names in ascending order.

    Raises:
        UsageError: It is no directory, cannot be read, or is too large.
    """
    try:
        # DIR itself may be a link: the user named it.
        fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such directory"
        raise UsageError(f"--root {top}: {reason[:1].lower()}{reason[1:]}") from None
    scan = Scan(top)
    try:
        _directory(scan, fd, "", os.fstat(fd), 0)
    except OSError as error:
        raise UsageError(f"--root {top}: cannot be read: {error.strerror}") from None
    finally:
        os.close(fd)
    return scan


def _directory(scan: Scan, fd: int, path: str, status: os.stat_result, depth: int) -> None:
    """Add an open directory and what is in it."""
    from kernel.control import TreeEntry

    if depth > MAX_DEPTH:
        raise UsageError(f"--root {scan.top}: directories nest deeper than {MAX_DEPTH} at {path}")
    mode = stat.S_IMODE(status.st_mode)
    scan.add(TreeEntry(path or "/", "dir", mode, mtime_ns=status.st_mtime_ns))
    with os.scandir(fd) as found:
        names = sorted(entry.name for entry in found)
    for name in names:
        where = f"{path}/{name}"
        if where in ("/dev", "/proc"):
            scan.skipped.append((where, "the kernel's own"))
            continue
        try:
            _entry(scan, fd, name, where, depth)
        except OSError as error:
            scan.skipped.append((where, (error.strerror or "unreadable").lower()))


def _entry(scan: Scan, above: int, name: str, where: str, depth: int) -> None:
    """Add one name of an open directory.

    Raises:
        OSError: It cannot be read; the rest still can.
    """
    from kernel.control import TreeEntry

    status = os.stat(name, dir_fd=above, follow_symlinks=False)
    mode, mtime_ns = stat.S_IMODE(status.st_mode), status.st_mtime_ns
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(name, dir_fd=above)
        scan.add(TreeEntry(where, "symlink", 0o777, target=target, mtime_ns=mtime_ns))
    elif stat.S_ISDIR(status.st_mode):
        fd = os.open(name, _DIRECTORY, dir_fd=above)
        try:
            _directory(scan, fd, where, os.fstat(fd), depth + 1)
        finally:
            os.close(fd)
    elif stat.S_ISREG(status.st_mode):
        key = status.st_dev, status.st_ino
        first = scan.first_names.get(key)
        if first is not None:
            scan.add(TreeEntry(where, "link", mode, target=first, mtime_ns=mtime_ns))
            return
        data = _contents(scan, above, name, key)
        if status.st_nlink > 1:
            scan.first_names[key] = where
        scan.add(TreeEntry(where, "file", mode, data=data, mtime_ns=mtime_ns))
    else:
        scan.skipped.append((where, _special(status.st_mode)))


def _contents(scan: Scan, above: int, name: str, key: tuple[int, int]) -> bytes:
    """The bytes of a regular file, which must still be the one looked at.

    Raises:
        OSError: It cannot be read, or is another file by now.
        UsageError: All files together are too large.
    """
    fd = os.open(name, _FILE, dir_fd=above)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) != key:
            raise OSError(0, "changed while it was read")
        room = MAX_BYTES - scan.size_bytes
        parts: list[bytes] = []
        while room >= 0 and (part := os.read(fd, min(room + 1, 1 << 20))):
            parts.append(part)
            room -= len(part)
    finally:
        os.close(fd)
    if room < 0:
        raise UsageError(
            f"--root {scan.top}: its files have more than {MAX_BYTES >> 20} MiB; "
            "choose a smaller directory"
        )
    scan.size_bytes = MAX_BYTES - room
    return b"".join(parts)


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "FIFO"
    return "socket" if stat.S_ISSOCK(mode) else "device"


def skipped_note(scan: Scan) -> str:
    """One line about what was left out; "" if nothing was."""
    skipped = [(path, why) for path, why in scan.skipped if why != "the kernel's own"]
    if not skipped:
        return ""
    shown = ", ".join(f"{path} ({why})" for path, why in skipped[:3])
    more = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return safe(f"--root {scan.top}: left out {shown}{more}")


# -- paths inside the guest ---------------------------------------------------------------------


class GuestTree:
    """Paths of the entries as the guest will resolve them."""

    def __init__(self, entries: Iterable[TreeEntry]) -> None:
        self.by_path = {entry.path: entry for entry in entries}

    def find(self, path: str) -> TreeEntry | None:
        """The entry a path leads to, links followed inside the tree; None if there is none."""
        parts = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        at = ""
        links = 0
        while parts:
            part = parts.pop()
            if part == "..":
                at = at.rpartition("/")[0]
                continue
            entry = self.by_path.get(f"{at}/{part}")
            if entry is None:
                return None
            if entry.kind == "symlink":
                links += 1
                if links > MAX_LINKS:
                    return None
                if entry.target.startswith("/"):
                    at = ""
                parts += [p for p in reversed(entry.target.split("/")) if p not in ("", ".")]
                continue
            if parts and entry.kind != "dir":
                return None
            at = entry.path
        return self.by_path.get(at or "/")

    def contents(self, entry: TreeEntry) -> bytes:
        """The bytes of a file, under whichever of its names."""
        return self.by_path[entry.target].data if entry.kind == "link" else entry.data

    def program(self, path: str) -> bytes | None:
        """The ELF file that running `path` runs: behind `#!` lines, the last interpreter.

        Returns:
            Its bytes; None if there is no file at `path`.

        Raises:
            UsageError: It is no program, or its interpreter is missing.
        """
        entry = self.find(path)
        if entry is None:
            return None
        name = path
        for _ in range(5):
            if entry is None:
                raise UsageError(f"{path}: its interpreter {name} is not in the guest's tree")
            if entry.kind == "dir":
                raise UsageError(f"{name}: is a directory of the guest's tree, not a program")
            if not entry.mode & 0o111:
                raise UsageError(f"{name}: is not executable; chmod +x it below --root")
            data = self.contents(entry)
            if not data.startswith(b"#!"):
                return data
            words = data[2:256].partition(b"\n")[0].split()
            if not words:
                raise UsageError(f"{name}: its #! line names no interpreter")
            name = words[0].decode("utf-8", "surrogateescape")
            entry = self.find(name)
        raise UsageError(f"{path}: its #! lines lead from script to script; give an ELF program")
