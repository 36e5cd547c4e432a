"""Options of strace(1) that `arcetui trace` has not, and what to do instead."""

from __future__ import annotations

_TIMES = "time is virtual here; --json gives each call's time_ns and end_ns"
_PLACE = "in the debugger catch syscall stops at a call, and bt says where it came from"
_NUMBERS = "descriptors are shown as numbers; in the debugger info fds says what they are"
_WHOLE = "structures are shown as strace shows them without it; -s N shows longer strings"
_TABLE = "the table is sorted by virtual time, the only time there is"

#: What to do instead, by the option's first letter.
INSTEAD: dict[str, str] = {
    **dict.fromkeys(("-t", "-r", "-T"), _TIMES),
    **dict.fromkeys(("-i", "-k"), _PLACE),
    **dict.fromkeys(("-S", "-w", "-O", "-U"), _TABLE),
    **dict.fromkeys(("-v", "-x", "-X"), _WHOLE),
    "-y": _NUMBERS,
    "-n": "--json gives each call's number",
    "-a": "results stand in column 40",
    "-b": "children are followed until they end",
    "-p": "programs are run from their start; name the ELF file",
    "-P": "choose calls with -e, such as -e %file",
    "-E": "write --env NAME=VALUE",
    "-u": "the program runs as root of its own machine",
    "-D": "the program runs inside arcetui",
    "-I": "Ctrl-C ends the program and the trace",
    "-A": "write -o FILE, which begins anew",
    "--trace": "write -e trace=SET",
    "--follow-forks": "children are always followed",
    "--output": "write -o FILE",
    "--string-limit": "write -s N",
    "--summary-only": "write -c",
    "--summary": "write -C",
    "--quiet": "write -e quiet=SET",
    "--status": "write -e status=SET",
    "--signal": "write -e signal=SET",
    "--seccomp-bpf": "nothing slows the calls down that are not shown",
}
#: The same for what stands after -e.
QUALIFIERS_INSTEAD: dict[str, str] = {
    **dict.fromkeys(("inject", "fault"), "calls cannot be made to fail, a run stays as it is"),
    **dict.fromkeys(("abbrev", "a", "verbose", "v", "raw", "x"), _WHOLE),
    **dict.fromkeys(("read", "reads", "r", "write", "writes", "w"), "-s N shows more of the data"),
    **dict.fromkeys(("decode-fds", "decode-fd"), _NUMBERS),
    "kvm": "there are no virtual machines inside",
    "decode-pids": "process ids are shown as numbers",
}


def instead(word: str) -> str:
    """What to do instead of an option of strace; "" if it has no such option."""
    name = word.partition("=")[0]
    return INSTEAD.get(name if name.startswith("--") else name[:2], "")
