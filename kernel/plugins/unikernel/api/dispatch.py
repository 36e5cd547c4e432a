"""The table of exported functions: every group's `CALLS`, numbered in order of name.

Source: ArceOS api/arceos_api/src/lib.rs, where each group is a module behind a feature.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from kernel.plugins.unikernel.api import fs, mem, stdio, sync, sys, task, time

if TYPE_CHECKING:
    from collections.abc import Callable

    Function: TypeAlias = Callable[..., int]

GROUPS = (fs, mem, stdio, sync, sys, task, time)


class FunctionTable:
    """The exported functions. Pickled by reference: it is code, not state.

    Attributes:
        entries: (function, number of arguments) by number.
    """

    __slots__ = ("_names", "entries")

    def __init__(self) -> None:
        functions: dict[str, Function] = {}
        for group in GROUPS:
            functions.update(group.CALLS)
        self._names = dict(enumerate(sorted(functions)))
        self.entries: dict[int, tuple[Function, int]] = {}
        for number, name in self._names.items():
            function = functions[name]
            self.entries[number] = function, len(inspect.signature(function).parameters) - 1

    def __reduce__(self) -> tuple[Any, ...]:
        return function_table, ()

    def name(self, nr: int) -> str:
        """The name of a function."""
        return self._names.get(nr, f"function {nr}")

    def names(self) -> dict[int, str]:
        """All names by number."""
        return self._names


@cache
def function_table() -> FunctionTable:
    """The table; made once, it never changes."""
    return FunctionTable()
