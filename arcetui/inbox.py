"""Commands for the session's thread: a queue, with some held back until they can be obeyed."""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arcetui.state import Command


class Inbox:
    """Any thread puts, one thread takes."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Command] = SimpleQueue()
        self._held: deque[Command] = deque()  # to be obeyed before the queue

    def put(self, command: Command) -> None:
        """Queue a command."""
        self._queue.put(command)

    def hold(self, command: Command) -> None:
        """Keep a command that was taken too early."""
        self._held.append(command)

    def put_back(self, command: Command) -> None:
        """Undo a take."""
        self._held.appendleft(command)

    def take(self, wait_s: float | None = 0.0, *, held: bool = True) -> Command | None:
        """The next command, or None if none comes within `wait_s` seconds (None: for ever).

        With `held` false those held back stay where they are.
        """
        if held and self._held:
            return self._held.popleft()
        try:
            return self._queue.get(timeout=wait_s)
        except Empty:
            return None
