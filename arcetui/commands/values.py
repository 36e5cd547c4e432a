"""Values: print, and display at every stop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import expressions
from arcetui.commands.formats import read_format
from arcetui.commands.frames import size_of
from arcetui.commands.memory import examine
from arcetui.commands.typed import Typed, number_of, shown, typed
from arcetui.expr import TYPES
from arcetui.expr_values import ExprError
from arcetui.render import memory as memory_rows
from arcetui.render.row import Row, row

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "Looking"
_U64 = (1 << 64) - 1
_NUMBERS = (1, 2, 4, 8)  # sizes of variables that are shown as numbers


def print_value(context: Context, text: str) -> Result:
    """Evaluate and print."""
    _, letter, size, expression = read_format(text)
    assignment = re.match(r"^\$([A-Za-z_]\w*)\s*=(?!=)\s*(.+)$", expression)
    if assignment:
        value = context.value(assignment[2])
        if assignment[1] in context.debugger.arch.registers:
            raise CommandError("registers cannot be changed: the run must stay reproducible")
        context.settings.named[assignment[1]] = value
        return say(f"${assignment[1]} = {value:#x}")
    if not expression:
        expression = "$"
    if measured := re.match(r"^sizeof\s*\((.*)\)$", expression):
        value = size_of(context, measured[1])
        context.settings.values.append(value)
        return say(f"${len(context.settings.values)} = {value}")
    variable = typed(context, expression)
    if variable is not None:
        return _print_variable(context, variable, letter, size)
    value = context.value(expression)
    context.settings.values.append(value)
    number = len(context.settings.values)
    shown = row((f"${number}", "key"), " = ", *value_text(context, value, letter, size))
    return Result((shown + (() if letter else _held(context, expression)),))


def _print_variable(context: Context, variable: Typed, letter: str, size: int) -> Result:
    """A variable, member or element, as its type says, or in the format asked for."""
    value = number_of(context, variable)
    if letter and letter != "s" and value is not None:
        width = size or context.symbols.variables.types.size(variable.kind) or 8
        text = value_text(context, value, letter, width)
    elif letter:
        raise CommandError(f"/{letter} is for numbers; without it the variable is shown whole")
    else:
        text = [(shown(context, variable), "value")]
    context.settings.values.append(0 if value is None else value)
    return Result((row((f"${len(context.settings.values)}", "key"), " = ", *text),))


def _held(context: Context, expression: str) -> Row:
    """What a variable holds, beside its address; nothing for what is no plain variable."""
    symbol = context.symbols.by_name.get(expression)
    if symbol is None or symbol.is_code or symbol.size_bytes not in _NUMBERS:
        return ()
    data = context.read(symbol.address, symbol.size_bytes)
    if len(data) < symbol.size_bytes:
        return ()
    value = int.from_bytes(data, "little", signed=True)
    return row(" holds ", (str(value), "number"), (f" ({symbol.size_bytes} bytes)", "dim"))


def refuse_to_set(context: Context, text: str) -> Result:
    """Memory and registers belong to the run."""
    raise CommandError(
        "registers and memory cannot be changed: the run must stay reproducible; give the program "
        "other arguments or input, or keep a value of your own: p $name = EXPR"
    )


def value_text(context: Context, value: int, letter: str, size: int = 0) -> list[tuple[str, str]]:
    """A value in a format; without one in decimal and hexadecimal, with its symbol."""
    if letter == "s":
        return [(memory_rows.as_text(context.read(value & _U64, 200)) or "(no string)", "string")]
    if letter == "i":
        raise CommandError("for instructions use x/i ADDRESS or disas")
    if letter and letter != "a":
        return [(memory_rows.number(value, letter, size or 8), "value")]
    label = context.symbols.describe(value & _U64)
    shown = [(f"{value & _U64:#x}", "value")]
    if not letter and not label:
        shown = [(str(value), "number")]
        if not -10 < value < 10:
            shown.append((f"  {value & _U64:#x}", "value"))
    if label:
        shown.append((f" <{label}>", "comment"))
    return shown


def display(context: Context, text: str) -> Result:
    """Print an expression at every stop."""
    displays = context.settings.displays
    if not text.strip():
        shown = [show_display(context, number, each) for number, each in displays.items()]
        rows = [each for one in shown for each in one]
        return Result(tuple(rows)) if rows else say("nothing is displayed")
    _, letter, _, expression = read_format(text)
    if letter not in {"i", "s"} and typed(context, expression) is None:
        context.parse(expression)
    number = max(displays, default=0) + 1
    displays[number] = text.strip()
    return Result(tuple(show_display(context, number, text.strip())))


def show_display(context: Context, number: int, text: str) -> list[Row]:
    """One display."""
    count, letter, size, expression = read_format(text)
    try:
        if letter in {"i", "s"} or count:
            result = examine(context, text)
            return [row((f"{number}: ", "key"), f"x{text}"), *result.rows]
        variable = typed(context, expression)
        if variable is not None and not letter:
            return [row((f"{number}: ", "key"), f"{expression} = ",
                        (shown(context, variable), "value"))]  # fmt: skip
        value = context.parse(expression).value(context)
        return [row((f"{number}: ", "key"), f"{expression} = ",
                    *value_text(context, value, letter, size))]  # fmt: skip
    except (ExprError, CommandError) as error:
        return [row((f"{number}: ", "key"), f"{expression}: ", (str(error), "error"))]


def undisplay(context: Context, text: str) -> Result:
    """Forget displays."""
    displays = context.settings.displays
    if not text.strip():
        displays.clear()
        return say("nothing is displayed any more")
    for word in text.split():
        if not word.isdigit() or int(word) not in displays:
            raise CommandError(f"no display {word}")
        del displays[int(word)]
    return say()


_EXPR = (
    "EXPR has C's operators, integers, $registers, symbols (their address; alone, a variable is "
    "shown with what it holds), local variables (their value), constants such as "
    "PROT_READ, and *(u64*)ADDR to read memory. Types: " + " ".join(list(TYPES)[:8]) + "."
)
COMMANDS = (
    Command(
        "print",
        print_value,
        "Evaluate an expression and print its value.",
        "[/FMT] EXPR",
        "FMT: x hexadecimal, d signed, u unsigned, o octal, t binary, c character, a address, "
        "s the string there, z padded, f floating point; b h w g for 1, 2, 4, 8 bytes. "
        f"{_EXPR} `p $name = EXPR` keeps a value; `$1`, `$` are earlier ones.",
        ("p", "inspect", "output"),
        GROUP,
        expressions,
    ),
    Command(
        "display",
        display,
        "Print an expression at every stop.",
        "[/FMT EXPR]",
        "",
        (),
        GROUP,
        expressions,
    ),
    Command(
        "set var",
        refuse_to_set,
        "Says why nothing can be changed.",
        "EXPR",
        "",
        ("set variable",),
        GROUP,
    ),
    Command("undisplay", undisplay, "Forget displays.", "[N ...]", "", (), GROUP),
)
