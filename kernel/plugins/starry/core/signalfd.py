"""signalfd(2): take signals by reading. Source: Linux fs/signalfd.c."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.siginfo import SigInfo
from kernel.crates.vfs import VfsNodeAttr, VfsNodeType
from kernel.plugins.starry.core.file import POLLIN, FileLike, WouldBlock
from kernel.plugins.starry.core.signal import ALL_SIGNALS, dequeue

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.thread import Thread

#: signo errno code pid uid fd tid band overrun trapno status int ptr utime stime addr.
_INFO: Final = struct.Struct("<IiiIIiIIIIiiQQQQ")
INFO_BYTES: Final = 128


class SignalFd(FileLike):
    """Reads give the signals in `mask` that wait for the reading thread or its process."""

    __slots__ = ("attr", "kernel", "mask")
    kind = "signalfd"
    ignores_seek = True

    def __init__(self, kernel: Any, ino: int, mask: int) -> None:
        self.kernel = kernel
        self.mask = mask
        self.attr = VfsNodeAttr(ino, VfsNodeType.FILE, 0o600)

    def _current(self) -> Thread:
        """The thread that looks."""
        return self.kernel.board.cpus[self.kernel.events.cpu_id].current.task_ext

    def read(self, t: Thread, size_bytes: int) -> bytes:
        if size_bytes < INFO_BYTES:
            raise LinuxError(Errno.EINVAL)
        found: list[bytes] = []
        while (len(found) + 1) * INFO_BYTES <= size_bytes:
            info = dequeue(t, ALL_SIGNALS & ~self.mask)
            if info is None:
                break
            found.append(pack(info))
        if not found:
            raise WouldBlock
        return b"".join(found)

    def get_attr(self) -> VfsNodeAttr:
        return self.attr

    def poll(self) -> int:
        t = self._current()
        pending = t.signal.pending.mask | t.process.signal.pending.mask
        return POLLIN if pending & self.mask else 0

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        return (self.kernel.tasks.wait_queue(f"signalfd {self._current().process.pid}"),)


def pack(info: SigInfo) -> bytes:
    """A struct signalfd_siginfo."""
    integer = info.value & 0xFFFF_FFFF
    integer -= (integer & 0x8000_0000) << 1
    fields = (
        *(info.signo, info.errno, info.code, info.pid, info.uid, info.fd, info.timerid),
        *(info.band & 0xFFFF_FFFF, info.overrun, 0, info.status, integer, info.value),
        *(info.utime, info.stime, info.addr),
    )
    return _INFO.pack(*fields).ljust(INFO_BYTES, b"\0")
