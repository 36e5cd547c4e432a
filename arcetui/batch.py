"""`arcetui --batch`: the debugger's commands without the TUI; prints what they print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arcetui.host_streams import HostStreams
from arcetui.options import Options, UsageError
from arcetui.program import make_recipe, stream_kind

if TYPE_CHECKING:
    from arcetui.commands import Commander, Result
    from kernel.control import Debugger, Goal, Stopped

COMMAND_FAILED = 1
MAX_SCRIPT_BYTES = 1 << 20
#: Instructions between looks at what the program has written.
SLICE_INSNS = 2_000_000


class FedDebugger:
    """The debugger as batch commands see it: while it runs, stdin is the program's console.

    When the program waits for input and this process's stdin is not a terminal, the next bytes of
    stdin are typed (its end ends the program's input) and the movement goes on. Everything else
    goes straight through.
    """

    def __init__(self, debugger: Debugger, streams: HostStreams, *, feeds: bool) -> None:
        self._debugger = debugger
        self._streams = streams
        self._feeds = feeds
        self._ended = False
        self.printer: Printer | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._debugger, name)

    def run(self, goal: Goal) -> Stopped:
        """Carry out a goal, feeding input where the program asks for it."""
        from kernel.control import StopReason

        while True:
            stopped = self._run(goal)
            waits = stopped.reason is StopReason.INPUT and not goal.reverse
            if not waits or not self._feeds or self._ended:
                return stopped
            self._feed()

    def _feed(self) -> None:
        """Type what stdin gives."""
        data = self._streams.read()
        if data:
            self._debugger.feed(data)
        else:
            self._ended = True
            self._debugger.feed_eof()

    def _run(self, goal: Goal) -> Stopped:
        """Carry out a goal; what the program writes is printed meanwhile. SIGINT pauses it."""
        self._debugger.begin(goal)
        feeds = self._feeds and not self._ended and not goal.reverse
        self._debugger.ask_for_input(wanted=feeds)
        try:
            with self._streams.pausing():
                while (stopped := self._debugger.pump(SLICE_INSNS)) is None:
                    if self.printer is not None and not goal.reverse:
                        self.printer.program_output()
                    if self._streams.interrupted:
                        return self._debugger.pause()
                    if feeds and self._debugger.wants_input() and self._streams.comes(0):
                        self._feed()
            return stopped
        finally:
            self._debugger.ask_for_input(wanted=False)


class Printer:
    """Prints results and what the program writes, in order."""

    def __init__(self, debugger: Debugger, streams: HostStreams) -> None:
        self._debugger = debugger
        self._streams = streams
        self._seen = 0
        self._column = 0

    def program_output(self) -> None:
        """Print what the program has written since the last time."""
        total = self._debugger.machine().console_bytes
        if total > self._seen:
            data = self._debugger.console(self._seen).replace(b"\r\n", b"\n")
            self._streams.write(1, data)
            self._column = 0 if data.endswith(b"\n") else 1
        self._seen = max(self._seen, total)

    def result(self, result: Result) -> None:
        """Print a command's rows; errors go to stderr."""
        from arcetui.render.row import lines

        if not result.rows:
            return
        if self._column:
            self._streams.write(1, b"\n")
            self._column = 0
        text = lines(result.rows) + "\n"
        failed = result.error and len(result.rows) == 1
        self._streams.write(2 if failed else 1, text.encode("utf-8", "surrogateescape"))


def commands_of(options: Options) -> list[str]:
    """All commands in order: those of -ex, and the lines of -x files.

    Raises:
        UsageError: A file cannot be read.
    """
    out: list[str] = []
    for kind, text in options.script:
        if kind == "ex":
            out.append(text)
            continue
        try:
            path = Path(text)
            if path.stat().st_size > MAX_SCRIPT_BYTES:
                raise UsageError(f"-x {text}: too large for a file of commands")
            out += path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "is no text file"
            raise UsageError(f"-x {text}: {reason}") from None
    return out


def batch(options: Options) -> int:
    """Do the commands; 0, or 1 if one of them failed."""
    lines = commands_of(options)
    kind = stream_kind(0)
    recipe = make_recipe(options, ("tty", "tty", "tty"), (80, 24))
    from kernel.control import Debugger, LoadError

    with HostStreams() as streams:
        try:
            debugger = Debugger(recipe)
        except LoadError as error:
            raise UsageError(str(error)) from None
        from arcetui.collector import settle
        from arcetui.commands import Commander

        settle()
        if note := debugger.machine().engine_note:
            streams.write(2, f"arcetui: {note}\n".encode())
        fed = FedDebugger(debugger, streams, feeds=kind != "tty")
        commander = Commander(fed)  # type: ignore[arg-type]  # passes everything else on
        fed.printer = Printer(debugger, streams)
        return do_lines(commander, lines, fed.printer)


def do_lines(commander: Commander, lines: list[str], printer: Printer) -> int:
    """Do command lines until one fails or quits."""
    failed = False
    for line in lines:
        if not line.strip():
            continue  # unlike at the prompt, an empty line repeats nothing
        result = commander.run(line)
        printer.program_output()
        printer.result(result)
        failed = failed or result.error
        if result.quit:
            break
    sys.stdout.flush()
    return COMMAND_FAILED if failed else 0
