"""Where to stop: breakpoints in the code, catchpoints on system calls, faults, signals, exit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arcetui.commands.command import Command, CommandError, Result, say
from arcetui.commands.completion import breakpoint_numbers, calls, locations
from arcetui.commands.conditions import address_condition, call_condition
from arcetui.strace.selection import select_calls
from arcetui.strace.tables.signals import signal_name
from arcetui.suggest import unknown

if TYPE_CHECKING:
    from arcetui.commands.context import Context

GROUP = "Breakpoints"
_THREAD = re.compile(r"(?:^|\s)thread\s+(\S+)\s*$")
_IF = re.compile(r"(?:^|\s)if\s+(.+)$", re.DOTALL)


def split_condition(text: str) -> tuple[str, str]:
    """`main if $rax == 1` -> ("main", "$rax == 1")."""
    match = _IF.search(text)
    return (text, "") if match is None else (text[: match.start()].strip(), match[1].strip())


def split_thread(context: Context, text: str) -> tuple[str, int]:
    """`main thread 5` -> ("main", 5); 0 for any thread."""
    match = _THREAD.search(text)
    if match is None:
        return text, 0
    known = [task.tid for task in context.debugger.tasks() if not task.is_kernel]
    if not match[1].isdigit() or int(match[1]) not in known:
        listed = ", ".join(map(str, known))
        raise CommandError(f"there is no thread {match[1]}; the program has {listed}")
    return text[: match.start()].strip(), int(match[1])


def split_pending(text: str) -> tuple[str, bool]:
    """`*0x7000000 pending` -> ("*0x7000000", True)."""
    words = text.split()
    return (
        (text[: text.rindex("pending")].strip(), True)
        if words[-1:] == ["pending"]
        else (text, False)
    )


def place_breakpoint(context: Context, text: str, *, temporary: bool = False) -> Result:
    """Stop when an address is about to run."""
    from kernel.control import BreakSpec

    where, condition = split_condition(text.strip())
    where, thread = split_thread(context, where)
    where, pending = split_pending(where)
    address, note = context.location(where)
    why = unreachable(context, address)
    if why and pending and context.area_at(address) is None:
        note = "pending: nothing is mapped there now"
    elif why:
        raise CommandError(f"no breakpoint at {address:#x}: {why}")
    shown = (context.where(address) or f"{address:#x}") + _in_thread(thread)
    spec = BreakSpec(
        "address",
        address=address,
        text=shown if not condition else f"{shown} if {condition}",
        temporary=temporary,
        condition=address_condition(context, condition) if condition else None,
        thread=thread,
    )
    number = context.debugger.add_breakpoint(spec)
    kind = "temporary breakpoint" if temporary else "breakpoint"
    notes = [note] if note else []
    return say(f"{kind} {number} at {address:#x}: {shown}", *notes)


def _in_thread(thread: int) -> str:
    return f" thread {thread}" if thread else ""


def unreachable(context: Context, address: int) -> str:
    """Why a breakpoint at an address could never stop; "" if it can."""
    arch = context.debugger.arch
    if address % arch.insn_align:
        return f"instructions start at multiples of {arch.insn_align}"
    area = context.area_at(address)
    if area is None:
        return "nothing is mapped there now (to wait for code there, add the word pending)"
    if "x" not in area.perms:
        return f"that is {area.name or area.kind} ({area.perms}), which cannot be executed"
    return _mid_instruction(context, address)


def _mid_instruction(context: Context, address: int) -> str:
    """Why an address of a known function lies inside an instruction; "" if it does not."""
    from arcetui.disassembly import disassemble

    found = context.symbols.function(address)
    if found is None or found[1] == address or context.symbols.line(address) is None:
        return ""
    name, start, end = found
    if address - start > 65536:
        return ""
    at = start
    while at < address:
        insns = disassemble(context.debugger.arch.name, context.read(at, min(end - at, 4096)), at)
        if not insns or insns[0].mnemonic.startswith("."):
            return ""
        for insn in insns:
            if insn.mnemonic.startswith("."):
                return ""
            if insn.address == address:
                return ""
            if insn.address < address < insn.end:
                return f"it lies inside the instruction at {insn.address:#x} of {name}"
        at = insns[-1].end
    return ""


def temporary(context: Context, text: str) -> Result:
    """Stop once."""
    return place_breakpoint(context, text, temporary=True)


def _numbers(context: Context, text: str, *, needed: bool) -> list[int]:
    """Breakpoint numbers: `1 2 4-6`; all of them when none is given."""
    known = [view.number for view in context.debugger.breakpoints()]
    words = text.replace(",", " ").split()
    if not words and needed and not known:
        raise CommandError("there are no breakpoints")
    if not words:
        return known
    out: list[int] = []
    for word in words:
        first, _, last = word.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise CommandError(f"{word!r} is no breakpoint number; info breakpoints lists them")
        for number in range(int(first), min(int(last or first), int(first) + 10_000) + 1):
            if number not in known:
                raise CommandError(f"no breakpoint {number}; info breakpoints lists them")
            out.append(number)
    return out


def delete(context: Context, text: str) -> Result:
    """Remove breakpoints."""
    numbers = _numbers(context, text, needed=False)
    for number in numbers:
        context.debugger.remove_breakpoint(number)
    return say(f"deleted {', '.join(map(str, numbers))}" if numbers else "there are no breakpoints")


def _switch(context: Context, text: str, *, on: bool) -> Result:
    numbers = _numbers(context, text, needed=True)
    for number in numbers:
        context.debugger.enable_breakpoint(number, on)
    return say(f"{'enabled' if on else 'disabled'} {', '.join(map(str, numbers))}")


def enable(context: Context, text: str) -> Result:
    """Switch breakpoints on."""
    return _switch(context, text, on=True)


def disable(context: Context, text: str) -> Result:
    """Switch breakpoints off."""
    return _switch(context, text, on=False)


def ignore(context: Context, text: str) -> Result:
    """Let hits of a breakpoint pass."""
    words = text.split()
    if len(words) != 2:
        raise CommandError("ignore needs a breakpoint and a number of hits: ignore 1 5")
    (number,) = _numbers(context, words[0].partition("-")[0], needed=True)
    count = 0 if words[1] == "0" else context.count(words[1])
    context.debugger.ignore_hits(number, count)
    if not count:
        return say(f"breakpoint {number} stops at its next hit")
    return say(f"breakpoint {number}: the next {count} hits pass")


# -- catchpoints ------------------------------------------------------------------------------

_KINDS = ("syscall", "fault", "signal", "exit", "fork", "exec")
_WHEN = {"entry": "entry", "enter": "entry", "call": "entry", "return": "return", "exit": "return"}


def catch_syscall(context: Context, text: str, *, once: bool = False) -> Result:
    """Stop at system calls."""
    from kernel.control import BreakSpec

    body, condition = split_condition(text)
    body, thread = split_thread(context, body)
    words = body.split()
    when = "both"
    if words and words[-1] in _WHEN and len(words) > 1:
        when = _WHEN[words.pop()]
    what = ",".join(words)
    table = context.debugger.syscall_numbers()
    try:
        numbers = select_calls(what, table) if what else frozenset[int]()
    except LookupError as error:
        raise CommandError(str(error.args[0])) from None
    if what and not numbers:
        raise CommandError(f"{what!r} chooses no system call, so it could never stop")
    names = [context.debugger.syscall_name(number) for number in sorted(numbers)]
    test = None
    if condition:
        test, needs_result = call_condition(context, condition, names or list(table))
        if needs_result and when == "entry":
            raise CommandError("the result is known only at the return: leave out `entry`")
        if needs_result:
            when = "return"
    shown = f"syscall {' '.join(words) or 'any'}" + ("" if when == "both" else f" {when}")
    shown += _in_thread(thread) + (f" if {condition}" if condition else "")
    spec = BreakSpec(
        "syscall",
        text=shown,
        numbers=numbers,
        when=when,
        temporary=once,
        condition=test,
        thread=thread,
    )
    number = context.debugger.add_breakpoint(spec)
    return say(f"catchpoint {number}: {shown}")


def catch_signal(context: Context, text: str, *, once: bool = False) -> Result:
    """Stop when a signal reaches the program."""
    from kernel.control import BreakSpec

    known = {signal_name(number): number for number in range(1, 65)}
    numbers: set[int] = set()
    text, thread = split_thread(context, text)
    for word in text.split():
        name = word.upper() if word.upper().startswith("SIG") else f"SIG{word.upper()}"
        if word.isdigit() and 1 <= int(word) <= 64:
            numbers.add(int(word))
        elif name in known:
            numbers.add(known[name])
        else:
            raise CommandError(unknown("signal", word, list(known)))
    shown = "signal " + (" ".join(signal_name(n) for n in sorted(numbers)) or "any")
    shown += _in_thread(thread)
    chosen = frozenset(numbers)
    spec = BreakSpec("signal", text=shown, numbers=chosen, temporary=once, thread=thread)
    return say(f"catchpoint {context.debugger.add_breakpoint(spec)}: {shown}")


def _catch_plain(context: Context, kind: str, text: str, *, once: bool) -> Result:
    from kernel.control import BreakSpec

    rest, thread = split_thread(context, text)
    if rest.strip():
        raise CommandError(f"catch {kind} takes no argument but `thread N`")
    shown = kind + _in_thread(thread)
    spec = BreakSpec(kind, text=shown, temporary=once, thread=thread)
    return say(f"catchpoint {context.debugger.add_breakpoint(spec)}: {shown}")


def catch(context: Context, text: str, *, once: bool = False) -> Result:
    """Catchpoints of every kind."""
    kind, _, rest = text.strip().partition(" ")
    if kind in {"syscall", "sys"}:
        return catch_syscall(context, rest.strip(), once=once)
    if kind == "signal":
        return catch_signal(context, rest, once=once)
    if kind in {"fault", "exit", "fork", "exec"}:
        return _catch_plain(context, kind, rest, once=once)
    if not kind:
        raise CommandError(f"catch what? One of {', '.join(_KINDS)}")
    raise CommandError(unknown("kind of catchpoint", kind, list(_KINDS)))


def catch_once(context: Context, text: str) -> Result:
    """A catchpoint that stops once."""
    return catch(context, text, once=True)


def complete_catch(context: Context, text: str) -> list[str]:
    """Kinds, then what fits the kind."""
    words = text.split(" ")
    if len(words) <= 1:
        return [kind for kind in _KINDS if kind.startswith(words[0])]
    if words[0] == "signal":
        names = [signal_name(number) for number in range(1, 32)]
        return [name for name in names if name.startswith(words[-1].upper())]
    if words[0] == "syscall":
        return calls(context, text) + [
            w for w in ("entry", "return") if len(words) > 2 and w.startswith(words[-1])
        ]
    return []


_PLACE = "PLACE is a function, FILE:LINE, a line number, or *ADDRESS."
COMMANDS = (
    Command(
        "break",
        place_breakpoint,
        "Stop when a place in the code is about to run.",
        "PLACE [pending] [thread N] [if EXPR]",
        f"{_PLACE} For a function it is set after the prologue, where arguments are in place, "
        "when there is line information. EXPR may use $registers, symbols and memory. A place "
        "that cannot be executed is refused; where nothing is mapped, `pending` waits for code.",
        ("b", "br"),
        GROUP,
        locations,
    ),
    Command(
        "tbreak",
        temporary,
        "Stop once when a place is about to run.",
        "PLACE [pending] [thread N] [if EXPR]",
        _PLACE,
        ("tb",),
        GROUP,
        locations,
    ),
    Command(
        "catch",
        catch,
        "Stop at system calls, faults, signals, a process's end, new threads and programs.",
        "syscall [NAME|%CLASS|GLOB ...] [entry|return] [thread N] [if EXPR] | fault [thread N] "
        "| signal [NAME ...] [thread N] | exit | fork [thread N] | exec",
        "EXPR may use the call's arguments by name (`catch syscall mmap if length > 4096`), as "
        "arg0 to arg5, nr, and result (which makes it stop at the return: `catch syscall %file if "
        "result == -ENOENT`). Classes: %file %process %memory %network %signal %ipc %desc %clock "
        "%creds %pure.",
        (),
        GROUP,
        complete_catch,
    ),
    Command(
        "tcatch",
        catch_once,
        "Like catch, but stop only once.",
        "syscall [...] | fault | signal [...] | exit | fork | exec",
        "",
        (),
        GROUP,
        complete_catch,
    ),
    Command(
        "delete",
        delete,
        "Remove breakpoints; all of them without a number.",
        "[N ...]",
        "",
        ("d", "del"),
        GROUP,
        breakpoint_numbers,
    ),
    Command(
        "ignore",
        ignore,
        "Let the next hits of a breakpoint pass.",
        "N COUNT",
        "Hits made while going back do not count.",
        (),
        GROUP,
        breakpoint_numbers,
    ),
    Command(
        "enable", enable, "Switch breakpoints on.", "[N ...]", "", (), GROUP, breakpoint_numbers
    ),
    Command(
        "disable",
        disable,
        "Switch breakpoints off without forgetting them.",
        "[N ...]",
        "",
        ("dis",),
        GROUP,
        breakpoint_numbers,
    ),
)
