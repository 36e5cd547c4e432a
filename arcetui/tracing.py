"""`arcetui trace`: a program's system calls in strace's format, as JSON, or counted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arcetui.headless import run_recipe
from arcetui.host_streams import HostStreams
from arcetui.options import Options, UsageError, number
from arcetui.program import environment, make_recipe, stream_kind
from arcetui.strace.filter import MESSAGES, TraceFilter
from arcetui.strace.formatter import (
    NEVER_RETURN,
    Formatter,
    Pending,
    execve_line,
    exit_line,
    signal_line,
    stop_line,
)
from arcetui.strace.interleave import Interleaver
from arcetui.strace.selection import known_calls
from arcetui.strace.summary import Summary

if TYPE_CHECKING:
    from kernel.control import MemoryReader, SignalInfoView
    from kernel.inspect.views import SyscallView

MAX_STRING = 1 << 20


class Tracer:
    """A `TaskObserver` that writes lines.

    Args:
        formatter: Makes the lines.
        chosen: Which to show.
        write: Takes a line without its newline; None: only count.
        summary: Counts calls, if asked for.
        as_json: JSON objects instead of strace's format.
        quiet: Messages left out: attach, exit, thread-execve.
        as_columns: Lines begin with a column of thread ids (`-f -o FILE`).
        tell: Takes messages about new threads; by default they go where the lines go.
    """

    def __init__(
        self,
        formatter: Formatter,
        chosen: TraceFilter,
        write: Callable[[str], None] | None,
        summary: Summary | None,
        *,
        as_json: bool = False,
        quiet: frozenset[str] = frozenset(),
        as_columns: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._formatter = formatter
        self._chosen = chosen
        self._write = write
        self._summary = summary
        self._as_json = as_json
        self._quiet = quiet
        self._open: dict[int, tuple[SyscallView, Pending]] = {}
        self._stopped: set[int] = set()  # threads whose stop has been told
        silent = "attach" in quiet or as_json
        self._lines = Interleaver(
            self.line,
            None if silent else tell or self.line,
            as_columns=as_columns,
            cuts={"successful", "failed", "unfinished"} <= chosen.statuses and not as_json,
        )
        self.first_line = ""

    def line(self, text: str) -> None:
        """Write a line; before the first one, how the program was started."""
        if self._write is not None:
            if self.first_line:
                first, self.first_line = self.first_line, ""
                self._write(first)
            self._write(text)

    def record(self, data: dict[str, Any]) -> None:
        """Write a JSON object."""
        self.line(json.dumps(data, ensure_ascii=False, separators=(",", ":")))

    # -- calls ----------------------------------------------------------------------------------

    def enter(self, call: SyscallView, memory: MemoryReader) -> None:
        """A call begins."""
        self._stopped.discard(call.tid)
        if not self._lines.threads:
            self._first_thread(call.tid)
        if not self._chosen.wants_call(call.name, call.nr):
            return
        pending = self._formatter.enter(call, memory)
        self._open[call.tid] = call, pending
        if not self._as_json:
            self._lines.begin(call.tid, pending)

    def _first_thread(self, tid: int) -> None:
        self._lines.attach(tid, tid)
        if self.first_line:
            self.first_line = self._lines.prefix(tid) + self.first_line

    def exit(self, call: SyscallView, memory: MemoryReader) -> None:
        """A call returned."""
        self._stopped.discard(call.tid)
        entry = self._open.pop(call.tid, None)
        if entry is None:
            return
        began, pending = entry
        failed = call.result is not None and -4096 < call.result < 0
        if self._summary is not None:
            self._summary.add(call.name, call.time_ns - began.time_ns, failed=failed)
        if self._write is None or not self._chosen.wants_status(failed):
            self._lines.drop(call.tid)
        elif self._as_json:
            data = self._formatter.as_json(call, memory, pending)
            times = {"time_ns": began.time_ns, "end_ns": call.time_ns}
            self.record({**data, "pid": self._pid(call.tid), **times})
        else:
            self._lines.finish(call.tid, *self._formatter.parts(call, memory, pending))

    def _pid(self, tid: int) -> int:
        return self._lines.threads.get(tid, tid)

    # -- signals and tasks ----------------------------------------------------------------------

    def signal(self, tid: int, signo: int, info: SignalInfoView) -> None:
        """A signal reaches a thread."""
        self._stopped.discard(tid)
        if not self._lines.threads:
            self._first_thread(tid)
        self._formatter.signal(tid)
        if self._summary is not None and self._write is None:
            return
        if not self._chosen.wants_signal(signo):
            return
        if self._as_json:
            self.record(
                {
                    "type": "signal",
                    "tid": tid,
                    "signo": signo,
                    "code": info.code,
                    "pid": info.pid,
                    "uid": info.uid,
                    "addr": f"{info.addr:#x}",
                }
            )
        else:
            line = signal_line(signo, info.code, info.pid, info.uid, info.addr, info.value)
            self._lines.line(tid, line)

    def stopped(self, tid: int, signo: int) -> None:
        """A signal stopped the thread, with its process; what wakes it then stops it again."""
        if tid in self._stopped:
            return
        self._stopped.add(tid)
        if self._summary is not None and self._write is None:
            return
        if not self._chosen.wants_signal(signo):
            return
        if self._as_json:
            self.record({"type": "stopped", "tid": tid, "signo": signo})
        else:
            self._lines.line(tid, stop_line(signo))

    def created(self, parent: int, tid: int, pid: int) -> None:
        """A thread was made, in process `pid` (its own id: a new process)."""
        self._formatter.forked(parent, tid)
        if self._as_json:
            self.record({"type": "created", "parent": parent, "tid": tid, "pid": pid})
        self._lines.attach(tid, pid)

    def thread_exited(self, tid: int, pid: int, status: int) -> None:
        """A thread ended; the line about a process's first one waits for the process's end."""
        entry = self._open.pop(tid, None)
        if entry is not None:
            self._never_returned(tid, *entry)
        if tid != pid:
            self._gone(tid, pid, status)

    def exited(self, pid: int, status: int) -> None:
        """A process ended."""
        self._gone(pid, pid, status)

    def replaced(self, tid: int, pid: int) -> None:
        """Thread `tid` called execve and takes the id of its process's first thread."""
        entry = self._open.pop(tid, None)
        if entry is not None:
            self._open[pid] = entry
        if not self._as_json:
            self._lines.supersede(tid, pid, tells="thread-execve" not in self._quiet)
        self._lines.detach(tid)

    def _gone(self, tid: int, pid: int, status: int) -> None:
        if self._as_json:
            kind = "exit" if tid == pid else "thread_exit"
            self.record({"type": kind, "pid": pid, "tid": tid, "status": status})
        elif "exit" not in self._quiet:
            self._lines.line(tid, exit_line(status))
        self._lines.detach(tid)

    def close(self) -> None:
        """The machine stopped: nothing more will come."""
        if not self._as_json:
            self._lines.close()

    def _never_returned(self, tid: int, call: SyscallView, pending: Pending) -> None:
        if self._summary is not None:
            self._summary.add(call.name, 0, failed=False)
        ended = call.name in NEVER_RETURN
        if not ended and "unfinished" not in self._chosen.statuses:
            self._lines.drop(tid)
        elif self._as_json:
            data = self._formatter.as_json(call, lambda _va, _size: b"", pending)
            times = {"time_ns": call.time_ns, "end_ns": None}
            self.record({**data, "pid": self._pid(tid), **times})
        else:
            self._lines.never(tid)


def trace(options: Options) -> int:
    """Run a program and trace it; its exit status."""
    recipe = make_recipe(options, (stream_kind(0), stream_kind(1), stream_kind(2)))
    arch = arch_name(recipe.elf)
    chosen = make_filter(options, arch)
    limit = number(options, "-s", 32, 0, MAX_STRING)
    counts_only = options.has("-c") and not options.has("-C")
    summary = Summary() if options.has("-c") or options.has("-C") else None
    with HostStreams() as streams:
        write, close = open_output(options, streams)
        tracer = Tracer(
            Formatter(arch, limit),
            chosen,
            None if counts_only else write,
            summary,
            as_json=options.has("--json"),
            quiet=_quiet(options, chosen),
            as_columns=options.has("-f") and options.has("-o"),
            tell=_to_stderr(streams) if options.has("-o") else None,
        )
        starts = chosen.wants_call("execve", -1) and chosen.wants_status(failed=False)
        if starts and not options.has("--json") and recipe.form == "monolithic":
            tracer.first_line = _first_line(options, limit)
        streams.before_leaving(close)
        try:
            status = run_recipe(recipe, streams, tracer)
            tracer.close()
            if summary is not None:
                for line in summary.lines():
                    write(line)
        finally:
            close()
    return status


def arch_name(elf: bytes) -> str:
    """The architecture of a program's file; x86_64 if it cannot be told (the kernel will say)."""
    from kernel.control import ARCHES, BY_ELF_MACHINE

    machine = int.from_bytes(elf[18:20], "little")
    return BY_ELF_MACHINE.get(machine, ARCHES["x86_64"]).name


def _quiet(options: Options, chosen: TraceFilter) -> frozenset[str]:
    """The messages left out; as with strace, those about new threads if there is a file."""
    if chosen.quiet is not None:
        return chosen.quiet
    times = len(options.lists.get("-q", ()))
    if times > 2:
        return frozenset(MESSAGES)
    silent = {"attach"} if times or options.has("-o") else set[str]()
    return frozenset(silent | ({"exit"} if times > 1 else set()))


def _first_line(options: Options, limit: int) -> str:
    """The execve that started the program: nobody called it here, so the line is made up.

    The environment's address is where Linux puts the strings' pointers in the caller: any number.
    """
    from kernel.control import Recipe

    path = options.program or ""
    count = len(environment(options, Recipe(b"", path).envp))
    return execve_line(path, (path, *options.arguments), 0x7FFE_0000_0000, count, limit)


def make_filter(options: Options, arch: str) -> TraceFilter:
    """What to show.

    Raises:
        UsageError: An expression names something unknown.
    """
    chosen = TraceFilter()
    known = known_calls(arch)
    for expression in options.lists.get("-e", ()):
        try:
            chosen.add(expression, known)
        except LookupError as error:
            raise UsageError(f"-e {expression}: {error.args[0]}") from None
    if options.has("-Z"):
        chosen.statuses = frozenset({"failed"})
    if options.has("-z"):
        chosen.statuses = frozenset({"successful"})
    return chosen


def open_output(
    options: Options, streams: HostStreams
) -> tuple[Callable[[str], None], Callable[[], None]]:
    """Where lines go: a file, or stderr.

    Returns:
        (write a line, close).
    """
    name = options.values.get("-o")
    if name is None:
        return _to_stderr(streams), _none
    try:
        file = open(name, "w", encoding="utf-8", errors="surrogateescape")  # noqa: PTH123, SIM115
    except OSError as error:
        raise UsageError(f"-o {name}: cannot be written: {error.strerror}") from None

    def failed(error: OSError) -> None:
        sys.stderr.write(f"arcetui: -o {name}: cannot be written: {error.strerror}\n")
        streams.leave(1)

    def write(line: str) -> None:
        try:
            file.write(line + "\n")
        except OSError as error:
            failed(error)

    def close() -> None:
        try:
            file.close()
        except OSError as error:
            failed(error)

    return write, close


def _to_stderr(streams: HostStreams) -> Callable[[str], None]:
    return lambda line: streams.write(2, line.encode("utf-8", "surrogateescape") + b"\n")


def _none() -> None:
    """Nothing to close."""
