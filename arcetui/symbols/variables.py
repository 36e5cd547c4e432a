"""Variables by name at a place in the code: which one is meant, where it is, what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from arcetui.symbols import debug_info as d
from arcetui.symbols.c_types import Types
from arcetui.symbols.debug_info import DebugInfo, Entry, ListAt, Unit
from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.locations import Lists, Machine, Place, evaluate

PARAMETER, BLOCK, VARIABLE, SUBPROGRAM, INLINED, NAMESPACE = 0x05, 0x0B, 0x34, 0x2E, 0x1D, 0x39
#: Addresses whose variables are remembered.
MOST_KNOWN = 1000
_SCOPES = frozenset({BLOCK, INLINED, SUBPROGRAM})


@dataclass(frozen=True, slots=True)
class View:
    """The frame whose variables are meant.

    Attributes:
        pc: Address for looking up scopes: of the call, in outer frames.
        register: By DWARF number; None where it is not known.
        cfa: The canonical frame address, or None.
    """

    pc: int
    register: Callable[[int], int | None]
    read: Callable[[int, int], bytes]
    cfa: Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is in scope."""

    name: str
    entry: Entry
    kind: Entry | None
    is_parameter: bool


class Variables:
    """Variables of one program.

    Args:
        elf: Its file.
        bias_bytes: What was added to its addresses when it was loaded.
    """

    def __init__(self, elf: ElfFile, bias_bytes: int = 0) -> None:
        self.info = DebugInfo(elf)
        self.types = Types(self.info)
        self._lists = Lists(elf, self.info)
        self._bias = bias_bytes
        self._units: dict[int, Unit | None] = {}  # by address: conditions ask again and again
        self._known: dict[int, list[Variable]] = {}

    def unit_at(self, pc: int) -> Unit | None:
        """The unit whose code `pc` (with bias) is in."""
        if pc not in self._units:
            if len(self._units) > MOST_KNOWN:
                self._units.clear()
            self._units[pc] = self._find_unit(pc - self._bias)
        return self._units[pc]

    def _find_unit(self, address: int) -> Unit | None:
        for unit in self.info.units:
            root = self.info.root(unit)
            if root is not None and self._covers(root, address):
                return unit
        return None

    def _covers(self, entry: Entry, address: int) -> bool:
        ranges = entry.values.get(d.RANGES)
        if isinstance(ranges, ListAt):
            return self._lists.covers(entry.unit, ranges, address)
        low = entry.values.get(d.LOW_PC)
        high = entry.values.get(d.HIGH_PC)
        if not isinstance(low, int) or not isinstance(high, int) or not low:
            return False
        end = high if high >= low else low + high  # an address, or a length
        return low <= address < end

    def scopes(self, pc: int) -> list[Entry]:
        """The function `pc` is in and the blocks inside it, innermost first."""
        unit = self.unit_at(pc)
        root = self.info.tree(unit) if unit is not None else None
        found: list[Entry] = []
        entry = root
        while entry is not None:
            entry = next(
                (each for each in _scopes_in(entry) if self._covers(each, pc - self._bias)), None
            )
            if entry is not None:
                found.append(entry)
        return found[::-1]

    def locals(self, pc: int) -> list[Variable]:
        """Variables and parameters at `pc`, innermost first; shadowed ones left out."""
        if pc not in self._known:
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known[pc] = self._locals(pc)
        return self._known[pc]

    def _locals(self, pc: int) -> list[Variable]:
        out: dict[str, Variable] = {}
        for scope in self.scopes(pc):
            for child in scope.children:
                if child.tag in {PARAMETER, VARIABLE}:
                    variable = self._variable(child)
                    if variable.name and not child.number(d.DECLARATION):
                        out.setdefault(variable.name, variable)
        return list(out.values())

    def _variable(self, entry: Entry) -> Variable:
        about = self._origin(entry)
        return Variable(about.name, entry, self.types.of(about), entry.tag == PARAMETER)

    def _origin(self, entry: Entry) -> Entry:
        """The entry with the name and type: of an inlined or out-of-line one, its declaration."""
        for attribute in (d.ORIGIN, d.SPECIFICATION):
            at = entry.values.get(attribute)
            if not entry.name and isinstance(at, int):
                found = self.info.at(entry.unit, at)
                if found is not None:
                    return self._origin(found) if found is not entry else entry
        return entry

    @cached_property
    def globals(self) -> dict[str, Variable]:
        """Variables outside functions of every unit, by name."""
        out: dict[str, Variable] = {}
        for unit in self.info.units:
            root = self.info.tree(unit)
            for child in _variables_in(root) if root is not None else ():
                variable = self._variable(child)
                if variable.name and (d.LOCATION in child.values or d.CONST_VALUE in child.values):
                    out.setdefault(variable.name, variable)
        return out

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of all variables, wherever they are in scope."""
        out: set[str] = set(self.globals)
        for unit in self.info.units:
            entries = list(unit.entries.values())
            out.update(e.name for e in entries if e.tag in {PARAMETER, VARIABLE} and e.name)
        return frozenset(out)

    def find(self, name: str, pc: int) -> Variable | None:
        """What a name means at `pc`: a local before one of the same file before any other."""
        for variable in self.locals(pc):
            if variable.name == name:
                return variable
        unit = self.unit_at(pc)
        root = self.info.tree(unit) if unit is not None else None
        for child in _variables_in(root) if root is not None else ():
            if d.LOCATION in child.values and self._origin(child).name == name:
                return self._variable(child)
        return self.globals.get(name)

    def type_named(self, name: str) -> Entry | None:
        """A type by its name: `struct point`, `size_t`."""
        words = name.split()
        for unit in self.info.units:
            root = self.info.tree(unit)
            for child in root.children if root is not None else ():
                is_type = child.tag in {0x02, 0x04, 0x13, 0x16, 0x17, 0x24}
                if is_type and child.name == words[-1] and not child.number(d.DECLARATION):
                    return child
        return None

    def function(self, pc: int) -> Entry | None:
        """The function `pc` is in: its children are its parameters."""
        return next((entry for entry in self.scopes(pc) if entry.tag == SUBPROGRAM), None)

    def place(self, variable: Variable, view: View) -> Place | None:
        """Where a variable is now; None: nowhere (optimized away, or no value yet)."""
        entry = variable.entry
        constant = entry.values.get(d.CONST_VALUE)
        if isinstance(constant, bytes):
            return Place(value=constant)
        if isinstance(constant, int):
            return Place(value=(constant & (1 << 64) - 1).to_bytes(8, "little"))
        where = entry.values.get(d.LOCATION)
        if isinstance(where, ListAt):
            where = self._lists.location(entry.unit, where, view.pc - self._bias)
        if not isinstance(where, bytes) or not where:
            return None
        machine = Machine(
            view.register, view.read, lambda: self._frame_base(view), view.cfa, self._bias
        )
        return evaluate(where, machine, self.info, entry.unit)

    def _frame_base(self, view: View) -> int | None:
        function = self.function(view.pc)
        block = function.values.get(d.FRAME_BASE) if function is not None else None
        if function is None or not isinstance(block, bytes):
            return None
        machine = Machine(view.register, view.read, lambda: None, view.cfa, self._bias)
        found = evaluate(block, machine, self.info, function.unit)
        if found is None:
            return None
        return found.address if found.address >= 0 else int.from_bytes(found.value, "little")


def _scopes_in(entry: Entry) -> Iterator[Entry]:
    for child in entry.children:
        if child.tag in _SCOPES:
            yield child
        elif child.tag in {NAMESPACE, 0x02, 0x13}:
            yield from _scopes_in(child)


def _variables_in(entry: Entry) -> Iterator[Entry]:
    for child in entry.children:
        if child.tag == VARIABLE:
            yield child
        elif child.tag == NAMESPACE:
            yield from _variables_in(child)
