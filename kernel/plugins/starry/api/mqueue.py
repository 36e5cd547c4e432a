"""POSIX message queues: mq_open(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2) ...

Source: Linux ipc/mqueue.c; man 3 mq_open, mq_send, mq_receive, mq_notify, mq_getattr.
Differs: SIGEV_THREAD needs a netlink socket, which there is none of.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.crates.signal import NSIG
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_int64, as_uint32
from kernel.plugins.starry.core.file import (
    O_ACCMODE,
    O_CREAT,
    O_EXCL,
    O_NONBLOCK,
    OpenFile,
)
from kernel.plugins.starry.core.identity import identity_of
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.mqueue import MessageQueue, MqFile, Notice
from kernel.plugins.starry.core.timespec import read_timespec

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_ATTR: Final = struct.Struct("<8q")
_NAME_MAX: Final = 255
_MAX_MESSAGES, _MAX_SIZE = 65536, 16 << 20  # for those who may (CAP_SYS_RESOURCE)
_PLAIN_MESSAGES, _PLAIN_SIZE = 10, 8192
_MAX_PRIORITY: Final = 32768
_SIGEV_SIGNAL, _SIGEV_NONE, _SIGEV_THREAD = range(3)


def _name(t: Thread, va: int) -> bytes:
    """A queue's name as the C library passes it, without its slash.

    Raises:
        LinuxError: ENOENT, EACCES, ENAMETOOLONG.
    """
    name = t.mem.read_cstr(va, 4096)
    if not name:
        raise LinuxError(Errno.ENOENT)
    if b"/" in name or name in (b".", b".."):
        raise LinuxError(Errno.EACCES)
    if len(name) > _NAME_MAX:
        raise LinuxError(Errno.ENAMETOOLONG)
    return name


def sys_mq_open(t: Thread, name_va: int, flags: int, mode: int, attr_va: int) -> int:
    """Open a queue, making it if asked to."""
    flags = as_int32(flags)
    attr = _ATTR.unpack(t.mem.read(attr_va, _ATTR.size)) if attr_va and flags & O_CREAT else None
    name = _name(t, name_va)
    queues = t.starry.ipc.mqueues
    mq = queues.get(name)
    if mq is None:
        if not flags & O_CREAT:
            raise LinuxError(Errno.ENOENT)
        mq = _new_queue(t, name, mode & 0o7777 & ~t.fs.umask, attr)
    elif flags & O_CREAT and flags & O_EXCL:
        raise LinuxError(Errno.EEXIST)
    else:
        _check_access(t, mq, flags)
    if flags & O_ACCMODE == O_ACCMODE:
        raise LinuxError(Errno.EINVAL)
    queues[name] = mq
    kept = flags & (O_ACCMODE | O_NONBLOCK)
    path = "/" + name.decode("utf-8", "surrogateescape")
    file = OpenFile(t.kernel.alloc, MqFile(mq), kept, path)
    return t.fds.add(file, True, t.process.limits.soft(Resource.NOFILE))


def _new_queue(t: Thread, name: bytes, mode: int, attr: tuple[int, ...] | None) -> MessageQueue:
    """A queue with these attributes, within the limits.

    Raises:
        LinuxError: EINVAL, EMFILE.
    """
    messages, size = (attr[1], attr[2]) if attr else (_PLAIN_MESSAGES, _PLAIN_SIZE)
    is_root = identity_of(t.process).is_root
    limits = (_MAX_MESSAGES, _MAX_SIZE) if is_root else (_PLAIN_MESSAGES, _PLAIN_SIZE)
    if not (0 < messages <= limits[0] and 0 < size <= limits[1]):
        raise LinuxError(Errno.EINVAL)
    mq = MessageQueue(t, name, mode, messages, size)
    used = sum(other.charge_bytes for other in t.starry.ipc.mqueues.values())
    if used + mq.charge_bytes > t.process.limits.soft(Resource.MSGQUEUE):
        mq.is_linked = False
        mq.forget()
        raise LinuxError(Errno.EMFILE)
    return mq


def _check_access(t: Thread, mq: MessageQueue, flags: int) -> None:
    """Whether the caller may open the queue so.

    Raises:
        LinuxError: EACCES.
    """
    identity = identity_of(t.process)
    wanted = (4, 2, 6, 0)[flags & O_ACCMODE]
    granted = mq.attr.mode
    if identity.fsuid == mq.attr.uid:
        granted >>= 6
    elif mq.attr.gid in (identity.fsgid, *identity.groups):
        granted >>= 3
    if wanted & ~granted and not identity.is_root:
        raise LinuxError(Errno.EACCES)


def sys_mq_unlink(t: Thread, name_va: int) -> int:
    """Take a queue's name away; it lives on while it is open."""
    name = _name(t, name_va)
    queues = t.starry.ipc.mqueues
    mq = queues.get(name)
    if mq is None:
        raise LinuxError(Errno.ENOENT)
    identity = identity_of(t.process)
    if not identity.is_root and identity.fsuid != mq.attr.uid:
        raise LinuxError(Errno.EPERM)
    del queues[name]
    mq.is_linked = False
    mq.forget()
    return 0


def _open_queue(t: Thread, fd: int) -> tuple[OpenFile, MessageQueue]:
    """The queue behind a descriptor.

    Raises:
        LinuxError: EBADF.
    """
    opened = t.fds.get(as_int32(fd))
    if not isinstance(opened.file, MqFile):
        raise LinuxError(Errno.EBADF)
    return opened, opened.file.mq


def _deadline(t: Thread, timeout: int) -> int | None:
    """When a wait ends: the argument is a date."""
    if not timeout:
        return None
    return read_timespec(t, timeout) - t.kernel.config.epoch_offset_ns


def _wait(t: Thread, opened: OpenFile, mq: MessageQueue, deadline: int | None, what: str) -> int:
    """Wait for a change of the queue, or say how the wait ended.

    Raises:
        LinuxError: EAGAIN, ETIMEDOUT, ERESTARTSYS.
    """
    if opened.flags & O_NONBLOCK:
        raise LinuxError(Errno.EAGAIN)
    if t.resumed is WaitOutcome.TIMEOUT:
        raise LinuxError(Errno.ETIMEDOUT)
    if t.resumed is WaitOutcome.SIGNAL:
        raise LinuxError(Errno.ERESTARTSYS)
    return t.block(f"{what} in message queue {opened.path}", (mq.queue,), deadline)


def sys_mq_timedsend(t: Thread, fd: int, buf: int, size: int, priority: int, timeout: int) -> int:
    """Send a message, waiting for room."""
    priority = as_uint32(priority)
    deadline = _deadline(t, timeout)
    if priority >= _MAX_PRIORITY:
        raise LinuxError(Errno.EINVAL)
    opened, mq = _open_queue(t, fd)
    if not opened.writable:
        raise LinuxError(Errno.EBADF)
    if size > mq.max_size:
        raise LinuxError(Errno.EMSGSIZE)
    data = t.mem.read(buf, size) if size else b""
    if mq.is_full:
        return _wait(t, opened, mq, deadline, "room")
    mq.put(t, data, priority)
    return 0


def sys_mq_timedreceive(
    t: Thread, fd: int, buf: int, size: int, priority_va: int, timeout: int
) -> int:
    """Receive the best message; its length."""
    deadline = _deadline(t, timeout)
    opened, mq = _open_queue(t, fd)
    if t.tid in mq.readers:
        mq.readers.remove(t.tid)
    if not opened.readable:
        raise LinuxError(Errno.EBADF)
    if size < mq.max_size:
        raise LinuxError(Errno.EMSGSIZE)
    if not mq.messages:
        result = _wait(t, opened, mq, deadline, "a message")
        mq.readers.append(t.tid)
        return result
    priority, data = mq.take()
    if priority_va:
        t.mem.write_u32(priority_va, priority)
    t.mem.write(buf, data)
    return len(data)


def sys_mq_notify(t: Thread, fd: int, event_va: int) -> int:
    """Ask for one signal when the empty queue gets a message, or take that back."""
    how = signo = value = 0
    if event_va:
        value, signo, how = struct.unpack("<Qii", t.mem.read(event_va, 16))
        if how not in (_SIGEV_SIGNAL, _SIGEV_NONE, _SIGEV_THREAD):
            raise LinuxError(Errno.EINVAL)
        if how == _SIGEV_SIGNAL and not 0 <= signo <= NSIG:
            raise LinuxError(Errno.EINVAL)
        if how == _SIGEV_THREAD:
            raise LinuxError(Errno.EBADF, "its descriptor is no netlink socket")
    _, mq = _open_queue(t, fd)
    if not event_va:
        if mq.notice is not None and mq.notice.process is t.process:
            mq.notice = None
        return 0
    if mq.notice is not None:
        raise LinuxError(Errno.EBUSY)
    mq.notice = Notice(t.process, how, signo if how == _SIGEV_SIGNAL else 0, value)
    return 0


def sys_mq_getsetattr(t: Thread, fd: int, new_va: int, old_va: int) -> int:
    """Tell the attributes; set O_NONBLOCK."""
    new_flags = as_int64(t.mem.read_u64(new_va)) if new_va else 0
    if new_flags & ~O_NONBLOCK:
        raise LinuxError(Errno.EINVAL)
    opened, mq = _open_queue(t, fd)
    limits = mq.max_messages, mq.max_size, len(mq.messages)
    old = _ATTR.pack(opened.flags & O_NONBLOCK, *limits, 0, 0, 0, 0)
    if new_va:
        opened.flags = (opened.flags & ~O_NONBLOCK) | new_flags
    if old_va:
        t.mem.write(old_va, old)
    return 0


CALLS: dict[str, Handler] = {
    "mq_getsetattr": sys_mq_getsetattr,
    "mq_notify": sys_mq_notify,
    "mq_open": sys_mq_open,
    "mq_timedreceive": sys_mq_timedreceive,
    "mq_timedsend": sys_mq_timedsend,
    "mq_unlink": sys_mq_unlink,
}
