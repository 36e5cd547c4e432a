"""The one table of keys: bindings, key bar, the `?` page and docs/keys.md all come from it.

A letter for every action; its capital is the same action backwards; function keys are aliases
only, because terminals and editors swallow them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One action and the keys that run it.

    Attributes:
        ident: Name of the binding; a user's key file refers to it.
        keys: Textual key names, the first is the one shown.
        action: Textual action of the debugger screen (or of the pane for pane keys).
        label: One or two words for the key bar; "" keeps it out.
        help: A sentence for the `?` page.
        group: Heading on the `?` page.
        back: Ident of the same action backwards.
        priority: Whether it works while text is being typed.
        takes_text: Whether it opens a line to type in; what is typed next goes there, however soon.
    """

    ident: str
    keys: tuple[str, ...]
    action: str
    label: str
    help: str
    group: str
    back: str = ""
    priority: bool = False
    takes_text: bool = False


RUN, LOOK, MOVE, SHOW, PROGRAM = "Run", "Look", "In a pane", "Screen", "Program"

KEYS: tuple[Key, ...] = (
    Key(
        "step", ("s", "i", "f11", "f7"), "go('INSN')", "step", "One instruction.", RUN, "step-back"
    ),
    Key(
        "step-back",
        ("S", "I", "shift+f11", "shift+f7"),
        "go('INSN', True)",
        "",
        "One instruction back.",
        RUN,
    ),
    Key(
        "over",
        ("n", "o", "f10", "f8"),
        "next_or_over(False)",
        "over",
        "One instruction; a call counts as one.",
        RUN,
        "over-back",
    ),
    Key(
        "over-back",
        ("N", "O", "shift+f10", "shift+f8"),
        "next_or_over(True)",
        "",
        "The same, backwards.",
        RUN,
    ),
    Key("out", ("f",), "go('OUT')", "finish", "Until the function returns.", RUN, "out-back"),
    Key("out-back", ("F",), "go('OUT', True)", "", "Back to where the function was called.", RUN),
    Key("line", ("l",), "go('LINE')", "", "One source line.", RUN, "line-back"),
    Key("line-back", ("L",), "go('LINE', True)", "", "One source line back.", RUN),
    Key(
        "continue",
        ("c", "f9", "f5"),
        "go('CONTINUE')",
        "continue",
        "Until a breakpoint, a fault or the end.",
        RUN,
        "continue-back",
    ),
    Key(
        "continue-back",
        ("C", "shift+f9", "shift+f5"),
        "go('CONTINUE', True)",
        "",
        "Backwards until a breakpoint or the start.",
        RUN,
    ),
    Key(
        "syscall",
        ("y",),
        "go('SYSCALL')",
        "syscall",
        "To the next system call, just before the kernel handles it.",
        RUN,
        "syscall-back",
    ),
    Key("syscall-back", ("Y",), "go('SYSCALL', True)", "", "To the one before.", RUN),
    Key(
        "event",
        ("e",),
        "go('EVENT')",
        "event",
        "To the next kernel event, also inside a system call.",
        RUN,
        "event-back",
    ),
    Key("event-back", ("E",), "go('EVENT', True)", "", "To the event before.", RUN),
    Key("play", ("space",), "play", "play/pause", "Run at the chosen speed; again: pause.", RUN),
    Key("pause", ("ctrl+c",), "pause", "", "Pause the program.", RUN, priority=True),
    Key("faster", ("plus", "equals_sign"), "speed(1)", "", "Faster animated stepping.", RUN),
    Key("slower", ("minus",), "speed(-1)", "", "Slower: 1 instruction a second at the least.", RUN),
    Key("restart", ("r",), "restart", "restart", "Start again from the first instruction.", RUN),
    Key(
        "breakpoint",
        ("b", "f2"),
        "breakpoint",
        "break",
        "Set or remove a breakpoint at the selected or current line.",
        RUN,
    ),
    Key(
        "goto",
        ("g",),
        "goto",
        "goto",
        "Go to a position, such as 120 or 120+5.",
        RUN,
        takes_text=True,
    ),
    Key(
        "prompt",
        ("colon",),
        "prompt",
        "prompt",
        "Type a debugger command.",
        LOOK,
        takes_text=True,
    ),
    Key(
        "search",
        ("slash",),
        "search",
        "search",
        "Search in the pane; n and N then go from match to match, Esc ends.",
        LOOK,
        takes_text=True,
    ),
    Key(
        "address",
        ("a",),
        "address",
        "address",
        "Choose what the walk or memory pane follows: a register, symbol or address.",
        LOOK,
        takes_text=True,
    ),
    Key(
        "walk", ("w",), "follow('walk')", "walk", "Walk the page tables for the selected row.", LOOK
    ),
    Key("memory", ("m",), "follow('memory')", "memory", "Show memory at the selected row.", LOOK),
    Key("frame-up", ("u",), "frame(1)", "", "Stack pane: up to the calling frame.", LOOK),
    Key("frame-down", ("d",), "frame(-1)", "", "Stack pane: down to the called frame.", LOOK),
    Key("access", ("x",), "access", "", "Page walk for read, write or execute.", LOOK),
    Key("up", ("up", "k"), "cursor(-1)", "", "Row up.", MOVE),
    Key("down", ("down", "j"), "cursor(1)", "", "Row down.", MOVE),
    Key(
        "page-up",
        ("pageup", "ctrl+b"),
        "page(-1)",
        "",
        "Page up; in the timeline 100 events.",
        MOVE,
    ),
    Key(
        "page-down", ("pagedown", "ctrl+f"), "page(1)", "", "Page down; in the timeline 100.", MOVE
    ),
    Key("half-up", ("ctrl+u",), "half_page(-1)", "", "Half a page up.", MOVE),
    Key("half-down", ("ctrl+d",), "half_page(1)", "", "Half a page down.", MOVE),
    Key("home", ("home",), "edge(-1)", "", "First row; in the timeline the start.", MOVE),
    Key("end", ("end",), "edge(1)", "", "Last row; in the timeline the furthest point.", MOVE),
    Key(
        "left", ("left",), "sideways(-1)", "", "Scroll left; in the timeline one event back.", MOVE
    ),
    Key(
        "right", ("right",), "sideways(1)", "", "Scroll right; in the timeline one event on.", MOVE
    ),
    Key("far-left", ("shift+left",), "sideways(-10)", "", "Ten to the left.", MOVE),
    Key("far-right", ("shift+right",), "sideways(10)", "", "Ten to the right.", MOVE),
    Key("enter", ("enter",), "enter", "", "Go into the row: to the call, event or address.", MOVE),
    Key("next-pane", ("tab",), "next_pane(1)", "", "Next pane.", SHOW),
    Key("previous-pane", ("shift+tab",), "next_pane(-1)", "", "Pane before.", SHOW),
    Key("pane-1", ("1",), "pane(1)", "", "Code.", SHOW),
    Key("pane-2", ("2",), "pane(2)", "", "Registers.", SHOW),
    Key("pane-3", ("3",), "pane(3)", "", "Memory map.", SHOW),
    Key("pane-4", ("4",), "pane(4)", "", "Page walk.", SHOW),
    Key("pane-5", ("5",), "pane(5)", "", "Allocators.", SHOW),
    Key("pane-6", ("6",), "pane(6)", "", "System calls.", SHOW),
    Key("pane-7", ("7",), "pane(7)", "", "Stack.", SHOW),
    Key("pane-8", ("8",), "pane(8)", "", "Memory.", SHOW),
    Key("pane-9", ("9",), "pane(9)", "", "Timeline.", SHOW),
    Key(
        "pane-0",
        ("0",),
        "pane(0)",
        "",
        "Console: type to the program, Esc leaves.",
        SHOW,
        takes_text=True,
    ),
    Key("panes", ("v",), "panes", "panes", "List of all panes; a letter or digit picks one.", SHOW),
    Key("zoom", ("z",), "zoom", "zoom", "The focused pane alone; again: back.", SHOW),
    Key(
        "preset",
        ("p",),
        "preset(1)",
        "preset",
        "Next preset: cpu, syscall, vm, alloc, sched, ns, house.",
        SHOW,
    ),
    Key("preset-back", ("P",), "preset(-1)", "", "Preset before.", SHOW),
    Key("theme", ("t",), "theme", "", "Next theme.", SHOW),
    Key(
        "direct",
        ("ctrl+t",),
        "direct",
        "",
        "Console: each key goes to the program at once, Ctrl-C too; again: line by line.",
        SHOW,
    ),
    Key("leave", ("escape",), "leave", "", "Leave search, zoom, prompt or console.", SHOW),
    Key("help", ("question_mark", "f1"), "help", "help", "This page.", SHOW),
    Key("quit", ("q",), "quit", "quit", "Leave arcetui.", SHOW),
)

BY_IDENT: dict[str, Key] = {key.ident: key for key in KEYS}

#: In the order of the key bar; a narrow bar shows the first that fit.
BAR: tuple[str, ...] = (
    "help",
    "step",
    "over",
    "syscall",
    "event",
    "continue",
    "play",
    "breakpoint",
    "prompt",
    "preset",
    "panes",
    "zoom",
    "out",
    "quit",
    "restart",
    "goto",
    "walk",
    "memory",
    "search",
    "address",
)

_SHOWN = {
    "space": "space",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "enter": "Enter",
    "home": "Home",
    "end": "End",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "tab": "Tab",
}


def shown(key: str) -> str:
    """A Textual key name as people write it."""
    *modifiers, name = key.split("+") if key != "+" else [key]
    name = _SHOWN.get(name, name.upper() if name.startswith("f") and name[1:].isdigit() else name)
    return "".join(f"{m.capitalize()}-" for m in modifiers) + name


def bar_entries(dimmed: frozenset[str] = frozenset()) -> list[tuple[Key, str, bool]]:
    """Keys for the key bar: the key, what to print for it, whether it works now."""
    entries: list[tuple[Key, str, bool]] = []
    for ident in BAR:
        key = BY_IDENT.get(ident)
        if key is None or not key.label:
            continue
        text = shown(key.keys[0])
        if key.back:
            text += "/" + shown(BY_IDENT[key.back].keys[0])
        entries.append((key, text, ident not in dimmed))
    return entries


def groups() -> list[tuple[str, list[Key]]]:
    """The keys by heading, for help and documentation."""
    result: dict[str, list[Key]] = {}
    for key in KEYS:
        result.setdefault(key.group, []).append(key)
    return list(result.items())
