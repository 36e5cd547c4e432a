"""Waiting for several files: poll(2), ppoll(2), select(2), pselect6(2).

A call that waits keeps its deadline in `wait_state`; each time one of its files' queues is told,
it is entered again and looks at all files anew.
Source: Linux fs/select.c.
Differs from Linux: a poll interrupted by a signal without a handler starts its timeout again.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.abi import Handler, as_int32, as_uint32
from kernel.plugins.starry.core.file import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDNORM,
    POLLWRNORM,
    FileLike,
    queues_of,
)
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.signal_mask import suspend_with
from kernel.plugins.starry.core.timespec import (
    deadline_after,
    now_ns,
    pack_timespec,
    pack_timeval,
    read_timespec,
)

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_POLLFD: Final = struct.Struct("<ihH")
_ALWAYS: Final = POLLERR | POLLHUP
_IN_SET: Final = POLLIN | POLLRDNORM | 0x80 | POLLHUP | POLLERR
_OUT_SET: Final = POLLOUT | POLLWRNORM | 0x200 | POLLERR
_SIGSET_BYTES: Final = 8
_NS: Final = 1_000_000_000


def _first_deadline(t: Thread, timeout_ns: int | None) -> int | None:
    """When the wait ends: kept from the first entry on."""
    if t.resumed:
        return t.wait_state
    return None if timeout_ns is None else deadline_after(t, timeout_ns)


def _must_wait(t: Thread, deadline_ns: int | None) -> bool:
    """Whether to block, nothing being ready.

    Raises:
        LinuxError: ERESTARTNOHAND: a signal ended the wait.
    """
    if t.resumed == WaitOutcome.SIGNAL:
        raise LinuxError(Errno.ERESTARTNOHAND)
    if t.resumed == WaitOutcome.TIMEOUT:
        return False
    return deadline_ns is None or deadline_ns > now_ns(t)


def _block(t: Thread, files: list[FileLike], deadline_ns: int | None) -> int:
    names = f"one of {len(files)} files" if files else "a timeout or signal"
    return t.block(names, queues_of(files), deadline_ns, state=deadline_ns)


# -- poll ----------------------------------------------------------------------------------------


def _poll(t: Thread, fds_va: int, count: int, deadline_ns: int | None) -> int:
    """Look at all files; give the number with events, or wait."""
    if count > t.process.limits.soft(Resource.NOFILE):
        raise LinuxError(Errno.EINVAL)
    raw = t.mem.read(fds_va, _POLLFD.size * count)
    table = t.fds.objects
    ready = 0
    answer: list[bytes] = []
    waiting: list[FileLike] = []
    for fd, events, _ in _POLLFD.iter_unpack(raw):
        mask = 0
        if fd >= 0:
            file = table.get(fd)
            if file is None or file.is_path:
                mask = POLLNVAL
            else:
                mask = file.file.poll() & (events & 0xFFFF | _ALWAYS)
                waiting.append(file.file)
        ready += mask != 0
        answer.append(_POLLFD.pack(fd, events, mask))
    if not ready and _must_wait(t, deadline_ns):
        return _block(t, waiting, deadline_ns)
    t.mem.write(fds_va, b"".join(answer))
    return ready


def sys_poll(t: Thread, fds: int, count: int, timeout: int) -> int:
    """poll(2): a negative timeout is none."""
    millis = as_int32(timeout)
    return _poll(
        t, fds, as_uint32(count), _first_deadline(t, None if millis < 0 else millis * 1_000_000)
    )


def _set_mask(t: Thread, mask_va: int, size: int) -> None:
    """The temporary signal mask of ppoll and pselect6, on the first entry."""
    if not mask_va:
        return
    if size != _SIGSET_BYTES:
        raise LinuxError(Errno.EINVAL)
    mask = t.mem.read_u64(mask_va)
    if not t.resumed:
        suspend_with(t, mask)


def sys_ppoll(t: Thread, fds: int, count: int, timeout: int, mask: int, mask_size: int) -> int:
    """ppoll(2): what is left of the timeout is written back."""
    wanted = read_timespec(t, timeout) if timeout and not t.resumed else None
    _set_mask(t, mask, mask_size)
    deadline = _first_deadline(t, wanted)
    try:
        result = _poll(t, fds, as_uint32(count), deadline)
    except LinuxError:
        _write_rest(t, timeout, deadline, is_timeval=False)
        raise
    if result >= 0:
        _write_rest(t, timeout, deadline, is_timeval=False)
    return result


def _write_rest(t: Thread, va: int, deadline_ns: int | None, *, is_timeval: bool) -> None:
    """Write the time left; an address that cannot be written is ignored, as Linux does."""
    if not va or deadline_ns is None:
        return
    rest = max(0, deadline_ns - now_ns(t))
    try:
        t.mem.write(va, pack_timeval(rest) if is_timeval else pack_timespec(rest))
    except (LinuxError, AxError):
        return


# -- select --------------------------------------------------------------------------------------


def _read_set(t: Thread, va: int, size_bytes: int) -> int:
    """An fd_set as a number, bit = descriptor."""
    return int.from_bytes(t.mem.read(va, size_bytes), "little") if va else 0


def _select(t: Thread, count: int, sets: tuple[int, int, int], deadline_ns: int | None) -> int:
    """Look at all files of three sets; give the number of bits, or wait."""
    number = as_int32(count)
    if number < 0:
        raise LinuxError(Errno.EINVAL)
    number = min(number, t.fds.objects.capacity)
    size = (number + 63) // 64 * 8
    wanted = [_read_set(t, va, size) & ((1 << number) - 1) for va in sets]
    found = [0, 0, 0]
    waiting: list[FileLike] = []
    left = wanted[0] | wanted[1] | wanted[2]
    while left:
        bit = left & -left
        left ^= bit
        file = t.fds.get(bit.bit_length() - 1)
        mask = file.file.poll()
        waiting.append(file.file)
        for index, events in enumerate((_IN_SET, _OUT_SET, POLLPRI)):
            if wanted[index] & bit and mask & events:
                found[index] |= bit
    ready = sum(bits.bit_count() for bits in found)
    if not ready and _must_wait(t, deadline_ns):
        return _block(t, waiting, deadline_ns)
    for va, bits in zip(sets, found, strict=True):
        if va:
            t.mem.write(va, bits.to_bytes(size, "little"))
    return ready


def sys_select(t: Thread, count: int, reads: int, writes: int, excepts: int, timeout: int) -> int:
    """select(2): what is left of the timeout is written back."""
    wanted: int | None = None
    if timeout and not t.resumed:
        seconds, micros = struct.unpack("<2q", t.mem.read(timeout, 16))
        if seconds < 0 or micros < 0:
            raise LinuxError(Errno.EINVAL)
        wanted = seconds * _NS + micros * 1000
    deadline = _first_deadline(t, wanted)
    try:
        result = _select(t, count, (reads, writes, excepts), deadline)
    except LinuxError:
        _write_rest(t, timeout, deadline, is_timeval=True)
        raise
    if result >= 0:
        _write_rest(t, timeout, deadline, is_timeval=True)
    return result


def sys_pselect6(
    t: Thread, count: int, reads: int, writes: int, excepts: int, timeout: int, sig: int
) -> int:
    """pselect6(2): the last argument points to the mask's address and size."""
    wanted = read_timespec(t, timeout) if timeout and not t.resumed else None
    if sig:
        _set_mask(t, t.mem.read_u64(sig), t.mem.read_u64(sig + 8))
    deadline = _first_deadline(t, wanted)
    try:
        result = _select(t, count, (reads, writes, excepts), deadline)
    except LinuxError:
        _write_rest(t, timeout, deadline, is_timeval=False)
        raise
    if result >= 0:
        _write_rest(t, timeout, deadline, is_timeval=False)
    return result


CALLS: dict[str, Handler] = {
    "poll": sys_poll,
    "ppoll": sys_ppoll,
    "select": sys_select,
    "pselect6": sys_pselect6,
}
