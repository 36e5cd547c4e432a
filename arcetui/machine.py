"""A booted machine with what the session needs around it: symbols, call words, the prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from arcetui.backtrace import Frame
    from arcetui.capture import Capture
    from arcetui.render.row import Row
    from arcetui.state import Launch
    from arcetui.symbols import Symbols
    from kernel.control import Debugger, Goal, Recipe, Stopped


class Answer(NamedTuple):
    """What a prompt line gave."""

    rows: tuple[Row, ...]
    failed: bool = False
    stopped: Stopped | None = None


class Prompt(Protocol):
    """The command language, as the session uses it."""

    def command(self, line: str) -> Answer:
        """Do one line."""
        ...

    def complete(self, line: str, cursor: int) -> tuple[str, ...]:
        """What could stand at the cursor."""
        ...


class NoPrompt:
    """A session without a command language."""

    def command(self, line: str) -> Answer:
        """Say so."""
        from arcetui.render.row import plain

        return Answer((plain("this session has no command language", "error"),), failed=True)

    def complete(self, line: str, cursor: int) -> tuple[str, ...]:
        """Nothing."""
        return ()


class PumpedDebugger:
    """The debugger as the prompt sees it: `run` keeps listening for Pause.

    Everything else goes straight through.
    """

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self.pump_goal: Callable[[Goal], Stopped] = debugger.run
        self.last: Stopped | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._debugger, name)

    def run(self, goal: Goal) -> Stopped:
        """Run to the goal's end, or until paused."""
        self.last = self.pump_goal(goal)
        return self.last


@dataclass(slots=True)
class Machine:
    """What the session owns."""

    debugger: Debugger
    capture: Capture
    pumped: PumpedDebugger
    prompt: Prompt
    symbols: Symbols | None = None

    def prepare(self, goal: Goal) -> Goal:
        """Add what only the symbols know: the line table, the return address."""
        if self.symbols is None:
            return goal
        if goal.kind.name == "LINE" and goal.lines is None:
            return replace(goal, lines=self.symbols)
        if goal.kind.name == "OUT" and not goal.address:
            frames = self.frames(2)
            return replace(goal, address=frames[1].pc if len(frames) > 1 else 0)
        return goal

    def frames(self, most: int) -> list[Frame]:
        """The activations, innermost first."""
        from arcetui.backtrace import Machine as Seen
        from arcetui.backtrace import unwind

        arch, cpu = self.debugger.arch, self.debugger.cpu()
        areas = self.debugger.address_space().areas
        seen = Seen(
            arch=arch.name,
            pc=arch.pc,
            sp=arch.sp,
            link=arch.link,
            registers=dict(cpu.registers),
            read=self.debugger.read_memory,
            is_code=lambda va: any(a.start <= va < a.end and "x" in a.perms for a in areas),
        )
        return unwind(seen, self.symbols, most)

    def command(self, line: str, pump_goal: Callable[[Goal], Stopped]) -> Answer:
        """Do a prompt line; runs in it go through `pump_goal`."""
        self.pumped.pump_goal = pump_goal
        self.pumped.last = None
        answer = self.prompt.command(line)
        return answer._replace(stopped=answer.stopped or self.pumped.last)

    def complete(self, line: str, cursor: int) -> tuple[str, ...]:
        """What could stand at the prompt's cursor."""
        return self.prompt.complete(line, cursor)


def recipe_of(launch: Launch) -> Recipe:
    """The recipe for a program on the host.

    Raises:
        OSError: The file cannot be read.
    """
    from kernel.control import Recipe

    path = Path(launch.path).expanduser()
    options: dict[str, Any] = {"argv": (launch.path, *launch.argv)} if launch.argv else {}
    return Recipe(elf=path.read_bytes(), path=path.name, **options | launch.options)


def open_machine(launch: Launch) -> Machine:
    """Boot a program. Loads the engine and the symbols, so only call it on the session's thread.

    Raises:
        LoadError: The file is no program we can run; the text says why and what to do.
        OSError: It cannot be read.
    """
    from arcetui.call_words import StraceWords
    from arcetui.capture import Capture
    from arcetui.symbols import Symbols
    from kernel.control import BY_ELF_MACHINE, Debugger

    recipe = launch.recipe or recipe_of(launch)
    arch = BY_ELF_MACHINE.get(int.from_bytes(recipe.elf[18:20], "little"))
    words = StraceWords(arch.name if arch is not None else "x86_64")
    debugger = Debugger(recipe, words)
    pumped = PumpedDebugger(debugger)
    entry = int.from_bytes(recipe.elf[24:32], "little")
    symbols = Symbols(recipe.elf, debugger.cpu().pc - entry)
    capture = Capture(debugger, symbols, words, Path(recipe.path).name)
    return Machine(debugger, capture, pumped, NoPrompt(), symbols)
