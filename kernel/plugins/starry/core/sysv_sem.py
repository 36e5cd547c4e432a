"""System V semaphore sets: operations on several semaphores at once, all or nothing.

Whoever changes a set carries out the operations of waiting threads that have become possible,
first come first served, and then wakes those threads.

Source: Linux ipc/sem.c (`perform_atomic_semop`, `do_smart_update`, `exit_sem`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.core.sysv import IPC_NOWAIT, IpcObject, wall_seconds

if TYPE_CHECKING:
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.starry import Starry
    from kernel.plugins.starry.core.thread import Thread

SEM_UNDO: Final = 0x1000
MAX_VALUE: Final = 32767
_SET_BYTES: Final = 192  # struct sem_array
_SEM_BYTES: Final = 64  # struct sem

#: (semaphore, operation, flags), a struct sembuf.
Operation = tuple[int, int, int]


@dataclass(slots=True)
class Waiter:
    """Operations that wait: `Thread.wait_state` of semop(2).

    Attributes:
        tid, pid: Who waits.
        operations: What for.
        blocker: Index of the operation that cannot be done yet.
        error: What the call fails with when it is woken; 0: it is done.
    """

    tid: int
    pid: int
    operations: tuple[Operation, ...]
    blocker: int
    error: int = 0


class SemSet(IpcObject):
    """One set.

    Attributes:
        values: By number.
        pids: Who changed each last.
        otime: Last semop, seconds; 0 never.
        waiters: Oldest first.
    """

    __slots__ = ("otime", "pids", "values", "waiters")

    def __init__(self, t: Thread, key: int, count: int, mode: int) -> None:
        super().__init__(t, key, mode, _SET_BYTES + count * _SEM_BYTES, "sem_array")
        self.values = [0] * count
        self.pids = [0] * count
        self.otime = 0
        self.waiters: list[Waiter] = []

    def queue(self, starry: Starry) -> WaitQueue:
        """Where its waiters wait."""
        queue = starry.kernel.tasks.wait_queue(f"semaphores {self.ident}")
        queue.transient = True
        return queue

    def perform(self, starry: Starry, pid: int, operations: tuple[Operation, ...]) -> int:
        """Do all operations; -1, or the index of the first that has to wait, and nothing is done.

        Raises:
            LinuxError: ERANGE; EAGAIN: that operation does not want to wait.
        """
        values = list(self.values)
        undo = starry.ipc.undo.get(pid, {}).get(self.ident)
        adjust = list(undo) if undo else [0] * len(values)
        has_undo = False
        for index, (number, change, flags) in enumerate(operations):
            new = values[number] + change
            if new < 0 or (not change and values[number]):
                if flags & IPC_NOWAIT:
                    raise LinuxError(Errno.EAGAIN)
                return index
            if new > MAX_VALUE:
                raise LinuxError(Errno.ERANGE)
            if flags & SEM_UNDO:
                has_undo = True
                adjust[number] -= change
                if not -MAX_VALUE - 1 <= adjust[number] <= MAX_VALUE:
                    raise LinuxError(Errno.ERANGE)
            values[number] = new
        self.values = values
        for number, _, _ in operations:
            self.pids[number] = pid
        if has_undo:
            starry.ipc.undo.setdefault(pid, {})[self.ident] = adjust
        return -1

    def update(self, t: Thread) -> None:
        """The set has changed: do what waiters wait for, as long as something becomes possible."""
        starry = t.starry
        again = True
        while again and self.waiters:
            again = False
            for waiter in list(self.waiters):
                try:
                    waiter.blocker = self.perform(starry, waiter.pid, waiter.operations)
                except LinuxError as error:
                    waiter.error = error.errno
                    waiter.blocker = -1
                if waiter.blocker >= 0:
                    continue
                self.waiters.remove(waiter)
                self.otime = wall_seconds(t)
                self.queue(starry).notify_task(waiter.tid, "semop")
                again = again or not waiter.error

    def remove(self, t: Thread) -> None:
        """IPC_RMID: whoever waits gets EIDRM."""
        for waiter in self.waiters:
            waiter.error = Errno.EIDRM
            self.queue(t.starry).notify_task(waiter.tid, "semctl")
        self.waiters.clear()
        for undo in t.starry.ipc.undo.values():
            undo.pop(self.ident, None)
        t.starry.ipc.sem.remove(t, self)

    def waiting(self, number: int, *, for_zero: bool) -> int:
        """How many wait for a semaphore to become 0, or to grow."""
        count = 0
        for waiter in self.waiters:
            blocked, change, _ = waiter.operations[waiter.blocker]
            count += blocked == number and (not change) == for_zero
        return count

    def forget_undo(self, starry: Starry, numbers: range) -> None:
        """SETVAL, SETALL: nobody undoes anything on these any more."""
        for undo in starry.ipc.undo.values():
            adjust = undo.get(self.ident)
            if adjust is not None:
                for number in numbers:
                    adjust[number] = 0

    def pack(self, t: Thread) -> bytes:
        """Its struct semid64_ds; x86_64's has holes for times of more than 64 bits."""
        count = len(self.values)
        if t.arch.name == "x86_64":
            words = struct.pack("<qQqQQQQ", self.otime, 0, self.ctime, 0, count, 0, 0)
        else:
            words = struct.pack("<qqQQQ", self.otime, self.ctime, count, 0, 0)
        return self.pack_perm() + words


def undo_semaphores(t: Thread, process: Process) -> None:
    """The process ends: semaphores get back what it took with SEM_UNDO."""
    ipc = t.starry.ipc
    for ident, adjust in ipc.undo.pop(process.pid, {}).items():
        found = ipc.sem.get(ident)
        for number, change in enumerate(adjust):
            if change:
                found.values[number] = min(max(found.values[number] + change, 0), MAX_VALUE)
                found.pids[number] = process.pid
        found.otime = wall_seconds(t)
        found.update(t)
