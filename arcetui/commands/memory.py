"""Looking at values and memory: p, x, hexdump, telescope, display, disas, list, bt, walks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import expressions, locations
from arcetui.commands.context import split_flag
from arcetui.commands.json_rows import json_row
from arcetui.disassembly import disassemble
from arcetui.expr import TYPES, ExprError, unknown
from arcetui.render import code as code_rows
from arcetui.render import memory as memory_rows
from arcetui.render.maps import area_style
from arcetui.render.pagewalk import pagewalk
from arcetui.render.row import Row, plain, row

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "Looking"
_SIZES = {"b": 1, "h": 2, "w": 4, "g": 8}
_FORMAT = re.compile(r"^/(\d*)([a-z]*)\s*")
_LETTERS = "xduotacsiz"
MOST_ITEMS = 65_536
_U64 = (1 << 64) - 1


def read_format(text: str) -> tuple[int, str, int, str]:
    """Take a gdb format off: `/8gx $sp` -> (8, "x", 8, "$sp"); 0 and "" where left out.

    Raises:
        CommandError: A letter is no format or size.
    """
    match = _FORMAT.match(text)
    if match is None:
        return 0, "", 0, text.strip()
    count = int(match[1] or 0)
    if count > MOST_ITEMS:
        raise CommandError(f"at most {MOST_ITEMS} items at once, not {count}")
    letter, size = "", 0
    for each in match[2]:
        if each in _SIZES and not (each == "b" and False):
            size = _SIZES[each]
        elif each in _LETTERS:
            letter = each
        else:
            raise CommandError(
                f"{each!r} is no format: use {' '.join(_LETTERS)} and sizes {' '.join(_SIZES)}"
            )
    return count, letter, size, text[match.end() :].strip()


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
    value = context.value(expression)
    context.settings.values.append(value)
    number = len(context.settings.values)
    return Result((row((f"${number}", "key"), " = ", *value_text(context, value, letter, size)),))


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


def examine(context: Context, text: str) -> Result:
    """Gdb's x."""
    settings = context.settings
    count, letter, size, expression = read_format(text)
    letter = letter or settings.examine_format
    size = size or {"c": 1, "a": 8}.get(letter, settings.examine_size)
    address = context.address(expression) if expression else settings.examine_next
    if not expression and not settings.examine_next:
        raise CommandError("x needs an address, such as x/8gx $sp")
    settings.examine_format = letter
    if letter not in "csia":
        settings.examine_size = size
    if letter == "i":
        return _instructions(context, address, count or 1)
    if letter == "s":
        return _strings(context, address, count or 1)
    wanted = (count or 1) * size
    data = context.read(address, wanted)
    rows = memory_rows.examine(data, address, letter, size, context.symbols.describe)
    settings.examine_next = address + len(data)
    settings.named["_"] = address
    if len(data) < wanted:
        rows.append(plain(not_mapped(context, address + len(data)), "error"))
    return Result(tuple(rows), error=len(data) < size)


def not_mapped(context: Context, address: int) -> str:
    """Why memory cannot be read: in words of the page walk."""
    area = context.area_at(address)
    if area is None:
        return f"cannot read {address:#x}: no area is mapped there"
    return f"cannot read {address:#x}: in {area.name or area.kind} {area.perms}, not yet resident"


def _strings(context: Context, address: int, count: int) -> Result:
    rows: list[Row] = []
    for _ in range(count):
        data = context.read(address, 4096)
        if not data:
            rows.append(plain(not_mapped(context, address), "error"))
            return Result(tuple(rows), error=len(rows) == 1)
        end = data.find(0)
        body = data if end < 0 else data[:end]
        shown = body[:200].decode("utf-8", "backslashreplace")
        shown = "".join(c if c.isprintable() else f"\\{ord(c):o}" for c in shown)
        dots = "..." if len(body) > 200 or end < 0 else ""
        rows.append(row((f"{address:#x}", "addr"), ':\t"', (shown, "string"), f'"{dots}'))
        address += len(body) + 1
    context.settings.examine_next = address
    return Result(tuple(rows))


def _instructions(context: Context, address: int, count: int) -> Result:
    arch = context.debugger.arch
    data = context.read(address, min(count, 4096) * arch.max_insn_bytes)
    if not data:
        return Result((plain(not_mapped(context, address), "error"),), error=True)
    insns = disassemble(arch.name, data, address, count)
    context.settings.examine_next = insns[-1].end if insns else address
    rows = code_rows.disassembly(insns, context.symbols, context.pc, break_map(context))
    return Result(tuple(rows))


def break_map(context: Context) -> dict[int, int]:
    """Breakpoints in the code: address -> number."""
    return {
        view.spec.address: view.number
        for view in context.debugger.breakpoints()
        if view.spec.kind == "address"
    }


def disas(context: Context, text: str) -> Result:
    """A function, or some instructions."""
    count, letters, _, place = read_format(text)
    text_flags = _FORMAT.match(text)
    flags = text_flags[2] if text_flags is not None else letters
    words = place.split()
    length = count
    if len(words) > 1 and words[-1].isdigit():
        length = int(words.pop())
    raw_symbol = context.symbols.by_name.get(words[0]) if words else None
    address = raw_symbol.address if raw_symbol else context.location(" ".join(words))[0]
    found = context.symbols.function(address)
    arch = context.debugger.arch
    if found is not None and not length:
        _, start, end = found
        end = min(end, start + 65_536)
    else:
        start = address
        end = address + min(length or 12, 4096) * arch.max_insn_bytes
    data = context.read(start, end - start)
    if not data:
        return Result((plain(not_mapped(context, start), "error"),), error=True)
    insns = disassemble(arch.name, data, start, length or 4096 if found or length else 12)
    rows = code_rows.disassembly(
        insns,
        context.symbols,
        context.pc,
        break_map(context),
        raw="r" in flags,
        source="s" in flags,
    )
    if found is not None and not length:
        rows.insert(0, plain(f"{found[0]}:", "title"))
    return Result(tuple(rows))


def list_source(context: Context, text: str) -> Result:
    """Source lines around a place."""
    settings = context.settings
    if text.strip() or not settings.list_next:
        address, _ = context.location(text)
        here = context.symbols.line(address)
        if here is None:
            raise CommandError(
                "no source lines here: the program, or this part of it, has no line information"
            )
        file, line = here
        first = max(line - 4, 1)
    else:
        here = context.symbols.line(context.pc)
        if here is None:
            raise CommandError("no source lines here")
        file, first = here[0], settings.list_next
    current = context.symbols.line(context.pc)
    rows: list[Row] = []
    for number in range(first, first + 10):
        content = context.symbols.text(file, number)
        if not content and number > first + 20:
            break
        is_here = current == (file, number)
        mark = "=>" if is_here else "  "
        rows.append(row((f"{mark}{number:>5} ", "number"), (content, "current" if is_here else "")))
    while rows and not "".join(span.text for span in rows[-1]).strip(" =>0123456789"):
        rows.pop()
    settings.list_next = first + 10
    if not rows:
        raise CommandError(f"the source file {file} is not on this computer")
    return Result(tuple(rows))


def backtrace(context: Context, text: str) -> Result:
    """The frames."""
    text, as_json = split_flag(text, "--json")
    most = context.count(text, 256)
    frames = context.frames(min(most, 256))
    if as_json:
        return Result(
            tuple(
                json_row(frame, number=i, function=context.symbols.describe(frame.pc))
                for i, frame in enumerate(frames)
            )
        )
    return Result(tuple(code_rows.backtrace(frames, context.symbols)))


def hexdump(context: Context, text: str) -> Result:
    """Bytes and characters."""
    words = text.rsplit(None, 1)
    size = 64
    expression = text
    if len(words) == 2 and re.fullmatch(r"0x[0-9a-fA-F]+|\d+", words[1]):
        expression, size = words[0], int(words[1], 0)
    address = context.address(expression or f"${context.debugger.arch.sp}")
    if size > MOST_ITEMS * 16:
        raise CommandError(f"at most {MOST_ITEMS * 16} bytes at once")
    data = context.read(address, size)
    rows = memory_rows.hexdump(data, address)
    if len(data) < size:
        rows.append(plain(not_mapped(context, address + len(data)), "error"))
    return Result(tuple(rows), error=not data)


def telescope(context: Context, text: str) -> Result:
    """Words and what they point to."""
    words = text.rsplit(None, 1)
    count, expression = 8, text
    if len(words) == 2 and words[1].isdigit():
        expression, count = words[0], int(words[1])
    elif text.isdigit() and int(text) <= 1024:
        expression, count = "", int(text)
    arch = context.debugger.arch
    address = context.address(expression or f"${arch.sp}")
    areas = context.space().areas

    def style(value: int) -> str:
        for area in areas:
            if area.start <= value < area.end:
                return area_style(area)
        return ""

    marks: dict[int, str] = {}
    for name, value in context.registers().items():
        if name != arch.pc and style(value):
            marks[value] = f"{marks[value]},{name}" if value in marks else name
    rows = memory_rows.telescope(
        address & ~7, min(count, 4096), context.read, context.symbols.describe, style, marks
    )
    return Result(tuple(rows))


# -- displays ---------------------------------------------------------------------------------


def display(context: Context, text: str) -> Result:
    """Print an expression at every stop."""
    displays = context.settings.displays
    if not text.strip():
        rows = [
            row_
            for number, each in displays.items()
            for row_ in show_display(context, number, each)
        ]
        return Result(tuple(rows)) if rows else say("nothing is displayed")
    _, letter, _, expression = read_format(text)
    if letter not in {"i", "s"}:
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


# -- addresses --------------------------------------------------------------------------------

_ACCESSES = {"r": "read", "w": "write", "x": "execute", "e": "execute"}


def _access(words: list[str]) -> str:
    """Take the kind of access off the end."""
    if not words:
        return "read"
    name = _ACCESSES.get(words[-1], words[-1])
    if name in _ACCESSES.values():
        words.pop()
        return name
    if len(words) > 1 and words[-1].isalpha():
        raise CommandError(unknown("access", words[-1], ["read", "write", "execute"]))
    return "read"


def walk(context: Context, text: str) -> Result:
    """A page walk."""
    text, as_json = split_flag(text, "--json")
    words = text.split()
    access = _access(words)
    if not words:
        raise CommandError("pagewalk needs an address, such as pagewalk $sp write")
    context.space()
    view = context.debugger.walk(context.address(" ".join(words)), access)
    if as_json:
        return Result((json_row(view),))
    return Result(tuple(pagewalk(view)))


def v2p(context: Context, text: str) -> Result:
    """Virtual to physical."""
    text, as_json = split_flag(text, "--json")
    address = context.address(text)
    context.space()
    view = context.debugger.walk(address, "read")
    if as_json:
        return Result((json_row({"type": "v2p", "va": view.va, "pa": view.pa}),))
    if view.pa < 0:
        return Result((plain(f"{address:#x} has no physical address: {view.sentence}", "error"),))
    return say(f"{address:#x} -> {view.pa:#x}  ({view.perms})")


def symbol(context: Context, text: str) -> Result:
    """Name an address, or find a name."""
    address = context.address(text)
    name, line = context.symbols.describe(address), context.symbols.line(address)
    area = context.area_at(address)
    parts = [f"{address:#x}"]
    if name:
        parts.append(f"is {name}")
    if line:
        parts.append(f"at {line[0].rsplit('/', 1)[-1]}:{line[1]}")
    parts.append(f"in {area.name or area.kind} {area.perms}" if area else "in no area")
    return say(" ".join(parts))


_EXPR = (
    "EXPR has C's operators, integers, $registers, symbols (their address), constants such as "
    "PROT_READ, and *(u64*)ADDR to read memory. Types: " + " ".join(list(TYPES)[:8]) + "."
)
COMMANDS = (
    Command(
        "print",
        print_value,
        "Evaluate an expression and print its value.",
        "[/FMT] EXPR",
        "FMT: x hexadecimal, d signed, u unsigned, o octal, t binary, c character, a address, "
        "s the string there, z padded; b h w g for 1, 2, 4, 8 bytes. "
        f"{_EXPR} `p $name = EXPR` keeps a value; `$1`, `$` are earlier ones.",
        ("p", "inspect", "output"),
        GROUP,
        expressions,
    ),
    Command(
        "x",
        examine,
        "Examine memory.",
        "[/NFU] ADDR",
        "N items of format F (x d u o t c a s i z) and size U (b h w g), as in gdb: x/8gx $sp, "
        "x/5i $pc, x/s 0x402000. Without ADDR it goes on after the last one.",
        (),
        GROUP,
        expressions,
        repeats=True,
    ),
    Command(
        "hexdump",
        hexdump,
        "Show bytes and characters.",
        "[ADDR [SIZE]]",
        "",
        ("hd",),
        GROUP,
        expressions,
    ),
    Command(
        "telescope",
        telescope,
        "Follow words of memory through what they point to.",
        "[ADDR] [COUNT]",
        "Without ADDR: the stack.",
        ("tel", "stack"),
        GROUP,
        expressions,
    ),
    Command(
        "disassemble",
        disas,
        "Show instructions of a function, or COUNT from an address.",
        "[/rs] [PLACE] [COUNT]",
        "/r shows the bytes, /s the source lines.",
        ("disas", "disass", "u/i"),
        GROUP,
        locations,
    ),
    Command(
        "list", list_source, "Show source lines.", "[PLACE]", "", ("l",), GROUP, locations,
        repeats=True,
    ),
    Command(
        "backtrace",
        backtrace,
        "Show who called whom.",
        "[N]",
        "Frames come from unwind tables; where there are none, from frame pointers, and such "
        "frames are marked as a guess.",
        ("bt", "where"),
        GROUP,
        json=True,
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
    Command("undisplay", undisplay, "Forget displays.", "[N ...]", "", (), GROUP),
    Command(
        "pagewalk",
        walk,
        "Walk the page table for an address, level by level.",
        "ADDR [read|write|execute]",
        "Shows for each level the table, the index, the raw entry and its bits, and says which "
        "check fails if the access is not allowed.",
        ("walk", "ptwalk"),
        "Memory",
        expressions,
        json=True,
    ),
    Command(
        "v2p",
        v2p,
        "The physical address of a virtual one.",
        "ADDR",
        "",
        ("virt2phys",),
        "Memory",
        expressions,
        json=True,
    ),
    Command(
        "info symbol",
        symbol,
        "Which symbol, line and area an address lies in.",
        "ADDR",
        "",
        ("xinfo", "info line", "info address"),
        GROUP,
        expressions,
    ),
)  # fmt: skip
