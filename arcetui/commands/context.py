"""What every command works with: the debugger, the program's symbols, and reading of arguments."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arcetui.backtrace import DWARF_REGISTERS, Frame, Machine, unwind
from arcetui.commands.command import CommandError
from arcetui.expr import Expression, parse
from arcetui.expr_values import ExprError
from arcetui.suggest import unknown
from arcetui.symbols import Symbols
from arcetui.symbols.variables import View

if TYPE_CHECKING:
    from arcetui.commands.names import Constants
    from arcetui.symbols.variables import Variable
    from kernel.control import Debugger
    from kernel.inspect.views import AddressSpaceView, AreaView

_U64 = (1 << 64) - 1


def open_symbols(debugger: Debugger, program: str = "") -> Symbols:
    """The symbols of the debugger's program, moved to where it was loaded.

    Args:
        debugger: The machine.
        program: The program's file on this host: its sources may be near it.
    """
    symbols = _moved(debugger)
    with suppress(OSError, ValueError):
        path = Path(program or debugger.recipe.path).resolve()
        symbols.program = path if path.is_file() else None
    return symbols


def _moved(debugger: Debugger) -> Symbols:
    recipe = debugger.recipe
    symbols = Symbols(recipe.elf)
    if symbols.file.is_pie:
        areas = debugger.address_space().areas
        path = debugger.program_path()
        own = [a.start for a in areas if a.name == path]
        if own:
            bias = min(own) - symbols.file.first_address
            return Symbols(recipe.elf, bias, debugger.kernel_functions())
    return symbols


@dataclass(slots=True)
class Settings:
    """What commands remember between lines."""

    last_line: str = ""
    examine_format: str = "x"
    examine_size: int = 8
    examine_next: int = 0
    list_next: int = 0
    displays: dict[int, str] = field(default_factory=dict)
    values: list[int] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)
    frame: int = 0
    epoch: int = -1


class Context:
    """The debugger with the words around it."""

    def __init__(self, debugger: Debugger, symbols: Symbols | None = None) -> None:
        self.debugger = debugger
        self.symbols = open_symbols(debugger) if symbols is None else symbols
        self.settings = Settings()
        self._constants: Constants | None = None

    # -- expression scope -----------------------------------------------------------------------

    def register(self, name: str) -> int | None:
        """`$rip`, `$pc`, `$sp`, `$1`, `$`, `$_`, `$name`."""
        if name in {"", "$"}:
            back = 1 + len(name)
            return self.settings.values[-back] if len(self.settings.values) >= back else None
        if name.isdigit():
            index = int(name) - 1
            values = self.settings.values
            return values[index] if 0 <= index < len(values) else None
        if name in self.settings.named:
            return self.settings.named[name]
        registers = self.frame_registers()
        arch = self.debugger.arch
        roles = {"pc": arch.pc, "sp": arch.sp, "ret": arch.ret, "lr": arch.link, "tp": arch.tls}
        if name in registers:
            return registers[name]
        if roles.get(name):
            return registers.get(roles[name])
        if arch.name == "x86_64":
            return _x86_part(registers, name)
        if arch.name == "aarch64" and re.fullmatch(r"w\d+", name):
            return registers.get("x" + name[1:], 0) & 0xFFFFFFFF
        return None

    def name(self, name: str) -> int | None:
        """A symbol's address, or a named constant."""
        if name not in self.symbols.by_name and (held := self.held(name)) is not None:
            return held
        address = self.symbols.address_of(name)
        return self.constants.value(name) if address is None else address

    def read(self, address: int, size: int) -> bytes:
        """Memory of the current process."""
        return self.debugger.read_memory(address, size)

    def known_names(self) -> list[str]:
        """Names to suggest for an unknown one."""
        return [*self.symbols.names, *self.constants.names()]

    @property
    def constants(self) -> Constants:
        """Named constants such as PROT_READ."""
        if self._constants is None:
            from arcetui.commands.names import Constants

            self._constants = Constants(self.debugger.arch.name)
        return self._constants

    # -- variables ------------------------------------------------------------------------------

    @property
    def chosen_frame(self) -> int:
        """Number of the frame that variables are of; a step chooses the innermost again."""
        settings = self.settings
        return settings.frame if settings.epoch == self.debugger.epoch else 0

    def choose_frame(self, number: int) -> None:
        """Look at another frame until the machine moves."""
        self.settings.frame, self.settings.epoch = number, self.debugger.epoch

    def _frame(self) -> Frame | None:
        """The chosen frame; None: the innermost."""
        number = self.chosen_frame
        return next(iter(self.frames(number + 1)[number:]), None) if number else None

    def frame_registers(self) -> dict[str, int]:
        """Registers in the chosen frame."""
        frame = self._frame()
        return self.registers() if frame is None else frame.registers

    def view(self) -> View:
        """The chosen frame, for finding its variables."""
        arch = self.debugger.arch
        frame = self._frame()
        registers = self.registers() if frame is None else frame.registers
        names = DWARF_REGISTERS.get(arch.name, {})
        pc = registers[arch.pc] - (0 if frame is None or frame.interrupted else 1)

        def cfa() -> int | None:
            rules = self.symbols.frames.rules(pc)
            base = registers.get(names.get(rules.cfa_register, "")) if rules is not None else None
            return None if rules is None or base is None else base + rules.cfa_offset & _U64

        return View(pc, lambda number: registers.get(names.get(number, "")), self.read, cfa)

    def variable(self, name: str) -> Variable | None:
        """The variable a name means in the chosen frame."""
        return self.symbols.variables.find(name, self.view().pc)

    def held(self, name: str) -> int | None:
        """What a variable of that name holds, as a number; None if there is none."""
        from arcetui.commands.typed import number_of, typed

        if not self.symbols.variables.info.units:
            return None
        value = typed(self, name)
        return None if value is None else number_of(self, value)

    # -- reading arguments ----------------------------------------------------------------------

    def parse(self, text: str) -> Expression:
        """An expression; its errors are the command's."""
        try:
            return parse(text)
        except ExprError as error:
            raise CommandError(str(error)) from None

    def value(self, text: str) -> int:
        """The value of an expression; a variable that is described counts with what it holds."""
        try:
            return parse(text).value(Values(self))
        except ExprError as error:
            raise CommandError(str(error)) from None

    def address(self, text: str) -> int:
        """The value of an expression as an address: of a symbol its own, of a path its value."""
        from arcetui.commands.typed import number_of, typed

        if text.strip() not in self.symbols.by_name:
            found = typed(self, text)
            number = None if found is None else number_of(self, found)
            if number is not None:
                return number & _U64
            if found is not None and found.place is not None and found.place.address >= 0:
                return found.place.address
        try:
            return parse(text).value(self) & _U64
        except ExprError as error:
            raise CommandError(str(error)) from None

    def count(self, text: str, default: int = 1) -> int:
        """A positive number of times."""
        if not text.strip():
            return default
        count = self.value(text)
        if not 0 < count <= 1 << 40:
            raise CommandError(f"a count must be from 1 to 2^40, not {count}")
        return count

    def location(self, text: str) -> tuple[int, str]:
        """A place in the code: `main`, `*0x401000`, `file.c:12`, `12`, `+1`, an expression.

        Returns:
            (address, note for the user).
        """
        text = text.strip()
        if not text:
            return self.registers()[self.debugger.arch.pc], ""
        if text.startswith("*"):
            return self.address(text[1:]), ""
        file, colon, line = text.rpartition(":")
        if colon and line.isdigit() and not file.endswith(":"):
            return self._line(file, int(line))
        if text.isdigit():
            here = self.symbols.line(self.registers()[self.debugger.arch.pc])
            if here is None:
                raise CommandError(
                    f"no source line here, so {text} names no line; for an address write *{text}"
                )
            return self._line(here[0], int(text))
        symbol = self.symbols.by_name.get(text)
        if symbol is not None:
            return self.symbols.after_prologue(symbol.address), ""
        return self.address(text), ""

    def _line(self, file: str, line: int) -> tuple[int, str]:
        lines = self.symbols.lines
        if not lines.matching_files(file):
            known = sorted({name.rsplit("/", 1)[-1] for name in lines.files})
            raise CommandError(unknown("source file", file, known))
        found, used = self.symbols.line_addresses(file, line)
        if not found:
            raise CommandError(f"{file} has no code at or after line {line}")
        note = "" if used == line else f"line {line} has no code; line {used} is the next that has"
        return found[0], note

    # -- looking --------------------------------------------------------------------------------

    def registers(self) -> dict[str, int]:
        """Registers of the current CPU."""
        return dict(self.debugger.cpu().registers)

    @property
    def pc(self) -> int:
        """The program counter."""
        return self.debugger.cpu().pc

    @property
    def sp(self) -> int:
        """The stack pointer."""
        return self.registers()[self.debugger.arch.sp]

    def space(self) -> AddressSpaceView:
        """The current process's address space."""
        try:
            return self.debugger.address_space()
        except LookupError:
            raise CommandError("no process is left: the program has ended; go back first") from None

    def area_at(self, address: int) -> AreaView | None:
        """The area an address lies in."""
        for area in self.space().areas:
            if area.start <= address < area.end:
                return area
        return None

    def is_code(self, address: int) -> bool:
        """Whether an address may be executed."""
        area = self.area_at(address)
        return area is not None and "x" in area.perms

    def frames(self, most: int = 256) -> list[Frame]:
        """The backtrace."""
        arch = self.debugger.arch
        spans = [(a.start, a.end) for a in self.space().areas if "x" in a.perms]
        machine = Machine(
            arch.name,
            arch.pc,
            arch.sp,
            arch.link,
            self.registers(),
            self.read,
            lambda address: any(start <= address < end for start, end in spans),
        )
        return unwind(machine, self.symbols, most)

    def where(self, address: int) -> str:
        """`main+0x4 at hello.c:5`, as far as known."""
        name = self.symbols.describe(address)
        line = self.symbols.line(address)
        at = f"{line[0].rsplit('/', 1)[-1]}:{line[1]}" if line else ""
        return " at ".join(part for part in (name, at) if part)

    def known_epoch(self) -> Any:
        """Changes whenever the machine may have."""
        return self.debugger.epoch


class Values:
    """The names of an expression as C means them: a variable is what it holds."""

    def __init__(self, context: Context) -> None:
        self.register = context.register
        self.read = context.read
        self.known_names = context.known_names
        self._context = context

    def name(self, name: str) -> int | None:
        """A variable's value, a symbol's address, or a constant."""
        held = self._context.held(name)
        return self._context.name(name) if held is None else held


_X86_LOW = {
    **{f"e{r}": f"r{r}" for r in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")},
    **{f"r{i}d": f"r{i}" for i in range(8, 16)},
}


def _x86_part(registers: dict[str, int], name: str) -> int | None:
    """The 32, 16 and 8-bit names of x86 registers."""
    if name in _X86_LOW:
        return registers[_X86_LOW[name]] & 0xFFFFFFFF
    if name in {"ax", "bx", "cx", "dx", "si", "di", "bp"}:
        return registers["r" + name] & 0xFFFF
    if name in {"al", "bl", "cl", "dl"}:
        return registers[f"r{name[0]}x"] & 0xFF
    if name in {"ah", "bh", "ch", "dh"}:
        return registers[f"r{name[0]}x"] >> 8 & 0xFF
    return None


def split_flag(text: str, flag: str) -> tuple[str, bool]:
    """Take a word such as `--json` out of an argument."""
    words = text.split()
    if flag not in words:
        return text, False
    words.remove(flag)
    return " ".join(words), True
