"""Who a process is: user and group ids.

The program starts as root. Ids are kept per process; a C library sets them for all its threads
anyway, as POSIX wants.
Source: credentials(7), Linux kernel/cred.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel.plugins.starry.core.process import Process

ROOT: Final = 0


class Identity:
    """The ids of one process.

    Attributes:
        ruid, euid, suid, fsuid: Real, effective, saved and file-system user id.
        rgid, egid, sgid, fsgid: The same for groups.
        groups: Supplementary groups.
    """

    __slots__ = (
        "egid",
        "euid",
        "fsgid",
        "fsuid",
        "groups",
        "rgid",
        "ruid",
        "sgid",
        "suid",
    )

    def __init__(self) -> None:
        self.ruid = self.euid = self.suid = self.fsuid = ROOT
        self.rgid = self.egid = self.sgid = self.fsgid = ROOT
        self.groups: tuple[int, ...] = (ROOT,)

    @property
    def is_root(self) -> bool:
        """Whether it has every capability."""
        return self.euid == ROOT

    def copy(self) -> Identity:
        """That of a forked child."""
        twin = Identity()
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin


def identity_of(process: Process) -> Identity:
    """The process's identity; a child that has none yet gets a copy of its parent's."""
    found = process.__dict__.get("identity")
    if isinstance(found, Identity):
        return found
    parent = process.parent
    inherited = parent.__dict__.get("identity") if parent is not None else None
    mine = inherited.copy() if isinstance(inherited, Identity) else Identity()
    process.__dict__["identity"] = mine
    return mine
