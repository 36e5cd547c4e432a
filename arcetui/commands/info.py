"""`info ...`: the state of the machine, the kernel and the program; each also with --json."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from arcetui.commands.command import Action, Command, CommandError, Result, say
from arcetui.commands.completion import registers as complete_registers
from arcetui.commands.context import split_flag
from arcetui.commands.json_rows import json_row
from arcetui.commands.time_travel import when
from arcetui.render import heap as heap_rows
from arcetui.render import maps as map_rows
from arcetui.render import processes as process_rows
from arcetui.render import registers as register_rows
from arcetui.render.events import event_row
from arcetui.render.row import plain, row
from arcetui.suggest import unknown

if TYPE_CHECKING:
    from arcetui.commands.context import Context
    from kernel.inspect.views import ProcessView

GROUP = "Looking"
MOST_EVENTS = 20


def registers(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Registers, with what they point to."""
    cpu = context.debugger.cpu()
    arch = context.debugger.arch
    roles = {"pc": arch.pc, "sp": arch.sp}
    names = tuple(roles.get(w.lstrip("$"), w.lstrip("$")) for w in text.split())
    for name in names:
        if name not in arch.registers:
            raise CommandError(unknown("register", name, list(arch.registers)))
    if as_json:
        return Result((json_row({"type": "registers", **dict(cpu.registers)}),))
    areas = context.debugger.address_space(0).areas if not cpu.pid else context.space().areas
    meaning: dict[int, str] = {}
    for _, value in cpu.registers:
        label = context.symbols.describe(value)
        area = next((a for a in areas if a.start <= value < a.end), None)
        if area is not None:
            meaning[value] = f"<{label}>" if label else area.name or area.kind
    return Result(tuple(register_rows.registers(cpu, names, meaning, arch.flags)))


def info_maps(context: Context, text: str, *, as_json: bool = False) -> Result:
    """/proc/PID/maps."""
    space = context.space()
    if as_json:
        return Result(tuple(json_row(area) for area in space.areas))
    return Result(tuple(map_rows.maps(space)))


def vmmap(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Areas with more columns; an address or a name chooses."""
    space = context.space()
    areas = list(space.areas)
    word = text.strip()
    if word:
        by_name = [area for area in areas if word in area.name or word == area.kind]
        if by_name:
            areas = by_name
        else:
            address = context.address(word)
            areas = [area for area in areas if area.start <= address < area.end]
            if not areas:
                return Result((plain(f"no area is mapped at {address:#x}", "error"),), error=True)
    if as_json:
        return Result(tuple(json_row(area) for area in areas))
    return Result(tuple(map_rows.vmmap(areas, space)))


def breakpoints(context: Context, text: str, *, as_json: bool = False) -> Result:
    """All breakpoints."""
    views = context.debugger.breakpoints()
    if as_json:
        return Result(
            tuple(
                json_row(
                    {
                        "type": "breakpoint",
                        "number": view.number,
                        "kind": view.spec.kind,
                        "address": view.spec.address,
                        "size": view.spec.size_bytes,
                        "text": view.spec.text,
                        "enabled": view.spec.enabled,
                        "temporary": view.spec.temporary,
                        "hits": view.hits,
                    }
                )
                for view in views
            )
        )
    if not views:
        return say("no breakpoints")
    rows = [plain(f"{'Num':<4} {'Kind':<9} {'Keep':<4} {'On':<3} {'Hits':>5}  What", "title")]
    for view in views:
        spec = view.spec
        address = f"{spec.address:#x} " if spec.address else ""
        rows.append(
            row(
                (f"{view.number:<4} ", "bp"),
                f"{spec.kind:<9} {'once' if spec.temporary else 'yes':<4} ",
                (f"{'yes' if spec.enabled else 'no':<3} ", "good" if spec.enabled else "dim"),
                (f"{view.hits:>5}  ", "number"),
                (address, "addr"),
                spec.text,
            )
        )
    return Result(tuple(rows))


def heap(context: Context, text: str, *, as_json: bool = False) -> Result:
    """The kernel's allocators."""
    view = context.debugger.allocators()
    if as_json:
        return Result((json_row(view),))
    return Result(tuple(heap_rows.heap(view)))


def frames(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Physical page frames by owner."""
    pages = context.debugger.allocators().pages
    if as_json:
        return Result(
            tuple(
                json_row(
                    {
                        "type": "frames",
                        "pa": pages.base_pa + first * 4096,
                        "pages": number,
                        "usage": usage,
                    }
                )
                for first, number, usage in pages.owners
            )
        )
    return Result((*heap_rows.page_allocator(pages), *heap_rows.frames(pages)))


def _process(context: Context, text: str) -> ProcessView:
    """The process meant: a pid, or the current one."""
    views = context.debugger.processes()
    word = text.strip()
    if word and not word.isdigit():
        raise CommandError(f"{word!r} is no process number; info proc all lists them")
    pid = int(word) if word else context.debugger.cpu().pid
    for view in views:
        if view.pid == pid:
            return view
    if not word and views:
        return views[0]
    known = ", ".join(str(view.pid) for view in views) or "none"
    raise CommandError(f"no process {word or 'is left'}; there is {known}")


def proc(context: Context, text: str, *, as_json: bool = False) -> Result:
    """A process."""
    word = text.strip()
    if word == "mappings":
        return info_maps(context, "", as_json=as_json)
    views = context.debugger.processes() if word == "all" else (_process(context, text),)
    if as_json:
        return Result(tuple(json_row(view) for view in views))
    rows = [each for view in views for each in process_rows.process(view)]
    return Result(tuple(rows))


def fds(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Open files."""
    view = _process(context, text)
    if as_json:
        return Result(tuple(json_row(fd) for fd in view.fds))
    return Result(tuple(process_rows.descriptors(view.fds)))


def signals(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Signal actions."""
    view = _process(context, text)
    if as_json:
        return Result(
            tuple(
                json_row({"type": "signal", "signal": name, "action": action})
                for name, action in view.signals
            )
        )
    return Result(tuple(process_rows.signals(view)))


def tasks(context: Context, text: str, *, as_json: bool = False) -> Result:
    """All tasks."""
    views = context.debugger.tasks()
    if as_json:
        return Result(tuple(json_row(view) for view in views))
    return Result(tuple(process_rows.tasks(views, context.debugger.cpu().tid)))


def position(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Where in the run this is."""
    if as_json:
        machine = context.debugger.machine()
        names = ("position", "end", "half_way", "instructions", "syscalls", "time_ns", "state")
        data = {name: getattr(machine, name) for name in names}
        return Result((json_row({"type": "position", **data}),))
    return when(context, text)


def digest(context: Context, text: str, *, as_json: bool = False) -> Result:
    """64 hexadecimal digits over the whole machine."""
    value = context.debugger.digest()
    if as_json:
        where = context.debugger.position
        return Result((json_row({"type": "digest", "position": where, "digest": value}),))
    return say(value)


def events(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Kernel events: the last N, or a range FIRST-LAST."""
    here = context.debugger.position.event
    word = text.strip()
    first_text, dash, last_text = word.partition("-")
    if dash and first_text.strip().isdigit() and last_text.strip().isdigit():
        first, last = int(first_text), int(last_text)
    elif not word or word.isdigit():
        last = here
        first = max(last + 1 - (int(word) if word else MOST_EVENTS), 1)
    else:
        raise CommandError(f"{word!r} is neither a number of events nor a range such as 100-120")
    found = context.debugger.events(first, min(last + 1, first + 100_000))
    if as_json:
        return Result(tuple(json_row(event, type="event") for event in found))
    if not found:
        return say(_no_events(first, last, here))
    name_of = context.debugger.syscall_name
    return Result(tuple(event_row(event, name_of) for event in found))


def _no_events(first: int, last: int, here: int) -> str:
    if not 0 < first <= min(last, here):
        return f"no such events: {here} have happened"
    return f"events {first}-{last} are not kept; after the boot, goto {last} brings them back"


def fault(context: Context, text: str, *, as_json: bool = False) -> Result:
    """The last fault, explained."""
    view = context.debugger.machine().last_fault
    if as_json:
        return Result((json_row({"type": "fault", "fault": view}),))
    if view is None:
        return say("no fault so far")
    what = f"{view.signal}: " if view.signal else "handled: "
    access = f"{view.access} of {view.va:#x} " if view.access else ""
    return Result(
        (
            row((what, "error" if view.signal else "good"), view.sentence),
            row(
                (f"{access}at pc {view.pc:#x} ", "value"),
                (context.where(view.pc), "comment"),
                (f" [position {view.position}]", "dim"),
            ),
        )
    )


def functions(context: Context, text: str, *, as_json: bool = False) -> Result:
    """Functions whose name contains a text."""
    word, symbols = text.strip(), context.symbols
    chosen = {symbol for name, symbol in symbols.by_name.items() if word in name and symbol.is_code}
    found = sorted(
        (symbol._replace(name=symbols.label(symbol.name)) for symbol in chosen),
        key=lambda symbol: (symbol.address, symbol.name),
    )
    if as_json:
        return Result(tuple(json_row({"type": "function", **s._asdict()}) for s in found))
    rows = [row((f"{s.address:#x} ", "addr"), f"{s.size_bytes:>7} ", (s.name, "code"))
            for s in found[:500]]  # fmt: skip
    if len(found) > 500:
        rows.append(plain(f"and {len(found) - 500} more", "dim"))
    return Result(tuple(rows)) if rows else say("no such function")


def console(context: Context, text: str, *, as_json: bool = False) -> Result:
    """What the program has written so far."""
    data = context.debugger.console()
    if as_json:
        return Result((json_row({"type": "console", "bytes": len(data), "hex": data}),))
    rows = [plain(line) for line in visible(data).splitlines()]
    if start := context.debugger.console_start():
        rows.insert(0, plain(f"the first {start:,} bytes are no longer kept", "dim"))
    return Result(tuple(rows)) if rows else say("nothing yet")


def visible(data: bytes) -> str:
    """Program output with everything but text, tabs and line ends written as escapes."""
    text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return "".join(c if c.isprintable() or c in "\t\n" else f"\\x{ord(c):02x}" for c in text)


Inspector = Callable[..., Result]


def with_json(inspector: Inspector) -> Action:
    """An action that looks for `--json` among its words."""

    def action(context: Context, text: str) -> Result:
        rest, as_json = split_flag(text, "--json")
        return inspector(context, rest, as_json=as_json)

    return action


_TABLE = (
    ("info registers", registers, ("regs", "info r", "info reg"), "[NAME ...]", GROUP,
     "Registers of the current CPU.", "x86 flags and AArch64's nzcv are also shown by name."),
    ("info maps", info_maps, ("maps",), "", "Memory",
     "The memory map, byte for byte as /proc/PID/maps.", ""),
    ("vmmap", vmmap, ("info vmmap",), "[ADDR|NAME]", "Memory",
     "The memory map with resident pages and back ends.", ""),
    ("info breakpoints", breakpoints, ("info b", "info break", "info watchpoints"), "",
     "Breakpoints", "All breakpoints, catchpoints and watchpoints, and how often each was hit.",
     ""),
    ("info heap", heap, ("heap", "info allocators"), "", "Memory",
     "The kernel's byte allocator and page allocator, read from RAM.", ""),
    ("info frames", frames, (), "", "Memory",
     "Physical page frames in use, by owner.", "For the call stack use bt."),
    ("info proc", proc, ("info process", "info inferiors"), "[PID | all | mappings]", GROUP,
     "A process: its names, directories, limits.", ""),
    ("info fds", fds, ("info files",), "[PID]", GROUP, "Open files of a process.", ""),
    ("info signals", signals, (), "[PID]", GROUP,
     "Signal handlers, masks and pending signals of a process.", ""),
    ("info threads", tasks, ("info tasks", "threads"), "", GROUP,
     "All tasks, with their state and what they wait for.", ""),
    ("info position", position, ("info pos",), "", "Going back",
     "Where in the run the machine stands.", ""),
    ("info digest", digest, ("digest",), "", "Going back",
     "64 hexadecimal digits over the whole machine at this position.",
     "Equal digests mean equal machines: RAM, CPUs, kernel objects, clocks."),
    ("info events", events, (), "[N | FIRST-LAST]", GROUP,
     "Kernel events, with the cause of each.", ""),
    ("info fault", fault, (), "", GROUP,
     "The last fault in one sentence: which check failed, and where.", ""),
    ("info functions", functions, (), "[TEXT]", GROUP, "Functions whose name contains TEXT.", ""),
    ("info console", console, (), "", GROUP, "What the program has written so far.", ""),
)  # fmt: skip

COMMANDS = tuple(
    Command(
        name,
        with_json(inspector),
        summary,
        grammar,
        more,
        aliases,
        group,
        complete_registers if name == "info registers" else None,
        json=True,
    )
    for name, inspector, aliases, grammar, group, summary, more in _TABLE
)
