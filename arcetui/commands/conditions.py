"""Conditions of breakpoints: an expression that the debugger asks at every hit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from arcetui.commands.command import CommandError
from arcetui.commands.names import call_names, check_names, typed_argument
from arcetui.expr import Expression
from arcetui.expr_values import ExprError

if TYPE_CHECKING:
    from arcetui.commands.context import Context

Test = Callable[[dict[str, int]], bool]


class AddressScope:
    """Names for a condition in the code: registers of the moment, symbols, memory."""

    def __init__(self, context: Context, values: dict[str, int]) -> None:
        self._context = context
        self._values = values

    def register(self, name: str) -> int | None:
        """A register of the CPU that hit."""
        arch = self._context.debugger.arch
        roles = {"pc": arch.pc, "sp": arch.sp}
        found = self._values.get(roles.get(name, name))
        return self._context.register(name) if found is None else found

    def name(self, name: str) -> int | None:
        """What a variable holds, a symbol's address, or a constant."""
        held = self._context.held(name)
        return self._context.name(name) if held is None else held

    def read(self, address: int, size: int) -> bytes:
        """Memory."""
        return self._context.read(address, size)

    def known_names(self) -> list[str]:
        """Names to suggest."""
        return self._context.known_names()


class CallScope(AddressScope):
    """Names for a condition on a system call: its arguments by name, result, constants."""

    def __init__(
        self,
        context: Context,
        values: dict[str, int],
        positions: dict[str, dict[str, int]],
    ) -> None:
        super().__init__(context, values)
        self._positions = positions

    def name(self, name: str) -> int | None:
        """An argument of this call; 0 for one that only other calls have."""
        if name in self._values:
            return self._values[name]
        if name in self._positions:
            call = self._context.debugger.syscall_name(self._values["nr"])
            position = self._positions[name].get(call)
            if position is None:
                raise ExprError(f"{call} has no argument {name}")
            return typed_argument(call, position, self._values.get(f"arg{position}", 0))
        return super().name(name)


def _test(expression: Expression, scope_of: Callable[[dict[str, int]], AddressScope]) -> Test:
    def test(values: dict[str, int]) -> bool:
        try:
            return bool(expression.value(scope_of(values)))
        except ExprError:
            return False  # no value here (memory not mapped, another call's argument): no stop

    return test


def address_condition(context: Context, text: str) -> Test:
    """The condition of a breakpoint in the code."""
    expression = context.parse(text)
    for name in expression.names:
        if context.name(name) is None and name not in context.symbols.variables.names:
            context.value(name)  # raises with a suggestion
    return _test(expression, lambda values: AddressScope(context, values))


def call_condition(context: Context, text: str, calls: list[str]) -> tuple[Test, bool]:
    """The condition of a catchpoint on system calls.

    Returns:
        (the test, whether it needs the result).
    """
    expression = context.parse(text)
    positions = call_names(calls)
    plain = ["nr", "result", *[f"arg{i}" for i in range(6)]]
    known = [*positions, *plain, *context.symbols.by_name]
    try:
        check_names(expression, known, context.constants)
    except LookupError as error:
        raise CommandError(str(error.args[0])) from None
    test = _test(expression, lambda values: CallScope(context, values, positions))
    return test, "result" in expression.names
