"""POSIX message queues: named queues ordered by priority, with a notice when one fills.

Source: Linux ipc/mqueue.c; mq_overview(7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.siginfo import SI_MESGQ, SigInfo
from kernel.crates.vfs import VfsNodeAttr, VfsNodeType
from kernel.plugins.starry.core.file import READABLE, WRITABLE, FileLike
from kernel.plugins.starry.core.identity import identity_of

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.thread import Thread

_QUEUE_BYTES: Final = 512  # struct mqueue_inode_info
_MSG_BYTES: Final = 48  # struct msg_msg
_NODE_BYTES: Final = 48  # struct posix_msg_tree_node
_MAX_PRIORITIES: Final = 32768


@dataclass(frozen=True, slots=True)
class Notice:
    """Who wants to be told of the next message: process, how, signal, si_value."""

    process: Process
    how: int
    signo: int
    value: int


class MessageQueue:
    """One queue.

    Attributes:
        name: Without the slash.
        max_messages, max_size: mq_attr's limits.
        messages: (priority, contents, modelled memory), best first.
        notice: From mq_notify(3), or None.
        is_linked: It still has its name.
        opens: Open descriptions of it.
    """

    __slots__ = (
        "attr",
        "is_linked",
        "kernel",
        "max_messages",
        "max_size",
        "messages",
        "name",
        "notice",
        "object_pa",
        "opens",
        "queue",
        "readers",
    )

    def __init__(self, t: Thread, name: bytes, mode: int, max_messages: int, max_size: int) -> None:
        self.kernel: Any = t.kernel
        self.name = name
        self.max_messages = max_messages
        self.max_size = max_size
        self.messages: list[tuple[int, bytes, int]] = []
        self.notice: Notice | None = None
        self.is_linked = True
        self.opens = 0
        self.readers: list[int] = []
        identity = identity_of(t.process)
        ino = t.kernel.fs.new_anon_ino()
        self.attr = VfsNodeAttr(ino, VfsNodeType.FILE, mode)
        self.attr.uid, self.attr.gid = identity.fsuid, identity.fsgid
        self.object_pa = t.kernel.alloc.alloc(_QUEUE_BYTES, 16, "mqueue")
        self.queue: WaitQueue = t.kernel.tasks.wait_queue(f"mqueue:[{ino}]")

    @property
    def is_full(self) -> bool:
        """Whether a sender has to wait."""
        return len(self.messages) >= self.max_messages

    @property
    def charge_bytes(self) -> int:
        """What it counts for RLIMIT_MSGQUEUE."""
        per_message = self.max_size + _MSG_BYTES
        return (
            self.max_messages * per_message + min(self.max_messages, _MAX_PRIORITIES) * _NODE_BYTES
        )

    def put(self, t: Thread, data: bytes, priority: int) -> None:
        """Add a message behind those of its priority."""
        was_empty = not self.messages
        pa = self.kernel.alloc.alloc(_MSG_BYTES + len(data), 16, "msg_msg")
        at = next((i for i, m in enumerate(self.messages) if m[0] < priority), len(self.messages))
        self.messages.insert(at, (priority, data, pa))
        if was_empty and not self.readers:
            self._notify(t)
        self.queue.notify_all("mq_send")

    def take(self) -> tuple[int, bytes]:
        """Remove the best message: (priority, contents)."""
        priority, data, pa = self.messages.pop(0)
        self.kernel.alloc.dealloc(pa)
        self.queue.notify_all("mq_receive")
        return priority, data

    def _notify(self, t: Thread) -> None:
        """The queue is no longer empty: tell who asked, once."""
        from kernel.plugins.starry.core.signal import send_to_process

        notice, self.notice = self.notice, None
        if notice is None or not notice.signo:
            return
        uid = identity_of(t.process).ruid
        info = SigInfo(notice.signo, SI_MESGQ, pid=t.process.pid, uid=uid, value=notice.value)
        send_to_process(notice.process, info)

    def forget(self) -> None:
        """Without name and descriptors it is gone."""
        if self.is_linked or self.opens:
            return
        for _, _, pa in self.messages:
            self.kernel.alloc.dealloc(pa)
        self.messages.clear()
        self.kernel.alloc.dealloc(self.object_pa)
        self.kernel.tasks.drop_wait_queue(self.queue)


class MqFile(FileLike):
    """A descriptor of a queue."""

    __slots__ = ("mq",)
    kind = "mqueue"

    def __init__(self, mq: MessageQueue) -> None:
        self.mq = mq
        mq.opens += 1

    def read(self, t: Thread, size_bytes: int) -> bytes:
        notice = self.mq.notice
        how, signo, pid = (notice.how, notice.signo, notice.process.pid) if notice else (0, 0, 0)
        held = sum(len(data) for _, data, _ in self.mq.messages)
        text = f"QSIZE:{held:<10d} NOTIFY:{how:<5d} SIGNO:{signo:<5d} NOTIFY_PID:{pid:<6d}\n"
        return text.encode()[:size_bytes]

    def get_attr(self) -> VfsNodeAttr:
        return self.mq.attr

    def poll(self) -> int:
        mask = READABLE if self.mq.messages else 0
        return mask if self.mq.is_full else mask | WRITABLE

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        return (self.mq.queue,)

    def close(self) -> None:
        self.mq.opens -= 1
        self.mq.forget()


def forget_notices(process: Process) -> None:
    """The process ends: nothing is to be told to it."""
    for mq in process.starry.ipc.mqueues.values():
        if mq.notice is not None and mq.notice.process is process:
            mq.notice = None
