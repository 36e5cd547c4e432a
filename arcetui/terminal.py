"""The user's terminal: is there one to draw on, and has it gone away?

A terminal that closes sends SIGHUP only to the processes of its own session. Others just read end
of file: Textual's reader asks again at once, for ever, and its writer dies, so that no order to
leave gets through. Source: tty_ioctl(4), setsid(2), poll(2) on POLLHUP.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a shell reports for a program ended by its closed terminal.
GONE_STATUS = 128 + signal.SIGHUP.value if hasattr(signal, "SIGHUP") else 1
#: Seconds an orderly end may take once nobody looks any more.
PATIENCE_SECONDS = 2.0


def watch_terminal(fd: int, leave: Callable[[], object]) -> None:
    """End the process when the terminal behind `fd` goes away.

    Args:
        fd: The terminal, open for reading.
        leave: Asks for an orderly end; called on another thread.
    """
    if hasattr(select, "poll"):
        watcher = threading.Thread(target=_watch, args=(fd, leave), daemon=True, name="terminal")
        watcher.start()


def _watch(fd: int, leave: Callable[[], object]) -> None:
    poll = select.poll()
    poll.register(fd, 0)  # no reading: hang-ups and errors are always told
    if not any(happened & select.POLLHUP for _, happened in poll.poll()):
        return
    try:
        leave()
        time.sleep(PATIENCE_SECONDS)
    finally:
        os._exit(GONE_STATUS)  # there is no screen left to restore
