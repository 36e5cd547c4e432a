"""Running another program: execve(2), execveat(2).

Source: Linux fs/exec.c (`do_execveat_common`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import VfsNodeType
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.api.paths import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_NOFOLLOW,
    credentials,
    node_at,
    read_path,
)
from kernel.plugins.starry.core.exec import (
    check_file,
    find_program,
    others_gone,
    replace_program,
    wait_for_others,
)
from kernel.plugins.starry.core.layout import MAX_ARG_BYTES

if TYPE_CHECKING:
    from kernel.crates.vfs import VfsNode
    from kernel.plugins.starry.core.thread import Thread


def _strings(t: Thread, va: int) -> tuple[bytes, ...]:
    """A null-terminated array of strings; a null array is an empty one.

    Raises:
        LinuxError: EFAULT, E2BIG.
    """
    if not va:
        return ()
    pointers = t.mem.read_ptr_array(va)
    return tuple(t.mem.read_cstr(p, MAX_ARG_BYTES, Errno.E2BIG) for p in pointers)


def _exec(
    t: Thread,
    node: VfsNode,
    path: str,
    argv_va: int,
    envp_va: int,
    *,
    name: str = "",
    closes: bool = False,
) -> int:
    who = credentials(t)
    check_file(t.starry, node, who)
    argv = _strings(t, argv_va) or (b"",)
    envp = _strings(t, envp_va)
    program = find_program(t.starry, t.fs.cwd, node, path, argv, who, closes=closes)
    if name:
        program = replace(program, name=name)
    if not others_gone(t):
        return wait_for_others(t)
    replace_program(t, program, envp)
    return 0


def sys_execve(t: Thread, path_va: int, argv: int, envp: int) -> int:
    """Run the program at a path."""
    path = read_path(t, path_va)
    node = node_at(t, AT_FDCWD, path_va, 0)
    return _exec(t, node, path, argv, envp)


def sys_execveat(t: Thread, dirfd: int, path_va: int, argv: int, envp: int, flags: int) -> int:
    """Run a program relative to a directory, or an open file (AT_EMPTY_PATH)."""
    flags = as_uint32(flags)
    if flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW):
        raise LinuxError(Errno.EINVAL)
    path = read_path(t, path_va, may_be_empty=bool(flags & AT_EMPTY_PATH))
    node = node_at(t, dirfd, path_va, flags)
    if flags & AT_SYMLINK_NOFOLLOW and node.get_attr().kind is VfsNodeType.SYMLINK:
        raise LinuxError(Errno.ELOOP)
    fd = as_int32(dirfd)
    name = "" if path else t.fds.get_any(fd).path.rpartition("/")[2]
    closes = False
    if fd != AT_FDCWD and not path.startswith("/"):
        closes = t.fds.is_cloexec(fd)
        path = f"/dev/fd/{fd}/{path}" if path else f"/dev/fd/{fd}"
    return _exec(t, node, path, argv, envp, name=name, closes=closes)


CALLS: dict[str, Handler] = {"execve": sys_execve, "execveat": sys_execveat}
