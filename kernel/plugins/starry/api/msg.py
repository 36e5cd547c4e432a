"""System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2).

Source: Linux ipc/msg.c; man 2 msgget, msgop, msgctl.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_int64
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.sysv import (
    IPC_INFO,
    IPC_NOWAIT,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    READ,
    WRITE,
    wall_seconds,
)
from kernel.plugins.starry.core.sysv_msg import (
    MAX_QUEUE_BYTES,
    MSG_EXCEPT,
    MSG_NOERROR,
    Message,
    MsgQueue,
    Receiver,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_MSG_COPY: Final = 0o40000
_MSG_STAT, _MSG_INFO, _MSG_STAT_ANY = range(11, 14)
_MAX_BYTES: Final = 8192
_MSQID_DS_BYTES: Final = 120
_QBYTES_OFFSET: Final = 88
_LONG_MIN: Final = -(1 << 63)


def sys_msgget(t: Thread, key: int, flags: int) -> int:
    """Find or make a queue; its identifier."""
    key, flags = as_int32(key), as_int32(flags)
    table = t.starry.ipc.msg
    found = table.existing(t, key, flags)
    if found is not None:
        found.check(t, flags)
        return found.ident
    return table.add(MsgQueue(t, key, flags))


def sys_msgsnd(t: Thread, ident: int, buf: int, size: int, flags: int) -> int:
    """Send a message, waiting for room."""
    ident, flags = as_int32(ident), as_int32(flags)
    if t.resumed is WaitOutcome.SIGNAL:
        raise LinuxError(Errno.ERESTARTNOHAND)
    queue: MsgQueue | None = t.wait_state if t.resumed is WaitOutcome.WOKEN else None
    if queue is not None and queue.is_gone:
        raise LinuxError(Errno.EIDRM)
    kind = as_int64(t.mem.read_u64(buf))
    if size > _MAX_BYTES or ident < 0 or kind < 1:
        raise LinuxError(Errno.EINVAL)
    data = t.mem.read(buf + 8, size) if size else b""
    queue = queue or t.starry.ipc.msg.get(ident)
    queue.check(t, WRITE)
    if not queue.has_room(size):
        if flags & IPC_NOWAIT:
            raise LinuxError(Errno.EAGAIN)
        why = f"room in message queue {ident}"
        return t.block(why, (queue.queue(t.starry, "room"),), state=queue)
    queue.put(t, kind, data)
    return 0


def sys_msgrcv(t: Thread, ident: int, buf: int, size: int, kind: int, flags: int) -> int:
    """Receive a message of a type; its length."""
    if t.resumed is not WaitOutcome.NONE:
        return _end_of_wait(t, buf)
    ident, flags = as_int32(ident), as_int32(flags)
    kind = max(as_int64(kind), _LONG_MIN + 1)
    if ident < 0 or as_int64(size) < 0:
        raise LinuxError(Errno.EINVAL)
    if flags & _MSG_COPY and (flags & MSG_EXCEPT or not flags & IPC_NOWAIT):
        raise LinuxError(Errno.EINVAL)
    queue = t.starry.ipc.msg.get(ident)
    queue.check(t, READ)
    receiver = Receiver(t.tid, t.process.pid, kind, flags, size)
    if flags & _MSG_COPY:
        message = queue.messages[kind] if 0 <= kind < len(queue.messages) else None
    else:
        message = queue.find(receiver)
    if message is None:
        if flags & IPC_NOWAIT:
            raise LinuxError(Errno.ENOMSG)
        queue.receivers.append(receiver)
        why = f"a message in queue {ident}"
        return t.block(why, (queue.queue(t.starry, "messages"),), state=(queue, receiver))
    if len(message.data) > size and not flags & MSG_NOERROR:
        raise LinuxError(Errno.E2BIG)
    if flags & _MSG_COPY:
        return _store(t, buf, size, message)
    queue.take(t, message)
    t.kernel.alloc.dealloc(message.object_pa)
    return _store(t, buf, size, message)


def _store(t: Thread, buf: int, size: int, message: Message) -> int:
    data = message.data[:size]
    t.mem.write(buf, struct.pack("<q", message.kind) + data)
    return len(data)


def _end_of_wait(t: Thread, buf: int) -> int:
    """How the wait of msgrcv(2) ended."""
    state: tuple[MsgQueue, Receiver] = t.wait_state
    queue, receiver = state
    if receiver.error:
        raise LinuxError(Errno(receiver.error))
    if receiver.message is None:
        queue.receivers.remove(receiver)
        raise LinuxError(Errno.ERESTARTNOHAND)
    t.kernel.alloc.dealloc(receiver.message.object_pa)
    return _store(t, buf, receiver.size_bytes, receiver.message)


def sys_msgctl(t: Thread, ident: int, cmd: int, buf: int) -> int:
    """Ask about a queue, change it, remove it."""
    ident, cmd = as_int32(ident), as_int32(cmd)
    table = t.starry.ipc.msg
    if ident < 0 or cmd < 0:
        raise LinuxError(Errno.EINVAL)
    if cmd in (IPC_INFO, _MSG_INFO):
        return _info(t, cmd, buf)
    if cmd in (IPC_STAT, _MSG_STAT, _MSG_STAT_ANY):
        any_reader = cmd == _MSG_STAT_ANY
        return table.stat(t, ident, buf, slot=cmd != IPC_STAT, any_reader=any_reader)
    raw = t.mem.read(buf, _MSQID_DS_BYTES) if cmd == IPC_SET else b""
    if cmd not in (IPC_SET, IPC_RMID):
        raise LinuxError(Errno.EINVAL)
    queue = table.get(ident)
    queue.check_owner(t)
    if cmd == IPC_RMID:
        queue.remove(t)
        return 0
    max_bytes = int.from_bytes(raw[_QBYTES_OFFSET : _QBYTES_OFFSET + 8], "little")
    if max_bytes > MAX_QUEUE_BYTES and not identity_of(t.process).is_root:
        raise LinuxError(Errno.EPERM)
    queue.unpack_perm(t, raw)
    queue.max_bytes = max_bytes
    queue.ctime = wall_seconds(t)
    queue.queue(t.starry, "room").notify_all("msgctl")
    return 0


def _info(t: Thread, cmd: int, buf: int) -> int:
    """Limits (struct msginfo), or what is in use; the highest slot."""
    table = t.starry.ipc.msg
    pool = max_messages = 0
    map_entries = MAX_QUEUE_BYTES
    if cmd == _MSG_INFO:
        pool = len(table.objects)
        map_entries = sum(len(q.messages) for q in table.objects.values())
        max_messages = sum(q.held_bytes for q in table.objects.values())
    words = (pool, map_entries, _MAX_BYTES, MAX_QUEUE_BYTES, table.limit, 16, max_messages, 0xFFFF)
    t.mem.write(buf, struct.pack("<7iHxx", *words))
    return table.last_slot


CALLS: dict[str, Handler] = {
    "msgctl": sys_msgctl,
    "msgget": sys_msgget,
    "msgrcv": sys_msgrcv,
    "msgsnd": sys_msgsnd,
}
