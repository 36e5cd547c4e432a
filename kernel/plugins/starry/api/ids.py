"""User, group, process-group and session ids; capabilities.

Source: Linux kernel/sys.c, kernel/groups.c, kernel/capability.c; credentials(7), setresuid(2),
setpgid(2), setsid(2), capget(2).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.identity import Identity, identity_of
from kernel.plugins.starry.core.process import Process

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_KEEP: Final = 0xFFFF_FFFF  # (uid_t)-1
_MAX_GROUPS: Final = 65_536
#: Versions of capget's header, and how many 32-bit words each has.
_CAP_WORDS: Final = {0x1998_0330: 1, 0x2007_1026: 2, 0x2008_0522: 2}
_CAP_NEWEST: Final = 0x2008_0522
_ALL_CAPABILITIES: Final = (1 << 41) - 1


# -- user and group ids --------------------------------------------------------------------------


def sys_getuid(t: Thread) -> int:
    """Real user id."""
    return identity_of(t.process).ruid


def sys_geteuid(t: Thread) -> int:
    """Effective user id."""
    return identity_of(t.process).euid


def sys_getgid(t: Thread) -> int:
    """Real group id."""
    return identity_of(t.process).rgid


def sys_getegid(t: Thread) -> int:
    """Effective group id."""
    return identity_of(t.process).egid


def sys_getresuid(t: Thread, ruid: int, euid: int, suid: int) -> int:
    """Real, effective and saved user id."""
    who = identity_of(t.process)
    for va, value in ((ruid, who.ruid), (euid, who.euid), (suid, who.suid)):
        t.mem.write_u32(va, value)
    return 0


def sys_getresgid(t: Thread, rgid: int, egid: int, sgid: int) -> int:
    """Real, effective and saved group id."""
    who = identity_of(t.process)
    for va, value in ((rgid, who.rgid), (egid, who.egid), (sgid, who.sgid)):
        t.mem.write_u32(va, value)
    return 0


def _check_valid(*ids: int) -> None:
    """-1 is no id."""
    if _KEEP in ids:
        raise LinuxError(Errno.EINVAL)


def _check_may(who: Identity, wanted: tuple[int, ...], own: tuple[int, ...]) -> None:
    """Who is not root may only switch among his own ids."""
    if not who.is_root and any(one != _KEEP and one not in own for one in wanted):
        raise LinuxError(Errno.EPERM)


def _set_uids(who: Identity, ruid: int, euid: int, suid: int) -> int:
    """Set those that are not -1; the file-system id follows the effective one."""
    who.ruid = who.ruid if ruid == _KEEP else ruid
    who.euid = who.euid if euid == _KEEP else euid
    who.suid = who.suid if suid == _KEEP else suid
    who.fsuid = who.euid
    return 0


def _set_gids(who: Identity, rgid: int, egid: int, sgid: int) -> int:
    who.rgid = who.rgid if rgid == _KEEP else rgid
    who.egid = who.egid if egid == _KEEP else egid
    who.sgid = who.sgid if sgid == _KEEP else sgid
    who.fsgid = who.egid
    return 0


def sys_setuid(t: Thread, uid: int) -> int:
    """Set the effective user id; root sets all three."""
    who, uid = identity_of(t.process), as_uint32(uid)
    _check_valid(uid)
    if who.is_root:
        return _set_uids(who, uid, uid, uid)
    _check_may(who, (uid,), (who.ruid, who.suid))
    return _set_uids(who, _KEEP, uid, _KEEP)


def sys_setgid(t: Thread, gid: int) -> int:
    """Set the effective group id; root sets all three."""
    who, gid = identity_of(t.process), as_uint32(gid)
    _check_valid(gid)
    if who.is_root:
        return _set_gids(who, gid, gid, gid)
    _check_may(who, (gid,), (who.rgid, who.sgid))
    return _set_gids(who, _KEEP, gid, _KEEP)


def sys_setreuid(t: Thread, ruid: int, euid: int) -> int:
    """Set real and effective user id; the saved one follows unless only euid = ruid is set."""
    who = identity_of(t.process)
    ruid, euid = as_uint32(ruid), as_uint32(euid)
    _check_may(who, (ruid,), (who.ruid, who.euid))
    _check_may(who, (euid,), (who.ruid, who.euid, who.suid))
    saves = ruid != _KEEP or euid not in (_KEEP, who.ruid)
    _set_uids(who, ruid, euid, _KEEP)
    if saves:
        who.suid = who.euid
    return 0


def sys_setregid(t: Thread, rgid: int, egid: int) -> int:
    """Set real and effective group id; the saved one as in setreuid."""
    who = identity_of(t.process)
    rgid, egid = as_uint32(rgid), as_uint32(egid)
    _check_may(who, (rgid,), (who.rgid, who.egid))
    _check_may(who, (egid,), (who.rgid, who.egid, who.sgid))
    saves = rgid != _KEEP or egid not in (_KEEP, who.rgid)
    _set_gids(who, rgid, egid, _KEEP)
    if saves:
        who.sgid = who.egid
    return 0


def sys_setresuid(t: Thread, ruid: int, euid: int, suid: int) -> int:
    """Set real, effective and saved user id."""
    who = identity_of(t.process)
    wanted = (as_uint32(ruid), as_uint32(euid), as_uint32(suid))
    _check_may(who, wanted, (who.ruid, who.euid, who.suid))
    return _set_uids(who, *wanted)


def sys_setresgid(t: Thread, rgid: int, egid: int, sgid: int) -> int:
    """Set real, effective and saved group id."""
    who = identity_of(t.process)
    wanted = (as_uint32(rgid), as_uint32(egid), as_uint32(sgid))
    _check_may(who, wanted, (who.rgid, who.egid, who.sgid))
    return _set_gids(who, *wanted)


def sys_setfsuid(t: Thread, uid: int) -> int:
    """Set the file-system user id if allowed; always gives the old one."""
    who, uid = identity_of(t.process), as_uint32(uid)
    old = who.fsuid
    if uid != _KEEP and (who.is_root or uid in (who.ruid, who.euid, who.suid, old)):
        who.fsuid = uid
    return old


def sys_setfsgid(t: Thread, gid: int) -> int:
    """Set the file-system group id if allowed; always gives the old one."""
    who, gid = identity_of(t.process), as_uint32(gid)
    old = who.fsgid
    if gid != _KEEP and (who.is_root or gid in (who.rgid, who.egid, who.sgid, old)):
        who.fsgid = gid
    return old


def sys_getgroups(t: Thread, size: int, groups: int) -> int:
    """Supplementary groups; with size 0 only how many."""
    mine = identity_of(t.process).groups
    size = as_int32(size)
    if size < 0 or 0 < size < len(mine):
        raise LinuxError(Errno.EINVAL)
    if size:
        t.mem.write(groups, struct.pack(f"<{len(mine)}I", *mine))
    return len(mine)


def sys_setgroups(t: Thread, size: int, groups: int) -> int:
    """Replace the supplementary groups."""
    who = identity_of(t.process)
    if not who.is_root:
        raise LinuxError(Errno.EPERM)
    count = as_uint32(size)
    if count > _MAX_GROUPS:
        raise LinuxError(Errno.EINVAL)
    found = struct.unpack(f"<{count}I", t.mem.read(groups, 4 * count)) if count else ()
    if _KEEP in found:
        raise LinuxError(Errno.EINVAL)
    who.groups = tuple(sorted(found))
    return 0


# -- process groups and sessions -----------------------------------------------------------------


def _process(t: Thread, pid: int) -> Process:
    """The process with id `pid`; 0 means the caller's.

    Raises:
        LinuxError: ESRCH.
    """
    process = t.process if pid == 0 else t.starry.processes.get(pid)
    if process is None:
        raise LinuxError(Errno.ESRCH)
    return process


def sys_getpgid(t: Thread, pid: int) -> int:
    """Process group of a process."""
    return _process(t, as_int32(pid)).pgid


def sys_getpgrp(t: Thread) -> int:
    """The caller's process group."""
    return t.process.pgid


def sys_setpgid(t: Thread, pid: int, pgid: int) -> int:
    """Put the caller or one of its children, before it calls execve, into a process group."""
    pid, pgid = as_int32(pid), as_int32(pgid)
    if pgid < 0:
        raise LinuxError(Errno.EINVAL)
    process = _process(t, pid)
    if process is not t.process:
        if process.parent is not t.process:
            raise LinuxError(Errno.ESRCH)
        if process.sid != t.process.sid:
            raise LinuxError(Errno.EPERM)
        if process.has_execed:
            raise LinuxError(Errno.EACCES)
    process.move_to_group(pgid or process.pid)
    return 0


def sys_getsid(t: Thread, pid: int) -> int:
    """Session of a process."""
    return _process(t, as_int32(pid)).sid


def sys_setsid(t: Thread) -> int:
    """Start a session; its id."""
    return t.process.create_session()


# -- capabilities --------------------------------------------------------------------------------


def _capability_words(t: Thread, header: int, data: int) -> tuple[int, int]:
    """(words, pid) of a capget/capset header; an unknown version is answered with the newest.

    Raises:
        LinuxError: EINVAL, EFAULT.
    """
    version, pid = struct.unpack("<Ii", t.mem.read(header, 8))
    words = _CAP_WORDS.get(version, 0)
    if not words:
        t.mem.write_u32(header, _CAP_NEWEST)
        if data:
            raise LinuxError(Errno.EINVAL)
    return words, pid


def sys_capget(t: Thread, header: int, data: int) -> int:
    """Capabilities of a thread: root has all, others none."""
    words, pid = _capability_words(t, header, data)
    if not words or not data:
        return 0
    if pid < 0:
        raise LinuxError(Errno.EINVAL)
    if pid and pid not in t.starry.threads:
        raise LinuxError(Errno.ESRCH)
    process = t.starry.threads[pid].process if pid else t.process
    mask = _ALL_CAPABILITIES if identity_of(process).is_root else 0
    packed = b"".join(
        struct.pack("<3I", mask >> shift & _KEEP, mask >> shift & _KEEP, 0)
        for shift in range(0, 32 * words, 32)
    )
    t.mem.write(data, packed)
    return 0


def sys_capset(t: Thread, header: int, data: int) -> int:
    """Accepted for the caller and without effect: root keeps its powers."""
    words, pid = _capability_words(t, header, 1)
    if pid not in (0, t.tid):
        raise LinuxError(Errno.EPERM)
    t.mem.read(data, 12 * words)
    return 0


CALLS: dict[str, Handler] = {
    "capget": sys_capget,
    "capset": sys_capset,
    "getegid": sys_getegid,
    "geteuid": sys_geteuid,
    "getgid": sys_getgid,
    "getgroups": sys_getgroups,
    "getpgid": sys_getpgid,
    "getpgrp": sys_getpgrp,
    "getresgid": sys_getresgid,
    "getresuid": sys_getresuid,
    "getsid": sys_getsid,
    "getuid": sys_getuid,
    "setfsgid": sys_setfsgid,
    "setfsuid": sys_setfsuid,
    "setgid": sys_setgid,
    "setgroups": sys_setgroups,
    "setpgid": sys_setpgid,
    "setregid": sys_setregid,
    "setresgid": sys_setresgid,
    "setresuid": sys_setresuid,
    "setreuid": sys_setreuid,
    "setsid": sys_setsid,
    "setuid": sys_setuid,
}
