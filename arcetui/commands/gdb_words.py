"""Words of gdb that are no commands here, and what to type instead."""

from __future__ import annotations

_FIXED = "the run must stay reproducible: registers and memory cannot be changed"
_ONE = "the program is the one on the command line; run arcetui with another"
_NO_SCRIPTS = "there is no scripting; arcetui --batch -x FILE does a file of commands"
_RECORDED = "every run is recorded from its start; go back with rstepi, rcontinue or goto"
_STATIC = "programs are static: there are no shared libraries"

#: What to say of a word, by itself or after info, set and show.
INSTEAD: dict[str, str] = {
    **dict.fromkeys(("call", "jump", "return", "compile"), _FIXED),
    **dict.fromkeys(("file", "exec-file", "symbol-file", "load", "attach", "target"), _ONE),
    **dict.fromkeys(("detach", "kill"), "the program ends with arcetui; restart begins it again"),
    **dict.fromkeys(("record", "checkpoint"), _RECORDED),
    **dict.fromkeys(("define", "document", "python", "py", "guile", "alias"), _NO_SCRIPTS),
    **dict.fromkeys(("source", "commands"), _NO_SCRIPTS),
    **dict.fromkeys(("shell", "!", "make", "pipe"), "use another terminal for the shell"),
    **dict.fromkeys(("sharedlibrary", "info sharedlibrary", "info dll"), _STATIC),
    "handle": "signals are passed to the program; catch signal NAME stops at one",
    "info handle": "signals are passed to the program; info signals shows its handlers",
    "signal": "the program gets the signals it is sent; catch signal NAME stops at one",
    "condition": "write the condition with the breakpoint: break PLACE if EXPR",
    "clear": "delete NUMBER removes a breakpoint; info breakpoints lists them",
    "hbreak": "break stops at a place",
    "thbreak": "tbreak stops at a place once",
    "rbreak": "break FUNCTION; info functions TEXT lists them",
    "dprintf": "display EXPR shows a value at every stop",
    "tty": "the program's console is here: input TEXT types on it",
    "inferior": "thread N chooses a thread of any process; info threads lists them",
    "add-inferior": "new processes come with fork; info threads lists them",
    "apropos": "help lists all commands",
    "complete": "Tab completes",
    "set": "settings are options on the command line; help lists what can be set here",
    "set args": "write the arguments behind the program's name on the command line",
    "set environment": "write --env NAME=VALUE on the command line",
    "set scheduler-locking": "thread N chooses whose steps are followed; all threads run",
    "set disassembly-flavor": "x86 code is always shown in Intel's syntax",
    "set pagination": "nothing is paged",
    "set confirm": "nothing is asked twice",
    "set print": "values are shown whole; p/FMT chooses a format",
    "set listsize": "list shows ten lines",
    "set logging": "arcetui --batch prints to stdout",
    "show": "help COMMAND tells about a command; the machine's parts are in info house",
    "info all-registers": "info registers shows all that programs compute with",
    "info float": "info registers NAME shows a register",
    "info vector": "info registers NAME shows a register",
    "info source": "list shows the source, bt where the program stands",
    "info sources": "break FILE: and Tab completes the names of source files",
    "info types": "ptype NAME shows a type",
    "info scope": "info locals shows what is in scope",
    "info display": "display, without an expression, shows them",
    "info auxv": "x/40gx $sp at the program's start shows the auxiliary vector",
    "info checkpoints": _RECORDED,
    "info record": _RECORDED,
    "info macro": "macros are not in the program",
    "info line": "info line FILE:LINE or an address",
    "info program": "bt shows where the program stands, when its position",
    "info target": "info maps shows what is loaded where",
    "layout": "the panes are chosen with the key p; keys are listed with ?",
    "tui": "arcetui ELF, without --batch, opens the panes",
    "focus": "a digit chooses a pane",
    "refresh": "the panes are always up to date",
    "macro": "macros are not in the program",
    "save": "a run is the same every time: keep the commands in a file for -x",
    "generate-core-file": "a run is the same every time: come back with goto POSITION",
    "gcore": "a run is the same every time: come back with goto POSITION",
    "find": "x and hexdump show memory; the memory pane searches",
    "dump": "hexdump ADDR SIZE shows memory",
    "restore": _FIXED,
    "echo": "p shows values",
    "printf": "p shows values, display shows them at every stop",
    "explore": "p and ptype show values and types",
    "skip": "finish leaves a function",
    "stepping": "step, stepi",
    "reverse-search": "list FILE:LINE shows source",
    "search": "list FILE:LINE shows source",
    "tstart": "trace system calls with arcetui trace",
    "tstop": "trace system calls with arcetui trace",
    "strace": "trace system calls with arcetui trace, or catch syscall",
}


def instead(first: str, word: str = "") -> str:
    """What to type instead of a word of gdb, alone or after info, set or show."""
    if first.startswith("!"):
        first = "!"
    return INSTEAD.get(f"{first} {word}".strip(), "") or (
        "" if first == "info" else INSTEAD.get(first, "")
    )
