"""Calls on names and descriptors of files: open(2), stat(2), rename(2), fcntl(2) ..."""

from __future__ import annotations

from arcetui.strace import structs
from arcetui.strace.call import Arg, Call, Spec
from arcetui.strace.results import fcntl as fcntl_result
from arcetui.strace.results import number, octal_mode
from arcetui.strace.scalars import (
    DIRFD,
    FD,
    PATH,
    arg,
    dirfd,
    file_mode,
    filled,
    flag_set,
    hex32,
    int32,
    int64,
    node_mode,
    one_of,
    open_flags,
    path,
    pointer,
    read_buffer,
    signo,
    string,
    uint32,
    uint64,
    user_id,
)
from arcetui.strace.tables import files as file_names
from arcetui.strace.text import addr, flags, quote

MODE = arg("mode", file_mode)
UID = arg("owner", user_id)
GID = arg("group", user_id)
ACCESS = arg("mode", flag_set(file_names.ACCESS, "?_OK"))
AT_FLAGS = arg("flags", flag_set(file_names.AT, "AT_???"))
STAT = filled("statbuf", structs.stat)


def _creates(flags_value: int) -> bool:
    """Whether open's flags make it look at the mode (O_CREAT or O_TMPFILE)."""
    return bool(flags_value & 0o20000100)


def _open(call: Call) -> tuple[Arg, ...]:
    args = (PATH, arg("flags", open_flags), MODE)
    return args if _creates(call.args[1]) else args[:2]


def _openat(call: Call) -> tuple[Arg, ...]:
    args = (DIRFD, PATH, arg("flags", open_flags), MODE)
    return args if _creates(call.args[2]) else args[:3]


def _mknod(call: Call, first: int) -> tuple[Arg, ...]:
    head = (DIRFD, PATH)[1 - first :]
    mode = arg("mode", node_mode)
    if call.args[first + 1] & 0o170000 in {0o20000, 0o60000}:
        return (*head, mode, arg("dev", lambda _, value: structs.device(value & 0xFFFFFFFF)))
    return (*head, mode)


def _mknod_plain(call: Call) -> tuple[Arg, ...]:
    return _mknod(call, 0)


def _mknodat(call: Call) -> tuple[Arg, ...]:
    return _mknod(call, 1)


def statx_flags(_: Call, value: int) -> str:
    """Statx's flags: how fresh the answer must be, then AT_*."""
    value &= 0xFFFFFFFF
    sync = flags(value & 0x6000, file_names.AT_SYNC, "")
    return f"{sync}|{flags(value & ~0x6000, file_names.AT, '')}" if value & ~0x6000 else sync


def cwd(call: Call, value: int) -> str:
    """Getcwd's buffer: the path including its NUL."""
    size = call.result or 0
    data = call.read(value, size)
    return addr(value) if data is None else quote(data.split(b"\0")[0])


#: fcntl commands and the decoder of their argument; the rest show a hexadecimal number.
_FCNTL = {
    0: uint32,
    2: flag_set(file_names.FD, "FD_???"),
    4: open_flags,
    6: structs.flock,
    7: structs.flock,
    8: int32,
    10: signo,
    37: structs.flock,
    38: structs.flock,
    1024: one_of(file_names.LOCK, "F_???", 64),
    1030: uint32,
    1031: uint32,
    15: structs.owner,
    1033: flag_set(file_names.SEALS, "F_SEAL_???", 64),
}


def _fcntl(call: Call) -> tuple[Arg, ...]:
    command = call.args[1] & 0xFFFFFFFF
    head = (FD, arg("cmd", one_of(file_names.FCNTL, "F_???")))
    if command in {1, 3, 9, 11, 1025, 1032, 1034}:
        return head
    if command == 16:
        return (*head, filled("arg", structs.owner))
    if command in {5, 36}:
        return (*head, filled("arg", structs.flock, even_failed=True))
    return (*head, arg("arg", _FCNTL.get(command, hex_argument)))


def hex_argument(_: Call, value: int) -> str:
    """An argument of unknown meaning."""
    return f"{value:#x}" if value else "0"


NEW_NAMES = (
    arg("olddirfd", dirfd),
    arg("oldpath", path),
    arg("newdirfd", dirfd),
    arg("newpath", path),
)

CALLS: dict[str, Spec] = {
    "open": Spec((), number, _open),
    "openat": Spec((), number, _openat),
    "openat2": Spec((DIRFD, PATH, arg("how", structs.open_how), arg("size", uint64)), number),
    "creat": Spec((PATH, MODE), number),
    "close": Spec((FD,), number),
    "close_range": Spec(
        (
            arg("first", uint32),
            arg("last", uint32),
            arg("flags", flag_set(file_names.CLOSE_RANGE, "CLOSE_RANGE_???")),
        ),
        number,
    ),
    "stat": Spec((PATH, STAT), number),
    "lstat": Spec((PATH, STAT), number),
    "fstat": Spec((FD, STAT), number),
    "newfstatat": Spec((DIRFD, PATH, STAT, AT_FLAGS), number),
    "statx": Spec(
        (
            DIRFD,
            PATH,
            arg("flags", statx_flags),
            arg("mask", flag_set(file_names.STATX, "STATX_???")),
            filled("statxbuf", structs.statx),
        ),
        number,
    ),
    "statfs": Spec((PATH, filled("buf", structs.statfs)), number),
    "fstatfs": Spec((FD, filled("buf", structs.statfs)), number),
    "access": Spec((PATH, ACCESS), number),
    "faccessat": Spec((DIRFD, PATH, ACCESS), number),
    "faccessat2": Spec(
        (DIRFD, PATH, ACCESS, arg("flags", flag_set(file_names.AT_EACCESS, "AT_???"))), number
    ),
    "fcntl": Spec((), fcntl_result, _fcntl),
    "flock": Spec((FD, arg("operation", flag_set(file_names.FLOCK, "LOCK_???"))), number),
    "dup": Spec((FD,), number),
    "dup2": Spec((FD, arg("newfd", int32)), number),
    "dup3": Spec(
        (FD, arg("newfd", int32), arg("flags", flag_set(file_names.OPEN, "O_???"))), number
    ),
    "getcwd": Spec((filled("buf", cwd), arg("size", uint64)), number),
    "chdir": Spec((PATH,), number),
    "fchdir": Spec((FD,), number),
    "chroot": Spec((PATH,), number),
    "mkdir": Spec((PATH, MODE), number),
    "mkdirat": Spec((DIRFD, PATH, MODE), number),
    "rmdir": Spec((PATH,), number),
    "mknod": Spec((), number, _mknod_plain),
    "mknodat": Spec((), number, _mknodat),
    "unlink": Spec((PATH,), number),
    "unlinkat": Spec((DIRFD, PATH, AT_FLAGS), number),
    "rename": Spec((arg("oldpath", path), arg("newpath", path)), number),
    "renameat": Spec(NEW_NAMES, number),
    "renameat2": Spec((*NEW_NAMES, arg("flags", flag_set(file_names.RENAME, "RENAME_??"))), number),
    "link": Spec((arg("oldpath", path), arg("newpath", path)), number),
    "linkat": Spec((*NEW_NAMES, AT_FLAGS), number),
    "symlink": Spec((arg("target", path), arg("linkpath", path)), number),
    "symlinkat": Spec((arg("target", path), arg("newdirfd", dirfd), arg("linkpath", path)), number),
    "readlink": Spec((PATH, filled("buf", read_buffer), arg("bufsiz", uint64)), number),
    "readlinkat": Spec((DIRFD, PATH, filled("buf", read_buffer), arg("bufsiz", uint64)), number),
    "chmod": Spec((PATH, MODE), number),
    "fchmod": Spec((FD, MODE), number),
    "fchmodat": Spec((DIRFD, PATH, MODE), number),
    "chown": Spec((PATH, UID, GID), number),
    "lchown": Spec((PATH, UID, GID), number),
    "fchown": Spec((FD, UID, GID), number),
    "fchownat": Spec((DIRFD, PATH, UID, GID, AT_FLAGS), number),
    "umask": Spec((arg("mask", file_mode),), octal_mode),
    "truncate": Spec((PATH, arg("length", uint64)), number),
    "ftruncate": Spec((FD, arg("length", uint64)), number),
    "fallocate": Spec(
        (
            FD,
            arg("mode", flag_set(file_names.FALLOC, "FALLOC_FL_???")),
            arg("offset", int64),
            arg("len", int64),
        ),
        number,
    ),
    "fadvise64": Spec(
        (
            FD,
            arg("offset", int64),
            arg("len", int64),
            arg("advice", one_of(file_names.FADV, "POSIX_FADV_???")),
        ),
        number,
    ),
    "utimensat": Spec((DIRFD, PATH, arg("times", structs.utimens), AT_FLAGS), number),
    "utime": Spec((PATH, arg("times", pointer)), number),
    "utimes": Spec((PATH, arg("times", pointer)), number),
    "mount": Spec(
        (
            arg("source", path),
            arg("target", path),
            arg("filesystemtype", string),
            arg("mountflags", flag_set(file_names.MOUNT, "MS_???")),
            arg("data", string),
        ),
        number,
    ),
    "umount2": Spec((PATH, arg("flags", flag_set(file_names.UMOUNT, "MNT_???"))), number),
    "sync": Spec((), number),
    "fsync": Spec((FD,), number),
    "fdatasync": Spec((FD,), number),
    "syncfs": Spec((FD,), number),
    "sync_file_range": Spec(
        (
            FD,
            arg("offset", int64),
            arg("nbytes", int64),
            arg("flags", flag_set(file_names.SYNC_RANGE, "SYNC_FILE_RANGE_???")),
        ),
        number,
    ),
    "inotify_init": Spec((), number),
    "inotify_init1": Spec((arg("flags", flag_set(file_names.INOTIFY_INIT, "IN_???")),), number),
    "inotify_add_watch": Spec(
        (FD, PATH, arg("mask", flag_set(file_names.INOTIFY, "IN_???"))), number
    ),
    "inotify_rm_watch": Spec((FD, arg("wd", int32)), number),
    "readahead": Spec((FD, arg("offset", int64), arg("count", uint64)), number),
    "ioprio_get": Spec((arg("which", hex32), arg("who", int32)), number),
}
