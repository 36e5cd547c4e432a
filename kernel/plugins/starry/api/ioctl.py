"""ioctl(2): requests all files share; the rest goes to the file.

Source: Linux fs/ioctl.c `do_vfs_ioctl`; ioctl_tty(2). The terminal's requests are in core.tty_file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.vfs import VfsNodeType
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.file import O_ASYNC, O_NONBLOCK
from kernel.plugins.starry.core.pipe import PipeEnd

if TYPE_CHECKING:
    from kernel.plugins.starry.core.file import OpenFile
    from kernel.plugins.starry.core.thread import Thread

FIONREAD: Final = 0x541B
FIONBIO: Final = 0x5421
FIONCLEX: Final = 0x5450
FIOCLEX: Final = 0x5451
FIOASYNC: Final = 0x5452
FIOQSIZE: Final = 0x5460
FIGETBSZ: Final = 2


def _set_flag(t: Thread, file: OpenFile, flag: int, arg: int) -> int:
    if t.mem.read_u32(arg):
        file.flags |= flag
    else:
        file.flags &= ~flag
    return 0


def _regular(t: Thread, file: OpenFile, cmd: int, arg: int) -> int:
    """Requests of files and directories."""
    attr, _ = file.get_attr()
    if cmd == FIONREAD and attr.kind is VfsNodeType.FILE:
        t.mem.write_u32(arg, max(-(1 << 31), min(attr.size_bytes - file.offset, 0x7FFF_FFFF)))
        return 0
    if cmd == FIOQSIZE and attr.kind is not VfsNodeType.CHAR_DEVICE:
        t.mem.write_u64(arg, attr.size_bytes)
        return 0
    if cmd == FIGETBSZ:
        t.mem.write_u32(arg, attr.block_bytes)
        return 0
    raise LinuxError(Errno.ENOTTY)


def sys_ioctl(t: Thread, fd: int, cmd: int, arg: int) -> int:
    """ioctl(2)."""
    number, cmd = as_int32(fd), as_uint32(cmd)
    file = t.fds.get(number)
    if cmd in (FIOCLEX, FIONCLEX):
        t.fds.set_cloexec(number, cmd == FIOCLEX)
        return 0
    if cmd == FIONBIO:
        return _set_flag(t, file, O_NONBLOCK, arg)
    if file.file.seekable:
        return _regular(t, file, cmd, arg)
    if cmd == FIOASYNC:
        return _set_flag(t, file, O_ASYNC, arg)
    if cmd == FIONREAD and isinstance(file.file, PipeEnd):
        t.mem.write_u32(arg, file.file.pipe.size_bytes)
        return 0
    return file.file.ioctl(t, cmd, arg)


CALLS: dict[str, Handler] = {"ioctl": sys_ioctl}
