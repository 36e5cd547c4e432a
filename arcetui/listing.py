"""The code listing: one function's instructions, with labels and source lines between them.

Disassembly is done on the session's thread from the bytes in guest memory (so patched code is
shown as it is), and kept as long as those bytes stay the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from arcetui.state import CodeLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.control import Arch

#: Bytes shown when no symbol says where a function starts and ends, and the most of a function.
WINDOW_BYTES = 512
MOST_BYTES = 8192


class Names(Protocol):
    """What the listing asks of the symbols."""

    def function(self, address: int) -> tuple[str, int, int] | None:
        """Name, start and end of the function an address is in."""
        ...

    def line(self, address: int) -> tuple[str, int] | None:
        """Source file and line of an address."""
        ...

    def text(self, file: str, line: int) -> str:
        """A line of a source file; "" if it cannot be found."""
        ...

    def describe(self, address: int) -> str:
        """Symbol and offset of any address, also of data; "" if there is none."""
        ...


class NoNames:
    """A program without symbols."""

    def function(self, address: int) -> tuple[str, int, int] | None:
        """None."""
        return None

    def line(self, address: int) -> tuple[str, int] | None:
        """None."""
        return None

    def text(self, file: str, line: int) -> str:
        """Nothing."""
        return ""

    def describe(self, address: int) -> str:
        """Nothing."""
        return ""


class Listing:
    """Makes the lines of the code pane."""

    def __init__(self, arch: Arch, names: Names) -> None:
        self._arch = arch
        self._names = names
        self._kept: dict[tuple[int, bytes], tuple[CodeLine, ...]] = {}
        self._window = (0, 0)

    def where(self, pc: int) -> str:
        """Function, offset and source line of an address."""
        found = self._names.function(pc)
        line = self._names.line(pc)
        text = ""
        if found is not None:
            name, start, _ = found
            text = name + (f"+{pc - start:#x}" if pc != start else "")
        if line is not None:
            text += f" {line[0].rsplit('/', 1)[-1]}:{line[1]}"
        return text.strip()

    def lines(self, at: int, read: Callable[[int, int], bytes]) -> tuple[CodeLine, ...]:
        """The listing around an address.

        Args:
            at: An instruction's address.
            read: Guest memory: (address, bytes wanted) to the bytes that are mapped.
        """
        start, end = self._range(at)
        data = read(start, end - start)
        if not data and start != at:
            start = at
            data = read(at, WINDOW_BYTES)
        key = (start, data)
        lines = self._kept.get(key)
        if lines is None or not any(line.address == at for line in lines):
            lines = self._make(start, data, at)
            if len(self._kept) > 200:
                self._kept.clear()
            self._kept[key] = lines
        return lines

    def _range(self, at: int) -> tuple[int, int]:
        found = self._names.function(at)
        if found is not None:
            _, start, end = found
            if end <= at or end - start > MOST_BYTES:
                start, end = max(start, at - WINDOW_BYTES), at + WINDOW_BYTES
                if self._arch.insn_align == 1:
                    start = max(found[1], at - WINDOW_BYTES) if end <= MOST_BYTES else at
            return start, max(end, at + WINDOW_BYTES)
        low, high = self._window
        if not low <= at < high - 64:
            back = WINDOW_BYTES // 4 if self._arch.insn_align >= 2 else 0
            self._window = (at - back, at - back + WINDOW_BYTES)
        return self._window

    def _make(self, start: int, data: bytes, at: int) -> tuple[CodeLine, ...]:
        from arcetui.disassembly import disassemble

        arch = self._arch.name
        decoded = disassemble(arch, data, start)
        if not any(insn.address == at for insn in decoded) and start < at < start + len(data):
            # Out of step (variable-length instructions): decode again from the address itself.
            before = [insn for insn in decoded if insn.end <= at]
            decoded = before + disassemble(arch, data[at - start :], at)
        while decoded and decoded[-1].mnemonic in (".byte", ".half", ".word"):
            decoded.pop()  # the window cut the last instruction
        lines: list[CodeLine] = []
        last_line: tuple[str, int] | None = None
        for insn in decoded:
            found = self._names.function(insn.address)
            if found is not None and found[1] == insn.address:
                lines.append(CodeLine(insn.address, "label", found[0]))
            line = self._names.line(insn.address)
            if line is not None and line != last_line:
                last_line = line
                source = self._names.text(*line).expandtabs(4).strip()
                file = line[0].rsplit("/", 1)[-1]
                text = f"{file}:{line[1]}  {source}".rstrip()
                lines.append(CodeLine(insn.address, "source", text))
            comment = self._target(insn.target) if insn.target else ""
            if comment.startswith("0x") and comment in insn.operands:
                comment = ""  # no symbol, and the address stands there already
            lines.append(
                CodeLine(insn.address, "insn", insn.mnemonic, insn.operands, comment, insn.data)
            )
        return tuple(lines)

    def _target(self, address: int) -> str:
        """What a branch goes to: a symbol, or the bare address."""
        found = self._names.function(address)
        if found is None:
            return f"{address:#x}"
        offset = address - found[1]
        return found[0] + (f"+{offset:#x}" if offset else "")
