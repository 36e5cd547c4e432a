"""What passes between the session thread and the screen: frozen, made of tuples.

Down go commands (what the user wants done) and `Interests` (what the visible panes show, so that
only that is captured); up come `Snapshot`s. Nothing here knows Textual.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arcetui.render.row import Row
    from kernel.control import Arch, BreakpointView, BreakSpec, Goal, Recipe, Stopped
    from kernel.inspect.hal import HalView
    from kernel.inspect.house import HouseView
    from kernel.inspect.position import Position
    from kernel.inspect.scheduling import SchedulingView
    from kernel.inspect.sharing import NamespaceView, SharingView
    from kernel.inspect.views import (
        AddressSpaceView,
        AllocatorsView,
        ChangeView,
        CpuView,
        Event,
        MachineView,
        ProcessView,
        SyscallView,
        WalkView,
    )


class Target(NamedTuple):
    """An address a pane follows: a register's value (`name` set) or a fixed number."""

    name: str = ""
    address: int = 0

    def resolve(self, registers: dict[str, int]) -> int:
        """The address now; unknown registers give the fixed number."""
        return registers.get(self.name, self.address) if self.name else self.address

    def __str__(self) -> str:
        return self.name or f"{self.address:#x}"


PC, SP = Target("pc"), Target("sp")


@dataclass(frozen=True, slots=True)
class Interests:
    """What the visible panes want to see.

    Attributes:
        panes: Names of the visible panes.
        code_at: Address whose function the code pane shows; None follows the program counter.
        walk: What the page-walk pane translates; `access` "" means: execute for the program
            counter, else read.
        memory: Where the hex pane stands.
        rows: The most rows any pane shows: lists are captured at least that long.
        timeline_at: Event the timeline stands at; 0 follows the position.
        frame: Frame of the call stack the stack pane begins at; 0 is the innermost.
    """

    panes: frozenset[str] = frozenset()
    code_at: int | None = None
    walk: Target = PC
    access: str = ""
    memory: Target = SP
    rows: int = 60
    timeline_at: int = 0
    frame: int = 0


class CodeLine(NamedTuple):
    """One line of the listing.

    Attributes:
        address: Of the instruction; for a source line or label, of the one that follows.
        kind: "insn", "label" or "source".
        text: Mnemonic, label or source text.
        operands: Of an instruction.
        comment: Name of a branch target or of what an operand points to.
        raw: The instruction's bytes.
    """

    address: int
    kind: str
    text: str
    operands: str = ""
    comment: str = ""
    raw: bytes = b""


class MemoryWindow(NamedTuple):
    """Bytes of guest memory; `valid[i]` tells whether 16-byte row i is mapped."""

    address: int
    data: bytes
    valid: tuple[bool, ...]


class StackSlot(NamedTuple):
    """One machine word on the stack and where it leads: "symbol", string, or area name."""

    address: int
    value: int
    kind: str
    comment: str


class FrameLine(NamedTuple):
    """One frame of the call stack; `how` tells how it was found if that is no certain way."""

    number: int
    pc: int
    sp: int
    where: str
    how: str


class ConsoleTail(NamedTuple):
    """The end of the program's output.

    Attributes:
        generation: Grows when output may have changed other than by growing at its end.
        start: Offset of `data` in all output.
    """

    generation: int
    start: int
    data: bytes

    @property
    def end(self) -> int:
        """Bytes printed so far."""
        return self.start + len(self.data)


#: Seconds; a wait for input shorter than that is not told: the lines would flicker.
TOLD_WAIT_S = 0.5
NO_OUTPUT = ConsoleTail(0, 0, b"")


class CallLine(NamedTuple):
    """One system call as the log shows it."""

    view: SyscallView
    text: str  # strace's form up to the parenthesis; the result follows
    result: str
    failed: bool
    changed: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the screen shows. Parts nobody asked for are None or empty."""

    epoch: int
    arch: Arch
    machine: MachineView
    cpu: CpuView
    previous: CpuView | None  # at the start of the last movement
    running: bool
    interests: Interests
    program: str = ""
    stopped: Stopped | None = None
    change: ChangeView | None = None
    breakpoints: tuple[BreakpointView, ...] = ()
    space: AddressSpaceView | None = None
    previous_space: AddressSpaceView | None = None
    walk: WalkView | None = None
    previous_walk: WalkView | None = None
    allocators: AllocatorsView | None = None
    process: ProcessView | None = None
    calls: tuple[CallLine, ...] = ()
    code: tuple[CodeLine, ...] = ()
    where: str = ""  # function and source line of the program counter
    memory: MemoryWindow | None = None
    previous_memory: MemoryWindow | None = None
    stack: tuple[StackSlot, ...] = ()
    previous_stack: tuple[StackSlot, ...] = ()
    frames: tuple[FrameLine, ...] = ()
    scheduling: SchedulingView | None = None
    previous_scheduling: SchedulingView | None = None
    processes: tuple[ProcessView, ...] = ()
    switches: tuple[Event, ...] = ()
    symbols: Mapping[int, str] = field(default_factory=dict)  # names of futex words
    sharing: SharingView | None = None
    previous_sharing: SharingView | None = None
    namespaces: tuple[NamespaceView, ...] = ()
    house: HouseView | None = None
    hal: HalView | None = None
    console: ConsoleTail = NO_OUTPUT
    events: tuple[Event, ...] = ()
    event: Event | None = None  # the one the machine stands right after, inside the kernel
    rate: float = 0.0  # instructions per second while running
    speed: str = "full"
    names: Mapping[int, str] = field(default_factory=dict)  # system calls by number; never changes
    error: str = ""
    progress: str = ""  # of a search backward; the rest is then what was before it
    waits_s: float = 0.0  # how long the program will still wait for input while it runs

    @property
    def registers(self) -> dict[str, int]:
        """Registers by name, with "pc" and "sp" on every architecture."""
        values = dict(self.cpu.registers)
        values.setdefault("pc", self.cpu.pc)
        values.setdefault("sp", values.get(self.arch.sp, 0))
        return values

    @property
    def waits(self) -> bool:
        """Whether the running program waits for input; a short wait is not told."""
        return self.waits_s >= TOLD_WAIT_S

    @property
    def past(self) -> bool:
        """Whether this is not the furthest point reached."""
        return self.machine.position < self.machine.end


class Item(NamedTuple):
    """What a row stands for, so that keys and mouse can act on it.

    `kind`: "address", "register", "area", "call", "event", "physical", "task", "shared" or "".
    "registers" and "cells" are rows of several; the selected one is meant.
    """

    kind: str = ""
    value: int = 0
    text: str = ""
    size: int = 0


NOTHING = Item()


@dataclass(frozen=True, slots=True)
class PaneContent:
    """What a renderer makes of a snapshot.

    Attributes:
        rows: All rows, top first.
        items: What each row stands for; may be shorter than `rows`.
        focus: Row to keep in sight, or -1.
        current: Row drawn as "here", or -1.
        title: Short addition to the pane's title.
        changed: What the last step changed here and by what; "" if nothing.
        heading: What the pane is called with this machine; "" for its usual name.
    """

    rows: Sequence[Row] = ()
    items: tuple[Item, ...] = ()
    focus: int = -1
    current: int = -1
    title: str = ""
    changed: str = ""
    heading: str = ""


# -- commands -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """Start moving."""

    goal: Goal


@dataclass(frozen=True, slots=True)
class Play:
    """Step by step at the chosen speed until paused; at full speed simply continue."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop where the machine is."""


@dataclass(frozen=True, slots=True)
class Goto:
    """Go to a position."""

    position: Position


@dataclass(frozen=True, slots=True)
class GotoOrigin:
    """Go to the event that gave a task its object of a resource."""

    tid: int
    resource: str


@dataclass(frozen=True, slots=True)
class Restart:
    """Go back to the first instruction, forgetting the recorded future."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Console input; `end` closes it."""

    data: bytes = b""
    end: bool = False


@dataclass(frozen=True, slots=True)
class Speed:
    """Make animated stepping faster (+1) or slower (-1)."""

    by: int


@dataclass(frozen=True, slots=True)
class ToggleBreakpoint:
    """Set an address breakpoint, or remove it if there is one."""

    spec: BreakSpec


@dataclass(frozen=True, slots=True)
class RunLine:
    """A line typed at the prompt."""

    line: str


@dataclass(frozen=True, slots=True)
class CompleteLine:
    """What could stand at the cursor of a prompt line."""

    line: str
    cursor: int


@dataclass(frozen=True, slots=True)
class Aim:
    """Make the walk or memory pane follow an expression."""

    pane: str
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """New interests: capture again."""

    interests: Interests


@dataclass(frozen=True, slots=True)
class Quit:
    """End the session thread."""


Command = (
    Begin
    | Play
    | Pause
    | Goto
    | GotoOrigin
    | Restart
    | Feed
    | Speed
    | ToggleBreakpoint
    | RunLine
    | CompleteLine
    | Aim
    | Look
    | Quit
)


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to start: file and the recipe's options, or a fake for tests.

    Attributes:
        path: The ELF file on the host.
        argv: Arguments after the program's name.
        options: Further fields of `kernel.control.Recipe`.
        recipe: A ready recipe, instead of all that; `path` is then only its name.
    """

    path: str
    argv: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    recipe: Recipe | None = None
