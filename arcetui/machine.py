"""A booted machine with what the session needs around it: symbols, call words, the prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from arcetui.capture import Capture
    from arcetui.commands import Commander
    from arcetui.render.row import Row
    from arcetui.state import Launch
    from kernel.control import Debugger, Goal, LineTable, Recipe, Stopped


class Answer(NamedTuple):
    """What a prompt line gave."""

    rows: tuple[Row, ...]
    failed: bool = False
    stopped: Stopped | None = None
    quit: bool = False


class Prompt(Protocol):
    """The command language, as the session uses it."""

    def command(self, line: str) -> Answer:
        """Do one line."""
        ...

    def complete(self, line: str, cursor: int) -> tuple[str, ...]:
        """What could stand at the cursor."""
        ...

    def address(self, text: str) -> int:
        """The value of an expression."""
        ...

    def lines(self) -> LineTable | None:
        """The line table for steps by line."""
        ...

    def return_address(self) -> int:
        """Where the current function returns to; 0 if unknown."""
        ...


class CommandPrompt:
    """The command language of `arcetui.commands`."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    def command(self, line: str) -> Answer:
        """Do one line."""
        result = self._commander.run(line)
        return Answer(tuple(result.rows), result.error, quit=result.quit)

    def complete(self, line: str, cursor: int) -> tuple[str, ...]:
        """Whole lines the line could become."""
        return tuple(self._commander.complete(line[:cursor]))

    def address(self, text: str) -> int:
        """The value of an expression: a register, a symbol, arithmetic.

        Raises:
            CommandError: It cannot be read; the sentence says why.
        """
        return self._commander.context.address(text)

    def lines(self) -> LineTable | None:
        """The program's line table."""
        return self._commander.context.symbols

    def return_address(self) -> int:
        """Where the current function returns to; 0 if that is not known."""
        frames = self._commander.context.frames(2)
        return frames[1].pc if len(frames) > 1 else 0


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

    def prepare(self, goal: Goal) -> Goal:
        """Add what only the symbols know: the line table, the return address."""
        if goal.kind.name == "LINE" and goal.lines is None:
            lines = self.prompt.lines()
            if lines is None or lines.line_of(self.debugger.cpu().pc) is None:
                # Without lines here a line step would run on to any code that has some.
                return replace(goal, kind=type(goal.kind)["OVER"])
            return replace(goal, lines=lines)
        if goal.kind.name == "OUT" and not goal.address:
            return replace(goal, address=self.prompt.return_address())
        return goal

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
    from kernel.control import Recipe, form_of

    path = Path(launch.path).expanduser()
    elf = path.read_bytes()
    options: dict[str, Any] = {"form": form_of(elf)}  # nobody was asked which
    if launch.argv:
        options["argv"] = (launch.path, *launch.argv)
    return Recipe(elf=elf, path=path.name, **options | launch.options)


def open_machine(launch: Launch) -> Machine:
    """Boot a program. Loads the engine and the symbols, so only call it on the session's thread.

    Raises:
        LoadError: The file is no program we can run; the text says why and what to do.
        OSError: It cannot be read.
    """
    from arcetui.call_words import StraceWords
    from arcetui.capture import Capture
    from arcetui.collector import settle
    from arcetui.commands import Commander
    from arcetui.commands.context import open_symbols
    from kernel.control import BY_ELF_MACHINE, Debugger

    recipe = launch.recipe or recipe_of(launch)
    arch = BY_ELF_MACHINE.get(int.from_bytes(recipe.elf[18:20], "little"))
    words = StraceWords(arch.name if arch is not None else "x86_64")
    debugger = Debugger(recipe, words)
    pumped = PumpedDebugger(debugger)
    symbols = open_symbols(debugger, str(Path(launch.path).expanduser()))
    commander = Commander(cast("Debugger", pumped), symbols)
    program = Path(recipe.path).name
    capture = Capture(debugger, symbols, words, program, commander.context.frames)
    settle()
    return Machine(debugger, capture, pumped, CommandPrompt(commander))
