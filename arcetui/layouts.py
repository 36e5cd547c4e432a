"""Where the panes stand, by topic and by the size of the terminal.

A layout is a row of columns; a column has a weight and a stack of panes with weights. The place
called `study` holds the pane chosen last with its key, so that a narrow screen can show any.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class PaneName(NamedTuple):
    """A pane, the key that shows it (a digit, or a letter after `v`), and its name."""

    name: str
    key: str
    heading: str
    about: str

    @property
    def keys(self) -> str:
        """What to type."""
        return self.key if self.key.isdigit() else f"v{self.key}"


PANES: tuple[PaneName, ...] = (
    PaneName("code", "1", "code", "the program's instructions, with symbols and source lines"),
    PaneName(
        "registers", "2", "registers", "the CPU's registers; * marks what the last step changed"
    ),
    PaneName("maps", "3", "memory map", "the areas of the address space, as in /proc/PID/maps"),
    PaneName("walk", "4", "page walk", "how the MMU translates one address, level by level"),
    PaneName(
        "allocators", "5", "allocators", "the page allocator's bitmap tree, the byte allocator"
    ),
    PaneName("syscalls", "6", "system calls", "each call, its result and what it changed"),
    PaneName("stack", "7", "stack", "words above the stack pointer and where they lead"),
    PaneName("memory", "8", "memory", "bytes at an address"),
    PaneName("timeline", "9", "timeline", "the kernel's events; what lies ahead is grey"),
    PaneName("console", "0", "console", "what the program prints; type to it here"),
    PaneName("tasks", "t", "tasks", "processes and threads: state, CPU, what each waits for"),
    PaneName("queues", "q", "run queues", "each CPU, what it runs, who is next and why"),
    PaneName("gantt", "g", "gantt", "who ran where over virtual time, and why each switch came"),
    PaneName("waits", "w", "waits", "wait queues and futexes: who waits, who holds; deadlocks"),
    PaneName("sharing", "s", "sharing", "tasks by resources: same letter, same object"),
    PaneName("graph", "n", "namespaces", "task → namespace block → Arc → payload, and the bytes"),
    PaneName("house", "h", "house", "the kernel's components and the last system call's way"),
    PaneName("hal", "a", "HAL", "axhal and PolyHAL side by side: names, features, values"),
)
BY_NAME = {pane.name: pane for pane in PANES}
BY_KEY = {pane.key: pane for pane in PANES}

Stack = tuple[tuple[str, int], ...]
Columns = tuple[tuple[int, Stack], ...]

PRESETS: tuple[str, ...] = ("cpu", "syscall", "vm", "alloc", "sched", "ns", "house")
SIZES: tuple[str, ...] = ("narrow", "wide", "huge")

#: The pane in `study` until the user chooses another.
STUDY: dict[str, str] = {
    "cpu": "registers",
    "syscall": "syscalls",
    "vm": "maps",
    "alloc": "allocators",
    "sched": "queues",
    "ns": "sharing",
    "house": "house",
}

_WIDE_RIGHT = (("study", 18), ("syscalls", 9), ("console", 10))

LAYOUTS: dict[tuple[str, str], Columns] = {
    ("cpu", "narrow"): ((1, (("code", 8), ("study", 7), ("console", 6))),),
    ("syscall", "narrow"): ((1, (("code", 6), ("study", 9), ("console", 6))),),
    ("vm", "narrow"): ((1, (("code", 5), ("study", 11), ("console", 5))),),
    ("alloc", "narrow"): ((1, (("code", 4), ("study", 13), ("console", 4))),),
    ("sched", "narrow"): ((1, (("code", 4), ("study", 13), ("console", 4))),),
    ("ns", "narrow"): ((1, (("code", 4), ("study", 12), ("console", 5))),),
    ("house", "narrow"): ((1, (("code", 4), ("study", 13), ("console", 4))),),
    ("cpu", "wide"): (
        (50, (("code", 24), ("stack", 13))),
        (70, (("study", 14), ("syscalls", 11), ("console", 12))),
    ),
    ("syscall", "wide"): (
        (46, (("code", 18), ("timeline", 19))),
        (74, (("study", 15), ("maps", 12), ("console", 10))),
    ),
    ("vm", "wide"): (
        (60, (("code", 15), ("study", 22))),
        (60, (("walk", 18), ("syscalls", 9), ("console", 10))),
    ),
    ("alloc", "wide"): (
        (46, (("code", 14), ("timeline", 23))),
        (74, (("study", 22), ("syscalls", 7), ("console", 8))),
    ),
    ("sched", "wide"): (
        (52, (("code", 10), ("tasks", 14), ("waits", 13))),
        (68, (("study", 13), ("gantt", 16), ("console", 8))),
    ),
    ("ns", "wide"): (
        (44, (("code", 14), ("syscalls", 12), ("console", 11))),
        (76, (("study", 13), ("graph", 24))),
    ),
    ("house", "wide"): (
        (40, (("code", 14), ("syscalls", 12), ("console", 11))),
        (80, (("study", 37),)),
    ),
    ("cpu", "huge"): (
        (62, (("code", 36), ("registers", 21))),
        (70, (("study", 20), ("stack", 20), ("memory", 17))),
        (68, (("syscalls", 20), ("timeline", 17), ("console", 20))),
    ),
    ("syscall", "huge"): (
        (58, (("code", 32), ("registers", 25))),
        (80, (("study", 26), ("maps", 18), ("stack", 13))),
        (62, (("timeline", 32), ("console", 25))),
    ),
    ("vm", "huge"): (
        (60, (("code", 34), ("registers", 23))),
        (72, (("study", 28), ("walk", 29))),
        (68, (("syscalls", 18), ("timeline", 18), ("console", 21))),
    ),
    ("alloc", "huge"): (
        (58, (("code", 30), ("maps", 27))),
        (78, (("study", 44), ("memory", 13))),
        (64, (("syscalls", 18), ("timeline", 20), ("console", 19))),
    ),
    ("sched", "huge"): (
        (56, (("code", 22), ("tasks", 19), ("waits", 16))),
        (80, (("study", 22), ("gantt", 35))),
        (62, (("syscalls", 22), ("timeline", 18), ("console", 17))),
    ),
    ("ns", "huge"): (
        (54, (("code", 26), ("tasks", 20), ("console", 11))),
        (84, (("study", 25), ("graph", 32))),
        (62, (("syscalls", 30), ("timeline", 27))),
    ),
    ("house", "huge"): (
        (50, (("code", 26), ("syscalls", 18), ("console", 13))),
        (84, (("study", 37), ("timeline", 20))),
        (66, (("hal", 57),)),
    ),
}


class Place(NamedTuple):
    """Where a pane stands, in cells."""

    pane: str
    x: int
    y: int
    width: int
    height: int


@cache
def names(preset: str, size: str, study: str) -> tuple[str, ...]:
    """The panes a layout shows, in reading order; `study` replaced by the pane chosen."""
    return tuple(place.pane for place in places(preset, size, study, 1000, 1000))


def places(preset: str, size: str, study: str, width: int, height: int) -> list[Place]:
    """Where each pane of a layout stands in a field of `width` x `height` cells.

    A pane that is chosen for `study` but has its own place already keeps that place, and the
    preset's own pane stays in `study`.
    """
    columns = LAYOUTS[preset, size]
    fixed = {pane for _, stack in columns for pane, _ in stack}
    if study in fixed or not study:
        study = STUDY[preset]
    if study in fixed:
        study = next(p.name for p in PANES if p.name not in fixed)
    result: list[Place] = []
    for x, column_width, (_, stack) in zip(
        *_split(width, [weight for weight, _ in columns], gap=1), columns, strict=True
    ):
        shares = [weight for _, weight in stack]
        for y, pane_height, (pane, _) in zip(*_split(height, shares, gap=0), stack, strict=True):
            result.append(
                Place(study if pane == "study" else pane, x, y, column_width, pane_height)
            )
    return result


def _split(total: int, weights: list[int], gap: int) -> tuple[list[int], list[int]]:
    """Starts and lengths of consecutive parts of `total`, with `gap` cells between them."""
    usable = total - gap * (len(weights) - 1)
    whole, done = sum(weights), 0
    starts: list[int] = []
    lengths: list[int] = []
    for number, weight in enumerate(weights):
        begin = usable * done // whole
        done += weight
        starts.append(begin + gap * number)
        lengths.append(max(usable * done // whole - begin, 1))
    return starts, lengths
