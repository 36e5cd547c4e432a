"""System V message queues: typed messages; who waits gets one handed over by the sender.

Source: Linux ipc/msg.c (`pipelined_send`, `find_msg`, `expunge_all`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno
from kernel.plugins.starry.core.sysv import IpcObject, wall_seconds

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.starry import Starry
    from kernel.plugins.starry.core.thread import Thread

MSG_NOERROR: Final = 0o10000
MSG_EXCEPT: Final = 0o20000
MAX_QUEUE_BYTES: Final = 16384
_QUEUE_BYTES: Final = 256  # struct msg_queue
_MSG_BYTES: Final = 48  # struct msg_msg
_TAIL: Final = struct.Struct("<qqqQQQiiQQ")


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a queue; `object_pa` is its modelled memory."""

    kind: int
    data: bytes
    object_pa: int


@dataclass(slots=True)
class Receiver:
    """Who waits for a message: `Thread.wait_state` of msgrcv(2).

    Attributes:
        tid, pid: Who.
        kind, flags, size_bytes: msgrcv's arguments.
        message: What it was given.
        error: What the call fails with; 0: nothing.
    """

    tid: int
    pid: int
    kind: int
    flags: int
    size_bytes: int
    message: Message | None = None
    error: int = 0

    def wants(self, kind: int) -> bool:
        """Whether a message of this type is for it."""
        if not self.kind:
            return True
        if self.kind < 0:
            return kind <= -self.kind
        return (kind != self.kind) if self.flags & MSG_EXCEPT else kind == self.kind


class MsgQueue(IpcObject):
    """One queue.

    Attributes:
        messages: Oldest first; `max_bytes` how much they may hold.
        receivers: Who waits for one, oldest first.
        stime, rtime: Last send and receive, seconds. lspid, lrpid: by whom.
        is_gone: It was removed.
    """

    __slots__ = (
        "is_gone",
        "lrpid",
        "lspid",
        "max_bytes",
        "messages",
        "receivers",
        "rtime",
        "stime",
    )

    def __init__(self, t: Thread, key: int, mode: int) -> None:
        super().__init__(t, key, mode, _QUEUE_BYTES, "msg_queue")
        self.messages: list[Message] = []
        self.receivers: list[Receiver] = []
        self.max_bytes = MAX_QUEUE_BYTES
        self.stime = self.rtime = self.lspid = self.lrpid = 0
        self.is_gone = False

    @property
    def held_bytes(self) -> int:
        """Bytes in all messages."""
        return sum(len(message.data) for message in self.messages)

    def queue(self, starry: Starry, end: str) -> WaitQueue:
        """Where senders ("room") or receivers ("messages") wait."""
        queue = starry.kernel.tasks.wait_queue(f"{end} of queue {self.ident}")
        queue.transient = True
        return queue

    def has_room(self, size_bytes: int) -> bool:
        """Whether one more message fits."""
        fits = self.held_bytes + size_bytes <= self.max_bytes
        return fits and len(self.messages) < self.max_bytes

    def put(self, t: Thread, kind: int, data: bytes) -> None:
        """Hand a message to a waiting receiver, or keep it."""
        self.lspid, self.stime = t.process.pid, wall_seconds(t)
        queue = self.queue(t.starry, "messages")
        message = Message(kind, data, t.kernel.alloc.alloc(_MSG_BYTES + len(data), 16, "msg_msg"))
        for receiver in list(self.receivers):
            if not receiver.wants(kind):
                continue
            self.receivers.remove(receiver)
            if len(data) > receiver.size_bytes and not receiver.flags & MSG_NOERROR:
                receiver.error = Errno.E2BIG
                queue.notify_task(receiver.tid, "msgsnd")
                continue
            receiver.message = message
            self.lrpid, self.rtime = receiver.pid, self.stime
            queue.notify_task(receiver.tid, "msgsnd")
            return
        self.messages.append(message)

    def find(self, receiver: Receiver) -> Message | None:
        """The message a receiver gets next."""
        wanted = [message for message in self.messages if receiver.wants(message.kind)]
        if receiver.kind < 0:
            return min(wanted, key=_kind_of, default=None)
        return wanted[0] if wanted else None

    def take(self, t: Thread, message: Message) -> None:
        """A message leaves the queue: there is room for senders."""
        self.messages.remove(message)
        self.lrpid, self.rtime = t.process.pid, wall_seconds(t)
        self.queue(t.starry, "room").notify_all("msgrcv")

    def remove(self, t: Thread) -> None:
        """IPC_RMID: whoever waits gets EIDRM."""
        self.is_gone = True
        for receiver in self.receivers:
            receiver.error = Errno.EIDRM
        self.receivers.clear()
        self.queue(t.starry, "messages").notify_all("msgctl")
        self.queue(t.starry, "room").notify_all("msgctl")
        for message in self.messages:
            t.kernel.alloc.dealloc(message.object_pa)
        self.messages.clear()
        t.starry.ipc.msg.remove(t, self)

    def pack(self, t: Thread) -> bytes:
        """Its struct msqid64_ds."""
        held = self.held_bytes, len(self.messages), self.max_bytes
        times = self.stime, self.rtime, self.ctime
        return self.pack_perm() + _TAIL.pack(*times, *held, self.lspid, self.lrpid, 0, 0)


def _kind_of(message: Message) -> int:
    return message.kind
