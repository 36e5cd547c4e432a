"""The code listing: one function's instructions, with labels and source lines between them.

Disassembly is done on the session's thread from the bytes in guest memory (so patched code is
shown as it is), and kept as long as those bytes stay the same. capstone is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from arcetui.state import CodeLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.machine.arch import Arch

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


def _capstone(arch: str) -> Any:
    """A disassembler, or None where capstone has none."""
    import capstone as cs

    modes = {
        "x86_64": (cs.CS_ARCH_X86, cs.CS_MODE_64),
        "riscv64": (cs.CS_ARCH_RISCV, cs.CS_MODE_RISCV64 | cs.CS_MODE_RISCVC),
        "aarch64": (cs.CS_ARCH_ARM64, cs.CS_MODE_ARM),
    }
    if arch not in modes:
        return None
    engine = cs.Cs(*modes[arch])
    engine.skipdata = True
    return engine


class Listing:
    """Makes the lines of the code pane."""

    def __init__(self, arch: Arch, names: Names) -> None:
        self._arch = arch
        self._names = names
        self._engine: Any = None
        self._loaded = False
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
            return start, max(end, at + self._arch.max_insn_bytes)
        low, high = self._window
        if not low <= at < high - 64:
            back = WINDOW_BYTES // 4 if self._arch.insn_align >= 2 else 0
            self._window = (at - back, at - back + WINDOW_BYTES)
        return self._window

    def _make(self, start: int, data: bytes, at: int) -> tuple[CodeLine, ...]:
        decoded = self._decode(start, data)
        if not any(address == at for address, _, _, _ in decoded) and start < at < start + len(
            data
        ):
            # Out of step (variable-length instructions): decode again from the address itself.
            cut = at - start
            before = [d for d in decoded if d[0] + d[1] <= at]
            decoded = before + self._decode(at, data[cut:])
        lines: list[CodeLine] = []
        last_line: tuple[str, int] | None = None
        for address, size, mnemonic, operands in decoded:
            found = self._names.function(address)
            if found is not None and found[1] == address:
                lines.append(CodeLine(address, "label", found[0]))
            line = self._names.line(address)
            if line is not None and line != last_line:
                last_line = line
                source = self._names.text(*line)
                file = line[0].rsplit("/", 1)[-1]
                lines.append(CodeLine(address, "source", f"{file}:{line[1]}  {source}".rstrip()))
            raw = data[address - start : address - start + size]
            lines.append(
                CodeLine(address, "insn", mnemonic, operands, self._comment(operands), raw)
            )
        return tuple(lines)

    def _decode(self, start: int, data: bytes) -> list[tuple[int, int, str, str]]:
        if not self._loaded:
            self._engine, self._loaded = _capstone(self._arch.name), True
        if self._engine is None:
            step = self._arch.insn_align if self._arch.insn_align > 2 else 4
            return [
                (start + i, step, ".word", f"0x{int.from_bytes(data[i : i + step], 'little'):08x}")
                for i in range(0, len(data) - step + 1, step)
            ]
        return list(self._engine.disasm_lite(data, start))

    def _comment(self, operands: str) -> str:
        """The symbol a branch goes to."""
        _, mark, digits = operands.rpartition("0x")
        if not mark:
            return ""
        digits = digits.split("]")[0].split(",")[0]
        try:
            value = int(digits, 16)
        except ValueError:
            return ""
        found = self._names.function(value)
        if found is None:
            return ""
        offset = value - found[1]
        return found[0] + (f"+{offset:#x}" if offset else "")
