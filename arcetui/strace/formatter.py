"""One system call as one line of strace, or as one JSON object.

The entry prints the arguments up to the first that the kernel fills in; the exit prints the rest
and the result. Source of the format: strace(1) 6.1, compared with it in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from arcetui.strace.call import Arg, Call, MemoryReader, Spec
from arcetui.strace.calls import SPECS, UNKNOWN
from arcetui.strace.errors import error_of
from arcetui.strace.structs import siginfo
from arcetui.strace.tables.signals import signal
from arcetui.strace.text import as_int64, quote

#: Column of the `=` before a result.
RESULT_COLUMN = 40
NEVER_RETURN = frozenset({"exit", "exit_group", "ax_exit", "ax_terminate"})
#: Integers above this lose digits in readers that hold numbers as doubles.
_SAFE_INTEGER = 1 << 53


class CallView(Protocol):
    """What the formatter needs of `kernel.inspect.views.SyscallView`."""

    @property
    def serial(self) -> int: ...
    @property
    def tid(self) -> int: ...
    @property
    def nr(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def args(self) -> tuple[int, ...]: ...
    @property
    def result(self) -> int | None: ...


@dataclass(slots=True)
class Pending:
    """A call between its entry and its exit."""

    call: Call
    spec: Spec
    arguments: tuple[Arg, ...]
    shown: list[str]
    missed: list[int] = field(default_factory=list)  # arguments whose memory was not there yet
    entered: int = 0  # arguments shown at the entry

    @property
    def text(self) -> str:
        """What is known at the entry: `read(0, ` (the kernel still has to fill in the buffer)."""
        more = len(self.shown) < len(self.arguments)
        return f"{self.call.name}({', '.join(self.shown)}" + (", " if more and self.shown else "")

    @property
    def entry(self) -> str:
        """The call as it stands at its entry: closed if the kernel fills nothing in."""
        return self.text + (")" if len(self.shown) == len(self.arguments) else "")


class Formatter:
    """Formats calls of one architecture.

    Args:
        arch: Its name, as in `Arch.name`.
        string_limit: Longest string shown (`-s`), in bytes.
    """

    def __init__(self, arch: str = "x86_64", string_limit: int = 32) -> None:
        self.arch = arch
        self.string_limit = string_limit
        self._masks: dict[int, list[int]] = {}  # by tid: the mask outside, then in each handler

    def enter(self, view: CallView, memory: MemoryReader) -> Pending:
        """Start a call: decode what the program gave, while it is still as it was."""
        name = view.name if view.name in SPECS else self._unknown_name(view)
        spec = SPECS.get(name, UNKNOWN)
        args = tuple(view.args) + (0,) * (6 - len(view.args))
        call = Call(name, args, memory, self.arch, self.string_limit)
        pending = Pending(call, spec, spec.arguments(call), [])
        for position, argument in enumerate(pending.arguments):
            if argument.out:
                break
            call.missed = False
            pending.shown.append(self._decode(call, argument, position))
            if call.missed:
                pending.missed.append(position)
        for position, argument in enumerate(pending.arguments):
            if argument.name == "addrlen" and argument.out:
                found = call.unpack(args[position], "i")
                call.before = found[0] if found else None
        if name == "clone3":
            pending.missed.append(0)  # the kernel fills in the parent's copy of the thread id
        pending.entered = len(pending.shown)
        return pending

    def signal(self, tid: int) -> None:
        """A signal reaches a thread: its mask is saved until rt_sigreturn."""
        masks = self._masks.setdefault(tid, [0])
        masks.append(masks[-1])
        del masks[1:-64]  # signals whose handlers never return

    def forked(self, parent: int, tid: int) -> None:
        """A new thread begins with its parent's mask."""
        self._masks[tid] = [self._masks.get(parent, [0])[-1]]

    def exit(self, view: CallView, memory: MemoryReader, pending: Pending | None = None) -> str:
        """Finish a call: the whole line, without a newline."""
        head, result = self.parts(view, memory, pending)
        return aligned(head, result)

    def parts(
        self, view: CallView, memory: MemoryReader, pending: Pending | None = None
    ) -> tuple[str, str]:
        """`("read(0, "x", 1)", "1")`: the call and its result apart."""
        if pending is None:
            pending = self.enter(view, memory)
        self._finish(view, memory, pending)
        call = pending.call
        return f"{call.name}({', '.join(pending.shown)})", self.result_text(pending)

    def result_text(self, pending: Pending) -> str:
        """What stands after `= `."""
        call = pending.call
        result = call.result
        if result is None:
            return "?"
        error = error_of(result)
        if error is None:
            return pending.spec.result(call, result)
        sign = "?" if result <= -512 else "-1"
        return f"{sign} {error[0]} ({error[1]})"

    def unfinished(self, pending: Pending) -> str:
        """A call that never came back: `read(0,  <unfinished ...>)              = ?`."""
        if len(pending.shown) < len(pending.arguments):
            return aligned(f"{pending.text} <unfinished ...>)", "?")
        return aligned(pending.text + ")", "?")

    def as_json(
        self, view: CallView, memory: MemoryReader, pending: Pending | None = None
    ) -> dict[str, Any]:
        """The call as a JSON object; docs/json.md describes it."""
        if pending is None:
            pending = self.enter(view, memory)
        self._finish(view, memory, pending)
        call, result = pending.call, pending.call.result
        error = error_of(result)
        arguments: list[dict[str, Any]] = []
        for position, (argument, text) in enumerate(
            zip(pending.arguments, pending.shown, strict=True)
        ):
            raw = call.args[argument.at if argument.at >= 0 else position]
            arguments.append({"name": argument.name, "value": safe_integer(raw), "text": text})
        return {
            "type": "syscall",
            "serial": view.serial,
            "tid": view.tid,
            "nr": view.nr,
            "name": call.name,
            "args": arguments,
            "result": None if result is None else safe_integer(result),
            "error": error[0] if error else None,
            "text": self.result_text(pending),
        }

    def _finish(self, view: CallView, memory: MemoryReader, pending: Pending) -> None:
        call = pending.call
        call.memory = memory
        result = None if view.name in NEVER_RETURN else view.result
        call.result = None if result is None else as_int64(result)  # rt_sigreturn's is a register
        if view.name.startswith("rt_sig"):
            self._follow_mask(view, call, memory)
        for position in (
            pending.missed if view.result is not None else ()
        ):  # the kernel has faulted the page in by now, if it could
            pending.shown[position] = self._decode(call, pending.arguments[position], position)
        for position in range(len(pending.shown), len(pending.arguments)):
            argument = pending.arguments[position]
            pending.shown.append(self._decode(call, argument, position))

    def _follow_mask(self, view: CallView, call: Call, memory: MemoryReader) -> None:
        """Keep the signal mask of a thread, to show what rt_sigreturn brings back.

        Memory that knows its thread tells better: handlers begin with more than the mask outside.
        """
        masks = self._masks.setdefault(view.tid, [0])
        if view.name == "rt_sigreturn":
            if len(masks) > 1:
                masks.pop()
            now: int | None = getattr(memory, "blocked_signals", None)
            if now is not None:
                masks[-1] = now
            call.args = (masks[-1], *call.args[1:])
        elif view.name == "rt_sigprocmask" and not call.failed:
            given = call.unpack(call.args[1], "Q")
            how = call.args[0] & 0xFFFFFFFF
            if given is not None:
                old = masks[-1]
                masks[-1] = (old | given[0], old & ~given[0], given[0])[min(how, 2)] & ~0x40100

    @staticmethod
    def _decode(call: Call, argument: Arg, position: int) -> str:
        raw = call.args[argument.at if argument.at >= 0 else position]
        text = argument.decode(call, raw)
        return f"{argument.name}={text}" if argument.label else text

    @staticmethod
    def _unknown_name(view: CallView) -> str:
        known = view.name and view.name.isidentifier() and not view.name.startswith("syscall_")
        return view.name if known else f"syscall_{view.nr:#x}"


def aligned(head: str, result: str) -> str:
    """The call and its result with the `=` at strace's column, or right after a longer call."""
    return f"{head:<{RESULT_COLUMN - 1}} = {result}"


def safe_integer(value: int) -> int | str:
    """The integer, or its decimal digits where a double could not hold it."""
    return value if abs(value) <= _SAFE_INTEGER else str(value)


def execve_line(path: str, argv: tuple[str, ...], envp_va: int, count: int, limit: int = 32) -> str:
    """Strace's first line: how the program was started."""
    strings = [arg.encode("utf-8", "surrogateescape") for arg in argv[:limit]]
    shown = [quote(text[:limit]) + "..." * (len(text) > limit) for text in strings]
    if len(argv) > limit:
        shown.append("...")
    noun = "var" if count == 1 else "vars"
    name = quote(path.encode("utf-8", "surrogateescape"))
    return aligned(f"execve({name}, [{', '.join(shown)}], {envp_va:#x} /* {count} {noun} */)", "0")


def signal_line(signo: int, code: int, pid: int, uid: int, addr: int, value: int) -> str:
    """`--- SIGSEGV {si_signo=SIGSEGV, ...} ---`."""
    return f"--- {signal(signo)} {siginfo(signo, code, pid, uid, addr, value)} ---"


def stop_line(signo: int) -> str:
    """`--- stopped by SIGSTOP ---`: the thread rests until SIGCONT."""
    return f"--- stopped by {signal(signo)} ---"


def exit_line(status: int) -> str:
    """`+++ exited with 0 +++` from a raw wait status."""
    if status & 0x7F:
        core = " (core dumped)" if status & 0x80 else ""
        return f"+++ killed by {signal(status & 0x7F)}{core} +++"
    return f"+++ exited with {status >> 8 & 0xFF} +++"
