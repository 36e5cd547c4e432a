"""Lines of several threads in one stream, as `strace -f` writes them.

A call is a line from its entry to its return. When another thread has something to say in between,
the line is cut (`<unfinished ...>`) and goes on later (`<... read resumed>`); `[pid N]` stands
before everything once there is more than one thread. Source of the format: strace 6.1, strace.c
`printleader`, `print_event_exit`, syscall.c `print_syscall_resume`; compared with it in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from arcetui.strace.formatter import Pending, aligned


@dataclass(slots=True)
class OpenCall:
    """A call whose line is not finished.

    Attributes:
        prefix: `[pid N] ` as it was when the line began.
        shown: Its text at the entry.
        is_cut: Whether the line was cut already.
    """

    pending: Pending
    prefix: str
    shown: str
    is_cut: bool = False


class Interleaver:
    """Puts lines in order.

    Args:
        write: Takes a line without its newline.
        tell: Takes a message of the tracer itself ("strace: Process 5 attached"), or None.
        as_columns: Lines begin with a column of thread ids, as with `-f -o FILE`.
        cuts: False: a call's line is only written when it is over (-z, -Z).
    """

    def __init__(
        self,
        write: Callable[[str], None],
        tell: Callable[[str], None] | None,
        *,
        as_columns: bool = False,
        cuts: bool = True,
    ) -> None:
        self._write = write
        self._tell = tell
        self._as_columns = as_columns
        self._cuts = cuts
        self._open: dict[int, OpenCall] = {}
        self._printing = 0  # the thread whose line is not finished; 0: none
        self._attached: list[int] = []
        self.threads: dict[int, int] = {}  # living threads -> process

    # -- threads --------------------------------------------------------------------------------

    def attach(self, tid: int, pid: int) -> None:
        """A new thread; the first one is nothing to tell about."""
        is_first = not self.threads
        self.threads[tid] = pid
        if is_first or self._tell is None:
            return
        self._attached.append(tid)
        if not self._printing:
            self._tell_attached()

    def detach(self, tid: int) -> None:
        """A thread is gone."""
        self.threads.pop(tid, None)

    def prefix(self, tid: int) -> str:
        """What stands before a thread's lines now."""
        if self._as_columns:
            return f"{tid:<5} "
        return f"[pid {tid:>5}] " if len(self.threads) > 1 else ""

    def supersede(self, tid: int, pid: int, *, tells: bool = True) -> None:
        """A thread goes on under the id of its process's first thread (execve)."""
        call = self._open.pop(tid, None)
        if call is not None:
            if self._printing == tid:
                self._open[tid] = call
                self._cut()
                del self._open[tid]
            self._open[pid] = call
        if tells:
            self.line(tid, f"+++ superseded by execve in pid {pid} +++")

    # -- lines ----------------------------------------------------------------------------------

    def line(self, tid: int, text: str) -> None:
        """A line of its own: a signal, an exit."""
        self._cut()
        self._write(self.prefix(tid) + text)

    def begin(self, tid: int, pending: Pending) -> None:
        """A call begins."""
        if self._cuts:
            self._cut()
            self._printing = tid
        self._open[tid] = OpenCall(pending, self.prefix(tid), entry_text(pending))

    def finish(self, tid: int, head: str, result: str) -> None:
        """A call returned.

        Args:
            tid: The thread.
            head: The whole call: `read(0, "x", 1)`.
            result: What stands after `= `.
        """
        call = self._open.pop(tid)
        if not call.is_cut:
            if not self._cuts:
                call.prefix = self.prefix(tid)
            self._printing = 0
            self._write(aligned(call.prefix + head, result))
        else:
            self._cut()
            self._write(aligned(self._resumed(tid, call) + rest_text(call, head), result))
        self._tell_attached()

    def drop(self, tid: int) -> None:
        """Forget a call that is not to be shown after all."""
        self._open.pop(tid, None)
        if self._printing == tid:
            self._printing = 0

    def never(self, tid: int) -> None:
        """A thread ended inside its call."""
        call = self._open.get(tid)
        if call is None:
            return
        if self._printing == tid:
            self._printing = 0
            text = call.prefix + call.shown
        else:
            self._cut()
            text = self._resumed(tid, call) if call.is_cut else self.prefix(tid) + call.shown
        pending = call.pending
        if pending.entered < len(pending.arguments):
            text += " <unfinished ...>"
        del self._open[tid]
        self._write(aligned(text + ")", "?"))
        self._tell_attached()

    def close(self) -> None:
        """The end: a line that is still open is cut."""
        self._cut()

    def _resumed(self, tid: int, call: OpenCall) -> str:
        return f"{self.prefix(tid)}<... {call.pending.call.name} resumed>"

    def _cut(self) -> None:
        """Somebody else's line begins: end the open one."""
        call = self._open.get(self._printing)
        self._printing = 0
        if call is None:
            self._tell_attached()
            return
        call.is_cut = True
        if self._attached and self._tell is not None:
            # The message lands in the middle of the line, as it does under Linux.
            first = self._attached.pop(0)
            self._write(f"{call.prefix}{call.shown}{attached(first)}")
            self._tell_attached()
            self._write(" <unfinished ...>")
        else:
            self._write(f"{call.prefix}{call.shown} <unfinished ...>")

    def _tell_attached(self) -> None:
        if self._tell is not None:
            for tid in self._attached:
                self._tell(attached(tid))
        self._attached.clear()


def attached(tid: int) -> str:
    """What strace says when it follows a new thread."""
    return f"strace: Process {tid} attached"


def entry_text(pending: Pending) -> str:
    """A call's text at its entry: what strace has printed when the kernel takes over."""
    name = pending.call.name
    if name == "clone3" and pending.shown:
        return f"clone3({pending.shown[0]}"  # the parent's copy of the id may follow
    if name == "clone":
        return f"clone({', '.join(pending.shown)}"
    return pending.text


def rest_text(call: OpenCall, head: str) -> str:
    """What of the whole call has not been printed yet."""
    if head.startswith(call.shown):
        return head[len(call.shown) :]
    # An argument was read late (its page came in during the call).
    return ", ".join(call.pending.shown[call.pending.entered :]) + ")"
