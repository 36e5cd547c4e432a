"""Guest code as Python functions: a run of instructions, compiled once, called with a budget.

A function takes the instructions left in the budget, at least as many as the block can execute in
one pass, and returns (next pc, left, whether a system call ended it). Registers are locals in
between. It follows branches inside its page, and loops in place when one leads back to its start.

An instruction that cannot complete raises `GuestStop`. The registers are then those before it;
which one it was follows from the line of the source that failed, so that nothing need be counted
on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, TypeAlias

from kernel.machine.engine import Cause
from kernel.machine.engines.loongarch64.decode import decode
from kernel.machine.engines.loongarch64.isa import is_vector
from kernel.machine.engines.loongarch64.python_builder import PythonBuilder
from kernel.machine.engines.loongarch64.rare import FloatOperation
from kernel.machine.engines.loongarch64.semantics import SEMANTICS
from kernel.machine.engines.loongarch64.state import MASK64
from kernel.machine.ram import FRAME_BYTES

#: Most instructions in one block.
MAX_INSNS: Final = 48
_PAGE: Final = ~(FRAME_BYTES - 1)
_NAME: Final = "block"

Function: TypeAlias = "Callable[[int], tuple[int, int, int]]"


@dataclass(slots=True)
class Block:
    """A compiled run of instructions.

    Attributes:
        run: The function.
        insns: How many it executes in one pass at most; the budget must have as many.
        places: By line of the source: (pc, instructions of this pass before it).
    """

    run: Function
    insns: int
    places: list[tuple[int, int]]

    def where(self, traceback: TracebackType | None) -> tuple[int, int]:
        """(pc, instructions of the pass before it) of the instruction that raised."""
        line = 0
        while traceback is not None:
            if traceback.tb_frame.f_code.co_name == _NAME:
                line = traceback.tb_lineno
                break
            traceback = traceback.tb_next
        return self.places[line - 1]


class Writer:
    """Writes the source of one block."""

    def __init__(self, start: int, read: Callable[[int], int], limit: int, stops: frozenset[int]):
        self.start = start
        self.insns: list[PythonBuilder] = []
        self.floats: dict[str, FloatOperation] = {}
        self.is_loop = False
        self._lines: list[str] = []
        self._places: list[tuple[int, int]] = []
        self._used: set[int] = set()
        self._written: set[int] = set()
        self._after = start  # where the block goes on at its end
        self._collect(read, limit, stops)
        self._write()

    def _collect(self, read: Callable[[int], int], limit: int, stops: frozenset[int]) -> None:
        """Follow the code from the start; `stops` may not be inside the block."""
        pc, seen = self.start, set[int]()
        while len(self.insns) < limit:
            seen.add(pc)
            insn = _translate(read(pc), pc)
            self.insns.append(insn)
            self._used |= insn.used
            self._written |= insn.written
            self.floats |= insn.floats
            if insn.is_call or insn.jump_to:
                return
            pc = pc + 4 & MASK64
            if insn.branch_to is not None:
                condition, target = insn.branch_to
                self.is_loop |= target == self.start
                if condition is None:
                    pc = target
            self._after = pc
            if pc in seen or pc in stops or pc & _PAGE != self.start & _PAGE:
                return

    def _emit(self, text: str, place: tuple[int, int]) -> None:
        self._lines.append(text)
        self._places.append(place)

    def _write(self) -> None:
        head = (self.start, 0)
        load = ";".join(f"r{i}=R[{i}]" for i in sorted(self._used))
        self._save = ";".join(f"R[{i}]=r{i}" for i in sorted(self._written)) or "pass"
        self._emit(f"def {_NAME}(left):", head)
        self._emit(" a=0", head)
        self._emit(f" {load or 'pass'}", head)
        self._emit(" try:", head)
        indent = "  "
        if self.is_loop:
            self._emit("  while True:", head)
            indent = "   "
        for done, insn in enumerate(self.insns):
            self._insn(insn, done, indent)
        last = self.insns[-1]
        place = (last.at, len(self.insns) - 1)
        if last.is_call:
            self._leave(str(last.at + 4 & MASK64), len(self.insns), indent, place, 1)
        elif last.jump_to:
            self._leave(last.jump_to, len(self.insns), indent, place)
        elif self.is_loop and self._after == self.start:
            self._again(len(self.insns), indent, place)
        else:
            self._leave(str(self._after), len(self.insns), indent, place)
        self._emit(" except BaseException:", head)
        self._emit(f"  {self._save}", head)
        self._emit("  failed(left,a)", head)
        self._emit("  raise", head)

    def _insn(self, insn: PythonBuilder, done: int, indent: str) -> None:
        place = (insn.at, done)
        for line in insn.lines:
            self._emit(indent + line.replace("DONE", str(done)), place)
        if insn.branch_to is None:
            return
        condition, target = insn.branch_to
        if condition is None:
            return
        self._emit(f"{indent}if {condition}:", place)
        if target == self.start:
            self._again(done + 1, indent + " ", place)
        else:
            self._leave(str(target), done + 1, indent + " ", place)

    def _leave(
        self, pc: str, done: int, indent: str, place: tuple[int, int], call: int = 0
    ) -> None:
        if self._written:
            self._emit(indent + self._save, place)
        self._emit(f"{indent}return {pc},left-{done},{call}", place)

    def _again(self, done: int, indent: str, place: tuple[int, int]) -> None:
        """Back to the start, if the budget allows another whole pass."""
        self._emit(f"{indent}left-={done}", place)
        self._emit(f"{indent}if left>={len(self.insns)}: continue", place)
        self._leave(str(self.start), 0, indent, place)

    def compile(self, names: dict[str, Any]) -> Block:
        """The block, with `names` as its globals."""
        code = compile("\n".join(self._lines), "<loongarch64>", "exec")
        exec(code, names)  # source made above from the table only
        return Block(names[_NAME], len(self.insns), self._places)


def _translate(word: int, pc: int) -> PythonBuilder:
    """The instruction in `word`; an undefined one becomes a stop."""
    insn = decode(word)
    if insn is not None:
        builder = PythonBuilder(insn, pc)
        SEMANTICS[insn.row.name](builder)
        return builder
    nothing = decode(0x0340_0000)  # andi r0, r0, 0
    assert nothing is not None
    builder = PythonBuilder(nothing, pc)
    cause = Cause.VECTOR if is_vector(word) else Cause.ILLEGAL
    builder.lines.append(f"stop({int(cause)})")
    return builder
