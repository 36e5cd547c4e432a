"""Sets of system calls in words: `mmap,munmap`, `%memory`, `get*`, `/^get`, `!%file`, `?maybe`.

Source: strace(1); the globs are ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from arcetui.strace.calls import SPECS
from arcetui.strace.classes import CLASSES
from arcetui.suggest import unknown

#: Calls that only x86_64 has; the other architectures have what stands beside them.
_LEGACY_NAMES = """
access:faccessat alarm:setitimer arch_prctl: chmod:fchmodat chown:fchownat creat:openat dup2:dup3
epoll_create:epoll_create1 epoll_wait:epoll_pwait eventfd:eventfd2 fork:clone futimesat:utimensat
getdents:getdents64 getpgrp:getpgid inotify_init:inotify_init1 lchown:fchownat link:linkat
lstat:newfstatat mkdir:mkdirat mknod:mknodat open:openat pause:ppoll pipe:pipe2 poll:ppoll
readlink:readlinkat rename:renameat2 rmdir:unlinkat select:pselect6 signalfd:signalfd4
stat:newfstatat symlink:symlinkat time:gettimeofday unlink:unlinkat uselib: utime:utimensat
utimes:utimensat vfork:clone
"""
LEGACY: dict[str, str] = {
    name: instead for name, _, instead in (word.partition(":") for word in _LEGACY_NAMES.split())
}


@dataclass(frozen=True, slots=True)
class CallSet:
    """Some system calls: by name and by number; `negated`: all but these."""

    names: frozenset[str] = frozenset()
    numbers: frozenset[int] = frozenset()
    negated: bool = False

    def contains(self, name: str, number: int) -> bool:
        """Whether a call is one of them."""
        return (name in self.names or number in self.numbers) != self.negated


def known_calls(arch: str) -> frozenset[str]:
    """Names of the calls of an architecture, as far as we can show their arguments."""
    names = frozenset(SPECS).union(*CLASSES.values())
    if arch != "x86_64":
        names -= frozenset(LEGACY)
    return names if arch == "riscv64" else names - {"riscv_flush_icache"}


def choose(text: str, known: Collection[str]) -> CallSet:
    """The calls a text means.

    Args:
        text: Names, numbers, %classes, globs and /regular expressions with commas; `!` in front
            takes the others, `?` before a word lets it be unknown.
        known: Names of all calls.

    Raises:
        LookupError: A word names no call; the text is one sentence with a suggestion.
    """
    text = text.strip()
    negated = text.startswith("!")
    names: set[str] = set()
    numbers: set[int] = set()
    for word in filter(None, (part.strip() for part in text.lstrip("!").split(","))):
        if word.isdigit():
            numbers.add(int(word))
        else:
            names |= _maybe(word[1:], known) if word[0] == "?" else _names(word, known)
    return CallSet(frozenset(names), frozenset(numbers), negated)


def _maybe(word: str, known: Collection[str]) -> set[str]:
    try:
        return _names(word, known)
    except LookupError:
        return set()


def _matching(pattern: str, known: Collection[str]) -> set[str]:
    """Names that a regular expression is found in."""
    try:
        found = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise LookupError(f"/{pattern}: no regular expression: {error}") from None
    matching = {name for name in known if found.search(name)}
    if not matching:
        raise LookupError(f"no system call matches /{pattern}")
    return matching


def _names(word: str, known: Collection[str]) -> set[str]:
    if word.startswith("/"):
        return _matching(word[1:], known)
    if word in {"all", "%all"}:
        return set(known)
    if word == "none":
        return set()
    if word.startswith("%"):
        found = CLASSES.get(word[1:])
        if found is None:
            raise LookupError(unknown("class of system calls", word, [f"%{c}" for c in CLASSES]))
        return {name for name in found if name in known}
    if word in known:
        return {word}
    if any(mark in word for mark in "*?["):
        matching = {name for name in known if fnmatchcase(name, word)}
        if matching:
            return matching
        raise LookupError(f"no system call matches {word!r}")
    if word in LEGACY:
        hint = f"; it has {LEGACY[word]}" if LEGACY[word] else ""
        raise LookupError(f"this architecture has no system call {word!r}{hint}")
    raise LookupError(unknown("system call", word, [*sorted(known), *[f"%{c}" for c in CLASSES]]))


def select_calls(text: str, numbers: dict[str, int]) -> frozenset[int]:
    """The numbers of the calls a text means.

    Args:
        text: As for `choose`.
        numbers: Every system call's number by name.

    Raises:
        LookupError: A word names no call; the text is one sentence with a suggestion.
    """
    chosen = choose(text, numbers)
    found = {nr for name, nr in numbers.items() if chosen.contains(name, nr)}
    return frozenset(found if chosen.negated else found | chosen.numbers)
