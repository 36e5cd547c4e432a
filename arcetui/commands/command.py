"""What a command is: its names, its grammar, its help, and how it completes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from arcetui.render.row import Row, plain

if TYPE_CHECKING:
    from arcetui.commands.context import Context
    from kernel.control import Stopped


class CommandError(Exception):
    """A command cannot be done; the text is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command line gave.

    Attributes:
        rows: What to print.
        error: Whether it failed; `rows` then holds the sentence.
        stopped: Where the machine stopped, if the command moved it.
        quit: The user wants to leave.
    """

    rows: tuple[Row, ...] = ()
    error: bool = False
    stopped: Stopped | None = None
    quit: bool = False


def say(*lines: str) -> Result:
    """A result of plain lines."""
    return Result(tuple(plain(line) for line in lines))


Action: TypeAlias = "Callable[[Context, str], Result]"
Completer: TypeAlias = "Callable[[Context, str], list[str]]"
#: complete(context, the argument typed so far) -> words for its last word


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: Its full name, in gdb's or pwndbg's words; may have several words ("info maps").
        aliases: Other names.
        grammar: Its arguments as help shows them.
        summary: One line.
        help: What else one should know; paragraphs.
        repeats: Whether an empty line does it again.
        json: Whether `--json` prints JSON objects instead.
    """

    name: str
    action: Action
    summary: str
    grammar: str = ""
    help: str = ""
    aliases: tuple[str, ...] = ()
    group: str = ""
    complete: Completer | None = None
    repeats: bool = False
    json: bool = False

    @property
    def usage(self) -> str:
        """Name and grammar."""
        return f"{self.name} {self.grammar}".rstrip() + (" [--json]" if self.json else "")
