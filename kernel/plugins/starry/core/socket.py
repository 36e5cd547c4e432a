"""Sockets of the UNIX domain: pairs, streams with names, datagrams, sequenced packets.

    Socket --peer--> Socket     each has a queue of messages that have come for it
    listener.backlog            connected ends that nobody has accepted yet

A message's bytes lie in the kernel heap ("skb") and count against its sender's buffer until they
are read, by the size Linux's buffers have, so that a sender fills up where Linux's would.
Source: Linux net/unix/af_unix.c, net/core/{sock,datagram}.c; unix(7), socket(7).
Differs from Linux: no garbage collector for sockets that travel through themselves.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.event import EventKind
from kernel.crates.vfs import VfsNode, VfsNodeAttr, VfsNodeType
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.core.file import (
    POLLERR,
    POLLHUP,
    READABLE,
    WRITABLE,
    FileLike,
    WouldBlock,
)
from kernel.plugins.starry.core.skb import Message, drop_files, true_size

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.file import OpenFile
    from kernel.plugins.starry.core.thread import Thread

AF_UNIX: Final = 1
SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET = 1, 2, 5
POLLRDHUP: Final = 0x2000
POLLWRBAND: Final = 0x200
SHUT_RD, SHUT_WR = 1, 2
BUFFER_BYTES: Final = 212_992
"""net.core.wmem_default: what one sender may have under way."""
_DGRAM_QUEUE: Final = 10
_STREAM_PIECE: Final = 36_544
FIONREAD, TIOCOUTQ = 0x541B, 0x5411


class Socket(FileLike):
    """One socket.

    Attributes:
        kind_number: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
        name: Its address as getsockname gives it, without the family; b"": none.
        node: The file its name stands for.
        peer: The other end, or where datagrams go; None: not connected.
        was_connected: A stream stays so after its peer has gone.
        backlog: Ends that wait to be accepted; None: it does not listen.
        limit: How many of them may wait.
        rx: Messages that have come.
        used: Bytes of its own messages that are under way.
        shut: SHUT_ bits: directions that are closed.
        error: Reported by the next call; 0: none.
        ids, peer_ids: (pid, uid, gid) of who made it, and of the peer (SO_PEERCRED).
        options: Options that were set, by number.
    """

    __slots__ = (
        "attr",
        "backlog",
        "error",
        "ids",
        "kernel",
        "kind_number",
        "limit",
        "name",
        "node",
        "options",
        "peer",
        "peer_ids",
        "queue",
        "rx",
        "shut",
        "used",
        "was_connected",
    )
    kind = "socket"

    def __init__(self, kernel: Any, kind_number: int, ids: tuple[int, int, int]) -> None:
        self.kernel = kernel
        self.kind_number = kind_number
        ino = kernel.fs.new_anon_ino()
        self.attr = VfsNodeAttr(ino, VfsNodeType.SOCKET, 0o777)
        self.name = b""
        self.node: VfsNode | None = None
        self.peer: Socket | None = None
        self.was_connected = False
        self.backlog: deque[Socket] | None = None
        self.limit = 0
        self.rx: deque[Message] = deque()
        self.used = 0
        self.shut = 0
        self.error = 0
        self.ids = ids
        self.peer_ids = (0, -1, -1)
        self.options: dict[int, Any] = {}
        self.queue: WaitQueue = kernel.tasks.wait_queue(f"socket:[{ino}]")

    @property
    def is_stream(self) -> bool:
        """Whether bytes have no boundaries."""
        return self.kind_number == SOCK_STREAM

    @property
    def needs_connection(self) -> bool:
        """Whether it is a stream or sends sequenced packets."""
        return self.kind_number != SOCK_DGRAM

    @property
    def sends_messages(self) -> bool:  # type: ignore[override]  # computed
        """Whether a write is one message, an empty one too."""
        return self.kind_number != SOCK_STREAM

    def pair_with(self, other: Socket) -> None:
        """Make two sockets each other's peer."""
        self.peer, other.peer = other, self
        self.was_connected = other.was_connected = True
        self.peer_ids, other.peer_ids = other.ids, self.ids

    def take_error(self) -> None:
        """Report a pending error once.

        Raises:
            LinuxError: It.
        """
        error, self.error = self.error, 0
        if error:
            raise LinuxError(Errno(error))

    # -- sending --------------------------------------------------------------------------------

    def _buffer(self) -> int:
        return self.options.get(7, BUFFER_BYTES)

    def target(self, other: Socket | None) -> Socket:
        """Where a message goes; the peer unless `other` is named.

        Raises:
            LinuxError: ENOTCONN, EPIPE, ECONNREFUSED.
        """
        self.take_error()
        where = other or self.peer
        if where is None:
            if self.needs_connection and self.was_connected:
                raise LinuxError(Errno.EPIPE)
            raise LinuxError(Errno.ENOTCONN)
        if self.shut & SHUT_WR:
            raise LinuxError(Errno.EPIPE)
        if where.attr.nlink == 0:
            if self.needs_connection:
                raise LinuxError(Errno.EPIPE)
            self.peer = None if where is self.peer else self.peer
            raise LinuxError(Errno.ECONNREFUSED)
        if where.shut & SHUT_RD:
            raise LinuxError(Errno.EPIPE)
        return where

    def send(
        self, data: bytes, files: tuple[OpenFile, ...] = (), other: Socket | None = None
    ) -> int:
        """Put bytes into the peer's queue, a stream as much as finds room.

        Raises:
            WouldBlock: There is no room.
            LinuxError: As `target`; EMSGSIZE, ENOBUFS.
        """
        where = self.target(other)
        if self.is_stream:
            done = 0
            while done < len(data) and self.used < self._buffer():
                piece = data[done : done + min(_STREAM_PIECE, self._buffer() // 2 - 64)]
                self._queue(where, piece, files)
                files = ()
                done += len(piece)
            if data and not done:
                raise WouldBlock
        else:
            if len(data) > self._buffer() - 32:
                raise LinuxError(Errno.EMSGSIZE)
            is_full = where.peer is not self and len(where.rx) > _DGRAM_QUEUE
            if self.used >= self._buffer() or is_full:
                raise WouldBlock
            self._queue(where, data, files)
            done = len(data)
        self.kernel.events.emit(EventKind.FILE_WRITE, self.queue.name, 0, done)
        return done

    def _queue(self, where: Socket, data: bytes, files: tuple[OpenFile, ...]) -> None:
        kernel = self.kernel
        pa = 0
        if data:
            try:
                pa = kernel.alloc.alloc(len(data), 8, "skb")
            except AxError as error:
                raise LinuxError(Errno.ENOBUFS) from error
            kernel.ram.write(pa, data)
        charge = true_size(len(data))
        self.used += charge
        where.rx.append(Message(pa, 0, len(data), charge, self, self.name, files, self.ids))
        where.queue.notify_all("message")

    # -- receiving ------------------------------------------------------------------------------

    def wait_or_end(self) -> None:
        """Nothing has come: whether that is the end.

        Raises:
            WouldBlock: It is not.
            LinuxError: A pending error; EINVAL, ENOTCONN: nothing can come.
        """
        if self.backlog is not None:
            raise LinuxError(Errno.EINVAL)
        if self.needs_connection and not self.was_connected:
            raise LinuxError(Errno.EINVAL if self.is_stream else Errno.ENOTCONN)
        self.take_error()
        if not self.shut & SHUT_RD:
            raise WouldBlock

    def receive(self, size_bytes: int, *, peek: bool = False) -> tuple[bytes, Message | None]:
        """Take what has come: of a stream up to `size_bytes`, else one message, cut.

        Returns:
            The bytes, and the message they (or the last of them) are from; None at the end.

        Raises:
            WouldBlock: Nothing yet.
            LinuxError: As `wait_or_end`.
        """
        if not self.rx:
            self.wait_or_end()
            return b"", None
        ram = self.kernel.ram
        parts: list[bytes] = []
        message = self.rx[0]
        for message in list(self.rx):
            if parts and (message.files or not self.is_stream):
                break
            n = min(message.size, size_bytes)
            parts.append(ram.read(message.pa + message.start, n) if n else b"")
            size_bytes -= n
            if not peek:
                self._consume(message, n)
            if not self.is_stream or not size_bytes or message.files:
                break
        data = b"".join(parts)
        self.kernel.events.emit(EventKind.FILE_READ, self.queue.name, 0, len(data))
        return data, message

    def _consume(self, message: Message, n: int) -> None:
        """`n` bytes of the first message are read; what is left of a datagram is lost."""
        if self.is_stream and n < message.size:
            message.start += n
            message.size -= n
            return
        self.rx.popleft()
        self._free(message)

    def _free(self, message: Message) -> None:
        if message.pa:
            self.kernel.alloc.dealloc(message.pa)
        message.sender.used -= message.charge
        message.sender.queue.notify_all("room")
        self.queue.notify_all("room")  # datagram senders wait for the queue

    # -- as a file ------------------------------------------------------------------------------

    def read(self, t: Thread, size_bytes: int) -> bytes:
        try:
            data, message = self.receive(size_bytes)
        except WouldBlock as stop:
            self._limit_wait(t, 20, stop)
            raise
        if message is not None:
            drop_files(message)
        return data

    def write(self, t: Thread, data: bytes) -> int:
        try:
            return self.send(data)
        except WouldBlock as stop:
            self._limit_wait(t, 21, stop)
            raise

    def _limit_wait(self, t: Thread, option: int, stop: WouldBlock) -> None:
        """SO_RCVTIMEO, SO_SNDTIMEO.

        Raises:
            LinuxError: EAGAIN: the time is over.
        """
        limit_ns = self.options.get(option, 0)
        if limit_ns:
            if t.resumed is WaitOutcome.TIMEOUT:
                raise LinuxError(Errno.EAGAIN)
            stop.deadline_ns = t.kernel.events.time_ns + limit_ns

    def put_back(self, data: bytes) -> None:
        if data and self.is_stream:
            pa = self.kernel.alloc.alloc(len(data), 8, "skb")
            self.kernel.ram.write(pa, data)
            self.rx.appendleft(Message(pa, 0, len(data), 0, self, b"", (), self.ids))

    def get_attr(self) -> VfsNodeAttr:
        return self.attr

    def poll(self) -> int:
        if self.backlog is not None:
            return READABLE if self.backlog else 0
        mask = READABLE if self.rx else 0
        if self.error:
            mask |= POLLERR
        if self.shut == SHUT_RD | SHUT_WR:
            mask |= POLLHUP
        if self.shut & SHUT_RD:
            mask |= POLLRDHUP | READABLE
        if self.needs_connection and not self.was_connected:
            mask |= POLLHUP
        if self.used * 4 <= self._buffer():
            mask |= WRITABLE | POLLWRBAND
        return mask

    def wait_queues(self) -> tuple[WaitQueue, ...]:
        if self.peer is not None and not self.needs_connection:
            return (self.queue, self.peer.queue)
        return (self.queue,)

    def ioctl(self, t: Thread, cmd: int, arg: int) -> int:
        if cmd == FIONREAD:
            if self.backlog is not None:
                raise LinuxError(Errno.EINVAL)
            sizes = [message.size for message in self.rx]
            t.mem.write_u32(arg, sum(sizes) if self.needs_connection else sum(sizes[:1]))
        elif cmd == TIOCOUTQ:
            t.mem.write_u32(arg, self.used)
        else:
            raise LinuxError(Errno.ENOTTY)
        return 0

    def shutdown(self, how: int) -> None:
        """Close directions (SHUT_ bits), the peer's other ones with them."""
        self.shut |= how
        peer = self.peer
        if peer is not None and self.needs_connection and peer.peer is self:
            peer.shut |= how << 1 & SHUT_WR | how >> 1
            peer.queue.notify_all("shutdown")
        self.queue.notify_all("shutdown")

    def close(self) -> None:
        self.leave(is_new=False)
        self.kernel.tasks.drop_wait_queue(self.queue)

    def leave(self, *, is_new: bool) -> None:
        """The socket ends; its peer notices. `is_new`: nobody has accepted it."""
        if self.node is not None and self.node.attached is self:
            self.node.attached = None
        names: dict[bytes, Socket] = self.kernel.plugin.socket_names
        if names.get(self.name) is self:
            del names[self.name]
        self.attr.nlink = 0
        peer, self.peer = self.peer, None
        if peer is not None and self.needs_connection and peer.peer is self:
            peer.shut = SHUT_RD | SHUT_WR
            peer.peer = None
            if self.rx or is_new:
                peer.error = int(Errno.ECONNRESET)
            peer.queue.notify_all("peer closed")
        elif peer is not None and peer.peer is self:
            peer.queue.notify_all("peer closed")
        while self.rx:
            message = self.rx.popleft()
            drop_files(message)
            self._free(message)
        for child in self.backlog or ():
            child.leave(is_new=True)
        self.queue.notify_all("closed")
