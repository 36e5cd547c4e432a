"""The language: finds the command a line means, runs it, completes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.commands import (
    breakpoints,
    code,
    frames,
    info,
    memory,
    queues,
    run,
    sharing,
    syscalls,
    tasks,
    time_travel,
    values,
    watch,
)
from arcetui.commands.command import Command, CommandError, Result
from arcetui.commands.context import Context
from arcetui.commands.gdb_words import instead
from arcetui.commands.help import helper
from arcetui.expr_values import ExprError
from arcetui.render.row import plain
from arcetui.suggest import unknown

if TYPE_CHECKING:
    from arcetui.symbols import Symbols
    from kernel.control import Debugger


def leave(_: Context, text: str) -> Result:
    """Leave."""
    return Result(quit=True)


QUIT = Command("quit", leave, "Leave.", "", "", ("q",), "Help")
_TABLE: tuple[Command, ...] = (
    *run.COMMANDS,
    *time_travel.COMMANDS,
    *breakpoints.COMMANDS,
    *watch.COMMANDS,
    *syscalls.COMMANDS,
    *info.COMMANDS,
    *sharing.COMMANDS,
    *queues.COMMANDS,
    *tasks.COMMANDS,
    *values.COMMANDS,
    *memory.COMMANDS,
    *code.COMMANDS,
    *frames.COMMANDS,
    QUIT,
)


def find(words: str) -> Command | None:
    """The command of a full name or alias."""
    return _BY_NAME.get(" ".join(words.split()))


COMMANDS: tuple[Command, ...] = (*_TABLE, helper(_TABLE, find))
_BY_NAME: dict[str, Command] = {}
for _command in COMMANDS:
    for _name in (_command.name, *_command.aliases):
        _BY_NAME.setdefault(_name, _command)
_LONGEST = 300  # characters of an error
FAMILIES = frozenset(name.split()[0] for name in _BY_NAME if " " in name)


class Commander:
    """Runs command lines against a debugger.

    Args:
        debugger: The machine.
        symbols: The program's symbols; read from its file if not given.
    """

    def __init__(self, debugger: Debugger, symbols: Symbols | None = None) -> None:
        self.context = Context(debugger, symbols)

    def run(self, line: str) -> Result:
        """Do one line. Never raises for what the user wrote: errors are results."""
        line = line.strip()
        settings = self.context.settings
        if line.startswith("#"):
            return Result()
        if not line:
            line = settings.last_line
            if not line:
                return Result()
        try:
            command, rest = self.parse(line)
            settings.last_line = _repeatable(command, line)
            return command.action(self.context, rest)
        except (CommandError, ExprError) as error:
            return _failed(str(error))
        except LookupError as error:
            return _failed(str(error.args[0] if error.args else error))

    def parse(self, line: str) -> tuple[Command, str]:
        """The command and its argument.

        Raises:
            CommandError: There is no such command, or its beginning fits several.
        """
        first, slash, form = _first_word(line)
        rest = line[len(first) :].strip() if not slash else form
        families = [name for name in FAMILIES if name.startswith(first)] if len(first) > 2 else []
        if first not in _BY_NAME and len(families) == 1:
            first = families[0]
        if first == "i" or (first == "inf" and rest):
            first = "info"  # gdb's
        if first in FAMILIES:
            word, _, more = rest.partition(" ")
            if word:
                command = _lookup(f"{first} {word}")
                if command is not None:
                    return command, more.strip()
            if first not in _BY_NAME:
                names = sorted(name for name in _BY_NAME if name.startswith(first + " "))
                if not word:
                    own = [c.name for c in COMMANDS if c.name.startswith(first + " ")]
                    kinds = ", ".join(sorted(name.partition(" ")[2] for name in own))
                    raise CommandError(f"{first} what? One of: {kinds}")
                if remedy := instead(first, word):
                    raise CommandError(f"no {first} {word} here: {remedy}")
                kinds = [name.partition(" ")[2] for name in names]
                raise CommandError(unknown(f"{first} command", word, kinds))
        command = _lookup(first)
        if command is None and (remedy := instead(first)):
            raise CommandError(f"no command {first} here: {remedy}")
        if command is None:
            raise CommandError(unknown("command", first, list(_BY_NAME)) + "; try help")
        return command, rest

    def complete(self, line: str) -> list[str]:
        """Whole lines that the line could become, by completing its last word."""
        stripped = line.lstrip()
        lead = line[: len(line) - len(stripped)]
        first, blank, rest = stripped.partition(" ")
        if not blank:
            names = {name for name in _BY_NAME if name.startswith(first) and " " not in name}
            names |= {name for name in FAMILIES if name.startswith(first)}
            return [lead + name for name in sorted(names, key=_short_first)]
        if first in FAMILIES and " " not in rest:
            words = {name for name in _BY_NAME if name.startswith(f"{first} ") and rest in name[:]}
            found = sorted(n for n in words if n.startswith(f"{first} {rest}"))
            if found or first not in _BY_NAME:
                return [lead + name for name in found]
        try:
            command, argument = self.parse(stripped)
        except CommandError:
            return []
        if command.complete is None:
            return []
        if stripped.endswith(" ") and not argument.endswith(" "):
            argument = argument + " " if argument else ""
        try:
            words_found = command.complete(self.context, argument)
        except (CommandError, ExprError, LookupError):
            return []
        base = line
        out: list[str] = []
        for word in words_found:
            out.append(_joined(base, word))
        return out


def _joined(line: str, word: str) -> str:
    """The line with its last, partial word replaced by `word`."""
    for size in range(min(len(word), len(line)), 0, -1):
        before = line[len(line) - size - 1 : len(line) - size]
        if line.endswith(word[:size]) and not (before.isalnum() or before == "_"):
            return line[: len(line) - size] + word
    return line + word


def _short_first(name: str) -> tuple[int, str]:
    return (0 if len(name) > 2 else 1), name


def _first_word(line: str) -> tuple[str, bool, str]:
    """`x/8gx $sp` -> ("x", True, "/8gx $sp")."""
    first = line.split(None, 1)[0]
    name, slash, _ = first.partition("/")
    if slash and name:
        return name, True, line[len(name) :].strip()
    return first, False, ""


def _lookup(name: str) -> Command | None:
    """A command by name, alias, or the beginning of exactly one command."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    depth = name.count(" ")
    found = {c.name: c for n, c in _BY_NAME.items() if n.startswith(name) and n.count(" ") == depth}
    same_depth = list(found.values())
    if len(same_depth) == 1:
        return same_depth[0]
    if len(same_depth) > 1:
        names = sorted({c.name for c in same_depth})
        raise CommandError(f"{name!r} may mean {', '.join(names)}")
    return None


def _repeatable(command: Command, line: str) -> str:
    """What an empty line does next: the same step, or x without its address."""
    if not command.repeats:
        return ""
    return "x" if command.name == "x" else "list" if command.name == "list" else line


def _failed(sentence: str) -> Result:
    """One sentence, short even if what it quotes is not."""
    if len(sentence) > _LONGEST:
        sentence = f"{sentence[: _LONGEST // 2]}...{sentence[-_LONGEST // 2 :]}"
    sentence = " ".join(sentence.split("\n"))
    return Result((plain(sentence, "error"),), error=True)
