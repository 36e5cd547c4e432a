"""How the arguments of every system call read, one file per family of man pages."""

from __future__ import annotations

from arcetui.strace.call import Arg, Spec
from arcetui.strace.calls import (
    files,
    io,
    ipc,
    memory,
    process,
    signals,
    sockets,
    system,
    time,
    unikernel,
)
from arcetui.strace.results import number
from arcetui.strace.scalars import hex64

#: Every call that is known by its arguments.
SPECS: dict[str, Spec] = {
    **files.CALLS,
    **io.CALLS,
    **ipc.CALLS,
    **memory.CALLS,
    **process.CALLS,
    **signals.CALLS,
    **sockets.CALLS,
    **system.CALLS,
    **time.CALLS,
    **unikernel.CALLS,
}
#: What an unknown call shows: six raw numbers.
UNKNOWN = Spec(tuple(Arg(f"arg{i}", hex64) for i in range(6)), number)


def argument_names(name: str) -> tuple[str, ...]:
    """The names of a call's arguments by position, for conditions; () for an unknown call."""
    spec = SPECS.get(name)
    if spec is None:
        return ()
    if spec.args:
        return tuple(arg.name for arg in spec.args)
    return _VARYING.get(name, ())


_VARYING: dict[str, tuple[str, ...]] = {
    "open": ("pathname", "flags", "mode"),
    "openat": ("dirfd", "pathname", "flags", "mode"),
    "mknod": ("pathname", "mode", "dev"),
    "mknodat": ("dirfd", "pathname", "mode", "dev"),
    "fcntl": ("fd", "cmd", "arg"),
    "ioctl": ("fd", "request", "argp"),
    "mremap": ("old_address", "old_size", "new_size", "flags", "new_address"),
    "clone": ("flags", "child_stack", "parent_tid"),
    "futex": ("uaddr", "futex_op", "val", "timeout", "uaddr2", "val3"),
    "prctl": ("option", "arg2", "arg3", "arg4", "arg5"),
    "arch_prctl": ("code", "addr"),
    "msgctl": ("id", "cmd", "buf"),
    "shmctl": ("id", "cmd", "buf"),
    "semctl": ("semid", "semnum", "cmd", "arg"),
    "mq_open": ("name", "oflag", "mode", "attr"),
}
