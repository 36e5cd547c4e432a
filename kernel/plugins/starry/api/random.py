"""getrandom(2): bytes from the machine's one seeded generator.

Source: Linux drivers/char/random.c.
Differs: the bytes are the same in every run with the same `--seed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import Handler, as_uint32

if TYPE_CHECKING:
    from kernel.plugins.starry.core.thread import Thread

_GRND_NONBLOCK, _GRND_RANDOM, _GRND_INSECURE = 1, 2, 4
#: What one call returns at most, getrandom(2).
_MAX_BYTES: Final = 33_554_431
_CHUNK_BYTES: Final = 4096


def sys_getrandom(t: Thread, buf: int, count: int, flags: int) -> int:
    """Fill a buffer with random bytes."""
    flags = as_uint32(flags)
    if flags & ~(_GRND_NONBLOCK | _GRND_RANDOM | _GRND_INSECURE):
        raise LinuxError(Errno.EINVAL)
    if flags & _GRND_RANDOM and flags & _GRND_INSECURE:
        raise LinuxError(Errno.EINVAL)
    count = min(count, _MAX_BYTES)
    done = 0
    while done < count:
        size = min(_CHUNK_BYTES, count - done)
        try:
            t.mem.write(buf + done, t.kernel.rng.random_bytes(size))
        except LinuxError:
            if done:
                return done
            raise
        done += size
    return done


CALLS: dict[str, Handler] = {"getrandom": sys_getrandom}
