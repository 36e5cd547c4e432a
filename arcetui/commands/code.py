"""Code: disassemble, list, backtrace, and what an address is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import expressions, locations
from arcetui.commands.context import split_flag
from arcetui.commands.json_rows import json_row
from arcetui.commands.memory import break_map, not_mapped
from arcetui.disassembly import disassemble
from arcetui.render import code as code_rows
from arcetui.render.row import Row, plain, row

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "Looking"


def disas(context: Context, text: str) -> Result:
    """A function, or some instructions."""
    match = re.match(r"^/(\d*)([rsm]*)(?=\s|$)\s*", text)
    if match is None and text.startswith("/"):
        raise CommandError("disassemble takes /r (bytes) and /s (source lines)")
    flags = match[2].replace("m", "s") if match is not None else ""
    words = text[match.end() if match is not None else 0 :].split()
    length = int(match[1] or 0) if match is not None else 0
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
        raise CommandError(
            f"the source file {file} is not on this computer, neither in its own place nor beside "
            "the program or in a directory above it"
        )
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


def symbol(context: Context, text: str) -> Result:
    """Name an address, or find a name or a FILE:LINE."""
    is_line = re.fullmatch(r"[^\s:]+:\d+", text.strip()) is not None
    address = context.location(text)[0] if is_line else context.address(text)
    name, line = context.symbols.describe(address), context.symbols.line(address)
    area = context.area_at(address)
    parts = [f"{address:#x}"]
    if name:
        parts.append(f"is {name}")
    if line:
        parts.append(f"at {line[0].rsplit('/', 1)[-1]}:{line[1]}")
    parts.append(f"in {area.name or area.kind} {area.perms}" if area else "in no area")
    return say(" ".join(parts))


COMMANDS = (
    Command(
        "disassemble",
        disas,
        "Show instructions of a function, or COUNT from an address.",
        "[/rs] [PLACE] [COUNT]",
        "/r shows the bytes, /s the source lines.",
        ("disas", "disass"),
        GROUP,
        locations,
    ),
    Command(
        "list",
        list_source,
        "Show source lines.",
        "[PLACE]",
        "Sources are read from this computer, from where the program says they are, or from there "
        "within the directories above the program; files not called like sources are not read.",
        ("l",),
        GROUP,
        locations,
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
        "info symbol",
        symbol,
        "Which symbol, line and area an address lies in.",
        "ADDR | FILE:LINE",
        "",
        ("xinfo", "info line", "info address"),
        GROUP,
        expressions,
    ),
)
