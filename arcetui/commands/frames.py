"""Frames of the call stack one by one, and the variables in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import expressions
from arcetui.commands.typed import Typed, shown, typed
from arcetui.expr import TYPES
from arcetui.render.code import source_line
from arcetui.render.row import Row, plain, row

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "Looking"
_NO_VARIABLES = "the program, or this part of it, says nothing of its variables: compile it with -g"


def _choose(context: Context, number: int) -> Result:
    frames = context.frames()
    if not frames[number:]:
        raise CommandError(f"there is no frame {number}: the outermost is {len(frames) - 1}")
    context.choose_frame(number)
    settings = context.settings
    settings.list_next = 0
    frame = frames[number]
    if frames[number + 1 :] and frames[number + 1].how == "signal":
        return Result((row((f"#{number:<3} ", "key"), ("<signal handler called>", "dim")),))
    line = context.symbols.line(frame.pc - (not frame.interrupted))  # of the call, not behind it
    at = f" at {line[0].rsplit('/', 1)[-1]}:{line[1]}" if line else ""
    where = (context.symbols.describe(frame.pc) or f"{frame.pc:#x}") + at
    rows: list[Row] = [row((f"#{number:<3} ", "key"), (where, "code"))]
    if line is not None:
        rows.append(source_line(context.symbols, *line, here=True))
    return Result(tuple(rows))


def frame(context: Context, text: str) -> Result:
    """Choose a frame, or say which one is chosen."""
    word = text.strip()
    if word and not word.isdigit():
        raise CommandError(f"frame {word}: write a number; bt lists the frames")
    return _choose(context, int(word) if word else context.chosen_frame)


def up(context: Context, text: str) -> Result:
    """To the caller."""
    last = len(context.frames()) - 1
    if context.chosen_frame >= last:
        raise CommandError("this is the outermost frame")
    return _choose(context, min(context.chosen_frame + context.count(text), last))


def down(context: Context, text: str) -> Result:
    """To the function that was called."""
    if not context.chosen_frame:
        raise CommandError("this is the innermost frame, where the program stands")
    return _choose(context, max(context.chosen_frame - context.count(text), 0))


def info_frame(context: Context, text: str) -> Result:
    """The chosen frame."""
    number = context.chosen_frame
    frames = context.frames(number + 2)
    here = frames[number]
    lines = [
        f"frame {number} at {here.sp:#x}",
        f"stands at {here.pc:#x} {context.where(here.pc)}".rstrip(),
    ]
    if here.how:
        lines.append(f"found by its {here.how}" + ("" if here.certain else ", a guess"))
    if len(frames) > number + 1:
        caller = frames[number + 1]
        lines.append(f"called from {caller.pc:#x} {context.where(caller.pc)}".rstrip())
    else:
        lines.append("it is the outermost frame")
    cfa = context.view().cfa()
    if cfa is not None:
        lines.append(f"its frame begins at {cfa:#x}, where the caller's stack ends")
    return say(*lines)


def _list(context: Context, *, parameters: bool | None) -> Result:
    variables = context.symbols.variables
    view = context.view()
    found = variables.locals(view.pc)
    if not found and not variables.scopes(view.pc):
        return say(_NO_VARIABLES)
    chosen = [v for v in found if v.is_parameter is parameters]
    rows = [_row(context, v.name, Typed(v.kind, variables.place(v, view))) for v in chosen]
    none = "no arguments" if parameters else "no local variables"
    return Result(tuple(rows)) if rows else say(none)


def _row(context: Context, name: str, value: Typed) -> Row:
    try:
        text = shown(context, value, top=False)
    except CommandError as error:
        text = f"<{error}>"
    return row((name, "key"), " = ", (text, "value"))


def info_locals(context: Context, text: str) -> Result:
    """The chosen frame's variables."""
    return _list(context, parameters=False)


def info_args(context: Context, text: str) -> Result:
    """The chosen frame's arguments."""
    return _list(context, parameters=True)


def info_variables(context: Context, text: str) -> Result:
    """Variables outside functions."""
    variables = context.symbols.variables
    wanted = text.strip()
    types = variables.types
    rows = [
        row((f"{types.name(v.kind)} ", "dim"), (name, "key"))
        for name, v in sorted(variables.globals.items())
        if wanted in name
    ]
    if not rows:
        named = sorted(
            (s.name, s.address)
            for s in context.symbols.by_name.values()
            if not s.is_code and s.size_bytes and wanted in s.name
        )
        rows = [row((f"{address:#x} ", "addr"), (name, "key")) for name, address in named]
    if len(rows) > 500:
        rows = [*rows[:500], plain(f"and {len(rows) - 500} more", "dim")]
    return Result(tuple(rows)) if rows else say("no such variable")


def _type_of(context: Context, text: str) -> Typed:
    words = text.replace("*", " * ").split()
    if not words:
        raise CommandError("of what? Write a variable or a type, such as struct point")
    value = typed(context, text)
    if value is not None:
        return value
    stars = words.count("*")
    names = [word for word in words if word != "*"]
    variables = context.symbols.variables
    kind = variables.type_named(" ".join(names)) if names else None
    symbol = context.symbols.by_name.get(text.strip())
    if kind is None and symbol is not None and symbol.is_code:
        kind = variables.function(symbol.address)
    if kind is None:
        if not variables.info.units:
            raise CommandError(_NO_VARIABLES)
        raise CommandError(f"no variable or type {text.strip()!r} here")
    return Typed(kind, None, stars)


def size_of(context: Context, text: str) -> int:
    """How many bytes a variable or a type takes."""
    words = tuple(text.split())
    if words and words[-1] in TYPES:
        return TYPES[words[-1]][0]
    value = _type_of(context, text)
    return 8 if value.stars else context.symbols.variables.types.size(value.kind)


def ptype(context: Context, text: str) -> Result:
    """A type's definition."""
    value = _type_of(context, text)
    lines = context.symbols.variables.types.describe(value.kind)
    if value.stars:
        lines[-1] += (" " if lines[-1] == "}" else "") + "*" * value.stars
    return say(*lines)


def whatis(context: Context, text: str) -> Result:
    """A type's name."""
    value = _type_of(context, text)
    stars = f" {'*' * value.stars}" if value.stars else ""
    return say(f"type = {context.symbols.variables.types.name(value.kind)}{stars}")


COMMANDS = (
    Command(
        "frame",
        frame,
        "Choose the frame that variables and $registers are of, or show it.",
        "[N]",
        "0 is the innermost; bt lists them. A step chooses the innermost again.",
        ("f",),
        GROUP,
    ),
    Command("up", up, "Choose the caller's frame.", "[N]", "", (), GROUP),
    Command("down", down, "Choose the frame that was called.", "[N]", "", ("dow",), GROUP),
    Command("info frame", info_frame, "The chosen frame.", "", "", ("info f",), GROUP),
    Command(
        "info locals",
        info_locals,
        "The local variables of the chosen frame, with their values.",
        "",
        "Needs a program compiled with -g.",
        ("info lo",),
        GROUP,
    ),
    Command("info args", info_args, "The arguments of the chosen frame.", "", "", (), GROUP),
    Command(
        "info variables",
        info_variables,
        "Variables outside functions whose name contains TEXT.",
        "[TEXT]",
        "",
        (),
        GROUP,
    ),
    Command(
        "ptype",
        ptype,
        "The definition of a type, or of a variable's.",
        "VARIABLE | TYPE",
        "",
        (),
        GROUP,
        expressions,
    ),
    Command(
        "whatis",
        whatis,
        "The type of a variable.",
        "VARIABLE | TYPE",
        "",
        (),
        GROUP,
        expressions,
    ),
)
