"""What completes the words of commands: symbols, places, registers, system calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arcetui.strace.classes import CLASSES

if TYPE_CHECKING:
    from arcetui.commands.context import Context

MOST = 200


def last_word(text: str) -> str:
    """The word being typed: since the last blank or operator."""
    start = len(text)
    while start and (text[start - 1].isalnum() or text[start - 1] in "_.$%:"):
        start -= 1
    return text[start:]


def expressions(context: Context, text: str) -> list[str]:
    """Symbols, registers and constants for the word at the end of an expression."""
    word = last_word(text)
    if word.startswith("$"):
        arch = context.debugger.arch
        names = [*arch.registers, "pc", "sp"]
        return [f"${name}" for name in names if name.startswith(word[1:])]
    if path := re.search(r"([\w.>\[\]-]*?)(\.|->)(\w*)$", text):
        return members(context, path[1], path[2], path[3])
    if not word:
        return []
    found = [name for name in variable_names(context) if name.startswith(word)]
    found += [name for name in context.symbols.starting_with(word, MOST) if name not in found]
    if word.isupper() or "_" in word:
        found += [name for name in context.constants.names() if name.startswith(word)]
    return found[:MOST]


def variable_names(context: Context) -> list[str]:
    """Local variables of the chosen frame."""
    variables = context.symbols.variables
    return [variable.name for variable in variables.locals(context.view().pc)]


def members(context: Context, path: str, by: str, word: str) -> list[str]:
    """Members of the structure a path leads to."""
    from arcetui.commands.typed import typed

    value = typed(context, f"*({path})" if by == "->" else path)
    types = context.symbols.variables.types
    kind = types.bare(value.kind) if value is not None and not value.stars else None
    names = [member.name for member in types.members(kind)] if kind is not None else []
    return [name for name in names if name.startswith(word) and name]


def threads(context: Context, text: str) -> list[str]:
    """Ids of tasks."""
    word = text.split(" ")[-1]
    tids = [str(task.tid) for task in context.debugger.scheduling().tasks]
    return [tid for tid in tids if tid.startswith(word)]


def positions(_: Context, text: str) -> list[str]:
    """What goto knows by name."""
    return [name for name in ("start", "end", "syscall #") if name.startswith(text)]


def locations(context: Context, text: str) -> list[str]:
    """Functions and FILE:LINE places."""
    word = text.split(" ")[-1]
    if word.startswith(("*", "$")):
        return expressions(context, text)
    names = [
        name
        for name in context.symbols.starting_with(word, 2000)
        if context.symbols.by_name[name].is_code
    ]
    file, colon, number = word.rpartition(":")
    if colon and not number.strip("0123456789"):
        found = context.symbols.lines.lines_with_code(file)
        return [f"{file}:{line}" for line in found if str(line).startswith(number)][:MOST]
    if word:
        lines = context.symbols.lines
        files = {file.rsplit("/", 1)[-1] for file in lines.files}
        names += sorted(f"{file}:" for file in files if file.startswith(word))
    return names[:MOST]


def calls(context: Context, text: str) -> list[str]:
    """System calls and their classes."""
    word = text.split(" ")[-1].split(",")[-1].lstrip("!")
    names = [*sorted(context.debugger.syscall_numbers()), *[f"%{name}" for name in sorted(CLASSES)]]
    return [name for name in names if name.startswith(word)][:MOST]


def registers(context: Context, text: str) -> list[str]:
    """Register names."""
    word = text.split(" ")[-1].lstrip("$")
    return [name for name in context.debugger.arch.registers if name.startswith(word)]


def breakpoint_numbers(context: Context, text: str) -> list[str]:
    """Numbers of breakpoints."""
    word = text.split(" ")[-1]
    numbers = [str(view.number) for view in context.debugger.breakpoints()]
    return [number for number in numbers if number.startswith(word)]


def one_of(*words: str) -> object:
    """A completer of fixed words."""

    def complete(_: Context, text: str) -> list[str]:
        word = text.split(" ")[-1]
        return [each for each in words if each.startswith(word)]

    return complete
