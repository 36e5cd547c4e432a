"""Watchpoints: stop when memory changes or is read, forwards and backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.access_width import access_width
from arcetui.commands.breakpoints import GROUP, split_condition, split_thread
from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import expressions
from arcetui.commands.conditions import address_condition
from arcetui.commands.typed import typed

if TYPE_CHECKING:
    from arcetui.commands.context import Context

_U64 = (1 << 64) - 1
MOST_BYTES = 4096


class _Reads:
    """The context as an expression sees it, noting the memory it reads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.last: tuple[int, int] | None = None

    def register(self, name: str) -> int | None:
        """A register."""
        return self._context.register(name)

    def name(self, name: str) -> int | None:
        """A symbol or constant."""
        return self._context.name(name)

    def read(self, address: int, size: int) -> bytes:
        """Memory."""
        self.last = (address, size)
        return self._context.read(address, size).ljust(size, b"\0")

    def known_names(self) -> list[str]:
        """Names to suggest."""
        return self._context.known_names()


def watched_place(context: Context, text: str) -> tuple[int, int]:
    """The place in memory that an expression names: (address, size in bytes).

    Raises:
        CommandError: It names none.
    """
    symbol = context.symbols.by_name.get(text.strip().removeprefix("&").strip())
    if symbol is not None:
        if symbol.is_code:
            raise CommandError(f"{symbol.name} is a function; to stop there use break")
        return symbol.address, min(symbol.size_bytes or 8, MOST_BYTES)
    variable = typed(context, text)
    if variable is not None and not variable.stars and variable.place is not None:
        if variable.place.address < 0:
            raise CommandError(f"{text} is in a register here, where no watchpoint reaches")
        size = context.symbols.variables.types.size(variable.kind) or 8
        return variable.place.address, min(size, MOST_BYTES)
    expression = context.parse(text)
    scope = _Reads(context)
    expression.value(scope)
    if scope.last is None:
        raise CommandError(f"{text!r} is no place in memory: write a variable, or *(u64*)ADDRESS")
    return scope.last


def _watch(context: Context, text: str, kind: str) -> Result:
    from kernel.control import BreakSpec

    body, condition = split_condition(text.strip())
    body, thread = split_thread(context, body)
    body = body.removeprefix("-location").removeprefix("-l").strip()
    if not body:
        raise CommandError(f"{kind} needs a place in memory, such as a variable or *(u64*)ADDRESS")
    address, size = watched_place(context, body)
    end = address + size - 1
    if end > _U64 or context.area_at(address) is None or context.area_at(end) is None:
        raise CommandError(f"nothing is mapped at {address:#x} now: set it when it is")
    test = address_condition(context, condition) if condition else None
    arch = context.debugger.arch.name
    shown = body + (f" thread {thread}" if thread else "") + (f" if {condition}" if test else "")
    spec = BreakSpec(
        kind,
        address=address,
        size_bytes=size,
        text=shown,
        condition=test,
        thread=thread,
        width=lambda code: access_width(arch, code),
    )
    number = context.debugger.add_breakpoint(spec)
    what = "watchpoint" if kind == "watch" else f"{kind} watchpoint"
    unit = "byte" if size == 1 else "bytes"
    return say(f"{what} {number}: {shown}, {size} {unit} at {address:#x}")


def watch(context: Context, text: str) -> Result:
    """Stop when memory changes."""
    return _watch(context, text, "watch")


def rwatch(context: Context, text: str) -> Result:
    """Stop when the program reads memory."""
    return _watch(context, text, "rwatch")


def awatch(context: Context, text: str) -> Result:
    """Stop when the program reads or writes memory."""
    return _watch(context, text, "awatch")


_GRAMMAR = "VARIABLE | *(TYPE*)ADDRESS [thread N] [if EXPR]"
COMMANDS = (
    Command(
        "watch",
        watch,
        "Stop when memory changes: after the instruction, or the kernel's operation, that did it.",
        _GRAMMAR,
        "Who wrote this last? `watch` it and `rcontinue`: the machine then stands right before "
        "what changed it, exactly. What the kernel writes there (read, futex, a signal frame) and "
        "what other processes write through shared memory counts, too. It belongs to the present "
        "process. The page it lies in is slower to write while the watchpoint is on.",
        ("wa",),
        GROUP,
        expressions,
    ),
    Command(
        "rwatch",
        rwatch,
        "Stop when an instruction reads memory.",
        _GRAMMAR,
        "Backwards too. What the kernel reads does not count.",
        ("rw",),
        GROUP,
        expressions,
    ),
    Command(
        "awatch",
        awatch,
        "Stop when an instruction reads or writes memory, or the kernel changes it.",
        _GRAMMAR,
        "",
        ("aw",),
        GROUP,
        expressions,
    ),
)
