"""What completes the words of commands: symbols, places, registers, system calls."""

from __future__ import annotations

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
    if not word:
        return []
    found = context.symbols.starting_with(word, MOST)
    if word.isupper() or "_" in word:
        found += [name for name in context.constants.names() if name.startswith(word)]
    return found[:MOST]


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
