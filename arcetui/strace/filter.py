"""What to trace: strace's `-e` expressions.

    -e trace=SET   -e SET     names, %class, globs (* []), /regex, numbers; commas; `!` takes the
                              others; `?` before a word lets it be unknown
    -e status=SET             successful, failed, unfinished
    -e signal=SET             names; `none`
    -e quiet=SET              leave out messages: attach, exit, thread-execve

Source: strace(1).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from arcetui.strace.selection import CallSet, choose
from arcetui.strace.tables.signals import signal_name
from arcetui.strace_options import QUALIFIERS_INSTEAD
from arcetui.suggest import unknown

QUALIFIERS = ("trace", "t", "status", "signal", "signals", "s", "quiet", "silent", "q")
MESSAGES = ("attach", "exit", "path-resolution", "personality", "thread-execve")
STATUSES = ("successful", "failed", "unfinished", "unavailable", "detached")


@dataclass(slots=True)
class TraceFilter:
    """Which lines to show.

    Attributes:
        calls: System calls; None: all.
        statuses: successful, failed, unfinished.
        signals: Signal numbers; None: all.
        quiet: Messages left out; None: not said.
    """

    calls: CallSet | None = None
    statuses: frozenset[str] = frozenset(STATUSES)
    signals: frozenset[int] | None = None
    quiet: frozenset[str] | None = None

    def add(self, expression: str, known: Collection[str]) -> None:
        """Apply one `-e` expression; later ones replace earlier ones, as in strace.

        Args:
            expression: What stands after `-e`.
            known: Names of all system calls.

        Raises:
            LookupError: Something in it is unknown; one sentence with a suggestion.
        """
        name, equals, value = expression.partition("=")
        if not equals:
            name, value = "trace", expression
        if name in {"trace", "t"}:
            self.calls = choose(value, known)
        elif name == "status":
            self.statuses = _some("status", value, STATUSES)
        elif name in {"signal", "signals", "s"}:
            self.signals = _signals(value)
        elif name in {"quiet", "silent", "q"}:
            self.quiet = _some("message", value, MESSAGES)
        elif name in QUALIFIERS_INSTEAD:
            raise LookupError(f"not offered: {QUALIFIERS_INSTEAD[name]}")
        else:
            raise LookupError(unknown("-e qualifier", name, QUALIFIERS))

    def wants_call(self, name: str, number: int) -> bool:
        """Whether a call is shown at all."""
        return self.calls is None or self.calls.contains(name, number)

    def wants_status(self, failed: bool) -> bool:
        """Whether a finished call's outcome is shown."""
        return ("failed" if failed else "successful") in self.statuses

    def wants_signal(self, number: int) -> bool:
        """Whether a signal is shown."""
        return self.signals is None or number in self.signals


def _some(kind: str, text: str, known: tuple[str, ...]) -> frozenset[str]:
    """Some of the `known` words: a list with commas, `!` for the others."""
    invert = text.startswith("!")
    chosen: set[str] = set()
    for word in filter(None, text.lstrip("!").split(",")):
        if word == "all":
            chosen.update(known)
        elif word in known:
            chosen.add(word)
        elif word != "none":
            raise LookupError(unknown(kind, word, known))
    return frozenset(known) - chosen if invert else frozenset(chosen)


def _signals(text: str) -> frozenset[int]:
    known = {signal_name(number): number for number in range(1, 65)}
    invert = text.startswith("!")
    chosen: set[int] = set()
    for word in filter(None, text.lstrip("!").split(",")):
        name = word.upper() if word.upper().startswith("SIG") else f"SIG{word.upper()}"
        if word == "all":
            chosen.update(known.values())
        elif name in known:
            chosen.add(known[name])
        elif word.isdigit() and 1 <= int(word) <= 64:
            chosen.add(int(word))
        elif word != "none":
            raise LookupError(unknown("signal", word, list(known)))
    every = frozenset(known.values())
    return every - chosen if invert else frozenset(chosen)
