"""`help`: the command table in words."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result
from arcetui.render.row import Row, plain, row
from arcetui.suggest import unknown

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUPS = ("Running", "Going back", "Breakpoints", "System calls", "Looking", "Memory", "Help")


def overview(commands: tuple[Command, ...]) -> list[Row]:
    """Every command by group, one line each."""
    out: list[Row] = []
    for group in GROUPS:
        out.append(plain(group, "title"))
        for command in commands:
            if command.group == group:
                names = command.name
                for alias in command.aliases:
                    if len(names) + len(alias) <= 24:
                        names += f", {alias}"
                out.append(row((f"  {names:<26} ", "key"), command.summary))
    out.append(plain("help COMMAND tells more; Tab completes; an empty line repeats.", "dim"))
    return out


def topic(command: Command) -> list[Row]:
    """One command."""
    out: list[Row] = [plain(command.usage, "title"), plain(command.summary)]
    if command.help:
        out += [plain(line) for line in textwrap.wrap(command.help, 78)]
    if command.aliases:
        out.append(row(("Also: ", "dim"), ", ".join(command.aliases)))
    return out


def helper(commands: tuple[Command, ...], find: Callable[[str], Command | None]) -> Command:
    """The help command over a table."""

    def action(_: Context, text: str) -> Result:
        word = " ".join(text.split())
        if not word:
            return Result(tuple(overview(commands)))
        command = find(word)
        if command is not None:
            return Result(tuple(topic(command)))
        family = [each for each in commands if each.name.split()[0] == word]
        if family:
            return Result(tuple(row((f"{each.name:<24} ", "key"), each.summary) for each in family))
        names = [name for each in commands for name in (each.name, *each.aliases)]
        raise CommandError(unknown("command", word, names))

    def complete(_: Context, text: str) -> list[str]:
        return [each.name for each in commands if each.name.startswith(text)]

    return Command(
        "help",
        action,
        "Explain the commands.",
        "[COMMAND]",
        "",
        ("h", "?"),
        "Help",
        complete,
    )
