"""One walk from a path to a node: on whose behalf, how far it may go, and where it came.

Source: path_resolution(7); openat2(2); Linux fs/namei.c (`struct nameidata`).
"""

from __future__ import annotations

from typing import NamedTuple

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import Credentials, VfsDir, VfsNode

MAX_LINKS = 40
"""Symbolic links followed in one walk before ELOOP (fs/namei.c MAXSYMLINKS)."""

# openat2(2): how a walk is confined.
RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10
RESOLVE_CACHED = 0x20
SCOPED = RESOLVE_BENEATH | RESOLVE_IN_ROOT


class Walk:
    """One walk: on whose behalf, and how many links it has followed.

    The count is of the whole walk, not of its depth: links that name links twice each would
    otherwise make it exponential.

    Attributes:
        resolve: RESOLVE_ bits that confine it.
        top: Where it started: the directory it may not leave if it is scoped.
    """

    __slots__ = ("links", "resolve", "top", "who")

    def __init__(self, who: Credentials, resolve: int = 0) -> None:
        self.who = who
        self.links = 0
        self.resolve = resolve
        self.top: VfsNode | None = None

    def count_link(self) -> None:
        """Follow one more link.

        Raises:
            LinuxError: ELOOP.
        """
        self.links += 1
        if self.links > MAX_LINKS:
            raise LinuxError(Errno.ELOOP)


class Place(NamedTuple):
    """Where a path's last component is, or would be.

    Attributes:
        dir: The directory.
        name: Last component; "" for "/" alone; may be "." or "..".
        trailing: Whether slashes follow it, so that it has to be a directory.
        walk: The walk that led here; going on from here counts links on.
    """

    dir: VfsDir
    name: str
    trailing: bool
    walk: Walk
