"""Memory: x, hexdump, telescope, page walks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import expressions
from arcetui.commands.context import split_flag
from arcetui.commands.formats import MOST_ITEMS, read_format
from arcetui.commands.json_rows import json_row
from arcetui.disassembly import disassemble
from arcetui.render import code as code_rows
from arcetui.render import memory as memory_rows
from arcetui.render.maps import area_style
from arcetui.render.pagewalk import pagewalk
from arcetui.render.row import Row, plain, row
from arcetui.strace.text import quote
from arcetui.suggest import unknown

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "Looking"


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
        dots = "..." if len(body) > 200 or end < 0 else ""
        rows.append(row((f"{address:#x}", "addr"), ":\t", (quote(body[:200]), "string"), dots))
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


COMMANDS = (
    Command(
        "x",
        examine,
        "Examine memory.",
        "[/NFU] ADDR",
        "N items of format F (x d u o t c a s i z f) and size U (b h w g), as in gdb: x/8gx $sp, "
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
)
