"""Messages between sockets, and what they count for.

Source: Linux include/linux/skbuff.h (`truesize`), net/core/scm.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel.plugins.starry.core.file import OpenFile
    from kernel.plugins.starry.core.socket import Socket

_HEAD_BYTES: Final = 320
_SKB_BYTES: Final = 256


def true_size(size_bytes: int) -> int:
    """What a message of so many bytes counts for (skb `truesize`)."""
    need = size_bytes + _HEAD_BYTES
    if need > 8192:
        return (need + 4095 & ~4095) + _SKB_BYTES
    return max(512, 1 << (need - 1).bit_length()) + _SKB_BYTES


@dataclass(slots=True)
class Message:
    """Bytes on their way.

    Attributes:
        pa: Where they lie; 0 for none.
        start, size: What is left of them.
        charge: What they count for against `sender`.
        name: The sender's address.
        files: Open files that travel along (SCM_RIGHTS).
        ids: (pid, uid, gid) of the sender.
    """

    pa: int
    start: int
    size: int
    charge: int
    sender: Socket
    name: bytes
    files: tuple[OpenFile, ...]
    ids: tuple[int, int, int]


def drop_files(message: Message) -> None:
    """Nobody takes the files of a message."""
    files, message.files = message.files, ()
    for file in files:
        file.drop()
