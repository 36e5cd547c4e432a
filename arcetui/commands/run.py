"""Moving the machine: stepping, continuing, restarting, and its input."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import locations
from arcetui.commands.stop_rows import stop_result

if TYPE_CHECKING:
    from arcetui.commands.context import Context
    from kernel.control import Goal, GoalKind

GROUP = "Running"


def _goal(kind: str) -> GoalKind:
    from kernel.control import GoalKind

    return GoalKind[kind]


def _make(context: Context, kind: str, count: int = 1, *, reverse: bool, address: int = 0) -> Goal:
    from kernel.control import Goal

    lines = context.symbols if kind == "LINE" else None
    return Goal(_goal(kind), count, reverse, address, lines)


def move(
    context: Context, kind: str, count: int = 1, *, reverse: bool = False, address: int = 0
) -> Result:
    """Carry out a goal and tell where it ended."""
    goal = _make(context, kind, count, reverse=reverse, address=address)
    return stop_result(context, context.debugger.run(goal))


def _steps_lines(context: Context) -> bool:
    """Whether the code here has source lines to step by."""
    return context.symbols.line(context.pc) is not None


def step_insn(context: Context, text: str, *, reverse: bool = False) -> Result:
    """One instruction, into calls."""
    return move(context, "INSN", context.count(text), reverse=reverse)


def next_insn(context: Context, text: str, *, reverse: bool = False) -> Result:
    """One instruction, over calls."""
    return move(context, "OVER", context.count(text), reverse=reverse)


def step(context: Context, text: str, *, reverse: bool = False) -> Result:
    """One source line, into functions that have lines; else one instruction."""
    count = context.count(text)
    if not _steps_lines(context):
        return move(context, "INSN", count, reverse=reverse)
    result = Result()
    for _ in range(count):
        result = _back_into(context) if reverse else _step_line(context)
        if result.error or _ends(result):
            break
    return result


def _back_into(context: Context) -> Result:
    """One line back; to the end of a function with lines that just returned."""
    sp, function = context.sp, context.symbols.function(context.pc)
    stopped = context.debugger.run(_make(context, "INSN", reverse=True))
    if stopped.reason.name != "STEP":
        return stop_result(context, stopped)
    if _entered(context, function, sp) and context.symbols.line(context.pc) is not None:
        return stop_result(context, stopped)
    context.debugger.run(_make(context, "INSN", reverse=False))
    return move(context, "LINE", reverse=True)


def _step_line(context: Context) -> Result:
    """Step instructions until the line changes; calls into code without lines are stepped over."""
    symbols, debugger = context.symbols, context.debugger
    start, function = symbols.line(context.pc), symbols.function(context.pc)
    sp = context.sp
    one = _make(context, "INSN", reverse=False)
    stopped = debugger.run(one)
    for _ in range(100_000):
        if stopped.reason.name != "STEP":
            break
        line = symbols.line(context.pc)
        if line is None and _entered(context, function, sp):
            frames = context.frames(2)
            if len(frames) < 2:
                break
            stopped = debugger.run(_make(context, "OUT", reverse=False, address=frames[1].pc))
            continue
        if line is not None and (line != start or context.sp > sp):
            break
        stopped = debugger.run(one)
    return stop_result(context, stopped)


def _entered(context: Context, function: tuple[str, int, int] | None, sp: int) -> bool:
    """Whether the last instruction went into another function."""
    inside = function is not None and function[1] <= context.pc < function[2]
    return not inside and context.sp <= sp


def _ends(result: Result) -> bool:
    stopped = result.stopped
    return stopped is not None and stopped.reason.name != "STEP"


def next_line(context: Context, text: str, *, reverse: bool = False) -> Result:
    """One source line, over calls; else one instruction, over calls."""
    kind = "LINE" if _steps_lines(context) else "OVER"
    return move(context, kind, context.count(text), reverse=reverse)


def finish(context: Context, text: str, *, reverse: bool = False) -> Result:
    """Until the present function returns."""
    if text.strip():
        raise CommandError("finish takes no argument")
    frames = context.frames(2)
    if len(frames) < 2:
        raise CommandError("this is the outermost frame: there is no caller to return to")
    result = move(context, "OUT", reverse=reverse, address=frames[1].pc)
    if not reverse and not result.error and context.pc == frames[1].pc:
        value = context.registers()[context.debugger.arch.ret]
        context.settings.values.append(value)
        shown = say(f"value returned is ${len(context.settings.values)} = {value:#x}")
        return Result(result.rows + shown.rows, result.error, result.stopped)
    return result


def resume(context: Context, text: str, *, reverse: bool = False) -> Result:
    """Until something stops it; a count ignores that many stops of breakpoints first."""
    count = context.count(text)
    result = move(context, "CONTINUE", reverse=reverse)
    for _ in range(count - 1):
        if result.stopped is None or not result.stopped.breakpoint:
            break
        result = move(context, "CONTINUE", reverse=reverse)
    return result


def until(context: Context, text: str, *, reverse: bool = False) -> Result:
    """Until a place; without one, until a later line of this function."""
    if not text.strip():
        return next_line(context, "", reverse=reverse)
    address, _ = context.location(text)
    if not context.is_code(address):
        raise CommandError(f"{address:#x} is in no executable area, so it can never be reached")
    return move(context, "UNTIL", reverse=reverse, address=address)


def next_syscall(context: Context, text: str, *, reverse: bool = False) -> Result:
    """To the next system call."""
    return move(context, "SYSCALL", context.count(text), reverse=reverse)


def next_event(context: Context, text: str, *, reverse: bool = False) -> Result:
    """To the next kernel event, inside the kernel if it is there."""
    return move(context, "EVENT", context.count(text), reverse=reverse)


def _no_arguments(text: str) -> None:
    if text.strip():
        raise CommandError(
            "this takes no argument: those of the program stand behind its name on the command "
            "line; to go to a position use goto POSITION"
        )


def restart(context: Context, text: str) -> Result:
    """Begin again."""
    _no_arguments(text)
    return stop_result(context, context.debugger.restart())


def run(context: Context, text: str) -> Result:
    """Begin again and run to the first stop."""
    _no_arguments(text)
    context.debugger.restart()
    return move(context, "CONTINUE")


def start(context: Context, text: str) -> Result:
    """Begin again and run to main."""
    _no_arguments(text)
    if context.symbols.by_name.get("main") is None:
        raise CommandError("there is no function main; starti goes to the first instruction")
    address, _ = context.location("main")
    context.debugger.restart()
    return move(context, "UNTIL", address=address)


def pause(context: Context, text: str) -> Result:
    """Stop a program that runs (in the TUI)."""
    return stop_result(context, context.debugger.pause())


def feed(context: Context, text: str) -> Result:
    """Type a line on the program's console."""
    try:
        data = codecs.decode(text.encode(), "unicode_escape").encode("latin-1")
    except (UnicodeError, ValueError) as error:
        raise CommandError(f"cannot read the escapes in {text!r}: {error}") from None
    context.debugger.feed(data + b"\n")
    return say(f"typed {len(data) + 1} bytes")


def feed_eof(context: Context, text: str) -> Result:
    """End the program's input."""
    context.debugger.feed_eof()
    return say("the program's input ends here")


def _back(action: object) -> object:
    """The same movement backwards."""

    def backwards(context: Context, text: str) -> Result:
        return action(context, text, reverse=True)  # type: ignore[operator]  # one of the above

    return backwards


_NO_LINES = "In code without line information it steps one instruction."
_TABLE = (
    (step, "step", ("s",), "rstep", ("reverse-step", "rs"), "[N]", "a source line, into calls",
     _NO_LINES),
    (step_insn, "stepi", ("si",), "rstepi", ("reverse-stepi", "rsi"), "[N]",
     "an instruction, into calls", ""),
    (next_line, "next", ("n",), "rnext", ("reverse-next", "rn"), "[N]",
     "a source line, over calls", _NO_LINES),
    (next_insn, "nexti", ("ni",), "rnexti", ("reverse-nexti", "rni"), "[N]",
     "an instruction, over calls", ""),
    (finish, "finish", ("fin",), "rfinish", ("reverse-finish",), "",
     "out of the present function", "Backwards: to the call that entered it."),
    (resume, "continue", ("c", "cont"), "rcontinue", ("reverse-continue", "rc"), "[N]",
     "until a breakpoint, a signal or the end", "With N it passes N-1 stops of breakpoints."),
    (until, "until", ("u", "advance"), "runtil", ("reverse-until",), "[PLACE]",
     "until a place is reached", "Without PLACE: over the present source line."),
    (next_syscall, "nextsyscall", ("nsys", "y"), "rnextsyscall", ("prevsyscall",), "[N]",
     "to the next system call, before the kernel handles it", ""),
    (next_event, "nextevent", ("ne",), "prevevent", ("rnextevent", "pe"), "[N]",
     "to the next kernel event, inside the kernel's handling if it is there", ""),
)  # fmt: skip


def _commands() -> list[Command]:
    out: list[Command] = []
    for action, name, aliases, back, back_aliases, grammar, what, more in _TABLE:
        complete = locations if name == "until" else None
        out.append(
            Command(
                name,
                action,
                f"Go forward {what}.",
                grammar,
                more,
                aliases,
                GROUP,
                complete,
                repeats=True,
            )
        )
        out.append(
            Command(
                back,
                _back(action),  # type: ignore[arg-type]  # an Action
                f"Go back {what.replace('next', 'previous')}.",
                grammar,
                f"The reverse of `{name}`, exact: the machine is restored and run again.",
                back_aliases,
                "Going back",
                complete,
                repeats=True,
            )
        )
    return out


COMMANDS = (
    *_commands(),
    Command(
        "restart",
        restart,
        "Begin again at the program's first instruction.",
        help="Breakpoints stay; input given so far is dropped.",
        aliases=("starti",),
        group=GROUP,
    ),
    Command(
        "run",
        run,
        "Begin again and run until a breakpoint, a signal or the end.",
        help="Breakpoints stay; input given so far is dropped.",
        aliases=("r",),
        group=GROUP,
    ),
    Command("start", start, "Begin again and run to main.", group=GROUP),
    Command("pause", pause, "Stop a running program here.", aliases=("interrupt",), group=GROUP),
    Command(
        "input",
        feed,
        "Type a line on the program's console.",
        "TEXT",
        "A newline is added. \\n, \\t, \\x1b and the like are understood. Input given at a "
        "position in the past drops the future known so far.",
        ("type", "feed"),
        GROUP,
    ),
    Command("eof", feed_eof, "End the program's input, as Ctrl-D does.", group=GROUP),
)
