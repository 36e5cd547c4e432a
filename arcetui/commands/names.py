"""Named constants for expressions, and what system-call conditions may say.

The constants are those the trace prints: PROT_*, MAP_*, O_*, CLONE_*, signal names, error names.
"""

from __future__ import annotations

from arcetui.expr import Expression
from arcetui.strace.calls import SPECS, argument_names
from arcetui.strace.errors import ERRORS
from arcetui.strace.scalars import dirfd, int32
from arcetui.strace.tables import files, memory, process, signals
from arcetui.strace.text import Table, as_int32
from arcetui.suggest import unknown


class Constants:
    """Every named constant of one architecture."""

    def __init__(self, arch: str) -> None:
        self._values: dict[str, int] = {"NULL": 0, "AT_FDCWD": -100}
        opens = files.OPEN_AARCH64 if arch == "aarch64" else files.OPEN
        for module in (files, memory, process, signals):
            for name, table in vars(module).items():
                if name.isupper() and isinstance(table, tuple) and not name.startswith("OPEN"):
                    self._add(table)
        self._add(opens)
        for number in range(1, 65):
            self._values.setdefault(signals.signal_name(number), number)
        for number, (name, _) in ERRORS.items():
            self._values[name] = number

    def _add(self, table: Table) -> None:
        for entry in table:
            if isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], int):
                self._values.setdefault(str(entry[1]), entry[0])

    def value(self, name: str) -> int | None:
        """The value of a constant."""
        return self._values.get(name)

    def names(self) -> list[str]:
        """All names."""
        return list(self._values)


def is_signed_argument(call: str, position: int) -> bool:
    """Whether an argument is a C int (so that -1 means -1)."""
    spec = SPECS.get(call)
    if spec is None or position >= len(spec.args):
        return False
    return spec.args[position].decode in {int32, dirfd}


def call_names(calls: list[str]) -> dict[str, dict[str, int]]:
    """Argument names of some calls: name -> call -> position."""
    out: dict[str, dict[str, int]] = {}
    for call in calls:
        for position, name in enumerate(argument_names(call)):
            out.setdefault(name, {})[call] = position
    return out


def check_names(expression: Expression, known: list[str], constants: Constants) -> None:
    """Refuse a condition that uses a name nothing defines.

    Raises:
        LookupError: One sentence with a suggestion.
    """
    for name in expression.names:
        if name not in known and constants.value(name) is None:
            raise LookupError(unknown("name", name, [*known, *constants.names()]))


def typed_argument(call: str, position: int, value: int) -> int:
    """An argument as its C type has it."""
    return as_int32(value) if is_signed_argument(call, position) else value
