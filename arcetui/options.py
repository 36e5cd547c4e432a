"""The command line: options end at the program's name, as with strace or env.

Written by hand because everything after the program belongs to the program, and because start-up
has to be quick.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches

from arcetui.strace_options import instead

MODES = ("tui", "run", "trace", "batch")
_UNITS = {"": 1 << 20, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class UsageError(Exception):
    """The command line makes no sense; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        names: Its spellings, the one shown first.
        value: Name of its value, or "" for a switch.
        modes: Where it is allowed; () for everywhere.
    """

    names: tuple[str, ...]
    value: str
    help: str
    modes: tuple[str, ...] = ()
    repeats: bool = False


OPTIONS: tuple[Option, ...] = (
    Option(("--allocator",), "NAME", "the kernel's byte allocator: tlsf (default), slab or buddy"),
    Option(("--memory",), "SIZE", "RAM: a number with K, M or G; 128M by default"),
    Option(("--cpus",), "N", "emulated CPUs, 1 to 8"),
    Option(("--seed",), "N", "seed of the machine's random numbers"),
    Option(("--scheduler",), "NAME",
           "fifo (default), rr, cfs, cfs-stale, ariel, ariel-realloc or random"),
    Option(("--form",), "NAME", "kernel form: monolithic (default) or unikernel"),
    Option(("--fork",), "HOW", "memory at fork: cow (default) shares pages until a write, or copy"),
    Option(("--hal",), "NAME", "hardware abstraction layer: axhal (default) or polyhal"),
    Option(("--rootfs",), "NAME", "root file system: ramfs (default), or fat on a RAM disk"),
    Option(("--namespaces",), "HOW", "a dead namespace: drop (default) or leak, as ArceOS"),
    Option(
        ("--env",), "NAME=VALUE", "set a variable of the program's environment", repeats=True
    ),
    Option(("--clear-env",), "", "begin with an empty environment"),
    Option(("--root",), "DIR", "lay DIR under the guest's /, read-only; ELF is then a path in it"),
    Option(("-e",), "EXPR", "what to trace: trace=SET, status=SET, signal=SET, quiet=SET",
           ("trace",), repeats=True),
    Option(("-o",), "FILE", "write the trace to FILE", ("trace",)),
    Option(("-s",), "N", "show at most N bytes of a string (32)", ("trace",)),
    Option(("-c",), "", "only count calls; print a table at the end", ("trace",)),
    Option(("-C",), "", "trace, and print the table too", ("trace",)),
    Option(("-Z",), "", "only calls that fail", ("trace",)),
    Option(("-z",), "", "only calls that succeed", ("trace",)),
    Option(("-f",), "", "follow children (always done)", ("trace",)),
    Option(("-q",), "", "not a word about new processes; twice: nor about exits",
           ("trace",), repeats=True),
    Option(("--json",), "", "one JSON object a line", ("trace",)),
    Option(("--batch",), "", "do the debugger's commands, print, leave", ("batch",)),
    Option(("-ex",), "COMMAND", "a command to do", ("batch",), repeats=True),
    Option(("-x",), "FILE", "a file of commands to do", ("batch",), repeats=True),
    Option(("--preset",), "NAME", "the layout: cpu, syscall, vm, alloc, sched, ns or house",
           ("tui",)),
    Option(("--theme",), "NAME", "colours: arce-dark (default), arce-light, ansi-dark ...",
           ("tui",)),
    Option(("--calm",), "", "nothing slides, and a running program is drawn less often", ("tui",)),
    Option(("--version", "-V"), "", "print the version"),
    Option(("--help", "-h"), "", "print this help"),
)  # fmt: skip


@dataclass(slots=True)
class Options:
    """A command line that was understood.

    Attributes:
        mode: tui, run, trace or batch.
        values: The last value of every option given, by its first name; "" for switches.
        lists: All values of options that repeat.
        script: Batch commands in order: ("ex", command) or ("x", file).
        program: The ELF file's path, or None.
        arguments: Its arguments.
    """

    mode: str = "tui"
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    script: list[tuple[str, str]] = field(default_factory=list)
    program: str | None = None
    arguments: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether an option was given."""
        return name in self.values


def parse(argv: list[str]) -> Options:
    """Understand a command line (without the program's own name).

    Raises:
        UsageError: It makes no sense.
    """
    out = Options()
    words = list(argv)
    if words and words[0] in {"run", "trace", "batch"}:
        out.mode = words.pop(0)
    while words:
        word = words.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            words.insert(0, word)
            break
        _option(out, word, words)
    if out.has("--batch"):
        out.mode = "batch"
    if words:
        out.program = words[0]
        out.arguments = tuple(words[1:])
    _check(out)
    return out


def _option(out: Options, word: str, words: list[str]) -> None:
    """Take one option and its value off the list."""
    option, value = _find(word)
    if option is None and _is_joined(word):
        words.insert(0, f"-{word[2:]}")
        option, value, word = _find(word[:2])[0], None, word[:2]
    if option is None:
        if out.mode == "trace" and (remedy := instead(word)):
            raise UsageError(f"arcetui trace has no option {word}: {remedy}")
        known = [name for each in OPTIONS for name in each.names]
        close = get_close_matches(word.split("=")[0], known, 1)
        hint = f"; did you mean {close[0]}?" if close else "; --help lists the options"
        raise UsageError(f"unknown option {word}{hint}")
    name = option.names[0]
    if option.value and value is None:
        if not words:
            raise UsageError(f"option {word} needs a value: {option.names[0]} {option.value}")
        value = words.pop(0)
    if not option.value and value is not None:
        raise UsageError(f"option {name} takes no value")
    out.values[name] = value or ""
    if option.repeats:
        out.lists.setdefault(name, []).append(value or "")
    if name in {"-ex", "-x"}:
        out.script.append((name[1:], value or ""))


def _is_joined(word: str) -> bool:
    """Whether a word is several switches, such as -cf."""
    first = _find(word[:2])[0]
    return len(word) > 2 and word[1] != "-" and first is not None and not first.value


def _find(word: str) -> tuple[Option | None, str | None]:
    """The option a word means, and the value attached to it (`--a=b`, `-s64`, `-oFILE`)."""
    name, equals, value = word.partition("=")
    for option in OPTIONS:
        if word in option.names:
            return option, None
        if equals and name.startswith("--") and name in option.names:
            return option, value
    if not word.startswith("--"):
        for option in OPTIONS:
            short = option.names[0]
            if option.value and len(short) == 2 and word.startswith(short):
                return option, word[2:]
    return None, None


def _check(out: Options) -> None:
    for option in OPTIONS:
        name = option.names[0]
        if out.has(name) and option.modes and out.mode not in option.modes:
            where = "arcetui " + (out.mode if out.mode != "tui" else "ELF")
            names = {"batch": "arcetui --batch", "trace": "arcetui trace", "tui": "the TUI"}
            others = [names[mode] for mode in option.modes]
            belongs = " or ".join(others)
            if out.mode == "trace" and (remedy := instead(name)):
                raise UsageError(f"arcetui trace has no option {name}: {remedy}")
            raise UsageError(f"option {name} does not belong to {where} but to {belongs}")
    asks = out.has("--help") or out.has("--version")
    if out.program is None and out.mode != "tui" and not asks:
        word = "--batch" if out.mode == "batch" else out.mode
        raise UsageError(f"which program? Write: arcetui {word} [OPTIONS] ELF [ARGS...]")


def number(out: Options, name: str, default: int, lowest: int, highest: int) -> int:
    """The value of an option that is a number.

    Raises:
        UsageError: It is none, or out of range.
    """
    if not out.has(name):
        return default
    text = out.values[name]
    try:
        value = int(text, 0)
    except ValueError:
        raise UsageError(f"{name} {text}: not a number") from None
    if not lowest <= value <= highest:
        raise UsageError(f"{name} {text}: must be from {lowest} to {highest}")
    return value


def memory_bytes(text: str) -> int:
    """A size: `64M`, `1G`, `65536K`; a bare number counts MiB.

    Raises:
        UsageError: It is none.
    """
    unit = text[-1:].upper()
    digits = text[:-1] if unit in {"K", "M", "G"} else text
    unit = unit if unit in {"K", "M", "G"} else ""
    if not digits.isdigit() or len(digits) > 12:
        raise UsageError(f"--memory {text}: write a size such as 64M, 1G or 65536K")
    return int(digits) * _UNITS[unit]


USAGE = """\
arcetui runs a static Linux program on an emulated kernel and shows that kernel at work.

  arcetui                                  start screen: samples and recent files
  arcetui [OPTIONS] ELF [ARGS...]          the debugger in the terminal
  arcetui run [OPTIONS] ELF [ARGS...]      only run it: its streams and its exit status
  arcetui trace [OPTIONS] ELF [ARGS...]    its system calls, in strace's format
  arcetui --batch [-ex COMMAND]... [-x FILE]... ELF [ARGS...]
                                           the debugger's commands, without the TUI

Options end at the program's name; `--` ends them too. The program sees none of this computer:
its files are its own, its environment is PATH, HOME and TERM unless --env says more.
"""


def help_text() -> str:
    """`--help`."""
    lines = [USAGE]
    sections = (
        ("the machine", ()),
        ("trace", ("trace",)),
        ("batch", ("batch",)),
        ("TUI", ("tui",)),
    )
    for title, modes in sections:
        lines.append(f"Options ({title}):" if modes else "Options:")
        for option in OPTIONS:
            if option.modes == modes:
                left = ", ".join(option.names) + (f" {option.value}" if option.value else "")
                lines.append(f"  {left:<22} {option.help}")
        lines.append("")
    lines.append("In the debugger, `help` explains its commands and `?` its keys.")
    return "\n".join(lines)
