"""LLVM IR as text: values, instructions, labels."""

from __future__ import annotations

from typing import Final

from kernel.machine.engines.loongarch64.builder import Value

#: Every handler: the CPU, its record, instructions left, pc minus record address / 4.
PARAMETERS: Final = "(ptr %cpu, ptr %ip, i64 %left, i64 %bias)"
FLOAT_TYPES: Final = {32: "float", 64: "double"}


class Text:
    """The body of a function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names = 0
        self._labels = 0

    def put(self, line: str) -> None:
        """An instruction without a result."""
        self.lines.append("  " + line)

    def name(self, expression: str) -> str:
        """An instruction's result."""
        self._names += 1
        self.put(f"%t{self._names} = {expression}")
        return f"%t{self._names}"

    def value(self, expression: str, bits: int) -> Value:
        """The same, with its width."""
        return Value(self.name(expression), bits)

    def label(self) -> str:
        """A new label's name."""
        self._labels += 1
        return f"L{self._labels}"

    def place(self, label: str) -> None:
        """Here."""
        self.lines.append(f"{label}:")

    def fork(self, condition: Value, yes: str, no: str, weights: str = "") -> None:
        """Conditional branch; weights "!0" says: hardly ever taken."""
        profile = f", !prof {weights}" if weights else ""
        self.put(f"br i1 {condition.text}, label %{yes}, label %{no}{profile}")

    def go(self, label: str) -> None:
        """Branch."""
        self.put(f"br label %{label}")

    def tail(
        self, function: str, ip: str = "%ip", left: str = "%left", bias: str = "%bias"
    ) -> None:
        """Go on in another handler."""
        arguments = f"(ptr %cpu, ptr {ip}, i64 {left}, i64 {bias})"
        self.put(f"musttail call void {function}{arguments}")
        self.put("ret void")

    def at(self, base: str, offset: int | str) -> str:
        """Address `offset` bytes after `base`."""
        return self.name(f"getelementptr i8, ptr {base}, i64 {offset}")

    def read(self, pointer: str, bits: int, align: int = 0) -> Value:
        """Load from host memory."""
        return self.value(f"load i{bits}, ptr {pointer}, align {align or bits // 8}", bits)

    def write_to(self, pointer: str, value: Value, align: int = 0) -> None:
        """Store to host memory."""
        size = align or max(value.bits // 8, 1)
        self.put(f"store i{value.bits} {value.text}, ptr {pointer}, align {size}")

    def read_cpu(self, offset: int, bits: int = 64) -> Value:
        """Load from the CPU block."""
        return self.read(self.at("%cpu", offset), bits)

    def write_cpu(self, offset: int, value: Value) -> None:
        """Store to the CPU block."""
        self.write_to(self.at("%cpu", offset), value)

    def function(self, name: str, *, linkage: str = "internal ", strict: bool = False) -> str:
        """The whole definition of a handler."""
        attributes = "nounwind strictfp" if strict else "nounwind"
        body = "\n".join(self.lines)
        return f'define {linkage}void @"{name}"{PARAMETERS} {attributes} {{\n{body}\n}}\n'


def literal(value: int, bits: int = 64) -> Value:
    """A constant."""
    value &= (1 << bits) - 1
    if bits == 1:
        return Value("true" if value else "false", 1)
    if value >> bits - 1:
        value -= 1 << bits
    return Value(str(value), bits)
